//! Lets operators browse the volumes of tasks in a group.
//!
//! Such a volume is a link out of the sandbox, so that it needs a name of its own.

use libprocess::Context;
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_proto::v1::{
    self, executor_info,
    volume::source::{self, sandbox_path},
};

use super::AgentProcess;
use crate::state::executor::Executor;

impl AgentProcess {
    /// Offers the volumes of every task that the executor has.
    #[doc(alias = "attachTaskVolumeDirectory")]
    pub(super) fn attach_task_volumes(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        ctx: &Context<Self>,
    ) {
        if let Some(executor) = self.frameworks.executor(framework, executor) {
            self.attach_volumes_of(framework, executor, ctx);
        }
    }

    /// As [`AgentProcess::attach_task_volumes`] for an executor that is being recovered.
    pub(super) fn attach_volumes_of(
        &self,
        framework: &FrameworkId,
        executor: &Executor,
        ctx: &Context<Self>,
    ) {
        let Some(parts) = &self.parts else { return };
        if executor.info().r#type() != executor_info::Type::Default {
            return;
        }
        let guard = self.sandbox_guard(framework, executor.id(), ctx);
        let sandbox = executor.directory();
        for task in executor.launched() {
            let names = sandbox.join("tasks").join(task.task_id().value());
            for (inside, shown) in volumes_of(executor.info(), task) {
                let name = names.join(shown).display().to_string();
                let real = sandbox.join(inside);
                parts.files.attach(&real, &name, guard.clone());
            }
        }
    }
}

/// Paths in the executor's sandbox with those in the task's: the task's own persistent volumes, and
/// those of the executor that it shares.
fn volumes_of<'a>(info: &'a v1::ExecutorInfo, task: &'a v1::Task) -> Vec<(&'a str, &'a str)> {
    let path = |resource: &'a v1::Resource| {
        let volume = resource.disk.as_ref()?.volume.as_ref()?;
        Some(volume.container_path())
    };
    let own = task.resources.iter().filter_map(path);
    let mut volumes: Vec<(&str, &str)> = own.map(|path| (path, path)).collect();
    let of_executor: Vec<&str> = info.resources.iter().filter_map(path).collect();
    for volume in &task.container().volumes {
        let source = volume.source();
        let inside = source.sandbox_path().path();
        let is_shared = source.r#type() == source::Type::SandboxPath
            && source.sandbox_path().r#type() == sandbox_path::Type::Parent
            && of_executor.contains(&inside);
        if is_shared {
            volumes.push((inside, volume.container_path()));
        }
    }
    volumes
}
