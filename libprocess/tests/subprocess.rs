//! What a child inherits, where its output goes, and hooks before it runs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::sync::mpsc;

use libprocess::subprocess::{Io, Subprocess, SubprocessBuilder, SubprocessError};
use libprocess::{Outcome, Runtime, io};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .start()
        .expect("a runtime")
}

fn text(pipe: Option<OwnedFd>) -> String {
    let mut text = String::new();
    let mut file = File::from(pipe.expect("a pipe"));
    file.read_to_string(&mut text).expect("the output");
    text
}

fn code(runtime: &Runtime, child: Subprocess) -> Option<i32> {
    let status = runtime.block_on(child.status).ready().flatten();
    status.and_then(|status| status.code())
}

/// Mirrors: SubprocessTest.Default
#[test]
fn a_child_has_our_streams_by_default() {
    let runtime = runtime();

    let child = SubprocessBuilder::shell("echo hello world").spawn(&runtime);

    let child = child.expect("a child");
    assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
    assert_eq!(code(&runtime, child), Some(0));
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.PipeOutputToFileDescriptor
#[test]
fn each_output_goes_to_the_descriptor_it_was_given() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (out, err) = (
        folder.path().join("out.txt"),
        folder.path().join("error.txt"),
    );
    let open = |path| OwnedFd::from(File::create(path).expect("a file"));

    let first = SubprocessBuilder::shell("echo hello").stdout(Io::Descriptor(open(&out)));
    assert_eq!(
        code(&runtime, first.spawn(&runtime).expect("a child")),
        Some(0)
    );
    let second = SubprocessBuilder::shell("echo goodbye 1>&2").stderr(Io::Descriptor(open(&err)));
    assert_eq!(
        code(&runtime, second.spawn(&runtime).expect("a child")),
        Some(0)
    );

    assert_eq!(std::fs::read_to_string(out).expect("the file"), "hello\n");
    assert_eq!(std::fs::read_to_string(err).expect("the file"), "goodbye\n");
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.PipeOutputToPath
/// Mirrors: SubprocessTest.EnvironmentEcho
#[test]
fn each_output_goes_to_the_file_that_was_named() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (out, err) = (
        folder.path().join("out.txt"),
        folder.path().join("error.txt"),
    );

    let first = SubprocessBuilder::shell("echo $key2")
        .environment([("key1", "value1"), ("key2", "value2")])
        .stdout(Io::Path(out.clone()));
    assert_eq!(
        code(&runtime, first.spawn(&runtime).expect("a child")),
        Some(0)
    );
    let second = SubprocessBuilder::shell("echo hello; echo goodbye 1>&2")
        .stdout(Io::Path(out.clone()))
        .stderr(Io::Path(err.clone()));
    assert_eq!(
        code(&runtime, second.spawn(&runtime).expect("a child")),
        Some(0)
    );

    assert_eq!(
        std::fs::read_to_string(out).expect("the file"),
        "value2\nhello\n"
    );
    assert_eq!(std::fs::read_to_string(err).expect("the file"), "goodbye\n");
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.FdInput
#[test]
fn a_descriptor_of_ours_is_its_input() {
    let runtime = runtime();
    let mut input = tempfile::NamedTempFile::new().expect("a file");
    input.write_all(b"hello\n").expect("written");
    let descriptor = OwnedFd::from(File::open(input.path()).expect("the file"));

    let mut child = SubprocessBuilder::shell("read word ; echo $word")
        .stdin(Io::Descriptor(descriptor))
        .stdout(Io::Pipe)
        .spawn(&runtime)
        .expect("a child");

    let output = child.stdout.take().expect("a pipe");
    let read = runtime.block_on(io::read(&runtime, output.as_fd()));
    assert_eq!(read.ready().as_deref(), Some(&b"hello\n"[..]));
    assert_eq!(code(&runtime, child), Some(0));
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.PipeLargeOutput
/// Mirrors: SubprocessTest.PipeRedirect
#[test]
fn more_than_a_pipe_holds_is_redirected_to_a_file() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let (source, target) = (folder.path().join("in"), folder.path().join("out"));
    let large = "c".repeat(300_000);
    std::fs::write(&source, &large).expect("written");

    let mut child = SubprocessBuilder::exec("cat", ["cat".into(), source.into_os_string()])
        .stdout(Io::Pipe)
        .spawn(&runtime)
        .expect("a child");
    let output = child.stdout.take().expect("a pipe");
    let file = File::create(&target).expect("a file");
    let done = io::redirect(&runtime, output.as_fd(), Some(file.as_fd()), 4096, vec![]);

    assert_eq!(runtime.block_on(done), Outcome::Ready(()));
    assert_eq!(code(&runtime, child), Some(0));
    assert!(std::fs::read_to_string(&target).expect("the file") == large);
    runtime.shutdown();
}

/// Mirrors: SubprocessTest.WhiteListFds
#[test]
fn a_child_inherits_the_descriptors_that_are_kept_and_no_others() {
    let runtime = runtime();
    let (kept, other) = (
        tempfile::tempfile().expect("a file"),
        tempfile::tempfile().expect("one"),
    );
    // Whoever forgot to say so would leak this one.
    rustix::io::fcntl_setfd(&other, rustix::io::FdFlags::empty()).expect("inheritable");
    let (kept_number, other_number) = (kept.as_raw_fd(), other.as_raw_fd());

    let mut child = SubprocessBuilder::shell("ls /dev/fd")
        .stdout(Io::Pipe)
        .keep([kept.into()])
        .spawn(&runtime)
        .expect("a child");

    let listed = text(child.stdout.take());
    let numbers: Vec<i32> = listed
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    for expected in [0, 1, 2, kept_number] {
        assert!(numbers.contains(&expected), "{expected} in {numbers:?}");
    }
    assert!(
        !numbers.contains(&other_number),
        "{other_number} in {numbers:?}"
    );
    assert_eq!(code(&runtime, child), Some(0));
    runtime.shutdown();
}

#[test]
fn a_child_leads_a_session_of_its_own_when_asked_to() {
    let runtime = runtime();
    let script = "cut -d' ' -f1,5,6 /proc/self/stat; echo $$";

    let mut child = SubprocessBuilder::shell(script)
        .own_group()
        .own_session()
        .stdout(Io::Pipe)
        .spawn(&runtime)
        .expect("a child");

    let output = text(child.stdout.take());
    let words: Vec<i32> = output
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [_cut, group, session, shell] = words[..] else {
        unreachable!("four numbers in {output}");
    };
    assert_eq!((group, session, shell), (child.pid, child.pid, child.pid));
    assert_eq!(code(&runtime, child), Some(0));
    runtime.shutdown();
}

#[test]
fn hooks_of_the_parent_run_in_order_before_the_program() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark");
    let (tell, told) = mpsc::channel();
    let (first, second) = (tell.clone(), tell);
    let path = mark.clone();

    let child = SubprocessBuilder::exec("cat", ["cat".into(), mark.into_os_string()])
        .stdout(Io::Pipe)
        .parent_hook(move |pid| {
            first
                .send(("first", pid))
                .map_err(|error| error.to_string())
        })
        .parent_hook(move |pid| {
            second
                .send(("second", pid))
                .map_err(|error| error.to_string())?;
            std::fs::write(&path, "made by a hook").map_err(|error| error.to_string())
        })
        .spawn(&runtime);

    let mut child = child.expect("a child");
    assert_eq!(text(child.stdout.take()), "made by a hook");
    assert_eq!(
        told.try_iter().collect::<Vec<_>>(),
        [("first", child.pid), ("second", child.pid)]
    );
    assert_eq!(code(&runtime, child), Some(0));
    runtime.shutdown();
}

