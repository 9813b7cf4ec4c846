//! What is checked of a call of the v1 API before it is performed.
//!
//! Mirrors `agent::call::validate` of `src/slave/validation.cpp`.
//!
//! # Wire
//! Every text reaches clients and is a promise.

use mesos_common::{
    resources::{Resources, upgrade_resource, validate_resources},
    validation::{
        Check, Invalid,
        command::{validate_command, validate_container},
        ensure, prefixed, validate_container_id,
    },
};
use mesos_proto::v1::{
    self,
    agent::{Call, call, call::attach_container_input::Type as Attached},
};
use mesos_proto_codec::WireMessage;

/// Checks a call.
///
/// # Errors
/// The first broken rule.
pub(super) fn validate(call: &Call) -> Check {
    let missing = call.missing_required();
    ensure(missing.is_empty(), || {
        format!("Not initialized: {}", missing.join(", ")).into()
    })?;
    present(call.r#type.is_some(), "type")?;
    match call.r#type() {
        call::Type::Unknown
        | call::Type::GetHealth
        | call::Type::GetFlags
        | call::Type::GetVersion
        | call::Type::GetLoggingLevel
        | call::Type::GetState
        | call::Type::GetContainers
        | call::Type::GetFrameworks
        | call::Type::GetExecutors
        | call::Type::GetOperations
        | call::Type::GetTasks
        | call::Type::GetAgent
        | call::Type::GetResourceProviders
        | call::Type::PruneImages => Ok(()),
        call::Type::GetMetrics => present(call.get_metrics.is_some(), "get_metrics"),
        call::Type::SetLoggingLevel => {
            present(call.set_logging_level.is_some(), "set_logging_level")
        }
        call::Type::ListFiles => present(call.list_files.is_some(), "list_files"),
        call::Type::ReadFile => present(call.read_file.is_some(), "read_file"),
        call::Type::LaunchNestedContainer
        | call::Type::WaitNestedContainer
        | call::Type::KillNestedContainer
        | call::Type::RemoveNestedContainer
        | call::Type::LaunchNestedContainerSession
        | call::Type::AttachContainerInput
        | call::Type::AttachContainerOutput
        | call::Type::LaunchContainer
        | call::Type::WaitContainer
        | call::Type::KillContainer
        | call::Type::RemoveContainer => of_container(call),
        call::Type::AddResourceProviderConfig
        | call::Type::UpdateResourceProviderConfig
        | call::Type::RemoveResourceProviderConfig
        | call::Type::MarkResourceProviderGone => of_resource_provider(call),
    }
}

#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the condition itself is the argument"
)]
fn present(is_there: bool, what: &str) -> Check {
    ensure(is_there, || {
        format!("Expecting '{what}' to be present").into()
    })
}

fn of_resource_provider(call: &Call) -> Check {
    let unset = |info: &v1::ResourceProviderInfo, call: &str| {
        ensure(info.id.is_none(), || {
            format!("Expecting '{call}.info.id' to be unset").into()
        })
    };
    if call.r#type() == call::Type::AddResourceProviderConfig {
        let name = "add_resource_provider_config";
        present(call.add_resource_provider_config.is_some(), name)?;
        return unset(call.add_resource_provider_config().info(), name);
    }
    if call.r#type() == call::Type::UpdateResourceProviderConfig {
        let name = "update_resource_provider_config";
        present(call.update_resource_provider_config.is_some(), name)?;
        return unset(call.update_resource_provider_config().info(), name);
    }
    if call.r#type() == call::Type::RemoveResourceProviderConfig {
        let given = call.remove_resource_provider_config.is_some();
        return present(given, "remove_resource_provider_config");
    }
    present(
        call.mark_resource_provider_gone.is_some(),
        "mark_resource_provider_gone",
    )
}

/// Whether a call is about containers that have a parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Nested,
    Any,
}

/// Checks a call that names a container, then what it says of it.
fn of_container(call: &Call) -> Check {
    if let Some(launch) = &call.launch_nested_container {
        let name = "launch_nested_container";
        if call.r#type() == call::Type::LaunchNestedContainer {
            container_id(launch.container_id(), name, Level::Nested)?;
            content(launch.command.as_deref(), launch.container.as_deref(), name)?;
            return nested_shares_cgroups(launch.container_id(), launch.container(), name);
        }
    }
    if let Some(launch) = &call.launch_nested_container_session
        && call.r#type() == call::Type::LaunchNestedContainerSession
    {
        let name = "launch_nested_container_session";
        container_id(launch.container_id(), name, Level::Nested)?;
        content(launch.command.as_deref(), launch.container.as_deref(), name)?;
        let info = launch.container().linux_info.is_some();
        return ensure(
            !info || launch.container().linux_info().share_cgroups(),
            || {
                "'launch_nested_container_session.container.linux_info' is invalid: \
                 'share_cgroups' cannot be set to 'false' for nested container sessions"
                    .into()
            },
        );
    }
    if let Some(launch) = &call.launch_container
        && call.r#type() == call::Type::LaunchContainer
    {
        return of_launch(launch);
    }
    if let Some(attach) = &call.attach_container_input
        && call.r#type() == call::Type::AttachContainerInput
    {
        return of_attached_input(attach);
    }
    let (name, level, named) = named(call);
    match named {
        Some(id) => container_id(id, name, level),
        None => present(false, name),
    }
}

