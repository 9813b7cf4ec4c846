//! The library against an agent's side of the API, over real sockets.

use libprocess::Clock;
use libprocess::http::Response;
use mesos_proto::v1::FrameworkInfo;

use super::*;
use crate::fake_agent::{FakeAgent, blank, executor_id, framework_id};
use crate::{Events, Mesos};

/// An agent and the library of one executor.
struct Pair {
    agent: FakeAgent,
    mesos: Mesos,
    events: Events,
}

impl Pair {
    fn start(agent: FakeAgent, environment: ExecutorEnvironment) -> Self {
        let (mesos, events) = Mesos::events(&agent.runtime, environment, ContentType::Protobuf);
        Self {
            agent,
            mesos,
            events,
        }
    }

    fn next(&mut self) -> Delivery {
        let Self { agent, events, .. } = self;
        agent.wait(events.next()).expect("the library lives")
    }

    #[track_caller]
    fn expect_event(&mut self, kind: event::Type) -> Event {
        match self.next() {
            Delivery::Event(event) if event.r#type() == kind => *event,
            other @ (Delivery::Connected | Delivery::Disconnected | Delivery::Event(_)) => {
                panic!("expected {kind:?}, got {other:?}")
            }
        }
    }

    fn subscribe(&mut self) {
        assert_eq!(self.next(), Delivery::Connected);
        self.mesos.send(subscribe());
        self.agent.subscribe(FrameworkInfo::default());
        self.expect_event(event::Type::Subscribed);
    }
}

fn call_of(kind: call::Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        framework_id: Some(framework_id()),
        executor_id: Some(executor_id()),
        ..Default::default()
    }
}

fn subscribe() -> Call {
    Call {
        subscribe: Some(call::Subscribe::default()),
        ..call_of(call::Type::Subscribe)
    }
}

fn message(data: &'static [u8]) -> Call {
    let message = call::Message {
        data: Some(data.into()),
        ..Default::default()
    };
    Call {
        message: Some(message),
        ..call_of(call::Type::Message)
    }
}

/// Mirrors: ExecutorHttpApiTest.Subscribe
#[test]
fn events_come_after_subscribe_in_their_order() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);

    pair.subscribe();
    pair.agent.send(blank(event::Type::Heartbeat));
    pair.agent.send(blank(event::Type::Message));

    pair.expect_event(event::Type::Heartbeat);
    pair.expect_event(event::Type::Message);
}

#[test]
fn calls_before_the_subscription_are_dropped_and_later_ones_arrive_in_order() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.mesos.send(message(b"too early"));

    pair.subscribe();
    for data in [b"1".as_slice(), b"2", b"3"] {
        let message = call::Message {
            data: Some(data.to_vec().into()),
            ..Default::default()
        };
        pair.mesos.send(Call {
            message: Some(message),
            ..call_of(call::Type::Message)
        });
    }

    for data in [b"1", b"2", b"3"] {
        assert_eq!(pair.agent.next_call().message().data().as_ref(), data);
    }
}

#[test]
fn invalid_call_is_not_sent() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    pair.mesos.send(call_of(call::Type::Message));
    pair.mesos.send(message(b"valid"));

    assert_eq!(pair.agent.next_call().message().data().as_ref(), b"valid");
}

#[test]
fn executor_without_checkpointing_is_shut_down_when_its_agent_goes() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    pair.agent.end_stream();

    assert_eq!(pair.next(), Delivery::Disconnected);
    pair.expect_event(event::Type::Shutdown);
}

#[test]
fn executor_that_never_reaches_its_agent_is_shut_down() {
    let agent = FakeAgent::start(&Clock::real());
    let mut environment = agent.checkpointing();
    // Nobody listens on the discard port.
    environment.endpoint = AgentEndpoint::Tcp("agent@127.0.0.1:9".parse().unwrap());
    let mut pair = Pair::start(agent, environment);

    pair.expect_event(event::Type::Shutdown);
}

#[test]
fn checkpointing_executor_comes_back_to_its_agent() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.checkpointing();
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    pair.agent.end_stream();

    assert_eq!(pair.next(), Delivery::Disconnected);
    pair.subscribe();
    pair.agent.send(blank(event::Type::Heartbeat));
    pair.expect_event(event::Type::Heartbeat);
}

#[test]
fn executor_gives_up_when_the_agent_does_not_come_back_in_time() {
    let clock = Clock::paused();
    let agent = FakeAgent::start(&clock);
    let environment = agent.checkpointing();
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    pair.agent.die();
    assert_eq!(pair.next(), Delivery::Disconnected);
    clock.settle();
    clock.advance(Duration::from_mins(15));

    pair.expect_event(event::Type::Shutdown);
}

/// Mirrors: ExecutorHttpApiTest.SubscribeBeforeContainerizerRecovery
#[test]
fn agent_that_recovers_is_asked_again() {
    let agent = FakeAgent::start(&Clock::real());
    agent.refuse(Response::service_unavailable(
        "Agent has not finished recovery",
    ));
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    assert_eq!(pair.next(), Delivery::Connected);
    pair.mesos.send(subscribe());
    assert_eq!(pair.agent.next_call().r#type(), call::Type::Subscribe);

    // The refusal may still be on its way.
    let accepted = loop {
        pair.mesos.send(subscribe());
        if let Some(call) = pair.agent.call_soon() {
            break call;
        }
    };

    assert_eq!(accepted.r#type(), call::Type::Subscribe);
    pair.agent
        .send(crate::fake_agent::subscribed(FrameworkInfo::default()));
    pair.expect_event(event::Type::Subscribed);
}

#[test]
fn other_refusals_are_told_as_errors() {
    let agent = FakeAgent::start(&Clock::real());
    agent.refuse(Response::forbidden("not you"));
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    assert_eq!(pair.next(), Delivery::Connected);

    pair.mesos.send(subscribe());

    let event = pair.expect_event(event::Type::Error);
    assert_eq!(
        event.error().message(),
        "Received unexpected '403 Forbidden' (not you) for SUBSCRIBE"
    );
}

#[test]
fn malformed_event_is_told_and_ends_the_reading() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    pair.agent
        .send_raw(bytes::Bytes::from_static(b"\xff\xff garbage"));

    let event = pair.expect_event(event::Type::Error);
    assert!(
        event
            .error()
            .message()
            .starts_with("Failed to de-serialize event: ")
    );
}

#[test]
fn event_of_an_unknown_type_is_delivered_as_unknown() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    // Field 1, the type, with a number that nobody knows.
    pair.agent
        .send_raw(bytes::Bytes::from_static(b"\x08\xe7\x07"));
    pair.agent.send(blank(event::Type::Heartbeat));

    pair.expect_event(event::Type::Unknown);
    pair.expect_event(event::Type::Heartbeat);
}

#[test]
fn half_a_record_is_no_event_when_the_agent_dies_over_it() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();

    pair.agent.send_half(&blank(event::Type::Shutdown));
    pair.agent.end_stream();

    assert_eq!(pair.next(), Delivery::Disconnected);
}

/// Mirrors: ExecutorHttpApiTest.HeartbeatCalls
#[test]
fn heartbeat_call_is_sent_each_thirty_minutes_while_subscribed() {
    let clock = Clock::paused();
    let agent = FakeAgent::start(&clock);
    let environment = agent.environment(&[]);
    let mut pair = Pair::start(agent, environment);
    pair.subscribe();
    clock.settle();

    clock.advance(Duration::from_mins(30));

    let call = pair.agent.next_call();
    assert_eq!(call.r#type(), call::Type::Heartbeat);
    assert_eq!(call.executor_id().value(), "unused");
}
