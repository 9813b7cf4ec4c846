//! Passes the output of a task from its sandbox to the terminal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mesos_agent::paths::ExecutorPlace;
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId};
use mesos_proto::v1;
use tokio::task::JoinHandle;

/// Time between two looks at the files.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Most bytes that are passed on at once.
const PIECE: usize = 64 * 1024;

/// The work directories of all agents.
#[derive(Clone, Debug)]
pub(super) struct Sandboxes {
    work_dirs: Vec<PathBuf>,
}

impl Sandboxes {
    pub(super) fn below(work_dirs: Vec<PathBuf>) -> Self {
        Self { work_dirs }
    }

    /// Starts to pass on the output of the task that a status is about.
    ///
    /// Must be called inside a tokio runtime.
    pub(super) fn follow(
        &self,
        status: &v1::TaskStatus,
        framework_id: &v1::FrameworkId,
    ) -> Option<Follower> {
        let agent: AgentId = status.agent_id().value().parse().ok()?;
        let framework: FrameworkId = framework_id.value().parse().ok()?;
        // The executor of a command task has the id of its task.
        let executor: ExecutorId = status.task_id().value().parse().ok()?;
        let sandbox = self.work_dirs.iter().find_map(|root| {
            let (agent, framework, executor) = (&agent, &framework, &executor);
            let place = ExecutorPlace {
                root,
                agent,
                framework,
                executor,
            };
            // The link is resolved once: the folder of the run stays, wherever the link points.
            place.latest_run().canonicalize().ok()
        })?;
        Some(Follower::start(&sandbox))
    }
}

/// Passes on what is written, until it is dropped.
pub(super) struct Follower {
    tails: Arc<Mutex<[Tail; 2]>>,
    task: JoinHandle<()>,
}

impl Follower {
    fn start(sandbox: &Path) -> Self {
        let tails = [
            Tail::of(sandbox.join("stdout")),
            Tail::of(sandbox.join("stderr")),
        ];
        let tails = Arc::new(Mutex::new(tails));
        let followed = Arc::clone(&tails);
        let task = tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK_AGAIN);
            loop {
                looks.tick().await;
                pass_on(&followed);
            }
        });
        Self { tails, task }
    }

    /// Passes on what has been written so far.
    pub(super) fn catch_up(&self) {
        pass_on(&self.tails);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn pass_on(tails: &Mutex<[Tail; 2]>) {
    // A holder that panicked has passed on less, which the next one makes up for.
    let mut tails = tails.lock().unwrap_or_else(PoisonError::into_inner);
    let [stdout, stderr] = &mut *tails;
    stdout.pass_on(&mut io::stdout());
    stderr.pass_on(&mut io::stderr());
}

/// The end of a file that grows.
struct Tail {
    path: PathBuf,
    file: Option<File>,
}

impl Tail {
    fn of(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Writes what has come since the last call. A reader that has gone away must not end the task.
    fn pass_on(&mut self, out: &mut impl Write) {
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return };
        let mut piece = vec![0; PIECE];
        while let Ok(length @ 1..) = file.read(&mut piece) {
            let _ = out.write_all(piece.get(..length).unwrap_or_default());
        }
        let _ = out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_passes_on_each_byte_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        let mut tail = Tail::of(path.clone());
        let mut out = Vec::new();

        tail.pass_on(&mut out);
        std::fs::write(&path, "one\n").unwrap();
        tail.pass_on(&mut out);
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"two\n").unwrap();
        tail.pass_on(&mut out);
        tail.pass_on(&mut out);

        assert_eq!(out, b"one\ntwo\n");
    }
}
