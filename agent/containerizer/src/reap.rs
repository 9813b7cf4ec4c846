//! Waits for the end of a process, child or not.
//!
//! Replaces `ReaperProcess` of `3rdparty/libprocess/src/reap.cpp` for containers: a pidfd becomes readable when its
//! process ends, so nothing is polled and a container's end is seen at once.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use tokio::io::{Interest, unix::AsyncFd};

/// Waits until a process ends; returns its raw wait status when it is a child of this process.
///
/// A process that is gone already, or that is no child, has no status.
///
/// # Cancel safety
/// Dropping the future stops waiting; a child that ends afterwards stays a zombie until it is waited for again.
pub async fn reap(pid: i32) -> Option<i32> {
    let raw = Pid::from_raw(pid)?;
    match pidfd_open(raw, PidfdFlags::NONBLOCK) {
        Ok(fd) => {
            if let Err(error) = readable(fd).await {
                tracing::warn!(pid, %error, "end of process cannot be awaited");
            }
        }
        Err(rustix::io::Errno::SRCH) => {}
        Err(error) => tracing::warn!(pid, %error, "process cannot be watched"),
    }
    match waitpid(Some(raw), WaitOptions::NOHANG) {
        Ok(Some((_, status))) => Some(status.as_raw()),
        Ok(None) => {
            tracing::warn!(pid, "process was reported as ended and still runs");
            None
        }
        // No child of ours: its parent learns the status.
        Err(_) => None,
    }
}

async fn readable(fd: OwnedFd) -> io::Result<()> {
    #[expect(
        deprecated,
        reason = "the descriptor is owned, and its replacement is unsafe"
    )]
    let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
    fd.readable().await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime")
            .block_on(future)
    }

    /// Mirrors: ReapTest.ChildProcess
    #[test]
    #[expect(clippy::zombie_processes, reason = "reaping it is what is tested")]
    fn child_is_reaped_with_its_status() {
        let child = Command::new("sh")
            .args(["-c", "exit 3"])
            .spawn()
            .expect("sh");
        let pid = i32::try_from(child.id()).expect("a pid");

        let status = block_on(reap(pid));

        assert_eq!(status, Some(3 << 8));
    }

    /// Mirrors: ReapTest.TerminatedChildProcess
    #[test]
    fn process_that_never_was_has_no_status() {
        assert_eq!(block_on(reap(i32::MAX)), None);
    }
}
