//! Frameworks that the next master knows from agents before they are back.

use std::time::Duration;

use libprocess::testing::Pattern;
use mesos_proto::internal::{
    AgentReregisteredMessage, ExecutorToFrameworkMessage, FrameworkRegisteredMessage,
    FrameworkReregisteredMessage, RunTaskMessage,
};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Call, call, event};
use serde_json::json;

use crate::support::{
    Agent, Driver, Peer, Scheduler, Stage, executor_task, from_json, launch, mine, run_one, task,
};

fn staged() -> (Stage, Agent, Scheduler) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let scheduler = stage.subscribe(mine("foo"));
    (stage, agent, scheduler)
}

/// A task that the executor `default` runs.
fn launched(scheduler: &mut Scheduler, agent: &Agent, id: &str) -> RunTaskMessage {
    let offer = scheduler.offers()[0].clone();
    let task = executor_task(id, "default", &offer, "cpus:1;mem:32");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    agent.peer.expect()
}

/// The agent comes to the next master before its framework does.
fn agent_first(stage: &mut Stage, agent: &Agent, run: &RunTaskMessage) {
    stage.fail_over(|_| {});
    stage.send(
        &agent.peer,
        &agent.reregistration(&[(run, TaskState::TaskRunning)]),
    );
    let _back: AgentReregisteredMessage = agent.peer.expect();
    stage.settle();
}

/// Mirrors: MasterTest.FailoverAgentReregisterFirst
#[test]
fn framework_whose_agent_came_first_is_shown_as_recovered_until_it_is_back() {
    let (mut stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1");
    agent_first(&mut stage, &agent, &run);
    let shown = |stage: &Stage, is_back: bool| {
        let state = stage.get("/state");
        assert_eq!(state["frameworks"].as_array().map(Vec::len), Some(1));
        let framework = &state["frameworks"][0];
        assert_eq!(framework["id"], scheduler.id.value());
        assert_eq!(framework["active"], is_back);
        assert_eq!(framework["connected"], is_back);
        assert_eq!(framework["recovered"], !is_back);
        assert!(
            framework["unregistered_time"]
                .as_f64()
                .is_some_and(|time| time.abs() < 1e-9)
        );
        assert!(framework.get("reregistered_time").is_none());
        assert_eq!(state["unregistered_frameworks"], json!([]));
        assert_eq!(state["completed_frameworks"], json!([]));
        framework["registered_time"].as_f64().expect("a number")
    };
    assert!(shown(&stage, false).abs() < 1e-9);
    let mut info = mine("foo");
    info.id = Some(scheduler.id.clone());

    let _scheduler = stage.subscribe(info);

    let now = stage.runtime.clock().now().as_secs_f64();
    assert!((shown(&stage, true) - now).abs() < 1.0);
}

/// Mirrors: MasterTest.OrphanTasksMultipleAgents
#[test]
fn framework_that_two_agents_know_is_shown_once() {
    let (mut stage, one, mut scheduler) = staged();
    let first = run_one(&mut scheduler, &one, "1", "cpus:2;mem:1024");
    let two = stage.agent("cpus:2;mem:1024");
    let offer = scheduler.next_offer(&stage);
    let task = task("2", &offer, "cpus:2;mem:1024");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let second: RunTaskMessage = two.peer.expect();
    agent_first(&mut stage, &one, &first);
    stage.send(
        &two.peer,
        &two.reregistration(&[(&second, TaskState::TaskRunning)]),
    );
    let _back: AgentReregisteredMessage = two.peer.expect();
    stage.settle();

    for path in ["/state", "/frameworks"] {
        let document = stage.get(path);
        let frameworks = document["frameworks"].as_array().expect("a list");
        assert_eq!(frameworks.len(), 1, "{path}");
        assert_eq!(frameworks[0]["recovered"], true, "{path}");
        assert_eq!(
            frameworks[0]["tasks"].as_array().map(Vec::len),
            Some(2),
            "{path}"
        );
        assert_eq!(document["unregistered_frameworks"], json!([]), "{path}");
    }
    assert_eq!(stage.get("/state")["orphan_tasks"], json!([]));
}

/// Mirrors: MasterTest.ExecutorMessageToRecoveredHttpFramework
#[test]
fn message_to_a_framework_that_is_not_back_yet_harms_nobody() {
    let (mut stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1");
    agent_first(&mut stage, &agent, &run);
    let framework = stage.get("/state")["frameworks"][0].clone();
    assert_eq!(framework["id"], scheduler.id.value());
    for (name, expected) in [("active", false), ("connected", false), ("recovered", true)] {
        assert_eq!(framework[name], expected, "{name}");
    }

    stage.send(
        &agent.peer,
        &ExecutorToFrameworkMessage {
            agent_id: Some(agent.proto_id()),
            framework_id: Some(scheduler.id.clone()),
            executor_id: Some(from_json(&json!({"value": "default"}))),
            data: Some(b"world".to_vec().into()),
            ..Default::default()
        },
    );
    stage.settle();

    stage.counts("messages_executor_to_framework", 1.0);
    assert_eq!(stage.get("/state")["frameworks"][0]["recovered"], true);
}

/// Mirrors: FaultToleranceTest.UpdateFrameworkInfoOnMasterFailover
#[test]
fn framework_comes_to_the_next_master_with_a_new_description() {
    let (mut stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1");
    agent_first(&mut stage, &agent, &run);
    let mut info = mine("foo");
    info.id = Some(scheduler.id.clone());
    info.name = Some("Framework 2".to_owned());
    info.failover_timeout = Some(2000.0);
    info.checkpoint = Some(false);

    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(info));
    let registered: FrameworkRegisteredMessage = peer.expect();

    assert_eq!(registered.framework_id(), &scheduler.id);
    let frameworks = stage.get("/state")["frameworks"].clone();
    assert_eq!(frameworks.as_array().map(Vec::len), Some(1));
    assert_eq!(frameworks[0]["id"], scheduler.id.value());
    assert_eq!(frameworks[0]["name"], "Framework 2");
    assert_eq!(frameworks[0]["failover_timeout"], json!(2000.0));
    assert_eq!(frameworks[0]["checkpoint"], true);
}

/// Mirrors: MasterTest.MasterFailoverLongLivedExecutor
#[test]
fn executor_runs_a_second_task_for_the_next_master() {
    let (mut stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    scheduler.acknowledge(&status);
    stage.counts_of(&scheduler.id, "tasks/active/task_running", 1.0);
    stage.fail_over(|_| {});
    let mut message = agent.reregistration(&[(&run, TaskState::TaskRunning)]);
    message.executor_infos.push(run.task().executor().clone());
    message.tasks[0].executor_id = run.task().executor().executor_id.clone();
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();
    let mut info = mine("foo");
    info.id = Some(scheduler.id.clone());
    let mut scheduler = stage.subscribe(info);
    stage.counts_of(&scheduler.id, "tasks/active/task_running", 1.0);

    let second = launched(&mut scheduler, &agent, "2");

    assert!(!second.launch_executor());
    assert_eq!(second.task().executor().executor_id().value(), "default");
    agent.update(&stage, &second, TaskState::TaskRunning, 2);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    stage.counts_of(&scheduler.id, "tasks/active/task_running", 2.0);
}

/// Mirrors: MasterTest.MasterInfoOnReElection
#[test]
fn driver_that_found_the_master_again_is_told_who_it_is_and_offered_to() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, mine("role"));
    driver.offers();
    let mut info = mine("role");
    info.id = Some(driver.id.clone());
    let mut again = Driver::subscription(info);
    again.subscribe.get_or_insert_default().force = Some(false);

    stage.send(&driver.peer, &again);

    let back: FrameworkReregisteredMessage = driver.peer.expect();
    let address = stage.runtime.address();
    assert_eq!(back.master_info().port(), u32::from(address.port));
    let ip = std::net::Ipv4Addr::LOCALHOST.octets();
    assert_eq!(back.master_info().ip().to_ne_bytes(), ip);
    assert_eq!(back.master_info().version(), "1.11.0");
    stage.advance(Duration::from_secs(2));
    assert_eq!(driver.offers().len(), 1);
}

/// Mirrors: SchedulerTest.MasterFailover
#[test]
fn framework_without_tasks_keeps_its_id_under_the_next_master() {
    let mut stage = Stage::start();
    let mut scheduler = stage.subscribe(mine("foo"));
    stage.fail_over(|_| {});
    while scheduler.next().is_some() {}
    let mut info = mine("foo");
    info.id = Some(scheduler.id.clone());

    let again = stage.subscribe(info);

    assert_eq!(again.id, scheduler.id);
    assert_ne!(again.stream_id, scheduler.stream_id);
}

/// Mirrors: SchedulerTest.NoOffersOnReregistrationWithAllRolesSuppressed
#[test]
fn framework_that_comes_back_suppressed_is_offered_nothing_until_it_revives() {
    let (stage, _agent, mut first) = staged();
    first.offers();
    let mut info = mine("foo");
    info.id = Some(first.id.clone());

    let mut scheduler = Scheduler::open_suppressed(&stage, info, &["foo"]);

    scheduler.expect(event::Type::Subscribed);
    scheduler.id = first.id.clone();
    stage.advance(Duration::from_secs(15));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));
    scheduler.say(call::Type::Revive);
    assert_eq!(scheduler.next_offer(&stage).allocation_info().role(), "foo");
}

