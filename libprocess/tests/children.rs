//! Children of the operating system: starting and reaping.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use libprocess::subprocess::{Io, Subprocess, SubprocessBuilder};
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

fn text(pipe: Option<std::os::fd::OwnedFd>) -> String {
    let mut text = String::new();
    let mut file = std::fs::File::from(pipe.expect("a pipe"));
    std::io::Read::read_to_string(&mut file, &mut text).expect("the output");
    text
}

fn code(runtime: &Runtime, child: Subprocess) -> Option<i32> {
    runtime
        .block_on(child.status)
        .ready()
        .flatten()
        .and_then(|status| status.code())
}

/// Mirrors: SubprocessTest.PipeOutput
/// Mirrors: SubprocessTest.PipeInput
/// Mirrors: SubprocessTest.Status
#[test]
fn pipes_carry_input_and_both_outputs() {
    let runtime = runtime();
    let mut child = SubprocessBuilder::shell("read line; echo out $line; echo err >&2; exit 5")
        .stdin(Io::Pipe)
        .stdout(Io::Pipe)
        .stderr(Io::Pipe)
        .spawn(&runtime)
        .expect("a child");

    let mut input = std::fs::File::from(child.stdin.take().expect("a pipe"));
    std::io::Write::write_all(&mut input, b"hello\n").expect("written");

    assert_eq!(text(child.stdout.take()), "out hello\n");
    assert_eq!(text(child.stderr.take()), "err\n");
    assert_eq!(code(&runtime, child), Some(5));
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.PathOutput
/// Mirrors: SubprocessTest.PathInput
/// Mirrors: SubprocessTest.FdOutput
#[test]
fn files_are_read_appended_to_and_made() {
    let runtime = runtime();
    let folder = std::env::temp_dir().join(format!("libprocess-children-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (input, output) = (folder.join("input"), folder.join("output"));
    std::fs::write(&input, "from a file").expect("written");
    for _ in 0..2 {
        let child = SubprocessBuilder::exec("cat", ["cat"])
            .stdin(Io::Path(input.clone()))
            .stdout(Io::Path(output.clone()))
            .spawn(&runtime)
            .expect("a child");
        assert_eq!(code(&runtime, child), Some(0));
    }
    let descriptor = std::fs::OpenOptions::new()
        .append(true)
        .open(&output)
        .expect("the file");
    let child = SubprocessBuilder::shell("echo !")
        .stdout(Io::Descriptor(descriptor.into()))
        .spawn(&runtime)
        .expect("a child");
    assert_eq!(code(&runtime, child), Some(0));

    assert_eq!(
        std::fs::read_to_string(&output).expect("the file"),
        "from a filefrom a file!\n"
    );
    let missing = SubprocessBuilder::shell("true")
        .stdin(Io::Path(folder.join("nope")))
        .spawn(&runtime);
    assert!(
        missing
            .expect_err("no such file")
            .to_string()
            .starts_with("Failed to open '")
    );
    std::fs::remove_dir_all(&folder).expect("removed");
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.Environment
/// Mirrors: SubprocessTest.EnvironmentWithSpaces
/// Mirrors: SubprocessTest.EnvironmentWithSpacesAndQuotes
/// Mirrors: SubprocessTest.EnvironmentOverride
#[test]
fn the_environment_is_replaced_as_a_whole() {
    let runtime = runtime();
    let mut child = SubprocessBuilder::exec("/usr/bin/env", ["env"])
        .environment([("MESSAGE", "hello \"world\""), ("OTHER", "1")])
        .stdout(Io::Pipe)
        .spawn(&runtime)
        .expect("a child");

    assert_eq!(
        text(child.stdout.take()),
        "MESSAGE=hello \"world\"\nOTHER=1\n"
    );
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.Flags
#[test]
fn flags_are_appended_as_arguments() {
    let runtime = runtime();
    let mut child = SubprocessBuilder::exec("sh", ["sh", "-c", "echo \"$@\"", "name"])
        .flags([("bool", "true"), ("text", "a b")])
        .stdout(Io::Pipe)
        .directory("/")
        .own_group()
        .spawn(&runtime)
        .expect("a child");

    assert_eq!(text(child.stdout.take()), "--bool=true --text=a b\n");
    assert!(
        SubprocessBuilder::exec("/no/such/program", ["x"])
            .spawn(&runtime)
            .is_err()
    );
    runtime.shutdown();
}
