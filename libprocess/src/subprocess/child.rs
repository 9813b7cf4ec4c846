//! What happens in a child between fork and exec.
//!
//! Only system calls: another thread of the parent may have held the lock of the allocator at the fork.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd, read, write};
use rustix::process::{Signal, getpid, set_parent_process_death_signal, setsid};

/// Whether a child leads a session of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Session {
    #[default]
    Ours,
    Own,
}

/// The child's side of the gate at which it waits for the hooks of its parent.
#[derive(Debug)]
pub(super) struct Gate {
    /// Where it tells its number.
    pub(super) tell: OwnedFd,
    /// Where it is let through.
    pub(super) wait: OwnedFd,
}

/// What a child does before it becomes another program.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) gate: Option<Gate>,
    pub(super) session: Session,
    /// Descriptors that the program inherits.
    pub(super) keep: Vec<OwnedFd>,
    /// Descriptors of ours that it must not inherit.
    pub(super) drop: Vec<RawFd>,
}

impl Setup {
    /// Has a command do this.
    #[expect(
        unsafe_code,
        reason = "only between fork and exec can a child wait, or lead a session"
    )]
    pub(super) fn install(self, command: &mut Command) {
        // SAFETY: `run` makes system calls and nothing else; it neither allocates nor locks.
        unsafe {
            command.pre_exec(move || self.run());
        }
    }

    fn run(&self) -> io::Result<()> {
        if let Some(gate) = &self.gate {
            gate.pass()?;
        }
        if self.session == Session::Own {
            setsid()?;
        }
        for descriptor in &self.drop {
            close_on_exec(*descriptor)?;
        }
        for descriptor in &self.keep {
            let flags = fcntl_getfd(descriptor)?;
            fcntl_setfd(descriptor, flags.difference(FdFlags::CLOEXEC))?;
        }
        Ok(())
    }
}

impl Gate {
    /// Tells our number and waits until the parent lets us through; who has no parent any more is killed.
    fn pass(&self) -> io::Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let number = getpid().as_raw_nonzero().get();
        write(&self.tell, &number.to_ne_bytes())?;
        let mut go = [0];
        loop {
            match read(&self.wait, &mut go) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(set_parent_process_death_signal(None)?)
    }
}

/// Our descriptors that any program we start would inherit, beside the first three.
pub(super) fn inheritable() -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let number = |name: std::ffi::OsString| name.to_str()?.parse::<RawFd>().ok();
    entries
        .filter_map(|entry| number(entry.ok()?.file_name()))
        .filter(|descriptor| *descriptor > 2)
        .collect()
}

#[expect(
    unsafe_code,
    reason = "a number is all that is known of descriptors that others have opened"
)]
fn close_on_exec(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: it is used for two system calls at once, in a child that has one thread: nobody can close it between.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    match fcntl_getfd(descriptor) {
        Ok(flags) => Ok(fcntl_setfd(descriptor, flags | FdFlags::CLOEXEC)?),
        // It was closed before the fork.
        Err(Errno::BADF) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
