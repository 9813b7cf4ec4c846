//! Updates are sent, sent again, acknowledged and found again, on a paused clock.

use std::{
    fs,
    io::Write as _,
    sync::{Arc, Mutex},
};

use libprocess::Clock;
use mesos_containerizer::state_file::frame;
use mesos_proto::v1::{self, OperationState};

use super::*;

struct Fixture {
    runtime: Runtime,
    manager: OperationStatusUpdateManager,
    sent: Arc<Mutex<Vec<UpdateOperationStatusMessage>>>,
    directory: tempfile::TempDir,
    operation: Uuid,
}

impl Fixture {
    fn new() -> Self {
        let runtime = Runtime::builder()
            .clock(Clock::paused())
            .start()
            .expect("runtime");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let manager = resumed(&runtime, &sent);
        Self {
            runtime,
            manager,
            sent,
            directory: tempfile::tempdir().expect("temporary directory"),
            operation: Uuid::new_v4(),
        }
    }

    /// Ends the manager and starts another one.
    fn fail_over(&mut self) {
        self.manager.pid.terminate();
        self.manager = resumed(&self.runtime, &self.sent);
        self.advance(10);
    }

    fn path(&self) -> PathBuf {
        let stream = self.directory.path().join("streams");
        stream.join(self.operation.to_string())
    }

    fn advance(&self, seconds: u64) {
        self.runtime.clock().settle();
        self.runtime.clock().advance(Duration::from_secs(seconds));
        self.runtime.clock().settle();
    }

    /// An update of the operation, as the agent makes it.
    fn status(&self, state: OperationState) -> UpdateOperationStatusMessage {
        let status = v1::OperationStatus {
            state: Some(state.into()),
            uuid: Some(uuid_message(Uuid::new_v4())),
            ..Default::default()
        };
        UpdateOperationStatusMessage {
            status: Some(status.into()),
            operation_uuid: Some(uuid_message(self.operation)),
            ..Default::default()
        }
    }

    fn update(&self, update: &UpdateOperationStatusMessage) {
        let (update, path) = (update.clone(), self.path());
        let stored = self.manager.update(update, path);
        settle(self.runtime.block_on(stored.into_future())).expect("taken");
        self.runtime.clock().settle();
    }

    fn acknowledge(
        &self,
        update: &UpdateOperationStatusMessage,
    ) -> Result<Acknowledged, OperationUpdateError> {
        let status = Uuid::from_slice(update.status().uuid().value()).expect("a UUID");
        let taken = self.manager.acknowledge(self.operation, status);
        settle(self.runtime.block_on(taken.into_future()))
    }

    fn recover(&self, strictness: Strictness) -> Result<Recovered, OperationUpdateError> {
        let found = self
            .manager
            .recover(self.operation, self.path(), strictness);
        let found = settle(self.runtime.block_on(found.into_future()));
        self.runtime.clock().settle();
        found
    }

    /// What was sent since the last time somebody asked.
    fn sent(&self) -> Vec<UpdateOperationStatusMessage> {
        self.runtime.clock().settle();
        std::mem::take(&mut self.sent.lock().expect("not poisoned"))
    }

    /// Leaves behind a stream with one update of a state that was sent once.
    fn with(state: OperationState) -> (Self, UpdateOperationStatusMessage) {
        let fixture = Self::new();
        let update = fixture.status(state);
        fixture.update(&update);
        assert_eq!(fixture.sent(), [latest(&update, &update)]);
        (fixture, update)
    }

    /// Adds something to the stream's file that is no record.
    fn spoil(&self, update: &UpdateOperationStatusMessage) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.path())
            .expect("a file");
        file.write_all(&frame(update).expect("framed"))
            .expect("written");
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

fn resumed(
    runtime: &Runtime,
    sent: &Arc<Mutex<Vec<UpdateOperationStatusMessage>>>,
) -> OperationStatusUpdateManager {
    let sink = sent.clone();
    let forward: Forward = Arc::new(move |update| sink.lock().expect("not poisoned").push(update));
    let manager = OperationStatusUpdateManager::spawn(runtime, forward);
    manager.resume();
    runtime.clock().settle();
    manager
}

