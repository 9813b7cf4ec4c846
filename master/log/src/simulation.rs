//! The protocol under loss, duplication, reordering and restarts, from seeds.
//!
//! Replicas, tallies and the decisions of a fill are the real ones; only the actors around them are
//! played here, one step at a time, by a random choice that a seed repeats.
//!
//! # What is checked
//! - No two learned values differ at one position, unless one only says that it was truncated.
//! - An acknowledged append is what is learned at its position, then and ever after.
//! - When the network is whole again, whoever is elected knows every acknowledged append.

mod world;

use self::world::World;

/// Runs so many seeds of a cluster of `2 * quorum - 1` replicas.
fn run(quorum: usize, seeds: std::ops::Range<u64>, steps: usize) {
    run_with(2 * quorum - 1, quorum, seeds, steps);
}

fn run_with(size: usize, quorum: usize, seeds: std::ops::Range<u64>, steps: usize) {
    let mut appended = 0;
    for seed in seeds {
        let mut world = World::new(size, quorum, seed);
        for _ in 0..steps {
            world.step();
        }
        world.heal();
        world.check_everybody();
        appended += world.acknowledged();
    }
    assert!(appended > 0, "the simulation never appended anything");
}

#[test]
fn three_replicas_agree_whatever_the_network_does() {
    run(2, 0..2_000, 300);
}

#[test]
fn five_replicas_agree_whatever_the_network_does() {
    run(3, 10_000..10_600, 500);
}

#[test]
fn one_replica_agrees_with_itself_over_restarts() {
    run(1, 20_000..20_300, 150);
}

/// A simulation that cannot fail would prove nothing.
#[test]
#[should_panic(expected = "two values at position")]
fn a_quorum_that_is_no_majority_is_found_out() {
    run_with(3, 1, 30_000..30_200, 300);
}
