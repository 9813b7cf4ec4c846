//! An agent that is stopped, killed, unreachable, back, gone.

use mesos_integration::recording::player::{A_ROUND_OF_200_MS, Set, play};
use mesos_integration::recording::snapshot::Chance;

const SET: Set = Set {
    name: "partition",
    master: 15100,
    agents: &[15101],
    chance: Chance::Nothing,
    flags: &[
        "--allocation_interval=200ms",
        "--agent_ping_timeout=1secs",
        "--max_agent_ping_timeouts=3",
        "--registry=replicated_log",
        "--quorum=1",
    ],
    longest_gap: A_ROUND_OF_200_MS,
    left_out: &[],
    is_known: |_| false,
};

#[test]
fn recorded_partitions_find_in_our_master_the_one_they_knew() {
    let report = play(&SET).unwrap();

    let unknown = report.unknown(&[]);
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(report.count("operator call"), 4);
}
