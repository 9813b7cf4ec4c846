//! Executors.

use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_common::resources::Resources;
use mesos_common::validation::validate_id;
use mesos_proto::v1;
use mesos_proto::v1::executor_info::Type;

use super::command::{validate_command, validate_container};
use super::resource::{
    check_list, check_one_allocation_role, check_revocable_mix, check_unique_persistence,
};
use super::{Check, ensure, prefixed};
use crate::state::agent::Agent;

/// The rules that hold wherever an executor comes from.
///
/// # Errors
/// The first broken rule.
pub fn validate_form(executor: &v1::ExecutorInfo) -> Check {
    match executor.r#type() {
        Type::Default => {
            ensure(executor.command.is_none(), || {
                "'ExecutorInfo.command' must not be set for 'DEFAULT' executor".into()
            })?;
            if executor.container.is_some() {
                let container = executor.container();
                ensure(
                    container.r#type() == v1::container_info::Type::Mesos,
                    || {
                        "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor"
                            .into()
                    },
                )?;
                ensure(container.mesos().image.is_none(), || {
                    "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor"
                        .into()
                })?;
            }
        }
        Type::Custom => ensure(executor.command.is_some(), || {
            "'ExecutorInfo.command' must be set for 'CUSTOM' executor".into()
        })?,
        Type::Unknown => {}
    }
    prefixed(validate_id(executor.executor_id().value()), "")?;
    ensure(executor.shutdown_grace_period().nanoseconds() >= 0, || {
        "ExecutorInfo's 'shutdown_grace_period' must be non-negative".into()
    })?;
    if executor.command.is_some() {
        prefixed(
            validate_command(executor.command()),
            "Executor's `CommandInfo` is invalid: ",
        )?;
    }
    if executor.container.is_some() {
        prefixed(
            validate_container(executor.container()),
            "Executor's `ContainerInfo` is invalid: ",
        )?;
    }
    Ok(())
}

/// All rules for an executor that a framework launches on an agent.
///
/// # Errors
/// The first broken rule.
pub fn validate(executor: &v1::ExecutorInfo, framework_id: &FrameworkId, agent: &Agent) -> Check {
    validate_form(executor)?;
    ensure(executor.framework_id.is_some(), || {
        "'ExecutorInfo.framework_id' must be set".into()
    })?;
    let named = FrameworkId::from(executor.framework_id());
    ensure(&named == framework_id, || {
        format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {named} vs Expected: {framework_id})"
        )
        .into()
    })?;
    let resources = &executor.resources;
    prefixed(check_list(resources), "Executor uses invalid resources: ")?;
    prefixed(
        check_unique_persistence(resources),
        "Executor uses duplicate persistence ID: ",
    )?;
    prefixed(
        check_one_allocation_role(resources),
        "Invalid executor resources: ",
    )?;
    prefixed(
        check_revocable_mix(resources),
        "Executor mixes revocable and non-revocable resources: ",
    )?;
    let id = ExecutorId::from(executor.executor_id());
    let running = agent.executor(framework_id, &id);
    ensure(
        running.is_none_or(|running| is_same(running, executor)),
        || {
            format!(
                "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n\
             ------------------------------------------------------------\n\
             Existing ExecutorInfo:\n{running:?}\n\
             ------------------------------------------------------------\n\
             ExecutorInfo:\n{executor:?}\n\
             ------------------------------------------------------------\n"
            )
            .into()
        },
    )
}

/// Whether two descriptions are of the same executor.
///
/// As in Mesos, its grace period and its labels may differ, and the order of resources is free.
pub(super) fn is_same(one: &v1::ExecutorInfo, other: &v1::ExecutorInfo) -> bool {
    one.r#type == other.r#type
        && one.executor_id() == other.executor_id()
        && one.data() == other.data()
        && Resources::from_proto(&one.resources) == Resources::from_proto(&other.resources)
        && one.command() == other.command()
        && one.framework_id() == other.framework_id()
        && one.name() == other.name()
        && one.source() == other.source()
        && one.container() == other.container()
        && one.discovery() == other.discovery()
}
