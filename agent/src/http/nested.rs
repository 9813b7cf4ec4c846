//! Nested and standalone containers through the v1 API.

use std::collections::BTreeMap;

use libprocess::{Context, Future, http::Response};
use mesos_common::negotiation::ContentType;
use mesos_containerizer::{
    ContainerId, ContainerizerError, LaunchRequest, LaunchResult,
    containerizer::settle,
    launch_info::{ContainerClass, ContainerConfig, ContainerTermination},
    mesos::create_sandbox,
    paths::standalone_sandbox_path,
};
use mesos_proto::v1::{
    self,
    agent::{Call, Response as Answer, call, response},
};

use super::api::respond;
use crate::agent::AgentProcess;

/// Names the container that a call is about; the call was checked.
pub(super) fn container(proto: &v1::ContainerId) -> Result<ContainerId, Box<Response>> {
    ContainerId::from_proto(proto).map_err(|error| Response::bad_request(error.to_string()).into())
}

/// Launches a container inside another one, or one of the operator's own.
pub(super) fn launch(
    agent: &AgentProcess,
    call: &Call,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let request = match request(agent, call) {
        Ok(request) => request,
        Err(refusal) => return (*refusal).into(),
    };
    let Some(parts) = &agent.parts else {
        return Response::service_unavailable("").into();
    };
    let id = request.id.clone();
    tracing::info!(container = %id, "launching container for an API call");
    let launched = parts.containerizer.launch(request);
    let (promise, future) = libprocess::Promise::new();
    ctx.on_any(launched, move |agent, outcome, _| {
        let response = match settle(outcome) {
            Ok(LaunchResult::Success) => Response::ok(),
            Ok(LaunchResult::AlreadyLaunched) => Response::accepted(),
            Ok(LaunchResult::NotSupported) => {
                Response::bad_request("The provided ContainerInfo is not supported")
            }
            Err(error) => {
                // What is left of the failed launch goes, and its end is kept for who waits.
                agent.destroy_container(&id);
                Response::bad_request(error.chain())
            }
        };
        promise.set(response);
    });
    future
}

/// What a call asks to launch.
struct Asked<'c> {
    id: &'c v1::ContainerId,
    command: Option<v1::CommandInfo>,
    container: Option<v1::ContainerInfo>,
    resources: Vec<v1::Resource>,
    limits: BTreeMap<String, v1::value::Scalar>,
    class: ContainerClass,
}

impl<'c> Asked<'c> {
    fn of(call: &'c Call) -> Self {
        if let Some(asked) = call.launch_container.as_deref() {
            return Self {
                id: asked.container_id(),
                command: asked.command.as_deref().cloned(),
                container: asked.container.as_deref().cloned(),
                resources: asked.resources.clone(),
                limits: asked.limits.clone(),
                class: ContainerClass::Default,
            };
        }
        let session = call.launch_nested_container_session.as_deref();
        let (id, command, container, class) = if let Some(asked) = session {
            let (command, container) = (&asked.command, &asked.container);
            (
                asked.container_id(),
                command,
                container,
                ContainerClass::Debug,
            )
        } else {
            let asked = call.launch_nested_container();
            let (command, container) = (&asked.command, &asked.container);
            (
                asked.container_id(),
                command,
                container,
                ContainerClass::Default,
            )
        };
        Self {
            id,
            command: command.as_deref().cloned(),
            container: container.as_deref().cloned(),
            resources: Vec::new(),
            limits: BTreeMap::new(),
            class,
        }
    }
}

fn request(agent: &AgentProcess, call: &Call) -> Result<LaunchRequest, Box<Response>> {
    let asked = Asked::of(call);
    let id = container(asked.id)?;
    let command = asked.command.unwrap_or_default();
    let user = agent
        .flags
        .switch_user
        .then(|| command.user.clone())
        .flatten();
    let mut config = ContainerConfig {
        command_info: Some(command.into()),
        container_info: asked.container.map(Into::into),
        resources: asked.resources,
        limits: asked.limits,
        container_class: Some(asked.class.into()),
        user,
        ..Default::default()
    };
    if !id.is_nested() {
        let sandbox = standalone_sandbox_path(&agent.work_dir, &id);
        create_sandbox(&sandbox, config.user.as_deref())
            .map_err(|error| Response::internal_server_error(error.chain()))?;
        config.directory = Some(sandbox.display().to_string());
    }
    Ok(LaunchRequest {
        id,
        config,
        environment: BTreeMap::new(),
        pid_path: None,
    })
}

