//! SUBSCRIBED at each turn of a framework's life.

use mesos_proto::v1::scheduler::{Event, event};

use super::*;
use crate::detection::Detection;

fn subscribed() -> Event {
    let subscribed = event::Subscribed {
        framework_id: Some(framework_id()),
        ..Default::default()
    };
    Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed.into()),
        ..Default::default()
    }
}

fn subscribe(pair: &mut Pair) {
    pair.subscribe_call();
    pair.send(subscribed());
    assert_eq!(pair.next_told(), Told::Registered("f".into()));
}

/// The next SUBSCRIBE that names the framework.
fn second_subscribe_call(pair: &mut Pair) -> Call {
    loop {
        let call = pair.subscribe_call();
        if call.framework_id.is_some() {
            return call;
        }
    }
}

/// Mirrors: SchedulerDriverEventTest.SubscribedDisconnection
#[test]
fn framework_that_lost_its_connection_is_reregistered() {
    let mut pair = Pair::start();
    subscribe(&mut pair);

    pair.driver.dispatch(|process, ctx| {
        let master = process.master.clone().unwrap();
        process.exited(&master, ctx);
    });
    assert_eq!(pair.next_told(), Told::Disconnected);
    let call = second_subscribe_call(&mut pair);
    pair.send(subscribed());

    assert_eq!(call.subscribe().force, Some(false));
    assert_eq!(pair.next_told(), Told::Reregistered);
}

/// Mirrors: SchedulerDriverEventTest.SubscribedMasterFailover
#[test]
fn framework_is_reregistered_with_the_next_master() {
    let mut next = Pair::start();
    let mut pair = Pair::start();
    subscribe(&mut pair);

    // The first master dies, and the detector names another one.
    let other = next.master.upid().clone();
    pair.driver.dispatch(move |process, ctx| {
        process.detection = Detection::of(&MasterUrl::Address(other));
        let master = process.master.clone().unwrap();
        process.exited(&master, ctx);
    });
    assert_eq!(pair.next_told(), Told::Disconnected);
    let framework = loop {
        let (from, sent) = next.home.block_on(next.sent.recv()).unwrap();
        if matches!(&sent, Sent::Call(call) if call.framework_id.is_some()) {
            break from;
        }
    };
    let event = subscribed();
    next.master
        .dispatch(move |_, ctx| ctx.send_protobuf(&framework, &event));

    assert_eq!(pair.next_told(), Told::Reregistered);
}

/// Mirrors: SchedulerDriverEventTest.SubscribedSchedulerFailover
#[test]
fn framework_that_takes_over_is_registered() {
    let mut first = Pair::start();
    subscribe(&mut first);
    first.driver.stop(Failover::Yes);

    let mut second = Pair::start_with(|options| options.framework.id = Some(framework_id()));
    let call = second.subscribe_call();
    second.send(subscribed());

    assert_eq!(call.subscribe().force, Some(true));
    assert_eq!(second.next_told(), Told::Registered("f".into()));
}

/// Mirrors: MesosSchedulerDriverTest.MetricsEndpoint
#[test]
fn length_of_the_queue_is_told_while_the_driver_runs() {
    let mut pair = Pair::start();
    pair.register();

    let metrics = pair.runtime.metrics().snapshot(None);
    let metrics = pair.home.block_on(metrics).ready().unwrap();

    assert!(metrics.contains_key("scheduler/event_queue_messages"));
    assert!(metrics.contains_key("scheduler/event_queue_dispatches"));
}
