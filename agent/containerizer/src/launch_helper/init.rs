//! Runs the command as the container's first process, or in place of the helper.
//!
//! With a runtime directory the helper stays as the init of the container: it reaps everything, forwards signals to the
//! command and writes the command's wait status to `status` when it ends.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::{
        fd::AsRawFd,
        unix::{fs::OpenOptionsExt, process::CommandExt},
    },
    path::Path,
    process::ExitCode,
};

use nix::{
    errno::Errno,
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp},
    sys::signal::{SigSet, Signal, kill},
    unistd::Pid,
};
use rustix::process::{WaitOptions, ioctl_tiocsctty, wait};

use super::{
    HelperError,
    command::{self, Execution},
    open_terminal,
};
use crate::{launch_info::ContainerLaunchInfo, paths};

/// The raw wait status of a program that ended with status 1.
pub(super) const FAILED: i32 = 1 << 8;

/// The file that tells the agent how the command ended.
#[derive(Debug)]
pub(super) struct StatusFile(File);

impl StatusFile {
    /// Creates the file, empty: an agent that finds it so knows that the init was killed.
    pub(super) fn create(runtime: &Path) -> Result<Self, HelperError> {
        OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(paths::status_file(runtime))
            .map(Self)
            .map_err(HelperError::system("create the status file"))
    }

    /// Writes a raw wait status in decimal.
    pub(super) fn write(&self, status: i32) -> Result<(), HelperError> {
        (&self.0)
            .write_all(status.to_string().as_bytes())
            .map_err(HelperError::system("write the status file"))
    }
}

/// Opens the container's terminal; it becomes the controlling terminal of the new session.
pub(super) fn terminal(info: &ContainerLaunchInfo) -> Result<Option<File>, HelperError> {
    let Some(path) = info.tty_agent_path.as_deref() else {
        return Ok(None);
    };
    let terminal = open_terminal(path)?;
    ioctl_tiocsctty(&terminal)
        .map_err(|errno| HelperError::system("set control tty")(errno.into()))?;
    Ok(Some(terminal))
}

/// Replaces the helper by the command.
pub(super) fn replace(
    execution: &Execution,
    terminal: Option<&File>,
) -> Result<ExitCode, HelperError> {
    let mut command = execution.command();
    if let Some(terminal) = terminal {
        let copy = || {
            terminal
                .try_clone()
                .map_err(HelperError::system("attach the terminal"))
        };
        command.stdin(copy()?).stdout(copy()?).stderr(copy()?);
    }
    let error = command.exec();
    Err(HelperError::system(format!(
        "execute '{}'",
        execution.program.display()
    ))(error))
}

/// Starts the command and stays until it ends.
pub(super) fn supervise(
    execution: &Execution,
    status_file: &StatusFile,
    terminal: Option<File>,
) -> Result<ExitCode, HelperError> {
    let mut signals = SigSet::all();
    for kept in [Signal::SIGKILL, Signal::SIGSTOP] {
        signals.remove(kept);
    }
    signals
        .thread_block()
        .map_err(HelperError::errno("block signals"))?;
    let child = spawn(execution, terminal.as_ref())?;
    drop(terminal);
    let status = reap_until(child, &signals)?;
    status_file.write(status)?;
    Ok(ExitCode::SUCCESS)
}

/// Starts the command with no signal blocked: the standard library would hand on what is blocked here.
fn spawn(execution: &Execution, terminal: Option<&File>) -> Result<Pid, HelperError> {
    let what = format!("execute '{}'", execution.program.display());
    let failed = |errno: Errno| HelperError::errno(what.clone())(errno);
    let mut streams = PosixSpawnFileActions::init().map_err(failed)?;
    if let Some(terminal) = terminal {
        for stream in 0..3 {
            streams
                .add_dup2(terminal.as_raw_fd(), stream)
                .map_err(failed)?;
        }
    }
    let mut attributes = PosixSpawnAttr::init().map_err(failed)?;
    attributes
        .set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)
        .map_err(failed)?;
    attributes.set_sigmask(&SigSet::empty()).map_err(failed)?;
    // This program ignores the signal, as every Rust program does.
    let mut default = SigSet::empty();
    default.add(Signal::SIGPIPE);
    attributes.set_sigdefault(&default).map_err(failed)?;
    posix_spawnp(
        &command::raw(execution.program.clone().into_os_string())?,
        &streams,
        &attributes,
        &execution.raw_arguments()?,
        &execution.raw_environment()?,
    )
    .map_err(failed)
}

/// Reaps whatever ends, orphans included, and forwards signals until the command has ended.
fn reap_until(child: Pid, signals: &SigSet) -> Result<i32, HelperError> {
    loop {
        while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
            if ended.as_raw_nonzero().get() == child.as_raw() {
                return Ok(status.as_raw());
            }
        }
        let signal = signals
            .wait()
            .map_err(HelperError::errno("wait for signals"))?;
        if signal != Signal::SIGCHLD {
            // The command may end at this moment; the next turn sees it.
            let _forwarded = kill(child, signal);
        }
    }
}
