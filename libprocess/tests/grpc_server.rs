//! Services of a port: methods that stand for HTTP routes, health, reflection.

use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use libprocess::grpc::client::{Answer, CallOptions, Client, Connection};
use libprocess::grpc::{Code, HttpService, Request, Services, Status, Streaming};
use libprocess::http::pipe::{self, Writer};
use libprocess::http::{Help, Response};
use libprocess::{Context, Future, Process, ProcessId, Runtime};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

/// A message of one text.
type Text = String;

fn any(_call: &[u8]) -> Result<(), Status> {
    Ok(())
}

fn not_empty(call: &[u8]) -> Result<(), Status> {
    if call.is_empty() {
        return Err(Status::invalid_argument("an empty call"));
    }
    Ok(())
}

/// Answers `/server/echo`, streams from `/server/stream`, reads records at `/server/upload`.
struct Server {
    opened: mpsc::Sender<Writer>,
}

impl Process for Server {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("server")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route("/echo", Help::none(), |_, request, _| {
            match request.header("x-status").and_then(|it| it.parse().ok()) {
                Some(status) => Response::with_text(status, "the text").into(),
                None => Response::ok()
                    .with_header("x-seen", request.header("x-said").unwrap_or("-"))
                    .with_body(libprocess::http::Body::Bytes(request.body))
                    .into(),
            }
        });
        ctx.route("/stream", Help::none(), |server, _, _| {
            let (writer, reader) = pipe::pipe();
            // The test may be over.
            let _ = server.opened.send(writer);
            Response::streaming(reader, "application/x-protobuf").into()
        });
        ctx.route_streaming("/upload", Help::none(), |_, mut request, ctx| {
            let (promise, answer) = libprocess::Promise::new();
            let reader = request.reader.take();
            ctx.perform(
                async move {
                    let mut reader = reader.expect("a stream");
                    // A client that is refused breaks its stream off.
                    reader.read_all(1 << 20).await.unwrap_or_default()
                },
                |_, records, _| {
                    let body = libprocess::http::Body::Bytes(text(&escape(&records)));
                    promise.set(Response::ok().with_body(body));
                },
            );
            answer
        });
    }
}

fn escape(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The bytes of a message whose first field is a text.
fn text(text: &str) -> Bytes {
    prost::Message::encode_to_vec(&text.to_owned()).into()
}

fn record(text_of_it: &str) -> Bytes {
    let message = text(text_of_it);
    [format!("{}\n", message.len()).as_bytes(), &message]
        .concat()
        .into()
}

struct Stage {
    runtime: Runtime,
    client: Client,
    connection: Connection,
    opened: mpsc::Receiver<Writer>,
}

impl Stage {
    fn start() -> Self {
        let service = HttpService::new("tests.Server")
            .unary("Echo", "/server/echo", not_empty)
            .stream("Stream", "/server/stream", any)
            .upload("Upload", "/server/upload", not_empty)
            .unary("Nobody", "/nobody/echo", any);
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .grpc(Services::new().with_http(service))
            .start()
            .expect("a runtime");
        let (tell, opened) = mpsc::channel();
        runtime.spawn(Server { opened: tell });
        Self {
            client: Client::new(&runtime),
            connection: Connection::new(runtime.address().to_string().parse().expect("a target")),
            runtime,
            opened,
        }
    }

    fn wait<T: Send + 'static>(&self, answer: Future<Answer<T>>) -> Answer<T> {
        self.runtime.block_on(answer).ready().expect("an answer")
    }

    fn call(&self, method: &'static str, request: Request<Text>) -> Answer<Text> {
        let options = CallOptions::default();
        self.wait(self.client.call(&self.connection, method, request, options))
    }

    fn open(&self) -> (Writer, Streaming<Text>) {
        let request = Request::new(Text::new());
        let options = CallOptions::default();
        let method = "/tests.Server/Stream";
        let answer = self
            .client
            .subscribe(&self.connection, method, request, options);
        let messages = self.wait(answer).expect("a stream").into_inner();
        let writer = self.opened.recv_timeout(Duration::from_secs(60));
        (writer.expect("an open stream"), messages)
    }

    fn next(&self, messages: &mut Streaming<Text>) -> Option<Result<Text, Status>> {
        self.runtime.block_on(messages.next())
    }
}

#[test]
fn a_call_becomes_a_request_and_metadata_its_headers() {
    let stage = Stage::start();
    let mut request = Request::new("hello".to_owned());
    request
        .metadata_mut()
        .insert("x-said", "this".parse().expect("a value"));

    let answer = stage.call("/tests.Server/Echo", request).expect("well");

    assert_eq!(answer.metadata().get("x-seen").expect("a header"), "this");
    assert_eq!(answer.get_ref(), "hello");
    stage.runtime.shutdown();
}

