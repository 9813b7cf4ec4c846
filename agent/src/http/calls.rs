//! Checks calls of the v1 API, and answers those that ask other actors.

use std::time::Duration;

use libprocess::{Context, Future, http::Response};
use mesos_common::negotiation::ContentType;
use mesos_containerizer::{ContainerId, ContainerIdError};
use mesos_proto::v1::{
    self,
    agent::{
        Call, Response as Answer,
        call::{self, attach_container_input},
        response,
    },
};
use mesos_proto_codec::WireMessage;

use super::{
    api::respond,
    containers::{Observed, observe, of_executors},
};
use crate::agent::AgentProcess;

/// Checks a call; the texts are those of Mesos.
pub(super) fn validate(call: &Call) -> Result<(), String> {
    let missing = call.missing_required();
    if !missing.is_empty() {
        return Err(format!("Not initialized: {}", missing.join(", ")));
    }
    let expect = |present: bool, what: &str| {
        if present {
            Ok(())
        } else {
            Err(format!("Expecting '{what}' to be present"))
        }
    };
    expect(call.r#type.is_some(), "type")?;
    match call.r#type() {
        call::Type::GetMetrics => expect(call.get_metrics.is_some(), "get_metrics"),
        call::Type::SetLoggingLevel => {
            expect(call.set_logging_level.is_some(), "set_logging_level")
        }
        call::Type::ListFiles => expect(call.list_files.is_some(), "list_files"),
        call::Type::ReadFile => expect(call.read_file.is_some(), "read_file"),
        call::Type::LaunchNestedContainerSession => {
            validate_container(call)?;
            let asked = call.launch_nested_container_session().container();
            if asked.linux_info.is_some() && !asked.linux_info().share_cgroups() {
                return Err(UNSHARED_SESSION.to_owned());
            }
            Ok(())
        }
        call::Type::AttachContainerInput => validate_input(call),
        call::Type::LaunchNestedContainer
        | call::Type::WaitNestedContainer
        | call::Type::KillNestedContainer
        | call::Type::RemoveNestedContainer
        | call::Type::AttachContainerOutput
        | call::Type::LaunchContainer
        | call::Type::WaitContainer
        | call::Type::KillContainer
        | call::Type::RemoveContainer => validate_container(call),
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
        | call::Type::AddResourceProviderConfig
        | call::Type::UpdateResourceProviderConfig
        | call::Type::RemoveResourceProviderConfig
        | call::Type::MarkResourceProviderGone
        | call::Type::PruneImages => Ok(()),
    }
}

/// A session that asks for cgroups of its own.
const UNSHARED_SESSION: &str = "'launch_nested_container_session.container.linux_info' is invalid: \
     'share_cgroups' cannot be set to 'false' for nested container sessions";

/// Checks a call of the stream to a container's input; what it carries is checked where it is used.
fn validate_input(call: &Call) -> Result<(), String> {
    let Some(input) = &call.attach_container_input else {
        return Err("Expecting 'attach_container_input' to be present".to_owned());
    };
    if input.r#type.is_none() {
        return Err("Expecting 'attach_container_input.type' to be present".to_owned());
    }
    match input.r#type() {
        attach_container_input::Type::Unknown => {
            Err("'attach_container_input.type' is unknown".to_owned())
        }
        attach_container_input::Type::ContainerId => {
            id(input.container_id(), "attach_container_input").map(drop)
        }
        attach_container_input::Type::ProcessIo => Ok(()),
    }
}

/// Checks that a call about a container names one; what is nested must name its parent.
fn validate_container(call: &Call) -> Result<(), String> {
    type Named<'a> = (&'static str, bool, &'a v1::ContainerId);
    let named: Option<Named<'_>> = [
        call.launch_nested_container
            .as_ref()
            .map(|asked| ("launch_nested_container", true, asked.container_id())),
        call.launch_nested_container_session.as_ref().map(|asked| {
            (
                "launch_nested_container_session",
                true,
                asked.container_id(),
            )
        }),
        call.attach_container_output
            .as_ref()
            .map(|asked| ("attach_container_output", false, asked.container_id())),
        call.wait_nested_container
            .as_ref()
            .map(|asked| ("wait_nested_container", true, asked.container_id())),
        call.kill_nested_container
            .as_ref()
            .map(|asked| ("kill_nested_container", true, asked.container_id())),
        call.remove_nested_container
            .as_ref()
            .map(|asked| ("remove_nested_container", true, asked.container_id())),
        call.launch_container
            .as_ref()
            .map(|asked| ("launch_container", false, asked.container_id())),
        call.wait_container
            .as_ref()
            .map(|asked| ("wait_container", false, asked.container_id())),
        call.kill_container
            .as_ref()
            .map(|asked| ("kill_container", false, asked.container_id())),
        call.remove_container
            .as_ref()
            .map(|asked| ("remove_container", false, asked.container_id())),
    ]
    .into_iter()
    .flatten()
    .find(|(name, ..)| *name == call.r#type().as_str_name().to_ascii_lowercase());
    match named {
        None => Err(format!(
            "Expecting '{}' to be present",
            call.r#type().as_str_name().to_ascii_lowercase()
        )),
        Some((name, true, proto)) => nested(proto, name),
        Some((name, false, proto)) => id(proto, name).map(drop),
    }
}

