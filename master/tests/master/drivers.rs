//! Frameworks on the legacy wire.

use mesos_proto::internal::{
    FrameworkErrorMessage, FrameworkRegisteredMessage, FrameworkReregisteredMessage,
    LaunchTasksMessage, RegisterFrameworkMessage, ResourceOffersMessage, RunTaskMessage,
    StatusUpdateAcknowledgementMessage, StatusUpdateMessage, UnregisterFrameworkMessage,
};
use mesos_proto::v0;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;

use crate::support::{Peer, Stage, framework, task};

#[expect(
    clippy::fn_params_excessive_bools,
    reason = "a member of the message as it is"
)]
fn subscribe(info: v1::FrameworkInfo, force: bool) -> v0::scheduler::Call {
    v0::scheduler::Call {
        framework_id: info.id.clone(),
        r#type: Some(v1::scheduler::call::Type::Subscribe.into()),
        subscribe: Some(
            v0::scheduler::call::Subscribe {
                framework_info: Some(info.into()),
                force: Some(force),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

/// Mirrors: FaultToleranceTest.FrameworkReliableRegistration
#[test]
fn driver_that_subscribes_twice_is_the_same_framework() {
    let stage = Stage::start();
    let driver = Peer::start(&stage.runtime, "scheduler");

    stage.send(&driver, &subscribe(framework("eng"), false));
    let first: FrameworkRegisteredMessage = driver.expect();
    stage.send(&driver, &subscribe(framework("eng"), false));
    let second: FrameworkRegisteredMessage = driver.expect();

    assert_eq!(first.framework_id(), second.framework_id());
    assert_eq!(first.master_info().pid(), stage.master.upid().to_string());
}

/// Mirrors: MasterTest.TaskRunning
#[test]
fn oldest_messages_still_run_a_task() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let driver = Peer::start(&stage.runtime, "scheduler");
    let mut info = framework("eng");
    info.capabilities.clear();
    info.roles.clear();
    info.role = Some("eng".to_owned());
    stage.send(
        &driver,
        &RegisterFrameworkMessage {
            framework: Some(info.into()),
            ..Default::default()
        },
    );
    let registered: FrameworkRegisteredMessage = driver.expect();
    let offers: ResourceOffersMessage = driver.expect();
    assert_eq!(offers.pids, [agent.peer.upid().to_string()]);
    let offer = &offers.offers[0];
    assert!(offer.allocation_info.is_none());
    assert!(
        offer
            .resources
            .iter()
            .all(|one| one.allocation_info.is_none())
    );
    assert!(offer.resources.iter().all(|one| one.role() == "*"));
    let mut wanted = task("t", offer, "cpus:1;mem:32");
    for resource in &mut wanted.resources {
        resource.allocation_info = None;
    }

    stage.send(
        &driver,
        &LaunchTasksMessage {
            framework_id: registered.framework_id.clone(),
            tasks: vec![wanted],
            filters: Some(v1::Filters::default()),
            offer_ids: vec![offer.id().clone()],
            ..Default::default()
        },
    );

    let run: RunTaskMessage = agent.peer.expect();
    assert_eq!(run.pid(), driver.upid().to_string());
    assert_eq!(run.task().resources[0].allocation_info().role(), "eng");
    let uuid = agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let update: StatusUpdateMessage = driver.expect();
    assert_eq!(update.pid(), agent.peer.upid().to_string());
    stage.send(
        &driver,
        &StatusUpdateAcknowledgementMessage {
            agent_id: Some(agent.proto_id()),
            framework_id: registered.framework_id,
            task_id: run.task().task_id.clone(),
            uuid: Some(uuid),
            ..Default::default()
        },
    );
    let _acknowledged: StatusUpdateAcknowledgementMessage = agent.peer.expect();
}

/// Mirrors: FaultToleranceTest.SchedulerFailover
#[test]
fn driver_with_force_takes_over() {
    let stage = Stage::start();
    let first = Peer::start(&stage.runtime, "scheduler");
    stage.send(&first, &subscribe(framework("eng"), false));
    let registered: FrameworkRegisteredMessage = first.expect();
    let mut info = framework("eng");
    info.id = registered.framework_id.clone();
    let second = Peer::start(&stage.runtime, "scheduler");

    stage.send(&second, &subscribe(info.clone(), false));
    let refused: FrameworkErrorMessage = second.expect();
    stage.send(&second, &subscribe(info, true));

    assert_eq!(refused.message(), "Framework failed over");
    let taken: FrameworkRegisteredMessage = second.expect();
    assert_eq!(taken.framework_id(), registered.framework_id());
    let error: FrameworkErrorMessage = first.expect();
    assert_eq!(error.message(), "Framework failed over");
}

/// Mirrors: FaultToleranceTest.FrameworkReregister
#[test]
fn driver_that_found_the_same_master_again_is_reregistered() {
    let stage = Stage::start();
    let driver = Peer::start(&stage.runtime, "scheduler");
    stage.send(&driver, &subscribe(framework("eng"), false));
    let registered: FrameworkRegisteredMessage = driver.expect();
    let mut info = framework("eng");
    info.id = registered.framework_id.clone();

    stage.send(&driver, &subscribe(info, false));

    let again: FrameworkReregisteredMessage = driver.expect();
    assert_eq!(again.framework_id(), registered.framework_id());
}

#[test]
fn call_of_a_stranger_changes_nothing() {
    let stage = Stage::start();
    let driver = Peer::start(&stage.runtime, "scheduler");
    stage.send(&driver, &subscribe(framework("eng"), false));
    let registered: FrameworkRegisteredMessage = driver.expect();
    let stranger = Peer::start(&stage.runtime, "scheduler");

    stage.send(
        &stranger,
        &UnregisterFrameworkMessage {
            framework_id: registered.framework_id,
            ..Default::default()
        },
    );
    stage.settle();

    assert_eq!(
        stage.get("/frameworks")["frameworks"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
}

#[test]
fn driver_that_ends_is_disconnected() {
    let stage = Stage::start();
    let driver = Peer::start(&stage.runtime, "scheduler");
    stage.send(&driver, &subscribe(framework("eng"), false));
    let _registered: FrameworkRegisteredMessage = driver.expect();

    driver.disappear();
    stage.settle();

    let frameworks = stage.get("/frameworks");
    assert_eq!(frameworks["frameworks"][0]["connected"], false);
    assert_eq!(frameworks["frameworks"][0]["active"], false);
    stage.advance(std::time::Duration::from_secs(3601));
    assert_eq!(
        stage.get("/frameworks")["frameworks"]
            .as_array()
            .expect("a list")
            .len(),
        0
    );
}

/// Mirrors: RateLimitingTest.CapacityReached
#[test]
fn driver_that_sends_too_much_is_told_so() {
    let limits = v1::RateLimits {
        limits: vec![v1::RateLimit {
            qps: Some(1.0),
            principal: Some("p".to_owned()),
            capacity: Some(2),
            ..Default::default()
        }],
        ..Default::default()
    };
    let stage = Stage::start_with(|flags| {
        flags.rate_limits = Some(mesos_common::flags::JsonMessage::new(limits));
    });
    let driver = Peer::start(&stage.runtime, "scheduler");
    let mut info = framework("eng");
    info.principal = Some("p".to_owned());
    stage.send(&driver, &subscribe(info.clone(), false));
    let _registered: FrameworkRegisteredMessage = driver.expect();

    for _ in 0..4 {
        stage.send(&driver, &subscribe(info.clone(), false));
    }

    let error: FrameworkErrorMessage = driver.expect();
    stage.settle();
    assert_eq!(
        error.message(),
        "Message mesos.scheduler.Call dropped: capacity(2) exceeded"
    );
    assert!((stage.metric("frameworks/p/messages_received") - 4.0).abs() < 1e-9);
    stage.advance(std::time::Duration::from_secs(5));
    let processed = stage.metric("frameworks/p/messages_processed");
    assert!((2.0..4.0).contains(&processed), "{processed}");
}
