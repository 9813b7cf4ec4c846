//! The agent's v1 API for operators and for the default executor.
//!
//! # Wire
//! `contract/surfaces.md`, b.2.

use libprocess::{
    Context, Future,
    http::{Request, Response},
};
use mesos_common::negotiation::ContentType;
use mesos_proto::v1::agent::{Call, Response as Answer, call, response};
use mesos_proto_codec::{Dialect, Json};
use prost::Message;

use super::executor::{encode, json_error};
use super::{calls, files, nested, views};
use crate::{agent::AgentProcess, http::executor::NOT_RECOVERED};

/// Answers a call.
pub(crate) fn handle(
    agent: &mut AgentProcess,
    request: Request,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    if agent.state.is_recovering() {
        return Response::service_unavailable(NOT_RECOVERED).into();
    }
    if request.method != http::Method::POST {
        return Response::method_not_allowed(&["POST"], request.method.as_str()).into();
    }
    let (call, content) = match parse(&request) {
        Ok(parsed) => parsed,
        Err(refusal) => return (*refusal).into(),
    };
    if let Err(text) = calls::validate(&call) {
        let text = format!("Failed to validate agent::Call: {text}");
        return Response::bad_request(text).into();
    }
    perform(agent, &call, &request, content, ctx)
}

/// Writes an answer in the form the client wants.
pub(super) fn respond(answer: &Answer, content: ContentType) -> Response {
    Response::ok()
        .with_body(libprocess::http::Body::Bytes(encode(answer, content)))
        .with_header("content-type", content.media_type())
}

fn parse(request: &Request) -> Result<(Call, ContentType), Box<Response>> {
    let refuse = |text: String| Box::new(Response::bad_request(text));
    let Some(content) = request.header("content-type") else {
        return Err(refuse("Expecting 'Content-Type' to be present".to_owned()));
    };
    let call = match ContentType::from_header(content) {
        Some(ContentType::Protobuf) => Call::decode(request.body.clone())
            .map_err(|_malformed| refuse("Failed to parse body into Call protobuf".to_owned()))?,
        Some(ContentType::Json) => Call::read_json(Dialect::V1, &request.body)
            .map_err(|error| refuse(json_error(&error)))?,
        Some(ContentType::RecordIo) => {
            return Err(Response::not_implemented(
                "Attaching to containers needs the I/O switchboard, which is not available",
            )
            .into());
        }
        None => {
            return Err(Response::unsupported_media_type(
                "Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio",
            )
            .into());
        }
    };
    if request.header("message-content-type").is_some() {
        return Err(Response::unsupported_media_type(format!(
            "Expecting 'Message-Content-Type' to be not set for '{content}' content type"
        ))
        .into());
    }
    ContentType::for_answer(request.header("accept")).map(|accept| (call, accept)).ok_or_else(|| {
        Response::not_acceptable(
            "Expecting 'Accept' to allow 'application/json' or 'application/x-protobuf' or 'application/recordio'",
        )
        .into()
    })
}

/// Fills one kind of answer with what the agent knows by itself.
type View = fn(&AgentProcess, &mut Answer);

