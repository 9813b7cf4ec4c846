//! Passes the output of a task from its sandbox to the terminal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesos_agent::paths::ExecutorPlace;
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId};
use mesos_proto::v1;
use tokio::sync::oneshot;
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
            let place = ExecutorPlace { root, agent, framework, executor };
            // The link is resolved once: the folder of the run stays, wherever the link points.
            place.latest_run().canonicalize().ok()
        })?;
        Some(Follower::start(&sandbox))
    }
}

/// Passes on what is written, until it is told that nothing more will be.
pub(super) struct Follower {
    finished: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Follower {
    fn start(sandbox: &Path) -> Self {
        let mut stdout = Tail::of(sandbox.join("stdout"));
        let mut stderr = Tail::of(sandbox.join("stderr"));
        let (finished, mut is_finished) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK_AGAIN);
            loop {
                let last = tokio::select! {
                    _ = looks.tick() => false,
                    _ = &mut is_finished => true,
                };
                stdout.pass_on(&mut io::stdout());
                stderr.pass_on(&mut io::stderr());
                if last {
                    return;
                }
            }
        });
        Self { finished, task }
    }

    /// Passes on the rest.
    pub(super) async fn finish(self) {
        // The task ends by this only.
        let _ = self.finished.send(());
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the output of the task is incomplete");
        }
    }
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