/// Answers when a container has ended.
pub(super) fn wait(agent: &AgentProcess, call: &Call, content: ContentType) -> Future<Response> {
    let nested = call.r#type() == call::Type::WaitNestedContainer;
    let proto = if nested {
        call.wait_nested_container().container_id()
    } else {
        call.wait_container().container_id()
    };
    let id = match container(proto) {
        Ok(id) => id,
        Err(refusal) => return (*refusal).into(),
    };
    let Some(parts) = &agent.parts else {
        return Response::service_unavailable("").into();
    };
    parts.containerizer.wait(&id).chain(move |outcome| {
        let response = match settle(outcome) {
            Ok(Some(termination)) => {
                let answer = if nested {
                    Answer {
                        r#type: Some(response::Type::WaitNestedContainer.into()),
                        wait_nested_container: Some(nested_end(termination).into()),
                        ..Default::default()
                    }
                } else {
                    Answer {
                        r#type: Some(response::Type::WaitContainer.into()),
                        wait_container: Some(end(termination).into()),
                        ..Default::default()
                    }
                };
                respond(&answer, content)
            }
            Ok(None) => Response::not_found_text(format!("Container {id} cannot be found")),
            Err(error) => Response::internal_server_error(error.chain()),
        };
        response.into()
    })
}

fn limitation(termination: &ContainerTermination) -> Option<v1::TaskResourceLimitation> {
    (!termination.limited_resources.is_empty()).then(|| v1::TaskResourceLimitation {
        resources: termination.limited_resources.clone(),
        ..Default::default()
    })
}

fn end(termination: ContainerTermination) -> response::WaitContainer {
    response::WaitContainer {
        exit_status: termination.status,
        state: termination.state,
        reason: termination.reason,
        limitation: limitation(&termination),
        message: termination.message,
        ..Default::default()
    }
}

fn nested_end(termination: ContainerTermination) -> response::WaitNestedContainer {
    response::WaitNestedContainer {
        exit_status: termination.status,
        state: termination.state,
        reason: termination.reason,
        limitation: limitation(&termination),
        message: termination.message,
        ..Default::default()
    }
}

/// Sends a signal to a container; SIGKILL unless another is asked for.
pub(super) fn kill(agent: &AgentProcess, call: &Call) -> Future<Response> {
    let (proto, signal) = if call.r#type() == call::Type::KillNestedContainer {
        let asked = call.kill_nested_container();
        (asked.container_id(), asked.signal)
    } else {
        let asked = call.kill_container();
        (asked.container_id(), asked.signal)
    };
    let id = match container(proto) {
        Ok(id) => id,
        Err(refusal) => return (*refusal).into(),
    };
    let Some(parts) = &agent.parts else {
        return Response::service_unavailable("").into();
    };
    let signal = signal.unwrap_or(nix::sys::signal::Signal::SIGKILL as i32);
    parts.containerizer.kill(&id, signal).chain(move |outcome| {
        let response = match settle(outcome) {
            Ok(true) => Response::ok(),
            Ok(false) => Response::not_found_text(format!(
                "Container '{id}' cannot be found (or is already killed)"
            )),
            Err(error) => Response::internal_server_error(error.chain()),
        };
        response.into()
    })
}

/// Removes what is left of a container that has ended.
pub(super) fn remove(agent: &AgentProcess, call: &Call) -> Future<Response> {
    let proto = if call.r#type() == call::Type::RemoveNestedContainer {
        call.remove_nested_container().container_id()
    } else {
        call.remove_container().container_id()
    };
    let id = match container(proto) {
        Ok(id) => id,
        Err(refusal) => return (*refusal).into(),
    };
    let Some(parts) = &agent.parts else {
        return Response::service_unavailable("").into();
    };
    parts.containerizer.remove(&id).chain(|outcome| {
        let response = match settle(outcome) {
            // Nothing is left of a root that is gone, so nothing of what was in it.
            Ok(()) | Err(ContainerizerError::UnknownRoot) => Response::ok(),
            Err(error) => Response::internal_server_error(error.chain()),
        };
        response.into()
    })
}
