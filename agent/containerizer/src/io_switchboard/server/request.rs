//! Takes the requests of agents.

use libprocess::{
    Context, Future, Promise,
    http::{Request, Response, pipe::Reader},
};
use mesos_common::negotiation::{
    APPLICATION_JSON, APPLICATION_PROTOBUF, APPLICATION_RECORDIO, ContentType,
};
use mesos_proto::v1::agent::call;

use super::{IoSwitchboardServerProcess, media};

/// Where an agent says that an answer to a client of the input has come.
const ACKNOWLEDGE: &str = "/acknowledge_container_input_response";

/// How long a call may be that is not a stream.
const MAX_CALL: usize = 1024 * 1024;

impl IoSwitchboardServerProcess {
    /// Tells by path and content type what a request wants.
    pub(super) fn handle(
        &mut self,
        mut request: Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if request.method != "POST" {
            return Response::method_not_allowed(&["POST"], request.method.as_str()).into();
        }
        if request.path == ACKNOWLEDGE {
            self.unacknowledged = self.unacknowledged.saturating_sub(1);
            self.end_when_acknowledged();
            return Response::ok().into();
        }
        let content = request.header("content-type");
        match content.and_then(ContentType::from_header) {
            Some(ContentType::RecordIo) => {
                let form = match media::of_records(&request) {
                    Ok(form) => form,
                    Err(refusal) => return (*refusal).into(),
                };
                self.receive_input(body(&mut request), form, ctx)
            }
            Some(form @ (ContentType::Json | ContentType::Protobuf)) => {
                Self::receive_call(request, form, ctx)
            }
            None => Response::unsupported_media_type(format!(
                "Expecting 'Content-Type' of {APPLICATION_JSON} or {APPLICATION_PROTOBUF} or {APPLICATION_RECORDIO}"
            ))
            .into(),
        }
    }

    /// Reads a call whose answer is a stream.
    fn receive_call(
        mut request: Request,
        form: ContentType,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        let mut reader = body(&mut request);
        let (promise, future) = Promise::new();
        ctx.perform(
            async move { reader.read_all(MAX_CALL).await },
            move |server, body, ctx| {
                let call = body
                    .map_err(|error| error.to_string())
                    .and_then(|body| media::read_call(form, &body));
                match call {
                    Err(why) => promise.set(Response::bad_request(why)),
                    Ok(call) if call.r#type() == call::Type::AttachContainerOutput => {
                        promise.associate(server.attach_output(&request, ctx));
                    }
                    Ok(call) => promise.set(Response::bad_request(format!(
                        "Expecting a call of type ATTACH_CONTAINER_OUTPUT instead of {}",
                        call.r#type().as_str_name()
                    ))),
                }
            },
        );
        future
    }
}

/// The body of a request, which may have come as a whole.
fn body(request: &mut Request) -> Reader {
    request.reader.take().unwrap_or_else(|| {
        let (writer, reader) = libprocess::http::pipe::pipe();
        writer.write(std::mem::take(&mut request.body));
        writer.close();
        reader
    })
}
