//! Updates of tasks and their acknowledgement.

use bytes::Bytes;
use libprocess::testing::Pattern;
use mesos_proto::internal::{StatusUpdate, StatusUpdateMessage};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::call;

use super::*;

/// An update of the task from this actor, with this UUID.
fn update(pid: &str, uuid: &'static [u8]) -> StatusUpdateMessage {
    let status = TaskStatus {
        task_id: Some(TaskId {
            value: Some("t".into()),
            ..Default::default()
        }),
        state: Some(TaskState::TaskRunning.into()),
        agent_id: Some(agent_id()),
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: Some(framework_id()),
        agent_id: Some(agent_id()),
        status: Some(status.into()),
        timestamp: Some(1.0),
        uuid: (!uuid.is_empty()).then(|| Bytes::from_static(uuid)),
        ..Default::default()
    };
    StatusUpdateMessage {
        update: Some(update.into()),
        pid: Some(pid.into()),
        ..Default::default()
    }
}

const UUID: &[u8] = &[7; 16];

/// Mirrors: SchedulerDriverEventTest.Update
#[test]
fn update_is_acknowledged_after_the_callback() {
    let mut pair = Pair::start();
    pair.register();

    pair.send(update("agent@127.0.0.1:5051", UUID));

    let Told::Status(status) = pair.next_told() else {
        panic!("expected a status")
    };
    assert_eq!(status.uuid().as_ref(), UUID);
    let call = pair.next_call();
    assert_eq!(call.acknowledge().uuid().as_ref(), UUID);
    assert_eq!(call.acknowledge().agent_id(), &agent_id());
}

/// Mirrors: MesosSchedulerDriverTest.ExplicitAcknowledgements
#[test]
fn explicit_acknowledgement_is_left_to_the_scheduler() {
    let mut pair = Pair::start_with(|options| {
        options.acknowledgements = Acknowledgements::Explicit;
    });
    pair.register();
    pair.send(update("agent@127.0.0.1:5051", UUID));
    let Told::Status(status) = pair.next_told() else {
        panic!("expected a status")
    };

    // Had the driver acknowledged by itself, that call would come before this one.
    pair.driver.kill_task(status.task_id().clone());
    assert_eq!(pair.next_call().r#type(), call::Type::Kill);
    pair.driver.acknowledge_status_update(*status);

    assert_eq!(pair.next_call().acknowledge().uuid().as_ref(), UUID);
}

/// Mirrors: MesosSchedulerDriverTest.ExplicitAcknowledgementsMasterGeneratedUpdate
/// Mirrors: MesosSchedulerDriverTest.ExplicitAcknowledgementsUnsetSlaveID
#[test]
fn update_that_the_master_made_needs_no_acknowledgement() {
    let mut pair = Pair::start_with(|options| {
        options.acknowledgements = Acknowledgements::Explicit;
    });
    pair.register();

    pair.send(update("", UUID));
    let Told::Status(status) = pair.next_told() else {
        panic!("expected a status")
    };
    assert_eq!(status.uuid, None);
    pair.driver.acknowledge_status_update((*status).clone());
    let without_agent = TaskStatus {
        uuid: Some(Bytes::from_static(UUID)),
        agent_id: None,
        ..*status
    };
    pair.driver.acknowledge_status_update(without_agent);
    pair.driver.reconcile_tasks(Vec::new());

    assert_eq!(pair.next_call().r#type(), call::Type::Reconcile);
}

/// Mirrors: MesosSchedulerDriverTest.DropAckIfStopCalledBeforeAbort
#[test]
fn update_is_not_acknowledged_once_the_driver_is_stopped() {
    let mut pair = Pair::start();
    pair.register();

    assert_eq!(pair.driver.stop(Failover::No), Status::Stopped);
    assert_eq!(pair.next_call().r#type(), call::Type::Teardown);
    pair.send(update("agent@127.0.0.1:5051", UUID));

    assert_eq!(pair.driver.join(), Status::Stopped);
    assert!(pair.sent.is_empty() && pair.told.is_empty());
}

/// Mirrors: FaultToleranceTest.SplitBrainMasters
#[test]
fn update_of_a_master_that_does_not_lead_is_dropped() {
    let other = Pair::start();
    let mut pair = Pair::start();
    pair.register();
    let framework = pair.framework.clone().expect("it has subscribed");
    let arrived = pair
        .runtime
        .expect_message(Pattern::message().from(other.master.upid()));
    let mut lost = update("agent@127.0.0.1:5051", &[8; 16]);
    let inner = lost.update.get_or_insert_default();
    inner.status.get_or_insert_default().state = Some(TaskState::TaskLost.into());

    other
        .master
        .dispatch(move |_, ctx| ctx.send_protobuf(&framework, &lost));
    assert!(pair.home.block_on(arrived).ready().is_some());
    pair.send(update("agent@127.0.0.1:5051", UUID));

    let Told::Status(status) = pair.next_told() else {
        panic!("expected a status")
    };
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert!(pair.told.is_empty());
}
