//! Reservations, volumes and operations by a framework and by operators.

use mesos_integration::recording::player::{Set, play};
use mesos_integration::recording::snapshot::Chance;

const SET: Set = Set {
    name: "volumes-operations",
    master: 15130,
    agents: &[15131],
    chance: Chance::Nothing,
    flags: &[
        "--agent_ping_timeout=2secs",
        "--allocation_interval=300ms",
        "--registry=replicated_log",
        "--quorum=1",
    ],
};

#[test]
fn recorded_operations_find_in_our_master_the_one_they_knew() {
    let report = play(&SET).unwrap();

    let unknown = report.unknown(&[]);
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert_eq!(report.count("operator call"), 38);
}
