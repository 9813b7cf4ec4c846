//! Takes up the executors of a former agent with their tasks.
//!
//! Mirrors `Framework::recoverExecutor` and `Executor::recoverTask`.

use libprocess::Context;
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::v1;

use super::AgentProcess;
use crate::{
    checkpoint::{ExecutorCheckpoint, TaskCheckpoint, Transport, layout::RunPhase},
    paths::ExecutorPlace,
    state::{
        executor::{Connection, Durability, Executor, ExecutorSpec, ExecutorState},
        task::is_terminal,
    },
};

/// What became of a task that is taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovered {
    /// The framework knows of its end.
    Completed,
    /// Something is to come yet.
    Pending,
}

impl AgentProcess {
    /// Takes up the latest run of an executor, and leaves everything older to the collector.
    pub(super) fn recover_executor(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        found: &ExecutorCheckpoint,
        ctx: &Context<Self>,
    ) {
        let (work_dir, meta) = (self.work_dir.clone(), self.meta.clone());
        let work = ExecutorPlace {
            root: &work_dir,
            agent,
            framework,
            executor: &found.id,
        };
        let meta = ExecutorPlace {
            root: &meta,
            ..work
        };
        let (Some(info), Some(latest)) = (&found.info, &found.latest) else {
            self.collect_garbage(&work.dir());
            self.collect_garbage(&meta.dir());
            return;
        };
        for run in found.runs.iter().filter(|run| run.id != *latest) {
            self.collect_garbage(&work.run_dir(&run.id));
            self.collect_garbage(&meta.run_dir(&run.id));
        }
        let Some(run) = found.runs.iter().find(|run| run.id == *latest) else {
            return;
        };
        let directory = work.run_dir(latest);
        let mut executor = Executor::new(ExecutorSpec {
            info: info.clone(),
            framework: framework.clone(),
            container: latest.clone(),
            directory: directory.clone(),
            user: self.user_of(framework, info),
            durability: Durability::Checkpointed,
            origin: found.origin,
        });
        executor.connection = match &run.transport {
            Transport::Libprocess(pid) => Connection::Libprocess(pid.clone()),
            Transport::Http => Connection::Http(None),
            Transport::Unknown => Connection::Unknown,
        };
        for task in &run.tasks {
            if recover_task(&mut executor, task) == Recovered::Completed {
                self.collect_garbage_by_age(&meta.task_dir(latest, &task.id), ctx);
            }
        }
        self.attach_sandbox(framework, &found.id, &directory, ctx);
        self.attach_volumes_of(framework, &executor, ctx);
        let completed = run.phase == RunPhase::Completed;
        if completed {
            executor.become_state(ExecutorState::Terminated);
            executor.terminate_launched();
            self.metrics.executors_terminated.increment();
            for path in [
                work.run_dir(latest),
                meta.run_dir(latest),
                work.dir(),
                meta.dir(),
            ] {
                self.collect_garbage(&path);
            }
        }
        if let Some(known) = self.frameworks.get_mut(framework) {
            known.add_executor(executor);
            if completed {
                drop(known.complete_executor(&found.id));
            }
        }
    }

    /// Who runs an executor, when it is not the agent's own user.
    fn user_of(&self, framework: &FrameworkId, info: &v1::ExecutorInfo) -> Option<String> {
        if !self.flags.switch_user {
            return None;
        }
        let own = info
            .command
            .as_ref()
            .and_then(|command| command.user.clone());
        own.or_else(|| {
            let framework = self.frameworks.get(framework)?;
            Some(framework.info.user().to_owned())
        })
    }
}

/// Replays the updates of a task up to its end.
fn recover_task(executor: &mut Executor, found: &TaskCheckpoint) -> Recovered {
    executor.add_recovered(found.id.clone(), found.info.clone());
    for update in &found.updates {
        let status = update.status();
        if let Err(error) = executor.update_task(status) {
            tracing::error!(task = %found.id, %error, "recovered task cannot be updated");
            continue;
        }
        if is_terminal(status.state()) {
            let acknowledged = uuid::Uuid::from_slice(update.uuid())
                .is_ok_and(|uuid| found.acknowledged.contains(&uuid));
            if acknowledged {
                executor.complete(&found.id);
                return Recovered::Completed;
            }
            return Recovered::Pending;
        }
    }
    Recovered::Pending
}
