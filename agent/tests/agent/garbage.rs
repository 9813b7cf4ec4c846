//! What has ended is removed some time later.

use std::time::Duration;

use libprocess::http::client::ClientRequest;
use mesos_proto::{
    internal::ShutdownFrameworkMessage,
    v1::{TaskState, executor::event},
};

use crate::harness::{
    AGENT_ID, Cluster, FRAMEWORK_ID, checkpointing, command_task, executor_task, framework_id,
    run_dir,
};

fn impatient() -> Cluster {
    Cluster::registered_with(|flags| flags.gc_delay = Duration::from_millis(300))
}

/// Mirrors: GarbageCollectorIntegrationTest.ExitedExecutor
#[test]
fn sandbox_of_an_executor_that_ended_is_removed() {
    let mut cluster = impatient();
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);
    // Another executor keeps the framework.
    cluster.run(&checkpointing(), executor_task("t2", "e2", "sleep 1000"));
    cluster.wait_for_executor("e2");
    let work = cluster.place.work_dir();
    let sandbox = run_dir(&work, "e").canonicalize().expect("a sandbox");

    cluster.kill_container_of("e");
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFailed);

    cluster.wait_for_state(|_| !sandbox.is_dir());
    let executors = format!("slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors");
    cluster.wait_for_state(|_| !work.join("meta").join(&executors).join("e").is_dir());
    assert!(work.join(&executors).join("e2").is_dir());
    // It is counted once it is gone.
    cluster.wait_for_state(|_| cluster.metric("gc/path_removals_succeeded") >= 1.0);
}

/// Mirrors: GarbageCollectorIntegrationTest.ExitedFramework
#[test]
fn directories_of_a_framework_that_ended_are_removed() {
    let cluster = impatient();
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("t");
    executor.expect(&cluster, event::Type::Launch);
    let work = cluster.place.work_dir();
    let framework = format!("slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}");
    assert!(work.join("meta").join(&framework).is_dir());

    cluster.master.send(
        &cluster.pid(),
        &ShutdownFrameworkMessage {
            framework_id: Some(framework_id()),
            ..Default::default()
        },
    );

    cluster.wait_for_state(|_| {
        !work.join(&framework).is_dir() && !work.join("meta").join(&framework).is_dir()
    });
}

/// Mirrors: GarbageCollectorIntegrationTest.Unschedule
#[test]
fn framework_that_comes_back_keeps_its_directory() {
    let mut cluster = Cluster::registered_with(|flags| flags.gc_delay = Duration::from_secs(3600));
    cluster.run(&checkpointing(), command_task("one", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("one");
    executor.expect(&cluster, event::Type::Launch);
    cluster.kill_container_of("one");
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFailed);
    cluster.wait_for_state(|state| state["frameworks"].as_array().is_some_and(Vec::is_empty));
    let before = cluster.metric("gc/path_removals_pending");

    cluster.run(&checkpointing(), command_task("two", "sleep 1000"));
    cluster.wait_for_executor("two");

    // The directories of the framework are kept, those of its first executor are not.
    cluster.check_metric("gc/path_removals_pending", before - 2.0);
    let state = cluster.state();
    assert_eq!(
        state["frameworks"][0]["completed_executors"][0]["id"],
        "one"
    );
}

/// Mirrors: GarbageCollectorIntegrationTest.DiskUsage
#[test]
fn full_disk_makes_the_sandbox_go_at_once() {
    // As if the disk were full to the headroom.
    let mut cluster = Cluster::registered_with(|flags| {
        flags.gc_delay = Duration::from_secs(3600);
        flags.gc_disk_headroom = 1.0;
        flags.disk_watch_interval = Duration::from_millis(200);
    });
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);
    let sandbox = run_dir(&cluster.place.work_dir(), "e")
        .canonicalize()
        .expect("a sandbox");
    let browse = || ClientRequest::get(format!("/files/browse?path={}", sandbox.display()));
    assert_eq!(cluster.ask(browse()).0, 200);

    cluster.kill_container_of("e");
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFailed);

    cluster.wait_for_state(|_| !sandbox.is_dir());
    cluster.wait_for_state(|_| cluster.ask(browse()).0 == 404);
}

/// A task mounts a volume in its sandbox and leaves it there.
///
/// Mirrors: GarbageCollectorIntegrationTest.ROOT_DanglingMount
#[test]
fn needs_root_volume_that_a_task_left_mounted_survives_its_sandbox() {
    let mut cluster = impatient();
    let volume = cluster.place.work_dir().join("volumes/roles/role/id");
    std::fs::create_dir_all(&volume).expect("created");
    let end = cluster.place.directory.path().join("end");
    cluster.place.command_executor(&format!(
        "touch {0}/foo.txt; mkdir dangling; mount --bind {0} dangling\n\
         while [ ! -e {1} ]; do sleep 0.1; done",
        volume.display(),
        end.display()
    ));
    cluster.run(&checkpointing(), command_task("t", "exit 0"));
    cluster.wait_for_executor("t");
    let sandbox = run_dir(&cluster.place.work_dir(), "t");
    cluster.wait_for_state(|_| sandbox.join("dangling/foo.txt").is_file());
    let sandbox = sandbox.canonicalize().expect("a sandbox");

    std::fs::write(end, "").expect("written");
    assert_eq!(cluster.expect_update().state(), TaskState::TaskFailed);

    let gone = |name| cluster.metric(&format!("gc/path_removals_{name}"));
    cluster.wait_for_state(|_| !sandbox.is_dir() && gone("succeeded") > 0.0);
    assert!(gone("failed").abs() < 1e-9);
    assert!(volume.join("foo.txt").is_file());
}

/// Mirrors: GarbageCollectorIntegrationTest.Restart
#[test]
fn directories_of_a_former_agent_are_removed() {
    let mut cluster = impatient();
    let work = cluster.place.work_dir();
    let former = work.join("slaves/former-S0");
    std::fs::create_dir_all(former.join("frameworks")).expect("created");
    std::fs::create_dir_all(work.join("meta/slaves/former-S0")).expect("created");

    cluster.restart();
    cluster.reregister();

    cluster.wait_for_state(|_| !former.is_dir() && !work.join("meta/slaves/former-S0").is_dir());
    assert!(work.join(format!("meta/slaves/{AGENT_ID}")).is_dir());
}
