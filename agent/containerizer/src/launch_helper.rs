//! Becomes the container: waits for the agent, applies the launch information and runs the command.
//!
//! Mirrors `src/slave/containerizer/mesos/launch.cpp`, the `mesos-containerizer launch` program.
//!
//! # Flags
//! Each as `--name=value` or as `MESOS_CONTAINERIZER_NAME`:
//! - `launch_info`: a `ContainerLaunchInfo` in JSON; without it the file of that name in the runtime directory is read.
//! - `runtime_directory`: where `launch_info` lies and where `status` is written; without it the command replaces this program.
//! - `pipe_read`: the descriptor of the pipe on which the agent writes one byte to let the command start.
//! - `pipe_write`: a descriptor of the other end of that pipe, which is closed.
//!
//! # Exit
//! Failures go to standard error, which is the sandbox's `stderr`, and end the helper with status 1.

mod command;
mod environment;
mod files;
mod init;
mod privileges;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    os::fd::RawFd,
    path::PathBuf,
    process::ExitCode,
};

use mesos_linux::descriptor;
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json};
use thiserror::Error;

use crate::{launch_info::ContainerLaunchInfo, paths, state_file};

/// The container cannot start.
#[derive(Debug, Error)]
pub enum HelperError {
    /// No such subcommand.
    #[error("unknown subcommand '{0}', the helper knows 'launch'")]
    UnknownSubcommand(String),
    /// An argument is not `--name=value`.
    #[error("failed to load unknown flag '{0}'")]
    UnknownFlag(String),
    /// A descriptor's number is none.
    #[error("flag --{flag} is not a descriptor: '{value}'")]
    Descriptor {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
    },
    /// Nothing says what to launch.
    #[error("flag --launch_info is not specified")]
    MissingLaunchInfo,
    /// The launch information cannot be read.
    #[error("failed to parse launch info: {0}")]
    LaunchInfo(String),
    /// The launch information names no command.
    #[error("launch command is not specified")]
    MissingCommand,
    /// A command without a program.
    #[error("launch command value is not specified")]
    MissingValue,
    /// The agent went away before it gave the go.
    #[error("failed to synchronize with agent (it's probably exited)")]
    AgentGone,
    /// Something that this host's helper cannot do.
    #[error("{0} is not supported by this launcher")]
    Unsupported(&'static str),
    /// A system call failed.
    #[error("failed to {what}")]
    System {
        /// What was attempted.
        what: String,
        /// The answer of the system.
        #[source]
        source: io::Error,
    },
    /// A command that had to run before the container failed.
    #[error("failed to execute pre-exec command '{0}'")]
    PreExec(String),
}

impl HelperError {
    fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            what: what.into(),
            source,
        }
    }

    fn errno(what: impl Into<String>) -> impl FnOnce(nix::errno::Errno) -> Self {
        move |errno| Self::System {
            what: what.into(),
            source: errno.into(),
        }
    }
}

/// What the helper was asked to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    launch_info: Option<String>,
    runtime_directory: Option<PathBuf>,
    pipe_read: Option<RawFd>,
    pipe_write: Option<RawFd>,
}

/// Runs the helper; `args` begin with the subcommand.
pub fn run(args: &[String]) -> ExitCode {
    match launch(args) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "standard error is the sandbox's stderr"
)]
fn report(error: &HelperError) {
    match std::error::Error::source(error) {
        Some(source) => eprintln!("{error}: {source}"),
        None => eprintln!("{error}"),
    }
}

fn launch(args: &[String]) -> Result<ExitCode, HelperError> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let options = parse(args, &environment)?;
    // Opened before privileges are dropped, written after the command has ended.
    let status = options
        .runtime_directory
        .as_deref()
        .map(init::StatusFile::create)
        .transpose()?;
    let result = start(&options, status.as_ref());
    if let (Err(_), Some(status)) = (&result, &status) {
        // The agent reads this instead of the exit status of the helper.
        status.write(init::FAILED)?;
    }
    result
}

fn start(options: &Options, status: Option<&init::StatusFile>) -> Result<ExitCode, HelperError> {
    if status.is_some() {
        // The leader of a process group cannot; it stays in the session it has.
        let _in_new_session = nix::unistd::setsid();
    }
    let info = launch_info(options)?;
    refuse_unsupported(&info)?;
    wait_for_agent(options)?;
    let terminal = init::terminal(&info)?;
    files::perform(&info)?;
    command::run_pre_exec(&info)?;
    privileges::apply(&info)?;
    let command = command::build(&info)?;
    match status {
        Some(status) => init::supervise(&command, status, terminal),
        None => init::replace(&command, terminal.as_ref()),
    }
}

