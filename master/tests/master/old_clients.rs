//! Agents and tools that are older than this master.

use std::time::Duration;

use mesos_common::flags::JsonMessage;
use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, CheckpointResourcesMessage, Firewall,
    PingAgentMessage, RegisterAgentMessage, ReregisterAgentMessage,
};
use mesos_proto::v1::{self, TaskState};
use mesos_proto_codec::{Dialect, Json as _};
use serde_json::json;

use crate::support::operations::{holds, reserve, reserved};
use crate::support::{Agent, Peer, Stage, agent_info, mine, run_one};

/// What an agent of Mesos 1.0 says: neither capabilities nor the version of its resources.
fn of_1_0(info: v1::AgentInfo) -> RegisterAgentMessage {
    RegisterAgentMessage {
        agent: Some(info.into()),
        version: Some("1.0.0".to_owned()),
        ..Default::default()
    }
}

fn old_agent(stage: &Stage, resources: &str) -> Agent {
    let peer = Peer::start(&stage.runtime, "slave");
    let mut info = agent_info(resources);
    stage.send(&peer, &of_1_0(info.clone()));
    let registered: AgentRegisteredMessage = peer.expect();
    info.id = registered.agent_id.clone();
    Agent {
        id: registered.agent_id().value().to_owned(),
        info,
        peer,
    }
}

/// A framework in one role that knows neither several roles nor refined reservations.
fn old_framework() -> v1::FrameworkInfo {
    let mut info = mine("eng");
    info.capabilities.clear();
    info.role = info.roles.pop();
    info
}

#[test]
fn agent_of_1_0_registers_runs_tasks_and_stores_reservations() {
    let stage = Stage::start();
    let agent = old_agent(&stage, "cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(old_framework());
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);

    let offer = scheduler.next_offer(&stage);
    let mut wanted = reserved("cpus:1", "eng").to_proto();
    for resource in &mut wanted {
        let principal = resource.reservations[0].principal.clone();
        resource.reservations.clear();
        resource.role = Some("eng".to_owned());
        let reservation = v1::resource::ReservationInfo {
            principal,
            ..Default::default()
        };
        resource.reservation = Some(reservation.into());
    }
    scheduler.accept(&offer, vec![reserve(&reserved("cpus:1", "eng"))]);

    let stored: CheckpointResourcesMessage = agent.peer.expect();
    assert_eq!(stored.resources, wanted, "the spelling of before 1.4");
}

#[test]
fn agent_of_1_0_returns_with_its_task_after_a_failover() {
    let mut stage = Stage::start();
    let agent = old_agent(&stage, "cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(old_framework());
    let ping: PingAgentMessage = agent.peer.expect();
    assert!(ping.connected());
    let offer = scheduler.offers()[0].clone();
    assert!(holds(
        &offer,
        &Resources::parse("cpus:4").expect("resources")
    ));
    stage.fail_over(|_| {});
    let task = v1::Task {
        name: Some("t".to_owned()),
        task_id: Some(v1::TaskId {
            value: Some("t".to_owned()),
            ..Default::default()
        }),
        framework_id: Some(scheduler.id.clone()),
        agent_id: Some(agent.proto_id()),
        state: Some(TaskState::TaskRunning.into()),
        resources: Resources::parse("cpus:1;mem:32")
            .expect("resources")
            .to_proto(),
        ..Default::default()
    };
    let mut framework = old_framework();
    framework.id = Some(scheduler.id.clone());
    let message = ReregisterAgentMessage {
        agent: Some(agent.info.clone().into()),
        version: Some("1.0.0".to_owned()),
        frameworks: vec![framework],
        tasks: vec![task],
        ..Default::default()
    };

    stage.send(&agent.peer, &message);

    let _back: AgentReregisteredMessage = agent.peer.expect();
    let state = stage.get("/state");
    let known = &state["frameworks"][0]["tasks"][0];
    assert_eq!(
        (known["id"].as_str(), known["role"].as_str()),
        (Some("t"), Some("eng"))
    );
    assert_eq!(state["slaves"][0]["version"], "1.0.0");
}

/// A master that took over from one with these agents, of which none comes back.
fn abandoned(limit: &str, agents: usize) -> (Stage, Vec<Agent>) {
    let mut stage = Stage::start();
    let agents = (0..agents)
        .map(|_| stage.agent("cpus:4;mem:1024"))
        .collect();
    let limit = limit.to_owned();
    stage.fail_over(|flags| {
        flags.recovery_agent_removal_limit = limit;
        // Those that come back answer no pings in these tests.
        flags.max_agent_ping_timeouts = 1000;
    });
    (stage, agents)
}

#[test]
fn master_gives_up_when_more_agents_than_the_limit_do_not_return() {
    let (stage, agents) = abandoned("50%", 3);
    stage.send(&agents[0].peer, &agents[0].reregistration(&[]));
    let _back: AgentReregisteredMessage = agents[0].peer.expect();
    let ended = stage.master.ended().expect("not taken");

    stage.runtime.clock().advance(Duration::from_secs(600));

    let reason = stage.runtime.block_on(ended).ready().expect("a reason");
    assert_eq!(
        reason,
        "Post-recovery agent removal limit exceeded! After 10mins there were 2 of 3 agents \
         recovered from the registry that did not reregister"
    );
}

#[test]
fn agents_within_the_limit_that_do_not_return_are_unreachable() {
    let (stage, agents) = abandoned("50%", 2);
    stage.send(&agents[0].peer, &agents[0].reregistration(&[]));
    let _back: AgentReregisteredMessage = agents[0].peer.expect();

    stage.advance(Duration::from_secs(600));

    assert!((stage.metric("master/recovery_slave_removals") - 1.0).abs() < 1e-9);
    let registry = stage.get("/registrar(1)/registry");
    let gone = &registry["unreachable"]["slaves"][0]["id"]["value"];
    assert_eq!(gone, &json!(agents[1].id));
}

#[test]
fn old_names_of_endpoints_answer_behind_their_flag() {
    let status = |stage: &Stage, path: &str| stage.http("GET", path, &[], b"").status;
    let without = Stage::start();
    assert_eq!(status(&without, "/master/state.json"), 404);

    let stage = Stage::start_with(|flags| flags.json_aliases = Some(true));
    let agent = stage.agent("cpus:4;mem:1024");

    for name in [
        "state",
        "state-summary",
        "slaves",
        "frameworks",
        "tasks",
        "roles",
        "flags",
    ] {
        let old = stage.get(&format!("/master/{name}.json"));
        assert_eq!(old, stage.get(&format!("/{name}")), "{name}");
    }
    assert_eq!(status(&stage, "/master/nope.json"), 404);
    // What is below a path is no part of the question.
    let below = stage.get(&format!("/slaves/{}", agent.id));
    assert_eq!(below, stage.get("/slaves"));
}

#[test]
fn endpoints_are_switched_off_by_rules() {
    let rules = json!({"disabled_endpoints": {"paths": ["/master/state", "/files/browse"]}});
    let rules = Firewall::read_json(Dialect::V0, rules.to_string().as_bytes()).expect("rules");
    let stage = Stage::start_with(|flags| {
        flags.firewall_rules = Some(JsonMessage::new(rules));
        flags.json_aliases = Some(true);
    });

    for path in [
        "/state",
        "/master/state",
        "/files/browse?path=/",
        "/state.json",
    ] {
        let answer = stage.http("GET", path, &[], b"");
        assert_eq!(answer.status, 403, "{path}");
    }
    assert_eq!(stage.http("GET", "/slaves", &[], b"").status, 200);
}
