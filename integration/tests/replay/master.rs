//! The recorded agent and frameworks against our master.

use mesos_integration::cluster::Cluster;
use mesos_integration::golden::Golden;
use mesos_integration::replay::master::{Ports, play};
use mesos_integration::replay::wire::{self, Frame};

const PORTS: Ports = Ports {
    master: 15050,
    agent: 15051,
};

/// Seconds in which a legacy framework, a v1 JSON one and a v1 protobuf one run their tasks.
const THREE_FRAMEWORKS: f64 = 6.73;

fn frames(until: f64) -> Vec<Frame> {
    let golden = Golden::open("standalone").expect("the recording is there");
    let mut frames = wire::frames(&golden).expect("the recording is whole");
    frames.retain(|frame| frame.time < until);
    frames
}

#[test]
fn recorded_agent_and_frameworks_find_in_our_master_the_one_they_knew() {
    let cluster = Cluster::start().unwrap();

    let outcome = play(&frames(THREE_FRAMEWORKS), PORTS, cluster.master.address)
        .unwrap_or_else(|error| panic!("{error}\n{}", cluster.logs()));

    let differences: Vec<String> = outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(outcome.count("mesos.internal.SlaveRegisteredMessage"), 1);
    assert_eq!(outcome.count("mesos.internal.RunTaskMessage"), 7);
    assert_eq!(outcome.count("SUBSCRIBED"), 2);
    assert_eq!(outcome.count("OFFERS"), 2);
    assert_eq!(outcome.count("UPDATE"), 5);
    assert_eq!(outcome.count("mesos.internal.ShutdownFrameworkMessage"), 3);
    assert_eq!(
        outcome.count("mesos.internal.StatusUpdateAcknowledgementMessage"),
        13
    );
}
