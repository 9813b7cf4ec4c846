//! What the agent shows through its v1 API.

use mesos_common::flags::FlagSet;
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

pub(super) fn frameworks(agent: &AgentProcess) -> GetFrameworks {
    let show = |framework: &Framework| get_frameworks::Framework {
        framework_info: Some(framework.info.clone().into()),
        ..Default::default()
    };
    GetFrameworks {
        frameworks: agent.frameworks.iter().map(show).collect(),
        completed_frameworks: agent.frameworks.completed().map(show).collect(),
        ..Default::default()
    }
}

pub(super) fn executors(agent: &AgentProcess) -> GetExecutors {
    let show = |executor: &Executor| get_executors::Executor {
        executor_info: Some(executor.info().clone().into()),
        ..Default::default()
    };
    let all = || agent.frameworks.iter().chain(agent.frameworks.completed());
    GetExecutors {
        executors: all().flat_map(Framework::executors).map(show).collect(),
        completed_executors: all()
            .flat_map(Framework::completed_executors)
            .map(show)
            .collect(),
        ..Default::default()
    }
}

pub(super) fn tasks(agent: &AgentProcess) -> GetTasks {
    let mut tasks = GetTasks::default();
    for framework in agent.frameworks.iter().chain(agent.frameworks.completed()) {
        let staging = |task| create(task, TaskState::TaskStaging, framework.id());
        tasks
            .pending_tasks
            .extend(framework.pending().map(|(_, task)| staging(task)));
        for executor in framework.executors().chain(framework.completed_executors()) {
            tasks.queued_tasks.extend(executor.queued().map(staging));
            tasks.launched_tasks.extend(executor.launched().cloned());
            tasks
                .terminated_tasks
                .extend(executor.terminated().cloned());
            tasks.completed_tasks.extend(executor.completed().cloned());
        }
    }
    tasks
}

pub(super) fn state(agent: &AgentProcess) -> GetState {
    GetState {
        get_tasks: Some(tasks(agent).into()),
        get_executors: Some(executors(agent)),
        get_frameworks: Some(frameworks(agent)),
        ..Default::default()
    }
}

pub(super) fn operations(agent: &AgentProcess) -> GetOperations {
    let operations = agent
        .operations
        .iter()
        .map(|(_, operation)| operation.clone());
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
