//! An agent that is given up and goes at the same time.

use std::time::Duration;

use libprocess::testing::{Held, Pattern};
use mesos_proto::internal::{AgentReregisteredMessage, PongAgentMessage, UnregisterAgentMessage};
use mesos_proto::v1::scheduler::event;

use crate::support::{Agent, Stage, framework};

fn counted(stage: &Stage, name: &str, expected: f64) {
    let counted = stage.metric(&format!("master/{name}"));
    assert!((counted - expected).abs() < 1e-9, "{name}: {counted}");
}

/// Agents that are given up one every ten minutes.
fn limited() -> Stage {
    Stage::start_with(|flags| flags.agent_removal_rate_limit = Some("1/10mins".to_owned()))
}

/// Mirrors: SlaveTest.RateLimitSlaveRemoval
#[test]
fn silent_agent_is_kept_until_the_limit_lets_it_go() {
    let stage = limited();
    let agents = [
        stage.agent("cpus:2;mem:1024"),
        stage.agent("cpus:2;mem:1024"),
    ];
    let mut scheduler = stage.subscribe(framework("eng"));
    stage.advance(Duration::from_secs(2));
    assert_eq!(scheduler.offers().len(), 2);

    stage.lose_agents();
    let first = scheduler.expect(event::Type::Failure);

    // The second has to wait: its offer stands.
    counted(&stage, "slave_unreachable_scheduled", 2.0);
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    stage.advance(Duration::from_secs(600));
    scheduler.expect(event::Type::Rescind);
    let second = scheduler.expect(event::Type::Failure);
    let lost = [&first, &second].map(|event| event.failure().agent_id().value().to_owned());
    for agent in &agents {
        assert!(
            lost.contains(&agent.id),
            "{} is not among {lost:?}",
            agent.id
        );
    }
}

/// Mirrors: SlaveTest.CancelSlaveRemoval
#[test]
fn agent_that_answers_again_before_its_turn_is_kept() {
    let stage = limited();
    let agents = [
        stage.agent("cpus:2;mem:1024"),
        stage.agent("cpus:2;mem:1024"),
    ];
    let mut scheduler = stage.subscribe(framework("eng"));
    stage.lose_agents();
    let lost = scheduler.expect(event::Type::Failure);
    let lost = lost.failure().agent_id().value();
    counted(&stage, "slave_unreachable_scheduled", 2.0);
    let kept = agents.iter().find(|agent| agent.id != lost);
    let kept = kept.expect("an agent that waits");

    let observer = stage.runtime.upid("slave-observer(1)");
    kept.peer.send(&observer, &PongAgentMessage::default());
    stage.settle();

    counted(&stage, "slave_unreachable_canceled", 1.0);
    for _ in 0..60 {
        kept.peer.send(&observer, &PongAgentMessage::default());
        stage.settle();
        stage.advance(Duration::from_secs(15));
    }
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    counted(&stage, "slave_unreachable_completed", 1.0);
    assert_eq!(stage.get("/slaves")["slaves"][0]["id"], kept.id.as_str());
}

fn unregister(stage: &Stage, agent: &Agent) {
    let message = UnregisterAgentMessage {
        agent_id: Some(agent.proto_id()),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);
}

/// Keeps back what the master wants to store.
fn hold_registry(stage: &Stage) -> Held {
    let registrar = stage.runtime.upid("registrar(1)");
    stage.runtime.hold(Pattern::dispatch().to(&registrar))
}

/// Mirrors: SlaveTest.UnreachableThenUnregisterRace
#[test]
fn agent_that_unregisters_while_it_is_given_up_is_unreachable() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let registry = hold_registry(&stage);
    stage.lose_agents();
    assert_eq!(registry.len(), 1);

    unregister(&stage, &agent);
    stage.settle();

    assert_eq!(registry.len(), 1);
    registry.release();
    stage.settle();
    scheduler.expect(event::Type::Failure);
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    counted(&stage, "slaves_unreachable", 1.0);
    counted(&stage, "slave_removals/reason_unhealthy", 1.0);
    counted(&stage, "slave_removals/reason_unregistered", 0.0);
}

/// Mirrors: SlaveTest.UnregisterThenUnreachableRace
#[test]
fn agent_that_falls_silent_while_it_unregisters_is_removed() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let registry = hold_registry(&stage);
    unregister(&stage, &agent);
    stage.settle();
    assert_eq!(registry.len(), 1);

    stage.lose_agents();

    assert_eq!(registry.len(), 1);
    registry.release();
    stage.settle();
    scheduler.expect(event::Type::Failure);
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    counted(&stage, "slaves_unreachable", 0.0);
    counted(&stage, "slave_removals/reason_unhealthy", 0.0);
    counted(&stage, "slave_removals/reason_unregistered", 1.0);
}

#[test]
fn agent_that_fell_silent_while_it_reregistered_is_given_up_later() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let registry = hold_registry(&stage);
    let mut changed = agent.info.clone();
    changed.port = Some(1);
    let mut message = agent.reregistration(&[]);
    message.agent = Some(changed.into());
    stage.send(&agent.peer, &message);
    stage.lose_agents();
    assert_eq!(registry.len(), 1, "the new port is to be stored");
    registry.release();
    let _: AgentReregisteredMessage = agent.peer.expect();

    stage.lose_agents();

    scheduler.expect(event::Type::Failure);
    counted(&stage, "slaves_unreachable", 1.0);
}

/// Mirrors: SlaveTest.UnreachableAgentReregisterAfterFailover
#[test]
fn next_master_stores_that_an_unreachable_agent_is_back() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    stage.lose_agents();
    counted(&stage, "slaves_unreachable", 1.0);
    stage.fail_over(|_| {});
    counted(&stage, "slaves_unreachable", 1.0);
    let registry = hold_registry(&stage);

    stage.send(&agent.peer, &agent.reregistration(&[]));
    stage.settle();

    assert_eq!(registry.len(), 1);
    assert!(!agent.peer.has::<AgentReregisteredMessage>());
    registry.release();
    let _: AgentReregisteredMessage = agent.peer.expect();
    counted(&stage, "slaves_unreachable", 0.0);
}

/// Mirrors: SlaveTest.RegisteredAgentReregisterAfterFailover
#[test]
fn next_master_takes_an_agent_back_without_storing_it_again() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    stage.fail_over(|_| {});
    let registry = hold_registry(&stage);

    stage.send(&agent.peer, &agent.reregistration(&[]));

    let _: AgentReregisteredMessage = agent.peer.expect();
    assert!(registry.is_empty());
    registry.release();
}
