//! Agents that register again and say what they run.

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, ReregisterAgentMessage, RunTaskMessage,
    StatusUpdate, StatusUpdateMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::framework_info::capability::Type as Capability;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::task_status::{Reason, Source};
use serde_json::json;

use crate::support::{
    Agent, Peer, Scheduler, Stage, agent_capabilities, agent_info, from_json, mine, run_one,
    uuid_message,
};

fn staged(info: v1::FrameworkInfo) -> (Stage, Agent, Scheduler, RunTaskMessage) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(info);
    let run = run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");
    (stage, agent, scheduler, run)
}

fn reregister(stage: &Stage, agent: &Agent, tasks: Vec<v1::Task>) -> AgentReregisteredMessage {
    let mut message = agent.reregistration_storing(&Resources::new());
    message.tasks = tasks;
    let scheduler_known = stage.get("/frameworks");
    for framework in scheduler_known["frameworks"].as_array().expect("a list") {
        let mut info = mine("role");
        info.id = Some(from_json(&json!({"value": framework["id"]})));
        message.frameworks.push(info);
    }
    stage.send(&agent.peer, &message);
    agent.peer.expect()
}

/// A task that never reached its agent: the agent is asked and answers.
fn lost_on_the_way(info: v1::FrameworkInfo, state: TaskState, key: &str, other: &str) {
    let (stage, agent, mut scheduler, run) = staged(info);

    let back = reregister(&stage, &agent, vec![]);

    let asked = &back.reconciliations[0];
    assert_eq!(asked.framework_id(), &scheduler.id);
    assert_eq!(asked.statuses[0].task_id(), run.task().task_id());
    assert!(!scheduler.heard_before_answer(event::Type::Update));
    let status = v1::TaskStatus {
        task_id: run.task().task_id.clone(),
        state: Some(state.into()),
        source: Some(Source::SourceAgent.into()),
        reason: Some(Reason::ReasonReconciliation.into()),
        agent_id: Some(agent.proto_id()),
        uuid: uuid_message(1).value,
        ..Default::default()
    };
    let update = StatusUpdate {
        framework_id: Some(scheduler.id.clone()),
        agent_id: Some(agent.proto_id()),
        status: Some(status.into()),
        timestamp: Some(1.0),
        uuid: uuid_message(1).value,
        latest_state: Some(state.into()),
        ..Default::default()
    };
    let message = StatusUpdateMessage {
        update: Some(update.into()),
        pid: Some(agent.peer.upid().to_string()),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);
    let status = scheduler.update();
    assert_eq!(status.state(), state);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
    let counted = |name: &str| stage.metric(name);
    assert!((counted(&format!("master/tasks_{key}")) - 1.0).abs() < 1e-9);
    assert!(counted(&format!("master/tasks_{other}")).abs() < 1e-9);
    let by_reason = format!("master/task_{key}/source_slave/reason_reconciliation");
    assert!((counted(&by_reason) - 1.0).abs() < 1e-9);
}

/// Mirrors: MasterSlaveReconciliationTest.ReconcileLostTask
#[test]
fn task_that_never_reached_its_agent_is_lost() {
    let mut info = mine("role");
    info.capabilities
        .retain(|one| one.r#type() != Capability::PartitionAware);

    lost_on_the_way(info, TaskState::TaskLost, "lost", "dropped");
}

/// Mirrors: MasterSlaveReconciliationTest.ReconcileDroppedTask
#[test]
fn task_that_never_reached_its_agent_is_dropped() {
    lost_on_the_way(mine("role"), TaskState::TaskDropped, "dropped", "lost");
}

/// Mirrors: MasterSlaveReconciliationTest.ReconcileRace
#[test]
fn task_that_crossed_a_reregistration_runs_on() {
    let (stage, agent, mut scheduler, run) = staged(mine("role"));

    reregister(&stage, &agent, vec![]);

    assert!(!scheduler.heard_before_answer(event::Type::Update));
    agent.update(&stage, &run, TaskState::TaskFinished, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskFinished);
}

/// Mirrors: MasterSlaveReconciliationTest.SlaveReregisterPendingTask
#[test]
fn task_that_an_agent_still_prepares_is_not_lost() {
    let (stage, agent, mut scheduler, run) = staged(mine("role"));
    let mut pending = agent.running(&run);
    pending.state = Some(TaskState::TaskStaging.into());

    let back = reregister(&stage, &agent, vec![pending]);

    assert!(back.reconciliations.is_empty());
    assert!(!scheduler.heard_before_answer(event::Type::Update));
}

/// Mirrors: MasterSlaveReconciliationTest.SlaveReregisterTerminalTask
#[test]
fn task_that_ended_unheard_is_not_lost() {
    let (stage, agent, mut scheduler, run) = staged(mine("role"));
    let mut ended = agent.running(&run);
    ended.state = Some(TaskState::TaskFinished.into());

    let back = reregister(&stage, &agent, vec![ended]);

    assert!(back.reconciliations.is_empty());
    assert!(!scheduler.heard_before_answer(event::Type::Update));
    agent.update(&stage, &run, TaskState::TaskFinished, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskFinished);
}

/// Mirrors: RegisterSlaveValidationTest.DropInvalidReregistration
#[test]
fn reregistration_with_a_task_of_nobody_is_dropped() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut message = agent.reregistration_storing(&Resources::new());
    message.tasks.push(from_json(&json!({
        "name": "x",
        "agent_id": {"value": "other"},
        "task_id": {"value": "t"},
        "framework_id": {"value": "f"},
        "executor_id": {"value": "e"},
        "state": "TASK_RUNNING",
    })));

    stage.send(&agent.peer, &message);

    assert!(!agent.peer.has::<AgentReregisteredMessage>());
}

/// Mirrors: RegisterSlaveValidationTest.DropInvalidRegistration
#[test]
fn registration_with_a_path_for_an_id_is_dropped() {
    let stage = Stage::start();
    let peer = Peer::start(&stage.runtime, "slave");
    let mut info = agent_info("cpus:2;mem:1024");
    info.id = Some(from_json(&json!({"value": "a/../b/../c"})));
    let message = ReregisterAgentMessage {
        agent: Some(info.clone().into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        ..Default::default()
    };
    let registration = mesos_proto::internal::RegisterAgentMessage {
        agent: Some(info.into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        ..Default::default()
    };

    stage.send(&peer, &registration);
    stage.send(&peer, &message);

    assert!(!peer.has::<AgentRegisteredMessage>());
    assert!(!peer.has::<AgentReregisteredMessage>());
}
