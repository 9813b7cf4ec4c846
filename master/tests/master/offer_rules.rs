//! What is offered, and when resources are free again.

use std::time::Duration;

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    ExitedExecutorMessage, KillTaskMessage, RunTaskMessage, StatusUpdate, StatusUpdateMessage,
    UpdateFrameworkMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Call, call, event};
use mesos_proto::v1::task_status::Reason;
use serde_json::json;

use crate::support::operations::{offered, parsed};
use crate::support::{
    Agent, Driver, Scheduler, Stage, executor_task, from_json, launch, mine, task, unaware,
    uuid_message,
};

fn staged(resources: &str) -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent(resources);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

fn kill(scheduler: &Scheduler, id: &str) {
    let kill: call::Kill = from_json(&json!({"task_id": {"value": id}}));
    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(kill.into()),
        ..Default::default()
    });
    assert_eq!(answer.status, 202);
}

/// Mirrors: MasterTest.OfferNotRescindedOnceDeclined
#[test]
fn offer_that_was_declined_is_not_rescinded() {
    let stage = Stage::start_with(|flags| flags.offer_timeout = Some(Duration::from_secs(30)));
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offers = scheduler.offers();
    scheduler.decline(&offers, 1000.0);
    stage.settle();

    stage.advance(Duration::from_secs(31));

    assert!(!scheduler.heard_before_answer(event::Type::Rescind));
}

/// Mirrors: MasterTest.MaxExecutorsPerSlave
#[test]
fn agent_with_as_many_executors_as_it_may_have_is_not_offered() {
    let stage = Stage::start_with(|flags| flags.max_executors_per_agent = Some(0));
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));

    stage.advance(Duration::from_secs(2));

    assert!(!scheduler.heard_before_answer(event::Type::Offers));
}

#[test]
fn agent_that_may_have_one_executor_is_offered_until_it_has_one() {
    let stage = Stage::start_with(|flags| flags.max_executors_per_agent = Some(1));
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let task = executor_task("1", "default", &offer, "cpus:1;mem:32");

    scheduler.accept(&offer, vec![launch(vec![task])]);

    let _run: RunTaskMessage = agent.peer.expect();
    stage.advance(Duration::from_secs(2));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));
}

/// Mirrors: MasterTest.IgnoreEphemeralPortsResource
#[test]
fn ephemeral_ports_are_not_shown_to_frameworks() {
    let without = "cpus:2;gpus:0;mem:1024;disk:1024;ports:[31000-32000]";
    let with = format!("{without};ephemeral_ports:[30001-30999]");

    let (_stage, _agent, _scheduler, offer) = staged(&with);

    assert_eq!(offered(&offer), parsed(without));
}

/// Mirrors: MasterTest.LaunchDifferentRoleLost
#[test]
fn offers_to_two_roles_cannot_be_used_together() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut info = unaware(mine("role1"));
    info.roles.push("role2".to_owned());
    let mut scheduler = stage.subscribe(info);
    let first = scheduler.offers()[0].clone();
    assert_eq!(offered(&first), parsed("cpus:2;mem:1024"));
    let one = task("1", &first, "cpus:1;mem:512");
    scheduler.accept(&first, vec![launch(vec![one])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    let second = scheduler.next_offer(&stage);
    assert_eq!(offered(&second), parsed("cpus:1;mem:512"));
    kill(&scheduler, "1");
    let _kill: KillTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    assert_eq!(scheduler.update().state(), TaskState::TaskKilled);
    let third = scheduler.next_offer(&stage);
    assert_eq!(offered(&third), parsed("cpus:1;mem:512"));
    assert_ne!(
        second.allocation_info().role(),
        third.allocation_info().role()
    );

    let both = call::Accept {
        offer_ids: vec![second.id().clone(), third.id().clone()],
        operations: vec![launch(vec![task("2", &second, "cpus:2;mem:1024")])],
        filters: Some(crate::support::refusing(0.0)),
        ..Default::default()
    };
    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Accept.into()),
        accept: Some(both.into()),
        ..Default::default()
    });

    assert_eq!(answer.status, 202);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskLost);
    assert_eq!(status.reason(), Reason::ReasonInvalidOffers);
    let next = scheduler.next_offer(&stage);
    assert_eq!(offered(&next), parsed("cpus:2;mem:1024"));
}

