//! Replicas that come late, race, or hear of the log's beginning too late.

use super::*;
use crate::storage::StorageError;

fn append_ten(runtime: &Runtime, coordinator: &Coordinator) {
    assert_eq!(wait(runtime, coordinator.elect()), Ok(Some(0)));
    for position in 1..=10_u64 {
        let appended = wait(runtime, coordinator.append(position.to_string().into()));
        assert_eq!(appended, Ok(Some(position)));
    }
}

fn assert_writes(runtime: &Runtime, replica: &Replica, network: &Network) {
    let leader = coordinator(runtime, replica, network);
    assert_eq!(wait(runtime, leader.elect()), Ok(Some(0)));
    let appended = wait(runtime, leader.append("hello world".into()));
    assert_eq!(appended, Ok(Some(1)));
    assert_eq!(
        action_at(runtime, replica, 1).append().bytes(),
        &Bytes::from_static(b"hello world")
    );
}

/// Mirrors: RecoverTest.RacingCatchup
#[test]
fn two_that_catch_up_at_once_do_not_stop_each_other() {
    let runtime = runtime();
    let voters: Vec<Replica> = (0..3).map(|_| replica(&runtime, Status::Voting)).collect();
    let three = network(&runtime, &voters.iter().collect::<Vec<_>>());
    let first = Coordinator::start(&runtime, 3, voters[0].clone(), three, 0);
    append_ten(&runtime, &first);
    let late: Vec<Replica> = (0..2).map(|_| replica(&runtime, Status::Empty)).collect();
    let five = network(&runtime, &voters.iter().chain(&late).collect::<Vec<_>>());

    let recovered: Vec<_> = late
        .iter()
        .map(|replica| recover(&runtime, 3, replica, &five, Initialization::Manual))
        .collect();
    for recovered in recovered {
        wait(&runtime, recovered).expect("recovers");
    }
    let second = Coordinator::start(&runtime, 3, late[0].clone(), five, 0);
    // Its replica has promised nothing yet, so its first proposal is too low.
    let lost = wait(&runtime, second.elect());
    let elected = wait(&runtime, second.elect());
    let read = wait(&runtime, late[0].read(1, 10)).expect("reads");
    let appended = wait(&runtime, second.append("hello hello".into()));

    assert_eq!((lost, elected), (Ok(None), Ok(Some(10))));
    for (action, position) in read.iter().zip(1_u64..) {
        assert_eq!(action.position(), position);
        assert_eq!(action.append().bytes(), &Bytes::from(position.to_string()));
    }
    assert_eq!((read.len(), appended), (10, Ok(Some(11))));
    assert_eq!(
        action_at(&runtime, &late[0], 11).append().bytes(),
        &Bytes::from_static(b"hello hello")
    );
    runtime.shutdown();
}

/// Mirrors: RecoverTest.RecoverProtocolRetry
#[test]
fn a_replica_goes_on_asking_until_a_quorum_votes() {
    let runtime = paused_runtime();
    let (voter, stranger, late) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Empty),
        replica(&runtime, Status::Empty),
    );
    let network = network(&runtime, &[&voter, &late]);
    network.add(stranger.upid().clone());

    let recovered = recover(&runtime, 2, &late, &network, Initialization::Manual);
    for _ in 0..2 {
        runtime.clock().settle();
        assert!(recovered.is_pending());
        runtime.clock().advance(Duration::from_secs(10));
    }
    network.remove(stranger.upid().clone());
    let second = replica(&runtime, Status::Voting);
    network.add(second.upid().clone());
    runtime.clock().advance(Duration::from_secs(10));
    runtime.clock().resume();

    assert_eq!(wait(&runtime, recovered), Ok(()));
    assert_eq!(wait(&runtime, late.status()), Status::Voting);
    runtime.shutdown();
}