fn id(proto: &v1::ContainerId, call: &str) -> Result<ContainerId, String> {
    ContainerId::from_proto(proto)
        .map_err(|error: ContainerIdError| format!("'{call}.container_id' is invalid: {error}"))
}

fn nested(proto: &v1::ContainerId, call: &str) -> Result<(), String> {
    if id(proto, call)?.is_nested() {
        Ok(())
    } else {
        Err(format!(
            "Expecting '{call}.container_id.parent' to be present"
        ))
    }
}

/// Answers with a snapshot of all metrics.
pub(super) fn metrics(
    call: &Call,
    content: ContentType,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let timeout = call.get_metrics().timeout.as_ref().map(|timeout| {
        Duration::from_nanos(u64::try_from(timeout.nanoseconds()).unwrap_or_default())
    });
    ctx.runtime()
        .metrics()
        .snapshot(timeout)
        .map(move |snapshot| {
            let metrics = snapshot.into_iter().map(|(name, value)| v1::Metric {
                name: Some(name),
                value: Some(value),
                ..Default::default()
            });
            let answer = Answer {
                r#type: Some(response::Type::GetMetrics.into()),
                get_metrics: Some(response::GetMetrics {
                    metrics: metrics.collect(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            respond(&answer, content)
        })
}

/// Answers with how talkative the log is.
pub(super) fn logging_level(content: ContentType, ctx: &Context<AgentProcess>) -> Response {
    let level = response::GetLoggingLevel {
        level: Some(ctx.runtime().log_level()),
        ..Default::default()
    };
    respond(
        &Answer {
            r#type: Some(response::Type::GetLoggingLevel.into()),
            get_logging_level: Some(level),
            ..Default::default()
        },
        content,
    )
}

/// Answers with the containers of executors, and of others when asked for.
pub(super) fn containers(
    agent: &AgentProcess,
    call: &Call,
    content: ContentType,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let (nested, standalone) = (
        call.get_containers().show_nested(),
        call.get_containers().show_standalone(),
    );
    let executors = of_executors(agent);
    let Some(parts) = &agent.parts else {
        return Response::service_unavailable("").into();
    };
    let listed = parts.containerizer.containers();
    let (promise, future) = libprocess::Promise::new();
    ctx.on_any(listed, move |agent, outcome, ctx| {
        let mut wanted = executors.clone();
        let all = outcome.ready().and_then(Result::ok).unwrap_or_default();
        for id in all {
            let owner = executors.iter().find(|(root, _)| root == id.root());
            let shown = match (id.is_nested(), owner.is_some()) {
                (true, true) => nested,
                (true, false) => nested && standalone,
                (false, true) => false,
                (false, false) => standalone,
            };
            if shown {
                wanted.push((id, owner.and_then(|(_, owner)| owner.clone())));
            }
        }
        let observed = observe(agent, wanted, ctx);
        ctx.on_any(observed, move |_, outcome, _| {
            let containers = outcome.ready().unwrap_or_default();
            let answer = Answer {
                r#type: Some(response::Type::GetContainers.into()),
                get_containers: Some(response::GetContainers {
                    containers: containers.into_iter().map(show).collect(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            promise.set(respond(&answer, content));
        });
    });
    future
}

fn show(container: Observed) -> response::get_containers::Container {
    let owner = container.owner;
    response::get_containers::Container {
        framework_id: owner.as_ref().map(|owner| v1::FrameworkId {
            value: Some(owner.framework.clone()),
            ..Default::default()
        }),
        executor_id: owner.as_ref().map(|owner| v1::ExecutorId {
            value: Some(owner.executor.clone()),
            ..Default::default()
        }),
        executor_name: owner.map(|owner| owner.name),
        container_id: Some(container.id.to_proto()),
        container_status: container.status.map(Into::into),
        resource_statistics: container.statistics.map(Into::into),
        ..Default::default()
    }
}
