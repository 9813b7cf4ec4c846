//! A trace follows a message across actors and runtimes to a collector on a real socket.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use libprocess::http::{Response, Server};
use libprocess::{Context, Process, ProcessId, Runtime, Transport, Upid};
use libprocess_otlp::Otlp;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Passes what it gets on: `start` as `ask`, `ask` as `pass`, `pass` by a dispatch as `done`.
struct Relay {
    id: &'static str,
    next: Option<Upid>,
    done: Option<mpsc::Sender<()>>,
}

impl Process for Relay {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(self.id)
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("start", |relay, _, body, ctx| {
            relay.pass_on("ask", body, ctx);
        });
        ctx.install("ask", |relay, _, body, ctx| {
            relay.pass_on("pass", body, ctx);
        });
        ctx.install("pass", |_, _, body, ctx| {
            ctx.perform(async {}, move |_, (), ctx| {
                ctx.dispatch_self(move |relay, ctx| relay.pass_on("done", body, ctx));
            });
        });
        ctx.install("done", |relay, _, _, _| {
            if let Some(done) = &relay.done {
                done.send(()).expect("the test waits");
            }
        });
    }
}

impl Relay {
    fn pass_on(&self, name: &str, body: Bytes, ctx: &Context<Self>) {
        let next = self.next.as_ref().expect("somebody to pass it on to");
        ctx.send(next, name, body);
    }
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A collector that remembers the spans it is sent.
fn collector(runtime: &Runtime) -> (Server, Spans) {
    let spans = Spans::default();
    let kept = Arc::clone(&spans);
    let server = Server::tcp(
        runtime,
        "127.0.0.1:0".parse().expect("an address"),
        move |request| {
            assert_eq!(request.path, "/v1/traces");
            let kind = request.headers.get("content-type").expect("a type");
            assert_eq!(kind, "application/x-protobuf");
            let sent =
                ExportTraceServiceRequest::decode(&*request.body).expect("a request of OTLP");
            let scopes = sent
                .resource_spans
                .into_iter()
                .flat_map(|resource| resource.scope_spans);
            let mut kept = kept.lock().expect("a lock");
            kept.extend(scopes.flat_map(|scope| scope.spans));
            Response::ok().into()
        },
    );
    (server.expect("a collector"), spans)
}

fn runtime(otlp: &Otlp, transport: Transport) -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(2)
        .transport(transport)
        .propagator(otlp.propagator())
        .start()
        .expect("a runtime")
}

/// Plays a round of messages; gives the spans from the last one back to the first.
fn round(otlp: &Otlp, transport: Transport, spans: &Spans) -> Vec<Span> {
    let (here, there) = (runtime(otlp, transport), runtime(otlp, transport));
    let (tell, done) = mpsc::channel();
    let third = there.spawn(Relay {
        id: "third",
        next: Some(here.upid("first")),
        done: None,
    });
    let second = there.spawn(Relay {
        id: "second",
        next: Some(third.upid().clone()),
        done: None,
    });
    let first = here.spawn(Relay {
        id: "first",
        next: Some(second.upid().clone()),
        done: Some(tell),
    });

    here.send(first.upid(), "start", Bytes::from_static(b"x"));
    done.recv_timeout(Duration::from_secs(20))
        .expect("it comes round");
    here.shutdown();
    there.shutdown();
    otlp.flush();

    let all = std::mem::take(&mut *spans.lock().expect("a lock"));
    let by_id: HashMap<_, _> = all.iter().map(|span| (&span.span_id, span)).collect();
    let last = all.iter().find(|span| span.name == "done");
    std::iter::successors(last, |span| by_id.get(&span.parent_span_id).copied())
        .cloned()
        .collect()
}

/// Who handled the message of a span.
fn actor(span: &Span) -> String {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key == "actor");
    let value = found.and_then(|attribute| attribute.value.as_ref()?.value.clone());
    if let Some(Value::StringValue(id)) = value {
        id
    } else {
        format!("{value:?}")
    }
}

#[test]
fn a_trace_follows_a_message_across_actors_and_runtimes_on_both_wires() {
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .start()
        .expect("a runtime");
    let (server, spans) = collector(&runtime);
    let address = server.address().expect("an address");
    let url = format!("http://{address}/v1/traces");
    let otlp = Otlp::new("test", Some(&url)).expect("an exporter");
    tracing_subscriber::registry()
        .with(otlp.layer())
        .try_init()
        .expect("the only subscriber");

    for transport in [Transport::Legacy, Transport::Grpc] {
        let spans = round(&otlp, transport, &spans);

        let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
        assert_eq!(
            names,
            ["done", "dispatch", "dispatch", "pass", "ask", "start"]
        );
        let actors: Vec<String> = spans.iter().map(actor).collect();
        assert_eq!(
            actors,
            ["first", "third", "third", "third", "second", "first"]
        );
        let traces: HashSet<_> = spans.iter().map(|span| &span.trace_id).collect();
        assert_eq!(traces.len(), 1, "all of one trace");
    }
    server.stop();
    runtime.shutdown();
}
