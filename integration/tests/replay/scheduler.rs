//! The recorded master against our scheduler library, as `mesos execute` uses it.

use mesos_integration::binary;
use mesos_integration::golden::Golden;
use mesos_integration::replay::client::{Conversation, Player, of_framework};
use mesos_integration::replay::{Outcome, wire};

/// The port of the recorded master.
const MASTER_PORT: u64 = 15050;

/// Plays the recorded life of a framework, whose number is given, against `mesos execute`.
#[track_caller]
fn play(framework: &str, arguments: &[&str]) -> Outcome {
    let golden = Golden::open("standalone").expect("the recording is there");
    let framework = format!("d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-{framework}");
    let frames = wire::frames(&golden).expect("the recording is whole");
    let frames = of_framework(&frames, Conversation::Scheduler, &framework);
    let player = Player::listen(Conversation::Scheduler).expect("a port is free");
    let mut child = binary::command("replay")
        .expect("the binary is built")
        .arg("execute")
        .arg(format!("--master={}", player.address))
        .args(arguments)
        .spawn()
        .expect("the scheduler starts");

    let outcome = player.play(&frames, MASTER_PORT);

    let _ended = child.kill();
    let _status = child.wait();
    let outcome = outcome.expect("the conversation goes to its end");
    assert_eq!(outcome.report(), "");
    assert_eq!(outcome.count("SUBSCRIBE"), 1);
    assert_eq!(outcome.count("ACCEPT"), 1);
    outcome
}

#[test]
fn recorded_master_finds_in_our_scheduler_the_one_it_knew_in_json() {
    let arguments = [
        "--name=v1task",
        "--command=echo v1; sleep 1",
        "--content_type=json",
    ];

    let outcome = play("0001", &arguments);

    assert_eq!(outcome.count("ACKNOWLEDGE"), 2);
}

#[test]
fn recorded_master_finds_in_our_scheduler_the_one_it_knew_in_protobuf() {
    let outcome = play("0002", &["--name=v1pb", "--command=echo v1; exit 3"]);

    assert_eq!(outcome.count("ACKNOWLEDGE"), 3);
}

#[test]
fn recorded_master_finds_in_our_scheduler_the_one_that_launched_a_group() {
    let group = r#"{"tasks": [{"name": "a", "task_id": {"value": "a"}, "agent_id": {"value": ""},
        "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                      {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}],
        "command": {"value": "echo in-group; sleep 1"}}]}"#;

    let outcome = play("0003", &[&format!("--task_group={group}")]);

    assert_eq!(outcome.count("ACKNOWLEDGE"), 3);
}
