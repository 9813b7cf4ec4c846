//! Tells what the executors have and use.

use libprocess::{Context, Future, Outcome, Promise, await_all};
use mesos_containerizer::containerizer::settle;
use mesos_proto::v1::{self, resource_usage};

use super::AgentProcess;
use crate::state::executor::{Executor, ExecutorState};

impl AgentProcess {
    /// The executors that have not ended, what is allocated to them and what they use.
    ///
    /// An executor that cannot be measured is there without statistics.
    pub(crate) fn usage(&self, ctx: &mut Context<Self>) -> Future<v1::ResourceUsage> {
        let Some(parts) = &self.parts else {
            return Future::failed("the agent has no containerizer");
        };
        let mut usage = v1::ResourceUsage {
            total: self.resources.total.to_proto(),
            ..Default::default()
        };
        let mut statistics = Vec::new();
        for executor in self.frameworks.executors() {
            if executor.state() != ExecutorState::Terminated {
                usage.executors.push(entry(executor));
                statistics.push(parts.containerizer.usage(executor.container()));
            }
        }
        let (promise, future) = Promise::new();
        ctx.on_any(await_all(statistics), move |_, answers, _| {
            let answers = match answers {
                Outcome::Ready(answers) => answers,
                Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => Vec::new(),
            };
            for (entry, answer) in usage.executors.iter_mut().zip(answers) {
                match settle(answer) {
                    Ok(statistics) => entry.statistics = Some(statistics.into()),
                    Err(error) => {
                        let executor = entry.executor_info().executor_id().value();
                        tracing::warn!(executor, %error, "no statistics of the executor");
                    }
                }
            }
            promise.set(usage);
        });
        future
    }
}

fn entry(executor: &Executor) -> resource_usage::Executor {
    let mut info = executor.info().clone();
    info.framework_id = Some(executor.framework().to_proto());
    resource_usage::Executor {
        executor_info: Some(info.into()),
        allocated: executor.allocated().to_proto(),
        container_id: Some(executor.container().to_proto()),
        tasks: executor.launched().map(task).collect(),
        ..Default::default()
    }
}

fn task(task: &v1::Task) -> resource_usage::executor::Task {
    resource_usage::executor::Task {
        name: Some(task.name().to_owned()),
        id: task.task_id.clone(),
        resources: task.resources.clone(),
        labels: task.labels.clone(),
        ..Default::default()
    }
}
