//! The recorded agent and frameworks of the set `ha` against three of our masters.

use std::cell::RefCell;
use std::fs;

use mesos_integration::master_group::{GroupError, MasterGroup};
use mesos_integration::replay::FrameError;
use mesos_integration::replay::master::{Live, Lost, NextOffers, Play, Ports, play};

use super::frames;

const HA: Ports = Ports {
    masters: &[15061, 15062, 15063],
    agent: 15071,
};

/// The recorded masters that led, first and second, and the one that never did.
const LEADERS: [u64; 2] = [15062, 15061];
const FOLLOWER: u64 = 15063;

/// Seconds when the agent was killed, which left no frame.
///
/// Its offer was taken back while the framework's refusal was on its way, in two packets.
const AGENT_KILLED: f64 = 18.91;

/// Seconds when the leading master was killed, which left no frame.
const LEADER_KILLED: f64 = 30.0;

/// The framework's first try to reach the new master, which had not read its registry yet.
///
/// Live, the new master is waited for: how long it reads is no matter of the recording.
const TOO_EARLY: [usize; 2] = [4006, 4009];

/// What the recorded clients and masters shared.
const CREDENTIALS: &str = r#"{"credentials": [
    {"principal": "agent", "secret": "agentsecret"},
    {"principal": "test", "secret": "sekrit"}
]}"#;

/// Where the recorded masters have their live counterparts, when the one of that number leads.
fn live(group: &MasterGroup, ports: &[u64], lost: Option<usize>) -> Result<Live, GroupError> {
    let leader = group.leader()?;
    let others = (0..group.masters.len()).filter(|index| *index != leader && Some(*index) != lost);
    let indexes = std::iter::once(leader).chain(others);
    let pairs = ports.iter().zip(indexes);
    pairs
        .map(|(port, index)| Ok((*port, group.address(index)?)))
        .collect()
}

/// An agent and frameworks that prove who they are; an agent and the leader are killed.
#[test]
fn recorded_agent_and_frameworks_find_in_our_masters_the_ones_they_knew() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials.json");
    fs::write(&credentials, CREDENTIALS).unwrap();
    let group = MasterGroup::start_with(&[
        "--hostname=localhost",
        "--authenticate_agents",
        "--authenticate_frameworks",
        "--roles=test,*",
        &format!("--credentials={}", credentials.display()),
    ])
    .unwrap();
    let [first, second] = LEADERS;
    let before = live(&group, &[first, second, FOLLOWER], None).unwrap();
    let group = RefCell::new(group);
    let lose_master = || {
        let mut group = group.borrow_mut();
        let lost = |error: GroupError| FrameError::Io(std::io::Error::other(error));
        let leader = group.leader().map_err(lost)?;
        group.kill_master(leader).map_err(lost)?;
        live(&group, &[second, FOLLOWER], Some(leader)).map_err(lost)
    };
    let mut frames = frames("ha", f64::INFINITY);
    frames.retain(|frame| !TOO_EARLY.contains(&frame.number));

    let outcome = play(Play {
        frames: &frames,
        ports: HA,
        offers: NextOffers::Interval,
        live: before,
        secrets: &[("agent", "agentsecret"), ("test", "sekrit")],
        lost: vec![
            (AGENT_KILLED, Lost::Agent),
            (LEADER_KILLED, Lost::Master(Box::new(lose_master))),
        ],
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", group.borrow().logs()));

    assert_eq!(outcome.report(), "");
    let counts = [
        ("mesos.internal.AuthenticationMechanismsMessage", 4),
        ("mesos.internal.AuthenticationCompletedMessage", 4),
        ("mesos.internal.SlaveRegisteredMessage", 1),
        ("mesos.internal.SlaveReregisteredMessage", 2),
        ("mesos.internal.UpdateFrameworkMessage", 2),
        ("mesos.internal.RunTaskMessage", 6),
        ("mesos.internal.ShutdownFrameworkMessage", 2),
        ("SUBSCRIBED", 2),
        ("end of a stream", 2),
        ("rest of a legacy framework", 1),
    ];
    for (name, count) in counts {
        assert_eq!(outcome.count(name), count, "{name}");
    }
}
