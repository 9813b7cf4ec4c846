//! Children of the operating system: reaping.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use libprocess::{Outcome, Runtime};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .start()
        .expect("a runtime")
}

fn shell(script: &str) -> (std::process::Child, i32) {
    let child = Command::new("sh")
        .args(["-c", script])
        .spawn()
        .expect("a child");
    let pid = i32::try_from(child.id()).expect("a pid");
    (child, pid)
}

/// Mirrors: ReapTest.ChildProcess
/// Mirrors: ReapTest.TerminatedChildProcess
#[test]
fn a_child_is_collected_with_its_status_for_everybody_who_waits() {
    let runtime = runtime();
    let (_exits, pid) = shell("exit 7");
    let (first, second) = (runtime.reap(pid), runtime.reap(pid));
    let (mut killed, other) = shell("exec sleep 1000");
    let third = runtime.reap(other);
    killed.kill().expect("killed");

    let statuses: Vec<Option<i32>> = [first, second]
        .map(|waited| {
            runtime
                .block_on(waited)
                .ready()
                .flatten()
                .and_then(|status| status.code())
        })
        .to_vec();
    // The second may have been asked for when the child had been collected.
    assert!(
        statuses == [Some(7), Some(7)] || statuses == [Some(7), None],
        "{statuses:?}"
    );
    let status = runtime.block_on(third).ready().flatten().expect("a status");
    assert_eq!(status.signal(), Some(9));
    runtime.shutdown();
}

/// Mirrors: ReapTest.NonChildProcess
#[test]
fn who_is_not_our_child_has_no_status() {
    let runtime = runtime();
    let mut parent = Command::new("sh")
        .args(["-c", "sleep 0.2 & echo $!; wait"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a child");
    let mut line = String::new();
    let output = parent.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("a pid");
    let grandchild: i32 = line.trim().parse().expect("a pid");

    assert_eq!(
        runtime.block_on(runtime.reap(grandchild)),
        Outcome::Ready(None)
    );
    assert_eq!(runtime.block_on(runtime.reap(0)), Outcome::Ready(None));
    assert_eq!(
        runtime.block_on(runtime.reap(i32::MAX)),
        Outcome::Ready(None)
    );
    parent.wait().expect("the parent ends");
    runtime.shutdown();
}
