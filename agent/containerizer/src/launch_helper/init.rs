//! Runs the command as the container's first process, or in place of the helper.
//!
//! With a runtime directory the helper stays as the init of the container: it reaps everything, forwards signals to the
//! command and writes the command's wait status to `status` when it ends.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::{
        fs::OpenOptionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::Path,
    process::{Child, Command, ExitCode, ExitStatus},
};

use nix::sys::signal::{SigSet, Signal, kill};
use rustix::process::{WaitOptions, ioctl_tiocsctty, wait};

use super::{HelperError, open_terminal};
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

fn attach(command: &mut Command, terminal: &File) -> Result<(), HelperError> {
    let copy = || {
        terminal
            .try_clone()
            .map_err(HelperError::system("attach the terminal"))
    };
    command.stdin(copy()?).stdout(copy()?).stderr(copy()?);
    Ok(())
}

/// Replaces the helper by the command.
pub(super) fn replace(
    mut command: Command,
    terminal: Option<&File>,
) -> Result<ExitCode, HelperError> {
    if let Some(terminal) = terminal {
        attach(&mut command, terminal)?;
    }
    let error = command.exec();
    Err(HelperError::system(format!(
        "execute '{}'",
        command.get_program().display()
    ))(error))
}

/// Starts the command and stays until it ends.
pub(super) fn supervise(
    mut command: Command,
    status_file: &StatusFile,
    terminal: Option<File>,
) -> Result<ExitCode, HelperError> {
    if let Some(terminal) = &terminal {
        attach(&mut command, terminal)?;
    }
    let mut signals = SigSet::all();
    for kept in [Signal::SIGKILL, Signal::SIGSTOP] {
        signals.remove(kept);
    }
    signals
        .thread_block()
        .map_err(HelperError::errno("block signals"))?;
    let program = command.get_program().to_owned();
    let child = command.spawn().map_err(HelperError::system(format!(
        "execute '{}'",
        program.display()
    )))?;
    drop(terminal);
    let status = reap_until(&child, &signals)?;
    status_file.write(status.into_raw())?;
    Ok(ExitCode::SUCCESS)
}

/// Reaps whatever ends, orphans included, and forwards signals until the command has ended.
fn reap_until(child: &Child, signals: &SigSet) -> Result<ExitStatus, HelperError> {
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    loop {
        while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
            if ended.as_raw_nonzero().get() == pid {
                return Ok(ExitStatus::from_raw(status.as_raw()));
            }
        }
        let signal = signals
            .wait()
            .map_err(HelperError::errno("wait for signals"))?;
        if signal != Signal::SIGCHLD {
            // The command may end at this moment; the next turn sees it.
            let _forwarded = kill(nix::unistd::Pid::from_raw(pid), signal);
        }
    }
}
