//! Recorded and own checkpoints are read, whole and damaged.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use mesos_common::{
    ids::{AgentId, ExecutorId, FrameworkId, TaskId},
    resources::Resources,
};
use mesos_containerizer::{
    ContainerId,
    state_file::{self, Record},
};
use mesos_proto::v1::{self, OperationState, TaskState};
use prost::Message as _;

use super::{
    layout::{Machine, Origin, RunPhase},
    *,
};
use crate::{
    paths::{self, ExecutorPlace},
    state::task::AgentUpdate,
};

/// Unpacks a recorded `meta` directory and points its links to where it lies now.
fn golden(name: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("temporary directory");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{name}.tar.gz"));
    let file = fs::File::open(archive).expect("archive");
    tar::Archive::new(GzDecoder::new(file))
        .unpack(directory.path())
        .expect("unpacked");
    let root = fs::read_dir(directory.path())
        .expect("root")
        .next()
        .expect("entry")
        .expect("entry");
    let meta = root.path().join("meta");
    repair_links(&meta, &meta);
    (directory, meta)
}

fn repair_links(directory: &Path, meta: &Path) {
    for entry in fs::read_dir(directory).expect("directory").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("type");
        if kind.is_dir() {
            repair_links(&path, meta);
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).expect("link").display().to_string();
            let (_, below) = target.split_once("/meta/").expect("a link below meta");
            fs::remove_file(&path).expect("removed");
            symlink(meta.join(below), &path).expect("linked");
        }
    }
}

fn boot_id(meta: &Path) -> String {
    fs::read_to_string(paths::boot_id_file(meta)).expect("boot id")
}

fn read_golden(name: &str) -> Checkpoint {
    let (_directory, meta) = golden(name);
    let boot = boot_id(&meta);
    read(&meta, Strictness::Strict, Some(&boot)).expect("readable")
}

#[test]
fn recorded_task_is_found_with_its_updates() {
    let found = read_golden("standalone-agent-meta-live");

    let agent = found.agent.expect("an agent");
    assert_eq!(found.machine, Machine::Same);
    assert_eq!(agent.info.as_ref().expect("info").hostname(), "localhost");
    let [framework] = agent.frameworks.as_slice() else {
        panic!("one framework")
    };
    assert_eq!(
        framework.info.as_ref().expect("info").name(),
        "mesos-execute instance"
    );
    assert!(framework.pid.as_ref().expect("an address").is_empty());
    let [executor] = framework.executors.as_slice() else {
        panic!("one executor")
    };
    assert_eq!(
        (executor.id.as_str(), executor.origin),
        ("long", Origin::CommandTask)
    );
    let [run] = executor.runs.as_slice() else {
        panic!("one run")
    };
    assert_eq!(run.phase, RunPhase::Live);
    assert!(run.forked_pid.is_some());
    assert!(matches!(&run.transport, Transport::Libprocess(pid) if &*pid.id == "executor(1)"));
    let [task] = run.tasks.as_slice() else {
        panic!("one task")
    };
    let states: Vec<_> = task
        .updates
        .iter()
        .map(|update| update.status().state())
        .collect();
    assert_eq!(states, [TaskState::TaskStarting, TaskState::TaskRunning]);
    assert_eq!(task.acknowledged.len(), 2);
}

#[test]
fn recorded_operation_is_found() {
    let found = read_golden("volumes-operations-agent-meta-live");

    let resources = found.resources.expect("resources");
    assert!(!resources.resources.is_empty());
    assert_eq!(resources.target, None);
    let [operation] = resources.operations.as_slice() else {
        panic!("one operation")
    };
    assert_eq!(
        operation.latest_status().state(),
        OperationState::OperationFinished
    );
}

#[test]
fn recorded_runs_that_ended_are_completed() {
    for name in [
        "draining-maintenance-agent1-meta-drained",
        "partition-agent-meta-final",
    ] {
        let agent = read_golden(name).agent.expect("an agent");
        let runs = agent
            .frameworks
            .iter()
            .flat_map(|f| &f.executors)
            .flat_map(|e| &e.runs);

        assert!(runs.clone().count() > 0, "{name}");
        assert!(
            runs.clone().all(|run| run.phase == RunPhase::Completed),
            "{name}"
        );
    }
}

