//! Roles, weights, quota, suppression, offer constraints, filters.

use mesos_integration::recording::player::{Set, play};
use mesos_integration::recording::snapshot::Chance;

const SET: Set = Set {
    name: "roles-quota",
    master: 15120,
    agents: &[15121, 15122],
    chance: Chance::Offers,
    flags: &[
        "--agent_ping_timeout=2secs",
        "--registry=replicated_log",
        "--quorum=1",
    ],
};

/// Where our master does something else, and what is open about it.
const KNOWN: &[(&str, &str)] = &[(
    "18-torn-down/master-metrics-snapshot.frameworks/multi/",
    "the genuine master never removes the counters of a framework on HTTP",
)];

#[test]
fn recorded_roles_and_quotas_find_in_our_master_the_one_they_knew() {
    let report = play(&SET).unwrap();

    let (late, unknown): (Vec<_>, Vec<_>) = report
        .unknown(KNOWN)
        .into_iter()
        .partition(|difference| is_late(difference));
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(late.len() <= 14, "{late:#?}");
    assert_eq!(report.count("operator call"), 55);
    assert_eq!(report.count("offered"), 24);
    assert_eq!(report.count("operator event AGENT_ADDED"), 2);
}

/// Whether an agent that the recording offers is offered later: nothing is offered that the recording does not.
///
/// Open: when the second agent comes late once, the rounds after it come late as well.
fn is_late(difference: &str) -> bool {
    let Some((_, sets)) = difference.split_once(": offered ") else {
        return false;
    };
    let (recorded, ours) = sets.split_once(", got ").unwrap_or((sets, sets));
    let agents = |set: &str| {
        let names = set.split('"').skip(1).step_by(2);
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let recorded = agents(recorded);
    agents(ours).iter().all(|agent| recorded.contains(agent))
}

#[test]
fn an_offer_that_the_recording_does_not_make_is_no_late_one() {
    assert!(is_late(r#"47.719: offered {"node2"}, got {}"#));
    assert!(is_late(r#"1.0: offered {"node1", "node2"}, got {"node1"}"#));
    assert!(!is_late(r#"1.0: offered {"node1"}, got {"node2"}"#));
    assert!(!is_late("5.0: status 200, got 500"));
}
