//! Agents that are drained, gone or used again, whatever state they are in.

use std::time::Duration;

use mesos_proto::internal::{
    DrainAgentMessage, RunTaskMessage, ShutdownMessage, StatusUpdateAcknowledgementMessage,
};
use mesos_proto::v1::TaskState;
use serde_json::{Value, json};

use crate::operators::{ok, on_agent, refused};
use crate::support::{Agent, Scheduler, Stage, at, framework, launch, run_one, task};

/// The time after which a disconnected agent is unreachable.
const REREGISTER_TIMEOUT: Duration = Duration::from_secs(600);

fn drain(stage: &Stage, agent: &Agent, more: &Value) {
    let mut call = json!({"agent_id": {"value": agent.id}});
    let more = more.as_object().expect("an object").clone();
    call.as_object_mut().expect("an object").extend(more);
    ok(
        stage,
        &json!({"type": "DRAIN_AGENT", "drain_agent": call}).to_string(),
    );
}

fn reactivate(stage: &Stage, agent: &Agent) {
    ok(stage, &on_agent("REACTIVATE_AGENT", &agent.id));
}

/// The agent as `GET_AGENTS` shows it.
fn shown(stage: &Stage) -> Value {
    stage.settle();
    let answer = stage.call(r#"{"type":"GET_AGENTS"}"#).json();
    assert_eq!(at(&answer, "/get_agents/agents/1"), Value::Null);
    at(&answer, "/get_agents/agents/0")
}

#[track_caller]
fn assert_drained(stage: &Stage) {
    let agent = shown(stage);
    assert_eq!(at(&agent, "/deactivated"), true);
    assert_eq!(at(&agent, "/drain_info/state"), "DRAINED");
}

#[track_caller]
fn assert_disconnected(stage: &Stage) {
    let agent = shown(stage);
    assert_eq!(at(&agent, "/active"), false);
    assert_eq!(at(&agent, "/deactivated"), false);
}

#[track_caller]
fn assert_told_to_drain(agent: &Agent) -> DrainAgentMessage {
    agent.peer.expect()
}

/// Drained with this grace, and since when.
#[track_caller]
fn assert_drained_with_grace(stage: &Stage, nanoseconds: i64) {
    let agent = shown(stage);
    assert_eq!(at(&agent, "/deactivated"), true);
    let config = json!({"max_grace_period": {"nanoseconds": nanoseconds}, "mark_gone": false});
    let info = json!({"state": "DRAINED", "config": config});
    assert_eq!(at(&agent, "/drain_info"), info);
    let start = at(&agent, "/estimated_drain_start_time/nanoseconds").as_i64();
    assert!(start.expect("a time") > 0);
    for path in ["/state", "/state-summary"] {
        let document = stage.get(path);
        assert_eq!(at(&document, "/slaves/0/drain_info"), info, "{path}");
        let start = at(&document, "/slaves/0/estimated_drain_start_time_seconds").as_f64();
        assert!(start.expect("a time") > 0.0, "{path}");
    }
}

/// A master with an agent on which nothing runs.
fn idle() -> (Stage, Agent) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024;disk:1024");
    (stage, agent)
}

