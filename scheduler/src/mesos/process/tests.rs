//! The library against a master's side of the API, over real sockets.

use std::time::Duration;

use libprocess::http::Response;
use libprocess::{Clock, Runtime};
use mesos_proto::v1::FrameworkInfo;

use super::*;
use crate::fake_master::{FakeMaster, blank, framework_id, host, subscribed};
use crate::{Calls, Credential, Delivery, Events, MasterUrl, Mesos, Subscribe};

mod hostile;

/// A master and the library of one scheduler.
struct Pair {
    master: FakeMaster,
    runtime: Runtime,
    mesos: Mesos,
    events: Events,
}

impl Pair {
    fn start() -> Self {
        Self::start_with(&Clock::real(), |_| {})
    }

    fn start_with(clock: &Clock, change: impl FnOnce(&mut Options)) -> Self {
        let master = FakeMaster::start(clock, ContentType::Protobuf);
        Self::of(master, clock, change)
    }

    fn of(master: FakeMaster, clock: &Clock, change: impl FnOnce(&mut Options)) -> Self {
        let runtime = host(clock);
        let mut options = Options {
            connection_delay_max: Duration::ZERO,
            ..Options::new(master.url())
        };
        change(&mut options);
        let (mesos, events) = Mesos::events(&runtime, options);
        Self {
            master,
            runtime,
            mesos,
            events,
        }
    }

