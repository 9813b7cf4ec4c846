//! What agents send.

use std::collections::{BTreeMap, BTreeSet};

use mesos_common::resources::validate_resources;
use mesos_common::validation::validate_id;
use mesos_proto::internal::{
    RegisterAgentMessage as RegisterAgent, ReregisterAgentMessage as ReregisterAgent,
};
use mesos_proto::v1;

use super::{Check, ensure, executor, framework, prefixed};

fn validate_info(info: &v1::AgentInfo) -> Check {
    if info.id.is_some() {
        prefixed(validate_id(info.id().value()), "")?;
    }
    prefixed(validate_resources(&info.resources), "")
}

/// A registration.
///
/// # Errors
/// The first broken rule.
pub fn validate_registration(message: &RegisterAgent) -> Check {
    validate_info(message.agent())?;
    let checkpointing = message.agent().checkpoint();
    ensure(
        message.checkpointed_resources.is_empty() || checkpointing,
        || "Checkpointed resources provided when checkpointing is not enabled".into(),
    )?;
    prefixed(validate_resources(&message.checkpointed_resources), "")
}

/// A re-registration.
///
/// # Errors
/// The first broken rule.
pub fn validate_reregistration(message: &ReregisterAgent) -> Check {
    validate_info(message.agent())?;
    prefixed(validate_id(message.agent().id().value()), "")?;
    prefixed(validate_resources(&message.checkpointed_resources), "")?;
    let mut frameworks = BTreeSet::new();
    for info in &message.frameworks {
        framework::validate_info(info)?;
        let id = info.id().value();
        ensure(frameworks.insert(id), || {
            format!("Framework has a duplicate FrameworkID: '{id}'").into()
        })?;
    }
    let executors = validate_executors(message, &frameworks)?;
    validate_tasks(message, &frameworks, &executors)
}

type ExecutorNames<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn validate_executors<'a>(
    message: &'a ReregisterAgent,
    frameworks: &BTreeSet<&str>,
) -> Result<ExecutorNames<'a>, super::Invalid> {
    let mut executors: ExecutorNames<'a> = BTreeMap::new();
    for info in &message.executor_infos {
        executor::validate_form(info)?;
        prefixed(validate_resources(&info.resources), "")?;
        let framework_id = info.framework_id().value();
        ensure(frameworks.contains(framework_id), || {
            format!("Executor has an invalid FrameworkID '{framework_id}'").into()
        })?;
        let id = info.executor_id().value();
        ensure(
            executors.entry(framework_id).or_default().insert(id),
            || format!("Framework '{framework_id}' has a duplicate ExecutorID '{id}'").into(),
        )?;
    }
    Ok(executors)
}

fn validate_tasks(
    message: &ReregisterAgent,
    frameworks: &BTreeSet<&str>,
    executors: &ExecutorNames<'_>,
) -> Check {
    for task in &message.tasks {
        prefixed(
            validate_id(task.task_id().value()),
            "Task has an invalid TaskID: ",
        )?;
        let agent_id = task.agent_id().value();
        ensure(agent_id == message.agent().id().value(), || {
            format!("Task has an invalid SlaveID '{agent_id}'").into()
        })?;
        let framework_id = task.framework_id().value();
        ensure(frameworks.contains(framework_id), || {
            format!("Task has an invalid FrameworkID '{framework_id}'").into()
        })?;
        if task.state() == v1::TaskState::TaskRunning && task.executor_id.is_some() {
            let id = task.executor_id().value();
            let known = executors
                .get(framework_id)
                .is_some_and(|known| known.contains(id));
            ensure(known, || {
                format!("Task has an invalid ExecutorID '{id}'").into()
            })?;
        }
        prefixed(
            validate_resources(&task.resources),
            "Task uses invalid resources: ",
        )?;
    }
    Ok(())
}
