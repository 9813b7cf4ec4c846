//! How a driver ends.

use mesos_proto::internal::{FrameworkErrorMessage, LostSlaveMessage};
use mesos_proto::v1::scheduler::call;

use super::*;

/// Mirrors: SchedulerDriverEventTest.Error
/// Mirrors: ExceptionTest.DeactivateFrameworkOnAbort
#[test]
fn error_aborts_the_driver_and_deactivates_the_framework() {
    let mut pair = Pair::start();
    pair.register();

    pair.send(FrameworkErrorMessage {
        message: Some("gone".into()),
        ..Default::default()
    });

    assert_eq!(pair.next_told(), Told::Error("gone".into()));
    assert!(matches!(pair.next_sent(), Sent::Deactivate));
    assert_eq!(pair.driver.join(), Status::Aborted);
}

/// Mirrors: ExceptionTest.DisallowSchedulerActionsOnAbort
/// Mirrors: ExceptionTest.DisallowSchedulerCallbacksOnAbort
#[test]
fn aborted_driver_neither_calls_nor_calls_back() {
    let mut pair = Pair::start();
    pair.register();
    assert_eq!(pair.driver.abort(), Status::Aborted);
    assert!(matches!(pair.next_sent(), Sent::Deactivate));

    assert_eq!(pair.driver.revive_offers(Vec::new()), Status::Aborted);
    pair.send(LostSlaveMessage {
        agent_id: Some(agent_id()),
        ..Default::default()
    });
    assert_eq!(pair.driver.stop(Failover::No), Status::Aborted);

    // TEARDOWN is the only thing that follows.
    assert_eq!(pair.next_call().r#type(), call::Type::Teardown);
    assert_eq!(pair.driver.status(), Status::Stopped);
    assert!(pair.told.is_empty());
}

#[test]
fn stop_with_failover_leaves_the_framework_alone() {
    let mut pair = Pair::start();
    pair.register();

    pair.driver.stop(Failover::Yes);

    assert_eq!(pair.driver.join(), Status::Stopped);
    assert!(pair.sent.is_empty());
}
