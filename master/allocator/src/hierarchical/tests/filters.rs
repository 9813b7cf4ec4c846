//! Refusals, suppression and revival.

use super::*;

/// Mirrors: HierarchicalAllocatorTest.OfferFilter
#[test]
fn a_refused_agent_is_offered_again_when_the_filter_ends() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role"]);
    cluster.add_agent("a1", "cpus:1;mem:512");
    let whole = parse("cpus:1;mem:512");
    cluster.assert_offered(&[("f1", "role", "a1", &whole)]);

    cluster.decline("f1", "a1", &allocated(&whole, "role"), 2.0);
    assert_eq!(cluster.state.active_filters("role"), 1);
    cluster.tick();
    cluster.assert_none();
    cluster.tick();
    cluster.assert_none();
    assert_eq!(cluster.state.active_filters("role"), 0);
    cluster.tick();

    cluster.assert_offered(&[("f1", "role", "a1", &whole)]);
}

/// Mirrors: HierarchicalAllocatorTest.SmallOfferFilterTimeout
#[test]
fn a_filter_lasts_at_least_one_interval() {
    let mut cluster = Cluster::with(AllocatorOptions {
        allocation_interval: Duration::from_secs(60),
        ..AllocatorOptions::default()
    });
    let whole = parse("cpus:1;mem:512");
    cluster.add("f1", &["role"]);
    cluster.add("f2", &["role"]);
    cluster.add_agent_with("a1", &whole, &[("f1", &allocated(&whole, "role"))]);
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offered(&[("f2", "role", "a2", &whole)]);

    cluster.queue(Event::RecoverResources {
        framework: id("f2"),
        agent: agent_id("a2"),
        resources: allocated(&whole, "role"),
        filters: Some(filters_of(1.0)),
        ownership: Ownership::Offered,
    });

    let (due, _) = cluster.timers[0];
    assert_eq!(due - cluster.now, Duration::from_secs(60));
    cluster.apply(Event::Tick);
    cluster.assert_offered(&[("f1", "role", "a2", &whole)]);
}

#[test]
fn odd_refusals_become_sensible_ones() {
    use super::super::filters::{DEFAULT_REFUSAL, LONGEST_REFUSAL, refusal};
    for (seconds, expected) in [
        (0.0, None),
        (-1.0, Some(DEFAULT_REFUSAL)),
        (f64::NAN, Some(DEFAULT_REFUSAL)),
        (1e9, Some(LONGEST_REFUSAL)),
        (f64::INFINITY, Some(LONGEST_REFUSAL)),
        (2.5, Some(Duration::from_millis(2500))),
    ] {
        assert_eq!(refusal(&filters_of(seconds)), expected);
    }
    assert_eq!(refusal(&v1::Filters::default()), Some(DEFAULT_REFUSAL));
}

/// Mirrors: HierarchicalAllocatorTest.ReviveOffers
#[test]
fn reviving_drops_filters() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
    cluster.decline("f1", "a1", &allocated(&whole, "role1"), 1000.0);
    cluster.tick();
    cluster.assert_none();

    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });

    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
}

/// Mirrors: HierarchicalAllocatorTest.SuppressAndReviveOffers
#[test]
fn suppressed_frameworks_get_no_offers() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.assert_none();

    cluster.recover("f1", "a1", &allocated(&whole, "role1"));
    cluster.apply(Event::SuppressOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.tick();
    cluster.assert_none();

    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
}

/// Mirrors: HierarchicalAllocatorTest.SuppressAndReviveOffersWithMultiRole
#[test]
fn roles_are_suppressed_and_revived_one_by_one() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add("f1", &["role1", "role2"]);
    cluster.apply(Event::SuppressOffers {
        id: id("f1"),
        roles: names(&["role1"]),
    });
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.assert_offered(&[("f1", "role2", "a1", &whole)]);

    cluster.decline("f1", "a1", &allocated(&whole, "role2"), 86400.0);
    cluster.tick();
    cluster.assert_none();

    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: names(&["role1"]),
    });
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
    cluster.decline("f1", "a1", &allocated(&whole, "role1"), 86400.0);
    cluster.tick();
    cluster.assert_none();
}

/// Mirrors: HierarchicalAllocatorTest.DeactivateAndReactivateFramework
#[test]
fn a_framework_that_comes_back_can_revive() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
    cluster.recover("f1", "a1", &allocated(&whole, "role1"));
    cluster.apply(Event::SuppressOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.apply(Event::DeactivateFramework(id("f1")));
    cluster.tick();
    cluster.assert_none();

    cluster.apply(Event::ActivateFramework(id("f1")));
    cluster.assert_none();
    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });

    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
}

#[test]
fn reviving_an_inactive_framework_gives_it_no_offers() {
    let mut cluster = Cluster::new();
    cluster.apply(add_framework("f1", &["role1"], &[], Activity::Inactive));
    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.assert_none();

    cluster.apply(Event::ActivateFramework(id("f1")));

    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:2;mem:1024")]);
}

/// Mirrors: HierarchicalAllocatorTest.RemoveFilters
#[test]
fn changed_attributes_drop_the_filters_of_an_agent() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1;mem:512");
    cluster.add("f1", &["role"]);
    cluster.add_agent("a1", "cpus:1;mem:512");
    cluster.assert_offered(&[("f1", "role", "a1", &whole)]);
    cluster.decline("f1", "a1", &allocated(&whole, "role"), 86400.0);
    cluster.tick();
    cluster.assert_none();
    let mut info = agent_info("a1");
    info.attributes.push(v1::Attribute {
        name: Some("foo".to_owned()),
        ..Default::default()
    });

    cluster.apply(Event::UpdateAgent {
        id: agent_id("a1"),
        info: Arc::new(info),
        total: None,
        capabilities: None,
    });

    cluster.assert_offered(&[("f1", "role", "a1", &whole)]);
}

#[test]
fn a_filter_hides_only_what_it_covers() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1;mem:512");
    cluster.add("f1", &["role"]);
    cluster.add_agent("a1", "cpus:1;mem:512");
    cluster.take();
    cluster.decline("f1", "a1", &allocated(&whole, "role"), 86400.0);

    cluster.apply(Event::UpdateAgent {
        id: agent_id("a1"),
        info: Arc::new(agent_info("a1")),
        total: Some(parse("cpus:2;mem:512")),
        capabilities: None,
    });

    cluster.assert_offers(&[("f1", "role", "a1", "cpus:2;mem:512")]);
}

#[test]
fn an_expired_filter_of_a_reused_agent_number_is_harmless() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:1;mem:512");
    cluster.add("f1", &["role"]);
    cluster.add_agent("a1", "cpus:1;mem:512");
    cluster.take();
    cluster.decline("f1", "a1", &allocated(&whole, "role"), 5.0);
    cluster.apply(Event::RemoveAgent(agent_id("a1")));
    cluster.add_agent("a2", "cpus:1;mem:512");
    cluster.assert_offered(&[("f1", "role", "a2", &whole)]);
    cluster.decline("f1", "a2", &allocated(&whole, "role"), 100.0);

    cluster.advance(Duration::from_secs(20));

    assert_eq!(cluster.state.active_filters("role"), 1);
    cluster.assert_none();
}
