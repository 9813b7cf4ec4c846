//! `/reserve`, `/unreserve`, `/create-volumes`, `/destroy-volumes`.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future};
use mesos_common::ids::AgentId;
use mesos_common::wire;
use mesos_proto::v1;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::{Create, Destroy, Reserve, Type, Unreserve};
use mesos_proto_codec::{Dialect, from_json_list};

use super::redirect::check_method;
use super::teardown::{form, value};
use crate::master::MasterProcess;

type Parsed<T> = Result<T, Box<Response>>;

fn resources(request: &Request, key: &str, phrase: &str) -> Parsed<Vec<v1::Resource>> {
    let form = form(request)?;
    let text = value(&form, key)?;
    from_json_list(text.as_bytes(), Dialect::V0).map_err(|error| {
        Box::new(Response::bad_request(format!(
            "Error {phrase}parsing '{key}' query parameter in the request body: {error}"
        )))
    })
}

fn agent_id(request: &Request) -> Parsed<AgentId> {
    let form = form(request)?;
    value(&form, wire::AGENT_ID_FORM_KEY).map(AgentId::from)
}

fn reserve(request: &Request) -> Parsed<(AgentId, Operation)> {
    let agent_id = agent_id(request)?;
    let resources_ = resources(request, "resources", "")?;
    let source = if form(request)?.contains("source") {
        resources(request, "source", "")?
    } else {
        Vec::new()
    };
    let reserve = Reserve {
        resources: resources_,
        source,
        ..Default::default()
    };
    let operation = Operation {
        r#type: Some(Type::Reserve.into()),
        reserve: Some(reserve),
        ..Default::default()
    };
    Ok((agent_id, operation))
}

fn unreserve(request: &Request) -> Parsed<(AgentId, Operation)> {
    let agent_id = agent_id(request)?;
    let resources = resources(request, "resources", "in ")?;
    let unreserve = Unreserve {
        resources,
        ..Default::default()
    };
    let operation = Operation {
        r#type: Some(Type::Unreserve.into()),
        unreserve: Some(unreserve),
        ..Default::default()
    };
    Ok((agent_id, operation))
}

fn create(request: &Request) -> Parsed<(AgentId, Operation)> {
    let agent_id = agent_id(request)?;
    let volumes = resources(request, "volumes", "in ")?;
    let create = Create {
        volumes,
        ..Default::default()
    };
    let operation = Operation {
        r#type: Some(Type::Create.into()),
        create: Some(create),
        ..Default::default()
    };
    Ok((agent_id, operation))
}

fn destroy(request: &Request) -> Parsed<(AgentId, Operation)> {
    let agent_id = agent_id(request)?;
    let volumes = resources(request, "volumes", "in ")?;
    let destroy = Destroy {
        volumes,
        ..Default::default()
    };
    let operation = Operation {
        r#type: Some(Type::Destroy.into()),
        destroy: Some(destroy),
        ..Default::default()
    };
    Ok((agent_id, operation))
}

impl MasterProcess {
    fn legacy_operation(
        &mut self,
        request: &Request,
        parse: fn(&Request) -> Parsed<(AgentId, Operation)>,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Some(response) = check_method(request, &["POST"]) {
            return response.into();
        }
        match parse(request) {
            Ok((agent_id, operation)) => {
                let approvers = self.approvers(request.principal.as_ref());
                self.operator_operation(&agent_id, operation, &approvers, ctx)
            }
            Err(refusal) => (*refusal).into(),
        }
    }

    /// Answers `/reserve`.
    pub(crate) fn reserve(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        self.legacy_operation(request, reserve, ctx)
    }

    /// Answers `/unreserve`.
    pub(crate) fn unreserve(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        self.legacy_operation(request, unreserve, ctx)
    }

    /// Answers `/create-volumes`.
    pub(crate) fn create_volumes(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        self.legacy_operation(request, create, ctx)
    }

    /// Answers `/destroy-volumes`.
    pub(crate) fn destroy_volumes(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        self.legacy_operation(request, destroy, ctx)
    }
}