#[test]
fn an_error_is_a_status_with_the_same_text() {
    let stage = Stage::start();
    for (number, code) in [
        (400, Code::InvalidArgument),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::NotFound),
        (409, Code::Aborted),
        (413, Code::ResourceExhausted),
        (500, Code::Internal),
        (501, Code::Unimplemented),
        (503, Code::Unavailable),
    ] {
        let mut request = Request::new("hello".to_owned());
        let value = number.to_string().parse().expect("a value");
        request.metadata_mut().insert("x-status", value);

        let status = stage
            .call("/tests.Server/Echo", request)
            .expect_err("refused");

        assert_eq!((status.code(), status.message()), (code, "the text"));
    }
    let call = |method, text: &str| {
        let answer = stage.call(method, Request::new(text.to_owned()));
        answer.expect_err("refused")
    };
    let missing = call("/tests.Server/Nobody", "x");
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(missing.message(), "404 Not Found.");
    let checked = call("/tests.Server/Echo", "");
    assert_eq!(checked.message(), "an empty call");
    assert_eq!(call("/tests.Server/Other", "x").code(), Code::Unimplemented);
    stage.runtime.shutdown();
}

#[test]
fn records_of_a_response_are_the_messages_of_a_stream() {
    let stage = Stage::start();
    let (writer, mut messages) = stage.open();

    writer.write(record("one"));
    assert!(matches!(stage.next(&mut messages), Some(Ok(text)) if text == "one"));
    let two = [record("two"), record("three")].concat();
    let (begin, end) = two.split_at(5);
    writer.write(Bytes::copy_from_slice(begin));
    writer.write(Bytes::copy_from_slice(end));
    writer.close();

    assert!(matches!(stage.next(&mut messages), Some(Ok(text)) if text == "two"));
    assert!(matches!(stage.next(&mut messages), Some(Ok(text)) if text == "three"));
    assert!(stage.next(&mut messages).is_none());
    stage.runtime.shutdown();
}

#[test]
fn a_client_that_goes_away_closes_the_stream_of_its_actor_at_once() {
    let stage = Stage::start();
    let (writer, messages) = stage.open();

    drop(messages);

    let told = stage.runtime.block_on(writer.reader_closed());
    assert!(told.is_ready());
    stage.runtime.shutdown();
}

#[test]
fn a_client_that_does_not_read_leaves_what_it_does_not_take_with_the_actor() {
    const MESSAGES: usize = 64;
    let stage = Stage::start();
    let (writer, mut messages) = stage.open();
    let long = record(&"x".repeat(1 << 20));
    for _ in 0..MESSAGES {
        writer.write(long.clone());
    }

    // What the windows and buffers of the connection take is a fraction.
    stage.runtime.block_on(async {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
    });
    assert!(writer.buffered_bytes() > MESSAGES / 2 * long.len());
    writer.close();

    for _ in 0..MESSAGES {
        let text = stage.next(&mut messages).expect("more").expect("a text");
        assert_eq!(text.len(), 1 << 20);
    }
    assert!(stage.next(&mut messages).is_none());
    stage.runtime.shutdown();
}

#[test]
fn messages_of_a_client_are_records_of_the_request() {
    let stage = Stage::start();
    let method = "/tests.Server/Upload";
    let options = CallOptions::default();
    let upload = |texts: &[&str]| {
        let texts: Vec<Text> = texts.iter().map(|&text| text.to_owned()).collect();
        let request = Request::new(futures::stream::iter(texts));
        let answer = stage
            .client
            .stream::<_, Text>(&stage.connection, method, request, options);
        let mut answers = stage.wait(answer)?.into_inner();
        stage.next(&mut answers).expect("an answer")
    };

    let received = upload(&["one", "three"]).expect("well");
    let refused = upload(&["", "three"]).expect_err("the first is empty");

    let sent = [record("one"), record("three")].concat();
    assert_eq!(received, escape(&sent));
    assert_eq!(refused.message(), "an empty call");
    stage.runtime.shutdown();
}

#[test]
fn health_is_served_for_the_server_and_each_service() {
    let stage = Stage::start();
    let health = |service: &str| {
        let request = Request::new(HealthCheckRequest {
            service: service.to_owned(),
        });
        let method = "/grpc.health.v1.Health/Check";
        let options = CallOptions::default();
        let asked = stage.client.call::<_, HealthCheckResponse>(
            &stage.connection,
            method,
            request,
            options,
        );
        stage.wait(asked).map(|answer| answer.get_ref().status)
    };

    let [server, service] = [health(""), health("tests.Server")].map(|it| it.expect("known"));

    // 1 is SERVING.
    assert_eq!((server, service), (1, 1));
    assert_eq!(
        health("nobody").expect_err("unknown").code(),
        Code::NotFound
    );
    stage.runtime.shutdown();
}

#[test]
fn reflection_lists_what_is_served() {
    let stage = Stage::start();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    for method in [
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let request = Request::new(request.clone());
        let options = CallOptions::default();
        let answer = stage.client.subscribe::<_, ServerReflectionResponse>(
            &stage.connection,
            method,
            request,
            options,
        );
        let mut answers = stage.wait(answer).expect("taken").into_inner();
        let answer = stage.runtime.block_on(answers.next()).expect("an answer");

        let Some(MessageResponse::ListServicesResponse(list)) =
            answer.expect("well").message_response
        else {
            panic!("no list");
        };
        let names: Vec<_> = list.service.iter().map(|it| it.name.as_str()).collect();
        for name in ["grpc.health.v1.Health", "tests.Server"] {
            assert!(names.contains(&name), "{names:?}");
        }
    }
    stage.runtime.shutdown();
}
