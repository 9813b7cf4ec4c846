//! The recorded agent and frameworks against our master.

mod needs_zookeeper;

use std::cell::RefCell;

use mesos_integration::cluster::Cluster;
use mesos_integration::golden::Golden;
use mesos_integration::recording::shrinking::is_of_shrinking;
use mesos_integration::replay::master::{Lost, NextOffers, Play, Ports, play};
use mesos_integration::replay::wire::{self, Frame};
use mesos_integration::replay::{Difference, FrameError};

const STANDALONE: Ports = Ports {
    masters: &[15050],
    agent: 15051,
};

const VOLUMES: Ports = Ports {
    masters: &[15130],
    agent: 15131,
};

/// Seconds of the first set when the master was killed and started again, which left no frame.
const MASTER_KILLED: f64 = 35.0;

/// Seconds up to the operator's failures, whose texts tell which offers were out at the moment.
const OPERATIONS: f64 = 55.0;

pub(crate) fn frames(set: &str, until: f64) -> Vec<Frame> {
    let golden = Golden::open(set).expect("the recording is there");
    let mut frames = wire::frames(&golden).expect("the recording is whole");
    frames.retain(|frame| frame.time < until);
    frames
}

/// Six frameworks of both kinds, an operator, a master and an agent that are killed and come back.
#[test]
fn recorded_agent_and_frameworks_find_in_our_master_the_one_they_knew() {
    let cluster = Cluster::start_with(&["--registry=replicated_log", "--quorum=1"]).unwrap();
    let address = cluster.master.address;
    let cluster = RefCell::new(cluster);
    let lose_master = || {
        let mut cluster = cluster.borrow_mut();
        let lost = |error| FrameError::Io(std::io::Error::other(error));
        cluster.master.kill().map_err(lost)?;
        cluster.restart_master().map_err(lost)?;
        Ok([(15050, address)].into())
    };

    let outcome = play(Play {
        frames: &frames("standalone", f64::INFINITY),
        ports: STANDALONE,
        offers: NextOffers::Interval,
        live: [(15050, address)].into(),
        secrets: &[],
        lost: vec![(MASTER_KILLED, Lost::Master(Box::new(lose_master)))],
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", cluster.borrow().logs()));

    assert_eq!(outcome.report(), "");
    let counts = [
        ("mesos.internal.SlaveRegisteredMessage", 1),
        ("mesos.internal.SlaveReregisteredMessage", 2),
        ("mesos.internal.UpdateFrameworkMessage", 2),
        ("mesos.internal.RunTaskMessage", 13),
        ("mesos.internal.RunTaskGroupMessage", 1),
        ("mesos.internal.ApplyOperationMessage", 6),
        ("mesos.internal.ShutdownFrameworkMessage", 6),
        ("mesos.internal.ShutdownMessage", 1),
        ("SUBSCRIBED", 5),
        ("end of a stream", 5),
        ("rest of a legacy framework", 2),
    ];
    for (name, count) in counts {
        assert_eq!(outcome.count(name), count, "{name}");
    }
}

/// Seventy operations, good and bad, by a framework and by an operator, across a restart of the agent.
#[test]
fn recorded_operations_find_in_our_master_the_one_they_knew() {
    let cluster =
        Cluster::start_with(&["--allocation_interval=1hrs", "--agent_ping_timeout=2secs"]).unwrap();

    let mut outcome = play(Play {
        frames: &frames("volumes-operations", OPERATIONS),
        ports: VOLUMES,
        offers: NextOffers::Revive,
        live: [(15130, cluster.master.address)].into(),
        secrets: &[],
        lost: Vec::new(),
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", cluster.logs()));

    let is_known = |difference: &Difference| is_of_shrinking(&difference.to_string());
    outcome.differences.retain(|found| !is_known(found));
    assert_eq!(outcome.report(), "");
    assert_eq!(outcome.count("mesos.internal.ApplyOperationMessage"), 23);
    assert_eq!(outcome.count("mesos.internal.RunTaskMessage"), 4);
}
