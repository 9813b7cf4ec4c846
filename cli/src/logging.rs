//! Logging as operators of Mesos know it: the line form, the levels and the files of glog.
//!
//! Mirrors `src/logging/logging.cpp`.
//!
//! # Wire
//! A line is `LMMDD hh:mm:ss.uuuuuu thread file:line] message` with L one of I, W, E.
//! Log shippers parse it. Times are UTC.

use std::io;
use std::sync::{Arc, OnceLock};

use libprocess_otlp::{Otlp, OtlpError};
use mesos_common::flags::LoggingFlags;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

mod files;
mod line;

use files::LogFiles;
use line::GlogLine;

/// Name of the variable with filters in the form of `tracing`, for developers.
const FILTER_VARIABLE: &str = "MESOS_LOG";

/// Name of the variable that asks for more than INFO: 1 for debugging, 2 for everything.
const VERBOSITY_VARIABLE: &str = "GLOG_v";

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The directory of `--log_dir` cannot be made.
    #[error("Could not initialize logging: Failed to create directory '{path}'")]
    Directory {
        /// The directory.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The variables of OpenTelemetry make no sense.
    #[error("Could not initialize tracing")]
    Traces(#[from] OtlpError),
    /// Logging was set up before.
    #[error("Could not initialize logging")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// The way of traces to a collector: as global as the subscriber that it belongs to.
static TRACES: OnceLock<Otlp> = OnceLock::new();

/// The way of traces to a collector, when the variables of OpenTelemetry name one.
pub(crate) fn traces() -> Option<&'static Otlp> {
    TRACES.get()
}

/// Makes a running program log more or less.
#[derive(Clone)]
pub struct Verbosity(Arc<dyn Fn(u32) + Send + Sync>);

impl Verbosity {
    /// Sets the level of glog's `v`: 0 is what the flags say, 1 is debugging, 2 is everything.
    pub fn set(&self, level: u32) {
        (self.0)(level);
    }
}

impl std::fmt::Debug for Verbosity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verbosity")
    }
}

/// Sets up logging of this operating-system process for one program.
///
/// # Errors
/// When the log directory cannot be made, or when this was called before.
pub fn initialize(program: &str, flags: &LoggingFlags) -> Result<Verbosity, LoggingError> {
    let mut layers = Vec::new();
    if let Some(directory) = &flags.log_dir {
        layers.push(layer(BoxMakeWriter::new(LogFiles::open(
            directory.as_ref(),
            program,
        )?)));
    }
    if !flags.quiet {
        layers.push(layer(BoxMakeWriter::new(io::stderr)));
    }
    let usual = usual_level(&flags.logging_level);
    let (filter, handle) = reload::Layer::new(filter(usual));
    let traces = Otlp::from_environment(program)?;
    tracing_subscriber::registry()
        .with(layers.with_filter(filter))
        .with(traces.as_ref().map(Otlp::layer))
        .try_init()
        .map_err(LoggingError::Twice)?;
    if let Some(traces) = traces {
        // The subscriber was not set before, so this was not either.
        let _ = TRACES.set(traces);
    }
    Ok(Verbosity(Arc::new(move |verbosity| {
        let level = match verbosity {
            0 => usual,
            1 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        // It fails only when logging has ended, and then nobody minds.
        let _ = handle.reload(self::filter(level));
    })))
}

fn layer(writer: BoxMakeWriter) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = fmt::layer().event_format(GlogLine::default());
    layer.with_ansi(false).with_writer(writer).boxed()
}

/// The level that the flag and `GLOG_v` ask for.
fn usual_level(flag: &str) -> LevelFilter {
    match (flag, std::env::var(VERBOSITY_VARIABLE).as_deref()) {
        ("WARNING", _) => LevelFilter::WARN,
        ("ERROR", _) => LevelFilter::ERROR,
        (_, Err(_) | Ok("" | "0")) => LevelFilter::INFO,
        (_, Ok("1")) => LevelFilter::DEBUG,
        (_, Ok(_)) => LevelFilter::TRACE,
    }
}

/// What to log: this level, and what `MESOS_LOG` says for single targets.
fn filter(level: LevelFilter) -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var(FILTER_VARIABLE)
        .from_env_lossy()
}
