//! Roles, weights, quota, suppression, offer constraints, filters.

use mesos_integration::recording::player::{A_ROUND_OF_200_MS, Set, play};
use mesos_integration::recording::snapshot::Chance;

const SET: Set = Set {
    name: "roles-quota",
    master: 15120,
    agents: &[15121, 15122],
    chance: Chance::Offers,
    flags: &[
        "--allocation_interval=200ms",
        "--agent_ping_timeout=2secs",
        "--registry=replicated_log",
        "--quorum=1",
    ],
    longest_gap: A_ROUND_OF_200_MS,
    left_out: &[],
    is_known: |_| false,
};

/// Where our master does something else on purpose.
const KNOWN: &[(&str, &str)] = &[(
    "18-torn-down/master-metrics-snapshot.frameworks/multi/",
    "the genuine master never removes the counters of a framework on HTTP",
)];

#[test]
fn recorded_roles_and_quotas_find_in_our_master_the_one_they_knew() {
    let report = play(&SET).unwrap();

    let unknown = report.unknown(KNOWN);
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(report.count("operator call"), 55);
    assert_eq!(report.count("offered"), 24);
    assert_eq!(report.count("offers again"), 4);
    assert_eq!(report.count("operator event AGENT_ADDED"), 2);
}