/// An update as it is sent while another is the latest.
fn latest(
    update: &UpdateOperationStatusMessage,
    last: &UpdateOperationStatusMessage,
) -> UpdateOperationStatusMessage {
    UpdateOperationStatusMessage {
        latest_status: last.status.clone(),
        ..update.clone()
    }
}

/// Mirrors: OperationStatusUpdateManagerTest.UpdateAndAck
#[test]
fn last_update_that_is_acknowledged_is_not_sent_again() {
    let (fixture, update) = Fixture::with(OperationState::OperationFinished);

    let end = fixture.acknowledge(&update).expect("taken");
    fixture.advance(10);

    assert_eq!(end, Acknowledged::StreamClosed);
    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.UpdateAndAckNonTerminalUpdate
#[test]
fn update_that_is_acknowledged_is_not_sent_again() {
    let (fixture, update) = Fixture::with(OperationState::OperationPending);

    let end = fixture.acknowledge(&update).expect("taken");
    fixture.advance(10);

    assert_eq!(end, Acknowledged::StreamOpen);
    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.ResendUnacknowledged
#[test]
fn update_is_sent_until_it_is_acknowledged() {
    let (fixture, update) = Fixture::with(OperationState::OperationFinished);

    fixture.advance(10);
    let again = fixture.sent();
    let end = fixture.acknowledge(&update).expect("taken");
    fixture.advance(600);

    assert_eq!(again, [latest(&update, &update)]);
    assert_eq!(end, Acknowledged::StreamClosed);
    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.RecoverCheckpointedStream
#[test]
fn unacknowledged_update_is_sent_by_the_next_manager() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationFinished);

    fixture.fail_over();
    assert_eq!(fixture.sent(), []);
    let recovered = fixture.recover(Strictness::Strict).expect("recovered");

    let stream = Recovered::Stream {
        updates: vec![update.clone()],
        end: Acknowledged::StreamOpen,
        errors: 0,
    };
    assert_eq!(recovered, stream);
    assert_eq!(fixture.sent(), [latest(&update, &update)]);
}

/// Mirrors: OperationStatusUpdateManagerTest.RecoverEmptyFile
#[test]
fn empty_file_is_a_stream_that_has_not_begun() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationFinished);

    fixture.fail_over();
    fs::write(fixture.path(), "").expect("emptied");
    let recovered = fixture.recover(Strictness::Tolerant).expect("recovered");
    fixture.update(&update);

    assert_eq!(recovered, Recovered::Nothing { errors: 0 });
    assert_eq!(fixture.sent(), [latest(&update, &update)]);
}

/// Mirrors: OperationStatusUpdateManagerTest.RecoverEmptyDirectory
#[test]
fn directory_without_a_file_is_a_stream_that_has_not_begun() {
    let (mut fixture, _) = Fixture::with(OperationState::OperationFinished);

    fixture.fail_over();
    fs::remove_file(fixture.path()).expect("removed");
    let recovered = fixture.recover(Strictness::Tolerant).expect("recovered");

    assert_eq!(recovered, Recovered::Nothing { errors: 0 });
    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.RecoverTerminatedStream
#[test]
fn stream_that_has_ended_is_known_to_have_ended() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationFinished);
    fixture.acknowledge(&update).expect("taken");

    fixture.fail_over();
    let recovered = fixture.recover(Strictness::Strict).expect("recovered");
    fixture.advance(10);

    let stream = Recovered::Stream {
        updates: vec![update],
        end: Acknowledged::StreamClosed,
        errors: 0,
    };
    assert_eq!(recovered, stream);
    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.IgnoreDuplicateUpdate
#[test]
fn update_that_is_known_is_confirmed_and_not_sent() {
    let (fixture, update) = Fixture::with(OperationState::OperationPending);
    fixture.acknowledge(&update).expect("taken");

    fixture.update(&update);
    fixture.advance(10);

    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.IgnoreDuplicateUpdateAfterRecover
#[test]
fn update_that_the_file_knows_is_confirmed_and_not_sent() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationPending);
    fixture.acknowledge(&update).expect("taken");

    fixture.fail_over();
    fixture.recover(Strictness::Strict).expect("recovered");
    fixture.update(&update);
    fixture.advance(10);

    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.RejectDuplicateAck