/// Mirrors: MasterTest.RecoverResources
#[test]
fn resources_of_a_task_and_of_its_executor_come_back_one_after_the_other() {
    let all = "cpus:2;gpus:0;mem:1024;disk:1024;ports:[1-10, 20-30]";
    let (stage, agent, mut scheduler, offer) = staged(all);
    let executor = parsed("cpus:0.3;mem:200;ports:[5-8, 23-25]");
    let rest = &parsed(all) - &executor;
    let mut task = executor_task("1", "default", &offer, "cpus:1");
    let allocated = |resources: &Resources| {
        let mut resources = resources.clone();
        resources.allocate(&"role".into());
        resources.to_proto()
    };
    task.resources = allocated(&rest);
    task.executor.get_or_insert_default().resources = allocated(&executor);
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);

    kill(&scheduler, "1");
    let _kill: KillTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    assert_eq!(scheduler.update().state(), TaskState::TaskKilled);
    scheduler.say(call::Type::Revive);

    let next = scheduler.next_offer(&stage);
    assert_eq!(offered(&next), rest);
    scheduler.decline(&[next], 0.0);
    let exited = ExitedExecutorMessage {
        agent_id: Some(agent.proto_id()),
        framework_id: Some(scheduler.id.clone()),
        executor_id: Some(from_json(&json!({"value": "default"}))),
        status: Some(9),
        ..Default::default()
    };
    stage.send(&agent.peer, &exited);
    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().executor_id().value(), "default");
    assert_eq!(offered(&scheduler.next_offer(&stage)), parsed(all));
}

/// Mirrors: MasterTest.UnacknowledgedTerminalTask
#[test]
fn resources_of_an_ended_task_are_offered_before_anybody_acknowledges() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:1;mem:64");
    let task = executor_task("1", "default", &offer, "cpus:1;mem:64");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();

    agent.update(&stage, &run, TaskState::TaskFinished, 1);

    let next = scheduler.next_offer(&stage);
    assert_eq!(
        Resources::from_proto(&next.resources),
        Resources::from_proto(&offer.resources)
    );
}

/// Mirrors: MasterTest.ReleaseResourcesForTerminalTaskWithPendingUpdates
#[test]
fn resources_are_free_when_an_older_update_says_that_the_task_ended() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:1;mem:64");
    let task = executor_task("1", "default", &offer, "cpus:1;mem:64");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let uuid = uuid_message(1).value;
    let status = v1::TaskStatus {
        task_id: run.task().task_id.clone(),
        state: Some(TaskState::TaskRunning.into()),
        agent_id: Some(agent.proto_id()),
        uuid: uuid.clone(),
        ..Default::default()
    };

    let again = StatusUpdate {
        framework_id: Some(scheduler.id.clone()),
        agent_id: Some(agent.proto_id()),
        status: Some(status.into()),
        timestamp: Some(1.0),
        uuid,
        latest_state: Some(TaskState::TaskFinished.into()),
        ..Default::default()
    };
    let message = StatusUpdateMessage {
        update: Some(again.into()),
        pid: Some(agent.peer.upid().to_string()),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);

    let next = scheduler.next_offer(&stage);
    assert_eq!(offered(&next), parsed("cpus:1;mem:64"));
}

/// Mirrors: MasterTest.MultipleExecutors
#[test]
fn two_tasks_of_an_offer_run_under_two_executors() {
    let (stage, agent, mut scheduler, offer) = staged("cpus:2;mem:1024");
    let tasks = vec![
        executor_task("1", "executor-1", &offer, "cpus:1;mem:512"),
        executor_task("2", "executor-2", &offer, "cpus:1;mem:512"),
    ];

    scheduler.accept(&offer, vec![launch(tasks)]);

    for (id, executor, uuid) in [("1", "executor-1", 1), ("2", "executor-2", 2)] {
        let run: RunTaskMessage = agent.peer.expect();
        assert_eq!(run.task().task_id().value(), id);
        assert_eq!(run.task().executor().executor_id().value(), executor);
        assert!(run.launch_executor());
        agent.update(&stage, &run, TaskState::TaskRunning, uuid);
        let status = scheduler.update();
        assert_eq!(status.task_id().value(), id);
        assert_eq!(status.state(), TaskState::TaskRunning);
    }
}

/// Mirrors: MasterTest.UpdateSlaveMessageWithPendingOffers
#[test]
fn offer_is_taken_back_when_a_resource_provider_grows() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let disk = |megabytes: f64, kind: &str| {
        let disk: v1::Resource = from_json(&json!({
            "name": "disk",
            "type": "SCALAR",
            "scalar": {"value": megabytes},
            "disk": {"source": {"type": kind}},
        }));
        Resources::from_proto(&[disk])
    };
    let tell = |resources: &Resources| {
        let provider = crate::support::provider("rp", resources, vec![]);
        agent.announce(&stage, vec![], Some(vec![provider]));
    };
    let provided = |resources: &Resources| crate::support::operations::provided(resources, "rp");
    let (raw, block) = (disk(200.0, "RAW"), disk(100.0, "BLOCK"));
    tell(&raw);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    assert!(offered(&offer).contains(&provided(&raw)));

    tell(&(&raw + &block));

    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offer.id());
    let next = offered(&scheduler.next_offer(&stage));
    assert!(next.contains(&provided(&raw)) && next.contains(&provided(&block)));
}

