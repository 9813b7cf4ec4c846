//! Attaches clients to the streams of containers.
//!
//! The agent stands between a client and the container's I/O switchboard server, and passes records on.

use std::pin::Pin;

use libprocess::{
    Context, Future, Promise,
    http::{
        Body, Response,
        client::{ClientRequest, ClientResponse, Connection},
        pipe,
    },
};
use mesos_common::{negotiation::ContentType, record_reader::RecordReader, recordio};
use mesos_containerizer::{ContainerId, containerizer::settle};
use mesos_proto::v1::agent::{
    Call,
    call::{self, attach_container_input},
};

use super::{
    executor::encode,
    media_types::MediaTypes,
    nested::{self, container},
};
use crate::agent::AgentProcess;

/// Where a server is told that its answer has come.
const ACKNOWLEDGE: &str = "/acknowledge_container_input_response";

/// How long a server's refusal may be.
const MAX_REFUSAL: usize = 64 * 1024;

/// What becomes of a container when the stream of its output ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtEnd {
    /// Nothing: clients come and go.
    Keep,
    /// It is destroyed: it was launched for this client.
    Destroy,
}

/// Launches a container for debugging, and streams its output; the container ends with the stream.
pub(super) fn launch_session(
    agent: &AgentProcess,
    call: &Call,
    types: MediaTypes,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let id = match container(call.launch_nested_container_session().container_id()) {
        Ok(id) => id,
        Err(refusal) => return (*refusal).into(),
    };
    let launched = nested::launch(agent, call, ctx);
    let (promise, future) = Promise::new();
    ctx.on_any(launched, move |agent, outcome, ctx| {
        let launched = outcome
            .ready()
            .unwrap_or_else(|| Response::internal_server_error("the launch was abandoned"));
        if launched.status != 200 {
            return promise.set(launched);
        }
        promise.associate(open_output(agent, id, types, AtEnd::Destroy, ctx));
    });
    future
}

/// Streams the output of a container.
pub(super) fn attach_output(
    agent: &AgentProcess,
    call: &Call,
    types: MediaTypes,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    match container(call.attach_container_output().container_id()) {
        Ok(id) => open_output(agent, id, types, AtEnd::Keep, ctx),
        Err(refusal) => (*refusal).into(),
    }
}

fn open_output(
    agent: &AgentProcess,
    id: ContainerId,
    types: MediaTypes,
    at_end: AtEnd,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let connected = match connect(agent, &id) {
        Ok(connected) => connected,
        Err(refusal) => {
            if at_end == AtEnd::Destroy {
                agent.destroy_container(&id);
            }
            return (*refusal).into();
        }
    };
    let request = output_request(&id, types);
    let (promise, future) = Promise::new();
    let asked = async move {
        let connection = connected.await?;
        let response = ask(&connection, request).await?;
        Ok::<_, String>((connection, response))
    };
    ctx.perform(asked, move |agent, asked, ctx| {
        let (connection, answered) = match asked {
            Ok((connection, Ok(answered))) => (connection, answered),
            Ok((_, Err(refusal))) => {
                end_output(agent, &id, at_end);
                return promise.set(*refusal);
            }
            Err(error) => {
                end_output(agent, &id, at_end);
                return promise.set(Response::internal_server_error(error));
            }
        };
        let (writer, reader) = pipe::pipe();
        let mut response = Response::streaming(reader, types.accept.media_type());
        if types.accept == ContentType::RecordIo {
            let form = types.message_accept.media_type();
            response = response.with_header("message-content-type", form);
        }
        let limit = ctx.runtime().limits().unread_stream;
        let passing = async move {
            pass_output(RecordReader::new(answered.body), &writer, limit).await;
            connection.disconnect();
        };
        ctx.perform(passing, move |agent, (), _| end_output(agent, &id, at_end));
        promise.set(response);
    });
    future
}

fn end_output(agent: &AgentProcess, id: &ContainerId, at_end: AtEnd) {
    if at_end == AtEnd::Destroy {
        tracing::info!(container = %id, "session has ended");
        agent.destroy_container(id);
    }
}

fn output_request(id: &ContainerId, types: MediaTypes) -> ClientRequest {
    let attach = call::AttachContainerOutput {
        container_id: Some(id.to_proto()),
        ..Default::default()
    };
    let call = Call {
        r#type: Some(call::Type::AttachContainerOutput.into()),
        attach_container_output: Some(attach),
        ..Default::default()
    };
    let body = encode(&call, types.content);
    let request = ClientRequest::post("/", types.content.media_type(), body)
        .closing()
        .with_header("accept", types.accept.media_type());
    if types.accept == ContentType::RecordIo {
        request.with_header("message-accept", types.message_accept.media_type())
    } else {
        request
    }
}

/// Passes records on until either side ends.
async fn pass_output(mut records: RecordReader, writer: &pipe::Writer, limit: usize) {
    let mut gone = writer.reader_closed();
    loop {
        writer.below(limit).await;
        let next = tokio::select! {
            next = records.next() => next,
            _ = &mut gone => return,
        };
        match next {
            Some(Ok(record)) => {
                if !writer.write(recordio::encode(&record)) {
                    return;
                }
            }
            Some(Err(error)) => {
                writer.fail(error.to_string());
                return;
            }
            None => {
                writer.close();
                return;
            }
        }
    }
}

