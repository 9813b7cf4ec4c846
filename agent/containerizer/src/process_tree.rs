//! Finds and kills all processes that belong to a container.
//!
//! Mirrors `os::killtree` and `os::pstree` of stout.
//! A process belongs to the tree of a root when it descends from it, or shares a process group or a session with a member:
//! a command that daemonises itself stays in its session and is still found.

use std::collections::{BTreeMap, BTreeSet};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use procfs::process::{Stat, all_processes};
use thiserror::Error;

/// The processes of the system could not be listed.
#[derive(Debug, Error)]
#[error("failed to list processes")]
pub struct ListError(#[from] procfs::ProcError);

/// What is followed besides parents and children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Only descendants.
    Children,
    /// Descendants, and members of the groups and sessions that the root leads or that they are in.
    GroupsAndSessions,
}

/// Returns the processes of a tree, the root included when it lives.
///
/// # Errors
/// [`ListError`] when `/proc` cannot be read.
pub fn members(root: i32, follow: Follow) -> Result<BTreeSet<i32>, ListError> {
    let stats = snapshot()?;
    Ok(close_over(root, follow, &stats))
}

/// Sends a signal to every process of a tree; returns those that were signalled.
///
/// Processes that end meanwhile are skipped.
/// The tree is stopped before a signal other than SIGKILL is sent, and continued afterwards, so that no child escapes.
///
/// # Errors
/// [`ListError`] when `/proc` cannot be read.
pub fn kill_tree(root: i32, signal: Signal, follow: Follow) -> Result<BTreeSet<i32>, ListError> {
    let mut signalled = BTreeSet::new();
    loop {
        let fresh: Vec<i32> = members(root, follow)?
            .difference(&signalled)
            .copied()
            .collect();
        if fresh.is_empty() {
            break;
        }
        for pid in fresh {
            send(pid, Signal::SIGSTOP);
            signalled.insert(pid);
        }
    }
    for pid in &signalled {
        send(*pid, signal);
    }
    for pid in &signalled {
        send(*pid, Signal::SIGCONT);
    }
    Ok(signalled)
}

fn send(pid: i32, signal: Signal) {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!(pid, %signal, %error, "process cannot be signalled"),
    }
}

/// Says whether a process exists and has not ended.
pub fn is_alive(pid: i32) -> bool {
    procfs::process::Process::new(pid)
        .and_then(|process| process.stat())
        .is_ok_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

fn snapshot() -> Result<Vec<Stat>, ListError> {
    let processes = all_processes()?;
    Ok(processes
        .flatten()
        .filter_map(|process| process.stat().ok())
        .collect())
}

fn close_over(root: i32, follow: Follow, stats: &[Stat]) -> BTreeSet<i32> {
    let mut children: BTreeMap<i32, Vec<&Stat>> = BTreeMap::new();
    for stat in stats {
        children.entry(stat.ppid).or_default().push(stat);
    }
    let own = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    let safe = stats.iter().find(|stat| stat.pid == own);
    let foreign = |id: i32, of: fn(&Stat) -> i32| id > 1 && safe.is_none_or(|own| of(own) != id);

    let mut found = BTreeSet::new();
    // Groups and sessions that the root led are searched even when the root itself is gone.
    let mut groups = BTreeSet::from([root]);
    let mut sessions = BTreeSet::from([root]);
    let mut queue: Vec<&Stat> = stats.iter().filter(|stat| stat.pid == root).collect();
    loop {
        while let Some(stat) = queue.pop() {
            if stat.pid == own || !found.insert(stat.pid) {
                continue;
            }
            groups.insert(stat.pgrp);
            sessions.insert(stat.session);
            queue.extend(children.get(&stat.pid).into_iter().flatten());
        }
        if follow == Follow::GroupsAndSessions {
            queue.extend(stats.iter().filter(|stat| {
                !found.contains(&stat.pid)
                    && stat.pid != own
                    && ((groups.contains(&stat.pgrp) && foreign(stat.pgrp, |own| own.pgrp))
                        || (sessions.contains(&stat.session)
                            && foreign(stat.session, |own| own.session)))
            }));
        }
        if queue.is_empty() {
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn child_that_left_its_parent_is_still_found_by_session() {
        // The inner shell ends at once, so the sleep belongs to no living parent of ours.
        let mut shell = Command::new("setsid")
            .args(["sh", "-c", "sh -c 'sleep 1000 & echo $!'; sleep 1000"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("setsid");
        let mut line = String::new();
        let out = shell.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("a pid");
        let orphan: i32 = line.trim().parse().expect("a number");
        let root = i32::try_from(shell.id()).expect("a pid");

        let killed = kill_tree(root, Signal::SIGKILL, Follow::GroupsAndSessions).expect("listed");

        shell.wait().expect("reaped");
        assert!(killed.contains(&root) && killed.contains(&orphan));
    }

    #[test]
    fn own_group_is_never_followed() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let pid = i32::try_from(child.id()).expect("a pid");

        let found = members(pid, Follow::GroupsAndSessions).expect("listed");

        child.kill().expect("killed");
        child.wait().expect("reaped");
        assert_eq!(found, BTreeSet::from([pid]));
    }
}