    fn next(&mut self) -> Delivery {
        let Self { master, events, .. } = self;
        master.wait(events.next()).expect("the library lives")
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
        self.mesos.send(Calls::subscribe(framework()));
        self.master.subscribe();
        self.expect_event(event::Type::Subscribed);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

fn framework() -> FrameworkInfo {
    FrameworkInfo {
        user: Some("root".into()),
        name: Some("test".into()),
        ..Default::default()
    }
}

fn calls() -> Calls {
    Calls::of(framework_id())
}

#[track_caller]
fn subscribes_in(content_type: ContentType) {
    let clock = Clock::real();
    let master = FakeMaster::start(&clock, content_type);
    let mut pair = Pair::of(master, &clock, |options| {
        options.content_type = content_type;
    });

    pair.subscribe();
    pair.master.send(blank(event::Type::Heartbeat));
    pair.mesos.send(calls().revive(Vec::new()));

    pair.expect_event(event::Type::Heartbeat);
    assert_eq!(pair.master.next().call.r#type(), call::Type::Revive);
}

/// Mirrors: SchedulerTest.Subscribe
#[test]
fn scheduler_subscribes_in_both_forms() {
    subscribes_in(ContentType::Protobuf);
    subscribes_in(ContentType::Json);
}

#[test]
fn calls_carry_the_stream_id_of_their_subscription() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.mesos.send(calls().suppress(Vec::new()));

    assert_eq!(pair.master.next().stream_id.as_deref(), Some("stream-1"));
}

/// Mirrors: SchedulerTest.SubscribeDrop
#[test]
fn second_subscribe_is_dropped() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.mesos.send(Calls::subscribe(framework()));
    pair.mesos.send(calls().teardown());

    assert_eq!(pair.master.next().call.r#type(), call::Type::Teardown);
}

#[test]
fn calls_before_the_subscription_and_invalid_ones_are_dropped() {
    let mut pair = Pair::start();
    pair.mesos.send(calls().teardown());
    pair.subscribe();

    pair.mesos.send(Call {
        framework_id: None,
        ..calls().teardown()
    });
    pair.mesos.send(calls().revive(Vec::new()));

    assert_eq!(pair.master.next().call.r#type(), call::Type::Revive);
}

/// Mirrors: SchedulerTest.SchedulerReconnect
#[test]
fn reconnect_drops_the_connection_and_makes_another() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.mesos.reconnect();

    assert_eq!(pair.next(), Delivery::Disconnected);
    pair.subscribe();
    pair.mesos.send(calls().teardown());
    assert_eq!(pair.master.next().stream_id.as_deref(), Some("stream-2"));
}

#[test]
fn end_of_the_stream_leads_to_another_connection() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.master.end_stream();

    assert_eq!(pair.next(), Delivery::Disconnected);
    pair.subscribe();
}

#[test]
fn automatic_subscription_keeps_its_framework_id() {
    let mut pair = Pair::start_with(&Clock::real(), |options| {
        options.subscribe = Subscribe::Automatic(Box::new(framework()));
    });
    assert_eq!(pair.next(), Delivery::Connected);
    let first = pair.master.subscribe();
    pair.expect_event(event::Type::Subscribed);

    pair.master.end_stream();
    assert_eq!(pair.next(), Delivery::Disconnected);
    assert_eq!(pair.next(), Delivery::Connected);
    let second = pair.master.subscribe();

    assert_eq!(first.framework_id, None);
    assert_eq!(second.framework_id, Some(framework_id()));
    assert_eq!(second.subscribe().framework_info().id(), &framework_id());
}

#[test]
fn master_that_recovers_is_asked_again_each_second() {
    let clock = Clock::paused();
    let master = FakeMaster::start(&clock, ContentType::Protobuf);
    master.refuse(Response::service_unavailable(
        "Master has not finished recovery",
    ));
    let mut pair = Pair::of(master, &clock, |options| {
        options.subscribe = Subscribe::Automatic(Box::new(framework()));
    });
    clock.settle();
    clock.advance(Duration::from_millis(1));
    assert_eq!(pair.next(), Delivery::Connected);
    assert_eq!(pair.master.next().call.r#type(), call::Type::Subscribe);

    let again = loop {
        clock.settle();
        clock.advance(Duration::from_secs(1));
        if let Some(call) = pair.master.call_soon() {
            break call;
        }
    };

    assert_eq!(again.r#type(), call::Type::Subscribe);
    pair.master.send(subscribed(None));
    pair.expect_event(event::Type::Subscribed);
}

#[test]
fn redirect_is_followed_to_the_leading_master() {
    let clock = Clock::real();
    let leader = FakeMaster::start(&clock, ContentType::Protobuf);
    let follower = FakeMaster::start(&clock, ContentType::Protobuf);
    let MasterUrl::Address(target) = leader.url() else {
        unreachable!()
    };
    let location = format!("//{}/master/api/v1/scheduler", target.address);
    follower.refuse(Response::temporary_redirect(&location));
    let mut pair = Pair::of(follower, &clock, |options| {
        options.subscribe = Subscribe::Automatic(Box::new(framework()));
    });
    assert_eq!(pair.next(), Delivery::Connected);
    assert_eq!(pair.next(), Delivery::Disconnected);
    assert_eq!(pair.next(), Delivery::Connected);

    pair.master = leader;
    pair.master.subscribe();

    pair.expect_event(event::Type::Subscribed);
}

#[test]
fn refusal_is_told_as_an_error() {
    let clock = Clock::real();
    let master = FakeMaster::start(&clock, ContentType::Protobuf);
    master.refuse(Response::bad_request("no"));
    let mut pair = Pair::of(master, &clock, |_| {});
    assert_eq!(pair.next(), Delivery::Connected);

    pair.mesos.send(Calls::subscribe(framework()));

    let event = pair.expect_event(event::Type::Error);
    let expected = "Received unexpected '400 Bad Request' (no) for SUBSCRIBE";
    assert_eq!(event.error().message(), expected);
}

#[test]
fn credential_goes_with_each_call() {
    let mut pair = Pair::start_with(&Clock::real(), |options| {
        options.credential = Some(Credential {
            principal: "user".into(),
            secret: "secret".into(),
        });
        options.subscribe = Subscribe::Automatic(Box::new(framework()));
    });

    let received = pair.master.next();

    // base64 of user:secret
    assert_eq!(
        received.authorization.as_deref(),
        Some("Basic dXNlcjpzZWNyZXQ=")
    );
}

#[test]
fn answer_of_a_call_is_returned() {
    let mut pair = Pair::start();
    let early = pair.master.wait(pair.mesos.call(calls().teardown()));
    pair.subscribe();

    let late = pair.master.wait(pair.mesos.call(calls().teardown()));
    let subscribe = pair
        .master
        .wait(pair.mesos.call(Calls::subscribe(framework())));

    assert!(matches!(
        early.ready(),
        Some(Err(CallError::NotSubscribed(_)))
    ));
    assert_eq!(late.ready().unwrap().unwrap().status_code(), 202);
    assert_eq!(subscribe.ready(), Some(Err(CallError::Subscribe)));
}

#[test]
fn malformed_event_is_told_and_the_next_one_is_read() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.master
        .send_raw(mesos_common::recordio::encode(b"\xff\xff"));
    pair.master.send(blank(event::Type::Heartbeat));

    let event = pair.expect_event(event::Type::Error);
    assert!(
        event
            .error()
            .message()
            .starts_with("Failed to de-serialize event: ")
    );
    pair.expect_event(event::Type::Heartbeat);
}

#[test]
fn garbage_between_records_leads_to_another_connection() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.master.send_raw(Bytes::from_static(b"not a length\n"));

    assert_eq!(pair.next(), Delivery::Disconnected);
    assert_eq!(pair.next(), Delivery::Connected);
}

#[test]
fn event_of_an_unknown_type_is_delivered_as_unknown() {
    let mut pair = Pair::start();
    pair.subscribe();

    pair.master.send(Event {
        r#type: Some(4711),
        ..Default::default()
    });

    pair.expect_event(event::Type::Unknown);
}

#[test]
fn silent_master_counts_as_gone_after_five_heartbeats() {
    let clock = Clock::paused();
    let mut pair = Pair::start_with(&clock, |_| {});
    clock.settle();
    clock.advance(Duration::from_millis(1));
    assert_eq!(pair.next(), Delivery::Connected);
    pair.mesos.send(Calls::subscribe(framework()));
    assert_eq!(pair.master.next().call.r#type(), call::Type::Subscribe);
    pair.master.send(subscribed(Some(15.0)));
    pair.expect_event(event::Type::Subscribed);
    clock.settle();

    clock.advance(Duration::from_secs(75));

    assert_eq!(pair.next(), Delivery::Disconnected);
}

/// Mirrors: SchedulerTest.MetricsEndpoint
#[test]
fn length_of_the_queue_is_told_while_the_library_runs() {
    let mut pair = Pair::start();
    pair.subscribe();

    let metrics = pair.runtime.metrics().snapshot(None);
    let metrics = pair.master.wait(metrics).ready().unwrap();

    assert!(metrics.contains_key("scheduler/event_queue_messages"));
    assert!(metrics.contains_key("scheduler/event_queue_dispatches"));
}
