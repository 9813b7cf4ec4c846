//! Updates are sent, sent again and acknowledged, on a paused clock.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use libprocess::Clock;
use mesos_containerizer::state_file::{Record, next_record, read_bytes};
use mesos_proto::{
    internal::{StatusUpdateRecord, status_update_record::Type},
    v1::TaskState,
};
use mesos_proto_codec::decode;

use super::*;
use crate::state::task::AgentUpdate;

struct Fixture {
    runtime: Runtime,
    manager: TaskStatusUpdateManager,
    sent: Arc<Mutex<Vec<StatusUpdate>>>,
}

impl Fixture {
    fn new() -> Self {
        let runtime = Runtime::builder()
            .clock(Clock::paused())
            .start()
            .expect("runtime");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let sink = sent.clone();
        let forward: Forward =
            Arc::new(move |update| sink.lock().expect("not poisoned").push(update));
        let manager = TaskStatusUpdateManager::spawn(&runtime, forward);
        Self {
            runtime,
            manager,
            sent,
        }
    }

    fn update(&self, update: &StatusUpdate, file: Option<PathBuf>) -> Result<(), UpdateError> {
        settle(
            self.runtime
                .block_on(async { self.manager.update(update.clone(), file).await }),
        )
    }

    fn acknowledge(&self, update: &StatusUpdate) -> Result<Acknowledged, UpdateError> {
        let (framework, task) = key_of(update);
        let uuid = Uuid::from_slice(update.uuid()).expect("uuid");
        settle(
            self.runtime
                .block_on(async { self.manager.acknowledge(framework, task, uuid).await }),
        )
    }

    fn settle(&self) {
        self.runtime.clock().settle();
    }

    fn advance(&self, seconds: u64) {
        self.settle();
        self.runtime.clock().advance(Duration::from_secs(seconds));
        self.settle();
    }

    fn sent(&self) -> Vec<TaskState> {
        self.settle();
        self.sent
            .lock()
            .expect("not poisoned")
            .iter()
            .map(|u| u.status().state())
            .collect()
    }

