//! The recorded executors, with the recorded master, against our agent.

use std::ops::Range;

use mesos_integration::cluster::free_address;
use mesos_integration::golden::Golden;
use mesos_integration::replay::neighbours::stand_in::StandIns;
use mesos_integration::replay::neighbours::{Player, Ports, Stage};
use mesos_integration::replay::{Outcome, wire};

use super::{Agent, PORTS};

const CHECKS: Ports = Ports {
    master: 15150,
    agent: 15151,
};

const VOLUMES: Ports = Ports {
    master: 15130,
    agent: 15131,
};

/// A recording that is played.
struct Recording<'a> {
    set: &'a str,
    /// Seconds of it that are left out.
    without: &'a [Range<f64>],
    ports: Ports,
    flags: &'a [&'a str],
}

/// Plays a recording; `learn` tells the player of folders, and returns further flags.
#[track_caller]
fn play(
    recording: &Recording<'_>,
    learn: impl FnOnce(&mut Player, &tempfile::TempDir) -> Vec<String>,
) -> Outcome {
    let golden = Golden::open(recording.set).expect("the recording is there");
    let mut frames = wire::frames(&golden).expect("the recording is whole");
    frames.retain(|frame| {
        let mut without = recording.without.iter();
        !without.any(|part| part.contains(&frame.time))
    });
    let folder = tempfile::tempdir().expect("a folder");
    let stand_ins = StandIns::install(folder.path().join("launcher")).expect("they are written");
    let mut player = Player::listen(recording.ports).expect("a port is free");
    let more = learn(&mut player, &folder);
    let launcher = format!("--launcher_dir={}", stand_ins.folder().display());
    let mut flags = vec![launcher.as_str()];
    flags.extend(recording.flags);
    flags.extend(more.iter().map(String::as_str));
    let mut agent = Agent::start(folder, player.address(), &flags);

    let stage = Stage {
        agent: agent.address,
        stand_ins: &stand_ins,
        restart: || agent.restart(),
    };
    let outcome = player.play(&frames, stage);

    let outcome = outcome.expect("the conversation goes to its end");
    assert_eq!(outcome.report(), "");
    outcome
}

/// A legacy driver, command tasks, a task group and a framework that reserves.
#[test]
fn recorded_executors_find_in_our_agent_the_one_they_knew() {
    let recording = Recording {
        set: "standalone",
        without: &[14.4..f64::MAX],
        ports: PORTS,
        flags: &[
            "--isolation=posix/cpu,posix/mem",
            "--hostname=localhost",
            "--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
            "--attributes=rack:r1;zone:z1;level:10",
        ],
    };

    let outcome = play(&recording, |_, _| Vec::new());

    assert_eq!(outcome.count("mesos.internal.StatusUpdateMessage"), 34);
    assert_eq!(outcome.count("mesos.internal.ExitedExecutorMessage"), 2);
    assert_eq!(outcome.count("event SUBSCRIBED"), 1);
    assert_eq!(outcome.count("event ACKNOWLEDGED"), 3);
}

const CHECKS_FLAGS: [&str; 3] = [
    "--isolation=posix/cpu,posix/mem",
    "--hostname=node1",
    "--resources=cpus:16;mem:8192;disk:10240;ports:[31000-32000]",
];

/// Seconds in which the agent of that set registers.
const REGISTRATION: f64 = 4.0;

/// Seconds after which its task groups begin.
const GROUPS: f64 = 28.107;

/// Exits, kills, health checks and checks, each of a legacy executor.
#[test]
fn recorded_command_executors_find_in_our_agent_the_one_they_knew() {
    let recording = Recording {
        set: "checks",
        without: &[GROUPS..f64::MAX],
        ports: CHECKS,
        flags: &CHECKS_FLAGS,
    };

    let outcome = play(&recording, |_, _| Vec::new());

    assert_eq!(outcome.count("mesos.internal.StatusUpdateMessage"), 131);
    for (message, count) in [
        ("ExecutorRegisteredMessage", 28),
        ("RunTaskMessage", 28),
        ("KillTaskMessage", 6),
        ("StatusUpdateAcknowledgementMessage", 131),
    ] {
        let name = format!("executor: mesos.internal.{message}");
        assert_eq!(outcome.count(&name), count, "{message}");
    }
}

/// Six task groups with checks, kills and failures, each of an executor of the v1 API.
#[test]
fn recorded_default_executors_find_in_our_agent_the_one_they_knew() {
    let recording = Recording {
        set: "checks",
        without: &[REGISTRATION..GROUPS],
        ports: CHECKS,
        flags: &CHECKS_FLAGS,
    };

    let outcome = play(&recording, |player, _| {
        // A task serves there.
        let free = free_address().expect("a port is free").port();
        player.learn("31121", &free.to_string());
        Vec::new()
    });

    assert_eq!(outcome.count("event SUBSCRIBED"), 6);
    assert_eq!(outcome.count("event LAUNCH_GROUP"), 6);
    assert_eq!(outcome.count("event KILL"), 2);
    assert_eq!(outcome.count("event ACKNOWLEDGED"), 48);
    assert_eq!(outcome.count("mesos.internal.ExitedExecutorMessage"), 6);
}

/// The agent is killed while four executors run and an operation waits for its acknowledgement.
#[test]
fn recorded_executors_find_their_agent_again_when_it_comes_back() {
    let recording = Recording {
        set: "volumes-operations",
        without: &[],
        ports: VOLUMES,
        flags: &[
            "--hostname=node1",
            "--isolation=posix/cpu,posix/mem,filesystem/posix",
        ],
    };

    let outcome = play(&recording, |player, folder| {
        let root = folder.path().display().to_string();
        for disk in ["path-disk", "mount-disk"] {
            std::fs::create_dir(folder.path().join(disk)).expect("a folder");
        }
        player.learn("/var/lib/mesos-rec/volumes-operations", &root);
        vec![format!(
            r#"--resources=[
            {{"name": "cpus", "type": "SCALAR", "scalar": {{"value": 4}}}},
            {{"name": "mem", "type": "SCALAR", "scalar": {{"value": 4096}}}},
            {{"name": "disk", "type": "SCALAR", "scalar": {{"value": 4096}}}},
            {{"name": "ports", "type": "RANGES",
              "ranges": {{"range": [{{"begin": 31000, "end": 32000}}]}}}},
            {{"name": "disk", "type": "SCALAR", "scalar": {{"value": 1024}},
              "disk": {{"source": {{"type": "PATH", "path": {{"root": "{root}/path-disk"}}}}}}}},
            {{"name": "disk", "type": "SCALAR", "scalar": {{"value": 128}},
              "disk": {{"source": {{"type": "MOUNT", "mount": {{"root": "{root}/mount-disk"}}}}}}}}]"#
        )]
    });

    for message in ["ReconnectExecutorMessage", "ExecutorReregisteredMessage"] {
        let name = format!("executor: mesos.internal.{message}");
        assert_eq!(outcome.count(&name), 4, "{message}");
    }
    assert_eq!(outcome.count("mesos.internal.ReregisterSlaveMessage"), 1);
    assert_eq!(
        outcome.count("mesos.internal.UpdateOperationStatusMessage"),
        36
    );
}
