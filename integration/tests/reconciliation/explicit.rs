//! Reconciliation that names tasks: each gets an answer, whatever the framework believes.

use mesos_integration::fake_scheduler::FakeScheduler;
use mesos_integration::stage::{Stage, partition_aware, plain};
use serde_json::{Value, json};

fn ask(scheduler: &mut FakeScheduler, task: &str, agent: Option<&str>) -> Value {
    let mut named = json!({"task_id": {"value": task}});
    if let (Some(agent), Some(named)) = (agent, named.as_object_mut()) {
        named.insert("agent_id".to_owned(), json!({"value": agent}));
    }
    scheduler
        .call("RECONCILE", json!({"reconcile": {"tasks": [named]}}))
        .expect("it is accepted");
    scheduler.wait_for_update().expect("an answer comes")
}

/// Mirrors: ReconciliationTest.TaskStateMismatch, ReconciliationTest.TaskStateMatch
/// Mirrors: SchedulerTest.ReconcileTask
#[test]
fn known_task_is_answered_with_its_state() {
    let mut stage = Stage::start().unwrap();
    stage.run("t1").unwrap();
    let agent = stage.agent.agent_id.clone();

    let status = ask(&mut stage.scheduler, "t1", Some(&agent));

    assert_eq!(status["state"], "TASK_RUNNING");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
    assert_eq!(status["source"], "SOURCE_MASTER");
    assert_eq!(status.get("uuid"), None);
}

/// Mirrors: ReconciliationTest.UnknownSlave
#[test]
fn task_of_an_unknown_agent_is_unknown() {
    let mut stage = Stage::start().unwrap();

    let status = ask(&mut stage.scheduler, "nobody", Some("no-agent"));

    assert_eq!(status["state"], "TASK_UNKNOWN");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
    assert_eq!(status.get("unreachable_time"), None);
}

/// Mirrors: ReconciliationTest.UnknownTask
#[test]
fn unknown_task_of_a_known_agent_is_lost_to_those_who_see_no_partitions() {
    let mut stage = Stage::start_with(&[], &plain()).unwrap();
    let agent = stage.agent.agent_id.clone();

    let status = ask(&mut stage.scheduler, "nobody", Some(&agent));

    assert_eq!(status["state"], "TASK_LOST");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
    assert_eq!(status.get("unreachable_time"), None);
}

/// Mirrors: ReconciliationTest.UnknownTaskPartitionAware
#[test]
fn unknown_task_of_a_known_agent_is_gone_to_those_who_see_partitions() {
    let mut stage = Stage::start_with(&[], &partition_aware()).unwrap();
    let agent = stage.agent.agent_id.clone();

    let status = ask(&mut stage.scheduler, "nobody", Some(&agent));

    assert_eq!(status["state"], "TASK_GONE");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
}

/// Mirrors: ReconciliationTest.UnknownKillTask, MasterTest.KillUnknownTask
#[test]
fn kill_of_an_unknown_task_is_answered_as_reconciliation() {
    let mut stage = Stage::start_with(&[], &plain()).unwrap();

    stage.scheduler.kill("nobody").unwrap();
    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_LOST");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
    assert_eq!(status.pointer("/task_id/value"), Some(&json!("nobody")));
}
