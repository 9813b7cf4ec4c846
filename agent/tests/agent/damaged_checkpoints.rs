//! Checkpoints that are damaged, or that a later release wrote: what they hold of other tasks is not lost.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use mesos_agent::{AgentExit, paths};
use mesos_containerizer::state_file::{Record, next_record};
use mesos_proto::{
    internal::ReregisterAgentMessage,
    v1::{TaskState, executor::event},
};

use crate::harness::{Cluster, checkpointing, executor_task};

/// A field that no release has yet: its number and what it holds.
const NEWS: &[u8] = b"\xaa\xd2\xc0\x0c\x08tomorrow";

/// Two tasks that run, each by an executor of its own.
fn two_tasks() -> Cluster {
    let mut cluster = Cluster::registered();
    for name in ["whole", "other"] {
        let task = executor_task(name, name, "sleep 1000");
        cluster.run(&checkpointing(), task);
        let mut executor = cluster.subscribe_when_launched(name);
        executor.expect(&cluster, event::Type::Launch);
        cluster.report(name, name, TaskState::TaskRunning);
        assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    }
    cluster
}

/// The files of a name in the checkpoint of an executor, or of everything.
fn files(cluster: &Cluster, below: &str, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![cluster.place.work_dir().join("meta")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = entry.path();
            // Links lead to what is visited anyway.
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if entry.file_name() == name && path.to_string_lossy().contains(below) {
                found.push(path);
            }
        }
    }
    found
}

/// The executor of the whole checkpoint comes back; its task is told to the master and ends well.
#[track_caller]
fn whole_task_lives(cluster: &mut Cluster) -> ReregisterAgentMessage {
    let mut executor = cluster.subscribe_when_open("whole");
    executor.expect(cluster, event::Type::Subscribed);
    let message = cluster.reregister();
    let tasks = message.tasks.iter();
    assert!(tasks.into_iter().any(|task| {
        task.task_id().value() == "whole" && task.state() == TaskState::TaskRunning
    }));
    cluster.report("whole", "whole", TaskState::TaskFinished);
    loop {
        let status = cluster.expect_update();
        if status.task_id().value() == "whole" && status.state() == TaskState::TaskFinished {
            return message;
        }
    }
}

fn corrupt(file: &Path) {
    fs::write(file, b"\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff").expect("written");
}

fn cut(file: &Path) {
    let content = fs::read(file).expect("read");
    fs::write(file, &content[..content.len() - 3]).expect("written");
}

/// Not even the superuser reads a directory.
fn make_unreadable(file: &Path) {
    fs::remove_file(file).expect("removed");
    fs::create_dir(file).expect("created");
}

#[test]
fn damaged_files_cost_a_tolerant_agent_no_other_task() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("executor.info", corrupt),
        ("executor.info", make_unreadable),
        ("task.info", cut),
        ("task.updates", make_unreadable),
    ];
    for (name, damage) in damages {
        let mut cluster = two_tasks();
        cluster.stop();
        let damaged = files(&cluster, "/executors/other/", name);
        assert_eq!(damaged.len(), 1, "{name}");
        damage(&damaged[0]);
        cluster.change = |flags| {
            flags.strict = false;
            flags.executor_reregistration_timeout = std::time::Duration::from_secs(1);
        };

        cluster.start_again();

        whole_task_lives(&mut cluster);
        let errors = cluster.metric(&mesos_common::wire::agent_metric("recovery_errors"));
        assert!(errors > 0.0, "{name}");
    }
}

#[test]
fn damaged_file_keeps_a_strict_agent_from_starting_and_its_tasks_running() {
    let mut cluster = two_tasks();
    let pid = cluster.container_pid("other").expect("a process");
    cluster.stop();
    let damaged = files(&cluster, "/executors/other/", "executor.info");
    let content = fs::read(&damaged[0]).expect("read");
    corrupt(&damaged[0]);

    cluster.start_again();

    let exited = cluster.agent.exited().expect("not taken");
    let outcome = cluster.master.runtime.block_on(exited.into_future());
    let Some(AgentExit::Failed(text)) = outcome.ready() else {
        panic!("a failure")
    };
    assert!(text.contains("executor.info"), "{text}");
    assert!(Path::new(&format!("/proc/{pid}")).is_dir());
    // Once the file is mended everything is there again.
    fs::write(&damaged[0], content).expect("written");
    cluster.restart();
    let mut other = cluster.subscribe_when_open("other");
    other.expect(&cluster, event::Type::Subscribed);
    let message = whole_task_lives(&mut cluster);
    assert_eq!(message.tasks.len(), 2);
}

#[test]
fn update_that_was_cut_off_is_forgotten_and_the_task_goes_on() {
    let mut cluster = two_tasks();
    cluster.stop();
    for file in files(&cluster, "/executors/whole/", "task.updates") {
        let mut content = fs::read(&file).expect("read");
        content.extend_from_slice(b"\x40\0\0\0\x08");
        fs::write(&file, content).expect("written");
    }

    cluster.start_again();
    let mut other = cluster.subscribe_when_open("other");
    other.expect(&cluster, event::Type::Subscribed);

    let message = whole_task_lives(&mut cluster);
    assert_eq!(message.tasks.len(), 2);
}

/// Adds a field to every message of a file.
fn add_news(file: &Path) {
    let content = Bytes::from(fs::read(file).expect("read"));
    let mut newer = Vec::new();
    let mut at = 0;
    while let Record::Whole { body, next } = next_record(&content, at) {
        let length = u32::try_from(body.len() + NEWS.len()).expect("short");
        newer.extend_from_slice(&length.to_le_bytes());
        newer.extend_from_slice(&body);
        newer.extend_from_slice(NEWS);
        at = next;
    }
    assert_eq!(at, content.len(), "{}", file.display());
    fs::write(file, newer).expect("written");
}

/// Whether a message still has the field.
fn has_news(message: &impl prost::Message) -> bool {
    let bytes = message.encode_to_vec();
    bytes.windows(NEWS.len()).any(|part| part == NEWS)
}

#[test]
fn checkpoint_of_a_later_release_is_read_and_what_is_new_in_it_is_told_to_the_master() {
    let mut cluster = two_tasks();
    cluster.stop();
    for name in [
        "slave.info",
        "framework.info",
        "executor.info",
        "task.info",
        "task.updates",
    ] {
        let found = files(&cluster, "", name);
        assert!(!found.is_empty(), "{name}");
        found.iter().for_each(|file| add_news(file));
    }
    let meta = paths::meta_root(&cluster.place.work_dir());
    fs::write(meta.join("future"), "a file that nobody knows yet").expect("written");

    cluster.start_again();
    let mut other = cluster.subscribe_when_open("other");
    other.expect(&cluster, event::Type::Subscribed);

    let message = whole_task_lives(&mut cluster);
    assert_eq!(message.tasks.len(), 2);
    assert!(message.tasks.iter().all(has_news));
    assert!(message.frameworks.iter().all(has_news));
    assert_eq!(message.executor_infos.len(), 2);
    assert!(message.executor_infos.iter().all(has_news));
}