/// A master with an agent on which a task runs.
fn busy() -> (Stage, Agent, Scheduler, RunTaskMessage) {
    let (stage, agent) = idle();
    let mut scheduler = stage.subscribe(framework("*"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:0.1;mem:64;disk:64");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    acknowledge(&agent, &mut scheduler, TaskState::TaskRunning);
    (stage, agent, scheduler, run)
}

/// The framework hears of a state and the agent hears that it did.
#[track_caller]
fn acknowledge(agent: &Agent, scheduler: &mut Scheduler, state: TaskState) {
    let status = scheduler.update();
    assert_eq!(status.state(), state);
    scheduler.acknowledge(&status);
    let acknowledged: StatusUpdateAcknowledgementMessage = agent.peer.expect();
    assert_eq!(acknowledged.uuid, status.uuid);
}

#[track_caller]
fn assert_offered(stage: &Stage, agent: &Agent, scheduler: &mut Scheduler) {
    stage.settle();
    stage.advance(Duration::from_secs(1));
    let offers = scheduler.offers();
    let ids: Vec<_> = offers.iter().map(|offer| offer.agent_id()).collect();
    assert_eq!(ids, [&agent.proto_id()]);
}

/// Mirrors: MasterAlreadyDrainedTest.DrainAgent
#[test]
fn agent_without_tasks_is_drained_at_once() {
    let (stage, agent) = idle();

    drain(
        &stage,
        &agent,
        &json!({"max_grace_period": {"seconds": 10}}),
    );

    let told = assert_told_to_drain(&agent);
    let grace = told.config().max_grace_period().nanoseconds();
    assert_eq!(grace, 10_000_000_000);
    assert_drained_with_grace(&stage, 10_000_000_000);
}

/// Mirrors: MasterAlreadyDrainedTest.ReactivateDisconnectedAgent
#[test]
fn agent_reactivated_while_away_is_offered_when_it_is_back() {
    let (stage, mut agent) = idle();
    drain(
        &stage,
        &agent,
        &json!({"max_grace_period": {"seconds": 10}}),
    );
    assert_told_to_drain(&agent);
    assert_drained(&stage);
    agent.peer.disappear();
    stage.settle();
    let mut scheduler = stage.subscribe(framework("*"));

    reactivate(&stage, &agent);
    stage.advance(Duration::from_secs(1));
    let offered_while_away = stage.metric("master/outstanding_offers");
    agent.come_back(&stage, &[]);
    stage.advance(Duration::from_secs(1));
    let offer = scheduler.offers()[0].clone();
    let wanted = task("t", &offer, "cpus:2;mem:1024;disk:1024");
    scheduler.accept(&offer, vec![launch(vec![wanted])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);

    assert!(offered_while_away.abs() < 1e-9);
    assert_eq!(offer.agent_id(), &agent.proto_id());
    acknowledge(&agent, &mut scheduler, TaskState::TaskRunning);
}

/// Mirrors: MasterAlreadyDrainedTest.DrainAgentMarkGone
#[test]
fn agent_without_tasks_is_gone_at_once() {
    let (stage, agent) = idle();

    drain(&stage, &agent, &json!({"mark_gone": true}));

    let shutdown: ShutdownMessage = agent.peer.expect();
    assert_eq!(shutdown.message(), "Agent has been marked gone");
}

/// Mirrors: MasterAlreadyDrainedTest.DrainAgentDisconnected
#[test]
fn idle_agent_that_is_away_drains_when_it_is_back() {
    let (stage, mut agent) = idle();
    agent.peer.disappear();
    assert_disconnected(&stage);

    drain(&stage, &agent, &json!({}));
    agent.come_back(&stage, &[]);

    assert_told_to_drain(&agent);
    assert_drained(&stage);
}

/// Mirrors: MasterAlreadyDrainedTest.DrainAgentUnreachable
#[test]
fn idle_agent_that_is_unreachable_drains_when_it_is_back() {
    let (stage, mut agent) = idle();
    agent.peer.disappear();
    stage.settle();
    stage.advance(REREGISTER_TIMEOUT);
    assert!((stage.metric("master/slaves_unreachable") - 1.0).abs() < 1e-9);

    drain(&stage, &agent, &json!({}));
    agent.come_back(&stage, &[]);

    assert_told_to_drain(&agent);
    assert_drained(&stage);
}

/// Mirrors: MasterDrainingTest.DrainAgent
#[test]
fn agent_is_drained_once_its_task_is_acknowledged_and_can_be_used_again() {
    let (stage, agent, mut scheduler, run) = busy();

    drain(&stage, &agent, &json!({"max_grace_period": {"seconds": 0}}));
    assert_told_to_drain(&agent);
    assert_eq!(shown(&stage)["drain_info"]["state"], "DRAINING");
    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    acknowledge(&agent, &mut scheduler, TaskState::TaskKilled);

    assert_drained_with_grace(&stage, 0);
    reactivate(&stage, &agent);
    assert_offered(&stage, &agent, &mut scheduler);
}

/// Mirrors: MasterDrainingTest.DrainAgentMarkGone
#[test]
fn agent_is_gone_once_its_task_is_acknowledged() {
    let (stage, agent, mut scheduler, run) = busy();

    drain(&stage, &agent, &json!({"mark_gone": true}));
    let told = assert_told_to_drain(&agent);
    agent.update(&stage, &run, TaskState::TaskGoneByOperator, 2);
    acknowledge(&agent, &mut scheduler, TaskState::TaskGoneByOperator);

    assert!(told.config().mark_gone());
    let shutdown: ShutdownMessage = agent.peer.expect();
    assert_eq!(shutdown.message(), "Agent has been marked gone");
}

/// Mirrors: MasterDrainingTest.DrainAgentDisconnected
#[test]
fn busy_agent_that_is_away_drains_when_it_is_back() {
    let (stage, mut agent, mut scheduler, run) = busy();
    agent.peer.disappear();
    assert_disconnected(&stage);

    drain(&stage, &agent, &json!({}));
    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);
    assert_told_to_drain(&agent);
    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    acknowledge(&agent, &mut scheduler, TaskState::TaskKilled);

    assert_drained(&stage);
    reactivate(&stage, &agent);
    assert_offered(&stage, &agent, &mut scheduler);
}

/// Mirrors: MasterDrainingTest.DrainAgentUnreachable
#[test]
fn busy_agent_that_is_unreachable_drains_when_it_is_back() {
    let (stage, mut agent, mut scheduler, run) = busy();
    agent.peer.disappear();
    stage.settle();
    stage.advance(REREGISTER_TIMEOUT);
    assert_eq!(scheduler.update().state(), TaskState::TaskUnreachable);

    drain(&stage, &agent, &json!({}));
    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);
    assert_told_to_drain(&agent);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    acknowledge(&agent, &mut scheduler, TaskState::TaskKilled);

    assert_drained(&stage);
    reactivate(&stage, &agent);
    assert_offered(&stage, &agent, &mut scheduler);
}

/// Mirrors: MasterDrainingTest2.DisallowReactivationWhileDraining
#[test]
fn agent_that_drains_cannot_be_used_yet() {
    let (stage, agent, _scheduler, _run) = busy();

    drain(&stage, &agent, &json!({}));

    assert_eq!(shown(&stage)["drain_info"]["state"], "DRAINING");
    refused(
        &stage,
        &on_agent("REACTIVATE_AGENT", &agent.id),
        400,
        "Agent is still in the DRAINING state",
    );
}

/// What an operator asked of an agent is in the registry.
#[test]
fn next_master_goes_on_draining() {
    let (mut stage, mut agent, mut scheduler, run) = busy();
    drain(&stage, &agent, &json!({"max_grace_period": {"seconds": 3}}));
    assert_told_to_drain(&agent);

    stage.fail_over(|_| {});
    let mut info = framework("*");
    info.id = Some(scheduler.id.clone());
    scheduler = stage.subscribe(info);
    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);
    let told = assert_told_to_drain(&agent);
    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    acknowledge(&agent, &mut scheduler, TaskState::TaskKilled);

    assert_eq!(
        told.config().max_grace_period().nanoseconds(),
        3_000_000_000
    );
    let agent_shown = shown(&stage);
    assert_eq!(at(&agent_shown, "/drain_info/state"), "DRAINED");
    // Since when is not stored: the recorded master did not know it either.
    assert!(agent_shown.pointer("/estimated_drain_start_time").is_none());
    reactivate(&stage, &agent);
    assert_offered(&stage, &agent, &mut scheduler);
}

#[test]
fn next_master_keeps_a_deactivated_agent_out_of_offers() {
    let (mut stage, mut agent) = idle();
    ok(&stage, &on_agent("DEACTIVATE_AGENT", &agent.id));

    stage.fail_over(|_| {});
    agent.come_back(&stage, &[]);
    let mut scheduler = stage.subscribe(framework("*"));
    stage.advance(Duration::from_secs(1));
    let before = stage.metric("master/outstanding_offers");
    reactivate(&stage, &agent);

    assert!(before.abs() < 1e-9);
    assert_offered(&stage, &agent, &mut scheduler);
}