#[test]
fn second_acknowledgement_is_refused() {
    let (fixture, update) = Fixture::with(OperationState::OperationPending);
    fixture.acknowledge(&update).expect("taken");
    fixture.advance(10);

    let second = fixture.acknowledge(&update);

    assert!(matches!(
        second,
        Err(OperationUpdateError::Unexpected { .. })
    ));
    assert_eq!(fixture.sent(), []);
}

/// Mirrors: OperationStatusUpdateManagerTest.RejectDuplicateAckAfterRecover
#[test]
fn second_acknowledgement_is_refused_by_the_next_manager() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationPending);
    fixture.acknowledge(&update).expect("taken");

    fixture.fail_over();
    fixture.recover(Strictness::Strict).expect("recovered");
    let second = fixture.acknowledge(&update);
    fixture.advance(10);

    assert!(matches!(
        second,
        Err(OperationUpdateError::Unexpected { .. })
    ));
    assert_eq!(fixture.sent(), []);
}

/// What follows the damage is cut off, so that later records can be read.
///
/// Mirrors: OperationStatusUpdateManagerTest.NonStrictRecoveryCorruptedFile
#[test]
fn tolerant_recovery_reads_up_to_the_damage() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationFinished);

    fixture.fail_over();
    fixture.spoil(&update);
    let recovered = fixture.recover(Strictness::Tolerant).expect("recovered");

    let stream = |end, errors| Recovered::Stream {
        updates: vec![update.clone()],
        end,
        errors,
    };
    assert_eq!(recovered, stream(Acknowledged::StreamOpen, 1));
    assert_eq!(fixture.sent(), [latest(&update, &update)]);
    fixture.acknowledge(&update).expect("taken");
    fixture.fail_over();
    let again = fixture.recover(Strictness::Strict).expect("recovered");
    assert_eq!(again, stream(Acknowledged::StreamClosed, 0));
}

/// Mirrors: OperationStatusUpdateManagerTest.StrictRecoveryCorruptedFile
#[test]
fn strict_recovery_fails_at_damage() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationFinished);

    fixture.fail_over();
    fixture.spoil(&update);
    let recovered = fixture.recover(Strictness::Strict);

    assert!(matches!(recovered, Err(OperationUpdateError::Read(_))));
    assert_eq!(fixture.sent(), []);
}

/// A record that was cut by a crash is no damage: the rest is written behind the last whole one.
#[test]
fn record_that_was_cut_is_overwritten() {
    let (mut fixture, update) = Fixture::with(OperationState::OperationFinished);

    fixture.fail_over();
    let whole = fs::read(fixture.path()).expect("a file");
    let torn: Vec<u8> = whole.iter().chain(whole.iter().take(7)).copied().collect();
    fs::write(fixture.path(), torn).expect("written");
    fixture.recover(Strictness::Strict).expect("recovered");
    fixture.acknowledge(&update).expect("taken");
    fixture.fail_over();
    let again = fixture.recover(Strictness::Strict).expect("recovered");

    let stream = Recovered::Stream {
        updates: vec![update],
        end: Acknowledged::StreamClosed,
        errors: 0,
    };
    assert_eq!(again, stream);
}

/// Mirrors: OperationStatusUpdateManagerTest.UpdateLatestWhenResending
#[test]
fn update_that_is_sent_again_tells_the_latest_status() {
    let (fixture, first) = Fixture::with(OperationState::OperationPending);
    let second = fixture.status(OperationState::OperationPending);

    fixture.update(&second);
    assert_eq!(fixture.sent(), []);
    fixture.advance(10);
    let again = fixture.sent();
    let end = fixture.acknowledge(&first).expect("taken");
    fixture.runtime.clock().settle();

    assert_eq!(again, [latest(&first, &second)]);
    assert_eq!(end, Acknowledged::StreamOpen);
    assert_eq!(fixture.sent(), [latest(&second, &second)]);
}
