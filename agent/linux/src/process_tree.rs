//! Finds and signals a process tree, its process groups and its sessions.
//!
//! Mirrors `3rdparty/stout/include/stout/os/posix/killtree.hpp`.
//! A command that daemonises itself stays in its session and is still found.
//!
//! # Invariants
//! - Every process is stopped before the last listing, so none can fork unseen.
//! - The caller is never hit, nor are groups and sessions of the caller or of the root's parent followed.
//!   Mesos spares the latter only: there, a root that has ended already can lead to the caller.
//! - Groups and sessions 0 and 1 are never followed: they belong to the kernel, to the first process,
//!   or to processes outside of the namespace.

use std::collections::{BTreeMap, BTreeSet};
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
    /// Also every member of a process group or session that a visited process belongs to, or that
    /// the root led.
    GroupsAndSessions,
}

/// The processes of the system could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("failed to list processes")]
pub struct ListError(#[source] ProcError);

/// The process table of a machine, and the way to signal its rows.
pub trait ProcessTable {
    /// The process that asks.
    fn own(&self) -> i32;

    /// Lists the processes that exist now.
    ///
    /// # Errors
    /// [`ListError`] when the list cannot be read.
    fn processes(&self) -> Result<Vec<ProcessRecord>, ListError>;

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
    fn own(&self) -> i32 {
        Pid::this().as_raw()
    }

    fn processes(&self) -> Result<Vec<ProcessRecord>, ListError> {
        let all = all_processes_with_root(&self.root).map_err(ListError)?;
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

    fn signal(&self, pid: i32, signal: Signal) {
        match kill(Pid::from_raw(pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::warn!(pid, %signal, %error, "could not signal a process"),
        }
    }
}

/// Returns the processes of a tree, the root included when it lives.
///
/// # Errors
/// [`ListError`] when the list cannot be read.
pub fn members<T: ProcessTable>(
    table: &T,
    root: i32,
    follow: Follow,
) -> Result<BTreeSet<i32>, ListError> {
    let processes = table.processes()?;
    let spared = Spared::by(&processes, table.own(), root);
    Ok(close_over(&processes, root, follow, &spared))
}

/// Signals the tree whose root is `root` and returns the processes that were reached.
///
/// When the root has ended already, the members of the group and session that it led are taken
/// instead (only with [`Follow::GroupsAndSessions`]).
/// The tree is stopped before the signal is sent, and continued afterwards, so that no child escapes.
///
/// # Errors
/// [`ListError`] when the list cannot be read. Processes found until then stay stopped, so the
/// caller should at least signal the root itself.
pub fn kill_tree<T: ProcessTable>(
    table: &T,
    root: i32,
    signal: Signal,
    follow: Follow,
) -> Result<BTreeSet<i32>, ListError> {
    let mut processes = table.processes()?;
    // Whom to spare is known only while the root has not lost its parent.
    let spared = Spared::by(&processes, table.own(), root);
    let mut reached = BTreeSet::new();
    loop {
        let found = close_over(&processes, root, follow, &spared);
        let fresh: Vec<i32> = found.difference(&reached).copied().collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            table.signal(pid, Signal::SIGSTOP);
            reached.insert(pid);
        }
        processes = table.processes()?;
    }
    for pid in &reached {
        table.signal(*pid, signal);
    }
    // A process that does not end by the signal must not stay stopped.
    for pid in &reached {
        table.signal(*pid, Signal::SIGCONT);
    }
    Ok(reached)
}

/// Who is not hit, and which groups and sessions are not followed.
struct Spared {
    own: i32,
    groups: BTreeSet<i32>,
    sessions: BTreeSet<i32>,
}

impl Spared {
    fn by(processes: &[ProcessRecord], own: i32, root: i32) -> Self {
        let find = |pid: i32| processes.iter().find(|record| record.pid == pid);
        let parent = find(root).and_then(|record| find(record.parent));
        let mut spared = Self {
            own,
            groups: BTreeSet::from([0, 1]),
            sessions: BTreeSet::from([0, 1]),
        };
        for record in [find(own), parent].into_iter().flatten() {
            spared.groups.insert(record.group);
            spared.sessions.insert(record.session);
        }
        spared
    }
}

fn close_over(
    processes: &[ProcessRecord],
    root: i32,
    follow: Follow,
    spared: &Spared,
) -> BTreeSet<i32> {
    let mut children: BTreeMap<i32, Vec<&ProcessRecord>> = BTreeMap::new();
    for record in processes {
        children.entry(record.parent).or_default().push(record);
    }

    let mut found = BTreeSet::new();
    // Groups and sessions that the root led are searched even when the root itself is gone.
    let mut groups = BTreeSet::from([root]);
    let mut sessions = BTreeSet::from([root]);
    let mut queue: Vec<&ProcessRecord> = processes
        .iter()
        .filter(|record| record.pid == root)
        .collect();
    loop {
        while let Some(record) = queue.pop() {
            if record.pid == spared.own || !found.insert(record.pid) {
                continue;
            }
            groups.insert(record.group);
            sessions.insert(record.session);
            queue.extend(children.get(&record.pid).into_iter().flatten());
        }
        if follow == Follow::GroupsAndSessions {
            let is_mate = |record: &&ProcessRecord| {
                let by_group =
                    groups.contains(&record.group) && !spared.groups.contains(&record.group);
                let by_session = sessions.contains(&record.session)
                    && !spared.sessions.contains(&record.session);
                record.pid != spared.own && !found.contains(&record.pid) && (by_group || by_session)
            };
            queue.extend(processes.iter().filter(is_mate));
        }
        if queue.is_empty() {
            return found;
        }
    }
}

#[cfg(test)]
mod tests;
