//! Offer constraints as a genuine Mesos 1.11 judged them.
//!
//! `data/offer_constraints.json` holds two agents, the constraints that a framework set one after
//! the other, and for each the hosts that were offered or the error that came back.

use std::collections::BTreeSet;

use mesos_allocator::{OfferConstraintsFilter, RegexLimits};
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json};
use serde_json::Value;

const ROLE: &str = "ops";
const PREFIX: &str = "'UpdateFramework.offer_constraints' are not valid: ";

fn read<M: Json>(json: &Value) -> M {
    M::read_json(Dialect::V1, json.to_string().as_bytes()).expect("a recorded message")
}

#[test]
fn every_recorded_constraint_excludes_the_same_agents_or_fails_alike() {
    let recorded: Value =
        serde_json::from_str(include_str!("data/offer_constraints.json")).expect("the recording");
    let agents: Vec<v1::AgentInfo> = recorded["agents"]
        .as_array()
        .expect("agents")
        .iter()
        .map(read)
        .collect();
    let cases = recorded["cases"].as_array().expect("cases");
    assert!(cases.len() > 20);

    for case in cases {
        let constraints: v1::scheduler::OfferConstraints = read(&case["constraints"]);
        let created = OfferConstraintsFilter::create(RegexLimits::default(), &constraints);
        match (created, case["error"].as_str()) {
            (Ok(filter), None) => {
                let offered: BTreeSet<&str> = agents
                    .iter()
                    .filter(|agent| !filter.excludes(ROLE, agent))
                    .map(v1::AgentInfo::hostname)
                    .collect();
                let hosts = case["offered"].as_array().expect("hosts");
                let hosts: BTreeSet<&str> = hosts.iter().filter_map(Value::as_str).collect();
                assert_eq!(offered, hosts, "{}", case["what"]);
            }
            (Err(error), Some(text)) => assert_eq!(format!("{PREFIX}{error}"), text),
            (created, text) => panic!("{}: {created:?} instead of {text:?}", case["what"]),
        }
    }
}
