//! The agent's v1 API for operators and for the default executor.
//!
//! # Wire
//! `contract/surfaces.md`, b.2.

use bytes::Bytes;
use libprocess::{
    Context, Future, Promise,
    http::{Request, Response, pipe::ReadAllError},
};
use mesos_common::{
    authorization::Approvers,
    negotiation::ContentType,
    record_reader::{ReadRecordError, RecordReader},
};
use mesos_proto::v1::agent::{Call, Response as Answer, call, response};

use super::executor::encode;
use super::{
    answers, authorize, calls, files, media_types::MediaTypes, nested, sessions, validation, views,
};
use crate::{agent::AgentProcess, http::executor::NOT_RECOVERED};

/// Answers a call.
pub(crate) fn handle(
    agent: &mut AgentProcess,
    mut request: Request,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    if agent.state.is_recovering() {
        return Response::service_unavailable(NOT_RECOVERED).into();
    }
    if request.method != http::Method::POST {
        return Response::method_not_allowed(&["POST"], request.method.as_str()).into();
    }
    let types = match MediaTypes::of(&request) {
        Ok(types) => types,
        Err(refusal) => return (*refusal).into(),
    };
    let Some(mut reader) = request.reader.take() else {
        return Response::bad_request("Received EOF while reading request body").into();
    };
    let (promise, future) = Promise::new();
    if types.is_upload() {
        let mut records = RecordReader::new(reader);
        let reading = async move {
            let first = records.next().await;
            (records, first)
        };
        ctx.perform(reading, move |agent, (records, first), ctx| {
            let upload = Upload {
                records,
                first,
                approvers: agent.approvers(request.principal.as_ref()),
            };
            promise.associate(answer_upload(agent, upload, types, ctx));
        });
        return future;
    }
    let limit = ctx.runtime().limits().http_body;
    let reading = async move { reader.read_all(limit).await };
    ctx.perform(reading, move |agent, body, ctx| {
        promise.associate(match body {
            Ok(body) => answer(agent, &body, &request, types, ctx),
            Err(ReadAllError::TooLong { .. }) => Response::default_text(413)
                .with_header("connection", "close")
                .into(),
            Err(ReadAllError::Pipe(error)) => {
                Response::internal_server_error(error.to_string()).into()
            }
        });
    });
    future
}

fn answer(
    agent: &AgentProcess,
    body: &Bytes,
    request: &Request,
    types: MediaTypes,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    match read(body, types) {
        Ok(call) => perform(agent, &call, request, types, ctx),
        Err(refusal) => (*refusal).into(),
    }
}

/// A stream of calls, and the first of them.
struct Upload {
    records: RecordReader,
    first: Option<Result<Bytes, ReadRecordError>>,
    approvers: Approvers,
}

fn answer_upload(
    agent: &AgentProcess,
    upload: Upload,
    types: MediaTypes,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let first = match upload.first {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Response::bad_request(error.to_string()).into(),
        None => return Response::bad_request("Received EOF while reading request body").into(),
    };
    match read(&first, types) {
        Ok(call) => match authorize::refuse(agent, &call, &upload.approvers) {
            Some(refusal) => refusal.into(),
            None => sessions::attach_input(agent, &call, upload.records, types, ctx),
        },
        Err(refusal) => (*refusal).into(),
    }
}

