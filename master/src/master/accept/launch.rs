//! `LAUNCH`: each task on its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_common::resources::{ResourceConversion, Resources};
use mesos_proto::internal::{ResourceVersionUuid, RunTaskMessage as RunTask};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::health_check;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::task_status::Reason;

use super::{Acceptance, MasterProcess, Rejection};
use crate::resource_format::downgrade;
use crate::state::agent::Agent;
use crate::state::task::Task;
use crate::validation;

/// Fills in what old frameworks leave out.
pub(super) fn complete(operation: &mut v1::offer::Operation, framework_id: &FrameworkId) {
    if operation.r#type() != Type::Launch {
        return;
    }
    let Some(launch) = operation.launch.as_mut() else {
        return;
    };
    for task in &mut launch.task_infos {
        if let Some(executor) = task.executor.as_mut()
            && executor.framework_id.is_none()
        {
            executor.framework_id = Some(framework_id.to_proto());
        }
        complete_health_check(task);
    }
}

/// Health checks of before 1.2 have no type.
fn complete_health_check(task: &mut v1::TaskInfo) {
    let Some(check) = task.health_check.as_mut() else {
        return;
    };
    if check.r#type.is_some() {
        return;
    }
    match (check.command.is_some(), check.http.is_some()) {
        (true, false) => check.r#type = Some(health_check::Type::Command.into()),
        (false, true) => check.r#type = Some(health_check::Type::Http.into()),
        (true, true) | (false, false) => {}
    }
}

/// The versions of an agent's resources that a launch relies on.
pub(super) fn resource_versions(agent: &Agent) -> Vec<ResourceVersionUuid> {
    let uuid = |bytes: &[u8]| {
        Some(v1::Uuid {
            value: Some(bytes.to_vec().into()),
            ..Default::default()
        })
    };
    let own = agent.resource_version().map(|version| ResourceVersionUuid {
        uuid: uuid(version),
        ..Default::default()
    });
    let provided = agent
        .providers()
        .iter()
        .map(|(id, provider)| ResourceVersionUuid {
            resource_provider_id: Some(v1::ResourceProviderId {
                value: Some(id.clone()),
                ..Default::default()
            }),
            uuid: uuid(&provider.resource_version),
            ..Default::default()
        });
    own.into_iter().chain(provided).collect()
}

impl MasterProcess {
    pub(super) fn perform_launch(
        &mut self,
        acceptance: &mut Acceptance,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) {
        for task in &operation.launch().task_infos {
            if let Err(refusal) = self.authorize_launch(&acceptance.framework_id, task) {
                let rejection = Rejection {
                    state: TaskState::TaskError,
                    reason: Reason::ReasonTaskUnauthorized,
                    text: &refusal.text,
                };
                self.reject_tasks(&acceptance.framework_id, &[task], &rejection, ctx);
                continue;
            }
            let available = &acceptance.remaining.non_shared() + &acceptance.shared_left;
            if let Err(text) = self.check_task(acceptance, task, &available) {
                let rejection = Rejection {
                    state: TaskState::TaskError,
                    reason: Reason::ReasonTaskInvalid,
                    text: &text,
                };
                self.reject_tasks(&acceptance.framework_id, &[task], &rejection, ctx);
                continue;
            }
            self.launch(acceptance, task, ctx);
        }
    }

    fn check_task(
        &self,
        acceptance: &Acceptance,
        task: &v1::TaskInfo,
        available: &Resources,
    ) -> Result<(), String> {
        let framework = self.frameworks.get(&acceptance.framework_id);
        let agent = self.agents.get(&acceptance.agent_id);
        let (Some(framework), Some(agent)) = (framework, agent) else {
            return Err("Agent removed".to_owned());
        };
        validation::task::validate(task, framework, agent, available)
            .map_err(|error| error.to_string())
    }