    fn resumed() -> Self {
        let fixture = Self::new();
        fixture.manager.resume();
        fixture.settle();
        fixture
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

fn status(state: TaskState) -> StatusUpdate {
    AgentUpdate {
        framework: &FrameworkId::from("f"),
        task: &TaskId::from("t"),
        executor: None,
        state,
        reason: None,
        message: "",
    }
    .build(&mesos_common::ids::AgentId::from("a"), 1.0)
}

fn records(path: &Path) -> Vec<StatusUpdateRecord> {
    let bytes = read_bytes(path).expect("readable").expect("there");
    let mut records = Vec::new();
    let mut at = 0;
    while let Record::Whole { body, next } = next_record(&bytes, at) {
        records.push(decode(body).expect("a record"));
        at = next;
    }
    assert_eq!(at, bytes.len());
    records
}

/// Mirrors: TaskStatusUpdateManagerTest.CheckpointStatusUpdate
#[test]
fn update_and_acknowledgement_are_written_in_order() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("tasks/t/task.updates");
    let fixture = Fixture::resumed();
    let update = status(TaskState::TaskRunning);

    fixture.update(&update, Some(file.clone())).expect("taken");
    fixture.acknowledge(&update).expect("taken");

    let records = records(&file);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].r#type(), Type::Update);
    assert_eq!(records[0].update().uuid(), update.uuid());
    assert_eq!(records[1].r#type(), Type::Ack);
    assert_eq!(records[1].uuid(), update.uuid());
}

/// Mirrors: TaskStatusUpdateManagerTest.RetryStatusUpdate
#[test]
fn unacknowledged_update_is_sent_again_after_ten_seconds_and_then_after_twenty() {
    let fixture = Fixture::resumed();
    fixture
        .update(&status(TaskState::TaskRunning), None)
        .expect("taken");
    assert_eq!(fixture.sent().len(), 1);

    fixture.advance(9);
    assert_eq!(fixture.sent().len(), 1);
    fixture.advance(1);
    assert_eq!(fixture.sent().len(), 2);
    fixture.advance(19);
    assert_eq!(fixture.sent().len(), 2);
    fixture.advance(1);

    assert_eq!(fixture.sent().len(), 3);
}

/// Mirrors: TaskStatusUpdateManagerTest.IgnoreDuplicateStatusUpdateAck
#[test]
fn second_acknowledgement_is_refused() {
    let fixture = Fixture::resumed();
    let update = status(TaskState::TaskRunning);
    fixture.update(&update, None).expect("taken");
    fixture.acknowledge(&update).expect("taken");

    let second = fixture.acknowledge(&update);

    assert!(matches!(
        second,
        Err(UpdateError::Stream(
            StreamError::DuplicateAcknowledgement { .. }
        ))
    ));
}

/// Mirrors: TaskStatusUpdateManagerTest.IgnoreUnexpectedStatusUpdateAck
#[test]
fn acknowledgement_of_another_update_is_refused() {
    let fixture = Fixture::resumed();
    fixture
        .update(&status(TaskState::TaskRunning), None)
        .expect("taken");

    let other = fixture.acknowledge(&status(TaskState::TaskRunning));

    assert!(matches!(
        other,
        Err(UpdateError::Stream(
            StreamError::UnexpectedAcknowledgement { .. }
        ))
    ));
    fixture.advance(10);
    assert_eq!(fixture.sent().len(), 2);
}

/// Mirrors: TaskStatusUpdateManagerTest.DuplicateUpdateBeforeAck
#[test]
fn duplicate_update_is_confirmed_and_not_sent_twice() {
    let fixture = Fixture::resumed();
    let update = status(TaskState::TaskRunning);
    fixture.update(&update, None).expect("taken");

    fixture.update(&update, None).expect("confirmed");

    assert_eq!(fixture.sent().len(), 1);
    assert_eq!(
        fixture.acknowledge(&update).expect("taken"),
        Acknowledged::StreamOpen
    );
    fixture.advance(600);
    assert_eq!(fixture.sent().len(), 1);
}

#[test]
fn next_update_follows_the_acknowledgement_of_the_first() {
    let fixture = Fixture::resumed();
    let (running, finished) = (
        status(TaskState::TaskRunning),
        status(TaskState::TaskFinished),
    );
    fixture.update(&running, None).expect("taken");
    fixture.update(&finished, None).expect("taken");
    assert_eq!(fixture.sent(), [TaskState::TaskRunning]);

    let open = fixture.acknowledge(&running).expect("taken");
    let closed = fixture.acknowledge(&finished).expect("taken");

    assert_eq!(
        fixture.sent(),
        [TaskState::TaskRunning, TaskState::TaskFinished]
    );
    assert_eq!(
        (open, closed),
        (Acknowledged::StreamOpen, Acknowledged::StreamClosed)
    );
    assert!(matches!(
        fixture.acknowledge(&finished),
        Err(UpdateError::UnknownStream { .. })
    ));
}

#[test]
fn paused_manager_keeps_updates_until_it_resumes() {
    let fixture = Fixture::new();
    fixture
        .update(&status(TaskState::TaskRunning), None)
        .expect("taken");
    fixture.advance(600);
    assert!(fixture.sent().is_empty());

    fixture.manager.resume();
    fixture.settle();

    assert_eq!(fixture.sent(), [TaskState::TaskRunning]);
}

#[test]
fn retries_are_never_more_than_ten_minutes_apart() {
    let fixture = Fixture::resumed();
    fixture
        .update(&status(TaskState::TaskRunning), None)
        .expect("taken");
    for seconds in [10, 20, 40, 80, 160, 320, 600] {
        fixture.advance(seconds);
    }
    assert_eq!(fixture.sent().len(), 8);

    fixture.advance(600);

    assert_eq!(fixture.sent().len(), 9);
}

#[test]
fn updates_of_one_task_go_to_one_place() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let fixture = Fixture::resumed();
    fixture
        .update(&status(TaskState::TaskStarting), None)
        .expect("taken");

    let outcome = fixture.update(
        &status(TaskState::TaskRunning),
        Some(directory.path().join("task.updates")),
    );

    assert!(matches!(
        outcome,
        Err(UpdateError::Stream(StreamError::Mismatch(_)))
    ));
    assert_eq!(
        fs::read_dir(directory.path()).expect("directory").count(),
        0
    );
}
