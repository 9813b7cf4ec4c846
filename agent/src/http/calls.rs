//! Answers calls of the v1 API that ask other actors.

use std::time::Duration;

use libprocess::{Context, Future, http::Response};
use mesos_common::{
    authorization::{Action, Approvers, Object},
    negotiation::ContentType,
};
use mesos_proto::v1::{
    self,
    agent::{Call, Response as Answer, response},
};

use super::{
    api::respond,
    containers::{Observed, observe, of_executors, of_executors_seen},
};
use crate::agent::AgentProcess;

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
    approvers: &Approvers,
    content: ContentType,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let (nested, standalone) = (
        call.get_containers().show_nested(),
        call.get_containers().show_standalone(),
    );
    let executors = of_executors(agent);
    let seen = of_executors_seen(agent, approvers);
    let approvers = approvers.clone();
    let Some(parts) = &agent.parts else {
        return Response::service_unavailable("").into();
    };
    let listed = parts.containerizer.containers();
    let (promise, future) = libprocess::Promise::new();
    ctx.on_any(listed, move |agent, outcome, ctx| {
        let mut wanted = seen.clone();
        let all = outcome.ready().and_then(Result::ok).unwrap_or_default();
        for id in all {
            let is_owned = executors.iter().any(|(root, _)| root == id.root());
            let owner = seen.iter().find(|(root, _)| root == id.root());
            let root = id.root().to_proto();
            let object = Object {
                container_id: Some(&root),
                ..Object::default()
            };
            let hidden = if is_owned {
                owner.is_none()
            } else {
                !approvers.approve(Action::ViewStandaloneContainer, &object)
            };
            if hidden {
                continue;
            }
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
            // Without containers the answer says nothing but its type.
            let shown = (!containers.is_empty()).then(|| response::GetContainers {
                containers: containers.into_iter().map(show).collect(),
                ..Default::default()
            });
            let answer = Answer {
                r#type: Some(response::Type::GetContainers.into()),
                get_containers: shown,
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
