//! Ends what a task has left running.
//!
//! A process whose parent has ended becomes a child of this process, because it asks to be the
//! reaper of its descendants; so nothing escapes, not even a daemon.

use mesos_linux::process_tree::{Follow, ProcFs, ProcessRecord, ProcessTable, kill_tree};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// How often the children are listed: a process that forks while it is killed needs another look.
const ROUNDS: usize = 10;

/// Makes this process the parent of descendants that lose theirs.
pub(super) fn adopt_orphans() {
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!(%error, "tasks may leave processes behind");
    }
}

/// Kills and reaps every child of this process, with everything that it has started.
pub(super) fn kill() {
    let table = ProcFs::default();
    let own = Pid::this().as_raw();
    for _ in 0..ROUNDS {
        let children = match table.processes() {
            Ok(processes) => children(&processes, own),
            Err(error) => return tracing::warn!(%error, "could not look for leftovers"),
        };
        if children.is_empty() {
            return;
        }
        for pid in children {
            if let Err(error) = kill_tree(&table, pid, Signal::SIGKILL, Follow::GroupsAndSessions) {
                tracing::warn!(pid, %error, "could not kill a leftover");
            }
            reap(pid);
        }
    }
}

fn children(processes: &[ProcessRecord], own: i32) -> Vec<i32> {
    processes
        .iter()
        .filter(|record| record.parent == own)
        .map(|record| record.pid)
        .collect()
}

/// Waits for a child that was killed; somebody else may have done so before.
fn reap(pid: i32) {
    let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::empty()));
}
