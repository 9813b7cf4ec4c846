//! The v1 executor API.
//!
//! # Wire
//! `contract/surfaces.md`, b.4; the order of checks is that of Mesos.

use std::fmt;

use bytes::Bytes;
use libprocess::{
    Context, Future,
    http::{Principal, Request, Response, pipe},
};
use mesos_common::{
    check_status::validate_check_status,
    ids::{ExecutorId, FrameworkId},
    negotiation::ContentType,
    recordio,
};
use mesos_containerizer::ContainerId;
use mesos_proto::v1::{
    TaskState,
    executor::{Call, Event, call},
    task_status::Source,
};
use mesos_proto_codec::{Dialect, Json, JsonError, to_json};
use prost::Message;

use crate::{
    agent::{AgentProcess, AgentState, ExecutorGate},
    constants::MAX_BUFFERED_EVENT_BYTES,
    state::executor::ExecutorState,
};

/// The stream of events to a subscribed executor.
#[derive(Clone)]
pub struct ExecutorStream {
    writer: pipe::Writer,
    content: ContentType,
}

impl fmt::Debug for ExecutorStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorStream")
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

impl ExecutorStream {
    /// Writes an event as one record; false when nobody reads any more, or far too slowly.
    pub fn send(&self, event: &Event) -> bool {
        if self.writer.buffered_bytes() > MAX_BUFFERED_EVENT_BYTES {
            self.writer.fail("executor does not read");
            return false;
        }
        self.writer
            .write(recordio::encode(&encode(event, self.content)))
    }

    /// Ends the stream.
    pub fn close(&self) {
        self.writer.close();
    }
}

/// Writes a message in the form a client wants.
pub(crate) fn encode<M: Json>(message: &M, content: ContentType) -> Bytes {
    match content {
        ContentType::Json => to_json(message, Dialect::V1).into(),
        ContentType::Protobuf | ContentType::RecordIo => message.encode_to_vec().into(),
    }
}

/// What everything but health is answered before the checkpoint was read.
pub(crate) const NOT_RECOVERED: &str = "Agent has not finished recovery";

/// Answers a call of an executor.
pub(crate) fn handle(
    agent: &mut AgentProcess,
    request: Request,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    respond(agent, &request, ctx)
        .unwrap_or_else(|refusal| *refusal)
        .into()
}

fn respond(
    agent: &mut AgentProcess,
    request: &Request,
    ctx: &mut Context<AgentProcess>,
) -> Result<Response, Box<Response>> {
    if agent.state == AgentState::Recovering(ExecutorGate::Closed) {
        return Err(Response::service_unavailable(NOT_RECOVERED).into());
    }
    if request.method != http::Method::POST {
        return Err(Response::method_not_allowed(&["POST"], request.method.as_str()).into());
    }
    let call = parse(request)?;
    validate(&call).map_err(|text| {
        Response::bad_request(format!("Failed to validate Executor::Call: {text}"))
    })?;
    let content = match call.r#type() {
        call::Type::Subscribe => accepted(request)?,
        call::Type::Heartbeat => return Ok(Response::accepted()),
        // An executor that came back during recovery would never send the update again: see decision 71.
        call::Type::Update => ContentType::Json,
        call::Type::Message | call::Type::Unknown => {
            if agent.state.is_recovering() {
                return Err(Response::service_unavailable(NOT_RECOVERED).into());
            }
            ContentType::Json
        }
    };
    let id = FrameworkId::from(call.framework_id());
    let executor_id = ExecutorId::from(call.executor_id());
    let Some(framework) = agent.frameworks.get(&id) else {
        return Err(Response::bad_request("Framework cannot be found").into());
    };
    let Some(executor) = framework.executor(&executor_id) else {
        return Err(Response::bad_request("Executor cannot be found").into());
    };
    if let Some(principal) = &request.principal {
        verify_claims(principal, &call, executor.container()).map_err(Response::forbidden)?;
    }
    if executor.state() == ExecutorState::Registering && call.r#type() != call::Type::Subscribe {
        return Err(Response::forbidden("Executor is not subscribed").into());
    }
    Ok(perform(agent, &call, content, ctx))
}

/// An executor with a token speaks for itself only.
fn verify_claims(
    principal: &Principal,
    call: &Call,
    container: &ContainerId,
) -> Result<(), String> {
    let claims = |name: &str, expected: &str| {
        principal.claims.get(name).map(String::as_str) == Some(expected)
    };
    let (framework, executor) = (call.framework_id().value(), call.executor_id().value());
    if !claims("fid", framework) {
        return Err(format!(
            "Authenticated principal '{principal}' does not contain an 'fid' claim with the \
             framework ID {framework}, which is set in the call"
        ));
    }
    if !claims("eid", executor) {
        return Err(format!(
            "Authenticated principal '{principal}' does not contain an 'eid' claim with the \
             executor ID {executor}, which is set in the call"
        ));
    }
    if !claims("cid", container.value()) {
        return Err(format!(
            "Authenticated principal '{principal}' does not contain a 'cid' claim with the \
             correct active ContainerID"
        ));
    }
    Ok(())
}

