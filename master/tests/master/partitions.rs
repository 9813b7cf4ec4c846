//! Agents that do not answer.

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentReregisteredMessage, ExitedExecutorMessage, RunTaskMessage, ShutdownFrameworkMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{call, event};
use mesos_proto::v1::task_status::Reason;
use serde_json::Value;

use crate::support::{Agent, Driver, Scheduler, Stage, mine, run_one, unaware};

fn staged(info: v1::FrameworkInfo) -> (Stage, Agent, Scheduler, RunTaskMessage) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(info);
    let run = run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");
    (stage, agent, scheduler, run)
}

fn running(info: v1::FrameworkInfo) -> (Stage, Agent, Scheduler, RunTaskMessage) {
    let (stage, agent, mut scheduler, run) = staged(info);
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    scheduler.acknowledge(&status);
    (stage, agent, scheduler, run)
}

/// The agent comes back with a task in some state.
fn back(stage: &Stage, agent: &Agent, run: &RunTaskMessage, state: TaskState) {
    let mut task = agent.running(run);
    task.state = Some(state.into());
    let mut message = agent.reregistration_storing(&Resources::new());
    message.frameworks.push(run.framework().clone());
    message.tasks.push(task);
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();
}

#[track_caller]
fn counted(stage: &Stage, name: &str, expected: f64) {
    let counted = stage.metric(&format!("master/{name}"));
    assert!((counted - expected).abs() < 1e-9, "{name}: {counted}");
}

fn removal_was_counted(stage: &Stage) {
    counted(stage, "slave_unreachable_scheduled", 1.0);
    counted(stage, "slave_unreachable_completed", 1.0);
    counted(stage, "slave_removals", 1.0);
    counted(stage, "slave_removals/reason_unhealthy", 1.0);
    counted(stage, "slave_removals/reason_unregistered", 0.0);
}

fn tasks(stage: &Stage, list: &str) -> Vec<(String, String)> {
    let state = stage.get("/state");
    assert_eq!(state["orphan_tasks"], serde_json::json!([]));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    state["frameworks"][0][list]
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| (text(&task["id"]), text(&task["state"])))
        .collect()
}

fn one(state: &str) -> Vec<(String, String)> {
    vec![("1".to_owned(), state.to_owned())]
}

/// Mirrors: PartitionTest.ReregisterSlaveNotPartitionAware
#[test]
fn lost_task_of_an_unaware_framework_runs_again_when_its_agent_is_back() {
    let (stage, agent, mut scheduler, run) = running(unaware(mine("role")));

    stage.lose_agents();

    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskLost);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    assert_eq!(lost.agent_id().value(), agent.id);
    assert!(lost.unreachable_time.is_some());
    counted(&stage, "tasks_lost", 1.0);
    counted(&stage, "tasks_unreachable", 0.0);
    removal_was_counted(&stage);
    assert!(tasks(&stage, "tasks").is_empty());
    assert_eq!(tasks(&stage, "unreachable_tasks"), one("TASK_LOST"));
    assert!(tasks(&stage, "completed_tasks").is_empty());
    back(&stage, &agent, &run, TaskState::TaskRunning);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    assert_eq!(tasks(&stage, "tasks"), one("TASK_RUNNING"));
    assert!(tasks(&stage, "unreachable_tasks").is_empty());
    assert!(tasks(&stage, "completed_tasks").is_empty());
    let summary = &stage.get("/state-summary")["frameworks"][0];
    assert_eq!(summary["TASK_RUNNING"], 1);
    assert_eq!(summary["TASK_UNREACHABLE"], 0);
    assert_eq!(summary["TASK_LOST"], 0);
    counted(&stage, "tasks_lost", 1.0);
    counted(&stage, "tasks_unreachable", 0.0);
    counted(&stage, "tasks_killed", 0.0);
    removal_was_counted(&stage);
}

/// Mirrors: PartitionTest.PartitionedSlaveOrphanedTask
#[test]
fn unreachable_task_of_a_framework_that_ended_counts_as_killed() {
    let (stage, agent, mut scheduler, run) = running(mine("role"));
    let id = scheduler.id.value().to_owned();
    stage.lose_agents();
    assert_eq!(scheduler.update().state(), TaskState::TaskUnreachable);

    scheduler.say(call::Type::Teardown);
    stage.settle();

    let killed = |stage: &Stage| {
        let state = stage.get("/state");
        assert_eq!(state["frameworks"], serde_json::json!([]));
        assert_eq!(state["unregistered_frameworks"], serde_json::json!([]));
        let ended = &state["completed_frameworks"][0];
        assert_eq!(ended["id"], id.as_str());
        assert_eq!(ended["tasks"], serde_json::json!([]));
        assert_eq!(ended["unreachable_tasks"], serde_json::json!([]));
        assert_eq!(ended["completed_tasks"][0]["id"], "1");
        assert_eq!(ended["completed_tasks"][0]["state"], "TASK_KILLED");
    };
    killed(&stage);
    back(&stage, &agent, &run, TaskState::TaskRunning);
    let shutdown: ShutdownFrameworkMessage = agent.peer.expect();
    assert_eq!(shutdown.framework_id().value(), id);
    stage.settle();
    killed(&stage);
    let summary = stage.get("/state-summary");
    assert_eq!(summary["frameworks"], serde_json::json!([]));
    let listed = stage.get("/tasks");
    assert_eq!(listed["tasks"][0]["id"], "1");
    assert_eq!(listed["tasks"][0]["state"], "TASK_KILLED");
}

