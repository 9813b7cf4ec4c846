//! Offers that are taken back so that quota can be kept.

use std::collections::BTreeSet;

use mesos_proto::internal::RescindResourceOfferMessage;
use mesos_proto::v1;

use super::{Force, accepted, allocators, config, set, update};
use crate::support::{Driver, Stage, framework};

const AGENT: &str = "cpus:2;gpus:0;mem:1024;disk:1024;ports:[31000-32000]";

fn ids(offers: &[v1::Offer]) -> BTreeSet<String> {
    offers
        .iter()
        .map(|offer| offer.id().value().to_owned())
        .collect()
}

/// Mirrors: MasterQuotaTest.AvailableResourcesAfterRescinding
#[test]
fn set_quota_frees_an_agent_for_each_framework_of_the_role() {
    let stage = Stage::start();
    let _agents = [stage.agent(AGENT), stage.agent(AGENT), stage.agent(AGENT)];
    let greedy = Driver::subscribe(&stage, framework("role1"));
    let offers = greedy.offers();
    let _hungry = [
        Driver::subscribe(&stage, framework("role2")),
        Driver::subscribe(&stage, framework("role2")),
    ];

    accepted(&set(&stage, "role2", "cpus:1;mem:512", Force::No));
    stage.settle();

    assert_eq!(offers.len(), 3);
    let back = BTreeSet::from([
        greedy.rescinded().value().to_owned(),
        greedy.rescinded().value().to_owned(),
    ]);
    assert!(back.len() == 2 && back.is_subset(&ids(&offers)));
    assert!(!greedy.peer.has::<RescindResourceOfferMessage>());
    assert_eq!(allocators(&stage, "role2", "cpus"), (Some(1.0), Some(1.0)));
}

/// Mirrors: MasterQuotaTest.RescindOffersForUpdateQuotaGuarantees
#[test]
fn guarantee_takes_offers_of_other_roles_back() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:1;mem:1024");
    let driver = Driver::subscribe(&stage, framework("role1"));
    let offers = driver.offers();

    let configs = [config("role2", "cpus:1;mem:1024", "")];
    accepted(&update(&stage, &configs, Force::No));

    assert_eq!(offers.len(), 1);
    assert_eq!(&driver.rescinded(), offers[0].id());
}

/// Mirrors: MasterQuotaTest.RescindOffersEnforcingLimits
#[test]
fn limit_takes_offers_of_the_role_and_below_back() {
    let stage = Stage::start();
    let _first = stage.agent("cpus:1;mem:1024");
    let parent = Driver::subscribe(&stage, framework("role1"));
    let to_parent = parent.offers();
    let child = Driver::subscribe(&stage, framework("role1/child"));
    let _second = stage.agent_at("second", "cpus:1;mem:1024");
    let to_child = child.offers();
    let rescinded = |driver: &Driver| driver.peer.has::<RescindResourceOfferMessage>();

    accepted(&update(
        &stage,
        &[config("role1", "", "cpus:2;mem:2048")],
        Force::No,
    ));
    let by_the_loose_limit = [rescinded(&parent), rescinded(&child)];
    accepted(&update(
        &stage,
        &[config("role1", "", "cpus:0.5;mem:512")],
        Force::No,
    ));

    assert_eq!((to_parent.len(), to_child.len()), (1, 1));
    assert_eq!(by_the_loose_limit, [false, false]);
    assert_eq!(&parent.rescinded(), to_parent[0].id());
    assert_eq!(&child.rescinded(), to_child[0].id());
}
