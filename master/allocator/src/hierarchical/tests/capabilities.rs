//! Who can be offered what, and the reasons that are given.

use super::super::explain::{Question, Reason};
use super::*;
use crate::offer_constraints::{OfferConstraintsFilter, RegexLimits};

/// Mirrors: HierarchicalAllocatorTest.Allocatable
#[test]
fn too_little_is_not_offered() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role1"]);
    cluster.add_agent("a1", "cpus:0.005;mem:16;disk:128");
    cluster.assert_none();

    for (agent, resources) in [
        ("a2", "cpus:0.01;mem:16;disk:128"),
        ("a3", "cpus:0.005;mem:32;disk:128"),
        (
            "a4",
            "cpus:0.015;mem:16;cpus(role1):0.015;mem(role1):16;disk:128",
        ),
    ] {
        cluster.add_agent(agent, resources);
        cluster.assert_offers(&[("f1", "role1", agent, resources)]);
    }
}

fn with_minimum(sets: &[(&str, f64)]) -> v1::FrameworkInfo {
    let mut info = framework_info("f1", &["role1"], &[]);
    let quantities = sets
        .iter()
        .map(|(name, value)| v1::offer_filters::ResourceQuantities {
            quantities: BTreeMap::from([(
                (*name).to_owned(),
                v1::value::Scalar {
                    value: Some(*value),
                    ..Default::default()
                },
            )]),
            ..Default::default()
        })
        .collect();
    let minimum = v1::offer_filters::MinAllocatableResources {
        quantities,
        ..Default::default()
    };
    let filters = v1::OfferFilters {
        min_allocatable_resources: Some(minimum),
        ..Default::default()
    };
    info.offer_filters.insert("role1".to_owned(), filters);
    info
}

/// Mirrors: HierarchicalAllocatorTest.FrameworkMinAllocatable
#[test]
fn a_framework_can_take_less() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role1"]);
    cluster.add_agent("a1", "cpus:0.005;mem:16;disk:128");
    cluster.assert_none();

    cluster.apply(Event::UpdateFramework {
        id: id("f1"),
        info: Arc::new(with_minimum(&[("cpus", 0.003)])),
        options: FrameworkOptions::default(),
    });
    cluster.tick();

    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:0.005;mem:16;disk:128")]);
}

/// Mirrors: HierarchicalAllocatorTest.FrameworkEmptyMinAllocatable
#[test]
fn a_framework_can_take_anything() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::AddFramework {
        id: id("f1"),
        info: Arc::new(with_minimum(&[])),
        used: BTreeMap::new(),
        activity: Activity::Active,
        options: FrameworkOptions::default(),
    });

    cluster.add_agent("a1", "cpus:0.005;mem:16;disk:128");

    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:0.005;mem:16;disk:128")]);
}

/// Mirrors: HierarchicalAllocatorTest.Whitelist
#[test]
fn only_whitelisted_hosts_are_offered() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::UpdateWhitelist(Some(names(&["dummy-agent"]))));
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    cluster.tick();
    cluster.assert_none();

    cluster.apply(Event::UpdateWhitelist(Some(names(&["dummy-agent", "a1"]))));
    cluster.tick();

    cluster.assert_offers(&[("f1", "*", "a1", "cpus:2;mem:1024")]);
}

fn add_old_agent(cluster: &mut Cluster) {
    let mut agent = new_agent("a1", &parse("cpus:2;mem:1024"), &[]);
    agent.capabilities = Vec::new();
    cluster.apply(Event::AddAgent(agent));
}

/// Mirrors: HierarchicalAllocatorTest.DontOfferOldAgentToMultiRoleFramework
/// Mirrors: HierarchicalAllocatorTest.UpdateSlaveCapabilities
#[test]
fn an_old_agent_serves_multi_role_frameworks_once_it_is_upgraded() {
    let mut cluster = Cluster::new();
    add_old_agent(&mut cluster);
    cluster.add("f1", &["role1"]);
    cluster.tick();
    cluster.assert_none();

    cluster.apply(Event::UpdateAgent {
        id: agent_id("a1"),
        info: Arc::new(agent_info("a1")),
        total: None,
        capabilities: Some(agent_capabilities()),
    });

    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:2;mem:1024")]);
}

#[test]
fn a_framework_of_one_role_is_served_by_old_agents() {
    let mut cluster = Cluster::new();
    add_old_agent(&mut cluster);
    let join = |name: &str, role: &str| Event::AddFramework {
        id: id(name),
        info: Arc::new(v1::FrameworkInfo {
            name: Some(name.to_owned()),
            role: Some(role.to_owned()),
            ..Default::default()
        }),
        used: BTreeMap::new(),
        activity: Activity::Active,
        options: FrameworkOptions::default(),
    };
    cluster.apply(join("f1", "a/b"));
    cluster.assert_none();

    cluster.apply(join("f2", "a"));

    cluster.assert_offers(&[("f2", "a", "a1", "cpus:2;mem:1024")]);
}

