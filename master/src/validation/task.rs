//! Tasks and task groups.

use mesos_common::bytes::ByteSize;
use mesos_common::ids::{ExecutorId, TaskId};
use mesos_common::resources::Resources;
use mesos_common::validation::validate_id;
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::executor_info::Type as ExecutorType;

use super::command::{validate_command, validate_container};
use super::health::{validate_check, validate_health_check};
use super::resource::{
    check_list, check_one_allocation_role, check_revocable_mix, check_unique_persistence, overlaps,
};
use super::{Check, ensure, executor, prefixed};
use crate::constants::{MIN_CPUS, MIN_MEM};
use crate::state::agent::Agent;
use crate::state::framework::Framework;
use crate::state::task::Task;

/// The rules that every task obeys, alone or in a group.
fn validate_common(task: &v1::TaskInfo, framework: &Framework, agent: &Agent) -> Check {
    prefixed(validate_id(task.task_id().value()), "")?;
    let id = TaskId::from(task.task_id());
    ensure(framework.task(&id).is_none(), || {
        format!("Task has duplicate ID: {id}").into()
    })?;
    ensure(!framework.unreachable_tasks().contains(&id), || {
        format!("Task reuses the ID of an unreachable task: {id}").into()
    })?;
    let named = task.agent_id().value();
    ensure(named == agent.id().as_str(), || {
        format!(
            "Task uses invalid agent {named} while agent {} is expected",
            agent.id()
        )
        .into()
    })?;
    ensure(task.kill_policy().grace_period().nanoseconds() >= 0, || {
        "Task's 'kill_policy.grace_period' must be non-negative".into()
    })?;
    ensure(task.max_completion_time().nanoseconds() >= 0, || {
        "Task's `max_completion_time` must be non-negative".into()
    })?;
    if task.check.is_some() {
        prefixed(validate_check(task.check()), "Task uses invalid check: ")?;
    }
    if task.health_check.is_some() {
        prefixed(
            validate_health_check(task.health_check()),
            "Task uses invalid health check: ",
        )?;
    }
    let resources = &task.resources;
    ensure(!resources.is_empty(), || "Task uses no resources".into())?;
    prefixed(check_list(resources), "Task uses invalid resources: ")?;
    prefixed(
        check_unique_persistence(resources),
        "Task uses duplicate persistence ID: ",
    )?;
    prefixed(
        check_one_allocation_role(resources),
        "Invalid task resources: ",
    )?;
    prefixed(
        check_revocable_mix(resources),
        "Task mixes revocable and non-revocable resources: ",
    )?;
    if task.command.is_some() {
        prefixed(
            validate_command(task.command()),
            "Task's `CommandInfo` is invalid: ",
        )?;
    }
    if task.container.is_some() {
        prefixed(
            validate_container(task.container()),
            "Task's `ContainerInfo` is invalid: ",
        )?;
    }
    validate_limits(task, agent)
}

fn validate_limits(task: &v1::TaskInfo, agent: &Agent) -> Check {
    if task.limits.is_empty() {
        return Ok(());
    }
    ensure(agent.has(Capability::TaskResourceLimits), || {
        "Agent is not capable of handling task resource limits".into()
    })?;
    ensure(
        task.limits
            .keys()
            .all(|name| name == "cpus" || name == "mem"),
        || "Only cpus and mem may be included in a task's resource limits".into(),
    )?;
    let resources = Resources::from_proto(&task.resources);
    for (name, long) in [("cpus", "CPU"), ("mem", "memory")] {
        let Some(limit) = task.limits.get(name) else {
            continue;
        };
        let Some(request) = resources.scalar(name) else {
            return Err(format!(
                "When a {long} limit is specified, a {long} request must also be specified"
            )
            .into());
        };
        ensure(limit.value() >= request.to_f64(), || {
            let short = if name == "cpus" { "cpu" } else { "memory" };
            format!("The {short} limit must be greater than or equal to the {short} request").into()
        })?;
    }
    Ok(())
}

