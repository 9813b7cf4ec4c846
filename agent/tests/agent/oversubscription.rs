//! Resources that are given away twice, and what happens when that goes wrong.

use std::time::Duration;

use mesos_agent::{
    StartError,
    flags::Flags,
    modules::{FIXED_RESOURCE_ESTIMATOR, LOAD_QOS_CONTROLLER},
};
use mesos_common::flags::JsonMessage;
use mesos_proto::{
    Dialect, Json,
    internal::UpdateAgentMessage,
    module::Modules,
    v1::{self, TaskState, task_status::Reason},
};

use crate::harness::{Cluster, Peer, Place, command_task, framework, resource};

/// Makes estimates of four processors.
fn estimate_four(flags: &mut Flags) {
    introduce(flags, FIXED_RESOURCE_ESTIMATOR, "resources", "cpus:4");
    flags.resource_estimator = Some(FIXED_RESOURCE_ESTIMATOR.to_owned());
    flags.oversubscribed_resources_interval = Duration::from_millis(10);
}

/// Finds every load too high.
fn dread_load(flags: &mut Flags) {
    introduce(flags, LOAD_QOS_CONTROLLER, "load_threshold_5min", "-1");
    flags.qos_controller = Some(LOAD_QOS_CONTROLLER.to_owned());
    flags.qos_correction_interval_min = Duration::from_millis(10);
}

fn introduce(flags: &mut Flags, module: &str, key: &str, value: &str) {
    let json = format!(
        r#"{{"libraries": [{{"modules": [{{"name": "{module}",
            "parameters": [{{"key": "{key}", "value": "{value}"}}]}}]}}]}}"#
    );
    let modules = Modules::read_json(Dialect::V1, json.as_bytes()).expect("valid JSON");
    flags.modules = Some(JsonMessage::new(modules));
}

fn revocable(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        revocable: Some(v1::resource::RevocableInfo::default()),
        ..resource(name, value)
    }
}

/// What an update says of resources that may be offered a second time.
fn oversubscribed(update: &UpdateAgentMessage) -> Vec<(&str, f64)> {
    assert!(update.update_oversubscribed_resources());
    update
        .oversubscribed_resources
        .iter()
        .map(|resource| {
            assert!(resource.revocable.is_some());
            assert!(resource.allocation_info.is_none());
            (resource.name(), resource.scalar().value())
        })
        .collect()
}

/// The first update that says something of such resources.
fn expect_oversubscribed(cluster: &mut Cluster) -> UpdateAgentMessage {
    loop {
        let (_, update) = cluster.master.expect::<UpdateAgentMessage>();
        if update.update_oversubscribed_resources() && !update.oversubscribed_resources.is_empty() {
            return update;
        }
    }
}

/// Mirrors: OversubscriptionTest.ForwardUpdateSlaveMessage
#[test]
fn the_estimate_is_forwarded_when_it_differs_and_not_again() {
    let mut cluster = Cluster::start_with(estimate_four);
    cluster.accept_registration();

    let update = expect_oversubscribed(&mut cluster);

    assert_eq!(oversubscribed(&update), [("cpus", 4.0)]);
    let total = "slave/cpus_revocable_total";
    cluster.check_metric(total, 4.0);
    cluster.check_metric("slave/cpus_revocable_used", 0.0);
    // Several intervals pass until an executor is there.
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    assert!(!cluster.master.has::<UpdateAgentMessage>());
}

/// What tasks hold of oversubscribed resources stays in the total, although the estimate gets smaller.
#[test]
fn revocable_resources_of_tasks_count_besides_the_estimate() {
    let mut cluster = Cluster::start_with(estimate_four);
    cluster.accept_registration();
    expect_oversubscribed(&mut cluster);
    let task = v1::TaskInfo {
        resources: vec![revocable("cpus", 1.0), resource("mem", 32.0)],
        ..command_task("t", "sleep 1000")
    };

    cluster.run(&framework(), task);
    cluster.wait_for_executor("t");

    cluster.check_metric("slave/cpus_revocable_used", 1.0);
    cluster.check_metric("slave/cpus_revocable_total", 4.0);
    cluster.check_metric("slave/cpus_revocable_percent", 0.25);
}

/// Mirrors: OversubscriptionTest.Reregistration
#[test]
fn an_agent_that_comes_back_tells_its_estimate_again() {
    let mut cluster = Cluster::registered_with(estimate_four);

    cluster.restart();
    cluster.accept_reregistration();
    let update = expect_oversubscribed(&mut cluster);

    assert_eq!(oversubscribed(&update), [("cpus", 4.0)]);
}

/// Mirrors: OversubscriptionTest.QoSCorrectionKillPartitionAware
/// Mirrors: OversubscriptionTest.ReceiveQoSCorrection
#[test]
fn a_preempted_task_is_gone_to_a_framework_that_is_partition_aware() {
    let status = preempt(&framework());

    assert_eq!(status, TaskState::TaskGone);
}

/// Mirrors: OversubscriptionTest.QoSCorrectionKill
#[test]
fn a_preempted_task_is_lost_to_a_framework_that_is_not() {
    let plain = v1::FrameworkInfo {
        capabilities: Vec::new(),
        ..framework()
    };

    let status = preempt(&plain);

    assert_eq!(status, TaskState::TaskLost);
}

/// Launches a task of revocable resources next to one without, and returns the state the first ends in.
fn preempt(framework: &v1::FrameworkInfo) -> TaskState {
    let mut cluster = Cluster::registered_with(dread_load);
    cluster.check_metric("slave/executors_preempted", 0.0);
    cluster.run(framework, command_task("stays", "sleep 1000"));
    cluster.wait_for_executor("stays");
    let task = v1::TaskInfo {
        resources: vec![revocable("cpus", 1.0), resource("mem", 32.0)],
        ..command_task("goes", "sleep 1000")
    };

    cluster.run(framework, task);
    let status = cluster.expect_update();

    assert_eq!(status.task_id().value(), "goes");
    assert_eq!(status.reason(), Reason::ReasonContainerPreempted);
    assert_eq!(status.source(), v1::task_status::Source::SourceAgent);
    assert!(
        status
            .message()
            .starts_with("Container preempted by QoS correction"),
        "{}",
        status.message()
    );
    cluster.check_metric("slave/executors_preempted", 1.0);
    assert!(cluster.container_pid("stays").is_some());
    status.state()
}

#[test]
fn an_estimator_that_nobody_introduced_is_refused() {
    let master = Peer::start("master");
    let mut flags = Place::new().flags(&master.pid);
    flags.resource_estimator = Some("com_example_Estimator".to_owned());

    let error = mesos_agent::start(&master.runtime, flags).expect_err("unknown");

    assert!(matches!(error, StartError::ResourceEstimator(_)), "{error}");
}
