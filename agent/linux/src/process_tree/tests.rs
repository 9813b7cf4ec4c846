//! Which processes a signal reaches, and in which order.

use std::cell::RefCell;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use super::*;

/// A table that does not change, and remembers what was signalled.
struct Table {
    rows: Vec<ProcessRecord>,
    sent: RefCell<Vec<(i32, Signal)>>,
}

fn row(pid: i32, parent: i32, group: i32, session: i32) -> ProcessRecord {
    ProcessRecord {
        pid,
        parent,
        group,
        session,
    }
}

impl ProcessTable for Table {
    fn own(&self) -> i32 {
        10
    }

    fn processes(&self) -> Result<Vec<ProcessRecord>, ListError> {
        Ok(self.rows.clone())
    }

    fn signal(&self, pid: i32, signal: Signal) {
        self.sent.borrow_mut().push((pid, signal));
    }
}

#[track_caller]
fn reaches(rows: &[ProcessRecord], root: i32, follow: Follow, expected: &[i32]) {
    let table = Table {
        rows: rows.to_vec(),
        sent: RefCell::default(),
    };

    let visited = kill_tree(&table, root, Signal::SIGTERM, follow).unwrap();

    assert_eq!(visited.into_iter().collect::<Vec<_>>(), expected);
}

/// The caller 10 with its task 20, which has a child in its group, one in a group of its own, and
/// a daemon that left the tree but not the session.
fn machine() -> Vec<ProcessRecord> {
    vec![
        row(1, 0, 1, 1),
        row(10, 1, 10, 10),
        row(11, 10, 10, 10),
        row(20, 10, 20, 20),
        row(21, 20, 20, 20),
        row(22, 20, 22, 20),
        row(23, 1, 23, 20),
    ]
}

/// Mirrors: OsTest.Killtree
#[test]
fn groups_and_sessions_bring_in_processes_that_left_the_tree() {
    reaches(&machine(), 20, Follow::Descendants, &[20, 21, 22]);
    reaches(&machine(), 20, Follow::GroupsAndSessions, &[20, 21, 22, 23]);
}

#[test]
fn group_and_session_of_the_parent_are_never_hit() {
    let mut rows = machine();
    rows[3] = row(20, 10, 10, 10);

    // 21 is still a child, but its session 20 is followed only from itself.
    reaches(&rows, 20, Follow::GroupsAndSessions, &[20, 21, 22, 23]);
    reaches(&rows[..4], 20, Follow::GroupsAndSessions, &[20]);
}

/// Mirrors: OsTest.KilltreeNoRoot
#[test]
fn members_of_a_dead_roots_session_are_reached() {
    let mut rows = machine();
    rows.remove(3);

    reaches(&rows, 20, Follow::Descendants, &[]);
    reaches(&rows, 20, Follow::GroupsAndSessions, &[21, 22, 23]);
}

/// A task without a session of its own, whose first process has ended: its child is in the session
/// of the caller, which must not be followed.
#[test]
fn caller_is_never_hit_even_when_the_root_has_ended() {
    let rows = [
        row(1, 0, 1, 1),
        row(10, 1, 10, 9),
        row(12, 1, 12, 9),
        row(21, 1, 20, 9),
    ];

    reaches(&rows, 20, Follow::GroupsAndSessions, &[21]);
    reaches(&rows, 10, Follow::GroupsAndSessions, &[]);
}

#[test]
fn everything_is_stopped_before_anything_is_signalled_and_continued_after() {
    let table = Table {
        rows: machine(),
        sent: RefCell::default(),
    };

    kill_tree(&table, 20, Signal::SIGTERM, Follow::Descendants).unwrap();

    let order: Vec<Signal> = table
        .sent
        .borrow()
        .iter()
        .map(|(_, signal)| *signal)
        .collect();
    let expected = [Signal::SIGSTOP, Signal::SIGTERM, Signal::SIGCONT];
    assert_eq!(
        order,
        expected
            .iter()
            .flat_map(|signal| [*signal; 3])
            .collect::<Vec<_>>()
    );
}

#[test]
fn real_tree_dies_with_its_root() {
    let mut child = Command::new("sh")
        .args(["-c", "sleep 1000 & sleep 1000 & wait"])
        .process_group(0)
        .spawn()
        .unwrap();
    let root = i32::try_from(child.id()).unwrap();

    let killed = kill_tree(
        &ProcFs::default(),
        root,
        Signal::SIGKILL,
        Follow::GroupsAndSessions,
    );

    assert!(killed.unwrap().contains(&root));
    assert_eq!(child.wait().unwrap().signal(), Some(9));
}

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

    let killed = kill_tree(
        &ProcFs::default(),
        root,
        Signal::SIGKILL,
        Follow::GroupsAndSessions,
    )
    .expect("listed");

    shell.wait().expect("reaped");
    assert!(killed.contains(&root) && killed.contains(&orphan));
}

#[test]
fn own_group_is_never_followed() {
    let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep");
    let pid = i32::try_from(child.id()).expect("a pid");

    let found = members(&ProcFs::default(), pid, Follow::GroupsAndSessions).expect("listed");

    child.kill().expect("killed");
    child.wait().expect("reaped");
    assert_eq!(found, BTreeSet::from([pid]));
}