/// Mirrors: MasterTest.MultiRoleSchedulerUnsubscribeFromRole
#[test]
fn framework_is_tracked_under_a_role_that_it_left_while_a_task_holds_its_resources() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:2048");
    let first = Driver::subscribe(&stage, mine("foo"));
    let offer = first.offers()[0].clone();
    stage.counts_of(&first.id, "roles/foo/suppressed", 0.0);
    let mut accept: mesos_proto::v0::scheduler::Call = from_json(&json!({
        "framework_id": {"value": "filled in"},
        "type": "ACCEPT",
        "accept": {"offer_ids": [{"value": offer.id().value()}]},
    }));
    accept.accept.get_or_insert_default().operations =
        vec![launch(vec![task("1", &offer, "cpus:1;mem:512")])];
    first.call(&stage, accept);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(first.status().state(), TaskState::TaskRunning);
    let mut info = mine("foo");
    info.roles.clear();
    info.id = Some(first.id.clone());
    let second = Driver::subscribe(&stage, info);
    let _told: UpdateFrameworkMessage = agent.peer.expect();
    let suppressed = format!(
        "master/frameworks/test/{}/roles/foo/suppressed",
        first.id.value()
    );
    assert_eq!(stage.find_metric(&suppressed), None);

    stage.lose_agents();

    let lost = second.status();
    assert_eq!(lost.state(), TaskState::TaskUnreachable);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    assert_eq!(lost.agent_id().value(), agent.id);
    assert_eq!(stage.get("/roles"), json!({"roles": []}));
    stage.send(
        &agent.peer,
        &agent.reregistration(&[(&run, TaskState::TaskRunning)]),
    );
    let running = second.status();
    assert_eq!(running.state(), TaskState::TaskRunning);
    assert_eq!(running.reason(), Reason::ReasonAgentReregistered);
    let roles = stage.get("/roles");
    assert_eq!(roles["roles"][0]["name"], "foo");
    assert_eq!(roles["roles"][0]["frameworks"], json!([first.id.value()]));
    stage.advance(Duration::from_secs(2));
    assert!(
        !second
            .peer
            .has::<mesos_proto::internal::ResourceOffersMessage>()
    );
}

/// Mirrors: MasterTest.NonCheckpointingFrameworkAgentDisconnectionExecutorOnly
#[test]
fn agent_that_held_only_an_executor_of_an_ended_framework_can_be_marked_gone() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut info = mine("role");
    info.checkpoint = Some(false);
    let mut scheduler = stage.subscribe(info);
    let offer = scheduler.offers()[0].clone();
    let task = executor_task("1", "default", &offer, "cpus:2;mem:1024");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskFinished, 1);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskFinished);
    scheduler.acknowledge(&status);
    stage.settle();
    stage
        .runtime
        .inject_exited(stage.master.upid(), agent.peer.upid());
    stage.settle();
    let agents = stage.call(r#"{"type":"GET_AGENTS"}"#).json();
    let agents = agents["get_agents"]["agents"].as_array().expect("a list");
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0]["active"], false);
    scheduler.tear_down();
    let frameworks = stage.call(r#"{"type":"GET_FRAMEWORKS"}"#).json();
    let count = |list: &str| {
        frameworks["get_frameworks"][list]
            .as_array()
            .map_or(0, Vec::len)
    };
    assert_eq!((count("frameworks"), count("completed_frameworks")), (0, 1));

    let gone = json!({
        "type": "MARK_AGENT_GONE",
        "mark_agent_gone": {"agent_id": {"value": agent.id}},
    });
    let answer = stage.call(&gone.to_string());

    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Mirrors: MasterTest.LostTaskCleanup
#[test]
fn task_that_maintenance_lost_is_running_when_its_agent_says_so() {
    let stage = Stage::start();
    let mut agent = stage.agent_at("maintained", "cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(unaware(mine("role")));
    let offer = scheduler.offers()[0].clone();
    let task = executor_task("1", "default", &offer, "cpus:2;mem:1024");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    scheduler.acknowledge(&status);
    let machine = json!({"hostname": "maintained", "ip": "127.0.0.1"});
    let post = |path: &str, body: &serde_json::Value| {
        let headers = [("Content-Type", "application/json")];
        let answer = stage.http("POST", path, &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    };
    post(
        "/maintenance/schedule",
        &json!({"windows": [{
            "machine_ids": [machine],
            "unavailability": {"start": {"nanoseconds": 0}},
        }]}),
    );
    post("/machine/down", &json!([machine]));
    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskLost);
    assert_eq!(lost.source(), v1::task_status::Source::SourceMaster);
    post("/machine/up", &json!([machine]));

    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);

    let running = scheduler.update();
    assert_eq!(running.state(), TaskState::TaskRunning);
    assert_eq!(running.source(), v1::task_status::Source::SourceMaster);
    let tasks = stage.call(r#"{"type":"GET_TASKS"}"#).json();
    let tasks = &tasks["get_tasks"];
    assert_eq!(tasks["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(tasks["tasks"][0]["state"], "TASK_RUNNING");
    assert_eq!(tasks["completed_tasks"].as_array().map_or(0, Vec::len), 0);
}
