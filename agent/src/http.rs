//! The agent's HTTP surface.
//!
//! Mirrors `src/slave/http.cpp`.
//!
//! # Wire
//! Routes, texts and JSON are promises to operators and executors.

pub(crate) mod answers;
pub(crate) mod api;
pub(crate) mod authorize;
pub(crate) mod calls;
pub(crate) mod containers;
pub(crate) mod executor;
pub(crate) mod files;
pub(crate) mod media_types;
pub(crate) mod nested;
pub(crate) mod resource_format;
pub(crate) mod sessions;
pub(crate) mod state;
pub(crate) mod statistics;
pub(crate) mod validation;
pub(crate) mod views;

use libprocess::{
    Context, Future,
    http::{Help, Request, Response},
};
use mesos_common::{authorization::Action, flags::FlagSet};
use mesos_proto_codec::{Dialect, json::JsonWriter};

use crate::agent::AgentProcess;

/// Realm of everything that only shows.
pub(crate) const READONLY: &str = "mesos-agent-readonly";
/// Realm of everything that changes something.
pub(crate) const READWRITE: &str = "mesos-agent-readwrite";
/// Realm of executors.
pub(crate) const EXECUTOR: &str = "mesos-agent-executor";

/// Installs every route of the agent.
pub(crate) fn install(ctx: &mut Context<AgentProcess>) {
    ctx.route_streaming_in_realm(
        "/api/v1",
        READWRITE,
        Help::new("Endpoint for API calls against the agent.", &[]),
        api::handle,
    );
    ctx.route_in_realm(
        "/api/v1/executor",
        EXECUTOR,
        Help::new("Endpoint for the Executor HTTP API.", &[]),
        executor::handle,
    );
    ctx.route_in_realm(
        "/state",
        READONLY,
        Help::new("Information about state of the agent.", &[]),
        state::handle,
    );
    ctx.route_in_realm(
        "/flags",
        READONLY,
        Help::new("Exposes the agent's flag configuration.", &[]),
        flags,
    );
    ctx.route(
        "/health",
        Help::new("Health check of the agent.", &[]),
        health,
    );
    ctx.route_in_realm(
        "/monitor/statistics",
        READONLY,
        Help::new("Retrieve resource monitoring information.", &[]),
        statistics::handle,
    );
    ctx.route_in_realm(
        "/containers",
        READONLY,
        Help::new("Retrieve container status and usage information.", &[]),
        containers::handle,
    );
}

fn health(_: &mut AgentProcess, _: Request, _: &mut Context<AgentProcess>) -> Future<Response> {
    Response::ok().into()
}

fn flags(
    agent: &mut AgentProcess,
    request: Request,
    _: &mut Context<AgentProcess>,
) -> Future<Response> {
    if agent.authorizer.is_some() && request.method != http::Method::GET {
        return Response::method_not_allowed(&["GET"], request.method.as_str()).into();
    }
    let approvers = agent.approvers(request.principal.as_ref());
    if !approvers.approve_any(Action::ViewFlags) {
        return Response::default_text(403).into();
    }
    let mut json = JsonWriter::new(Dialect::V0);
    json.object(|json| {
        json.field_with("flags", |json| {
            json.object(|json| {
                for (name, value) in agent.flags.stringified() {
                    json.field(name, value.as_str());
                }
            });
        });
    });
    Response::ok_json(json.into_vec(), request.query.get("jsonp")).into()
}