fn perform(
    agent: &mut AgentProcess,
    call: &Call,
    content: ContentType,
    ctx: &mut Context<AgentProcess>,
) -> Response {
    let id = FrameworkId::from(call.framework_id());
    let executor_id = ExecutorId::from(call.executor_id());
    match call.r#type() {
        call::Type::Subscribe => {
            let (writer, reader) = pipe::pipe();
            let stream = ExecutorStream { writer, content };
            agent.subscribe_executor(&id, &executor_id, call.subscribe(), stream, ctx);
            agent.finish_recovery_when_all_are_back(ctx);
            Response::streaming(reader, content.media_type())
        }
        call::Type::Update => {
            agent.take_update(&id, call.update().status(), ctx);
            Response::accepted()
        }
        call::Type::Message => {
            agent.forward_executor_message(&id, &executor_id, call.message().data().clone(), ctx);
            Response::accepted()
        }
        call::Type::Heartbeat => Response::accepted(),
        call::Type::Unknown => Response::not_implemented(""),
    }
}

fn accepted(request: &Request) -> Result<ContentType, Box<Response>> {
    ContentType::for_answer(request.header("accept")).ok_or_else(|| {
        Response::not_acceptable(
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        )
        .into()
    })
}

fn parse(request: &Request) -> Result<Call, Box<Response>> {
    let refuse = |text: String| Box::new(Response::bad_request(text));
    let Some(content) = request.header("content-type") else {
        return Err(refuse("Expecting 'Content-Type' to be present".to_owned()));
    };
    match ContentType::from_header(content) {
        Some(ContentType::Protobuf) => Call::decode(request.body.clone())
            .map_err(|_malformed| refuse("Failed to parse body into Call protobuf".to_owned())),
        Some(ContentType::Json) => {
            Call::read_json(Dialect::V1, &request.body).map_err(|error| refuse(json_error(&error)))
        }
        Some(ContentType::RecordIo) | None => Err(Response::unsupported_media_type(
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        )
        .into()),
    }
}

/// The text that a client sees when its JSON is no call.
pub(super) fn json_error(error: &JsonError) -> String {
    match error {
        JsonError::Syntax { .. } | JsonError::TrailingCharacters { .. } | JsonError::OutOfRange => {
            format!("Failed to parse body into JSON: {error}")
        }
        JsonError::UnexpectedType
        | JsonError::NotAnObject
        | JsonError::NotAnArray
        | JsonError::UnexpectedKind { .. }
        | JsonError::Base64 { .. }
        | JsonError::Quoted { .. }
        | JsonError::UnknownEnum { .. }
        | JsonError::MissingRequired { .. } => {
            format!("Failed to convert JSON into Call protobuf: {error}")
        }
    }
}

/// Checks a call; the texts are those of Mesos.
fn validate(call: &Call) -> Result<(), String> {
    use mesos_proto_codec::WireMessage;
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
    expect(call.executor_id.is_some(), "executor_id")?;
    expect(call.framework_id.is_some(), "framework_id")?;
    match call.r#type() {
        call::Type::Subscribe => expect(call.subscribe.is_some(), "subscribe"),
        call::Type::Message => expect(call.message.is_some(), "message"),
        call::Type::Heartbeat | call::Type::Unknown => Ok(()),
        call::Type::Update => {
            expect(call.update.is_some(), "update")?;
            expect(call.update().status().uuid.is_some(), "uuid")?;
            validate_update(call)
        }
    }
}

fn validate_update(call: &Call) -> Result<(), String> {
    let status = call.update().status();
    let (executor, framework) = (call.executor_id().value(), call.framework_id().value());
    if status.uuid().len() != 16 {
        return Err("Not a valid UUID".to_owned());
    }
    if let Some(other) = status
        .executor_id
        .as_ref()
        .filter(|other| other.value() != executor)
    {
        let other = other.value();
        return Err(format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {other}"
        ));
    }
    if status.source() != Source::SourceExecutor {
        return Err(format!(
            "Received Call from executor {executor} of framework {framework} with invalid source, expecting 'SOURCE_EXECUTOR'"
        ));
    }
    if status.state() == TaskState::TaskStaging {
        return Err(format!(
            "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
        ));
    }
    match &status.check_status {
        Some(result) => validate_check_status(result).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1;

    use super::*;

    fn update(change: impl FnOnce(&mut v1::TaskStatus)) -> Call {
        let mut status = v1::TaskStatus {
            task_id: Some(v1::TaskId {
                value: Some("t".to_owned()),
                ..Default::default()
            }),
            state: Some(TaskState::TaskRunning.into()),
            source: Some(Source::SourceExecutor.into()),
            uuid: Some(Bytes::from_static(&[1; 16])),
            ..Default::default()
        };
        change(&mut status);
        Call {
            r#type: Some(call::Type::Update.into()),
            executor_id: Some(ExecutorId::from("e").to_proto()),
            framework_id: Some(FrameworkId::from("f").to_proto()),
            update: Some(call::Update {
                status: Some(status.into()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut v1::TaskStatus), expected: Result<(), &str>) {
        assert_eq!(validate(&update(change)), expected.map_err(str::to_owned));
    }

    #[test]
    fn updates_are_checked_with_the_texts_of_mesos() {
        check(|_| {}, Ok(()));
        check(
            |status| status.uuid = None,
            Err("Expecting 'uuid' to be present"),
        );
        check(
            |status| status.executor_id = Some(ExecutorId::from("other").to_proto()),
            Err("ExecutorID in Call: e does not match ExecutorID in TaskStatus: other"),
        );
        check(
            |status| status.source = Some(Source::SourceMaster.into()),
            Err(
                "Received Call from executor e of framework f with invalid source, expecting 'SOURCE_EXECUTOR'",
            ),
        );
        check(
            |status| status.state = Some(TaskState::TaskStaging.into()),
            Err("Received TASK_STAGING from executor e of framework f which is not allowed"),
        );
        check(
            |status| status.check_status = Some(v1::CheckStatusInfo::default().into()),
            Err("CheckStatusInfo must specify 'type'"),
        );
    }
}
