//! Signals a whole process tree, its process groups and its sessions.
//!
//! Mirrors `3rdparty/stout/include/stout/os/posix/killtree.hpp`.
//!
//! # Invariants
//! - Every process is stopped before its children are listed, so none can fork unseen.
//! - The groups and sessions of the root's parent and of the caller are never followed, and the
//!   caller itself is never signalled. Mesos knows the first half of this rule only: there, a root
//!   that has ended already can lead from a child in the caller's session to the caller.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procfs::ProcError;
use procfs::process::all_processes_with_root;

/// One row of the process table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// The process.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
}

/// Which processes belong to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Children and their children.
    Descendants,
    /// Also every member of a process group or session that a visited process belongs to.
    GroupsAndSessions,
}

/// Why a tree could not be signalled.
#[derive(Debug, thiserror::Error)]
pub enum KillTreeError {
    /// The list of processes could not be read.
    #[error("read the process table")]
    ProcessTable(#[source] ProcError),
}

/// The process table of a machine, and the way to signal its rows.
pub trait ProcessTable {
    /// Lists the processes that exist now.
    ///
    /// # Errors
    /// [`KillTreeError::ProcessTable`] when the list cannot be read.
    fn processes(&self) -> Result<Vec<ProcessRecord>, KillTreeError>;

    /// The process that asks.
    fn own(&self) -> i32;

    /// Sends a signal to one process; a process that is gone already is not an error.
    fn signal(&self, pid: i32, signal: Signal);
}

/// The kernel's table, read below a procfs mount.
#[derive(Clone, Debug)]
pub struct ProcFs {
    root: PathBuf,
}

impl ProcFs {
    /// Reads below `root`, which is `/proc` outside of tests.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Default for ProcFs {
    fn default() -> Self {
        Self::at("/proc")
    }
}

impl ProcessTable for ProcFs {
    fn processes(&self) -> Result<Vec<ProcessRecord>, KillTreeError> {
        let all = all_processes_with_root(&self.root).map_err(KillTreeError::ProcessTable)?;
        // A process that ends while it is read is no longer of interest.
        Ok(all
            .filter_map(Result::ok)
            .filter_map(|process| process.stat().ok())
            .map(|stat| ProcessRecord {
                pid: stat.pid,
                parent: stat.ppid,
                group: stat.pgrp,
                session: stat.session,
            })
            .collect())
    }

    fn own(&self) -> i32 {
        Pid::this().as_raw()
    }

    fn signal(&self, pid: i32, signal: Signal) {
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::warn!(pid, %signal, %error, "could not signal a process"),
        }
    }
}

/// Signals the tree whose root is `root` and returns the processes that were reached.
///
/// When the root has ended already, the members of the group and session that it led are taken
/// instead (only with [`Follow::GroupsAndSessions`]).
///
/// # Errors
/// [`KillTreeError::ProcessTable`] when the list cannot be read. Processes visited until then stay
/// stopped, so the caller should at least signal the root itself.
pub fn kill_tree<T: ProcessTable>(
    table: &T,
    root: i32,
    signal: Signal,
    follow: Follow,
) -> Result<Vec<ProcessRecord>, KillTreeError> {
    let mut walk = Walk::begin(&table.processes()?, table.own(), root, follow);
    while let Some(pid) = walk.queue.pop_front() {
        if walk.visited_pids.contains(&pid) {
            continue;
        }
        let Some(record) = table
            .processes()?
            .into_iter()
            .find(|record| record.pid == pid)
        else {
            continue;
        };
        table.signal(pid, Signal::SIGSTOP);
        walk.visit(record, &table.processes()?);
    }

    for record in &walk.visited {
        table.signal(record.pid, signal);
    }
    // A process that does not end by the signal must not stay stopped.
    for record in &walk.visited {
        table.signal(record.pid, Signal::SIGCONT);
    }
    Ok(walk.visited)
}

/// The progress of one traversal.
struct Walk {
    follow: Follow,
    queue: VecDeque<i32>,
    visited: Vec<ProcessRecord>,
    visited_pids: BTreeSet<i32>,
    groups: BTreeSet<i32>,
    sessions: BTreeSet<i32>,
}

impl Walk {
    fn begin(processes: &[ProcessRecord], own: i32, root: i32, follow: Follow) -> Self {
        let mut walk = Self {
            follow,
            queue: VecDeque::new(),
            visited: Vec::new(),
            visited_pids: BTreeSet::new(),
            groups: BTreeSet::new(),
            sessions: BTreeSet::new(),
        };
        walk.visited_pids.insert(own);
        if let Some(caller) = processes.iter().find(|record| record.pid == own) {
            walk.groups.insert(caller.group);
            walk.sessions.insert(caller.session);
        }
        match processes.iter().find(|record| record.pid == root) {
            Some(record) => {
                walk.queue.push_back(root);
                if let Some(parent) = processes.iter().find(|other| other.pid == record.parent) {
                    walk.groups.insert(parent.group);
                    walk.sessions.insert(parent.session);
                }
            }
            None if follow == Follow::GroupsAndSessions => walk.queue.extend(
                processes
                    .iter()
                    .filter(|record| record.group == root || record.session == root)
                    .map(|record| record.pid),
            ),
            None => {}
        }
        walk
    }

    fn visit(&mut self, record: ProcessRecord, processes: &[ProcessRecord]) {
        self.visited_pids.insert(record.pid);
        self.visited.push(record);
        let children = processes.iter().filter(|other| other.parent == record.pid);
        self.queue.extend(children.map(|other| other.pid));
        if self.follow == Follow::Descendants {
            return;
        }
        if self.groups.insert(record.group) {
            let members = processes.iter().filter(|other| other.group == record.group);
            self.queue.extend(members.map(|other| other.pid));
        }
        if self.sessions.insert(record.session) {
            let members = processes
                .iter()
                .filter(|other| other.session == record.session);
            self.queue.extend(members.map(|other| other.pid));
        }
    }
}

#[cfg(test)]
mod tests;
