//! Agents register, vanish and come back.

use std::time::Duration;

use mesos_proto::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, PingAgentMessage, PongAgentMessage,
    RegisterAgentMessage, ShutdownFrameworkMessage, ShutdownMessage, UnregisterAgentMessage,
};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::task_status::Reason;

use crate::support::{
    Agent, Peer, Stage, agent_capabilities, agent_info, framework, run_one, uuid_message,
};

fn registration(version: &str) -> RegisterAgentMessage {
    RegisterAgentMessage {
        agent: Some(agent_info("cpus:2;mem:1024").into()),
        version: Some(version.to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    }
}

#[test]
fn agent_is_told_its_id_and_the_ping_timeout() {
    let stage = Stage::start();
    let peer = Peer::start(&stage.runtime, "slave");

    stage.send(&peer, &registration("1.11.0"));

    let registered: AgentRegisteredMessage = peer.expect();
    assert!(registered.agent_id().value().ends_with("-S0"));
    assert!((registered.connection().total_ping_timeout_seconds() - 75.0).abs() < 1e-9);
    let ping: PingAgentMessage = peer.expect();
    assert!(ping.connected());
}

/// Mirrors: MasterTest.DuplicatedSlaveIdWhenSlaveReregister
#[test]
fn lost_acknowledgement_heals() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");

    stage.send(&agent.peer, &registration("1.11.0"));

    let again: AgentRegisteredMessage = agent.peer.expect();
    assert_eq!(again.agent_id().value(), agent.id);
    assert_eq!(
        stage.get("/slaves")["slaves"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
}

/// Mirrors: MasterTest.IgnoreOldAgentRegistration
#[test]
fn agent_of_an_old_version_is_ignored() {
    let stage = Stage::start();
    let peer = Peer::start(&stage.runtime, "slave");

    stage.send(&peer, &registration("0.28.1"));

    assert!(!peer.has::<AgentRegisteredMessage>());
}

#[test]
fn unknown_agent_is_admitted_when_it_registers_again() {
    let stage = Stage::start();
    let peer = Peer::start(&stage.runtime, "slave");
    let mut info = agent_info("cpus:2;mem:1024");
    info.id = Some(mesos_common::ids::AgentId::from("old-S7").to_proto());
    let agent = Agent {
        id: "old-S7".to_owned(),
        info,
        peer,
    };

    stage.send(&agent.peer, &agent.reregistration(&[]));

    let back: AgentReregisteredMessage = agent.peer.expect();
    assert_eq!(back.agent_id().value(), "old-S7");
    assert_eq!(stage.get("/slaves")["slaves"][0]["id"], "old-S7");
}

/// Mirrors: PartitionTest.PartitionedSlave
/// Mirrors: SlaveTest.PingTimeoutNoPings
#[test]
fn silent_agent_becomes_unreachable() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");

    for _ in 0..6 {
        stage.advance(Duration::from_secs(15));
    }

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskUnreachable);
    assert_eq!(status.reason(), Reason::ReasonAgentRemoved);
    assert!(status.unreachable_time.is_some());
    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().agent_id().value(), agent.id);
    assert_eq!(
        stage.get("/slaves")["slaves"]
            .as_array()
            .expect("a list")
            .len(),
        0
    );
    assert!((stage.metric("master/slaves_unreachable") - 1.0).abs() < 1e-9);
    assert!((stage.metric("master/slave_unreachable_completed") - 1.0).abs() < 1e-9);
}

#[test]
fn agent_that_answers_pings_stays() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let observer = stage.runtime.upid("slave-observer(1)");

    for _ in 0..12 {
        let _ping: PingAgentMessage = agent.peer.expect();
        agent.peer.send(&observer, &PongAgentMessage::default());
        stage.settle();
        stage.advance(Duration::from_secs(15));
    }

    assert_eq!(
        stage.get("/slaves")["slaves"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
}

/// Mirrors: PartitionTest.PartitionedSlaveReregistrationMasterFailover
/// Mirrors: PartitionTest.ReregisterSlavePartitionAware
#[test]
fn task_runs_on_when_its_agent_is_back() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    for _ in 0..6 {
        stage.advance(Duration::from_secs(15));
    }
    assert_eq!(scheduler.update().state(), TaskState::TaskUnreachable);
    let back = agent.reregistration(&[(&run, TaskState::TaskRunning)]);

    stage.send(&agent.peer, &back);

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.reason(), Reason::ReasonAgentReregistered);
    assert_eq!(status.message(), "Unreachable agent re-reregistered");
    let _back: AgentReregisteredMessage = agent.peer.expect();
    let state = stage.get("/state");
    let framework = &state["frameworks"][0];
    assert_eq!(framework["tasks"][0]["state"], "TASK_RUNNING");
    assert_eq!(
        framework["unreachable_tasks"]
            .as_array()
            .expect("a list")
            .len(),
        0
    );
    assert!(
        (framework["used_resources"]["cpus"]
            .as_f64()
            .expect("a number")
            - 1.0)
            .abs()
            < 1e-9
    );
}

