//! Reconciliation that names no task: the state of every task that has not ended.

use mesos_integration::stage::Stage;
use serde_json::{Value, json};

/// Asks for all tasks and returns the states of the answers, up to an answer for a made-up task.
fn ask(stage: &mut Stage) -> Vec<Value> {
    let all = json!({"reconcile": {}});
    let end = json!({"reconcile": {"tasks": [{"task_id": {"value": "end"}}]}});
    for body in [all, end] {
        stage
            .scheduler
            .call("RECONCILE", body)
            .expect("it is accepted");
    }
    let mut statuses = Vec::new();
    loop {
        let event = stage.scheduler.wait_for("UPDATE").expect("an answer comes");
        let status = event.pointer("/update/status").cloned().unwrap_or_default();
        if status.pointer("/task_id/value") == Some(&json!("end")) {
            return statuses;
        }
        statuses.push(status);
    }
}

/// Mirrors: ReconciliationTest.ImplicitNonTerminalTask
#[test]
fn running_task_is_reported() {
    let mut stage = Stage::start().unwrap();
    stage.run("t1").unwrap();

    let statuses = ask(&mut stage);

    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0]["state"], "TASK_RUNNING");
    assert_eq!(statuses[0]["reason"], "REASON_RECONCILIATION");
}

/// Mirrors: ReconciliationTest.ImplicitTerminalTask
#[test]
fn task_that_ended_and_was_acknowledged_is_not_reported() {
    let mut stage = Stage::start().unwrap();
    let run = stage.run("t1").unwrap();
    stage.agent.update(&run, "TASK_FINISHED").unwrap();
    stage
        .scheduler
        .wait_for_state("t1", "TASK_FINISHED")
        .unwrap();
    for _ in 0..2 {
        stage
            .agent
            .wait_for("mesos.internal.StatusUpdateAcknowledgementMessage")
            .unwrap();
    }

    let statuses = ask(&mut stage);

    assert_eq!(statuses, Vec::<Value>::new());
}

/// Mirrors: ReconciliationTest.UnacknowledgedTerminalTask
#[test]
fn task_that_ended_is_reported_until_it_is_acknowledged() {
    let mut stage = Stage::start().unwrap();
    let run = stage.launch("t1").unwrap();
    stage.agent.update(&run, "TASK_FINISHED").unwrap();
    stage.scheduler.wait_for("UPDATE").unwrap();

    let statuses = ask(&mut stage);

    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0]["state"], "TASK_FINISHED");
    assert_eq!(statuses[0]["reason"], "REASON_RECONCILIATION");
}
