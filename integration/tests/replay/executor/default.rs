//! The recorded agent against our default executor.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use mesos_integration::golden::Golden;
use mesos_integration::replay::client::{Conversation, Player, of_framework};
use mesos_integration::replay::{Outcome, wire};

use super::{Executor, Identity, differences};

/// The port of the recorded agent of the first set.
const AGENT_PORT: u64 = 15051;

/// The port of the recorded agent of the set of checks.
const CHECKS_AGENT_PORT: u64 = 15151;

const GROUP: Identity<'_> = Identity {
    framework: "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-0003",
    executor: "default-executor",
    agent: "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-S0",
};

#[test]
fn recorded_agent_finds_in_our_default_executor_the_one_it_knew() {
    let golden = Golden::open("standalone").unwrap();
    let frames = wire::frames(&golden).unwrap();
    let frames = of_framework(&frames, Conversation::Executor, GROUP.framework);
    let player = Player::listen(Conversation::Executor).unwrap();
    let mut executor = Executor::start(&GROUP, player.address, &["default-executor"]);

    let outcome = player.play(&frames, AGENT_PORT).unwrap();

    assert_eq!(differences(&outcome), [""; 0]);
    for call in [
        "SUBSCRIBE",
        "LAUNCH_CONTAINER",
        "UPDATE TASK_STARTING",
        "UPDATE TASK_RUNNING",
        "WAIT_NESTED_CONTAINER",
        "UPDATE TASK_FINISHED",
    ] {
        assert_eq!(outcome.count(call), 1, "{call}");
    }
    assert!(executor.child.wait().unwrap().success());
}

/// Plays the life of an executor of the set of checks; `health` is where its task serves a file.
fn play(name: &str, health: u16) -> Outcome {
    let golden = Golden::open("checks").expect("the recording is there");
    let frames = wire::frames(&golden).expect("the recording is whole");
    let mut player = Player::listen(Conversation::Executor).expect("a port is free");
    player.learn_port(31121, health);
    let identity = Identity {
        framework: "41aabfc6-d6b9-4926-852f-44c45316df3e-0000",
        executor: name,
        agent: "41aabfc6-d6b9-4926-852f-44c45316df3e-S0",
    };
    let mut executor = Executor::start(&identity, player.address, &["default-executor"]);

    let outcome = player.play_in_order(&frames, CHECKS_AGENT_PORT, name);

    let outcome = outcome.expect("the conversation goes to its end");
    assert_eq!(differences(&outcome), [""; 0]);
    assert!(executor.child.wait().expect("it ended").success());
    outcome
}

#[test]
fn recorded_health_check_of_a_group_kills_it() {
    let outcome = play("g1", 1);

    assert_eq!(outcome.count("LAUNCH_NESTED_CONTAINER_SESSION"), 9);
    assert_eq!(outcome.count("REMOVE_NESTED_CONTAINER"), 8);
    assert_eq!(outcome.count("KILL_NESTED_CONTAINER"), 2);
    assert_eq!(outcome.count("UPDATE TASK_KILLED"), 2);
}

#[test]
fn recorded_checks_of_a_group_tell_what_they_told() {
    let health = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = health.local_addr().unwrap().port();
    // As the recorded task: there is a file, and then there is none.
    std::thread::spawn(move || {
        let mut answers = ["200 OK"; 3].into_iter();
        for mut connection in health.incoming().flatten() {
            let mut line = String::new();
            let _read = BufReader::new(&connection).read_line(&mut line);
            if line.starts_with("GET /health ") {
                let status = answers.next().unwrap_or("404 Not Found");
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                let _gone = connection.write_all(answer.as_bytes());
            }
        }
    });

    let outcome = play("g2", port);

    assert_eq!(outcome.count("UPDATE TASK_KILLED"), 2);
    // Of one task the two that it started with, three of its check; of the other one more.
    assert_eq!(outcome.count("UPDATE TASK_RUNNING"), 7);
}

#[test]
fn recorded_kill_of_a_group_escalates() {
    let outcome = play("g3", 1);

    assert_eq!(outcome.count("KILL_NESTED_CONTAINER"), 2);
    assert_eq!(outcome.count("UPDATE TASK_KILLED"), 1);
}

#[test]
fn recorded_failure_of_a_task_kills_its_group() {
    let outcome = play("g4", 1);

    assert_eq!(outcome.count("UPDATE TASK_FAILED"), 1);
    assert_eq!(outcome.count("UPDATE TASK_KILLED"), 1);
}

#[test]
fn recorded_end_of_a_task_leaves_the_others_alone() {
    let outcome = play("g5", 1);

    assert_eq!(outcome.count("KILL_NESTED_CONTAINER"), 0);
    assert_eq!(outcome.count("UPDATE TASK_FINISHED"), 1);
    assert_eq!(outcome.count("UPDATE TASK_FAILED"), 1);
}

#[test]
fn recorded_completion_time_of_a_task_kills_its_group() {
    let outcome = play("g6", 1);

    assert_eq!(outcome.count("KILL_NESTED_CONTAINER"), 3);
    assert_eq!(outcome.count("UPDATE TASK_FAILED"), 1);
    assert_eq!(outcome.count("UPDATE TASK_KILLED"), 1);
}
