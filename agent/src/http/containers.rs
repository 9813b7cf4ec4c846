//! Containers with their status and what they use.

use libprocess::{
    Context, Future, Outcome, Promise, await_all,
    http::{Request, Response},
};
use mesos_common::authorization::{Action, Approvers, Object};
use mesos_containerizer::{ContainerId, ContainerizerError, containerizer::settle};
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, json::JsonWriter};

use super::answers::write_sorted;
use crate::{
    agent::AgentProcess,
    state::executor::{Executor, ExecutorState},
};

/// A container and what is known of its present condition.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) id: ContainerId,
    pub(crate) owner: Option<Owner>,
    pub(crate) status: Option<v1::ContainerStatus>,
    pub(crate) statistics: Option<v1::ResourceStatistics>,
}

/// The executor in a container.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) framework: String,
    pub(crate) executor: String,
    pub(crate) name: String,
    pub(crate) source: String,
}

impl Owner {
    pub(crate) fn of(executor: &Executor) -> Self {
        Self {
            framework: executor.framework().to_string(),
            executor: executor.id().to_string(),
            name: executor.info().name().to_owned(),
            source: executor.info().source().to_owned(),
        }
    }
}

/// Asks for status and usage of containers.
pub(crate) fn observe(
    agent: &AgentProcess,
    containers: Vec<(ContainerId, Option<Owner>)>,
    ctx: &mut Context<AgentProcess>,
) -> Future<Vec<Observed>> {
    let Some(parts) = &agent.parts else {
        return Future::ready(Vec::new());
    };
    let mut statuses = Vec::new();
    let mut usages = Vec::new();
    for (id, _) in &containers {
        statuses.push(parts.containerizer.status(id));
        usages.push(parts.containerizer.usage(id));
    }
    let (promise, future) = Promise::new();
    ctx.on_any(await_all(statuses), move |_, statuses, ctx| {
        ctx.on_any(await_all(usages), move |_, usages, _| {
            let mut statuses = kept(statuses).into_iter();
            let mut usages = kept(usages).into_iter();
            let observed = containers
                .into_iter()
                .map(|(id, owner)| Observed {
                    id,
                    owner,
                    status: statuses.next().flatten(),
                    statistics: usages.next().flatten(),
                })
                .collect();
            promise.set(observed);
        });
    });
    future
}

type Answers<T> = Outcome<Vec<Outcome<Result<T, ContainerizerError>>>>;

/// Keeps what was answered; a container that ends meanwhile is shown without.
fn kept<T>(answers: Answers<T>) -> Vec<Option<T>> {
    let answers = answers.ready().unwrap_or_default();
    answers
        .into_iter()
        .map(|answer| settle(answer).ok())
        .collect()
}

/// The containers of all executors that have one.
pub(crate) fn of_executors(agent: &AgentProcess) -> Vec<(ContainerId, Option<Owner>)> {
    agent
        .frameworks
        .executors()
        .filter(|executor| executor.state() != ExecutorState::Terminated)
        .map(|executor| (executor.container().clone(), Some(Owner::of(executor))))
        .collect()
}

/// The containers of those executors that a principal may see.
pub(crate) fn of_executors_seen(
    agent: &AgentProcess,
    approvers: &Approvers,
) -> Vec<(ContainerId, Option<Owner>)> {
    let mut containers = of_executors(agent);
    containers.retain(|(id, _)| {
        agent.frameworks.iter().any(|framework| {
            framework.executors().any(|executor| {
                let object = Object::executor(executor.info(), &framework.info);
                executor.container() == id && approvers.approve(Action::ViewContainer, &object)
            })
        })
    });
    containers
}

/// Answers `/containers`.
pub(crate) fn handle(
    agent: &mut AgentProcess,
    request: Request,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    if let Some(refusal) = agent.refuse_get(&request, "/containers") {
        return refusal.into();
    }
    let approvers = agent.approvers(request.principal.as_ref());
    let jsonp = request.query.get("jsonp").map(str::to_owned);
    let wanted = request.query.get("container_id").map(str::to_owned);
    let mut containers = of_executors_seen(agent, &approvers);
    containers.retain(|(id, _)| {
        wanted
            .as_deref()
            .is_none_or(|wanted| id.to_string() == wanted)
    });
    observe(agent, containers, ctx).map(move |observed| {
        let mut json = JsonWriter::new(Dialect::V0);
        json.array(|json| observed.iter().for_each(|container| write(json, container)));
        Response::ok_json(json.into_vec(), jsonp.as_deref())
    })
}

fn write(json: &mut JsonWriter, container: &Observed) {
    json.object(|json| {
        json.field("container_id", container.id.value());
        if let Some(owner) = &container.owner {
            json.field("executor_id", owner.executor.as_str());
            json.field("executor_name", owner.name.as_str());
            json.field("framework_id", owner.framework.as_str());
            json.field("source", owner.source.as_str());
        }
        if let Some(statistics) = &container.statistics {
            json.field_with("statistics", |json| write_sorted(json, statistics));
        }
        if let Some(status) = &container.status {
            json.field_with("status", |json| write_sorted(json, status));
        }
    });
}