/// Mirrors: `HierarchicalAllocatorTest.FrameworkLoopMESOS_9554`
#[test]
fn refined_reservations_go_only_to_those_who_understand_them() {
    let mut cluster = Cluster::new();
    cluster.add_framework(
        "f1",
        &["parent/child"],
        &[Capability::ReservationRefinement],
    );
    cluster.add_agent("a1", "cpus:1;mem:1;disk:1");
    cluster.assert_offers(&[("f1", "parent/child", "a1", "cpus:1;mem:1;disk:1")]);
    cluster.add("f2", &["parent/child"]);
    cluster.assert_none();
    let refined = parse("cpus:1;mem:1;disk:1")
        .push_reservation(&dynamic("parent"))
        .push_reservation(&dynamic("parent/child"));

    cluster.add_agent_with("a2", &refined, &[]);

    cluster.assert_offered(&[("f1", "parent/child", "a2", &refined)]);
}

#[test]
fn agents_with_gpus_are_kept_for_those_who_can_use_them() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["role1"]);
    cluster.add_agent("a1", "cpus:2;gpus:1");
    cluster.assert_none();

    cluster.add_framework("f2", &["role1"], &[Capability::GpuResources]);

    cluster.assert_offers(&[("f2", "role1", "a1", "cpus:2;gpus:1")]);
    let mut open = Cluster::with(AllocatorOptions {
        gpu_filtering: crate::allocator::GpuFiltering::Off,
        ..AllocatorOptions::default()
    });
    open.add("f1", &["role1"]);
    open.add_agent("a1", "cpus:2;gpus:1");
    open.assert_offers(&[("f1", "role1", "a1", "cpus:2;gpus:1")]);
}

