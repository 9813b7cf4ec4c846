//! Fault domains of masters and agents.

use mesos_common::flags::JsonMessage;
use mesos_master::flags::Flags;
use mesos_proto::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, FrameworkRegisteredMessage,
    RegisterAgentMessage, RunTaskMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::event;
use serde_json::json;

use crate::support::{
    Agent, Driver, Peer, Stage, agent_capabilities, agent_info, at, framework, from_json, launch,
    task, uuid_message,
};

fn domain(region: &str, zone: &str) -> v1::DomainInfo {
    from_json(&json!({"fault_domain": {"region": {"name": region}, "zone": {"name": zone}}}))
}

fn in_domain(flags: &mut Flags) {
    flags.domain = Some(JsonMessage::new(domain("region-abc", "zone-123")));
}

fn agent_in(domain: Option<v1::DomainInfo>) -> v1::AgentInfo {
    let mut info = agent_info("cpus:2;mem:1024");
    info.domain = domain;
    info
}

fn region_aware() -> v1::FrameworkInfo {
    let mut info = framework("eng");
    info.capabilities
        .push(from_json(&json!({"type": "REGION_AWARE"})));
    info
}

/// An agent that wants to register gets no answer, and the registry is not touched.
fn is_ignored(stage: &Stage, info: v1::AgentInfo) {
    let registry = stage.hold_registry();
    let peer = Peer::start(&stage.runtime, "slave");
    let message = RegisterAgentMessage {
        agent: Some(info.into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    };

    stage.send(&peer, &message);
    stage.settle();

    stage.counts("messages_register_slave", 1.0);
    assert!(registry.is_empty());
    assert!(!peer.has::<AgentRegisteredMessage>());
}

/// An agent that wants to come back gets no answer, and the registry is not touched.
fn stays_away(stage: &Stage, agent: &Agent) {
    let registry = stage.hold_registry();

    stage.send(&agent.peer, &agent.reregistration(&[]));
    stage.settle();

    stage.counts("messages_reregister_slave", 1.0);
    assert!(registry.is_empty());
    assert!(!agent.peer.has::<AgentReregisteredMessage>());
}

/// Mirrors: MasterTest.AgentDomainSameRegion
#[test]
fn agent_of_the_same_region_is_offered_with_its_domain() {
    let stage = Stage::start_with(in_domain);
    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(framework("eng")));
    let registered: FrameworkRegisteredMessage = peer.expect();
    let master = domain("region-abc", "zone-123");
    assert_eq!(registered.master_info().domain(), &master);
    let zone = domain("region-abc", "zone-456");
    let agent = stage.agent_of(agent_in(Some(zone.clone())));

    let offers: mesos_proto::internal::ResourceOffersMessage = peer.expect();

    let offer = &offers.offers[0];
    assert_eq!(offer.agent_id(), &agent.proto_id());
    assert_eq!(offer.domain(), &zone);
}

/// Mirrors: MasterTest.AgentDomainDifferentRegion
#[test]
fn agent_of_another_region_is_for_frameworks_that_know_regions() {
    let stage = Stage::start_with(in_domain);
    let far = domain("region-xyz", "zone-123");
    let agent = stage.agent_of(agent_in(Some(far.clone())));
    let mut near = stage.subscribe(framework("eng"));
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!near.heard_before_answer(event::Type::Offers));
    near.tear_down();

    let mut scheduler = stage.subscribe(region_aware());

    let offer = scheduler.next_offer(&stage);
    assert_eq!(offer.agent_id(), &agent.proto_id());
    assert_eq!(offer.domain(), &far);
    scheduler.accept(
        &offer,
        vec![launch(vec![task("t", &offer, "cpus:1;mem:32")])],
    );
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
}

/// Mirrors: MasterTest.AgentDomainUnset
#[test]
fn agent_without_a_domain_is_offered_as_ever() {
    let stage = Stage::start_with(in_domain);
    let agent = stage.agent_of(agent_in(None));

    let mut scheduler = stage.subscribe(framework("eng"));

    let offer = &scheduler.offers()[0];
    assert_eq!(offer.agent_id(), &agent.proto_id());
    assert!(offer.domain.is_none());
}

/// Mirrors: MasterTest.AgentDomainMismatch
#[test]
fn master_without_a_domain_takes_no_agent_with_one() {
    let stage = Stage::start();

    is_ignored(&stage, agent_in(Some(domain("region-abc", "zone-456"))));
}

/// Mirrors: MasterTest.AgentDomainMismatchOnReregister
#[test]
fn next_master_without_a_domain_takes_no_agent_with_one_back() {
    let mut stage = Stage::start_with(in_domain);
    let agent = stage.agent_of(agent_in(Some(domain("region-abc", "zone-456"))));

    stage.fail_over(|_| {});

    stays_away(&stage, &agent);
}

/// Mirrors: MasterTest.RegistrationWithoutRequiredAgentDomain
#[test]
fn master_that_wants_domains_takes_no_agent_without_one() {
    let stage = Stage::start_with(|flags| {
        in_domain(flags);
        flags.require_agent_domain = true;
    });

    is_ignored(&stage, agent_in(None));
}

/// Mirrors: MasterTest.ReregistrationWithoutRequiredAgentDomain
#[test]
fn agent_that_dropped_its_domain_does_not_come_back() {
    let stage = Stage::start_with(|flags| {
        in_domain(flags);
        flags.require_agent_domain = true;
    });
    let mut agent = stage.agent_of(agent_in(Some(domain("region-abc", "zone-456"))));
    agent.peer.disappear();
    stage.settle();

    agent.info.domain = None;
    agent.peer = Peer::start(&stage.runtime, "slave");

    stays_away(&stage, &agent);
}

/// Mirrors: MasterTest.DomainEndpoints
#[test]
fn domains_of_master_and_agent_are_shown() {
    let stage = Stage::start_with(in_domain);
    let _agent = stage.agent_of(agent_in(Some(domain("region-xyz", "zone-456"))));
    let (ours, theirs) = (["region-abc", "zone-123"], ["region-xyz", "zone-456"]);

    for (path, pointer, expected) in [
        ("/state", "/domain", ours),
        ("/state", "/leader_info/domain", ours),
        ("/state", "/slaves/0/domain", theirs),
        ("/state-summary", "/slaves/0/domain", theirs),
        ("/slaves", "/slaves/0/domain", theirs),
    ] {
        let document = stage.get(path);
        let shown = ["region", "zone"]
            .map(|part| at(&document, &format!("{pointer}/fault_domain/{part}/name")));
        assert_eq!(shown.to_vec(), expected.to_vec(), "{path}{pointer}");
    }
}
