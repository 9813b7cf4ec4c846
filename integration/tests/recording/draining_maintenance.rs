//! Draining, deactivation, maintenance windows, machines down and up, a master that is replaced.

use mesos_integration::recording::player::{A_ROUND_OF_A_SECOND, Set, play};
use mesos_integration::recording::snapshot::Chance;

const SET: Set = Set {
    name: "draining-maintenance",
    master: 15110,
    agents: &[15111, 15112],
    chance: Chance::Nothing,
    flags: &[
        "--agent_ping_timeout=2secs",
        "--registry=replicated_log",
        "--quorum=1",
    ],
    // Inverse offers come again with each round, so these cannot be more.
    longest_gap: A_ROUND_OF_A_SECOND,
    left_out: &[],
    is_known: |_| false,
};

/// Where our master does something else on purpose.
const KNOWN: &[(&str, &str)] = &[
    (
        "ports",
        "two agents offer the same ports: the genuine sum forgets them when one is taken back",
    ),
    (
        "offered_resources[3]",
        "the same, where resources are a list",
    ),
    (
        "76.937 fw RESCIND: never came",
        "the genuine master takes back what every machine offers, also one that was in no schedule",
    ),
];

#[test]
fn recorded_maintenance_finds_in_our_master_the_one_it_knew() {
    let report = play(&SET).unwrap();

    let unknown = report.unknown(KNOWN);
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(report.count("operator call"), 39);
    assert_eq!(report.count("operator event AGENT_ADDED"), 5);
}