/// Reads a call and checks it.
fn read(call: &Bytes, types: MediaTypes) -> Result<Call, Box<Response>> {
    let call = types.read(call)?;
    validation::validate(&call).map_err(|broken| {
        Response::bad_request(format!("Failed to validate agent::Call: {broken}"))
    })?;
    types.suit(call.r#type())?;
    Ok(call)
}

/// Writes an answer in the form the client wants.
pub(super) fn respond(answer: &Answer, content: ContentType) -> Response {
    let body = match content {
        ContentType::Json => answers::write(answer).into(),
        ContentType::Protobuf | ContentType::RecordIo => encode(answer, content),
    };
    Response::ok()
        .with_body(libprocess::http::Body::Bytes(body))
        .with_header("content-type", content.media_type())
}

/// Fills one kind of answer with what the agent knows by itself.
type View = fn(&AgentProcess, &Approvers, &mut Answer);

/// The calls that only show something.
const VIEWS: [(call::Type, response::Type, View); 10] = [
    (
        call::Type::GetHealth,
        response::Type::GetHealth,
        |_, _, answer| {
            answer.get_health = Some(response::GetHealth {
                healthy: Some(true),
                ..Default::default()
            });
        },
    ),
    (
        call::Type::GetFlags,
        response::Type::GetFlags,
        |agent, _, answer| {
            answer.get_flags = Some(views::flags(agent));
        },
    ),
    (
        call::Type::GetVersion,
        response::Type::GetVersion,
        |_, _, answer| {
            answer.get_version = Some(response::GetVersion {
                version_info: Some(mesos_common::version::version_info().into()),
                ..Default::default()
            });
        },
    ),
    (
        call::Type::GetState,
        response::Type::GetState,
        |agent, approvers, answer| {
            answer.get_state = Some(views::state(agent, approvers).into());
        },
    ),
    (
        call::Type::GetFrameworks,
        response::Type::GetFrameworks,
        |agent, approvers, answer| {
            answer.get_frameworks = Some(views::frameworks(agent, approvers));
        },
    ),
    (
        call::Type::GetExecutors,
        response::Type::GetExecutors,
        |agent, approvers, answer| {
            answer.get_executors = Some(views::executors(agent, approvers));
        },
    ),
    (
        call::Type::GetOperations,
        response::Type::GetOperations,
        |agent, approvers, answer| {
            answer.get_operations = Some(views::operations(agent, approvers));
        },
    ),
    (
        call::Type::GetTasks,
        response::Type::GetTasks,
        |agent, approvers, answer| {
            answer.get_tasks = Some(views::tasks(agent, approvers).into());
        },
    ),
    (
        call::Type::GetAgent,
        response::Type::GetAgent,
        |agent, _, answer| {
            answer.get_agent = Some(views::agent(agent).into());
        },
    ),
    (
        call::Type::GetResourceProviders,
        response::Type::GetResourceProviders,
        |_, _, answer| {
            answer.get_resource_providers = Some(response::GetResourceProviders::default());
        },
    ),
];

fn perform(
    agent: &AgentProcess,
    call: &Call,
    request: &Request,
    types: MediaTypes,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let content = types.accept;
    let approvers = agent.approvers(request.principal.as_ref());
    if let Some(refusal) = authorize::refuse(agent, call, &approvers) {
        return refusal.into();
    }
    if let Some((_, kind, fill)) = VIEWS.iter().find(|(asked, ..)| *asked == call.r#type()) {
        let mut answer = Answer {
            r#type: Some((*kind).into()),
            ..Default::default()
        };
        fill(agent, &approvers, &mut answer);
        return respond(&answer, content).into();
    }
    let principal = request.principal.clone();
    match call.r#type() {
        call::Type::GetMetrics => calls::metrics(call, content, ctx),
        call::Type::ListFiles => files::list(agent, call, principal, content),
        call::Type::ReadFile => files::read(agent, call, principal, content),
        call::Type::GetContainers => calls::containers(agent, call, &approvers, content, ctx),
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
        call::Type::LaunchNestedContainerSession => {
            sessions::launch_session(agent, call, types, ctx)
        }
        call::Type::AttachContainerOutput => sessions::attach_output(agent, call, types, ctx),
        call::Type::GetLoggingLevel => calls::logging_level(content, ctx).into(),
        call::Type::SetLoggingLevel => {
            let set = call.set_logging_level();
            let nanoseconds = u64::try_from(set.duration().nanoseconds()).unwrap_or(0);
            let duration = std::time::Duration::from_nanos(nanoseconds);
            let raised = ctx.runtime().raise_log_level(set.level(), duration);
            raised.map(|()| Response::ok())
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
        // Views were answered above, and a stream of calls has a way of its own.
        call::Type::Unknown
        | call::Type::AttachContainerInput
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