/// The container that a call names, with the field that names it.
fn named(call: &Call) -> (&'static str, Level, Option<&v1::ContainerId>) {
    let wait = call.wait_nested_container.as_ref();
    let kill = call.kill_nested_container.as_ref();
    let remove = call.remove_nested_container.as_ref();
    let output = call.attach_container_output.as_ref();
    let all = [
        (
            call::Type::WaitNestedContainer,
            "wait_nested_container",
            Level::Nested,
            wait.map(call::WaitNestedContainer::container_id),
        ),
        (
            call::Type::KillNestedContainer,
            "kill_nested_container",
            Level::Nested,
            kill.map(call::KillNestedContainer::container_id),
        ),
        (
            call::Type::RemoveNestedContainer,
            "remove_nested_container",
            Level::Nested,
            remove.map(call::RemoveNestedContainer::container_id),
        ),
        (
            call::Type::AttachContainerOutput,
            "attach_container_output",
            Level::Any,
            output.map(call::AttachContainerOutput::container_id),
        ),
        (
            call::Type::WaitContainer,
            "wait_container",
            Level::Any,
            call.wait_container
                .as_ref()
                .map(call::WaitContainer::container_id),
        ),
        (
            call::Type::KillContainer,
            "kill_container",
            Level::Any,
            call.kill_container
                .as_ref()
                .map(call::KillContainer::container_id),
        ),
        (
            call::Type::RemoveContainer,
            "remove_container",
            Level::Any,
            call.remove_container
                .as_ref()
                .map(call::RemoveContainer::container_id),
        ),
        (
            call::Type::LaunchNestedContainer,
            "launch_nested_container",
            Level::Nested,
            None,
        ),
        (
            call::Type::LaunchNestedContainerSession,
            "launch_nested_container_session",
            Level::Nested,
            None,
        ),
        (
            call::Type::AttachContainerInput,
            "attach_container_input",
            Level::Any,
            None,
        ),
    ];
    let found = all.into_iter().find(|(kind, ..)| *kind == call.r#type());
    found.map_or(
        ("launch_container", Level::Any, None),
        |(_, name, level, id)| (name, level, id),
    )
}

fn container_id(id: &v1::ContainerId, call: &str, level: Level) -> Check {
    let checked = validate_container_id(id);
    prefixed(checked, &format!("'{call}.container_id' is invalid: "))?;
    ensure(level == Level::Any || id.parent.is_some(), || {
        format!("Expecting '{call}.container_id.parent' to be present").into()
    })
}

/// Checks what is to run, and where.
fn content(
    command: Option<&v1::CommandInfo>,
    container: Option<&v1::ContainerInfo>,
    call: &str,
) -> Check {
    if let Some(command) = command {
        let prefix = format!("'{call}.command' is invalid: ");
        prefixed(validate_command(command), &prefix)?;
    }
    if let Some(container) = container {
        let prefix = format!("'{call}.container' is invalid: ");
        prefixed(validate_container(container), &prefix)?;
    }
    Ok(())
}

fn is_nested_twice(id: &v1::ContainerId) -> bool {
    id.parent.is_some() && id.parent().parent.is_some()
}

fn nested_shares_cgroups(id: &v1::ContainerId, container: &v1::ContainerInfo, call: &str) -> Check {
    let separate = container.linux_info().share_cgroups == Some(false);
    ensure(!(separate && is_nested_twice(id)), || {
        format!(
            "'{call}' is invalid: containers nested at the second level or greater cannot set \
             'share_cgroups' to 'false'"
        )
        .into()
    })
}

fn of_attached_input(attach: &call::AttachContainerInput) -> Check {
    present(attach.r#type.is_some(), "attach_container_input.type")?;
    match attach.r#type() {
        Attached::Unknown => Err("'attach_container_input.type' is unknown".into()),
        Attached::ContainerId => {
            container_id(attach.container_id(), "attach_container_input", Level::Any)
        }
        Attached::ProcessIo => Ok(()),
    }
}

fn of_launch(launch: &call::LaunchContainer) -> Check {
    let name = "launch_container";
    let id = launch.container_id();
    container_id(id, name, Level::Any)?;
    prefixed(validate_resources(&launch.resources), "Invalid resources: ")?;
    let gpus = Resources::from_proto(&launch.resources).scalar("gpus");
    ensure(gpus.is_none_or(|gpus| !gpus.is_fractional()), || {
        "Invalid GPU resources: The 'gpus' resource must be an unsigned integer".into()
    })?;
    if id.parent.is_none() {
        launch.resources.iter().try_for_each(of_standalone)?;
    }
    content(launch.command.as_deref(), launch.container.as_deref(), name)?;
    let cannot = |what: &str| -> Invalid {
        format!(
            "'launch_container' is invalid: containers nested at the second level or greater \
             cannot specify {what}"
        )
        .into()
    };
    if is_nested_twice(id) {
        ensure(launch.resources.is_empty(), || cannot("resources"))?;
        ensure(launch.limits.is_empty(), || cannot("resource limits"))?;
    }
    nested_shares_cgroups(id, launch.container(), name)?;
    let shares = launch.container().linux_info().share_cgroups == Some(true);
    ensure(id.parent.is_some() || !shares, || {
        "'launch_container' is invalid: containers without a parent cannot set 'share_cgroups' \
         to 'true'"
            .into()
    })
}

/// Checks a resource of a container without a parent.
fn of_standalone(resource: &v1::Resource) -> Check {
    let mut resource = resource.clone();
    upgrade_resource(&mut resource);
    ensure(resource.reservations.is_empty(), || {
        "'launch_container.resources' must be unreserved".into()
    })?;
    ensure(resource.disk().persistence.is_none(), || {
        "'launch_container.resources' may not use persistent volumes".into()
    })?;
    ensure(resource.revocable.is_none(), || {
        "'launch_container.resources' must be non-revocable".into()
    })
}

#[cfg(test)]
mod tests;
