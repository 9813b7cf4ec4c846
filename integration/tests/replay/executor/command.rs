//! The recorded agent against our command executor, a process for every recorded task.

use std::collections::BTreeMap;
use std::thread;

use mesos_integration::cluster::free_address;
use mesos_integration::eventually::eventually;
use mesos_integration::golden::Golden;
use mesos_integration::replay::executor::{Player, Recorded, conversations};
use mesos_integration::replay::{Outcome, wire};

use super::{Executor, Identity, differences};

/// Ports that recorded tasks and their checks use.
const PORTS: [u16; 5] = [31101, 31102, 31111, 31112, 31999];

fn recorded() -> BTreeMap<String, Recorded> {
    let golden = Golden::open("checks").expect("the recording is there");
    let frames = wire::frames(&golden).expect("the recording is whole");
    conversations(&frames).expect("the messages are whole")
}

fn play(task: &str, recorded: &Recorded) -> Outcome {
    let mut recorded = recorded.clone();
    for port in PORTS {
        let free = free_address().expect("a port is free").port();
        recorded.replace_port(port, free);
    }
    let player = Player::listen().expect("a port is free");
    let identity = Identity {
        framework: "41aabfc6-d6b9-4926-852f-44c45316df3e-0000",
        executor: task,
        agent: "41aabfc6-d6b9-4926-852f-44c45316df3e-S0",
    };
    let executor = Executor::start(&identity, player.address, &["executor"]);

    // A task that sleeps has set its traps.
    let sleeps = || {
        eventually("the sleep of the task", || {
            let commands = Executor::commands(&executor.mark, executor.folder.path());
            let sleeps = commands.iter().any(|command| command.starts_with("sleep "));
            sleeps.then_some(())
        })
        .expect("the task sleeps");
    };
    player
        .play(&recorded, sleeps)
        .expect("the conversation goes to its end")
}

/// Plays the life of each task, all at once as they were.
#[track_caller]
fn assert_same(tasks: &[&str]) {
    let recorded = recorded();
    let of = |task: &str| recorded.get(task).expect("a recorded task");
    let outcomes: Vec<(&str, Outcome)> = thread::scope(|scope| {
        let playing: Vec<_> = tasks
            .iter()
            .map(|task| (*task, scope.spawn(|| play(task, of(task)))))
            .collect();
        let mut ended = Vec::new();
        for (task, playing) in playing {
            ended.push((task, playing.join().expect("it is played to its end")));
        }
        ended
    });

    for (task, outcome) in outcomes {
        assert_eq!(differences(&outcome), [""; 0], "{task}");
        assert_eq!(outcome.count("SUBSCRIBE"), 1, "{task}");
        assert_eq!(outcome.count("TASK_STARTING"), 1, "{task}");
    }
}

#[test]
fn recorded_agent_finds_in_our_command_executor_the_one_it_knew() {
    assert_same(&[
        "exit-0",
        "exit-3",
        "exit-127",
        "no-shell",
        "no-binary",
        "sig-kill",
        "sig-term",
        "sig-segv",
        "bad-ck-mixed",
        "bad-hc-negcons",
        "bad-hc-notype",
    ]);
}

#[test]
fn recorded_kills_end_tasks_as_they_did() {
    assert_same(&[
        "kill-polite",
        "kill-trap",
        "kill-trap0",
        "kill-escalate",
        "kill-override",
        "maxtime",
        "maxtime-0",
        "maxtime-stubborn",
    ]);
}

#[test]
fn recorded_checks_tell_what_they_told() {
    assert_same(&[
        "hc-cmd",
        "hc-recover",
        "hc-timeout",
        "hc-refused",
        "hc-never",
        "hc-stubborn",
        "ck-cmd",
        "ck-both",
    ]);
}

#[test]
fn needs_python_recorded_checks_of_a_server_tell_what_they_told() {
    assert_same(&["hc-http", "hc-tcp", "ck-http", "ck-tcp"]);
}
