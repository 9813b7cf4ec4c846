//! What the agent shows through its v1 API.

use mesos_common::{
    authorization::{Action, Approvers, Object},
    flags::FlagSet,
    resources::consumed_by,
};
use mesos_proto::v1::{
    self, TaskState,
    agent::response::{
        GetAgent, GetExecutors, GetFlags, GetFrameworks, GetOperations, GetState, GetTasks,
        get_executors, get_frameworks,
    },
};

use crate::{
    agent::AgentProcess,
    state::{executor::Executor, framework::Framework, task::create},
};

pub(super) fn flags(agent: &AgentProcess) -> GetFlags {
    let flags = agent
        .flags
        .stringified()
        .into_iter()
        .map(|(name, value)| v1::Flag {
            name: Some(name.to_owned()),
            value: Some(value),
            ..Default::default()
        });
    GetFlags {
        flags: flags.collect(),
        ..Default::default()
    }
}

/// The frameworks that a principal may see, those that run before those that ended.
fn seen<'a>(
    agent: &'a AgentProcess,
    approvers: &'a Approvers,
) -> impl Iterator<Item = &'a Framework> {
    let all = agent.frameworks.iter().chain(agent.frameworks.completed());
    all.filter(move |framework| may_see(approvers, framework))
}

/// Whether a framework may be seen.
pub(super) fn may_see(approvers: &Approvers, framework: &Framework) -> bool {
    approvers.approve(Action::ViewFramework, &Object::framework(&framework.info))
}

/// Whether an executor may be seen.
pub(super) fn may_see_executor(
    approvers: &Approvers,
    executor: &Executor,
    framework: &Framework,
) -> bool {
    let object = Object::executor(executor.info(), &framework.info);
    approvers.approve(Action::ViewExecutor, &object)
}

/// Whether a task may be seen.
pub(super) fn may_see_task(approvers: &Approvers, task: &v1::Task, framework: &Framework) -> bool {
    approvers.approve(Action::ViewTask, &Object::task(task, &framework.info))
}

/// Whether a task that no executor has yet may be seen.
pub(super) fn may_see_task_info(
    approvers: &Approvers,
    task: &v1::TaskInfo,
    framework: &Framework,
) -> bool {
    approvers.approve(Action::ViewTask, &Object::task_info(task, &framework.info))
}

pub(super) fn frameworks(agent: &AgentProcess, approvers: &Approvers) -> GetFrameworks {
    let seen = |framework: &&Framework| may_see(approvers, framework);
    let show = |framework: &Framework| get_frameworks::Framework {
        framework_info: Some(framework.info.clone().into()),
        ..Default::default()
    };
    GetFrameworks {
        frameworks: agent.frameworks.iter().filter(seen).map(show).collect(),
        completed_frameworks: agent
            .frameworks
            .completed()
            .filter(seen)
            .map(show)
            .collect(),
        ..Default::default()
    }
}

pub(super) fn executors(agent: &AgentProcess, approvers: &Approvers) -> GetExecutors {
    let show = |executor: &Executor| get_executors::Executor {
        executor_info: Some(executor.info().clone().into()),
        ..Default::default()
    };
    let mut shown = GetExecutors::default();
    for framework in seen(agent, approvers) {
        let may = |executor: &&Executor| may_see_executor(approvers, executor, framework);
        let running = framework.executors().filter(may).map(show);
        shown.executors.extend(running);
        let completed = framework.completed_executors().filter(may).map(show);
        shown.completed_executors.extend(completed);
    }
    shown
}

pub(super) fn tasks(agent: &AgentProcess, approvers: &Approvers) -> GetTasks {
    let mut tasks = GetTasks::default();
    for framework in seen(agent, approvers) {
        let staging = |task| create(task, TaskState::TaskStaging, framework.id());
        let may = |task: &&v1::Task| may_see_task(approvers, task, framework);
        let may_info = |task: &&v1::TaskInfo| may_see_task_info(approvers, task, framework);
        let pending = framework.pending().map(|(_, task)| task);
        tasks
            .pending_tasks
            .extend(pending.filter(may_info).map(staging));
        for executor in framework.executors().chain(framework.completed_executors()) {
            if !may_see_executor(approvers, executor, framework) {
                continue;
            }
            let queued = executor.queued().filter(may_info).map(staging);
            tasks.queued_tasks.extend(queued);
            let launched = executor.launched().filter(may).cloned();
            tasks.launched_tasks.extend(launched);
            let terminated = executor.terminated().filter(may).cloned();
            tasks.terminated_tasks.extend(terminated);
            let completed = executor.completed().filter(may).cloned();
            tasks.completed_tasks.extend(completed);
        }
    }
    tasks
}

pub(super) fn state(agent: &AgentProcess, approvers: &Approvers) -> GetState {
    GetState {
        get_tasks: Some(tasks(agent, approvers).into()),
        get_executors: Some(executors(agent, approvers)),
        get_frameworks: Some(frameworks(agent, approvers)),
        ..Default::default()
    }
}

/// An operation may be seen by who may see the roles of all its resources.
pub(super) fn operations(agent: &AgentProcess, approvers: &Approvers) -> GetOperations {
    let may = |operation: &v1::Operation| {
        consumed_by(operation.info())
            .to_proto()
            .iter()
            .all(|resource| approvers.may_see(resource))
    };
    let operations = agent
        .operations
        .iter()
        .map(|(_, operation)| operation)
        .filter(|operation| approvers.is_without_rules() || may(operation))
        .cloned();
    GetOperations {
        operations: operations.collect(),
        ..Default::default()
    }
}

pub(super) fn agent(agent: &AgentProcess) -> GetAgent {
    let draining = agent.draining.as_ref();
    GetAgent {
        agent_info: Some(agent.info.clone().into()),
        drain_config: draining.map(|draining| draining.config.clone()),
        estimated_drain_start_time: draining.map(|draining| v1::TimeInfo {
            nanoseconds: i64::try_from(draining.started.as_nanos()).ok(),
            ..Default::default()
        }),
        ..Default::default()
    }
}