#[test]
fn a_hook_that_refuses_kills_the_child_before_it_runs() {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("mark");

    let refused = SubprocessBuilder::exec("touch", ["touch".into(), mark.clone().into_os_string()])
        .parent_hook(|_| Err("no room".to_owned()))
        .spawn(&runtime)
        .expect_err("refused");

    let SubprocessError::ParentHook { pid, .. } = refused else {
        unreachable!("{refused}");
    };
    assert_eq!(
        refused.to_string(),
        format!("Failed to execute Subprocess::ParentHook in parent for child '{pid}': no room")
    );
    assert!(std::fs::metadata(mark).is_err());
    assert_eq!(runtime.block_on(runtime.reap(pid)), Outcome::Ready(None));
    runtime.shutdown();
}

#[test]
fn a_program_that_does_not_exist_is_an_error_with_hooks_too() {
    let runtime = runtime();

    let failed = SubprocessBuilder::exec("/no/such/program", ["x"])
        .parent_hook(|_| Ok(()))
        .spawn(&runtime);

    assert!(matches!(failed, Err(SubprocessError::Start { .. })));
    let nowhere = SubprocessBuilder::shell("true")
        .directory("/no/such/folder")
        .parent_hook(|_| Ok(()))
        .spawn(&runtime);
    assert!(matches!(nowhere, Err(SubprocessError::Start { .. })));
    runtime.shutdown();
}

#[test]
fn a_child_that_is_killed_shows_the_signal() {
    let runtime = runtime();

    let child = SubprocessBuilder::shell("kill -KILL $$")
        .parent_hook(|_| Ok(()))
        .spawn(&runtime);

    let status = runtime
        .block_on(child.expect("a child").status)
        .ready()
        .flatten();
    assert_eq!(status.and_then(|status| status.signal()), Some(9));
    runtime.shutdown();
}
