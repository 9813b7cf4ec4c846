//! An agent that leaves pings unanswered becomes unreachable.

use mesos_integration::http_client::get_json;
use mesos_integration::stage::{Stage, partition_aware, plain};
use serde_json::{Value, json};

const QUICK: [&str; 2] = ["--agent_ping_timeout=2secs", "--max_agent_ping_timeouts=1"];

/// Runs a task and then leaves every ping unanswered; returns the next update.
fn fall_silent(stage: &mut Stage) -> Value {
    stage.run("t1").expect("the task runs");
    stage.agent.fall_silent();
    let event = stage.scheduler.wait_for("UPDATE").expect("an update comes");
    event.pointer("/update/status").cloned().unwrap_or_default()
}

/// Mirrors: PartitionTest.PartitionedSlave
#[test]
fn silent_agent_is_a_failure_to_frameworks_and_leaves_the_list() {
    let mut stage = Stage::start_with(&QUICK, &partition_aware()).unwrap();

    stage.agent.fall_silent();
    let failure = stage.scheduler.wait_for("FAILURE").unwrap();

    assert_eq!(
        failure.pointer("/failure/agent_id/value"),
        Some(&json!(stage.agent.agent_id))
    );
    let metrics = get_json(stage.cluster.master.address, "/metrics/snapshot").unwrap();
    assert_eq!(metrics["master/slave_unreachable_completed"], 1.0);
    assert_eq!(metrics["master/slave_removals"].as_f64(), Some(1.0));
    let state = get_json(stage.cluster.master.address, "/master/state").unwrap();
    assert_eq!(state["unreachable_slaves"].as_f64(), Some(1.0));
    assert_eq!(state["slaves"], json!([]));
}

#[test]
fn tasks_of_a_silent_agent_are_unreachable_to_those_who_see_partitions() {
    let mut stage = Stage::start_with(&QUICK, &partition_aware()).unwrap();

    let status = fall_silent(&mut stage);

    assert_eq!(status["state"], "TASK_UNREACHABLE");
    assert_eq!(status["reason"], "REASON_AGENT_REMOVED");
    assert_eq!(status["source"], "SOURCE_MASTER");
    assert!(
        status.pointer("/unreachable_time/nanoseconds").is_some(),
        "{status}"
    );
}

#[test]
fn tasks_of_a_silent_agent_are_lost_to_others() {
    let mut stage = Stage::start_with(&QUICK, &plain()).unwrap();

    let status = fall_silent(&mut stage);

    assert_eq!(status["state"], "TASK_LOST");
    assert_eq!(status["reason"], "REASON_AGENT_REMOVED");
}
