//! Agents that do not come back as what they were, and the tasks that end with that.

use std::fs;

use mesos_integration::fake_scheduler::command_task;
use mesos_integration::http_client::get_json;
use rustix::process::Signal;
use serde_json::Value;

use crate::scene::{Scene, framework};

/// Mirrors: SlaveRecoveryTest.CleanupExecutor
#[test]
fn agent_that_cleans_up_ends_its_executors_and_itself() {
    let pings = ["--agent_ping_timeout=3secs", "--max_agent_ping_timeouts=1"];
    let mut scene = Scene::start_with(&pings, &[]);
    scene.run_on_all();

    scene.lose_agent();
    let ended = scene
        .cluster
        .run_agent_to_its_end(0, &["--recover=cleanup"])
        .unwrap();
    let status = scene.wait_for("TASK_LOST");

    assert!(ended.success(), "{ended}\n{}", scene.cluster.logs());
    assert_eq!(scene.workers(), []);
    assert_eq!(status["source"], "SOURCE_MASTER");
    assert_eq!(status["reason"], "REASON_AGENT_REMOVED");
    let is_offer = |event: &&Value| event["type"] == "OFFERS";
    assert_eq!(scene.scheduler.events.iter().filter(is_offer).count(), 1);
}

/// Mirrors: SlaveRecoveryTest.RegisterDisconnectedSlave
#[test]
fn agent_that_cannot_recover_registers_anew_and_its_tasks_are_lost() {
    let mut scene = Scene::running();

    scene.lose_agent();
    let meta = scene.cluster.agent_work_dir(0).join("meta/slaves");
    fs::remove_dir_all(meta).unwrap();
    scene.bring_back();

    let status = scene.wait_for("TASK_LOST");
    assert_eq!(status["source"], "SOURCE_MASTER");
    assert_eq!(status["reason"], "REASON_AGENT_REMOVED");
    let metrics = scene.metrics();
    for (name, wanted) in [
        ("master/tasks_lost", 1.0),
        ("master/tasks_unreachable", 0.0),
        ("master/slave_unreachable_scheduled", 0.0),
        ("master/slave_unreachable_completed", 0.0),
        ("master/slave_removals", 1.0),
        ("master/slave_removals/reason_registered", 1.0),
    ] {
        assert_eq!(metrics[name].as_f64(), Some(wanted), "{name}");
    }
    // Nobody waits for the task any more: its container is an orphan.
    scene.await_no_workers();
}

/// Mirrors: SlaveRecoveryTest.RemoveNonCheckpointingFramework
#[test]
fn tasks_without_a_checkpoint_are_lost_with_the_connection() {
    let mut info = framework();
    info["checkpoint"] = false.into();
    let mut scene = Scene::start_as(&[], &[], &info);
    let tasks = ["a", "b"].map(|id| command_task(id, "sleep 1000", &scene.offer));
    scene.scheduler.launch(&scene.offer, &tasks).unwrap();
    let mut running = 0;
    while running < 2 {
        let status = scene.scheduler.wait_for_update().unwrap();
        running += i32::from(status["state"] == "TASK_RUNNING");
    }

    scene.lose_agent();

    for _ in ["a", "b"] {
        let status = scene.scheduler.wait_for_update().unwrap();
        assert_eq!(status["state"], "TASK_LOST");
        assert_eq!(status["source"], "SOURCE_MASTER");
        assert_eq!(status["reason"], "REASON_AGENT_DISCONNECTED");
    }
}

/// Mirrors: SlaveRecoveryTest.ShutdownSlaveSIGUSR1
#[test]
fn agent_that_is_told_to_end_takes_its_tasks_along() {
    let mut scene = Scene::running();
    let id = scene.agent_id();

    scene.cluster.agents[0].signal(Signal::USR1).unwrap();
    let status = scene.wait_for("TASK_LOST");
    let failure = scene.scheduler.wait_for("FAILURE").unwrap();
    let ended = scene.cluster.agents[0].wait().unwrap();

    assert_eq!(status["source"], "SOURCE_MASTER");
    assert_eq!(status["reason"], "REASON_AGENT_REMOVED");
    assert_eq!(failure["failure"]["agent_id"]["value"], id);
    assert!(ended.success(), "{ended}");
    assert_eq!(scene.workers(), []);
    let unregistered = &scene.metrics()["master/slave_removals/reason_unregistered"];
    assert_eq!(unregistered.as_f64(), Some(1.0));
}

/// Mirrors: SlaveRecoveryTest.ShutdownSlave
#[test]
fn agent_that_was_told_to_end_comes_back_as_the_same() {
    let mut scene = Scene::running();
    let id = scene.agent_id();
    scene.scheduler.kill("t").unwrap();
    scene.wait_for("TASK_KILLED");
    scene.wait_for_the_same_offer();

    scene.cluster.agents[0].signal(Signal::USR1).unwrap();
    scene.cluster.agents[0].wait().unwrap();
    scene.bring_back();

    let again = scene.scheduler.wait_for_offer().unwrap();
    assert_eq!(again["agent_id"]["value"], id);
    assert_eq!(
        crate::scene::amounts(&again),
        crate::scene::amounts(&scene.offer)
    );
    let state = get_json(scene.cluster.master.address, "/master/state").unwrap();
    assert_eq!(state["slaves"][0]["id"], id);
}
