//! The APIs over gRPC: the same answers as over HTTP.

use std::time::Duration;

use libprocess::Runtime;
use libprocess::grpc::client::{Answer, CallOptions, Client, Connection};
use libprocess::grpc::{Code, Request, Status, Streaming};
use mesos_proto::internal::ExecutorToFrameworkMessage;
use mesos_proto::v1::scheduler::{Call, Event, Response, call, event};
use mesos_proto::v1::{FrameworkInfo, master};

use crate::support::{ALICE, Stage, credentials, framework};

const SUBSCRIBE: &str = "/mesos.v1.grpc.Scheduler/Subscribe";
const SEND: &str = "/mesos.v1.grpc.Scheduler/Send";
const INVOKE: &str = "/mesos.v1.grpc.Master/Invoke";
const WATCH: &str = "/mesos.v1.grpc.Master/Subscribe";

/// A client with a runtime and a clock of its own.
struct Caller {
    runtime: Runtime,
    client: Client,
    connection: Connection,
    metadata: Vec<(&'static str, String)>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

impl Caller {
    fn to(stage: &Stage) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .arbiters(1)
            .start()
            .expect("a runtime");
        let target = stage.runtime.address().to_string().parse();
        Self {
            client: Client::new(&runtime),
            runtime,
            connection: Connection::new(target.expect("a target")),
            metadata: Vec::new(),
        }
    }

    fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        for (name, value) in &self.metadata {
            request
                .metadata_mut()
                .insert(*name, value.parse().expect("a value"));
        }
        request
    }

    fn call<Q, A>(&self, method: &'static str, message: Q) -> Answer<A>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let request = self.request(message);
        let options = CallOptions::default();
        let answer = self.client.call(&self.connection, method, request, options);
        self.runtime.block_on(answer).ready().expect("an answer")
    }

    fn send(&self, call: Call) -> Result<Response, Status> {
        self.call(SEND, call)
            .map(libprocess::grpc::Response::into_inner)
    }

    fn open<Q, A>(&self, method: &'static str, message: Q) -> Answer<Streaming<A>>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let request = self.request(message);
        let options = CallOptions::default();
        let answer = self
            .client
            .subscribe(&self.connection, method, request, options);
        self.runtime.block_on(answer).ready().expect("an answer")
    }

    /// Subscribes; later calls name the stream.
    fn subscribe(&mut self, info: FrameworkInfo) -> Streaming<Event> {
        let answer = self.open(SUBSCRIBE, subscribe(info)).expect("subscribed");
        let id = answer.metadata().get("mesos-stream-id").expect("an id");
        let id = id.to_str().expect("text").to_owned();
        self.metadata.push(("mesos-stream-id", id));
        answer.into_inner()
    }

    fn next<A>(&self, stream: &mut Streaming<A>) -> A {
        let next = self.runtime.block_on(stream.message());
        next.expect("no error").expect("a message")
    }

    fn expect(&self, events: &mut Streaming<Event>, kind: event::Type) -> Event {
        loop {
            let event = self.next(events);
            if event.r#type() == kind {
                return event;
            }
        }
    }
}

fn subscribe(info: FrameworkInfo) -> Call {
    let subscribe = call::Subscribe {
        framework_info: Some(info.into()),
        ..Default::default()
    };
    Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(subscribe.into()),
        ..Default::default()
    }
}

