//! Registrations that come twice, or too late.

use libprocess::Upid;
use libprocess::testing::Pattern;
use mesos_proto::internal::{
    AgentRegisteredMessage, FrameworkRegisteredMessage, FrameworkReregisteredMessage,
    RegisterAgentMessage, UnregisterFrameworkMessage,
};
use mesos_proto::v1;
use serde_json::json;

use crate::authorized_views::count;
use crate::support::{
    ALICE, BOB, Driver, Peer, Stage, agent_capabilities, agent_info, framework, mine, ruled,
    run_one, uuid_message,
};

/// Everybody may do everything, and everybody is asked about.
fn asked() -> (Stage, tempfile::NamedTempFile) {
    ruled(&json!({"permissive": true}))
}

/// Mirrors: MasterAuthorizationTest.DuplicateRegistration
#[test]
fn driver_that_subscribes_twice_is_acknowledged_twice() {
    let (stage, _file) = asked();
    let subscriptions = stage
        .runtime
        .hold(Pattern::message().to(stage.master.upid()));
    let driver = Peer::start(&stage.runtime, "scheduler");
    for _ in 0..2 {
        stage.send(&driver, &Driver::subscription(mine("role")));
    }
    stage.settle();
    assert_eq!(subscriptions.len(), 2);

    subscriptions.release();

    let first: FrameworkRegisteredMessage = driver.expect();
    let second: FrameworkRegisteredMessage = driver.expect();
    assert_eq!(first.framework_id(), second.framework_id());
}

fn known(driver: &Driver) -> v1::FrameworkInfo {
    let mut info = mine("role");
    info.id = Some(driver.id.clone());
    info
}

/// Mirrors: MasterAuthorizationTest.DuplicateReregistration
#[test]
fn driver_that_resubscribes_twice_is_acknowledged_twice() {
    let (stage, _file) = asked();
    let driver = Driver::subscribe(&stage, mine("role"));
    let subscriptions = stage
        .runtime
        .hold(Pattern::message().to(stage.master.upid()));
    for _ in 0..2 {
        let mut again = Driver::subscription(known(&driver));
        again.subscribe.get_or_insert_default().force = Some(false);
        stage.send(&driver.peer, &again);
    }
    stage.settle();
    assert_eq!(subscriptions.len(), 2);

    subscriptions.release();

    for _ in 0..2 {
        let back: FrameworkReregisteredMessage = driver.peer.expect();
        assert_eq!(back.framework_id(), &driver.id);
    }
}

/// How many frameworks are registered, and how many are completed.
fn frameworks(stage: &Stage) -> (usize, usize) {
    let document = stage.http_as(ALICE, "GET", "/frameworks", b"").json();
    (
        count(&document, "/frameworks"),
        count(&document, "/completed_frameworks"),
    )
}

/// Mirrors: MasterAuthorizationTest.FrameworkRemovedBeforeRegistration
#[test]
fn framework_whose_driver_is_gone_when_it_is_subscribed_is_removed() {
    let (stage, _file) = asked();
    let subscription = stage
        .runtime
        .hold(Pattern::message().to(stage.master.upid()));
    let driver = Peer::start(&stage.runtime, "scheduler");
    let mut info = mine("role");
    info.failover_timeout = Some(0.0);
    stage.send(&driver, &Driver::subscription(info));
    stage.settle();
    driver.disappear();
    stage.settle();
    assert_eq!(subscription.len(), 1);

    subscription.release();
    stage.settle();
    stage.advance(std::time::Duration::from_secs(1));

    assert_eq!(frameworks(&stage), (0, 1));
}

/// Mirrors: MasterAuthorizationTest.FrameworkRemovedBeforeReregistration
#[test]
fn framework_that_ended_before_it_is_resubscribed_stays_ended() {
    let (stage, _file) = asked();
    let driver = Driver::subscribe(&stage, mine("role"));
    let subscription = stage.runtime.hold(
        Pattern::message()
            .named("mesos.scheduler.Call")
            .to(stage.master.upid()),
    );
    stage.send(&driver.peer, &Driver::subscription(known(&driver)));
    let end = UnregisterFrameworkMessage {
        framework_id: Some(driver.id.clone()),
        ..Default::default()
    };
    stage.send(&driver.peer, &end);
    stage.settle();
    assert_eq!(frameworks(&stage), (0, 1));
    assert_eq!(subscription.len(), 1);

    subscription.release();
    stage.settle();

    assert!(!driver.peer.has::<FrameworkReregisteredMessage>());
    assert_eq!(frameworks(&stage), (0, 1));
}

/// Mirrors: MasterAuthorizationTest.RetryRegisterAgent
#[test]
fn agent_that_asks_again_while_it_is_admitted_is_admitted_once() {
    let (stage, _file) = asked();
    let address = stage.runtime.address();
    let registrar: Upid = format!("registrar(1)@{address}").parse().expect("a pid");
    let storing = stage.runtime.hold(Pattern::dispatch().to(&registrar));
    let peer = Peer::start(&stage.runtime, "slave");
    let message = RegisterAgentMessage {
        agent: Some(agent_info("cpus:4;mem:1024").into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    };
    stage.send(&peer, &message);
    stage.settle();
    assert_eq!(storing.len(), 1);
    stage.send(&peer, &message);
    stage.settle();
    assert_eq!(storing.len(), 1);

    storing.release();

    let _registered: AgentRegisteredMessage = peer.expect();
    assert!(!peer.has::<AgentRegisteredMessage>());
    let agents = stage.http_as(ALICE, "GET", "/slaves", b"").json();
    assert_eq!(count(&agents, "/slaves"), 1);
}

/// Mirrors: MasterAuthorizerTest.FilterOrphanedTasks
#[test]
fn tasks_whose_framework_is_not_back_are_no_orphans_and_are_filtered() {
    let may_see = |what: &str| {
        json!([
            {"principals": {"values": ["alice"]}, "users": {"type": "ANY"}},
            {"principals": {"values": if what == "view_frameworks" { ["bob"] } else { ["alice"] }},
             "users": {"type": "ANY"}},
            {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}])
    };
    let names = ["view_frameworks", "view_executors", "view_tasks"];
    let acls = names.map(|name| (name.to_owned(), may_see(name)));
    let acls = serde_json::Value::Object(acls.into_iter().collect());
    let (mut stage, file) = ruled(&acls);
    let mut agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    agent.update(&stage, &run, v1::TaskState::TaskRunning, 1);
    let path = file.path().to_owned();
    stage.fail_over(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
        flags.acls = Some(crate::support::rules(&acls));
    });

    agent.come_back(&stage, &[(&run, v1::TaskState::TaskRunning)]);

    for (who, tasks) in [(ALICE, 1), (BOB, 0)] {
        let state = stage.http_as(who, "GET", "/state", b"").json();
        assert_eq!(state["orphan_tasks"], json!([]));
        assert_eq!(count(&state, "/frameworks"), 1);
        assert_eq!(count(&state, "/frameworks/0/tasks"), tasks);
    }
}