/// Mirrors: RecoverTest.AutoInitializationRetry
#[test]
fn a_cluster_starts_itself_although_the_third_was_not_heard_at_first() {
    let runtime = paused_runtime();
    let replicas: Vec<Replica> = (0..3)
        .map(|_| replica_in(&runtime, &MemoryStorage::default()))
        .collect();
    let network = network(&runtime, &replicas.iter().collect::<Vec<_>>());
    let request = || {
        Pattern::message()
            .named("mesos.internal.log.RecoverRequest")
            .to(replicas[2].upid())
    };
    let lost = [runtime.drop_one(request()), runtime.drop_one(request())];
    let start = |at: usize| {
        recover(
            &runtime,
            2,
            &replicas[at],
            &network,
            Initialization::Automatic,
        )
    };

    let first_two = [start(0), start(1)];
    runtime.clock().settle();
    assert!(first_two.iter().all(Future::is_pending));
    assert!(lost.iter().all(|lost| !lost.is_pending()));
    let third = start(2);
    runtime.clock().advance(Duration::from_secs(10));
    runtime.clock().resume();

    for recovered in first_two.into_iter().chain([third]) {
        assert_eq!(wait(&runtime, recovered), Ok(()));
    }
    assert_writes(&runtime, &replicas[0], &network);
    runtime.shutdown();
}

/// Mirrors: RecoverTest.CatchupTruncated
#[test]
fn positions_that_were_truncated_meanwhile_move_the_beginning() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let pair = network(&runtime, &[&one, &two]);
    let leader = coordinator(&runtime, &one, &pair);
    append_ten(&runtime, &leader);
    assert_eq!(wait(&runtime, leader.truncate(5)), Ok(Some(11)));
    let storage = MemoryStorage::default();
    let late = replica_in(&runtime, &storage);
    let all = network(&runtime, &[&one, &two, &late]);
    let mut positions = Positions::default();
    positions.insert(1, 10);

    // Whoever caught up had heard of a beginning from before the truncation.
    let caught_up = catch_up(&runtime, &late, &all, 2, 0, &positions);
    assert_eq!(wait(&runtime, caught_up), Ok(()));
    let before = (
        wait(&runtime, late.beginning()),
        wait(&runtime, late.ending()),
    );
    late.terminate();
    let again = replica_in(&runtime, &storage);

    assert_eq!(before, (5, 10));
    assert_eq!(wait(&runtime, again.beginning()), 5);
    assert_eq!(wait(&runtime, again.ending()), 10);
    runtime.shutdown();
}

/// The thread that found the damage holds the last handle of the storage then, and must not wait
/// for its own end.
#[test]
fn a_storage_that_cannot_be_opened_is_told() {
    let runtime = runtime();
    let damaged = || {
        Err::<MemoryStorage, _>(StorageError::Database {
            operation: "failed to open the log",
            message: "damage".to_owned(),
        })
    };

    let started = Replica::start(&runtime, PathBuf::from("memory"), damaged);

    let error = wait(&runtime, started).expect_err("it is damaged");
    assert_eq!(error.to_string(), "failed to open the log: damage");
    runtime.shutdown();
}

/// Mirrors: LogTest.Metrics
#[test]
fn a_log_tells_whether_it_recovered_and_how_many_it_sees() {
    let runtime = runtime();
    let options = LogOptions {
        metrics_prefix: "prefix/".to_owned(),
        ..options_of_one()
    };
    let storage = MemoryStorage::default();
    let log = Log::start_with(&runtime, options, move || Ok(storage));
    let writer = LogWriter::start(&runtime, &log);
    assert_eq!(wait(&runtime, writer.start_writing()), Ok(Some(0)));

    let metrics = wait(&runtime, runtime.metrics().snapshot(None));

    assert_eq!(metrics.get("prefix/log/recovered"), Some(&1.0));
    assert_eq!(metrics.get("prefix/log/ensemble_size"), Some(&1.0));
    runtime.shutdown();
}