fn of_kind(kind: call::Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

#[test]
fn subscriber_over_grpc_hears_offers_and_declines_them() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut caller = Caller::to(&stage);

    let mut events = caller.subscribe(framework("eng"));
    let subscribed = caller.next(&mut events);
    stage.advance(Duration::from_secs(1));
    let offers = caller.expect(&mut events, event::Type::Offers);
    let offer = offers.offers().offers.first().expect("an offer").clone();
    let decline = call::Decline {
        offer_ids: vec![offer.id().clone()],
        ..Default::default()
    };
    let answer = caller.send(Call {
        framework_id: Some(subscribed.subscribed().framework_id().clone()),
        decline: Some(decline),
        ..of_kind(call::Type::Decline)
    });

    assert_eq!(subscribed.r#type(), event::Type::Subscribed);
    assert_eq!(offer.agent_id().value(), agent.id);
    assert_eq!(answer.expect("accepted"), Response::default());
    stage.settle();
    let key = "master/messages_decline_offers";
    assert!((stage.metric(key) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn bad_calls_are_refused_with_the_texts_of_http() {
    let stage = Stage::start();
    let mut caller = Caller::to(&stage);
    let mut events = caller.subscribe(framework("eng"));
    let subscribed = caller.next(&mut events);
    let id = subscribed.subscribed().framework_id().clone();
    let without_stream = Caller::to(&stage);
    let revive = Call {
        framework_id: Some(id),
        ..of_kind(call::Type::Revive)
    };

    let refused = |answer: Result<Response, Status>| {
        let status = answer.expect_err("refused");
        (status.code(), status.message().to_owned())
    };
    let cases = [
        (
            caller.send(Call::default()),
            "Failed to validate scheduler::Call: Expecting 'type' to be present",
        ),
        (
            without_stream.send(revive.clone()),
            "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
        ),
        (
            caller.send(subscribe(framework("eng"))),
            "Calls of type SUBSCRIBE are made with the method Subscribe",
        ),
    ];
    for (answer, text) in cases {
        assert_eq!(refused(answer), (Code::InvalidArgument, text.to_owned()));
    }
    let not_a_subscription = without_stream.open::<_, Event>(SUBSCRIBE, revive.clone());
    let status = not_a_subscription.expect_err("refused");
    assert_eq!(status.message(), "Expecting a call of type SUBSCRIBE");
    assert!(caller.send(revive).is_ok(), "the stream stays");
}

#[test]
fn calls_authenticate_as_requests_do() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_frameworks = true;
        flags.http_framework_authenticators = Some("basic".to_owned());
    });
    let body = br#"{"type":"SUBSCRIBE"}"#;
    let json = [("Content-Type", "application/json")];
    let over_http = stage.http("POST", "/api/v1/scheduler", &json, body);
    let mut caller = Caller::to(&stage);

    let stranger = caller.open::<_, Event>(SUBSCRIBE, subscribe(framework("eng")));
    caller.metadata.push(("authorization", ALICE.1.to_owned()));
    let mut info = framework("eng");
    info.principal = Some("alice".to_owned());
    let mut known = caller.subscribe(info);

    let status = stranger.expect_err("refused");
    assert_eq!(over_http.status, 401);
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), over_http.text());
    assert_eq!(
        status
            .metadata()
            .get("www-authenticate")
            .map(|it| it.to_str().unwrap()),
        over_http.header("WWW-Authenticate")
    );
    let subscribed = caller.next(&mut known);
    assert_eq!(subscribed.r#type(), event::Type::Subscribed);
}

#[test]
fn subscriber_that_hangs_up_is_gone_at_once() {
    let stage = Stage::start();
    let mut caller = Caller::to(&stage);
    let mut info = framework("eng");
    info.failover_timeout = Some(0.0);
    let mut events = caller.subscribe(info);
    caller.next(&mut events);

    drop(events);

    let gone = (0..2000).any(|_| {
        stage.advance(Duration::from_millis(1));
        let frameworks = stage.get("/frameworks");
        frameworks["frameworks"]
            .as_array()
            .is_some_and(Vec::is_empty)
    });
    assert!(gone);
}

#[test]
fn operators_call_and_watch_the_master() {
    let stage = Stage::start();
    let caller = Caller::to(&stage);
    let call = |kind: master::call::Type| master::Call {
        r#type: Some(kind.into()),
        ..Default::default()
    };

    let health = caller.call(INVOKE, call(master::call::Type::GetHealth));
    let watched = caller.open(WATCH, call(master::call::Type::Subscribe));
    let wrong = caller.call::<_, master::Response>(INVOKE, call(master::call::Type::Subscribe));
    let unset = caller.call::<_, master::Response>(INVOKE, master::Call::default());

    let health: master::Response = health.expect("well").into_inner();
    assert_eq!(health.r#type(), master::response::Type::GetHealth);
    assert!(health.get_health().healthy());
    let mut watched: Streaming<master::Event> = watched.expect("taken").into_inner();
    let first = caller.next(&mut watched);
    assert_eq!(first.r#type(), master::event::Type::Subscribed);
    assert_eq!(
        wrong.expect_err("refused").message(),
        "Calls of type SUBSCRIBE are made with the method Subscribe"
    );
    assert_eq!(
        unset.expect_err("refused").message(),
        "Failed to validate master::Call: Expecting 'type' to be present"
    );
}

#[test]
fn subscriber_that_does_not_read_is_disconnected_and_others_notice_nothing() {
    const MESSAGES: usize = 80;
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut slow = Caller::to(&stage);
    let mut info = framework("eng");
    info.failover_timeout = Some(0.0);
    let mut events = slow.subscribe(info);
    let subscribed = slow.next(&mut events);
    let mut other = stage.subscribe(framework("ops"));
    let message = ExecutorToFrameworkMessage {
        agent_id: agent.info.id.clone(),
        framework_id: Some(subscribed.subscribed().framework_id().clone()),
        executor_id: Some(mesos_proto::v1::ExecutorId {
            value: Some("e".to_owned()),
            ..Default::default()
        }),
        data: Some(vec![0; 1024 * 1024].into()),
        ..Default::default()
    };

    for _ in 0..MESSAGES {
        stage.send(&agent.peer, &message);
    }
    stage.settle();
    stage.advance(Duration::from_secs(15));

    let frameworks = stage.get("/frameworks");
    let left = frameworks["frameworks"].as_array().expect("a list");
    assert_eq!(left.len(), 1, "{frameworks}");
    stage.counts("event_streams_unread", 1.0);
    other.expect(event::Type::Heartbeat);
}
