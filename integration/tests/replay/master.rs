//! The recorded agent and frameworks against our master.

use mesos_integration::cluster::Cluster;
use mesos_integration::golden::Golden;
use mesos_integration::replay::master::{NextOffers, Ports, play};
use mesos_integration::replay::wire::{self, Frame};
use mesos_integration::replay::{Difference, Outcome};
use serde_json::Value;

const STANDALONE: Ports = Ports {
    master: 15050,
    agent: 15051,
};

const VOLUMES: Ports = Ports {
    master: 15130,
    agent: 15131,
};

/// Seconds in which a legacy framework, a v1 JSON one and a v1 protobuf one run their tasks.
const THREE_FRAMEWORKS: f64 = 6.73;

/// Seconds up to the operator's failures, whose texts tell which offers were out at the moment.
const OPERATIONS: f64 = 55.0;

fn frames(set: &str, until: f64) -> Vec<Frame> {
    let golden = Golden::open(set).expect("the recording is there");
    let mut frames = wire::frames(&golden).expect("the recording is whole");
    frames.retain(|frame| frame.time < until);
    frames
}

fn assert_no_difference(outcome: &Outcome) {
    let differences: Vec<String> = outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn recorded_agent_and_frameworks_find_in_our_master_the_one_they_knew() {
    let cluster = Cluster::start().unwrap();

    let outcome = play(
        &frames("standalone", THREE_FRAMEWORKS),
        STANDALONE,
        NextOffers::Interval,
        cluster.master.address,
    )
    .unwrap_or_else(|error| panic!("{error}\n{}", cluster.logs()));

    assert_no_difference(&outcome);
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

/// Leaves out where our master differs on purpose, or only in the order of a list.
///
/// Mesos never offers again what `SHRINK_VOLUME` frees: 20 MB of one disk and 50 MB of the other.
/// A text that lists all resources has them in another order.
fn without_departures(mut outcome: Outcome) -> Outcome {
    let is_shrunk = |difference: &Difference| {
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
        let more = number(&difference.live).zip(number(&difference.recorded));
        difference.path.contains(" OFFERS.")
            && difference.path.ends_with(".scalar.value")
            && more.is_some_and(|(live, recorded)| [20.0, 50.0].contains(&(live - recorded)))
    };
    let is_reordered = |difference: &Difference| {
        let lacking = |value: &Option<Value>| {
            let text = value.as_ref()?.as_str()?;
            Some(text.split_once(" does not contain ")?.1.to_owned())
        };
        let live = lacking(&difference.live);
        live.is_some() && live == lacking(&difference.recorded)
    };
    outcome
        .differences
        .retain(|difference| !is_shrunk(difference) && !is_reordered(difference));
    outcome
}

/// Seventy operations, good and bad, by a framework and by an operator, across a restart of the agent.
#[test]
fn recorded_operations_find_in_our_master_the_one_they_knew() {
    let cluster =
        Cluster::start_with(&["--allocation_interval=1hrs", "--agent_ping_timeout=2secs"]).unwrap();

    let outcome = play(
        &frames("volumes-operations", OPERATIONS),
        VOLUMES,
        NextOffers::Revive,
        cluster.master.address,
    )
    .unwrap_or_else(|error| panic!("{error}\n{}", cluster.logs()));

    let outcome = without_departures(outcome);
    assert_no_difference(&outcome);
    assert_eq!(outcome.count("mesos.internal.ApplyOperationMessage"), 23);
    assert_eq!(outcome.count("mesos.internal.RunTaskMessage"), 4);
}
