//! Schedulers that fail, and others that take over.

use mesos_proto::internal::{
    ExecutorToFrameworkMessage, FrameworkErrorMessage, FrameworkRegisteredMessage,
    FrameworkToExecutorMessage, KillTaskMessage, RunTaskMessage, ShutdownFrameworkMessage,
    StatusUpdateMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{call, event};
use mesos_proto::v1::task_status::Reason;
use serde_json::json;

use crate::support::{
    ALICE, Agent, Driver, MALLORY, Peer, Scheduler, Stage, from_json, launch, mine, run_one, task,
};

fn staged() -> (Stage, Agent) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    (stage, agent)
}

fn with_id(id: &v1::FrameworkId) -> v1::FrameworkInfo {
    let mut info = mine("role");
    info.id = Some(id.clone());
    info
}

/// A driver with a task that the agent was told to run.
fn driver_with_task(stage: &Stage, agent: &Agent) -> (Driver, RunTaskMessage) {
    let driver = Driver::subscribe(stage, mine("role"));
    let offers = driver.offers();
    let offer = &offers[0];
    let mut accept: mesos_proto::v0::scheduler::Call = from_json(&json!({
        "framework_id": {"value": "filled in"},
        "type": "ACCEPT",
        "accept": {"offer_ids": [{"value": offer.id().value()}]},
    }));
    let tasks = vec![task("1", offer, "cpus:1;mem:32")];
    accept.accept.get_or_insert_default().operations = vec![launch(tasks)];
    driver.call(stage, accept);
    let run: RunTaskMessage = agent.peer.expect();
    (driver, run)
}

/// Mirrors: FaultToleranceTest.SchedulerReregisterAfterFailoverTimeout
#[test]
fn driver_that_comes_back_too_late_is_refused() {
    let (stage, _agent) = staged();
    let mut info = mine("role");
    info.failover_timeout = Some(60.0);
    let driver = Driver::subscribe(&stage, info);
    driver.peer.disappear();
    stage.settle();
    stage.advance(std::time::Duration::from_secs(61));

    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(with_id(&driver.id)));

    let error: FrameworkErrorMessage = peer.expect();
    assert_eq!(error.message(), "Framework has been removed");
}

/// Mirrors: FaultToleranceTest.SchedulerReregisterAfterUnregistration
#[test]
fn driver_that_ended_cannot_come_back() {
    let (stage, _agent) = staged();
    let driver = Driver::subscribe(&stage, mine("role"));
    driver.call(
        &stage,
        from_json(&json!({"framework_id": {"value": "filled in"}, "type": "TEARDOWN"})),
    );
    stage.settle();

    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(with_id(&driver.id)));

    let error: FrameworkErrorMessage = peer.expect();
    assert_eq!(error.message(), "Framework has been removed");
}

/// Mirrors: FaultToleranceTest.SchedulerFailoverRetriedReregistration
#[test]
fn driver_that_takes_over_twice_is_still_registered() {
    let (stage, _agent) = staged();
    let first = Driver::subscribe(&stage, mine("role"));
    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(with_id(&first.id)));
    let _registered: FrameworkRegisteredMessage = peer.expect();

    stage.send(&peer, &Driver::subscription(with_id(&first.id)));

    assert!(!peer.has::<FrameworkErrorMessage>());
    let error: FrameworkErrorMessage = first.peer.expect();
    assert_eq!(error.message(), "Framework failed over");
    let shown = stage.get("/frameworks");
    assert_eq!(shown["frameworks"].as_array().expect("a list").len(), 1);
    assert_eq!(shown["frameworks"][0]["connected"], true);
}

/// Mirrors: FaultToleranceTest.SchedulerFailoverStatusUpdate
#[test]
fn update_that_is_sent_again_reaches_the_driver_that_took_over() {
    let (stage, agent) = staged();
    let (first, run) = driver_with_task(&stage, &agent);
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let _lost: StatusUpdateMessage = first.peer.expect();
    let second = Driver::subscribe(&stage, with_id(&first.id));
    let error: FrameworkErrorMessage = first.peer.expect();
    assert_eq!(error.message(), "Framework failed over");

    agent.update(&stage, &run, TaskState::TaskRunning, 1);

    assert_eq!(second.status().state(), TaskState::TaskRunning);
}

fn message(run: &RunTaskMessage, agent: &Agent) -> ExecutorToFrameworkMessage {
    ExecutorToFrameworkMessage {
        agent_id: Some(agent.proto_id()),
        framework_id: run.framework().id.clone(),
        executor_id: Some(from_json(&json!({"value": "1"}))),
        data: Some(b"hello".to_vec().into()),
        ..Default::default()
    }
}

