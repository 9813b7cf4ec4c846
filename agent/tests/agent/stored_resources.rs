//! What an agent wrote down of its resources, tasks and executors, when it is asked again.

use std::fs;

use mesos_agent::{AgentExit, flags::Flags};
use mesos_common::resources::Resources;
use mesos_proto::{
    internal::{
        ExitedExecutorMessage, PingAgentMessage, RegisterAgentMessage, ReregisterAgentMessage,
        StatusUpdateMessage,
    },
    v1::{self, TaskState, executor::event},
};

use crate::{
    harness::{Cluster, checkpointing, command_task, executor_task, resource},
    operations::{apply, create, expect_status, reserve, reserved, volume},
};

/// An agent with half of its memory reserved.
fn with_reservation() -> Cluster {
    let mut cluster = Cluster::registered();
    apply(&cluster, reserve(reserved("mem", 512.0)));
    expect_status(&mut cluster);
    cluster
}

/// An agent with a volume.
fn with_volume() -> Cluster {
    let mut cluster = Cluster::registered();
    apply(&cluster, reserve(reserved("disk", 10.0)));
    expect_status(&mut cluster);
    apply(&cluster, create(volume()));
    expect_status(&mut cluster);
    cluster
}

/// The machine of the agent starts again, and the agent with other flags.
fn reboot(cluster: &mut Cluster, change: fn(&mut Flags)) {
    cluster.stop();
    let meta = cluster.place.work_dir().join("meta");
    fs::write(meta.join("boot_id"), "rebooted! ;)").expect("written");
    cluster.change = change;
    cluster.start_again();
}

/// What the agent stored, as it says when it registers as a new one; what it said before it
/// had stored something may still be there.
fn kept(cluster: &mut Cluster) -> Resources {
    loop {
        let (_, message) = cluster.master.expect::<RegisterAgentMessage>();
        if !message.checkpointed_resources.is_empty() {
            return Resources::from_proto(&message.checkpointed_resources);
        }
    }
}

fn only(resource: v1::Resource) -> Resources {
    Resources::from_proto(&[resource])
}

#[track_caller]
fn does_not_start(cluster: &mut Cluster) {
    let exited = cluster.agent.exited().expect("not taken");
    let outcome = cluster.master.runtime.block_on(exited.into_future());
    let Some(AgentExit::Failed(text)) = outcome.ready() else {
        panic!("a failure")
    };
    assert!(text.contains("incompatible with agent resources"), "{text}");
}

/// Mirrors: ReservationTest.CompatibleCheckpointedResources
#[test]
fn reservation_outlives_a_change_of_the_machine_that_leaves_room_for_it() {
    let mut cluster = with_reservation();

    reboot(&mut cluster, |flags| {
        flags.resources = Some("cpus:6;mem:512;disk:1024".to_owned());
    });

    assert_eq!(kept(&mut cluster), only(reserved("mem", 512.0)));
}

/// Mirrors: ReservationTest.CompatibleCheckpointedResourcesWithPersistentVolumes
#[test]
fn volume_outlives_a_change_of_the_machine_that_leaves_room_for_it() {
    let mut cluster = with_volume();

    reboot(&mut cluster, |flags| {
        flags.resources = Some("cpus:6;mem:512;disk:10".to_owned());
    });

    assert_eq!(kept(&mut cluster), only(volume()));
}

/// Mirrors: ReservationTest.IncompatibleCheckpointedResources
#[test]
fn agent_without_room_for_its_reservations_does_not_start() {
    let mut cluster = with_reservation();

    reboot(&mut cluster, |flags| {
        flags.resources = Some("cpus:4;mem:256;disk:1024".to_owned());
    });

    does_not_start(&mut cluster);
}

/// Mirrors: PersistentVolumeTest.IncompatibleCheckpointedResources
#[test]
fn agent_without_room_for_its_volumes_does_not_start() {
    let mut cluster = with_volume();

    reboot(&mut cluster, |flags| {
        flags.resources = Some("cpus:4;mem:1024;disk:5".to_owned());
    });

    does_not_start(&mut cluster);
}