/// The calls that only show something.
const VIEWS: [(call::Type, response::Type, View); 10] = [
    (
        call::Type::GetHealth,
        response::Type::GetHealth,
        |_, answer| {
            answer.get_health = Some(response::GetHealth {
                healthy: Some(true),
                ..Default::default()
            });
        },
    ),
    (
        call::Type::GetFlags,
        response::Type::GetFlags,
        |agent, answer| {
            answer.get_flags = Some(views::flags(agent));
        },
    ),
    (
        call::Type::GetVersion,
        response::Type::GetVersion,
        |_, answer| {
            answer.get_version = Some(response::GetVersion {
                version_info: Some(mesos_common::version::version_info().into()),
                ..Default::default()
            });
        },
    ),
    (
        call::Type::GetState,
        response::Type::GetState,
        |agent, answer| {
            answer.get_state = Some(views::state(agent).into());
        },
    ),
    (
        call::Type::GetFrameworks,
        response::Type::GetFrameworks,
        |agent, answer| {
            answer.get_frameworks = Some(views::frameworks(agent));
        },
    ),
    (
        call::Type::GetExecutors,
        response::Type::GetExecutors,
        |agent, answer| {
            answer.get_executors = Some(views::executors(agent));
        },
    ),
    (
        call::Type::GetOperations,
        response::Type::GetOperations,
        |agent, answer| {
            answer.get_operations = Some(views::operations(agent));
        },
    ),
    (
        call::Type::GetTasks,
        response::Type::GetTasks,
        |agent, answer| {
            answer.get_tasks = Some(views::tasks(agent).into());
        },
    ),
    (
        call::Type::GetAgent,
        response::Type::GetAgent,
        |agent, answer| {
            answer.get_agent = Some(views::agent(agent).into());
        },
    ),
    (
        call::Type::GetResourceProviders,
        response::Type::GetResourceProviders,
        |_, answer| {
            answer.get_resource_providers = Some(response::GetResourceProviders::default());
        },
    ),
];

fn perform(
    agent: &AgentProcess,
    call: &Call,
    request: &Request,
    content: ContentType,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    if let Some((_, kind, fill)) = VIEWS.iter().find(|(asked, ..)| *asked == call.r#type()) {
        let mut answer = Answer {
            r#type: Some((*kind).into()),
            ..Default::default()
        };
        fill(agent, &mut answer);
        return respond(&answer, content).into();
    }
    let principal = request.principal.clone();
    match call.r#type() {
        call::Type::GetMetrics => calls::metrics(call, content, ctx),
        call::Type::ListFiles => files::list(agent, call, principal, content),
        call::Type::ReadFile => files::read(agent, call, principal, content),
        call::Type::GetContainers => calls::containers(agent, call, content, ctx),
        call::Type::LaunchNestedContainer | call::Type::LaunchContainer => {
            nested::launch(agent, call, ctx)
        }
        call::Type::WaitNestedContainer | call::Type::WaitContainer => {
            nested::wait(agent, call, content)
        }
        call::Type::KillNestedContainer | call::Type::KillContainer => nested::kill(agent, call),
        call::Type::RemoveNestedContainer | call::Type::RemoveContainer => {
            nested::remove(agent, call)
        }
        call::Type::LaunchNestedContainerSession
        | call::Type::AttachContainerInput
        | call::Type::AttachContainerOutput => Response::internal_server_error(
            "I/O switchboard server was disabled for this container",
        )
        .into(),
        call::Type::GetLoggingLevel => calls::logging_level(content, ctx).into(),
        call::Type::SetLoggingLevel => {
            let set = call.set_logging_level();
            let nanoseconds = u64::try_from(set.duration().nanoseconds()).unwrap_or(0);
            let duration = std::time::Duration::from_nanos(nanoseconds);
            ctx.runtime().raise_log_level(set.level(), duration);
            Response::ok().into()
        }
        call::Type::AddResourceProviderConfig
        | call::Type::UpdateResourceProviderConfig
        | call::Type::RemoveResourceProviderConfig
        | call::Type::MarkResourceProviderGone => {
            Response::not_implemented("Resource providers are not available").into()
        }
        call::Type::PruneImages => {
            Response::not_implemented("Container images are not available").into()
        }
        // Views were answered above.
        call::Type::Unknown
        | call::Type::GetHealth
        | call::Type::GetFlags
        | call::Type::GetVersion
        | call::Type::GetState
        | call::Type::GetFrameworks
        | call::Type::GetExecutors
        | call::Type::GetOperations
        | call::Type::GetTasks
        | call::Type::GetAgent
        | call::Type::GetResourceProviders => Response::not_implemented("").into(),
    }
}