fn domain(region: &str, zone: &str) -> v1::DomainInfo {
    use v1::domain_info::FaultDomain;
    use v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
    let fault_domain = FaultDomain {
        region: Some(RegionInfo {
            name: Some(region.to_owned()),
            ..Default::default()
        }),
        zone: Some(ZoneInfo {
            name: Some(zone.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::DomainInfo {
        fault_domain: Some(fault_domain.into()),
        ..Default::default()
    }
}

fn agent_in(name: &str, region: &str) -> NewAgent {
    let mut agent = new_agent(name, &parse("cpus:2"), &[]);
    let mut info = agent_info(name);
    info.domain = Some(domain(region, "z"));
    agent.info = Arc::new(info);
    agent
}

#[test]
fn remote_regions_are_for_those_who_know_regions() {
    let mut cluster = Cluster::with(AllocatorOptions {
        domain: Some(domain("here", "z")),
        ..AllocatorOptions::default()
    });
    cluster.add("f1", &["role1"]);
    cluster.apply(Event::AddAgent(agent_in("a1", "there")));
    cluster.assert_none();
    cluster.apply(Event::AddAgent(agent_in("a2", "here")));
    cluster.assert_offers(&[("f1", "role1", "a2", "cpus:2")]);

    cluster.add_framework("f2", &["role1"], &[Capability::RegionAware]);

    cluster.assert_offers(&[("f2", "role1", "a1", "cpus:2")]);
}

pub(super) fn hostname_is(role: &str, host: &str) -> FrameworkOptions {
    use v1::scheduler::attribute_constraint::{self, predicate, selector};
    use v1::scheduler::offer_constraints::{RoleConstraints, role_constraints::Group};
    let constraint = v1::scheduler::AttributeConstraint {
        selector: Some(attribute_constraint::Selector {
            pseudoattribute_type: Some(selector::PseudoattributeType::Hostname.into()),
            ..Default::default()
        }),
        predicate: Some(
            attribute_constraint::Predicate {
                text_equals: Some(predicate::TextEquals {
                    value: Some(host.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    };
    let group = Group {
        attribute_constraints: vec![constraint],
        ..Default::default()
    };
    let constraints = v1::scheduler::OfferConstraints {
        role_constraints: BTreeMap::from([(
            role.to_owned(),
            RoleConstraints {
                groups: vec![group],
                ..Default::default()
            },
        )]),
        ..Default::default()
    };
    let offer_constraints =
        OfferConstraintsFilter::create(RegexLimits::default(), &constraints).expect("valid");
    FrameworkOptions {
        offer_constraints,
        ..FrameworkOptions::default()
    }
}

#[test]
fn constraints_exclude_agents_until_they_are_changed() {
    let mut cluster = Cluster::new();
    let info = Arc::new(framework_info("f1", &["role1"], &[]));
    cluster.apply(Event::AddFramework {
        id: id("f1"),
        info: Arc::clone(&info),
        used: BTreeMap::new(),
        activity: Activity::Active,
        options: hostname_is("role1", "a2"),
    });
    cluster.add_agent("a1", "cpus:2");
    cluster.assert_none();
    cluster.add_agent("a2", "cpus:2");
    cluster.assert_offers(&[("f1", "role1", "a2", "cpus:2")]);

    cluster.apply(Event::UpdateFramework {
        id: id("f1"),
        info,
        options: FrameworkOptions::default(),
    });
    cluster.tick();

    cluster.assert_offers(&[("f1", "role1", "a1", "cpus:2")]);
}

fn reasons(cluster: &Cluster, question: &Question) -> Vec<(Option<String>, Reason)> {
    let answers = cluster.state.explain(question, cluster.now);
    answers
        .into_iter()
        .map(|answer| (answer.agent.map(|agent| agent.to_string()), answer.reason))
        .collect()
}

#[test]
fn every_refusal_has_its_reason() {
    let mut cluster = Cluster::with(AllocatorOptions {
        domain: Some(domain("here", "z")),
        ..AllocatorOptions::default()
    });
    cluster.set_quota("limited", "", "cpus:0;mem:0");
    cluster.set_both("guaranteed", "cpus:5");
    for agent in ["small", "gpu", "reserved", "off", "plain"] {
        let resources = match agent {
            "small" => "disk:10",
            "gpu" => "cpus:1;gpus:1",
            "reserved" => "cpus(other):1",
            _ => "cpus:1",
        };
        cluster.add_agent(agent, resources);
    }
    cluster.apply(Event::AddAgent(agent_in("remote", "there")));
    cluster.apply(Event::DeactivateAgent(agent_id("off")));
    cluster.add("f1", &["role1"]);
    cluster.assert_none();

    let answers: BTreeMap<_, _> = reasons(&cluster, &Question::Framework(id("f1")))
        .into_iter()
        .collect();
    let reason = |agent: &str| answers.get(&Some(agent.to_owned())).cloned();
    assert_eq!(reason("small"), Some(Reason::BelowMinimum));
    assert_eq!(reason("gpu"), Some(Reason::Gpu));
    assert_eq!(reason("reserved"), Some(Reason::ReservedForOthers));
    assert_eq!(reason("off"), Some(Reason::AgentDeactivated));
    assert_eq!(reason("remote"), Some(Reason::Region));
    assert_eq!(reason("plain"), Some(Reason::QuotaHeadroom));

    cluster.add("f2", &["limited"]);
    let answers = reasons(&cluster, &Question::Role("limited".to_owned()));
    assert!(answers.contains(&(Some("plain".to_owned()), Reason::QuotaLimit)));
}

#[test]
fn an_explanation_tells_how_long_a_filter_lasts_and_changes_nothing() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.take();
    cluster.decline("f1", "a1", &allocated(&whole, "role1"), 100.0);
    cluster.advance(Duration::from_secs(30));

    let answers = reasons(&cluster, &Question::Agent(agent_id("a1")));

    let left = Duration::from_secs(70);
    assert_eq!(
        answers,
        [(Some("a1".to_owned()), Reason::Filtered { left })]
    );
    let available = cluster
        .state
        .agent_resources(&agent_id("a1"))
        .map(|one| one.available);
    assert_eq!(available, Some(whole.clone()));

    cluster.apply(Event::SuppressOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    assert_eq!(
        reasons(&cluster, &Question::Framework(id("f1"))),
        [(None, Reason::Suppressed)]
    );
    cluster.apply(Event::Pause);
    let answers = reasons(&cluster, &Question::Framework(id("f1")));
    assert_eq!(
        answers,
        [(None, Reason::Paused), (None, Reason::Suppressed)]
    );

    cluster.apply(Event::Resume);
    cluster.apply(Event::ReviveOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.assert_offered(&[("f1", "role1", "a1", &whole)]);
    let answers = reasons(&cluster, &Question::Agent(agent_id("a1")));
    assert_eq!(answers, [(Some("a1".to_owned()), Reason::NothingAvailable)]);
}

#[test]
fn an_explanation_says_what_would_be_offered() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.apply(Event::Pause);
    cluster.add("f1", &["role1"]);

    let answers = reasons(&cluster, &Question::Framework(id("f1")));

    let offer = allocated(&parse("cpus:2;mem:1024"), "role1");
    assert!(answers.contains(&(Some("a1".to_owned()), Reason::Offered(offer))));
    cluster.assert_none();
}

#[test]
fn an_explanation_tells_who_comes_first() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::Pause);
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["role1"]);
    cluster.add("f2", &["role2"]);

    let answers = reasons(&cluster, &Question::Framework(id("f2")));

    let others = (Some("a1".to_owned()), Reason::OthersComeFirst);
    assert_eq!(answers, [(None, Reason::Paused), others]);
}

#[test]
fn an_explanation_reaches_every_framework_of_a_role() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus(other):2;mem(other):1024");
    cluster.add("f1", &["role1"]);
    cluster.add("f2", &["role1"]);

    for framework in ["f1", "f2"] {
        let answers = reasons(&cluster, &Question::Framework(id(framework)));

        assert_eq!(
            answers,
            [(Some("a1".to_owned()), Reason::ReservedForOthers)]
        );
    }
}

#[test]
fn an_explanation_names_what_is_not_there() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");

    for (question, reason) in [
        (Question::Framework(id("nobody")), Reason::FrameworkUnknown),
        (
            Question::Role("idle".to_owned()),
            Reason::RoleWithoutFrameworks,
        ),
        (Question::Agent(agent_id("nowhere")), Reason::AgentUnknown),
    ] {
        assert_eq!(reasons(&cluster, &question), [(None, reason)]);
    }
}
