//! Leaves directories of what has ended to the collector.

use std::path::Path;

use libprocess::Context;
use mesos_common::ids::{ExecutorId, FrameworkId, TaskId};

use super::AgentProcess;
use crate::{
    paths::{self, ExecutorPlace},
    state::executor::Durability,
};

impl AgentProcess {
    /// Marks a directory as used just now and has it removed after the delay.
    pub(super) fn collect_garbage(&self, path: &Path) {
        if let Err(error) = touch(path) {
            tracing::debug!(%error, path = %path.display(), "directory is not marked as used");
        }
        self.schedule_removal(path, std::time::Duration::ZERO);
    }

    /// Has a directory removed that was of use for the last time when it was changed, before this agent began.
    pub(super) fn collect_garbage_by_age(&self, path: &Path, ctx: &Context<Self>) {
        let modified = std::fs::metadata(path).and_then(|found| found.modified());
        let since = modified.map(|time| time.duration_since(std::time::UNIX_EPOCH));
        match since {
            Ok(Ok(since)) => {
                let age = ctx.now().since_epoch().saturating_sub(since);
                self.schedule_removal(path, age);
            }
            // Somebody removed it, or the clock stood before the epoch.
            Ok(Err(_)) | Err(_) => self.collect_garbage(path),
        }
    }

    /// As [`Self::collect_garbage`], and the sandbox can be browsed until it is removed.
    pub(super) fn collect_sandbox_garbage(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        sandbox: &Path,
        ctx: &mut Context<Self>,
    ) {
        if let Err(error) = touch(sandbox) {
            tracing::debug!(%error, path = %sandbox.display(), "sandbox is not marked as used");
        }
        let Some(parts) = &self.parts else { return };
        let removed = parts.gc.schedule(self.flags.gc_delay, sandbox.to_owned());
        let (framework, executor, sandbox) =
            (framework.clone(), executor.clone(), sandbox.to_owned());
        ctx.on_any(removed, move |agent, outcome, _| {
            // A failed or replaced removal leaves the sandbox where it is.
            if outcome.ready().is_some_and(|result| result.is_ok()) {
                agent.detach_sandbox(&framework, &executor, &sandbox);
            }
        });
    }

    /// Leaves the checkpoint of a task that was acknowledged to the collector.
    pub(super) fn collect_task_garbage(
        &self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        task: &TaskId,
    ) {
        let (Some(agent), Some(executor)) = (&self.id, self.frameworks.executor(id, executor_id))
        else {
            return;
        };
        if executor.durability() == Durability::Checkpointed {
            let place = ExecutorPlace {
                root: &self.meta,
                agent,
                framework: id,
                executor: executor_id,
            };
            self.collect_garbage(&place.task_dir(executor.container(), task));
        }
    }

    /// Leaves the directories of former agents of this work directory to the collector.
    pub(super) fn collect_former_agents(&self) {
        for root in [&self.work_dir, &self.meta] {
            let directory = paths::agents_dir(root);
            let members = paths::members(&directory).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %directory.display(), "former agents cannot be listed");
                Vec::new()
            });
            for name in members {
                if self.id.as_ref().map(|id| id.as_str()) != Some(name.as_str()) {
                    self.collect_garbage(&directory.join(name));
                }
            }
        }
    }

    /// Has a directory removed that was last used some time ago.
    pub(super) fn schedule_removal(&self, path: &Path, age: std::time::Duration) {
        if let Some(parts) = &self.parts {
            let delay = self.flags.gc_delay.saturating_sub(age);
            drop(parts.gc.schedule(delay, path.to_owned()));
        }
    }
}

fn touch(path: &Path) -> nix::Result<()> {
    nix::sys::stat::utimensat(
        nix::fcntl::AT_FDCWD,
        path,
        &nix::sys::time::TimeSpec::UTIME_NOW,
        &nix::sys::time::TimeSpec::UTIME_NOW,
        nix::sys::stat::UtimensatFlags::FollowSymlink,
    )
}