/// Mirrors: ReservationTest.ReservationCheckpointedBackwardsCompatibility
#[test]
fn reservation_is_read_as_older_agents_wrote_it() {
    let mut cluster = with_reservation();
    cluster.stop();
    let stored = cluster.place.work_dir().join("meta/resources");
    fs::remove_file(stored.join("resources_and_operations.state")).expect("it is there");

    cluster.start_again();

    let message = cluster.reregister();
    assert_eq!(
        Resources::from_proto(&message.checkpointed_resources),
        only(reserved("mem", 512.0))
    );
}

/// Mirrors: ReservationTest.ResourcesCheckpointing
/// Mirrors: PersistentVolumeTest.ResourcesCheckpointing
#[test]
fn reservations_and_volumes_are_told_by_the_next_agent() {
    let mut cluster = with_volume();
    apply(&cluster, reserve(reserved("mem", 512.0)));
    expect_status(&mut cluster);

    cluster.restart();

    let message = cluster.reregister();
    let told = Resources::from_proto(&message.checkpointed_resources);
    assert_eq!(told, &only(volume()) + &only(reserved("mem", 512.0)));
}

/// The master lost the agent, which registers again.
fn lost_and_found(cluster: &mut Cluster) -> ReregisterAgentMessage {
    cluster.master.send(
        &cluster.pid(),
        &PingAgentMessage {
            connected: Some(false),
            ..Default::default()
        },
    );
    cluster.reregister()
}

/// Mirrors: MasterSlaveReconciliationTest.SlaveReregisterFrameworks
/// Mirrors: MasterSlaveReconciliationTest.SlaveReregisterTaskExecutorIds
#[test]
fn agent_tells_its_frameworks_and_names_executors_but_those_of_commands() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), command_task("command", "sleep 1000"));
    let mut small = executor_task("other", "default", "sleep 1000");
    small.resources = vec![resource("cpus", 1.0), resource("mem", 32.0)];
    cluster.run(&checkpointing(), small);
    let mut executors = Vec::new();
    for (executor, task) in [("command", "command"), ("default", "other")] {
        let mut stream = cluster.subscribe_when_launched(executor);
        stream.expect(&cluster, event::Type::Launch);
        executors.push(stream);
        cluster.report(executor, task, TaskState::TaskRunning);
        assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    }

    let message = lost_and_found(&mut cluster);

    assert_eq!(message.frameworks.len(), 1);
    let mut told: Vec<(&str, Option<&str>)> = message
        .tasks
        .iter()
        .map(|task| {
            let executor = task.executor_id.as_ref().map(|id| id.value());
            (task.task_id().value(), executor)
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("command", None), ("other", Some("default"))]);
}

/// Mirrors: MasterSlaveReconciliationTest.SlaveReregisterTerminatedExecutor
#[test]
fn agent_tells_the_unacknowledged_end_of_a_task_whose_executor_ended_too() {
    let mut cluster = Cluster::registered();
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("e", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    cluster.report("e", "t", TaskState::TaskFinished);
    let (_, lost) = cluster.master.expect::<StatusUpdateMessage>();
    assert_eq!(lost.update().status().state(), TaskState::TaskFinished);
    cluster.kill_container_of("e");
    cluster.master.expect::<ExitedExecutorMessage>();

    let message = lost_and_found(&mut cluster);

    let [task] = message.tasks.as_slice() else {
        panic!("one task: {:?}", message.tasks)
    };
    assert_eq!(task.state(), TaskState::TaskFinished);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFinished);
}

/// Mirrors: MasterTest.DomainEndpoints
#[test]
fn domain_of_an_agent_is_shown() {
    let cluster = Cluster::registered_with(|flags| {
        let text = br#"{"fault_domain": {"region": {"name": "region-xyz"},
            "zone": {"name": "zone-456"}}}"#;
        let domain = <v1::DomainInfo as mesos_proto_codec::Json>::read_json(
            mesos_proto_codec::Dialect::V0,
            text,
        );
        flags.domain = Some(mesos_common::flags::JsonMessage::new(
            domain.expect("a domain"),
        ));
    });

    let domain = cluster.state()["domain"]["fault_domain"].clone();

    assert_eq!(domain["region"]["name"], "region-xyz");
    assert_eq!(domain["zone"]["name"], "zone-456");
}
