//! What the driver sends for what a scheduler asks.

use mesos_proto::v1::TaskState;
use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::{Reason, Source};

use super::*;

/// Mirrors: MesosSchedulerDriverTest.SuppressSingleRole
/// Mirrors: MesosSchedulerDriverTest.ReviveSingleRole
#[test]
fn roles_are_suppressed_and_revived_one_by_one() {
    let mut pair = Pair::start();
    pair.register();

    pair.driver.suppress_offers(vec!["a".into()]);
    pair.driver.revive_offers(vec!["a".into()]);
    pair.driver.revive_offers(Vec::new());

    assert_eq!(pair.next_call().suppress().roles, ["a"]);
    assert_eq!(pair.next_call().revive().roles, ["a"]);
    let all = pair.next_call();
    assert_eq!((all.r#type(), all.revive), (call::Type::Revive, None));
}

#[test]
fn launch_is_an_accept_with_its_tasks() {
    let mut pair = Pair::start();
    pair.register();
    pair.offer();

    pair.driver
        .launch_tasks(vec![offer_id()], vec![task()], Filters::default());

    let call = pair.next_call();
    assert_eq!(call.accept().offer_ids, [offer_id()]);
    assert_eq!(call.accept().operations[0].launch().task_infos, [task()]);
}

#[test]
fn message_goes_to_a_known_agent_directly_and_to_others_through_the_master() {
    let mut pair = Pair::start();
    pair.register();
    let executor = || ExecutorId {
        value: Some("e".into()),
        ..Default::default()
    };

    pair.driver
        .send_framework_message(executor(), agent_id(), b"1".to_vec());
    assert_eq!(pair.next_call().message().data().as_ref(), b"1");

    pair.offer();
    pair.driver
        .launch_tasks(vec![offer_id()], vec![task()], Filters::default());
    assert_eq!(pair.next_call().r#type(), call::Type::Accept);
    pair.driver
        .send_framework_message(executor(), agent_id(), b"2".to_vec());
    match pair.next_sent() {
        Sent::ToExecutor(message) => assert_eq!(message.data().as_ref(), b"2"),
        other @ (Sent::Call(_) | Sent::Deactivate) => panic!("{other:?}"),
    }
}

/// What becomes of a task that is launched after the master was lost.
fn launched_without_a_master(change: impl FnOnce(&mut DriverOptions)) -> TaskStatus {
    let mut pair = Pair::start_with(change);
    pair.register();
    pair.offer();
    pair.driver.dispatch(|process, ctx| {
        let master = process.master.clone().unwrap();
        process.exited(&master, ctx);
    });
    assert_eq!(pair.next_told(), Told::Disconnected);

    pair.driver
        .launch_tasks(vec![offer_id()], vec![task()], Filters::default());

    let Told::Status(status) = pair.next_told() else {
        panic!("expected a status")
    };
    assert_eq!(status.source(), Source::SourceMaster);
    assert_eq!(status.reason(), Reason::ReasonMasterDisconnected);
    assert_eq!(status.message(), "Master disconnected");
    assert_eq!(status.uuid, None);
    *status
}

/// Mirrors: FaultToleranceTest.DisconnectedSchedulerLaunchLost
#[test]
fn launch_without_a_master_loses_its_tasks_at_once() {
    let status = launched_without_a_master(|_| {});

    assert_eq!(status.state(), TaskState::TaskLost);
}

/// Mirrors: FaultToleranceTest.DisconnectedSchedulerLaunchDropped
#[test]
fn launch_without_a_master_is_dropped_where_partitions_are_known() {
    let status = launched_without_a_master(|options| {
        options.framework.capabilities.push(Capability {
            r#type: Some(capability::Type::PartitionAware.into()),
            ..Default::default()
        });
    });

    assert_eq!(status.state(), TaskState::TaskDropped);
}

/// Mirrors: UpdateFrameworkV0Test.DriverErrorWhenCalledBeforeRegistration
#[test]
fn framework_cannot_change_before_it_is_registered() {
    let mut pair = Pair::start();
    pair.subscribe_call();

    pair.driver
        .update_framework(FrameworkInfo::default(), Vec::new(), None);

    assert_eq!(
        pair.next_told(),
        Told::Error(
            "MesosSchedulerDriver::updateFramework() must not be called prior to registration \
             with the master"
                .into()
        )
    );
}

/// Mirrors: UpdateFrameworkV0Test.DriverErrorOnFrameworkIDMismatch
#[test]
fn framework_can_change_what_it_says_only_under_its_own_id() {
    let mut pair = Pair::start();
    pair.register();
    let other = FrameworkInfo {
        id: Some(FrameworkId {
            value: Some("x".into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let own = FrameworkInfo {
        id: Some(framework_id()),
        user: Some("root".into()),
        name: Some("new".into()),
        ..Default::default()
    };

    pair.driver.update_framework(own, vec!["a".into()], None);
    assert_eq!(
        pair.next_call().update_framework().framework_info().name(),
        "new"
    );
    pair.driver.update_framework(other, Vec::new(), None);

    assert_eq!(
        pair.next_told(),
        Told::Error(
            "The 'FrameworkInfo.id' provided to MesosSchedulerDriver::updateFramework() (x) must \
             be equal to the value known to the MesosSchedulerDriver (f)"
                .into()
        )
    );
}
