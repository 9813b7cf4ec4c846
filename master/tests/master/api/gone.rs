//! Agents that are marked gone, and what becomes of what was theirs.

use mesos_common::resources::Resources;
use mesos_proto::internal::{ApplyOperationMessage, ShutdownMessage};
use mesos_proto::v1;
use mesos_proto::v1::master::Call;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{OperationState, TaskState};
use serde_json::json;

use crate::support::api::{Form, in_both_forms, with};
use crate::support::operations::{named, provided, reserve, reserved};
use crate::support::{ALICE, Agent, Driver, Scheduler, Stage, from_json, mine, provider, ruled};

fn mark_gone(agent: &Agent) -> Call {
    with(
        Type::MarkAgentGone,
        &json!({"agent_id": {"value": agent.id}}),
    )
}

/// Mirrors: MasterAPITest.MarkRegisteredAgentGone
#[test]
fn agent_that_is_gone_is_shut_down_whenever_it_comes() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let agent = stage.agent("cpus:4;mem:1024");

        stage.told(form, None, &mark_gone(&agent), 200);

        let _shutdown: ShutdownMessage = agent.peer.expect();
        stage.send(&agent.peer, &agent.reregistration(&[]));
        let again: ShutdownMessage = agent.peer.expect();
        assert_eq!(again.message(), "Agent has been marked gone");
    });
}

/// Mirrors: MasterAPITest.MarkRegisteredAgentGoneUnauthorized
#[test]
fn who_may_not_mark_an_agent_gone_is_refused() {
    in_both_forms(|form| {
        let (stage, _file) = ruled(&json!({"mark_agents_gone": [
            {"principals": {"values": ["alice"]}, "agents": {"type": "NONE"}}]}));
        let agent = stage.agent("cpus:4;mem:1024");

        stage.told(form, Some(ALICE), &mark_gone(&agent), 403);

        assert!(!agent.peer.has::<ShutdownMessage>());
    });
}

/// Launches a task on the first offer that a driver gets.
fn run_by_driver(stage: &Stage, driver: &Driver, agent: &Agent) {
    let offers = driver.offers();
    let task = crate::support::task("t", &offers[0], "cpus:1;mem:32");
    let accept = v1::scheduler::call::Accept {
        offer_ids: vec![offers[0].id().clone()],
        operations: vec![crate::support::launch(vec![task])],
        ..Default::default()
    };
    driver.call(
        stage,
        mesos_proto::v0::scheduler::Call {
            r#type: Some(v1::scheduler::call::Type::Accept.into()),
            accept: Some(accept.into()),
            ..Default::default()
        },
    );
    let run = agent.peer.expect();
    agent.update(stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(driver.status().state(), TaskState::TaskRunning);
}

fn ask_about(stage: &Stage, driver: &Driver, task: &str, agent: &Agent) {
    let reconcile = json!({"tasks": [
        {"task_id": {"value": task}, "agent_id": {"value": agent.id}}]});
    driver.call(
        stage,
        mesos_proto::v0::scheduler::Call {
            r#type: Some(v1::scheduler::call::Type::Reconcile.into()),
            reconcile: Some(from_json(&reconcile)),
            ..Default::default()
        },
    );
}

/// Mirrors: MasterAPITest.TaskUpdatesUponAgentGone
#[test]
fn tasks_of_an_agent_that_is_gone_are_gone_too() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let agent = stage.agent("cpus:4;mem:1024");
        let driver = Driver::subscribe(&stage, mine("role"));
        run_by_driver(&stage, &driver, &agent);

        stage.told(form, None, &mark_gone(&agent), 200);

        let status = driver.status();
        assert_eq!(status.state(), TaskState::TaskGoneByOperator);
        assert_eq!(status.reason(), Reason::ReasonAgentRemovedByOperator);
        ask_about(&stage, &driver, "dummy-task", &agent);
        assert_eq!(driver.status().state(), TaskState::TaskGoneByOperator);
    });
}

/// Mirrors: MasterAPITest.UnreachableAgentMarkedGone
#[test]
fn tasks_of_an_unreachable_agent_are_completed_when_it_is_gone() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let agent = stage.agent("cpus:4;mem:1024");
        let mut scheduler = stage.subscribe(mine("role"));
        let run = crate::support::run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
        agent.update(&stage, &run, TaskState::TaskRunning, 1);
        let status = scheduler.update();
        scheduler.acknowledge(&status);
        stage.lose_agents();
        assert_eq!(scheduler.update().state(), TaskState::TaskUnreachable);

        stage.told(form, None, &mark_gone(&agent), 200);

        assert_eq!(scheduler.update().state(), TaskState::TaskGoneByOperator);
        let state = stage.shown(form, Type::GetState);
        let tasks = state.get_state().get_tasks();
        assert!(tasks.unreachable_tasks.is_empty());
        let [completed] = tasks.completed_tasks.as_slice() else {
            panic!("one completed task")
        };
        assert_eq!(completed.task_id().value(), "t");
    });
}

/// A framework reserves a disk of a provider, and the agent does not answer.
fn reserving_a_disk() -> (Stage, Agent, Scheduler) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let disk: v1::Resource = from_json(&json!({
        "name": "disk", "type": "SCALAR", "scalar": {"value": 200},
        "disk": {"source": {"type": "RAW"}},
    }));
    let disk = Resources::from_proto(&[disk]);
    agent.announce(&stage, vec![], Some(vec![provider("rp", &disk, vec![])]));
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let mut wanted = provided(&disk, "rp").to_proto();
    wanted[0].reservations = reserved("disk:200", "role").to_proto()[0]
        .reservations
        .clone();
    let wanted = Resources::from_proto(&wanted);
    scheduler.accept(&offer, vec![named(reserve(&wanted), "operation")]);
    let _apply: ApplyOperationMessage = agent.peer.expect();
    (stage, agent, scheduler)
}

#[track_caller]
fn told_of(stage: &Stage, scheduler: &mut Scheduler, state: OperationState, metric: &str) {
    let status = scheduler.operation_update();
    assert_eq!(status.operation_id().value(), "operation");
    assert_eq!(status.state(), state);
    let counted = stage.metric(metric);
    assert!((counted - 1.0).abs() < 1e-9, "{metric}: {counted}");
}

/// Mirrors: MasterAPITest.OperationUpdatesUponAgentGone
#[test]
fn operations_of_an_agent_that_is_gone_are_gone_too() {
    in_both_forms(|form: Form| {
        let (stage, agent, mut scheduler) = reserving_a_disk();

        stage.told(form, None, &mark_gone(&agent), 200);

        let gone = OperationState::OperationGoneByOperator;
        told_of(
            &stage,
            &mut scheduler,
            gone,
            "master/operations/gone_by_operator",
        );
    });
}

/// Mirrors: MasterAPITest.OperationUpdatesUponUnreachable
#[test]
fn operations_of_an_unreachable_agent_are_unreachable() {
    let (stage, agent, mut scheduler) = reserving_a_disk();

    agent.peer.disappear();
    stage.settle();
    stage.advance(std::time::Duration::from_secs(600));

    let lost = OperationState::OperationUnreachable;
    told_of(
        &stage,
        &mut scheduler,
        lost,
        "master/operations/unreachable",
    );
}