/// Mirrors: FaultToleranceTest.SchedulerFailoverExecutorToFrameworkMessage
#[test]
fn message_of_an_executor_reaches_the_driver_that_took_over() {
    let (stage, agent) = staged();
    let (first, run) = driver_with_task(&stage, &agent);
    let second = Driver::subscribe(&stage, with_id(&first.id));

    stage.send(&agent.peer, &message(&run, &agent));

    let heard: ExecutorToFrameworkMessage = second.peer.expect();
    assert_eq!(heard.data().as_ref(), b"hello");
    assert!(!first.peer.has::<ExecutorToFrameworkMessage>());
}

/// Mirrors: FaultToleranceTest.SchedulerFailoverFrameworkToExecutorMessage
#[test]
fn driver_that_took_over_reaches_its_executor() {
    let (stage, agent) = staged();
    let (first, _run) = driver_with_task(&stage, &agent);
    let second = Driver::subscribe(&stage, with_id(&first.id));

    second.call(
        &stage,
        from_json(&json!({
            "framework_id": {"value": "filled in"},
            "type": "MESSAGE",
            "message": {
                "agent_id": {"value": agent.id},
                "executor_id": {"value": "1"},
                "data": "aGVsbG8=",
            },
        })),
    );

    let heard: FrameworkToExecutorMessage = agent.peer.expect();
    assert_eq!(heard.data().as_ref(), b"hello");
    assert_eq!(heard.framework_id(), &second.id);
}

/// Mirrors: FaultToleranceTest.IgnoreKillTaskFromUnregisteredFramework
#[test]
fn driver_that_lost_its_framework_kills_nothing() {
    let (stage, agent) = staged();
    let (first, run) = driver_with_task(&stage, &agent);
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(first.status().state(), TaskState::TaskRunning);
    let second = Driver::subscribe(&stage, with_id(&first.id));

    first.call(
        &stage,
        from_json(&json!({
            "framework_id": {"value": "filled in"},
            "type": "KILL",
            "kill": {"task_id": {"value": "1"}},
        })),
    );

    assert!(!agent.peer.has::<KillTaskMessage>());
    agent.update(&stage, &run, TaskState::TaskFinished, 2);
    assert_eq!(second.status().state(), TaskState::TaskFinished);
}

/// Mirrors: FaultToleranceTest.SchedulerExit
#[test]
fn agents_end_a_framework_whose_driver_never_comes_back() {
    let (stage, agent) = staged();
    let mut info = mine("role");
    info.failover_timeout = Some(0.0);
    let driver = Driver::subscribe(&stage, info);

    driver.peer.disappear();
    stage.settle();
    stage.advance(std::time::Duration::from_millis(1));

    let shutdown: ShutdownFrameworkMessage = agent.peer.expect();
    assert_eq!(shutdown.framework_id(), &driver.id);
}

/// Mirrors: FaultToleranceTest.ForwardStatusUpdateUnknownExecutor
#[test]
fn update_of_a_task_that_the_master_never_saw_is_forwarded() {
    let (stage, agent) = staged();
    let (driver, mut run) = driver_with_task(&stage, &agent);
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(driver.status().state(), TaskState::TaskRunning);
    let unknown: v1::TaskId = from_json(&json!({"value": "task2"}));
    run.task.get_or_insert_default().task_id = Some(unknown);

    agent.update(&stage, &run, TaskState::TaskRunning, 2);

    let status = driver.status();
    assert_eq!(status.task_id().value(), "task2");
    assert_eq!(status.state(), TaskState::TaskRunning);
}

/// Mirrors: FaultToleranceTest.ChangePrincipalOnReRegistrationFails
#[test]
fn driver_that_takes_over_keeps_the_principal() {
    let (stage, _agent) = staged();
    let first = Driver::subscribe(&stage, mine("role"));
    let mut info = with_id(&first.id);
    info.principal = Some("other".to_owned());

    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(info));

    let error: FrameworkErrorMessage = peer.expect();
    assert_eq!(
        error.message(),
        "Changing framework's principal is not allowed."
    );
    assert!(!first.peer.has::<FrameworkErrorMessage>());
}

/// Mirrors: FaultToleranceTest.UpdateFrameworkInfoOnSchedulerFailover
#[test]
fn driver_that_takes_over_brings_a_new_description() {
    let (stage, _agent) = staged();
    let mut before = mine("role");
    before.capabilities.clear();
    before.roles.clear();
    before.labels = Some(from_json(
        &json!({"labels": [{"key": "foo", "value": "bar"}]}),
    ));
    let first = Driver::subscribe(&stage, before.clone());
    let mut after = before;
    after.id = Some(first.id.clone());
    after.capabilities = vec![from_json(&json!({"type": "REVOCABLE_RESOURCES"}))];
    after.name = Some("Framework 2".to_owned());
    after.webui_url = Some("http://localhost:8080/".to_owned());
    after.failover_timeout = Some(100.0);
    after.hostname = Some("myHostname".to_owned());
    after.labels = Some(from_json(
        &json!({"labels": [{"key": "baz", "value": "qux"}]}),
    ));

    Driver::subscribe(&stage, after);

    let error: FrameworkErrorMessage = first.peer.expect();
    assert_eq!(error.message(), "Framework failed over");
    let state = stage.get("/state");
    let shown = &state["frameworks"][0];
    assert_eq!(shown["name"], "Framework 2");
    assert_eq!(shown["webui_url"], "http://localhost:8080/");
    assert_eq!(shown["failover_timeout"], 100.0);
    assert_eq!(shown["hostname"], "myHostname");
    assert_eq!(shown["capabilities"], json!(["REVOCABLE_RESOURCES"]));
    assert_eq!(shown["labels"], json!([{"key": "baz", "value": "qux"}]));
}

