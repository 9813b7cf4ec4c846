//! A framework against a master that does what the test says.

use libprocess::Clock;
use mesos_api_client::ContentType;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::{Offer, TaskState};

use super::*;
use crate::FrameworkBuilder;
use crate::fake_master::{FakeMaster, blank, host};

type Subscribed = Result<(Framework, FrameworkEvents), FrameworkError>;

/// Subscribes while `answer` lets the master speak.
fn subscribe(
    runtime: &Runtime,
    master: &mut FakeMaster,
    answer: fn(&mut FakeMaster),
) -> Subscribed {
    let options = Options {
        connection_delay_max: Duration::ZERO,
        ..Options::new(master.url())
    };
    let hello = FrameworkBuilder::new("hello").build();
    std::thread::scope(|scope| {
        let subscribing =
            scope.spawn(|| runtime.block_on(Framework::subscribe(runtime, options, hello)));
        answer(master);
        subscribing.join().unwrap()
    })
}

#[test]
fn subscribed_framework_knows_its_id_and_acknowledges_updates() {
    let clock = Clock::real();
    let mut master = FakeMaster::start(&clock, ContentType::Protobuf);
    let runtime = host(&clock);
    let (framework, mut events) = subscribe(&runtime, &mut master, |master| {
        master.subscribe();
    })
    .unwrap();
    let status = TaskStatus {
        state: Some(TaskState::TaskRunning.into()),
        uuid: Some(Bytes::from_static(b"0123456789abcdef")),
        task_id: Some(TaskId {
            value: Some("t".into()),
            ..Default::default()
        }),
        agent_id: Some(AgentId {
            value: Some("S0".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let update = event::Update {
        status: Some(status.into()),
        ..Default::default()
    };

    master.send(blank(event::Type::Heartbeat));
    master.send(Event {
        update: Some(update),
        ..blank(event::Type::Update)
    });
    let told = master.wait(events.next()).unwrap();
    let FrameworkEvent::Update(status) = told else {
        panic!("{told:?}");
    };
    master.wait(framework.acknowledge(&status)).unwrap();

    assert_eq!(framework.id().value(), "f-0000");
    let call = master.next().call;
    assert_eq!(call.r#type(), call::Type::Acknowledge);
    assert_eq!(call.acknowledge().uuid(), b"0123456789abcdef".as_slice());
    runtime.shutdown();
}

#[test]
fn refused_framework_gets_the_words_of_the_master() {
    let clock = Clock::real();
    let mut master = FakeMaster::start(&clock, ContentType::Protobuf);
    let runtime = host(&clock);

    let outcome = subscribe(&runtime, &mut master, |master| {
        master.next();
        let error = event::Error {
            message: Some("Framework has been removed".into()),
            ..Default::default()
        };
        master.send(Event {
            error: Some(error),
            ..blank(event::Type::Error)
        });
    });

    assert_eq!(
        outcome.unwrap_err(),
        FrameworkError::Unwanted("Framework has been removed".into())
    );
    runtime.shutdown();
}

#[test]
fn failure_names_an_agent_or_an_executor() {
    let agent_id = AgentId {
        value: Some("S0".into()),
        ..Default::default()
    };
    let executor_id = ExecutorId {
        value: Some("e".into()),
        ..Default::default()
    };
    let told = |executor_id: Option<ExecutorId>| {
        let failure = event::Failure {
            agent_id: Some(agent_id.clone()),
            executor_id,
            status: Some(256),
            ..Default::default()
        };
        let event = Event {
            failure: Some(failure.into()),
            ..blank(event::Type::Failure)
        };
        FrameworkEvent::of(Delivery::Event(event.into()))
    };

    assert_eq!(
        told(None),
        Some(FrameworkEvent::AgentLost(agent_id.clone()))
    );
    assert_eq!(
        told(Some(executor_id.clone())),
        Some(FrameworkEvent::ExecutorLost {
            agent_id: agent_id.clone(),
            executor_id,
            status: 256
        })
    );
}

#[test]
fn event_of_a_newer_master_is_handed_on_whole() {
    let strange = Event {
        r#type: Some(4711),
        ..Default::default()
    };

    let told = FrameworkEvent::of(Delivery::Event(strange.clone().into()));

    assert_eq!(told, Some(FrameworkEvent::Unknown(strange.into())));
}

#[test]
fn offers_are_told_as_they_came() {
    let offers = event::Offers {
        offers: vec![Offer::default(), Offer::default()],
        ..Default::default()
    };
    let event = Event {
        offers: Some(offers.clone()),
        ..blank(event::Type::Offers)
    };

    let told = FrameworkEvent::of(Delivery::Event(event.into()));

    assert_eq!(told, Some(FrameworkEvent::Offers(offers.offers)));
}
