//! The measured master as a process of this machine: started here, or found by the port it listens on.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use procfs::process::{FDTarget, Process, all_processes};
use tempfile::TempDir;

/// A master that was started for the measurement, and ends with it.
#[derive(Debug)]
pub(super) struct LocalMaster {
    address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl LocalMaster {
    /// Starts a master of this program on a free port; its registry is a replicated log with one replica.
    pub(super) fn start() -> Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .context("find a free port")?;
        let child = spawn(address, &folder)?;
        Ok(Self {
            address,
            child,
            folder,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(super) fn pid(&self) -> Option<i32> {
        i32::try_from(self.child.id()).ok()
    }

    /// Kills it without warning and starts it again on the same port and registry.
    pub(super) fn fail_over(&mut self) -> Result<()> {
        self.end()?;
        self.child = spawn(self.address, &self.folder)?;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.child.kill().context("kill the master")?;
        self.child.wait().context("wait for the master")?;
        Ok(())
    }
}

impl Drop for LocalMaster {
    fn drop(&mut self) {
        // It has ended already when this fails.
        let _ended = self.end();
    }
}

fn spawn(address: SocketAddr, folder: &TempDir) -> Result<Child> {
    let program = std::env::current_exe().context("find this program")?;
    Command::new(program)
        .arg("master")
        .arg(format!("--ip={}", address.ip()))
        .arg(format!("--port={}", address.port()))
        .arg("--hostname=localhost")
        .arg("--registry=replicated_log")
        .arg("--quorum=1")
        .arg("--logging_level=ERROR")
        .arg(format!("--work_dir={}", folder.path().display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .context("start a master")
}

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// On all processors together.
    pub(super) cpu_seconds: f64,
    /// Resident now, in 2^20 bytes.
    pub(super) memory_mb: f64,
}

/// Reads what a local process has used; none when it is gone or may not be read.
pub(super) fn usage(pid: i32) -> Option<Usage> {
    let stat = Process::new(pid).ok()?.stat().ok()?;
    let ticks = u32::try_from(stat.utime + stat.stime).ok()?;
    let per_second = u32::try_from(procfs::ticks_per_second()).ok()?;
    let pages = u32::try_from(stat.rss).ok()?;
    let page_kb = u32::try_from(procfs::page_size() / 1024).ok()?;
    Some(Usage {
        cpu_seconds: f64::from(ticks) / f64::from(per_second),
        memory_mb: f64::from(pages) * f64::from(page_kb) / 1024.0,
    })
}

/// The process of this machine that listens on a port; none when it is elsewhere or belongs to somebody else.
pub(super) fn listener_of(address: SocketAddr) -> Option<i32> {
    use procfs::net::{TcpState, tcp, tcp6};
    let entries = tcp()
        .ok()?
        .into_iter()
        .chain(tcp6().ok().unwrap_or_default());
    let inode = entries
        .filter(|entry| entry.state == TcpState::Listen)
        .find(|entry| {
            let local = entry.local_address;
            local.port() == address.port()
                && (local.ip() == address.ip() || local.ip().is_unspecified())
        })?
        .inode;
    all_processes().ok()?.flatten().find_map(|process| {
        let mut files = process.fd().ok()?.flatten();
        files
            .any(|file| matches!(file.target, FDTarget::Socket(found) if found == inode))
            .then_some(process.pid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_behind_a_port_is_found_with_what_it_uses() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");

        let pid = listener_of(address).expect("this process");

        assert_eq!(u32::try_from(pid).expect("positive"), std::process::id());
        assert!(usage(pid).expect("readable").memory_mb > 1.0);
    }

    #[test]
    fn nobody_is_found_behind_a_port_without_a_listener() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);

        assert_eq!(listener_of(address), None);
    }
}