/// A framework on HTTP that takes over from another.
fn taken_over(stage: &Stage, first: &mut Scheduler) -> Scheduler {
    let second = stage.subscribe(with_id(&first.id));
    let error = first.expect(event::Type::Error);
    assert_eq!(error.error().message(), "Framework failed over");
    assert!(first.next().is_none());
    second
}

/// Mirrors: HttpFaultToleranceTest.SchedulerFailoverStatusUpdate
#[test]
fn update_that_is_sent_again_reaches_the_scheduler_that_took_over() {
    let (stage, agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    let run = run_one(&mut first, &agent, "1", "cpus:1;mem:32");
    let mut second = taken_over(&stage, &mut first);

    agent.update(&stage, &run, TaskState::TaskRunning, 1);

    assert_eq!(second.update().state(), TaskState::TaskRunning);
}

/// Mirrors: HttpFaultToleranceTest.SchedulerFailoverExecutorToFrameworkMessage
#[test]
fn message_of_an_executor_reaches_the_scheduler_that_took_over() {
    let (stage, agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    let run = run_one(&mut first, &agent, "1", "cpus:1;mem:32");
    let mut second = taken_over(&stage, &mut first);

    stage.send(&agent.peer, &message(&run, &agent));

    let heard = second.expect(event::Type::Message);
    assert_eq!(heard.message().data().as_ref(), b"hello");
}

/// Mirrors: HttpFaultToleranceTest.SchedulerFailoverFrameworkToExecutorMessage
#[test]
fn scheduler_that_took_over_reaches_its_executor() {
    let (stage, agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    let _run = run_one(&mut first, &agent, "1", "cpus:1;mem:32");
    let second = taken_over(&stage, &mut first);

    second.call(from_json(&json!({
        "type": "MESSAGE",
        "message": {
            "agent_id": {"value": agent.id},
            "executor_id": {"value": "1"},
            "data": "aGVsbG8=",
        },
    })));

    let heard: FrameworkToExecutorMessage = agent.peer.expect();
    assert_eq!(heard.data().as_ref(), b"hello");
}

/// Mirrors: HttpFaultToleranceTest.FrameworkPrincipalChangeFails
#[test]
fn scheduler_that_takes_over_keeps_the_principal() {
    let (stage, _agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    let mut info = with_id(&first.id);
    info.principal = Some("other".to_owned());

    let mut second = Scheduler::open(&stage, info);

    let error = second.expect(event::Type::Error);
    assert_eq!(
        error.error().message(),
        "Changing framework's principal is not allowed."
    );
    assert!(second.next().is_none());
    assert!(!first.heard_before_answer(event::Type::Error));
}

/// Mirrors: HttpFaultToleranceTest.SchedulerSubscribeAfterFailoverTimeout
#[test]
fn scheduler_that_comes_back_too_late_is_refused() {
    let (stage, _agent) = staged();
    let mut info = mine("role");
    info.failover_timeout = Some(60.0);
    let first = stage.subscribe(info);
    let id = first.id.clone();
    drop(first);
    stage.until("the end of the connection", || {
        stage.get("/frameworks")["frameworks"][0]["connected"] == false
    });
    stage.advance(std::time::Duration::from_secs(61));

    let mut late = Scheduler::open(&stage, with_id(&id));

    let error = late.expect(event::Type::Error);
    assert_eq!(error.error().message(), "Framework has been removed");
    assert!(late.next().is_none());
}

/// Mirrors: HttpFaultToleranceTest.SchedulerExit
#[test]
fn agents_end_a_framework_that_tears_itself_down() {
    let (stage, agent) = staged();
    let mut scheduler = stage.subscribe(mine("role"));
    let _run = run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");

    scheduler.say(call::Type::Teardown);

    let shutdown: ShutdownFrameworkMessage = agent.peer.expect();
    assert_eq!(shutdown.framework_id(), &scheduler.id);
}

/// Mirrors: SchedulerHttpApiTest.UpdatePidToHttpScheduler
#[test]
fn driver_can_become_a_scheduler_on_http() {
    let (stage, _agent) = staged();
    let driver = Driver::subscribe(&stage, mine("role"));

    let scheduler = stage.subscribe(with_id(&driver.id));

    assert_eq!(scheduler.id, driver.id);
    let error: FrameworkErrorMessage = driver.peer.expect();
    assert_eq!(error.message(), "Framework failed over");
}

/// Mirrors: SchedulerHttpApiTest.UpdateHttpToPidScheduler
/// Mirrors: SchedulerHttpApiTest.UpdateHttpToPidSchedulerAndBack
#[test]
fn scheduler_on_http_can_become_a_driver_and_come_back() {
    let (stage, _agent) = staged();
    let mut first = stage.subscribe(mine("role"));

    let driver = Driver::subscribe(&stage, with_id(&first.id));
    assert_eq!(driver.id, first.id);
    let error = first.expect(event::Type::Error);
    assert_eq!(error.error().message(), "Framework failed over");
    let again = stage.subscribe(with_id(&driver.id));

    assert_eq!(again.id, driver.id);
    let error: FrameworkErrorMessage = driver.peer.expect();
    assert_eq!(error.message(), "Framework failed over");
}

/// Mirrors: ResourceOffersTest.ResourceOfferWithMultipleSlaves
#[test]
fn each_agent_is_an_offer() {
    let stage = Stage::start();
    let agents: Vec<Agent> = (0..10).map(|_| stage.agent("cpus:2;mem:1024")).collect();

    let mut scheduler = stage.subscribe(mine("role"));

    let offers = scheduler.offers();
    assert_eq!(offers.len(), agents.len());
    for offer in &offers {
        let resources = mesos_common::resources::Resources::from_proto(&offer.resources);
        assert_eq!(resources.cpus().map(|cpus| cpus.whole_units()), Some(2));
        assert_eq!(resources.mem().map(|mem| mem.whole_units()), Some(1024));
    }
}

/// Mirrors: ResourceOffersTest.ResourcesGetReofferedAfterFrameworkStops
#[test]
fn resources_of_a_framework_that_ends_are_offered_to_others() {
    let (stage, _agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    assert!(!first.offers().is_empty());

    first.say(call::Type::Teardown);
    let mut second = stage.subscribe(mine("role"));

    assert!(!second.offers().is_empty());
}

/// Mirrors: ResourceOffersTest.ResourcesGetReofferedWhenUnused
#[test]
fn resources_that_a_launch_of_nothing_leaves_are_offered_to_others() {
    let (stage, _agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    let offer = first.offers()[0].clone();

    first.call(from_json(&json!({
        "type": "ACCEPT",
        "accept": {
            "offer_ids": [{"value": offer.id().value()}],
            "operations": [{"type": "LAUNCH", "launch": {}}],
        },
    })));
    let mut second = stage.subscribe(mine("role"));

    assert!(!second.offers().is_empty());
}

/// Mirrors: ResourceOffersTest.ResourcesGetReofferedAfterTaskInfoError
#[test]
fn resources_of_an_invalid_task_are_offered_to_others() {
    let (stage, _agent) = staged();
    let mut first = stage.subscribe(mine("role"));
    let offer = first.offers()[0].clone();
    let mut bad = task("1", &offer, "cpus:1;mem:1024");
    for resource in &mut bad.resources {
        if resource.name() == "cpus" {
            resource.scalar = Some(from_json(&json!({"value": -1})));
        }
    }

    first.call(from_json(&json!({
        "type": "ACCEPT",
        "accept": {
            "offer_ids": [{"value": offer.id().value()}],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [
                serde_json::from_str::<serde_json::Value>(
                    &mesos_proto_codec::to_json(&bad, mesos_proto_codec::Dialect::V1)
                ).expect("JSON"),
            ]}}],
        },
    })));

    let status = first.update();
    assert_eq!(status.task_id().value(), "1");
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.reason(), Reason::ReasonTaskInvalid);
    assert!(
        status.message().contains("Invalid scalar resource"),
        "{}",
        status.message()
    );
    let mut second = stage.subscribe(mine("role"));
    assert!(!second.offers().is_empty());
}

/// Mirrors: TeardownTest.NoHeader
/// Mirrors: TeardownTest.BadCredentials
#[test]
fn who_proves_nothing_tears_nothing_down() {
    let (stage, _file) = Stage::guarded();
    let scheduler = stage.subscribe(mine("role"));
    let body = format!("frameworkId={}", scheduler.id.value());

    assert_eq!(stage.post_as(None, "/teardown", &body).0, 401);
    assert_eq!(stage.post_as(Some(MALLORY), "/teardown", &body).0, 401);
    assert_eq!(stage.post_as(Some(ALICE), "/teardown", &body).0, 200);
}