/// Mirrors: SchedulerTest.Request
#[test]
fn request_for_resources_reaches_the_allocator() {
    let (stage, _agent, mut scheduler) = staged();
    scheduler.offers();
    let allocator = stage.runtime.upid("allocator");
    let told = stage.runtime.expect(Pattern::dispatch().to(&allocator));
    let request: call::Request = from_json(&json!({"requests": [{}]}));

    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Request.into()),
        request: Some(request),
        ..Default::default()
    });

    assert_eq!(answer.status, 202);
    assert!(stage.runtime.block_on(told).ready().is_some());
    stage.counts("messages_resource_request", 1.0);
    stage.counts_of(&scheduler.id, "calls/request", 1.0);
}

/// Mirrors: MasterTest.DISABLED_RecoverResourcesOrphanedTask
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
#[test]
fn task_that_ends_before_its_framework_is_back_frees_its_resources() {
    let (mut stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1");
    agent_first(&mut stage, &agent, &run);
    let used = || stage.get("/slaves")["slaves"][0]["used_resources"]["cpus"].clone();
    assert_eq!(used(), json!(1.0));

    agent.update(&stage, &run, TaskState::TaskFinished, 1);
    stage.settle();

    assert_eq!(used(), json!(0.0));
    let tasks = stage.call(r#"{"type":"GET_TASKS"}"#).json()["get_tasks"].clone();
    assert_eq!(tasks["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(tasks["tasks"][0]["state"], "TASK_FINISHED");
    for list in ["orphan_tasks", "completed_tasks"] {
        assert_eq!(tasks[list].as_array().map_or(0, Vec::len), 0, "{list}");
    }
}
