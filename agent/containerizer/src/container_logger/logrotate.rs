//! Keeps the output of containers in files that `logrotate` keeps small.
//!
//! Mirrors `src/slave/container_loggers/lib_logrotate.cpp`.
//! Two programs for each container read its outputs from pipes, so that the output is kept while the agent is away.

pub mod program;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use libprocess::{
    Runtime,
    subprocess::{Io, SubprocessBuilder},
};
use mesos_common::flags::{LoadError, Row, Source, load};
use mesos_common::{bytes::ByteSize, flag, flag_struct};
use mesos_proto::v1::CommandInfo;
use thiserror::Error;

use super::ContainerLogger;
use crate::{
    ContainerId,
    launch_info::ContainerConfig,
    launcher::{ContainerOutput, Sink},
    programs::{self, MissingProgram, Program},
};

/// The name of the program that keeps one output.
pub const PROGRAM: &str = "mesos-logrotate-logger";

flag_struct! {
    /// What a container may ask for itself, and what it gets otherwise.
    pub struct LoggerFlags {
        max_stdout_size: ByteSize,
        logrotate_stdout_options: Option<String>,
        max_stderr_size: ByteSize,
        logrotate_stderr_options: Option<String>,
        environment_variable_prefix: String,
        launcher_dir: Option<String>,
        logrotate_path: String,
        libprocess_num_worker_threads: u64,
    }
    groups: [ROWS]
}

const ROWS: &[Row<LoggerFlags>] = &[
    flag!(
        LoggerFlags.max_stdout_size = "10MB",
        "Size of a file of output."
    ),
    flag!(
        LoggerFlags.logrotate_stdout_options,
        "Options of logrotate for the output."
    ),
    flag!(
        LoggerFlags.max_stderr_size = "10MB",
        "Size of a file of error output."
    ),
    flag!(
        LoggerFlags.logrotate_stderr_options,
        "Options of logrotate for the error output."
    ),
    flag!(
        LoggerFlags.environment_variable_prefix = "CONTAINER_LOGGER_",
        "How variables of a container begin that are for its logger."
    ),
    flag!(
        LoggerFlags.launcher_dir,
        "Directory of helper programs. That of the agent is the default."
    ),
    flag!(
        LoggerFlags.logrotate_path = "logrotate",
        "The program `logrotate`."
    ),
    flag!(
        LoggerFlags.libprocess_num_worker_threads = "8",
        "Taken for compatibility. The program needs one thread."
    ),
];

/// The settings of a logger cannot be used.
#[derive(Debug, Error)]
pub enum LogrotateError {
    /// One is unreadable or unknown.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A size is too small for the buffer in front of it.
    #[error("Expected --max_stdout_size and --max_stderr_size of at least {0} bytes")]
    Size(u64),
    /// There must be a thread.
    #[error("Expected --libprocess_num_worker_threads of at least 1")]
    Threads,
    /// The program is not in the directory that was named.
    #[error("Cannot find: {}", .0.display())]
    NoProgram(PathBuf),
    /// There is no `logrotate`.
    #[error("Failed to check logrotate: '{0} --help' failed")]
    NoLogrotate(String),
}

/// The logger that limits the size of output.
#[derive(Clone)]
#[doc(alias = "LogrotateContainerLoggerProcess")]
pub struct LogrotateContainerLogger {
    runtime: Runtime,
    launcher_dir: PathBuf,
    parameters: BTreeMap<String, String>,
    flags: LoggerFlags,
}

impl std::fmt::Debug for LogrotateContainerLogger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogrotateContainerLogger")
            .field("flags", &self.flags)
            .finish_non_exhaustive()
    }
}

impl LogrotateContainerLogger {
    /// A logger with the parameters of its module.
    ///
    /// # Errors
    /// [`LogrotateError`] names the parameter that cannot be used.
    pub fn new(
        runtime: &Runtime,
        launcher_dir: &Path,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, LogrotateError> {
        let flags = read(parameters)?;
        if flags.libprocess_num_worker_threads == 0 {
            return Err(LogrotateError::Threads);
        }
        if let Some(named) = &flags.launcher_dir {
            let program = Path::new(named).join(PROGRAM);
            if !program.is_file() {
                return Err(LogrotateError::NoProgram(program));
            }
        }
        program::check_logrotate(&flags.logrotate_path)?;
        Ok(Self {
            runtime: runtime.clone(),
            launcher_dir: flags
                .launcher_dir
                .as_ref()
                .map_or_else(|| launcher_dir.to_owned(), PathBuf::from),
            parameters: parameters.clone(),
            flags,
        })
    }

    /// The settings for one container: its own variables win.
    fn settings(&self, command: &CommandInfo) -> Result<LoggerFlags, LogrotateError> {
        let prefix = &self.flags.environment_variable_prefix;
        let mut parameters = self.parameters.clone();
        for variable in &command.environment().variables {
            if let Some(name) = variable.name().strip_prefix(prefix.as_str()) {
                parameters.insert(name.to_lowercase(), variable.value().to_owned());
            }
        }
        read(&parameters)
    }

    fn start(&self, program: &Program, output: &Output<'_>) -> io::Result<OwnedFd> {
        let (read, write) = io::pipe()?;
        let size = output.max_size.to_string();
        let mut flags = vec![
            ("max_size", size.as_str()),
            ("log_filename", output.file),
            ("logrotate_path", &self.flags.logrotate_path),
        ];
        flags.extend(output.options.map(|options| ("logrotate_options", options)));
        flags.extend(output.user.map(|user| ("user", user)));
        SubprocessBuilder::exec(&program.path, [&program.name])
            .flags(flags)
            .environment(self.environment(std::env::vars_os()))
            .own_session()
            .stdin(Io::Descriptor(read.into()))
            .stdout(Io::Null)
            .stderr(Io::Inherit)
            .spawn(&self.runtime)
            .map_err(io::Error::other)?;
        Ok(write.into())
    }

    /// The agent's own variables without those that are for the agent.
    fn environment(
        &self,
        own: impl Iterator<Item = (OsString, OsString)>,
    ) -> impl Iterator<Item = (OsString, OsString)> {
        let threads = self.flags.libprocess_num_worker_threads.to_string();
        let for_agent = |name: &OsString| {
            let name = name.to_string_lossy();
            name.starts_with("LIBPROCESS_") || name.starts_with("MESOS_")
        };
        own.filter(move |(name, _)| !for_agent(name)).chain([
            ("LIBPROCESS_IP".into(), "127.0.0.1".into()),
            ("LIBPROCESS_NUM_WORKER_THREADS".into(), threads.into()),
        ])
    }
}

/// One output of a container.
struct Output<'o> {
    file: &'o str,
    max_size: ByteSize,
    options: Option<&'o str>,
    user: Option<&'o str>,
}