/// A task of a `LAUNCH`.
///
/// # Errors
/// The first broken rule.
pub fn validate(
    task: &v1::TaskInfo,
    framework: &Framework,
    agent: &Agent,
    available: &Resources,
) -> Check {
    validate_common(task, framework, agent)?;
    ensure(task.executor.is_some() != task.command.is_some(), || {
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present".into()
    })?;
    let mut total = Resources::from_proto(&task.resources);
    if task.executor.is_some() {
        validate_executor_of(task, framework, agent)?;
        let id = ExecutorId::from(task.executor().executor_id());
        if agent.executor(framework.id(), &id).is_none() {
            total += &Resources::from_proto(&task.executor().resources);
        }
    }
    ensure(available.contains(&total), || {
        format!(
            "Total resources {total} required by task and its executor is more than available \
             {available}"
        )
        .into()
    })?;
    let separate = task.container().linux_info().share_cgroups == Some(false);
    ensure(!separate, || {
        "Only tasks in a task group may have 'share_cgroups' set to 'false'".into()
    })
}

fn validate_executor_of(task: &v1::TaskInfo, framework: &Framework, agent: &Agent) -> Check {
    let info = task.executor();
    executor::validate(info, framework.id(), agent)?;
    ensure(
        info.r#type.is_none() || info.r#type() == ExecutorType::Custom,
        || "'ExecutorInfo.type' must be 'CUSTOM'".into(),
    )?;
    ensure(info.command.is_some(), || {
        "'ExecutorInfo.command' must be set".into()
    })?;
    let resources = Resources::from_proto(&info.resources);
    ensure(resources.shared().is_empty(), || {
        format!("Executor resources {resources} should not contain any shared resources").into()
    })?;
    ensure(
        info.container().linux_info().share_cgroups != Some(true),
        || "The 'share_cgroups' field cannot be set to 'true' on executor containers".into(),
    )?;
    let mut both = task.resources.clone();
    both.extend(info.resources.iter().cloned());
    prefixed(
        check_list(&both),
        "Task and its executor use invalid resources: ",
    )?;
    let own = Resources::from_proto(&task.resources);
    ensure(!overlaps(&own, &resources), || {
        format!(
            "There are overlapping resources in the task resources {own} and executor resources \
             {resources}"
        )
        .into()
    })?;
    prefixed(
        check_unique_persistence(&both),
        "Task and its executor use duplicate persistence ID: ",
    )?;
    prefixed(
        check_revocable_mix(&both),
        "Task and its executor mix revocable and non-revocable resources: ",
    )
}

/// All tasks of a `LAUNCH_GROUP` and their executor.
///
/// # Errors
/// The first broken rule.
pub fn validate_group(
    group: &v1::TaskGroupInfo,
    info: &v1::ExecutorInfo,
    framework: &Framework,
    agent: &Agent,
    available: &Resources,
) -> Check {
    for task in &group.tasks {
        let prefix = format!("Task '{}' is invalid: ", task.task_id().value());
        prefixed(validate_member(task, framework, agent), &prefix)?;
    }
    validate_group_executor(group, info, framework, agent)?;
    let total = group_total(group, info, framework, agent)?;
    ensure(available.contains(&total), || {
        format!(
            "Total resources {total} required by task group and its executor are more than \
             available {available}"
        )
        .into()
    })?;
    if info.command.is_some() {
        let prefix = format!(
            "Executor '{}'contains an invalid command: ",
            info.executor_id().value()
        );
        prefixed(validate_command(info.command()), &prefix)?;
    }
    validate_sharing(group, info, framework, agent)
}

fn validate_member(task: &v1::TaskInfo, framework: &Framework, agent: &Agent) -> Check {
    validate_common(task, framework, agent)?;
    ensure(task.executor.is_some(), || {
        "'TaskInfo.executor' must be set".into()
    })?;
    let networked = !task.container().network_infos.is_empty();
    let kind = task.health_check().r#type();
    let remote = task.health_check.is_some()
        && matches!(
            kind,
            v1::health_check::Type::Http | v1::health_check::Type::Tcp
        );
    ensure(!(networked && remote), || {
        "HTTP and TCP health checks are not supported for nested containers not joining parent's \
         network"
            .into()
    })?;
    let docker =
        task.container.is_some() && task.container().r#type() == v1::container_info::Type::Docker;
    ensure(!docker, || {
        "Docker ContainerInfo is not supported on the task".into()
    })?;
    let shares = task.container().linux_info().share_cgroups();
    ensure(task.limits.is_empty() || !shares, || {
        "Resource limits may only be set for tasks within a task group when the 'share_cgroups' \
         field is set to 'false'."
            .into()
    })
}