#[test]
fn all_recordings_are_read_without_an_error() {
    for name in [
        "standalone-agent-meta-live",
        "standalone-agent-meta-final",
        "volumes-operations-agent-meta-live",
        "draining-maintenance-agent1-meta-drained",
        "partition-agent-meta-final",
        "containers-agent-meta-final",
    ] {
        assert_eq!(read_golden(name).errors, 0, "{name}");
    }
}

#[test]
fn reboot_forgets_the_processes() {
    let (_directory, meta) = golden("standalone-agent-meta-live");

    let found = read(&meta, Strictness::Strict, Some("another boot")).expect("readable");

    let agent = found.agent.expect("an agent");
    let run = &agent.frameworks[0].executors[0].runs[0];
    assert_eq!(found.machine, Machine::Rebooted);
    assert_eq!(
        (run.forked_pid, &run.transport),
        (None, &Transport::Unknown)
    );
    assert_eq!(run.tasks.len(), 1);
}

struct Written {
    _directory: tempfile::TempDir,
    meta: PathBuf,
    agent: AgentId,
    framework: FrameworkId,
    executor: ExecutorId,
    container: ContainerId,
}

impl Written {
    /// A checkpoint of one agent with one task, as this agent writes it.
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let written = Self {
            meta: directory.path().join("meta"),
            _directory: directory,
            agent: AgentId::from("a"),
            framework: FrameworkId::from("f"),
            executor: ExecutorId::from("e"),
            container: ContainerId::root_from("c"),
        };
        let agent_info = v1::AgentInfo {
            hostname: Some("host".to_owned()),
            id: Some(written.agent.to_proto()),
            ..Default::default()
        };
        write::latest_agent(&written.meta, &written.agent).expect("written");
        write::agent_info(&written.meta, &written.agent, &agent_info).expect("written");
        let framework = v1::FrameworkInfo {
            user: Some("user".to_owned()),
            name: Some("name".to_owned()),
            id: Some(written.framework.to_proto()),
            checkpoint: Some(true),
            ..Default::default()
        };
        write::framework(&written.meta, &written.agent, &framework, None).expect("written");
        let executor = v1::ExecutorInfo {
            executor_id: Some(written.executor.to_proto()),
            ..Default::default()
        };
        write::executor(
            written.place(),
            &executor,
            Origin::Framework,
            &written.container,
        )
        .expect("written");
        let task = v1::Task {
            name: Some("task".to_owned()),
            task_id: Some(TaskId::from("t").to_proto()),
            framework_id: Some(written.framework.to_proto()),
            agent_id: Some(written.agent.to_proto()),
            state: Some(TaskState::TaskStaging.into()),
            ..Default::default()
        };
        write::task(written.place(), &written.container, &task).expect("written");
        written
    }

    fn place(&self) -> ExecutorPlace<'_> {
        ExecutorPlace {
            root: &self.meta,
            agent: &self.agent,
            framework: &self.framework,
            executor: &self.executor,
        }
    }

    fn updates(&self) -> PathBuf {
        self.place()
            .task_updates_file(&self.container, &TaskId::from("t"))
    }

    fn add_update(&self) {
        let update = AgentUpdate {
            framework: &self.framework,
            task: &TaskId::from("t"),
            executor: None,
            state: TaskState::TaskRunning,
            reason: None,
            message: "",
        }
        .build(&self.agent, 1.0);
        let record = mesos_proto::internal::StatusUpdateRecord {
            r#type: Some(mesos_proto::internal::status_update_record::Type::Update.into()),
            update: Some(update.into()),
            ..Default::default()
        };
        write::RecordFile::open(&self.updates())
            .expect("opened")
            .append(&record)
            .expect("added");
    }

    fn read(&self, strictness: Strictness) -> Result<Checkpoint, ReadFailure> {
        read(&self.meta, strictness, None)
    }
}

fn only_task(found: &Checkpoint) -> &TaskCheckpoint {
    &found.agent.as_ref().expect("an agent").frameworks[0].executors[0].runs[0].tasks[0]
}

/// Mirrors: SlaveStateTest.CheckpointProtobufMessage
#[test]
fn what_is_written_is_read_back() {
    let written = Written::new();
    written.add_update();

    let found = written.read(Strictness::Strict).expect("readable");

    assert_eq!(only_task(&found).updates.len(), 1);
    assert_eq!(only_task(&found).info.name(), "task");
    assert_eq!(found.errors, 0);
}

