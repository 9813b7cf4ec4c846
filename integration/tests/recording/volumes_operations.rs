//! Reservations, volumes and operations, by a framework and by operators.

use mesos_integration::recording::player::{A_ROUND_OF_200_MS, Set, play};
use mesos_integration::recording::shrinking::is_of_shrinking;
use mesos_integration::recording::snapshot::Chance;

const SET: Set = Set {
    name: "volumes-operations",
    master: 15130,
    agents: &[15131],
    chance: Chance::Nothing,
    flags: &[
        "--allocation_interval=200ms",
        "--agent_ping_timeout=2secs",
        "--registry=replicated_log",
        "--quorum=1",
    ],
    longest_gap: A_ROUND_OF_200_MS,
    // It takes disk that shrinking freed.
    left_out: &["unreserve-1"],
    is_known: is_of_shrinking,
};

/// Where our master does something else on purpose.
const KNOWN: &[(&str, &str)] = &[(
    "11-torn-down/master-metrics-snapshot.frameworks/ops/",
    "the genuine master never removes the counters of a framework on HTTP",
)];

#[test]
fn recorded_operations_find_in_our_master_the_one_they_knew() {
    let report = play(&SET).unwrap();

    let unknown: Vec<&String> = report
        .unknown(KNOWN)
        .into_iter()
        .filter(|difference| !is_of_shrinking(difference))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?} {:#?}", report.compared);
    assert_eq!(report.count("operator call"), 38);
    assert_eq!(report.count("other offers"), 0);
}
