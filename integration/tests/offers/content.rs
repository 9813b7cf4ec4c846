//! What an offer says.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_agent::{FakeAgent, scalar};
use mesos_integration::fake_scheduler::FakeScheduler;
use serde_json::json;

#[test]
fn offer_names_agent_framework_role_and_where_the_agent_listens() {
    let cluster = Cluster::start().unwrap();
    let agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let offer = scheduler.wait_for_offer().unwrap();

    assert_eq!(
        offer.pointer("/agent_id/value"),
        Some(&json!(agent.agent_id))
    );
    assert_eq!(
        offer.pointer("/framework_id/value"),
        Some(&json!(scheduler.framework_id))
    );
    assert_eq!(offer["hostname"], "localhost");
    assert_eq!(offer.pointer("/allocation_info/role"), Some(&json!("*")));
    assert_eq!(
        offer["url"],
        json!({"scheme": "http", "path": "/slave(1)", "address": {
            "hostname": "localhost", "ip": "127.0.0.1", "port": agent.peer.address.port(),
        }})
    );
}

/// Mirrors: MasterTest.MultiRoleFrameworkReceivesOffers
#[test]
fn framework_of_two_roles_gets_offers_for_both() {
    let cluster = Cluster::start().unwrap();
    let _first = FakeAgent::register(cluster.master.address).unwrap();
    let _second = FakeAgent::register(cluster.master.address).unwrap();
    let info = json!({"user": "u", "name": "n", "roles": ["role1", "role2"],
        "capabilities": [{"type": "MULTI_ROLE"}]});
    let mut scheduler = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    let mut roles = Vec::new();
    while roles.len() < 2 {
        let event = scheduler.wait_for("OFFERS").unwrap();
        for offer in event.pointer("/offers/offers").unwrap().as_array().unwrap() {
            roles.push(offer.pointer("/allocation_info/role").unwrap().clone());
            for resource in offer["resources"].as_array().unwrap() {
                assert_eq!(resource["allocation_info"], offer["allocation_info"]);
            }
        }
    }

    roles.sort_by_key(ToString::to_string);
    assert_eq!(roles, [json!("role1"), json!("role2")]);
}

#[test]
fn framework_without_roles_capability_gets_offers_without_allocation() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();
    let info = json!({"user": "u", "name": "n", "role": "*"});
    let mut scheduler = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    let offer = scheduler.wait_for_offer().unwrap();

    assert_eq!(offer.get("allocation_info"), None);
    assert_eq!(offer.pointer("/resources/0/allocation_info"), None);
}

#[test]
fn agent_without_resources_is_not_offered() {
    let cluster = Cluster::start().unwrap();
    let none = json!([scalar("cpus", 0.0)]);
    let _empty = FakeAgent::register_with(cluster.master.address, &none).unwrap();
    let full = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let offer = scheduler.wait_for_offer().unwrap();

    assert_eq!(
        offer.pointer("/agent_id/value"),
        Some(&json!(full.agent_id))
    );
}
