//! What a master says and what the scheduler is told of it.

use bytes::Bytes;
use mesos_proto::internal::{
    ExecutorToFrameworkMessage, ExitedExecutorMessage, LostSlaveMessage,
    RescindResourceOfferMessage,
};
use mesos_proto::v1::scheduler::{Event, event};

use super::*;

/// Mirrors: SchedulerDriverEventTest.Rescind
/// Mirrors: SchedulerDriverEventTest.Failure
/// Mirrors: SchedulerDriverEventTest.Message
#[test]
fn messages_of_the_master_become_callbacks() {
    let mut pair = Pair::start();
    pair.register();
    let executor = ExecutorId {
        value: Some("e".into()),
        ..Default::default()
    };

    pair.send(RescindResourceOfferMessage {
        offer_id: Some(offer_id()),
        ..Default::default()
    });
    pair.send(LostSlaveMessage {
        agent_id: Some(agent_id()),
        ..Default::default()
    });
    pair.send(ExitedExecutorMessage {
        agent_id: Some(agent_id()),
        framework_id: Some(framework_id()),
        executor_id: Some(executor.clone()),
        status: Some(9),
        ..Default::default()
    });
    pair.send(ExecutorToFrameworkMessage {
        agent_id: Some(agent_id()),
        framework_id: Some(framework_id()),
        executor_id: Some(executor),
        data: Some(Bytes::from_static(b"hi")),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Rescinded("o".into()));
    assert_eq!(pair.next_told(), Told::AgentLost("S0".into()));
    assert_eq!(pair.next_told(), Told::ExecutorLost("e".into(), 9));
    assert_eq!(pair.next_told(), Told::Message(b"hi".to_vec()));
}

/// Mirrors: SchedulerDriverEventTest.Subscribed
/// Mirrors: SchedulerDriverEventTest.Offers
#[test]
fn events_become_the_same_callbacks() {
    let mut pair = Pair::start();
    pair.subscribe_call();
    let subscribed = event::Subscribed {
        framework_id: Some(framework_id()),
        ..Default::default()
    };

    pair.send(Event {
        r#type: Some(event::Type::Subscribed.into()),
        subscribed: Some(subscribed.into()),
        ..Default::default()
    });
    pair.send(Event {
        r#type: Some(event::Type::Offers.into()),
        offers: Some(event::Offers {
            offers: vec![offer()],
            ..Default::default()
        }),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Registered("f".into()));
    assert_eq!(pair.next_told(), Told::Offers(vec!["o".into()]));
}

#[test]
fn message_of_a_stranger_is_ignored() {
    let mut pair = Pair::start();
    pair.register();
    let framework = pair.framework.clone().unwrap();

    let lost = LostSlaveMessage {
        agent_id: Some(agent_id()),
        ..Default::default()
    };
    pair.home.send_protobuf(&framework, &lost);
    pair.send(RescindResourceOfferMessage {
        offer_id: Some(offer_id()),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Rescinded("o".into()));
}
