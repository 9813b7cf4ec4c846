//! The recorded agent against our Docker executor and a real engine.
//!
//! Left out: what needs a bridge or a web server inside the image, and the check that made the
//! recorded executor crash.

use std::thread;

use mesos_integration::docker_daemon::DockerDaemon;
use mesos_integration::golden::Golden;
use mesos_integration::replay::executor::{Player, Recorded, conversations};
use mesos_integration::replay::{Outcome, wire};

use super::{Executor, Identity, differences};

fn play(docker: &DockerDaemon, task: &str, recorded: &Recorded) -> Outcome {
    let player = Player::listen().expect("a port is free");
    let identity = Identity {
        framework: "06974105-a4a6-4487-8698-bec7a689ce16-0000",
        executor: task,
        agent: "06974105-a4a6-4487-8698-bec7a689ce16-S0",
    };
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = format!("--sandbox_directory={}", folder.path().display());
    let socket = format!("--docker_socket={}", docker.socket().display());
    let arguments = [
        "docker-executor",
        &format!("--container=mesos-{task}"),
        "--docker=docker",
        &socket,
        &sandbox,
        "--mapped_directory=/mnt/mesos/sandbox",
        "--launcher_dir=/usr/libexec/mesos",
        "--stop_timeout=0ns",
        "--cgroups_enable_cfs",
    ];
    let _executor = Executor::start_in(folder, &identity, player.address, &arguments);

    // The first process of a container does not end by a signal that it does not handle.
    let is_ready = || {};
    player
        .play(recorded, is_ready)
        .expect("the conversation goes to its end")
}

#[test]
fn recorded_agent_finds_in_our_docker_executor_the_one_it_knew() {
    let golden = Golden::open("docker").unwrap();
    let frames = wire::frames(&golden).unwrap();
    let recorded = conversations(&frames).unwrap();
    let docker = DockerDaemon::start("local/busybox:1").unwrap();
    let tasks = [
        "d-exit0",
        "d-exit3",
        "d-sig",
        "d-args",
        "d-none",
        "d-badport",
        "d-limits",
        "d-long",
        "d-oom",
        "d-hc",
        "d-stubborn",
        "d-maxtime",
    ];

    let outcomes: Vec<_> = thread::scope(|scope| {
        let mut playing = Vec::new();
        for task in tasks {
            let (docker, recorded) = (&docker, &recorded[task]);
            playing.push((task, scope.spawn(move || play(docker, task, recorded))));
        }
        let ended = |(task, playing): (_, thread::ScopedJoinHandle<'_, Outcome>)| {
            (task, playing.join().unwrap())
        };
        playing.into_iter().map(ended).collect()
    });

    for (task, outcome) in outcomes {
        assert_eq!(differences(&outcome), [""; 0], "{task}");
        assert_eq!(outcome.count("TASK_STARTING"), 1, "{task}");
    }
}
