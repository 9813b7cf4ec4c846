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
    let (mut killed, other) = shell("sleep 1000");
    let third = runtime.reap(other);
    killed.kill().expect("killed");

    for waited in [first, second] {
        match runtime.block_on(waited) {
            Outcome::Ready(Some(status)) => assert_eq!(status.code(), Some(7)),
            // The second may have come when the child had been collected.
            other => assert_eq!(other, Outcome::Ready(None)),
        }
    }
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
