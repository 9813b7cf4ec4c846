//! Pauses, the wait for agents, batching and replay.

use super::*;
use crate::hierarchical::replay::replay;

fn quotas() -> BTreeMap<String, Quota> {
    BTreeMap::from([("role".to_owned(), quota("cpus:1", "cpus:1"))])
}

#[test]
fn with_quota_no_offers_are_made_until_enough_agents_are_back() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::Recover {
        expected_agents: 5,
        quotas: quotas(),
    });
    cluster.add("f1", &["*"]);
    for n in 1..4 {
        cluster.add_agent(&format!("a{n}"), "cpus:4");
    }
    cluster.tick();
    cluster.assert_none();

    cluster.add_agent("a4", "cpus:4");

    assert!(!cluster.state.is_paused());
    assert_eq!(
        cluster.take().len(),
        1,
        "runs asked for during the wait are lost"
    );
    cluster.tick();
    assert_eq!(cluster.take().len(), 3);
}

#[test]
fn the_wait_for_agents_ends_in_time() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::Recover {
        expected_agents: 5,
        quotas: quotas(),
    });
    cluster.add("f1", &["*"]);
    cluster.add_agent("a1", "cpus:4");
    cluster.advance(Duration::from_secs(599));
    cluster.assert_none();

    cluster.advance(Duration::from_secs(2));

    cluster.assert_offers(&[("f1", "*", "a1", "cpus:3")]);
}

#[test]
fn without_quota_or_agents_there_is_no_wait() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::Recover {
        expected_agents: 50,
        quotas: BTreeMap::new(),
    });
    assert!(!cluster.state.is_paused());
    cluster.apply(Event::Recover {
        expected_agents: 1,
        quotas: quotas(),
    });
    assert!(!cluster.state.is_paused());
    assert!(!cluster.state.quota("role").is_default());
}

#[test]
fn brackets_of_the_master_do_not_end_the_wait() {
    let mut cluster = Cluster::new();
    cluster.apply(Event::Recover {
        expected_agents: 5,
        quotas: quotas(),
    });

    cluster.apply(Event::Pause);
    cluster.apply(Event::Resume);

    assert!(cluster.state.is_paused());
}

#[test]
fn brackets_nest() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["*"]);
    cluster.apply(Event::Pause);
    cluster.apply(Event::Pause);
    cluster.apply(Event::Resume);
    cluster.add_agent("a1", "cpus:4");
    cluster.assert_none();

    cluster.apply(Event::Resume);
    cluster.assert_none();
    cluster.tick();

    cluster.assert_offers(&[("f1", "*", "a1", "cpus:4")]);
}

#[test]
fn events_before_a_run_share_it() {
    let mut cluster = Cluster::new();
    cluster.queue(add_framework("f1", &["*"], &[], Activity::Active));
    for n in 0..10 {
        cluster.queue(Event::AddAgent(new_agent(
            &format!("a{n}"),
            &parse("cpus:1"),
            &[],
        )));
    }

    cluster.settle();

    assert_eq!(cluster.runs, 1);
    assert_eq!(cluster.take().len(), 10);
}

#[test]
fn a_paused_run_keeps_its_agents_for_the_next() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["*"]);
    cluster.queue(Event::AddAgent(new_agent("a1", &parse("cpus:1"), &[])));
    cluster.queue(Event::Pause);
    cluster.settle();
    cluster.assert_none();
    cluster.apply(Event::Resume);

    cluster.add_agent("a2", "cpus:1");

    assert_eq!(cluster.take().len(), 2);
}

#[test]
fn recovered_resources_and_new_quotas_wait_for_the_next_run() {
    let mut cluster = Cluster::new();
    cluster.add("f1", &["*"]);
    cluster.add_agent("a1", "cpus:1");
    cluster.take();
    let runs = cluster.runs;

    cluster.recover("f1", "a1", &allocated(&parse("cpus:1"), "*"));
    cluster.set_both("role", "cpus:1");
    cluster.apply(Event::UpdateWeights(vec![("*".to_owned(), 2.0)]));
    cluster.apply(Event::SuppressOffers {
        id: id("f1"),
        roles: BTreeSet::new(),
    });
    cluster.apply(Event::DeactivateAgent(agent_id("a1")));
    cluster.apply(Event::ActivateAgent(agent_id("a1")));

    assert_eq!(cluster.runs, runs);
}

#[test]
fn events_about_strangers_change_nothing() {
    let mut cluster = Cluster::new();
    for event in [
        Event::RemoveFramework(id("f9")),
        Event::ActivateFramework(id("f9")),
        Event::RemoveAgent(agent_id("a9")),
        Event::ActivateAgent(agent_id("a9")),
        Event::UpdateUnavailability {
            agent: agent_id("a9"),
            unavailability: None,
        },
        Event::ReviveOffers {
            id: id("f9"),
            roles: BTreeSet::new(),
        },
    ] {
        cluster.apply(event);
    }
    cluster.recover("f9", "a9", &allocated(&parse("cpus:1"), "*"));

    assert_eq!(cluster.state.counts(), (0, 0));
    assert_eq!(cluster.runs, 0);
}

#[test]
fn a_replay_gives_the_same_offers() {
    let mut cluster = Cluster::new();
    cluster.set_both("role1", "cpus:3;mem:300");
    for n in 0..20 {
        cluster.add_agent(&format!("a{n}"), "cpus:2;mem:200;disk:50");
    }
    for n in 0..6 {
        cluster.add(&format!("f{n}"), &[["role1", "role2", "role2/x"][n % 3]]);
    }
    for (framework, role, agent, resources) in cluster.take() {
        cluster.decline(&framework, &agent, &allocated(&resources, &role), 3.0);
    }
    cluster.advance(Duration::from_secs(5));

    let first = replay(AllocatorOptions::default(), &cluster.events);
    let second = replay(AllocatorOptions::default(), &cluster.events);
    let other = replay(
        AllocatorOptions {
            seed: 9,
            ..AllocatorOptions::default()
        },
        &cluster.events,
    );

    assert_eq!(first, second);
    assert_ne!(first, other);
    let offers = |commands: &[Command]| {
        commands
            .iter()
            .filter(|one| matches!(one, Command::Offers { .. }))
            .count()
    };
    assert!(offers(&first) > 0);
}
