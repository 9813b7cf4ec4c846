//! Measures how much of the disk directories take, one after the other.
//!
//! Mirrors `DiskUsageCollector` of `src/slave/containerizer/mesos/isolators/posix/disk.cpp`.
//!
//! # Owns
//! The directories that wait to be measured, and the one `du` that runs.
//!
//! # Timers
//! One, for the pause after a measurement.

use std::{collections::VecDeque, fmt, io, os::fd::AsFd, path::PathBuf, time::Duration};

use libprocess::{
    Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime, io as streams,
    subprocess::{Io, SubprocessBuilder},
};
use mesos_common::bytes::ByteSize;
use mesos_linux::process_tree::{Follow, ProcFs, kill_tree};
use nix::sys::signal::Signal;

use crate::isolator::{IsolatorAnswer, IsolatorError};

/// A directory that waits for its turn.
#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    excludes: Vec<PathBuf>,
    /// Everybody who asked for this directory.
    promises: Vec<Promise<Result<ByteSize, IsolatorError>>>,
}

/// The actor that measures.
#[derive(Debug)]
pub(super) struct DiskUsageProcess {
    pause: Duration,
    waiting: VecDeque<Waiting>,
    turn: Turn,
}

/// What the actor does right now.
#[derive(Debug)]
enum Turn {
    /// Nothing, and it may begin.
    Free,
    /// `du` runs for a directory.
    Measuring { du: i32, waiting: Waiting },
    /// It lets the disk rest.
    Resting,
}

impl Process for DiskUsageProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("posix-disk-usage-collector")
    }

    fn finalize(&mut self, _ctx: &mut Context<Self>) {
        let Turn::Measuring { du, .. } = &self.turn else {
            return;
        };
        if let Err(error) = kill_tree(
            &ProcFs::default(),
            *du,
            Signal::SIGKILL,
            Follow::Descendants,
        ) {
            tracing::warn!(%error, "du stays behind");
        }
    }
}

/// What `du` left: its outputs and how it ended.
struct Ended {
    out: Outcome<bytes::Bytes>,
    err: Outcome<bytes::Bytes>,
    status: Outcome<Option<std::process::ExitStatus>>,
}

impl DiskUsageProcess {
    fn usage(
        &mut self,
        path: PathBuf,
        excludes: Vec<PathBuf>,
        ctx: &mut Context<Self>,
    ) -> IsolatorAnswer<ByteSize> {
        let (promise, future) = Promise::new();
        match self.waiting.iter_mut().find(|entry| entry.path == path) {
            Some(entry) => entry.promises.push(promise),
            None => self.waiting.push_back(Waiting {
                path,
                excludes,
                promises: vec![promise],
            }),
        }
        self.measure_next(ctx);
        future
    }

    fn measure_next(&mut self, ctx: &mut Context<Self>) {
        if !matches!(self.turn, Turn::Free) {
            return;
        }
        let Some(next) = self.waiting.pop_front() else {
            return;
        };
        match start(&next, ctx.runtime()) {
            Ok(du) => self.await_du(du, next, ctx),
            Err(error) => {
                answer(next, || {
                    Err(IsolatorError::system("exec 'du'")(io::Error::new(
                        error.kind(),
                        error.to_string(),
                    )))
                });
                self.rest(ctx);
            }
        }
    }

    /// Reads what `du` says while it runs, and then how it ended.
    fn await_du(&mut self, du: Du, waiting: Waiting, ctx: &Context<Self>) {
        let runtime = ctx.runtime();
        let out = streams::read(runtime, du.out.as_fd());
        let err = streams::read(runtime, du.err.as_fd());
        self.turn = Turn::Measuring {
            du: du.pid,
            waiting,
        };
        let status = du.status;
        ctx.on_any(out, move |_, out, ctx| {
            ctx.on_any(err, move |_, err, ctx| {
                ctx.on_any(status, move |collector, status, ctx| {
                    collector.on_ended(&Ended { out, err, status }, ctx);
                });
            });
        });
    }

    fn on_ended(&mut self, ended: &Ended, ctx: &mut Context<Self>) {
        if let Turn::Measuring { waiting, .. } = std::mem::replace(&mut self.turn, Turn::Resting) {
            answer(waiting, || read(ended));
        }
        self.rest(ctx);
    }

