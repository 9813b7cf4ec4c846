//! Inverse offers.

use super::*;
use mesos_proto::v1::allocator::inverse_offer_status::Status;

fn unavailability(start: u64) -> v1::Unavailability {
    let nanoseconds = i64::try_from(start).expect("small") * 1_000_000_000;
    let start = v1::TimeInfo {
        nanoseconds: Some(nanoseconds),
        ..Default::default()
    };
    v1::Unavailability {
        start: Some(start),
        ..Default::default()
    }
}

fn announce(cluster: &mut Cluster, agent: &str, start: u64) {
    cluster.apply(Event::UpdateUnavailability {
        agent: agent_id(agent),
        unavailability: Some(unavailability(start)),
    });
}

fn asked(cluster: &mut Cluster) -> Vec<(String, String)> {
    std::mem::take(&mut cluster.inverse_offers)
        .into_iter()
        .map(|(framework, offer)| (framework.to_string(), offer.agent_id.to_string()))
        .collect()
}

fn answer(cluster: &mut Cluster, status: Option<Status>, seconds: Option<f64>) {
    let status = status.map(|status| v1::allocator::InverseOfferStatus {
        status: Some(status.into()),
        ..Default::default()
    });
    cluster.apply(Event::UpdateInverseOffer {
        agent: agent_id("a1"),
        framework: id("f1"),
        status,
        filters: seconds.map(filters_of),
    });
}

/// Mirrors: HierarchicalAllocatorTest.MaintenanceInverseOffers
#[test]
fn frameworks_are_asked_to_leave_agents_where_they_hold_something() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    cluster.add_agent("a2", "cpus:2;mem:1024");
    cluster.take();
    cluster.decline(
        "f1",
        "a2",
        &allocated(&parse("cpus:2;mem:1024"), "*"),
        86400.0,
    );

    announce(&mut cluster, "a1", 60);
    announce(&mut cluster, "a2", 60);

    let offers = std::mem::take(&mut cluster.inverse_offers);
    let [(framework, offer)] = offers.as_slice() else {
        panic!("one inverse offer")
    };
    assert_eq!((framework.as_str(), offer.agent_id.as_str()), ("f1", "a1"));
    assert_eq!(offer.unavailability, unavailability(60));
    cluster.tick();
    assert!(cluster.inverse_offers.is_empty());
}

/// Mirrors: HierarchicalAllocatorTest.AddAgentWithUnknownFrameworkAndMaintenance
#[test]
fn frameworks_that_are_not_known_are_not_asked() {
    let mut cluster = Cluster::new();
    let whole = parse("cpus:2;mem:1024");
    let mut agent = new_agent("a1", &whole, &[("unknown", &allocated(&whole, "role"))]);
    agent.unavailability = Some(unavailability(1_000_000));
    cluster.apply(Event::AddAgent(agent));
    cluster.add("f1", &["role"]);
    cluster.add_agent("a2", "cpus:2;mem:1024");
    cluster.assert_offered(&[("f1", "role", "a2", &whole)]);
    assert!(cluster.inverse_offers.is_empty());

    announce(&mut cluster, "a2", 60);

    assert_eq!(asked(&mut cluster), [("f1".to_owned(), "a2".to_owned())]);
}

#[test]
fn an_answer_is_kept_and_its_filter_silences_the_question() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    announce(&mut cluster, "a1", 60);
    assert_eq!(asked(&mut cluster).len(), 1);
    cluster.tick();
    assert!(asked(&mut cluster).is_empty(), "one question at a time");

    answer(&mut cluster, Some(Status::Decline), Some(5.0));
    let statuses = cluster.state.inverse_offer_statuses();
    assert_eq!(
        statuses[&agent_id("a1")][&id("f1")].status(),
        Status::Decline
    );
    cluster.advance(Duration::from_secs(4));
    assert!(asked(&mut cluster).is_empty());

    cluster.advance(Duration::from_secs(2));
    assert_eq!(asked(&mut cluster).len(), 1);
}

#[test]
fn a_question_taken_back_is_asked_again() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    announce(&mut cluster, "a1", 60);
    assert_eq!(asked(&mut cluster).len(), 1);

    answer(&mut cluster, None, None);
    cluster.tick();

    assert_eq!(asked(&mut cluster).len(), 1);
    assert!(cluster.state.inverse_offer_statuses()[&agent_id("a1")].is_empty());
}

#[test]
fn new_unavailability_forgets_answers_and_filters() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    announce(&mut cluster, "a1", 60);
    asked(&mut cluster);
    answer(&mut cluster, Some(Status::Accept), Some(1000.0));

    announce(&mut cluster, "a1", 120);

    assert_eq!(asked(&mut cluster).len(), 1);
    assert!(cluster.state.inverse_offer_statuses()[&agent_id("a1")].is_empty());
}

#[test]
fn deactivated_agents_are_asked_about_and_inactive_frameworks_are_not() {
    let mut cluster = Cluster::new();
    cluster.add_agent("a1", "cpus:2;mem:1024");
    cluster.add("f1", &["*"]);
    cluster.apply(Event::DeactivateFramework(id("f1")));
    cluster.apply(Event::DeactivateAgent(agent_id("a1")));
    announce(&mut cluster, "a1", 60);
    assert!(asked(&mut cluster).is_empty());

    cluster.apply(Event::ActivateFramework(id("f1")));

    assert_eq!(asked(&mut cluster).len(), 1);
}
