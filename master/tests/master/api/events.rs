//! The stream of events.

use std::time::Duration;

use mesos_proto::internal::{AgentReregisteredMessage, RunTaskMessage, UnregisterAgentMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::event::{self, Type as Kind};
use mesos_proto::v1::task_status::Reason;
use serde_json::json;

use crate::support::api::{Follower, Form, in_both_forms, with};
use crate::support::{
    ALICE, Agent, Scheduler, Stage, agent_info, framework, from_json, launch, mine, ruled, run_one,
    task,
};

const INTERVAL: Duration = Duration::from_secs(15);

fn is_empty(state: &v1::master::response::GetState) -> bool {
    state.get_frameworks().frameworks.is_empty()
        && state.get_agents().agents.is_empty()
        && state.get_tasks().tasks.is_empty()
        && state.get_executors().executors.is_empty()
}

/// Subscribes to a master that knows nobody.
#[track_caller]
fn follow(stage: &Stage, form: Form) -> Follower {
    let (follower, subscribed) = Follower::subscribe(stage, form, None);
    assert!(is_empty(subscribed.get_state()));
    follower
}

/// Mirrors: MasterAPITest.SubscribeAgentEvents
#[test]
fn agents_come_and_go() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let mut follower = follow(&stage, form);

        let agent = stage.agent_of(agent_info("cpus:2;mem:1024;disk:1024;ports:[1-2]"));
        let added = follower.expect(Kind::AgentAdded);
        let unregister = UnregisterAgentMessage {
            agent_id: Some(agent.proto_id()),
            ..Default::default()
        };
        stage.send(&agent.peer, &unregister);

        let shown = added.agent_added().agent();
        assert_eq!(shown.agent_info().hostname(), "host");
        assert_eq!(shown.agent_info().id(), &agent.proto_id());
        assert_eq!(shown.pid(), agent.peer.upid().to_string());
        assert_eq!(shown.version(), "1.11.0");
        assert_eq!(shown.total_resources.len(), 4);
        let removed = follower.expect(Kind::AgentRemoved);
        assert_eq!(removed.agent_removed().agent_id(), &agent.proto_id());
    });
}

/// A task with a health check.
fn checked(offer: &v1::Offer) -> v1::TaskInfo {
    let mut info = task("t", offer, "cpus:1;mem:32");
    let check = json!({"type": "COMMAND", "command": {"value": "exit 0"}});
    info.health_check = Some(from_json::<v1::HealthCheck>(&check).into());
    info
}

/// Mirrors: MasterAPITest.Subscribe
#[test]
fn tasks_are_added_and_updated_once() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let agent = stage.agent("cpus:4;mem:1024");
        let mut scheduler = stage.subscribe(framework("eng"));
        let offers = scheduler.offers();
        let (mut follower, subscribed) = Follower::subscribe(&stage, form, None);
        let state = subscribed.get_state();
        assert_eq!(state.get_frameworks().frameworks.len(), 1);
        assert_eq!(state.get_agents().agents.len(), 1);
        assert!(state.get_tasks().tasks.is_empty());
        assert!(state.get_executors().executors.is_empty());

        scheduler.accept(&offers[0], vec![launch(vec![checked(&offers[0])])]);
        let run: RunTaskMessage = agent.peer.expect();
        agent.update(&stage, &run, TaskState::TaskRunning, 1);
        scheduler.update();
        // The agent sends it again, for nobody acknowledged it.
        agent.update(&stage, &run, TaskState::TaskRunning, 1);
        scheduler.update();
        stage.advance(INTERVAL);

        let added = follower.expect(Kind::TaskAdded);
        let added = added.task_added().task();
        assert_eq!(added.task_id().value(), "t");
        let check = added.health_check();
        assert_eq!(check.r#type(), v1::health_check::Type::Command);
        assert_eq!(check.command().value(), "exit 0");
        let updated = follower.expect(Kind::TaskUpdated);
        let updated = updated.task_updated();
        assert_eq!(updated.state(), TaskState::TaskRunning);
        assert_eq!(updated.status().state(), TaskState::TaskRunning);
        assert_eq!(updated.status().task_id().value(), "t");
        follower.expect(Kind::Heartbeat);
    });
}