    fn rest(&mut self, ctx: &mut Context<Self>) {
        self.turn = Turn::Resting;
        ctx.delay(self.pause, |collector, ctx| {
            collector.turn = Turn::Free;
            collector.measure_next(ctx);
        });
    }
}

fn answer(waiting: Waiting, result: impl Fn() -> Result<ByteSize, IsolatorError>) {
    for promise in waiting.promises {
        promise.set(result());
    }
}

/// A running `du`.
struct Du {
    pid: i32,
    out: std::os::fd::OwnedFd,
    err: std::os::fd::OwnedFd,
    status: Future<Option<std::process::ExitStatus>>,
}

/// Starts `du`, which counts blocks of 1 KiB and does not follow links.
fn start(waiting: &Waiting, runtime: &Runtime) -> io::Result<Du> {
    let mut arguments = vec!["du".into(), "-k".into(), "-s".into()];
    for exclude in &waiting.excludes {
        arguments.push("--exclude".into());
        arguments.push(exclude.clone().into_os_string());
    }
    arguments.push("--".into());
    arguments.push(waiting.path.clone().into_os_string());
    let child = SubprocessBuilder::exec("du", arguments)
        .stdin(Io::Null)
        .stdout(Io::Pipe)
        .stderr(Io::Pipe)
        .spawn(runtime)
        .map_err(io::Error::other)?;
    let no_pipe = || io::Error::other("no pipe");
    Ok(Du {
        pid: child.pid,
        out: child.stdout.ok_or_else(no_pipe)?,
        err: child.stderr.ok_or_else(no_pipe)?,
        status: child.status,
    })
}

/// Reads the answer of `du`: the number of blocks and the directory.
fn read(ended: &Ended) -> Result<ByteSize, IsolatorError> {
    let refused = |text: String| Err(IsolatorError::Refused(text));
    let text = |outcome: &Outcome<bytes::Bytes>| match outcome {
        Outcome::Ready(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Outcome::Failed(text) => text.clone(),
        Outcome::Discarded | Outcome::Abandoned => "abandoned".to_owned(),
    };
    match &ended.status {
        Outcome::Ready(Some(status)) if status.success() => {}
        Outcome::Ready(Some(_)) => {
            return refused(format!("Failed to perform 'du': {}", text(&ended.err)));
        }
        Outcome::Ready(None) | Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
            return refused("Failed to reap the status of 'du'".to_owned());
        }
    }
    let output = text(&ended.out);
    let blocks = output.split_whitespace().next().map(str::parse::<u64>);
    match blocks {
        Some(Ok(blocks)) => Ok(ByteSize::from_bytes(blocks.saturating_mul(1024))),
        Some(Err(_)) | None => refused(format!("Unexpected output from 'du': {output}")),
    }
}

/// The handle of a [`DiskUsageProcess`]; the actor ends with it.
pub(super) struct DiskUsageCollector {
    pid: Pid<DiskUsageProcess>,
}

impl fmt::Debug for DiskUsageCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DiskUsageCollector")
            .field(self.pid.upid())
            .finish()
    }
}

impl DiskUsageCollector {
    /// Starts the actor, which rests for `pause` after each measurement.
    pub(super) fn spawn(runtime: &Runtime, pause: Duration) -> Self {
        Self {
            pid: runtime.spawn(DiskUsageProcess {
                pause,
                waiting: VecDeque::new(),
                turn: Turn::Free,
            }),
        }
    }

    /// Measures a file or directory, without what the patterns of `excludes` match.
    ///
    /// A second request for a directory that waits joins the first.
    pub(super) fn usage(&self, path: PathBuf, excludes: Vec<PathBuf>) -> IsolatorAnswer<ByteSize> {
        self.pid
            .call_future(move |collector, ctx| collector.usage(path, excludes, ctx))
    }

    /// Forgets a directory that waits; the answers to those who asked for it do not come.
    pub(super) fn cancel(&self, path: PathBuf) {
        self.pid.dispatch(move |collector, _| {
            collector.waiting.retain(|entry| entry.path != path);
        });
    }
}