fn validate_group_executor(
    group: &v1::TaskGroupInfo,
    info: &v1::ExecutorInfo,
    framework: &Framework,
    agent: &Agent,
) -> Check {
    executor::validate(info, framework.id(), agent)?;
    let id = info.executor_id().value();
    ensure(info.r#type.is_some(), || {
        "'ExecutorInfo.type' must be set".into()
    })?;
    ensure(info.r#type() != ExecutorType::Unknown, || {
        "Unknown executor type".into()
    })?;
    let docker =
        info.container.is_some() && info.container().r#type() == v1::container_info::Type::Docker;
    ensure(!docker, || {
        "Docker ContainerInfo is not supported on the executor".into()
    })?;
    for task in &group.tasks {
        ensure(executor::is_same(task.executor(), info), || {
            format!(
                "The `ExecutorInfo` of task '{}' is different from executor '{id}'",
                task.task_id().value()
            )
            .into()
        })?;
    }
    let resources = Resources::from_proto(&info.resources);
    let cpus = resources.cpus().map(|cpus| cpus.to_f64());
    ensure(cpus.is_some_and(|cpus| cpus >= MIN_CPUS), || {
        let cpus = cpus.map_or_else(|| "None".to_owned(), |cpus| cpus.to_string());
        format!("Executor '{id}' uses less CPUs ({cpus}) than the minimum required ({MIN_CPUS})")
            .into()
    })?;
    let mem = resources
        .mem()
        .map(|mem| ByteSize::from_megabytes(mem.whole_units()));
    ensure(mem.is_some_and(|mem| mem >= MIN_MEM), || {
        let mem = mem.map_or_else(|| "None".to_owned(), |mem| mem.to_string());
        format!("Executor '{id}' uses less memory ({mem}) than the minimum required ({MIN_MEM})")
            .into()
    })?;
    ensure(resources.disk().is_some(), || {
        format!("Executor '{id}' uses no disk").into()
    })
}

fn group_total(
    group: &v1::TaskGroupInfo,
    info: &v1::ExecutorInfo,
    framework: &Framework,
    agent: &Agent,
) -> Result<Resources, super::Invalid> {
    let mut all: Vec<v1::Resource> = group
        .tasks
        .iter()
        .flat_map(|task| task.resources.iter().cloned())
        .collect();
    all.extend(info.resources.iter().cloned());
    prefixed(
        check_unique_persistence(&all),
        "Task group and executor use duplicate persistence ID: ",
    )?;
    prefixed(
        check_revocable_mix(&all),
        "Task group and executor mix revocable and non-revocable resources: ",
    )?;
    let executor = Resources::from_proto(&info.resources);
    let mut total = Resources::new();
    let mut parts = vec![executor.clone()];
    parts.extend(
        group
            .tasks
            .iter()
            .map(|task| Resources::from_proto(&task.resources)),
    );
    for (index, part) in parts.iter().enumerate() {
        let clash = parts
            .iter()
            .skip(index + 1)
            .any(|other| overlaps(part, other));
        ensure(!clash, || {
            let tasks: Vec<String> = parts.iter().skip(1).map(ToString::to_string).collect();
            format!(
                "There are overlapping resources in the task group's task resources [ {} ] and/or \
                 executor resources {executor}",
                tasks.join(", ")
            )
            .into()
        })?;
        if index > 0 {
            total += part;
        }
    }
    let id = ExecutorId::from(info.executor_id());
    if agent.executor(framework.id(), &id).is_none() {
        total += &executor;
    }
    Ok(total)
}

fn validate_sharing(
    group: &v1::TaskGroupInfo,
    info: &v1::ExecutorInfo,
    framework: &Framework,
    agent: &Agent,
) -> Check {
    ensure(
        info.container().linux_info().share_cgroups != Some(true),
        || "The 'share_cgroups' field cannot be set to 'true' on executor containers".into(),
    )?;
    let mut modes = group
        .tasks
        .iter()
        .map(|task| task.container().linux_info().share_cgroups());
    let Some(first) = modes.next() else {
        return Ok(());
    };
    let id = ExecutorId::from(info.executor_id());
    let running = agent.executor(framework.id(), &id).is_some();
    let agrees = |task: &Task| {
        task.agent_id() != agent.id()
            || task.executor_id() != Some(&id)
            || task.info().container().linux_info().share_cgroups() == first
    };
    let others_agree = !running
        || framework
            .tasks()
            .values()
            .chain(framework.unreachable_tasks().values())
            .all(|task| agrees(task));
    ensure(modes.all(|mode| mode == first) && others_agree, || {
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group \
         and under a single executor"
            .into()
    })
}