/// Mirrors: MasterAPITest.SubscribersReceiveHealthUpdates
#[test]
fn health_of_tasks_is_followed() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let agent = stage.agent("cpus:4;mem:1024");
        let mut scheduler = stage.subscribe(framework("eng"));
        let (mut follower, _) = Follower::subscribe(&stage, form, None);
        let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
        agent.update(&stage, &run, TaskState::TaskRunning, 1);
        follower.expect(Kind::TaskAdded);
        follower.expect(Kind::TaskUpdated);

        agent.update_with(&stage, &run, TaskState::TaskRunning, 2, |status| {
            status.reason = Some(Reason::ReasonTaskHealthCheckStatusUpdated.into());
            status.healthy = Some(false);
        });

        let updated = follower.expect(Kind::TaskUpdated);
        let status = updated.task_updated().status();
        assert_eq!(status.task_id().value(), "t");
        assert_eq!(status.state(), TaskState::TaskRunning);
        assert_eq!(status.reason(), Reason::ReasonTaskHealthCheckStatusUpdated);
        assert_eq!(status.healthy, Some(false));
    });
}

/// Mirrors: MasterAPITest.MasterFailover
#[test]
fn agent_of_a_former_master_brings_its_frameworks_and_tasks() {
    in_both_forms(|form| {
        let mut stage = Stage::start();
        let mut agent = stage.agent("cpus:4;mem:1024");
        let mut scheduler = stage.subscribe(framework("eng"));
        let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
        agent.update(&stage, &run, TaskState::TaskRunning, 1);
        stage.fail_over(|_| {});
        let mut follower = follow(&stage, form);

        agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);

        let added = follower.expect(Kind::AgentAdded);
        let shown = added.agent_added().agent();
        assert_eq!(shown.agent_info().id(), &agent.proto_id());
        let added = follower.expect(Kind::FrameworkAdded);
        let shown = added.framework_added().framework();
        assert_eq!(shown.framework_info().id(), &scheduler.id);
        assert!(!shown.active() && !shown.connected() && shown.recovered());
        let added = follower.expect(Kind::TaskAdded);
        assert_eq!(added.task_added().task().task_id().value(), "t");
    });
}

/// A task whose executor runs as somebody.
fn task_of(user: &str, id: &str, offer: &v1::Offer) -> v1::TaskInfo {
    let mut info = task(id, offer, "cpus:0.1;mem:32");
    info.command = None;
    let executor = json!({
        "executor_id": {"value": id},
        "command": {"value": "sleep 1000", "user": user},
    });
    info.executor = Some(from_json::<v1::ExecutorInfo>(&executor).into());
    info
}