impl Drop for DiskUsageCollector {
    fn drop(&mut self) {
        self.pid.terminate();
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use super::*;
    use crate::isolators::posix::settle;

    struct Fixture {
        runtime: Runtime,
        collector: DiskUsageCollector,
        directory: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let runtime = Runtime::builder()
                .ip([127, 0, 0, 1].into())
                .start()
                .expect("runtime");
            Self {
                collector: DiskUsageCollector::spawn(&runtime, Duration::from_millis(1)),
                directory: tempfile::tempdir().expect("temporary directory"),
                runtime,
            }
        }

        fn write(&self, name: &str, kilobytes: usize) -> PathBuf {
            let path = self.directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs::write(&path, vec![b'x'; kilobytes * 1024]).expect("written");
            path
        }

        /// Measures; the answer is in units of 1 KiB.
        fn kilobytes(&self, path: &Path, excludes: &[&str]) -> u64 {
            let excludes = excludes.iter().map(PathBuf::from).collect();
            let measured = self.collector.usage(path.to_owned(), excludes);
            let measured = settle(self.runtime.block_on(measured));
            measured.expect("measured").bytes() / 1024
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            self.runtime.shutdown();
        }
    }

    /// Mirrors: DiskUsageCollectorTest.File
    #[test]
    fn file_takes_at_least_its_content() {
        let fixture = Fixture::new();
        let file = fixture.write("file", 8);

        assert!(fixture.kilobytes(&file, &[]) >= 8);
    }

    /// Mirrors: DiskUsageCollectorTest.Directory
    #[test]
    fn directory_takes_what_is_in_it_at_any_depth() {
        let fixture = Fixture::new();
        fixture.write("file1", 8);
        fixture.write("file2", 4);
        fixture.write("dir/file3", 1);
        fixture.write("dir/file4", 2);

        assert!(fixture.kilobytes(fixture.directory.path(), &[]) >= 15);
    }

    /// Mirrors: DiskUsageCollectorTest.SymbolicLink
    #[test]
    fn links_are_not_followed() {
        let fixture = Fixture::new();
        fixture.write("file", 64);
        let link = fixture.directory.path().join("link");
        symlink(fixture.directory.path(), &link).expect("linked");

        let of_directory = fixture.kilobytes(fixture.directory.path(), &[]);
        let of_link = fixture.kilobytes(&link, &[]);

        assert!((64..128).contains(&of_directory), "{of_directory}");
        assert!(of_link < 64, "{of_link}");
    }

    /// Mirrors: DiskUsageCollectorTest.ExcludeRelativePath
    #[test]
    fn pattern_is_compared_with_paths_as_they_are_walked() {
        let fixture = Fixture::new();
        let file = fixture.write("file", 128);
        let file = file.to_str().expect("text");

        let without = fixture.kilobytes(fixture.directory.path(), &["file"]);
        // The same directory by another way: the absolute pattern does not meet it.
        let own = fixture.directory.path().file_name().expect("a name");
        let other_way = fixture.directory.path().join("..").join(own);
        let with = fixture.kilobytes(&other_way, &[file]);

        assert!(without < 64, "{without}");
        assert!(with >= 128, "{with}");
    }

    #[test]
    fn what_is_not_there_is_a_failure_and_the_next_is_measured() {
        let fixture = Fixture::new();
        let missing = fixture.directory.path().join("missing");
        let measured = fixture.collector.usage(missing, Vec::new());

        let error = settle(fixture.runtime.block_on(measured)).expect_err("not there");

        assert!(error.to_string().starts_with("Failed to perform 'du': "));
        let file = fixture.write("file", 8);
        assert!(fixture.kilobytes(&file, &[]) >= 8);
    }

    #[test]
    fn cancelled_measurement_is_abandoned() {
        let fixture = Fixture::new();
        // The first takes the turn, so the second waits.
        let first = fixture.write("first", 1);
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .start()
            .expect("runtime");
        let collector = DiskUsageCollector::spawn(&runtime, Duration::from_secs(3600));
        let measured = collector.usage(first.clone(), Vec::new());
        settle(runtime.block_on(measured)).expect("measured");

        let waiting = collector.usage(first.clone(), Vec::new());
        collector.cancel(first);

        assert!(matches!(runtime.block_on(waiting), Outcome::Abandoned));
        runtime.shutdown();
    }
}