/// Mirrors: PartitionTest.DisconnectedFramework
#[test]
fn framework_that_was_away_learns_by_asking() {
    let (stage, agent, scheduler, run) = running(unaware(mine("role")));
    let next = Stage::start();
    stage.master.shutdown();
    back(&next, &agent, &run, TaskState::TaskRunning);
    next.lose_agents();
    let mut info = unaware(mine("role"));
    info.id = Some(scheduler.id);
    let mut scheduler = next.subscribe(info);

    scheduler.reconcile(&[("1", Some(&agent.id))]);

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskLost);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
    assert!(status.unreachable_time.is_some());
    counted(&next, "tasks_unreachable", 0.0);
    counted(&next, "tasks_lost", 1.0);
    removal_was_counted(&next);
}

/// Mirrors: PartitionTest.SpuriousSlaveReregistration
#[test]
fn agent_that_registers_again_without_need_changes_nothing() {
    let (stage, agent, mut scheduler, run) = running(mine("role"));

    back(&stage, &agent, &run, TaskState::TaskRunning);
    scheduler.reconcile(&[("1", Some(&agent.id))]);

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
}

/// Mirrors: PartitionTest.PartitionedSlaveStatusUpdates
#[test]
fn update_of_an_unreachable_agent_goes_nowhere() {
    let (stage, agent, mut scheduler, run) = running(mine("role"));
    stage.lose_agents();
    assert_eq!(scheduler.update().state(), TaskState::TaskUnreachable);
    removal_was_counted(&stage);

    agent.update(&stage, &run, TaskState::TaskFinished, 2);
    stage.settle();

    assert!(!scheduler.heard_before_answer(event::Type::Update));
    back(&stage, &agent, &run, TaskState::TaskRunning);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    agent.update(&stage, &run, TaskState::TaskFinished, 3);
    assert_eq!(scheduler.update().state(), TaskState::TaskFinished);
}

/// Mirrors: PartitionTest.PartitionedSlaveExitedExecutor
#[test]
fn executor_that_exits_on_an_unreachable_agent_is_not_announced() {
    let (stage, agent, mut scheduler, _run) = staged(unaware(mine("role")));
    stage.lose_agents();
    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskLost);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    counted(&stage, "tasks_lost", 1.0);
    removal_was_counted(&stage);
    scheduler.expect(event::Type::Failure);

    let exited = ExitedExecutorMessage {
        agent_id: Some(agent.proto_id()),
        framework_id: Some(scheduler.id.clone()),
        executor_id: Some(v1::ExecutorId {
            value: Some("default".to_owned()),
            ..Default::default()
        }),
        status: Some(9),
        ..Default::default()
    };
    stage.send(&agent.peer, &exited);
    stage.settle();

    assert!(!scheduler.heard_before_answer(event::Type::Failure));
}

/// A task ends while its agent is away.
fn ended_meanwhile(info: v1::FrameworkInfo, lost: TaskState, key: &str, unknown: TaskState) {
    let (stage, agent, mut scheduler, run) = running(info);
    stage.lose_agents();
    assert_eq!(scheduler.update().state(), lost);
    counted(&stage, key, 1.0);

    back(&stage, &agent, &run, TaskState::TaskFinished);
    agent.update(&stage, &run, TaskState::TaskFinished, 2);

    let mut status = scheduler.update();
    if status.uuid.is_none() {
        assert_eq!(status.state(), TaskState::TaskFinished);
        status = scheduler.update();
    }
    assert_eq!(status.state(), TaskState::TaskFinished);
    scheduler.acknowledge(&status);
    let _acknowledged: mesos_proto::internal::StatusUpdateAcknowledgementMessage =
        agent.peer.expect();
    stage.settle();
    assert!(tasks(&stage, "tasks").is_empty());
    assert!(tasks(&stage, "unreachable_tasks").is_empty());
    assert_eq!(tasks(&stage, "completed_tasks"), one("TASK_FINISHED"));
    removal_was_counted(&stage);
    scheduler.reconcile(&[("1", Some(&agent.id))]);
    let status = scheduler.update();
    assert_eq!(status.state(), unknown);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
    assert!(status.unreachable_time.is_none());
}