fn parse(args: &[String], environment: &BTreeMap<String, String>) -> Result<Options, HelperError> {
    let from_environment = |name: &str| {
        environment
            .get(&format!("MESOS_CONTAINERIZER_{name}"))
            .cloned()
    };
    let mut options = Options {
        launch_info: from_environment("LAUNCH_INFO"),
        runtime_directory: from_environment("RUNTIME_DIRECTORY").map(PathBuf::from),
        pipe_read: from_environment("PIPE_READ")
            .map(|value| number("pipe_read", &value))
            .transpose()?,
        pipe_write: from_environment("PIPE_WRITE")
            .map(|value| number("pipe_write", &value))
            .transpose()?,
    };
    let mut args = args.iter();
    match args.next().map(String::as_str) {
        Some("launch") => {}
        other => {
            return Err(HelperError::UnknownSubcommand(
                other.unwrap_or_default().to_owned(),
            ));
        }
    }
    for argument in args {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        match name {
            "--launch_info" => options.launch_info = Some(value.to_owned()),
            "--runtime_directory" => options.runtime_directory = Some(PathBuf::from(value)),
            "--pipe_read" => options.pipe_read = Some(number("pipe_read", value)?),
            "--pipe_write" => options.pipe_write = Some(number("pipe_write", value)?),
            _ => {
                return Err(HelperError::UnknownFlag(
                    name.trim_start_matches('-').to_owned(),
                ));
            }
        }
    }
    Ok(options)
}

fn number(flag: &'static str, value: &str) -> Result<RawFd, HelperError> {
    value.parse().map_err(|_no_number| HelperError::Descriptor {
        flag,
        value: value.to_owned(),
    })
}

fn launch_info(options: &Options) -> Result<ContainerLaunchInfo, HelperError> {
    if let Some(text) = &options.launch_info {
        return ContainerLaunchInfo::read_json(Dialect::V0, text.as_bytes())
            .map_err(|error| HelperError::LaunchInfo(error.to_string()));
    }
    let Some(runtime) = &options.runtime_directory else {
        return Err(HelperError::MissingLaunchInfo);
    };
    state_file::read_message(&paths::launch_info_file(runtime))
        .map_err(|error| HelperError::LaunchInfo(error.to_string()))?
        .ok_or(HelperError::MissingLaunchInfo)
}

/// Names the first request that needs the Linux launcher.
fn refuse_unsupported(info: &ContainerLaunchInfo) -> Result<(), HelperError> {
    let asked = [
        (info.rootfs.is_some(), "a root file system"),
        (!info.clone_namespaces.is_empty(), "a new namespace"),
        (
            !info.enter_namespaces.is_empty(),
            "another container's namespace",
        ),
        (!info.mounts.is_empty(), "a mount"),
        (!info.masked_paths.is_empty(), "a masked path"),
        (info.seccomp_profile.is_some(), "a seccomp profile"),
        (
            info.effective_capabilities.is_some(),
            "a set of capabilities",
        ),
        (
            info.bounding_capabilities.is_some(),
            "a set of capabilities",
        ),
    ];
    match asked.into_iter().find(|(asked, _)| *asked) {
        Some((_, what)) => Err(HelperError::Unsupported(what)),
        None => Ok(()),
    }
}

/// Waits for the agent's byte, when there is a pipe for it.
fn wait_for_agent(options: &Options) -> Result<(), HelperError> {
    let inherit = |number| {
        descriptor::inherit(number).map_err(HelperError::system("use the pipe of the agent"))
    };
    // Otherwise the end of the agent would not be seen.
    drop(options.pipe_write.map(inherit).transpose()?);
    let Some(pipe) = options.pipe_read.map(inherit).transpose()? else {
        return Ok(());
    };
    let mut byte = [0];
    match File::from(pipe).read_exact(&mut byte) {
        Ok(()) => Ok(()),
        Err(_) => Err(HelperError::AgentGone),
    }
}

/// Opens the terminal that becomes the command's standard streams.
fn open_terminal(path: &str) -> Result<File, HelperError> {
    File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(HelperError::system(format!("open terminal '{path}'")))
}

fn user_of(info: &ContainerLaunchInfo) -> Option<&str> {
    info.user.as_deref()
}

fn command_of(info: &ContainerLaunchInfo) -> Result<&v1::CommandInfo, HelperError> {
    info.command.as_deref().ok_or(HelperError::MissingCommand)
}

#[cfg(test)]
mod tests;
