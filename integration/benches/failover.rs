//! How long the cluster is without a leader after `kill -9` of the one it had.
//!
//! `cargo build --release && cargo bench -p mesos-integration --bench failover`, with Debian's
//! package `zookeeper`. Three masters on a real ZooKeeper; a row is the time from the signal until
//! another master has read the registry, written its name into it and answers calls.
//! Most of that is ZooKeeper's session timeout: until it ends the dead master counts as the leader.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real time and fails by panicking"
)]

use std::time::{Duration, Instant};

use mesos_integration::master_group::{MasterGroup, SESSION_TIMEOUT};

const ROUNDS: usize = 3;

fn main() {
    let mut group = MasterGroup::start().expect("three masters start");
    let mut rows: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let leader = group.leader().expect("a leader");
            let begin = Instant::now();
            group.kill_master(leader).expect("it dies");
            group.leader().expect("another leads");
            let took = begin.elapsed();
            println!(
                "kill -9 of the leader until another accepts calls: {:>6} ms, of which ZooKeeper's \
                 session timeout is {} ms",
                took.as_millis(),
                SESSION_TIMEOUT.as_millis()
            );
            group.restart_master(leader).expect("it starts again");
            group.await_votes().expect("it votes");
            took
        })
        .collect();
    rows.sort_unstable();
    let median = rows.get(ROUNDS / 2).copied().unwrap_or_default();
    println!(
        "median {} ms, {} ms beside the session timeout",
        median.as_millis(),
        median.saturating_sub(SESSION_TIMEOUT).as_millis()
    );
}