/// Passes the calls of a client to the input of a container; the first call was read already.
pub(super) fn attach_input(
    agent: &AgentProcess,
    call: &Call,
    records: RecordReader,
    types: MediaTypes,
    ctx: &mut Context<AgentProcess>,
) -> Future<Response> {
    let input = call.attach_container_input();
    if input.r#type() != attach_container_input::Type::ContainerId {
        let text = "Expecting 'attach_container_input.type' to be CONTAINER_ID";
        return Response::bad_request(text).into();
    }
    let attached = container(input.container_id())
        .and_then(|id| connect(agent, &id).map(|connected| (id, connected)));
    let (id, connected) = match attached {
        Ok(attached) => attached,
        Err(refusal) => return (*refusal).into(),
    };
    let (writer, reader) = pipe::pipe();
    writer.write(recordio::encode(&encode(call, types.message_content)));
    let limit = ctx.runtime().limits().unread_stream;
    ctx.perform(
        async move { pass_input(records, &writer, limit).await },
        |_, (), _| {},
    );
    let request = ClientRequest::new(http::Method::POST, "/")
        .closing()
        .with_header("content-type", types.content.media_type())
        .with_header("message-content-type", types.message_content.media_type())
        .with_header("accept", types.accept.media_type())
        .with_stream(reader);
    let (promise, future) = Promise::new();
    let asked = async move {
        let connection = connected.await?;
        Ok::<_, String>(match connection.send(request).await {
            Ok(response) => whole(response).await,
            Err(error) => Response::internal_server_error(error.to_string()),
        })
    };
    ctx.perform(asked, move |agent, answered, ctx| match answered {
        Ok(response) => {
            promise.set(response);
            acknowledge(agent, &id, ctx);
        }
        Err(error) => promise.set(Response::internal_server_error(error)),
    });
    future
}

async fn pass_input(mut records: RecordReader, writer: &pipe::Writer, limit: usize) {
    loop {
        writer.below(limit).await;
        match records.next().await {
            Some(Ok(record)) => {
                if !writer.write(recordio::encode(&record)) {
                    return;
                }
            }
            Some(Err(error)) => {
                writer.fail(error.to_string());
                return;
            }
            None => {
                writer.close();
                return;
            }
        }
    }
}

/// Lets the server end: it stays until every answer to a client of the input has come here.
fn acknowledge(agent: &AgentProcess, id: &ContainerId, ctx: &mut Context<AgentProcess>) {
    let Some(parts) = &agent.parts else { return };
    let connected = parts.containerizer.attach(id);
    let id = id.clone();
    let told = async move {
        let connection = settle(connected.await).map_err(|error| error.chain())?;
        let request = ClientRequest::new(http::Method::POST, ACKNOWLEDGE).closing();
        let response = connection.send(request).await;
        response.map(drop).map_err(|error| error.to_string())
    };
    ctx.perform(told, move |_, told, _| {
        if let Err(error) = told {
            tracing::debug!(container = %id, error, "I/O switchboard server was not acknowledged");
        }
    });
}

type Connected = Pin<Box<dyn std::future::Future<Output = Result<Connection, String>>>>;

/// Connects to the server of a container that belongs to an executor.
fn connect(agent: &AgentProcess, id: &ContainerId) -> Result<Connected, Box<Response>> {
    let Some(parts) = &agent.parts else {
        return Err(Response::service_unavailable("").into());
    };
    let mut executors = agent.frameworks.executors();
    if !executors.any(|executor| executor.container() == id.root()) {
        let text = format!("Container {id} cannot be found");
        return Err(Response::not_found_text(text).into());
    }
    let connected = parts.containerizer.attach(id);
    Ok(Box::pin(async move {
        settle(connected.await).map_err(|error| error.chain())
    }))
}

/// Sends a request whose answer is to be a stream; any other answer is a refusal.
async fn ask(
    connection: &Connection,
    request: ClientRequest,
) -> Result<Result<ClientResponse, Box<Response>>, String> {
    match connection.send(request).await {
        Ok(response) if response.status == 200 => Ok(Ok(response)),
        Ok(response) => Ok(Err(Box::new(whole(response).await))),
        Err(error) => Err(error.to_string()),
    }
}

/// The answer of a server as an answer of the agent.
async fn whole(response: ClientResponse) -> Response {
    let (status, content) = (
        response.status,
        response.header("content-type").map(str::to_owned),
    );
    match response.bytes_within(MAX_REFUSAL).await {
        Ok(body) => {
            let mut answer = Response::new(status);
            if let Some(content) = content {
                answer = answer.with_header("content-type", content);
            }
            answer.with_body(if body.is_empty() {
                Body::Empty
            } else {
                Body::Bytes(body)
            })
        }
        Err(error) => Response::internal_server_error(error.to_string()),
    }
}
