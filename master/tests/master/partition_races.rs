//! Partitions that cross with something else.

use std::time::Duration;

use mesos_proto::internal::{
    AgentReregisteredMessage, ExitedExecutorMessage, FrameworkErrorMessage,
    FrameworkRegisteredMessage, PingAgentMessage, UnregisterAgentMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::task_status::Reason;
use serde_json::json;

use crate::support::{
    Agent, Driver, Scheduler, Stage, executor_task, from_json, launch, mine, run_one, unaware,
};

/// How often the registry is cleaned.
const GC_INTERVAL: Duration = Duration::from_secs(15 * 60);

#[track_caller]
fn answered(scheduler: &mut Scheduler, agent: &Agent, state: TaskState) -> v1::TaskStatus {
    scheduler.reconcile(&[("a-task", Some(&agent.id))]);
    let status = scheduler.update();
    assert_eq!(status.state(), state);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
    let is_unreachable = state == TaskState::TaskUnreachable;
    assert_eq!(status.unreachable_time.is_some(), is_unreachable);
    status
}

/// Mirrors: PartitionTest.RegistryGcRace
#[test]
fn agent_that_comes_back_while_the_registry_is_cleaned_stays() {
    let stage = Stage::start_with(|flags| {
        flags.registry_max_agent_count = 1;
        flags.registry_store_timeout = Duration::from_secs(100_000);
    });
    let mut scheduler = stage.subscribe(mine("role"));
    let agents: Vec<Agent> = (0..3)
        .map(|_| {
            let agent = stage.agent("cpus:2;mem:1024");
            stage.lose_agents();
            let failure = scheduler.expect(event::Type::Failure);
            assert_eq!(failure.failure().agent_id().value(), agent.id);
            agent
        })
        .collect();
    let registry = stage.hold_registry();
    let second = &agents[1];
    stage.send(&second.peer, &second.reregistration(&[]));
    stage.settle();
    assert_eq!(registry.len(), 1, "the second is marked reachable");
    stage.advance(GC_INTERVAL);

    registry.release();
    let _back: AgentReregisteredMessage = second.peer.expect();
    stage.settle();

    answered(&mut scheduler, &agents[0], TaskState::TaskUnknown);
    answered(&mut scheduler, second, TaskState::TaskGone);
    answered(&mut scheduler, &agents[2], TaskState::TaskUnreachable);
    let registry = stage.get("/registrar(1)/registry");
    assert_eq!(
        registry["slaves"]["slaves"][0]["info"]["id"]["value"],
        second.id.as_str()
    );
    let unreachable = registry["unreachable"]["slaves"].as_array();
    assert_eq!(unreachable.map(Vec::len), Some(1));
}

/// Mirrors: PartitionTest.RegistryGcByCountManySlaves
#[test]
fn of_many_unreachable_agents_the_last_one_is_remembered() {
    let mut stage = Stage::start_with(|flags| flags.registry_max_agent_count = 1);
    let agents: Vec<Agent> = (0..50).map(|_| stage.agent("cpus:2;mem:1024")).collect();
    // They fall silent one after the other, so that the registry lists them in this order.
    for agent in &agents {
        agent.peer.disappear();
        stage.settle();
        stage.advance(Duration::from_millis(1));
    }
    stage.advance(Duration::from_secs(601));
    let since = stage.get("/registrar(1)/registry")["unreachable"]["slaves"].clone();
    assert_eq!(since.as_array().map(Vec::len), Some(50));
    stage.fail_over(|flags| flags.registry_max_agent_count = 1);

    stage.advance(GC_INTERVAL);

    let mut scheduler = stage.subscribe(mine("role"));
    let last = since[49]["id"]["value"].as_str().expect("an id");
    let (kept, removed): (Vec<&Agent>, Vec<&Agent>) =
        agents.iter().partition(|agent| agent.id == last);
    let status = answered(&mut scheduler, kept[0], TaskState::TaskUnreachable);
    assert_eq!(
        json!(status.unreachable_time().nanoseconds()),
        since[49]["timestamp"]["nanoseconds"]
    );
    assert_eq!(removed.len(), 49);
    for agent in removed {
        answered(&mut scheduler, agent, TaskState::TaskUnknown);
    }
}

fn counted(stage: &Stage, unreachable: f64) {
    stage.counts("tasks_lost", 0.0);
    stage.counts("tasks_unreachable", unreachable);
    stage.counts("slave_unreachable_scheduled", 1.0);
    stage.counts("slave_unreachable_completed", 1.0);
    stage.counts("slave_removals", 1.0);
    stage.counts("slave_removals/reason_unhealthy", 1.0);
    stage.counts("slave_removals/reason_unregistered", 0.0);
}

/// Mirrors: PartitionTest.ReregisterPartitionedAgentWithEnrouteTask
#[test]
fn task_that_its_agent_never_saw_is_forgotten_when_the_agent_is_back() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");

    stage.lose_agents();

    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskUnreachable);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    assert_eq!(lost.agent_id().value(), agent.id);
    scheduler.expect(event::Type::Failure);
    counted(&stage, 1.0);
    let state = stage.get("/state");
    for (name, expected) in [
        ("activated_slaves", 0.0),
        ("deactivated_slaves", 0.0),
        ("unreachable_slaves", 1.0),
    ] {
        assert_eq!(state[name].as_f64(), Some(expected), "{name}");
    }
    let framework = &state["frameworks"][0];
    assert_eq!(framework["tasks"], json!([]));
    assert_eq!(framework["completed_tasks"], json!([]));
    assert_eq!(framework["unreachable_tasks"][0]["id"], "1");
    assert_eq!(
        framework["unreachable_tasks"][0]["state"],
        "TASK_UNREACHABLE"
    );
    let tasks = stage.get("/tasks")["tasks"].clone();
    assert_eq!(tasks.as_array().map(Vec::len), Some(1));
    assert_eq!(tasks[0]["state"], "TASK_UNREACHABLE");
    let summary = |unreachable: i32| {
        let summary = stage.get("/state-summary")["frameworks"][0].clone();
        assert_eq!(summary["TASK_LOST"], 0);
        assert_eq!(summary["TASK_RUNNING"], 0);
        assert_eq!(summary["TASK_UNREACHABLE"], unreachable);
    };
    summary(1);

    stage.send(&agent.peer, &agent.reregistration(&[]));
    let _back: AgentReregisteredMessage = agent.peer.expect();
    stage.settle();

    let framework = stage.get("/state")["frameworks"][0].clone();
    for list in ["tasks", "completed_tasks", "unreachable_tasks"] {
        assert_eq!(framework[list], json!([]), "{list}");
    }
    assert_eq!(stage.get("/tasks")["tasks"], json!([]));
    summary(0);
    stage.counts("tasks_running", 0.0);
    counted(&stage, 0.0);
}