impl ContainerLogger for LogrotateContainerLogger {
    fn prepare(&self, _id: &ContainerId, config: &ContainerConfig) -> io::Result<ContainerOutput> {
        let settings = self.settings(config.command_info()).map_err(|error| {
            io::Error::other(format!("Failed to load container logger settings: {error}"))
        })?;
        let program = programs::resolve(&self.launcher_dir, PROGRAM)
            .map_err(|error: MissingProgram| io::Error::other(error))?;
        let file = |name: &str| {
            let path = Path::new(config.directory()).join(name);
            path.display().to_string()
        };
        let start = |name, max_size, options: Option<&str>| {
            let output = Output {
                file: &file(name),
                max_size,
                options,
                user: config.user.as_deref(),
            };
            self.start(&program, &output)
                .map(|write| Sink::File(File::from(write)))
        };
        let (out, err) = (
            settings.logrotate_stdout_options.as_deref(),
            settings.logrotate_stderr_options.as_deref(),
        );
        // When the second fails, the first sees the end of its input and ends.
        Ok(ContainerOutput {
            out: start("stdout", settings.max_stdout_size, out)?,
            err: start("stderr", settings.max_stderr_size, err)?,
        })
    }
}

fn read(parameters: &BTreeMap<String, String>) -> Result<LoggerFlags, LogrotateError> {
    let arguments = parameters
        .iter()
        .map(|(name, value)| format!("--{name}={value}"));
    let loading = load::<LoggerFlags>(&Source::arguments(arguments));
    if let Some(error) = loading.error {
        return Err(error.into());
    }
    let flags = loading.flags;
    let page = procfs::page_size();
    if flags.max_stdout_size.bytes() < page || flags.max_stderr_size.bytes() < page {
        return Err(LogrotateError::Size(page));
    }
    Ok(flags)
}

/// Asks `logrotate` for its help, to see that it is there.
fn answers(logrotate: &str) -> bool {
    let asked = Command::new("sh")
        .args(["-c", &format!("{logrotate} --help")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(given: &[(&str, &str)]) -> BTreeMap<String, String> {
        given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn refusal(given: &[(&str, &str)]) -> String {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .start()
            .expect("runtime");
        let made = LogrotateContainerLogger::new(&runtime, Path::new("/"), &parameters(given));
        made.expect_err("refused").to_string()
    }

    #[test]
    fn parameters_are_refused_with_the_texts_of_mesos() {
        let page = procfs::page_size();

        assert_eq!(
            refusal(&[("max_stdout_size", "1B")]),
            format!("Expected --max_stdout_size and --max_stderr_size of at least {page} bytes")
        );
        assert_eq!(
            refusal(&[("libprocess_num_worker_threads", "0")]),
            "Expected --libprocess_num_worker_threads of at least 1"
        );
        assert_eq!(
            refusal(&[("launcher_dir", "/nowhere")]),
            "Cannot find: /nowhere/mesos-logrotate-logger"
        );
        assert_eq!(
            refusal(&[("logrotate_path", "/nowhere/logrotate")]),
            "Failed to check logrotate: '/nowhere/logrotate --help' failed"
        );
    }

    #[test]
    fn variables_of_a_container_win() {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .start()
            .expect("runtime");
        let given = parameters(&[("max_stdout_size", "20MB"), ("logrotate_path", "true")]);
        let logger =
            LogrotateContainerLogger::new(&runtime, Path::new("/"), &given).expect("a logger");
        let command = |name: &str| CommandInfo {
            environment: Some(mesos_proto::v1::Environment {
                variables: vec![mesos_proto::v1::environment::Variable {
                    name: Some(name.to_owned()),
                    value: Some("30MB".to_owned()),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        };

        let settings = logger.settings(&command("CONTAINER_LOGGER_MAX_STDERR_SIZE"));
        let unknown = logger.settings(&command("CONTAINER_LOGGER_COLOUR"));

        let settings = settings.expect("known");
        assert_eq!(settings.max_stdout_size, ByteSize::from_megabytes(20));
        assert_eq!(settings.max_stderr_size, ByteSize::from_megabytes(30));
        assert!(unknown.is_err());
    }
}
