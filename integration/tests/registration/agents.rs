//! Registration of agents on the legacy wire.

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::fake_scheduler::FakeScheduler;
use mesos_integration::http_client::get_json;
use mesos_integration::stage::Stage;
use serde_json::{Value, json};

fn agents(cluster: &Cluster) -> Vec<Value> {
    let state = get_json(cluster.master.address, "/master/slaves").expect("it answers");
    state
        .get("slaves")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Mirrors: MasterTest.SlavesEndpointWithoutSlaves
#[test]
fn master_without_agents_lists_none() {
    let cluster = Cluster::start().unwrap();

    let answer = get_json(cluster.master.address, "/master/slaves").unwrap();

    assert_eq!(answer, json!({"slaves": [], "recovered_slaves": []}));
}

/// Mirrors: MasterTest.SlavesEndpointTwoSlaves
#[test]
fn every_agent_is_listed() {
    let cluster = Cluster::start().unwrap();
    let first = FakeAgent::register(cluster.master.address).unwrap();
    let second = FakeAgent::register(cluster.master.address).unwrap();

    let mut ids: Vec<Value> = agents(&cluster)
        .iter()
        .map(|agent| agent["id"].clone())
        .collect();

    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, [json!(first.agent_id), json!(second.agent_id)]);
}

/// Mirrors: MasterTest.SlavesEndpointQuerySlave
#[test]
fn one_agent_can_be_asked_for() {
    let cluster = Cluster::start().unwrap();
    let _first = FakeAgent::register(cluster.master.address).unwrap();
    let second = FakeAgent::register(cluster.master.address).unwrap();

    let path = format!("/master/slaves?slave_id={}", second.agent_id);
    let answer = get_json(cluster.master.address, &path).unwrap();

    assert_eq!(answer["slaves"].as_array().unwrap().len(), 1);
    assert_eq!(
        answer.pointer("/slaves/0/id"),
        Some(&json!(second.agent_id))
    );
}

/// Mirrors: MasterTest.StateEndpointAgentCapabilities
#[test]
fn capabilities_of_an_agent_are_shown() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();

    let agents = agents(&cluster);

    let capabilities = agents[0]["capabilities"].as_array().unwrap();
    for name in [
        "MULTI_ROLE",
        "HIERARCHICAL_ROLE",
        "RESERVATION_REFINEMENT",
        "AGENT_DRAINING",
    ] {
        assert!(
            capabilities.contains(&json!(name)),
            "{name} is missing in {capabilities:?}"
        );
    }
}

#[test]
fn registered_agent_learns_how_long_it_may_be_silent() {
    let cluster = Cluster::start().unwrap();

    let agent = FakeAgent::register(cluster.master.address).unwrap();

    assert_eq!(
        agent.registered,
        json!({"slave_id": {"value": agent.agent_id},
            "connection": {"total_ping_timeout_seconds": 75.0}})
    );
}

#[test]
fn agent_that_registers_twice_keeps_its_id() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();

    agent
        .send(
            "mesos.internal.RegisterSlaveMessage",
            &json!({"slave": {"hostname": "localhost", "port": agent.peer.address.port(),
                "resources": []}, "version": "1.11.0"}),
        )
        .unwrap();
    let again = agent
        .wait_for("mesos.internal.SlaveRegisteredMessage")
        .unwrap();

    assert_eq!(
        again.pointer("/slave_id/value"),
        Some(&json!(agent.agent_id))
    );
    assert_eq!(agents(&cluster).len(), 1);
}

/// Mirrors: MasterTest.SlaveActiveEndpoint
#[test]
fn agent_that_hangs_up_is_not_active_any_more() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    assert_eq!(agents(&cluster)[0]["active"], true);

    agent.peer.hang_up();

    eventually("that the agent is inactive", || {
        (agents(&cluster).first()?["active"] == false).then_some(())
    })
    .unwrap();
}

#[test]
fn offers_of_an_agent_that_hangs_up_are_rescinded() {
    let mut stage = Stage::start().unwrap();
    let offer = stage.scheduler.wait_for_offer().unwrap();

    stage.agent.peer.hang_up();
    let rescinded = stage.scheduler.wait_for("RESCIND").unwrap();

    assert_eq!(rescinded.pointer("/rescind/offer_id"), offer.get("id"));
}

#[test]
fn agent_that_unregisters_is_removed() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let id = json!({"slave_id": {"value": agent.agent_id}});
    agent
        .send("mesos.internal.UnregisterSlaveMessage", &id)
        .unwrap();
    let failure = scheduler.wait_for("FAILURE").unwrap();

    assert_eq!(
        failure.pointer("/failure/agent_id/value"),
        Some(&json!(agent.agent_id))
    );
    eventually("the end of the agent in the list", || {
        agents(&cluster).is_empty().then_some(())
    })
    .unwrap();
}

/// Mirrors: MasterTest.StatusUpdateAck
#[test]
fn acknowledgement_reaches_the_agent_with_the_uuid_of_the_update() {
    let mut stage = Stage::start().unwrap();
    let run = stage.launch("t1").unwrap();

    let uuid = stage.agent.update(&run, "TASK_RUNNING").unwrap();
    stage.scheduler.wait_for_update().unwrap();
    let message = stage
        .agent
        .wait_for("mesos.internal.StatusUpdateAcknowledgementMessage")
        .unwrap();

    assert_eq!(message["uuid"], json!(uuid));
    assert_eq!(message.pointer("/task_id/value"), Some(&json!("t1")));
    assert_eq!(
        message.pointer("/slave_id/value"),
        Some(&json!(stage.agent.agent_id))
    );
    assert_eq!(
        message.pointer("/framework_id/value"),
        Some(&json!(stage.scheduler.framework_id))
    );
}

#[test]
fn pings_come_from_an_observer_and_say_that_the_agent_is_connected() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    agent.fall_silent();

    let ping = agent
        .peer
        .wait_for("mesos.internal.PingSlaveMessage")
        .unwrap();

    assert_eq!(ping.json().unwrap(), json!({"connected": true}));
    assert!(ping.from.starts_with("slave-observer("), "{}", ping.from);
}