/// Mirrors: OneWayPartitionTest.MasterToScheduler
#[test]
fn call_of_a_driver_that_the_master_lost_is_answered_with_an_error() {
    let stage = Stage::start();
    let driver = Driver::subscribe(&stage, mine("role"));
    stage
        .runtime
        .inject_exited(stage.master.upid(), driver.peer.upid());
    stage.settle();
    assert_eq!(
        stage.get("/frameworks")["frameworks"][0]["connected"],
        false
    );

    driver.call(
        &stage,
        from_json(&json!({
            "framework_id": {"value": "filled in"},
            "type": "SUPPRESS",
        })),
    );

    let error: FrameworkErrorMessage = driver.peer.expect();
    assert_eq!(error.message(), "Framework disconnected");
}

/// Mirrors: OneWayPartitionTest.MasterToSlave
#[test]
fn agent_that_the_master_lost_learns_it_by_the_next_ping() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let first: PingAgentMessage = agent.peer.expect();
    assert!(first.connected());
    stage
        .runtime
        .inject_exited(stage.master.upid(), agent.peer.upid());
    stage.settle();

    stage.advance(Duration::from_secs(15));

    let ping: PingAgentMessage = agent.peer.expect();
    assert!(!ping.connected());
    stage.send(&agent.peer, &agent.reregistration(&[]));
    let _back: AgentReregisteredMessage = agent.peer.expect();
    stage.counts("slaves_active", 1.0);
}

/// Mirrors: ReconciliationTest.DISABLED_RemovalInProgress
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
#[test]
fn task_of_an_agent_that_is_about_to_be_removed_is_lost() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let registry = stage.hold_registry();
    let goodbye = UnregisterAgentMessage {
        agent_id: Some(agent.proto_id()),
        ..Default::default()
    };
    stage.send(&agent.peer, &goodbye);
    stage.settle();
    assert_eq!(registry.len(), 1);
    let mut scheduler = stage.subscribe(unaware(mine("role")));

    answered(&mut scheduler, &agent, TaskState::TaskLost);
}

/// A driver whose only executor, without a task, or with one, came to the next master before it.
fn next_master(state: TaskState) -> (Stage, Agent, v1::FrameworkInfo) {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let task = executor_task("1", "default", &offer, "cpus:1;mem:512");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: mesos_proto::internal::RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, state, 1);
    let status = scheduler.update();
    assert_eq!(status.state(), state);
    scheduler.acknowledge(&status);
    stage.fail_over(|_| {});
    let mut message = agent.reregistration(&[(&run, state)]);
    let mut executor = run.task().executor().clone();
    executor.framework_id = Some(scheduler.id.clone());
    message.tasks[0].executor_id = executor.executor_id.clone();
    message.executor_infos.push(executor);
    if state == TaskState::TaskFinished {
        message.tasks.clear();
    }
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();
    let mut info = mine("role");
    info.id = Some(scheduler.id.clone());
    (stage, agent, info)
}

fn exited(agent: &Agent, info: &v1::FrameworkInfo) -> ExitedExecutorMessage {
    ExitedExecutorMessage {
        agent_id: Some(agent.proto_id()),
        framework_id: info.id.clone(),
        executor_id: Some(from_json(&json!({"value": "default"}))),
        status: Some(9),
        ..Default::default()
    }
}

/// Mirrors: FaultToleranceTest.FrameworkReregisterEmptyExecutor
#[test]
fn executor_without_tasks_may_end_under_the_next_master() {
    let (stage, agent, info) = next_master(TaskState::TaskFinished);
    let used = || stage.get("/state")["frameworks"][0]["executors"].clone();
    let mut scheduler = stage.subscribe(info.clone());
    assert_eq!(used()[0]["executor_id"], "default");

    stage.send(&agent.peer, &exited(&agent, &info));

    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().executor_id().value(), "default");
    assert_eq!(failure.failure().status(), 9);
    assert_eq!(used(), json!([]));
}

/// Mirrors: FaultToleranceTest.ReregisterFrameworkExitedExecutor
#[test]
fn framework_comes_back_although_the_executor_of_its_task_has_ended() {
    let (stage, agent, info) = next_master(TaskState::TaskRunning);
    stage.send(&agent.peer, &exited(&agent, &info));
    stage.settle();
    let framework = stage.get("/state")["frameworks"][0].clone();
    assert_eq!(framework["executors"], json!([]));
    assert_eq!(framework["tasks"][0]["state"], "TASK_RUNNING");

    let peer = crate::support::Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(info.clone()));

    let registered: FrameworkRegisteredMessage = peer.expect();
    assert_eq!(registered.framework_id(), info.id());
}