    /// Puts a valid task in the books and sends it to its agent.
    fn launch(&mut self, acceptance: &mut Acceptance, task: &v1::TaskInfo, ctx: &Context<Self>) {
        let launch_executor = match &task.executor {
            Some(executor) => self.add_new_executor(acceptance, executor),
            None => NewExecutor::Yes(Resources::new()),
        };
        let mut consumed = Resources::from_proto(&task.resources);
        if let NewExecutor::Yes(resources) = &launch_executor {
            consumed += resources;
        }
        self.add_launched_task(acceptance, task);
        consume(acceptance, &consumed);
        self.count_performed(&acceptance.framework_id, Type::Launch);
        self.send_run_task(acceptance, task, &launch_executor, ctx);
    }

    /// Adds an executor unless it runs already.
    pub(super) fn add_new_executor(
        &mut self,
        acceptance: &Acceptance,
        executor: &v1::ExecutorInfo,
    ) -> NewExecutor {
        let id = ExecutorId::from(executor.executor_id());
        let Some(agent) = self.agents.get_mut(&acceptance.agent_id) else {
            return NewExecutor::No;
        };
        if agent.executor(&acceptance.framework_id, &id).is_some() {
            return NewExecutor::No;
        }
        let executor = Arc::new(executor.clone());
        agent.add_executor(&acceptance.framework_id, Arc::clone(&executor));
        if let Some(framework) = self.frameworks.get_mut(&acceptance.framework_id) {
            framework.add_executor(&acceptance.agent_id, Arc::clone(&executor));
        }
        NewExecutor::Yes(Resources::from_proto(&executor.resources))
    }

    /// Adds a task in `TASK_STAGING`.
    pub(super) fn add_launched_task(&mut self, acceptance: &Acceptance, info: &v1::TaskInfo) {
        let task = Arc::new(Task::staging(info, &acceptance.framework_id));
        if let Some(agent) = self.agents.get_mut(&acceptance.agent_id) {
            agent.add_task(&acceptance.framework_id, task.id());
            agent.use_resources(&acceptance.framework_id, task.resources());
        }
        self.attach_task(&acceptance.framework_id, task);
    }

    fn send_run_task(
        &self,
        acceptance: &Acceptance,
        task: &v1::TaskInfo,
        executor: &NewExecutor,
        ctx: &Context<Self>,
    ) {
        let framework = self.frameworks.get(&acceptance.framework_id);
        let agent = self.agents.get(&acceptance.agent_id);
        let (Some(framework), Some(agent)) = (framework, agent) else {
            return;
        };
        let mut task = task.clone();
        if !agent.has(Capability::ReservationRefinement) {
            downgrade(&mut task.resources);
            if let Some(executor) = task.executor.as_mut() {
                downgrade(&mut executor.resources);
            }
        }
        let message = RunTask {
            framework: Some(v1::FrameworkInfo::clone(framework.info()).into()),
            pid: Some(
                framework
                    .pid()
                    .cloned()
                    .unwrap_or_else(Upid::empty)
                    .to_string(),
            ),
            task: Some(task.into()),
            resource_version_uuids: resource_versions(agent),
            launch_executor: Some(executor.is_new()),
            ..Default::default()
        };
        ctx.send_protobuf(agent.pid(), &message);
    }
}

/// Whether an executor has to be started for a task.
#[derive(Debug)]
pub(super) enum NewExecutor {
    /// It has, and takes these resources.
    Yes(Resources),
    /// It runs already.
    No,
}

impl NewExecutor {
    /// Whether it has to be started.
    pub(super) fn is_new(&self) -> bool {
        matches!(self, Self::Yes(_))
    }
}

/// Takes resources from what remains; copies of shared ones come from nowhere.
pub(super) fn consume(acceptance: &mut Acceptance, consumed: &Resources) {
    let missing = &consumed.shared() - &acceptance.remaining;
    if !missing.is_empty() {
        acceptance
            .conversions
            .push(ResourceConversion::new(Resources::new(), missing.clone()));
    }
    acceptance.remaining -= &(consumed - &missing);
    acceptance.launched += consumed;
}

/// The names of all tasks, for logs.
pub(super) fn names(tasks: &[v1::TaskInfo]) -> BTreeSet<&str> {
    tasks.iter().map(|task| task.task_id().value()).collect()
}
