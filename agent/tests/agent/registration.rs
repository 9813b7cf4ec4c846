//! The agent and its master find each other.

use mesos_common::flags::{FlagValue as _, LoadContext};
use mesos_proto::internal::{
    AgentRegisteredMessage, MasterAgentConnection, PingAgentMessage, PongAgentMessage,
    RegisterAgentMessage, ReregisterAgentMessage, UnregisterAgentMessage,
};
use mesos_proto::v1::{self, agent_info::capability::Type as Capability};

use crate::harness::{AGENT_ID, Cluster, agent_id, connection};

#[test]
fn agent_describes_itself() {
    let mut cluster = Cluster::start();

    let (from, message) = cluster.master.expect::<RegisterAgentMessage>();

    assert_eq!(from, cluster.pid());
    assert_eq!(message.agent().hostname(), "localhost");
    assert_eq!(message.agent().id, None);
    assert_eq!(message.version(), "1.11.0");
    assert_eq!(message.agent_capabilities.len(), 8);
    assert_eq!(message.resource_version_uuid().value().len(), 16);
    let names: Vec<&str> = message.agent().resources.iter().map(|r| r.name()).collect();
    assert_eq!(names, ["cpus", "mem", "disk", "ports"]);
}

#[test]
fn agent_announces_the_capabilities_that_were_chosen_also_when_it_is_back() {
    let chosen = [
        Capability::MultiRole,
        Capability::HierarchicalRole,
        Capability::ReservationRefinement,
        Capability::ResourceProvider,
        Capability::AgentOperationFeedback,
        Capability::AgentDraining,
        Capability::TaskResourceLimits,
    ];
    let names = chosen.map(|one| serde_json::json!({"type": one.as_str_name()}));
    let features = serde_json::json!({"capabilities": names}).to_string();
    let announced = |capabilities: &[v1::agent_info::Capability]| -> Vec<Capability> {
        capabilities.iter().map(|one| one.r#type()).collect()
    };
    let mut cluster = Cluster::start_with(move |flags| {
        let loaded = flags
            .agent_features
            .load(&features, &mut LoadContext::default());
        loaded.expect("capabilities");
    });

    let (_, first) = cluster.master.expect::<RegisterAgentMessage>();
    cluster.register();
    cluster.restart();
    let again = cluster.reregister();

    assert_eq!(announced(&first.agent_capabilities), chosen);
    assert_eq!(announced(&again.agent_capabilities), chosen);
}

#[test]
fn agent_asks_again_until_it_is_answered() {
    let mut cluster = Cluster::start();
    cluster.master.expect::<RegisterAgentMessage>();

    cluster.master.expect::<RegisterAgentMessage>();
    cluster.register();

    assert_eq!(cluster.state()["id"], AGENT_ID);
}

#[test]
fn agent_id_is_written_down() {
    let cluster = Cluster::registered();

    let latest = cluster.place.work_dir().join("meta/slaves/latest");

    let target = std::fs::read_link(latest).expect("a link");
    assert!(target.is_absolute());
    assert_eq!(
        target.file_name().and_then(|name| name.to_str()),
        Some(AGENT_ID)
    );
    assert!(target.join("slave.info").is_file());
}

/// What the master thinks of its connection to the agent.
#[derive(Clone, Copy)]
enum Link {
    Up,
    Down,
}

fn send_ping(cluster: &Cluster, link: Link) {
    let ping = PingAgentMessage {
        connected: Some(matches!(link, Link::Up)),
        ..Default::default()
    };
    cluster.master.send(&cluster.pid(), &ping);
}

#[test]
fn ping_is_answered() {
    let mut cluster = Cluster::registered();

    send_ping(&cluster, Link::Up);

    let (from, _) = cluster.master.expect::<PongAgentMessage>();
    assert_eq!(from, cluster.pid());
}

/// Mirrors: OneWayPartitionTest.MasterToSlave
#[test]
fn ping_of_a_master_that_lost_the_agent_makes_it_register_again() {
    let mut cluster = Cluster::registered();

    send_ping(&cluster, Link::Down);

    let message = cluster.reregister();
    assert_eq!(message.agent().id().value(), AGENT_ID);
}

/// An agent that looks for its master again when so many seconds bring no ping.
fn registered_expecting_pings_every(seconds: f64) -> Cluster {
    let mut cluster = Cluster::start();
    let (from, _) = cluster.master.expect::<RegisterAgentMessage>();
    let connection = MasterAgentConnection {
        total_ping_timeout_seconds: Some(seconds),
        ..Default::default()
    };
    let registered = AgentRegisteredMessage {
        agent_id: Some(agent_id()),
        connection: Some(connection),
        ..Default::default()
    };
    cluster.master.send(&from, &registered);
    cluster
}

/// Mirrors: SlaveTest.PingTimeoutNoPings
#[test]
fn silent_master_is_looked_for_again() {
    let mut cluster = registered_expecting_pings_every(0.05);

    cluster.master.expect::<ReregisterAgentMessage>();
}

/// Mirrors: SlaveTest.PingTimeoutSomePings
#[test]
fn master_that_falls_silent_after_a_ping_is_looked_for_again() {
    let mut cluster = registered_expecting_pings_every(0.5);

    cluster.wait_until_handled();

    let message = cluster.reregister();
    assert_eq!(message.agent().id().value(), AGENT_ID);
}

/// Mirrors: SlaveTest.ResourceVersions
#[test]
fn version_of_the_resources_stays_while_nothing_changes() {
    let mut cluster = Cluster::start();
    let (from, first) = cluster.master.expect::<RegisterAgentMessage>();
    let registered = AgentRegisteredMessage {
        agent_id: Some(agent_id()),
        connection: Some(connection()),
        ..Default::default()
    };
    cluster.master.send(&from, &registered);
    cluster.wait_until_handled();

    send_ping(&cluster, Link::Down);
    let again = cluster.accept_reregistration();

    assert!(first.resource_version_uuid.is_some());
    assert_eq!(again.resource_version_uuid, first.resource_version_uuid);
}

#[test]
fn agent_keeps_its_id_over_a_restart() {
    let mut cluster = Cluster::registered();
    cluster.restart();

    let message = cluster.reregister();

    assert_eq!(message.agent().id().value(), AGENT_ID);
}

#[test]
fn agent_says_goodbye() {
    let mut cluster = Cluster::registered();

    cluster.agent.unregister();

    let (_, message) = cluster.master.expect::<UnregisterAgentMessage>();
    assert_eq!(message.agent_id().value(), AGENT_ID);
}

#[test]
fn master_is_shown_by_the_name_of_its_address() {
    let cluster = Cluster::registered();
    let ip = cluster.master.pid.address.ip;
    let name = dns_lookup::lookup_addr(&ip).unwrap_or_else(|_nameless| ip.to_string());

    cluster.wait_for_state(|state| state["master_hostname"] == name);
}
