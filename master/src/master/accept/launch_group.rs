//! `LAUNCH_GROUP`: all tasks or none.

use libprocess::Context;
use mesos_common::resources::Resources;
use mesos_proto::internal::RunTaskGroupMessage as RunTaskGroup;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::task_status::Reason;

use super::launch::{NewExecutor, consume, names, resource_versions};
use super::{Acceptance, MasterProcess, Rejection};
use crate::resource_format::downgrade;
use crate::validation;

/// Gives tasks without executor the group's.
pub(super) fn complete(operation: &mut v1::offer::Operation) {
    if operation.r#type() != Type::LaunchGroup {
        return;
    }
    let Some(group) = operation.launch_group.as_mut() else {
        return;
    };
    let executor = group.executor.clone();
    let Some(tasks) = group.task_group.as_mut() else {
        return;
    };
    for task in &mut tasks.tasks {
        if task.executor.is_none() {
            task.executor.clone_from(&executor);
        }
    }
}

impl MasterProcess {
    pub(super) fn perform_launch_group(
        &mut self,
        acceptance: &mut Acceptance,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        let group = operation.launch_group();
        let tasks = &group.task_group().tasks;
        let refused = tasks.iter().filter_map(|task| {
            let refusal = self
                .authorize_launch(&acceptance.framework_id, task)
                .err()?;
            let id = task.task_id().value();
            // Without a space, as clients of Mesos see it.
            Some(format!(
                "Task '{id}' is not authorized to{}",
                refusal.question
            ))
        });
        let checked = match refused.last() {
            Some(text) => Err((Reason::ReasonTaskGroupUnauthorized, text)),
            None => self
                .check_group(acceptance, group)
                .map_err(|text| (Reason::ReasonTaskGroupInvalid, text)),
        };
        if let Err((reason, text)) = checked {
            let rejection = Rejection {
                state: TaskState::TaskError,
                reason,
                text: &text,
            };
            let tasks: Vec<&v1::TaskInfo> = tasks.iter().collect();
            self.reject_tasks(&acceptance.framework_id, &tasks, &rejection, ctx);
            return;
        }
        tracing::info!(tasks = ?names(tasks), "launching a task group");
        let mut consumed = Resources::new();
        let executor = self.add_new_executor(acceptance, group.executor());
        if let NewExecutor::Yes(resources) = &executor {
            consumed += resources;
        }
        for task in tasks {
            consumed += &Resources::from_proto(&task.resources);
            self.add_launched_task(acceptance, task);
        }
        consume(acceptance, &consumed);
        self.count_performed(&acceptance.framework_id, Type::LaunchGroup);
        self.send_run_group(acceptance, group, &executor, ctx);
    }

    fn check_group(
        &self,
        acceptance: &Acceptance,
        group: &v1::offer::operation::LaunchGroup,
    ) -> Result<(), String> {
        let framework = self.frameworks.get(&acceptance.framework_id);
        let agent = self.agents.get(&acceptance.agent_id);
        let (Some(framework), Some(agent)) = (framework, agent) else {
            return Err("Agent removed".to_owned());
        };
        validation::task::validate_group(
            group.task_group(),
            group.executor(),
            framework,
            agent,
            &acceptance.remaining,
        )
        .map_err(|error| error.to_string())
    }

    fn send_run_group(
        &self,
        acceptance: &Acceptance,
        group: &v1::offer::operation::LaunchGroup,
        start: &NewExecutor,
        ctx: &Context<Self>,
    ) {
        let framework = self.frameworks.get(&acceptance.framework_id);
        let agent = self.agents.get(&acceptance.agent_id);
        let (Some(framework), Some(agent)) = (framework, agent) else {
            return;
        };
        let mut executor = group.executor().clone();
        let mut tasks = group.task_group().clone();
        if !agent.has(Capability::ReservationRefinement) {
            downgrade(&mut executor.resources);
            for task in &mut tasks.tasks {
                downgrade(&mut task.resources);
                if let Some(executor) = task.executor.as_mut() {
                    downgrade(&mut executor.resources);
                }
            }
        }
        let message = RunTaskGroup {
            framework: Some(v1::FrameworkInfo::clone(framework.info()).into()),
            executor: Some(executor.into()),
            task_group: Some(tasks),
            resource_version_uuids: resource_versions(agent),
            launch_executor: Some(start.is_new()),
            ..Default::default()
        };
        ctx.send_protobuf(agent.pid(), &message);
    }
}