/// Launches a task that reports that it runs.
fn run_as(stage: &Stage, scheduler: &mut Scheduler, agent: &Agent, user: &str, offer: &v1::Offer) {
    let info = task_of(user, user, offer);
    scheduler.accept(offer, vec![launch(vec![info])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    scheduler.acknowledge(&status);
}

/// Mirrors: MasterAPITest.EventAuthorizationFiltering
#[test]
fn follower_hears_of_tasks_that_he_may_see() {
    in_both_forms(|form| {
        let (stage, _file) = ruled(&json!({"view_tasks": [
            {"principals": {"values": ["alice"]}, "users": {"values": ["root"]}},
            {"principals": {"values": ["alice"]}, "users": {"type": "NONE"}}]}));
        let agent = stage.agent("cpus:4;mem:1024");
        let mut info = framework("eng");
        info.user = Some("root".to_owned());
        let mut scheduler = stage.subscribe(info);
        let offer = scheduler.offers()[0].clone();
        let (mut follower, subscribed) = Follower::subscribe(&stage, form, Some(ALICE));
        let state = subscribed.get_state();
        assert_eq!(state.get_frameworks().frameworks.len(), 1);
        assert_eq!(state.get_agents().agents.len(), 1);
        assert!(state.get_tasks().tasks.is_empty());

        run_as(&stage, &mut scheduler, &agent, "root", &offer);
        let offer = scheduler.next_offer(&stage);
        run_as(&stage, &mut scheduler, &agent, "foo", &offer);
        stage.advance(INTERVAL);

        let added = follower.expect(Kind::TaskAdded);
        assert_eq!(added.task_added().task().task_id().value(), "root");
        let updated = follower.expect(Kind::TaskUpdated);
        let updated = updated.task_updated();
        assert_eq!(updated.state(), TaskState::TaskRunning);
        assert_eq!(updated.status().state(), TaskState::TaskRunning);
        assert_eq!(updated.status().task_id().value(), "root");
        follower.expect(Kind::Heartbeat);
    });
}

/// Mirrors: MasterAPITest.FrameworksEvent
#[test]
fn framework_is_added_updated_and_removed() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let mut follower = follow(&stage, form);
        let mut info = mine("eng");
        info.checkpoint = Some(false);

        let scheduler = stage.subscribe(info.clone());
        info.id = Some(scheduler.id.clone());
        let added = follower.expect(Kind::FrameworkAdded);
        stage.advance(Duration::from_secs(1));
        let _again = stage.subscribe(info.clone());
        let updated = follower.expect(Kind::FrameworkUpdated);
        let teardown = json!({"framework_id": {"value": scheduler.id.value()}});
        stage.told(form, None, &with(Type::Teardown, &teardown), 200);

        let added = added.framework_added().framework();
        assert_eq!(added.framework_info(), &info);
        assert!(added.active() && added.connected());
        let updated = updated.framework_updated().framework();
        assert_eq!(updated.framework_info(), &info);
        assert_eq!(updated.registered_time(), added.registered_time());
        let back = updated.reregistered_time().nanoseconds();
        assert!(back > added.registered_time().nanoseconds());
        let removed = follower.expect(Kind::FrameworkRemoved);
        let gone = removed.framework_removed().framework_info();
        assert_eq!(gone.id(), &scheduler.id);
    });
}

/// Mirrors: MasterAPITest.Heartbeat
#[test]
fn heart_beats_every_fifteen_seconds() {
    in_both_forms(|form| {
        let stage = Stage::start();
        let (mut follower, subscribed) = Follower::subscribe(&stage, form, None);
        assert!(is_empty(subscribed.get_state()));
        let interval: &event::Subscribed = &subscribed;
        assert!((interval.heartbeat_interval_seconds() - 15.0).abs() < 1e-9);

        // An agent that comes just before each beat would be heard before a beat too many.
        for _ in 0..10 {
            stage.advance(INTERVAL - Duration::from_millis(1));
            let agent = stage.agent("cpus:1;mem:32");
            follower.expect(Kind::AgentAdded);
            stage.advance(Duration::from_millis(1));
            follower.expect(Kind::Heartbeat);
            drop(agent);
        }
    });
}

const FOLLOWERS: &str = "master/operator_event_stream_subscribers";

#[track_caller]
fn followed_by(stage: &Stage, count: f64) {
    stage.until("the end of a connection", || {
        (stage.metric(FOLLOWERS) - count).abs() < 1e-9
    });
}

/// Mirrors: MasterAPITest.MaxEventStreamSubscribers
#[test]
fn oldest_follower_makes_room_for_a_new_one() {
    in_both_forms(|form| {
        let stage = Stage::start_with(|flags| flags.max_operator_event_stream_subscribers = 2);
        let (mut first, _) = Follower::subscribe(&stage, form, None);
        let (mut second, _) = Follower::subscribe(&stage, form, None);
        assert!((stage.metric(FOLLOWERS) - 2.0).abs() < 1e-9);

        let (third, _) = Follower::subscribe(&stage, form, None);
        assert!(first.next().is_none());
        drop(third);
        followed_by(&stage, 1.0);
        stage.advance(INTERVAL);
        second.expect(Kind::Heartbeat);
        let (_fourth, _) = Follower::subscribe(&stage, form, None);
        stage.advance(INTERVAL);

        second.expect(Kind::Heartbeat);
        assert!((stage.metric(FOLLOWERS) - 2.0).abs() < 1e-9);
    });
}

#[test]
fn agent_that_returns_to_its_master_is_no_new_one() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let (mut follower, _) = Follower::subscribe(&stage, Form::Json, None);

    stage.send(&agent.peer, &agent.reregistration(&[]));
    let _back: AgentReregisteredMessage = agent.peer.expect();
    stage.advance(INTERVAL);

    follower.expect(Kind::Heartbeat);
}
