//! Takes the tasks of a group, which run together or not at all.

use libprocess::{Context, Upid};
use mesos_proto::internal::RunTaskGroupMessage;

use super::AgentProcess;
use crate::state::framework::TaskLaunch;

impl AgentProcess {
    /// The master wants a group of tasks to run.
    pub(super) fn run_task_group(
        &mut self,
        from: &Upid,
        message: RunTaskGroupMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring run task group message: it is not from the expected master");
            return;
        }
        let framework = message.framework().clone();
        if framework.id.is_none() {
            tracing::error!("ignoring run task group message: the framework has no id");
            return;
        }
        let group = message.task_group().clone();
        if group.tasks.is_empty() {
            tracing::error!("ignoring run task group message: the group is empty");
            return;
        }
        let launch = TaskLaunch {
            executor: message.executor().clone(),
            tasks: group.tasks.clone(),
            group: Some(group),
            versions: message.resource_version_uuids,
            launch_executor: message.launch_executor,
        };
        self.run(framework, None, launch, ctx);
    }
}