#[test]
fn agent_that_unregisters_loses_its_tasks() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");

    let message = UnregisterAgentMessage {
        agent_id: Some(agent.proto_id()),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskLost);
    assert_eq!(
        status.message(),
        "Agent host removed: the agent unregistered"
    );
    scheduler.expect(event::Type::Failure);
    assert!((stage.metric("master/slave_removals/reason_unregistered") - 1.0).abs() < 1e-9);
}

/// Mirrors: MasterTest.MasterLost
#[test]
fn agent_that_lost_its_link_gets_no_offers_until_it_is_back() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    agent.peer.disappear();
    stage.settle();

    let state = stage.get("/state");

    assert_eq!(state["slaves"][0]["active"], false);
    assert!((state["deactivated_slaves"].as_f64().expect("a number") - 1.0).abs() < 1e-9);
    stage.advance(Duration::from_secs(601));
    assert_eq!(
        stage.get("/slaves")["slaves"]
            .as_array()
            .expect("a list")
            .len(),
        0
    );
}

#[test]
fn agent_that_moved_is_told_to_end() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut message = agent.reregistration(&[]);
    message.agent.get_or_insert_default().hostname = Some("elsewhere".to_owned());

    stage.send(&agent.peer, &message);

    let shutdown: ShutdownMessage = agent.peer.expect();
    assert_eq!(
        shutdown.message(),
        "Agent attempted to reregister with different IP / hostname"
    );
}

/// Mirrors: MasterTest.RecoveredFramework
#[test]
fn framework_that_only_an_agent_knows_is_recovered() {
    let stage = Stage::start();
    let peer = Peer::start(&stage.runtime, "slave");
    let mut info = agent_info("cpus:2;mem:1024");
    info.id = Some(mesos_common::ids::AgentId::from("old-S7").to_proto());
    let agent = Agent {
        id: "old-S7".to_owned(),
        info,
        peer,
    };
    let mut known = framework("eng");
    let id = mesos_common::ids::FrameworkId::from("old-0001").to_proto();
    known.id = Some(id);
    let mut message = agent.reregistration(&[]);
    message.frameworks.push(known.clone());
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();
    stage.settle();
    assert_eq!(stage.get("/frameworks")["frameworks"][0]["recovered"], true);

    let scheduler = stage.subscribe(known);

    assert_eq!(scheduler.id.value(), "old-0001");
    assert_eq!(stage.get("/frameworks")["frameworks"][0]["connected"], true);
}

#[test]
fn agent_of_a_removed_framework_is_told_to_end_it() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let scheduler = stage.subscribe(framework("eng"));
    let id = scheduler.id.value().to_owned();

    let answer = stage.http(
        "POST",
        "/teardown",
        &[],
        format!("frameworkId={id}").as_bytes(),
    );

    assert_eq!(answer.status, 200);
    let shutdown: ShutdownFrameworkMessage = agent.peer.expect();
    assert_eq!(shutdown.framework_id().value(), id);
    assert_eq!(
        stage.get("/frameworks")["completed_frameworks"][0]["id"],
        id.as_str()
    );
}

/// Mirrors: MasterTest.RateLimitRecoveredSlaveRemoval
#[test]
fn silent_agents_are_given_up_one_by_one() {
    let stage = Stage::start_with(|flags| {
        flags.agent_removal_rate_limit = Some("1/10mins".to_owned());
    });
    let _one = stage.agent("cpus:2;mem:1024");
    let _two = stage.agent("cpus:2;mem:1024");

    for _ in 0..6 {
        stage.advance(Duration::from_secs(15));
    }

    assert!((stage.metric("master/slave_unreachable_scheduled") - 2.0).abs() < 1e-9);
    assert!((stage.metric("master/slave_unreachable_completed") - 1.0).abs() < 1e-9);
    assert_eq!(
        stage.get("/slaves")["slaves"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
    for _ in 0..10 {
        stage.advance(Duration::from_secs(60));
    }
    assert_eq!(
        stage.get("/slaves")["slaves"]
            .as_array()
            .expect("a list")
            .len(),
        0
    );
}

#[test]
fn agent_that_leaves_before_it_is_given_up_leaves_its_turn_to_the_next() {
    let stage = Stage::start_with(|flags| {
        flags.agent_removal_rate_limit = Some("1/10mins".to_owned());
    });
    let agents: Vec<Agent> = (0..3).map(|_| stage.agent("cpus:2;mem:1024")).collect();
    for _ in 0..6 {
        stage.advance(Duration::from_secs(15));
    }
    let present = || {
        let agents = stage.get("/slaves");
        agents["slaves"].as_array().expect("a list").clone()
    };
    let waiting = present();
    assert_eq!(waiting.len(), 2);
    let second = agents
        .iter()
        .find(|agent| waiting[0]["id"] == agent.id.as_str())
        .expect("one that waits");

    let message = UnregisterAgentMessage {
        agent_id: Some(second.proto_id()),
        ..Default::default()
    };
    stage.send(&second.peer, &message);
    stage.settle();
    for _ in 0..11 {
        stage.advance(Duration::from_secs(60));
    }

    assert_eq!(present(), Vec::<serde_json::Value>::new());
    assert!((stage.metric("master/slave_unreachable_completed") - 2.0).abs() < 1e-9);
}
