//! The flags that steer logging; master, agent, executors and drivers share them.
//!
//! Mirrors `src/logging/flags.cpp`.

use crate::flags::{Access, FlagValue, Preset, Row, is_boolean, type_name_of};

/// Values of the logging flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggingFlags {
    /// Value of `--quiet`.
    pub quiet: bool,
    /// Value of `--logging_level`.
    pub logging_level: String,
    /// Value of `--log_dir`.
    pub log_dir: Option<String>,
    /// Value of `--logbufsecs`.
    pub logbufsecs: i32,
    /// Value of `--initialize_driver_logging`.
    pub initialize_driver_logging: bool,
    /// Value of `--external_log_file`.
    pub external_log_file: Option<String>,
}

/// A struct of flags that holds the logging flags.
pub trait HasLogging {
    /// The logging flags.
    fn logging(&self) -> &LoggingFlags;
    /// The logging flags, to be filled by the loader.
    fn logging_mut(&mut self) -> &mut LoggingFlags;
}

macro_rules! logging_flag {
    ($field:ident, $preset:expr, $help:expr) => {
        Row::new(
            stringify!($field),
            $preset,
            $help,
            Access {
                load: |flags: &mut F, text, context| {
                    FlagValue::load(&mut flags.logging_mut().$field, text, context)
                },
                print: |flags: &F| FlagValue::print(&flags.logging().$field),
                type_name: type_name_of(|logging: &LoggingFlags| &logging.$field),
                boolean: is_boolean(|logging: &LoggingFlags| &logging.$field),
            },
        )
    };
}

/// The rows of the logging flags, for any program.
#[must_use]
pub const fn logging_rows<F: HasLogging>() -> [Row<F>; 6] {
    [
        logging_flag!(
            quiet,
            Preset::Text("false"),
            "Do not log to standard error."
        ),
        logging_flag!(
            logging_level,
            Preset::Text("INFO"),
            "The lowest level to log: `INFO`, `WARNING` or `ERROR`."
        )
        .rule(level),
        logging_flag!(
            log_dir,
            Preset::Unset,
            "Directory for log files. Without it nothing is logged to disk.\n\
             Logging to standard error goes on beside it."
        ),
        logging_flag!(
            logbufsecs,
            Preset::Text("0"),
            "How many seconds log lines may stay in a buffer. Lines are written at once."
        )
        .not_yet(),
        logging_flag!(
            initialize_driver_logging,
            Preset::Text("true"),
            "Whether scheduler and executor drivers set up logging by themselves."
        )
        .not_yet(),
        logging_flag!(
            external_log_file,
            Preset::Unset,
            "A log file that something else writes, such as a syslog daemon.\n\
             The web interface and `/state` show it in place of the one in `--log_dir`."
        ),
    ]
}

fn level<F: HasLogging>(flags: &F) -> Result<(), String> {
    match flags.logging().logging_level.as_str() {
        "INFO" | "WARNING" | "ERROR" => Ok(()),
        other => Err(format!(
            "'{other}' is not a valid logging level. Possible values for \
             'logging_level' flag are: 'INFO', 'WARNING', 'ERROR'."
        )),
    }
}