/// Mirrors: PartitionTest.TaskCompletedOnPartitionedAgent
#[test]
fn task_that_ended_while_it_was_lost_is_finished() {
    ended_meanwhile(
        unaware(mine("role")),
        TaskState::TaskLost,
        "tasks_lost",
        TaskState::TaskLost,
    );
}

/// Mirrors: PartitionTest.PartitionAwareTaskCompletedOnPartitionedAgent
#[test]
fn task_that_ended_while_it_was_unreachable_is_finished() {
    ended_meanwhile(
        mine("role"),
        TaskState::TaskUnreachable,
        "tasks_unreachable",
        TaskState::TaskGone,
    );
}

/// Mirrors: PartitionTest.AgentWithTerminalTaskPartitioned
#[test]
fn finished_task_that_waits_for_acknowledgement_stays_finished() {
    let (stage, agent, mut scheduler, run) = running(unaware(mine("role")));
    agent.update(&stage, &run, TaskState::TaskFinished, 2);
    assert_eq!(scheduler.update().state(), TaskState::TaskFinished);

    stage.lose_agents();

    assert!(tasks(&stage, "tasks").is_empty());
    assert_eq!(tasks(&stage, "unreachable_tasks"), one("TASK_FINISHED"));
}

/// Mirrors: PartitionTest.FailHealthChecksTwice
#[test]
fn agent_that_stays_silent_is_removed_once() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));

    stage.lose_agents();
    stage.lose_agents();

    counted(&stage, "slave_removals", 1.0);
    counted(&stage, "slave_removals/reason_unhealthy", 1.0);
    scheduler.expect(event::Type::Failure);
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
}

/// Mirrors: ReconciliationTest.RecoveredAgent
#[test]
fn nothing_is_said_of_tasks_on_an_agent_that_is_not_back_yet() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    stage.fail_over(|_| {});
    let mut scheduler = stage.subscribe(mine("role"));

    scheduler.reconcile(&[("1", Some(&agent.id))]);

    assert!(!scheduler.heard_before_answer(event::Type::Update));
}

/// Mirrors: ReconciliationTest.PartitionedAgentThenMasterFailover
#[test]
fn next_master_knows_which_agents_were_unreachable() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    stage.lose_agents();
    scheduler.expect(event::Type::Failure);
    stage.fail_over(|_| {});
    let mut aware = stage.subscribe(mine("role"));
    let mut unaware = stage.subscribe(unaware(mine("role")));

    aware.reconcile(&[("1", Some(&agent.id))]);
    unaware.reconcile(&[("1", Some(&agent.id))]);

    let status = aware.update();
    assert_eq!(status.state(), TaskState::TaskUnreachable);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
    assert!(status.unreachable_time.is_some());
    let status = unaware.update();
    assert_eq!(status.state(), TaskState::TaskLost);
    assert!(status.unreachable_time.is_some());
}

/// Mirrors: TeardownTest.RecoveredFrameworkAfterMasterFailover
#[test]
fn framework_that_only_its_agent_knows_can_be_torn_down() {
    let (stage, agent, scheduler, run) = running(mine("role"));
    let next = Stage::start();
    stage.master.shutdown();
    back(&next, &agent, &run, TaskState::TaskRunning);

    let body = format!("frameworkId={}", scheduler.id.value());
    assert_eq!(
        next.http("POST", "/teardown", &[], body.as_bytes()).status,
        200
    );

    let state = next.get("/state");
    assert_eq!(state["frameworks"], serde_json::json!([]));
    assert_eq!(state["unregistered_frameworks"], serde_json::json!([]));
    assert_eq!(state["completed_frameworks"][0]["id"], scheduler.id.value());
}

/// Mirrors: FrameworkInfoValidationTest.RoleChangeWithMultiRoleMasterFailover
#[test]
fn framework_that_an_agent_reported_comes_back_with_other_roles() {
    let mut before = mine("role1");
    before.capabilities.clear();
    before.roles.clear();
    before.role = Some("role1".to_owned());
    let (stage, agent, scheduler, run) = running(before);
    let next = Stage::start();
    stage.master.shutdown();
    back(&next, &agent, &run, TaskState::TaskRunning);
    let mut after = mine("role2");
    after.id = Some(scheduler.id.clone());

    let driver = Driver::subscribe(&next, after);

    assert_eq!(driver.id, scheduler.id);
}