/// Mirrors: SlaveStateTest.CheckpointString
#[test]
fn text_is_read_back() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("test-file");

    state_file::write_text(&file, "test").expect("written");

    let found = state_file::read_text(&file).expect("readable");
    assert_eq!(found.as_deref(), Some("test"));
}

/// Mirrors: SlaveStateTest.CheckpointRepeatedProtobufMessages
#[test]
fn list_of_resources_is_read_back() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("resources-file");
    let text = "cpus:2;mem:512;cpus(role):4;mem(role):1024";
    let expected = Resources::parse(text).expect("resources");

    state_file::write_messages(&file, &expected.to_proto()).expect("written");

    let bytes = state_file::read_bytes(&file).expect("readable");
    let bytes = bytes.expect("a file");
    let mut found = Vec::new();
    let mut at = 0;
    while let Record::Whole { body, next } = state_file::next_record(&bytes, at) {
        found.push(v1::Resource::decode(body).expect("a resource"));
        at = next;
    }
    assert_eq!(at, bytes.len());
    assert_eq!(Resources::from_proto(&found), expected);
}

#[test]
fn record_that_was_cut_off_is_removed_from_the_file() {
    let written = Written::new();
    written.add_update();
    let whole = fs::metadata(written.updates()).expect("file").len();
    written.add_update();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(written.updates())
        .expect("file");
    file.set_len(whole + 7).expect("cut");

    let found = written.read(Strictness::Strict).expect("readable");

    assert_eq!(only_task(&found).updates.len(), 1);
    assert_eq!(fs::metadata(written.updates()).expect("file").len(), whole);
}

#[test]
fn unreadable_file_ends_a_strict_recovery_and_is_counted_by_a_tolerant_one() {
    let written = Written::new();
    fs::write(written.place().info_file(), [3, 0, 0, 0, 255, 255, 255]).expect("damaged");

    assert!(matches!(
        written.read(Strictness::Strict),
        Err(ReadFailure::File(_))
    ));
    let found = written.read(Strictness::Tolerant).expect("tolerated");
    assert_eq!(found.errors, 1);
    assert_eq!(
        found.agent.expect("an agent").frameworks[0].executors[0].info,
        None
    );
}

#[test]
fn empty_description_is_a_step_that_a_crash_cut_off() {
    let written = Written::new();
    fs::write(
        paths::framework_info_file(&written.meta, &written.agent, &written.framework),
        [],
    )
    .expect("emptied");

    let found = written.read(Strictness::Strict).expect("readable");

    assert_eq!(found.agent.expect("an agent").frameworks[0].info, None);
}

#[test]
fn link_to_nowhere_is_fatal() {
    let written = Written::new();
    fs::remove_dir_all(written.place().run_dir(&written.container)).expect("removed");

    assert!(matches!(
        written.read(Strictness::Tolerant),
        Err(ReadFailure::Dangling { .. })
    ));
}

#[test]
fn directory_without_meta_is_a_fresh_agent() {
    let directory = tempfile::tempdir().expect("temporary directory");

    let found = read(&directory.path().join("meta"), Strictness::Strict, None);

    assert_eq!(found.expect("readable"), Checkpoint::default());
}

#[test]
fn resources_are_committed_in_two_steps() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let resource = v1::Resource {
        name: Some("cpus".to_owned()),
        r#type: Some(v1::value::Type::Scalar.into()),
        scalar: Some(v1::value::Scalar {
            value: Some(1.0),
            ..Default::default()
        }),
        ..Default::default()
    };
    let commit = write::resources_target(directory.path(), std::slice::from_ref(&resource), &[])
        .expect("written");
    let before = read(directory.path(), Strictness::Strict, None).expect("readable");

    commit.commit().expect("committed");

    let after = read(directory.path(), Strictness::Strict, None).expect("readable");
    assert_eq!(
        before
            .resources
            .expect("target")
            .target
            .map(|target| target.len()),
        Some(1)
    );
    let after = after.resources.expect("resources");
    assert_eq!((after.resources.len(), after.target), (1, None));
}
