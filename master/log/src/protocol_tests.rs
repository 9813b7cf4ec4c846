//! Replicas, coordinators and catch-up together, in one runtime with real messages.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use bytes::Bytes;
use libprocess::{Clock, Future, Runtime, Upid, testing::Pattern};
use mesos_proto::internal::log::{Action, PromiseResponse, action, metadata::Status};

mod coordinator;
mod recorded;
mod recovery;

use crate::{
    catchup::catch_up,
    catchup_missing::{CatchUpMissingError, catch_up_missing},
    consensus::{ExplicitPromise, ImplicitPromise, explicit_promise, implicit_promise, write},
    coordinator::{Coordinator, CoordinatorError},
    log::{Log, LogError, LogOptions, Parts},
    network::{Network, SizeRule},
    positions::Positions,
    reader::LogReader,
    recover::{Initialization, recover},
    replica::Replica,
    storage::MemoryStorage,
    writer::{LogWriter, WriteError},
};

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn paused_runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder()
        .ip(loopback)
        .clock(Clock::paused())
        .start()
        .expect("a runtime")
}

fn wait<T: Send + 'static>(runtime: &Runtime, future: Future<T>) -> T {
    runtime.block_on(future).ready().expect("an answer")
}

fn replica_in(runtime: &Runtime, storage: &MemoryStorage) -> Replica {
    let storage = storage.clone();
    let started = Replica::start(runtime, PathBuf::from("memory"), move || Ok(storage));
    wait(runtime, started).expect("a replica")
}

fn replica(runtime: &Runtime, status: Status) -> Replica {
    let replica = replica_in(runtime, &MemoryStorage::default());
    assert!(wait(runtime, replica.update(status)));
    replica
}

fn network(runtime: &Runtime, replicas: &[&Replica]) -> Network {
    let members = replicas.iter().map(|replica| replica.upid().clone());
    Network::start(runtime, members.collect())
}

/// The id of a replica that never answers.
fn silent_member(runtime: &Runtime) -> Upid {
    runtime.upid("log-replica(99)")
}

fn coordinator(runtime: &Runtime, replica: &Replica, network: &Network) -> Coordinator {
    Coordinator::start(runtime, 2, replica.clone(), network.clone(), 0)
}

fn action_at(runtime: &Runtime, replica: &Replica, position: u64) -> Action {
    let read = wait(runtime, replica.read(position, position)).expect("reads");
    read.first().cloned().expect("an action")
}

/// Whether a process of that kind runs; each process takes the next number of its kind.
fn runs(runtime: &Runtime, kind: &str) -> bool {
    (1..200).any(|number| runtime.exists(&runtime.upid(&format!("{kind}({number})"))))
}

/// Mirrors: ReplicaTest.Promise
#[test]
fn a_replica_promises_only_what_is_higher() {
    let runtime = runtime();
    let replica = replica(&runtime, Status::Voting);
    let network = network(&runtime, &[&replica]);

    let first = wait(&runtime, implicit_promise(&runtime, &network, 1, 2));
    let lower = wait(&runtime, implicit_promise(&runtime, &network, 1, 1));
    let higher = wait(&runtime, implicit_promise(&runtime, &network, 1, 3));

    assert_eq!(first, Ok(ImplicitPromise::Accepted { end: 0 }));
    assert_eq!(lower, Ok(ImplicitPromise::Rejected { proposal: 2 }));
    assert_eq!(higher, Ok(ImplicitPromise::Accepted { end: 0 }));
    runtime.shutdown();
}

/// Mirrors: ReplicaTest.Append
/// Mirrors: ReplicaTest.Restore
#[test]
fn what_a_replica_accepted_is_there_after_its_restart() {
    let runtime = runtime();
    let storage = MemoryStorage::default();
    let before = replica_in(&runtime, &storage);
    assert!(wait(&runtime, before.update(Status::Voting)));
    let net = network(&runtime, &[&before]);
    let value = Action {
        position: Some(1),
        r#type: Some(action::Type::Append.into()),
        append: Some(
            action::Append {
                bytes: Some("hello".into()),
                ..Default::default()
            }
            .into(),
        ),
        ..Action::default()
    };
    wait(&runtime, implicit_promise(&runtime, &net, 1, 2)).expect("a promise");
    wait(&runtime, write(&runtime, &net, 1, 2, &value)).expect("a write");
    before.terminate();

    let after = replica_in(&runtime, &storage);
    let action = action_at(&runtime, &after, 1);

    assert_eq!(action.append().bytes(), &Bytes::from_static(b"hello"));
    assert_eq!((action.promised(), action.performed()), (2, 2));
    assert_eq!(wait(&runtime, after.promised()), 2);
    runtime.shutdown();
}

/// Mirrors: ReplicaTest.NonVoting
#[test]
fn replicas_that_do_not_vote_are_counted_apart() {
    let runtime = runtime();
    let replica = replica(&runtime, Status::Recovering);
    let network = network(&runtime, &[&replica]);

    let implicit = wait(&runtime, implicit_promise(&runtime, &network, 1, 1));
    let explicit = wait(&runtime, explicit_promise(&runtime, &network, 1, 1, 5));

    assert_eq!(implicit, Ok(ImplicitPromise::Ignored));
    assert_eq!(explicit, Ok(ExplicitPromise::Ignored));
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.Elect
/// Mirrors: CoordinatorTest.AppendRead
#[test]
fn an_elected_coordinator_appends_behind_the_first_position() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    let coordinator = coordinator(&runtime, &one, &network);

    let elected = wait(&runtime, coordinator.elect());
    let appended = wait(&runtime, coordinator.append("hello world".into()));

    assert_eq!((elected, appended), (Ok(Some(0)), Ok(Some(1))));
    let action = action_at(&runtime, &one, 1);
    assert_eq!(action.append().bytes(), &Bytes::from_static(b"hello world"));
    assert!(action.learned());
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.ElectNoQuorum
/// Mirrors: CoordinatorTest.AppendNoQuorum
#[test]
fn nothing_is_decided_without_a_quorum_and_nothing_is_left_behind() {
    let runtime = paused_runtime();
    let alone = replica(&runtime, Status::Voting);
    let network = network(&runtime, &[&alone]);
    let coordinator = coordinator(&runtime, &alone, &network);

    let election = coordinator.elect();
    runtime.clock().settle();
    assert!(election.is_pending());
    runtime.clock().advance(Duration::from_secs(5));
    runtime.clock().settle();

    assert_eq!(wait(&runtime, election), Ok(None));
    assert!(!runs(&runtime, "log-implicit-promise"));
    runtime.shutdown();
}

#[test]
fn a_round_does_not_wait_for_a_dead_member_once_it_is_decided() {
    let runtime = paused_runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    network.add(silent_member(&runtime));
    let coordinator = coordinator(&runtime, &one, &network);

    wait(&runtime, coordinator.elect()).expect("elected");
    for _ in 0..3 {
        wait(&runtime, coordinator.append("x".into())).expect("appends");
    }
    runtime.clock().settle();

    assert!(!runs(&runtime, "__req_res__"));
    assert!(!runs(&runtime, "log-write"));
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.Failover
#[test]
fn another_coordinator_goes_on_where_the_last_one_ended() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    let first = coordinator(&runtime, &one, &network);
    wait(&runtime, first.elect()).expect("elected");
    wait(&runtime, first.append("one".into())).expect("appends");

    let second = coordinator(&runtime, &two, &network);
    let elected = wait(&runtime, second.elect());

    assert_eq!(elected, Ok(Some(1)));
    assert_eq!(wait(&runtime, second.append("two".into())), Ok(Some(2)));
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.Demoted
#[test]
fn a_coordinator_that_was_overtaken_writes_no_more_until_elected_again() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    let first = coordinator(&runtime, &one, &network);
    wait(&runtime, first.elect()).expect("elected");
    let second = coordinator(&runtime, &two, &network);
    wait(&runtime, second.elect()).expect("elected");

    let rejected = wait(&runtime, first.append("late".into()));
    let again = wait(&runtime, first.append("late again".into()));

    assert_eq!((rejected, again), (Ok(None), Ok(None)));
    assert_eq!(wait(&runtime, second.append("mine".into())), Ok(Some(1)));
    assert!(wait(&runtime, first.elect()).expect("an answer").is_some());
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.MultipleAppendsNotLearnedFill
#[test]
fn what_only_one_replica_learned_is_filled_at_the_next_election() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    let deaf = runtime.drop_all(
        Pattern::message()
            .named("mesos.internal.log.LearnedMessage")
            .to(two.upid()),
    );
    let first = coordinator(&runtime, &one, &network);
    wait(&runtime, first.elect()).expect("elected");
    for text in ["a", "b", "c"] {
        wait(&runtime, first.append(text.into())).expect("appends");
    }
    drop(deaf);

    let second = coordinator(&runtime, &two, &network);
    let elected = wait(&runtime, second.elect());

    assert_eq!(elected, Ok(Some(3)));
    assert!(wait(&runtime, two.missing(0, 3)).is_empty());
    assert_eq!(
        action_at(&runtime, &two, 2).append().bytes(),
        &Bytes::from_static(b"b")
    );
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.Truncate
/// Mirrors: CoordinatorTest.TruncateLearnedFill
#[test]
fn a_truncation_moves_the_beginning_of_every_replica() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    let first = coordinator(&runtime, &one, &network);
    wait(&runtime, first.elect()).expect("elected");
    for text in ["a", "b", "c"] {
        wait(&runtime, first.append(text.into())).expect("appends");
    }

    let truncated = wait(&runtime, first.truncate(3));
    let second = coordinator(&runtime, &two, &network);
    wait(&runtime, second.elect()).expect("elected");

    assert_eq!(truncated, Ok(Some(4)));
    assert_eq!(wait(&runtime, one.beginning()), 3);
    assert_eq!(wait(&runtime, two.beginning()), 3);
    runtime.shutdown();
}

#[test]
fn a_second_write_while_one_runs_is_refused() {
    let runtime = runtime();
    let alone = replica(&runtime, Status::Voting);
    let network = network(&runtime, &[&alone]);
    let coordinator = Coordinator::start(&runtime, 1, alone, network, 0);
    wait(&runtime, coordinator.elect()).expect("elected");

    let first = coordinator.append("one".into());
    let second = coordinator.append("two".into());

    assert_eq!(wait(&runtime, second), Err(CoordinatorError::Writing));
    assert_eq!(wait(&runtime, first), Ok(Some(1)));
    runtime.shutdown();
}

/// Mirrors: RecoverTest.CatchupRetry
#[test]
fn a_position_that_took_too_long_is_tried_again_and_none_is_left_out() {
    let runtime = paused_runtime();
    let (one, two, late) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let pair = network(&runtime, &[&one, &two]);
    let writer = coordinator(&runtime, &one, &pair);
    wait(&runtime, writer.elect()).expect("elected");
    for text in ["a", "b", "c", "d"] {
        wait(&runtime, writer.append(text.into())).expect("appends");
    }
    let all = network(&runtime, &[&one, &two, &late]);
    let answers = runtime.hold(Pattern::message().named("mesos.internal.log.PromiseResponse"));
    let mut positions = Positions::default();
    positions.insert(0, 4);

    let caught_up = catch_up(&runtime, &late, &all, 2, 1, &positions);
    runtime.clock().settle();
    runtime.clock().advance(Duration::from_secs(10));
    answers.release();
    runtime.clock().settle();
    while caught_up.is_pending() {
        runtime.clock().advance(Duration::from_millis(20));
        runtime.clock().settle();
    }

    assert_eq!(wait(&runtime, caught_up), Ok(()));
    runtime.clock().settle();
    assert!(wait(&runtime, late.missing(0, 4)).is_empty());
    assert!(!runs(&runtime, "log-fill"));
    assert!(!runs(&runtime, "__req_res__"));
    runtime.shutdown();
}

/// Mirrors: RecoverTest.AutoInitialization
#[test]
fn three_empty_replicas_start_by_themselves() {
    let runtime = runtime();
    let replicas: Vec<Replica> = (0..3)
        .map(|_| replica_in(&runtime, &MemoryStorage::default()))
        .collect();
    let network = network(&runtime, &replicas.iter().collect::<Vec<_>>());

    let recovered: Vec<_> = replicas
        .iter()
        .map(|replica| recover(&runtime, 2, replica, &network, Initialization::Automatic))
        .collect();
    for recovered in recovered {
        wait(&runtime, recovered).expect("recovers");
    }

    for replica in &replicas {
        assert_eq!(wait(&runtime, replica.status()), Status::Voting);
    }
    runtime.shutdown();
}

#[test]
fn a_recovery_that_waits_for_members_leaves_nothing_behind_round_after_round() {
    let runtime = paused_runtime();
    let empty = replica_in(&runtime, &MemoryStorage::default());
    let network = network(&runtime, &[&empty]);
    network.add(silent_member(&runtime));

    let recovered = recover(&runtime, 2, &empty, &network, Initialization::Automatic);
    for _ in 0..50 {
        runtime.clock().settle();
        runtime.clock().advance(Duration::from_secs(2));
    }
    runtime.clock().settle();

    assert!(recovered.is_pending());
    let waiting = (1..300)
        .filter(|number| runtime.exists(&runtime.upid(&format!("__req_res__({number})"))))
        .count();
    assert!(waiting <= 2, "{waiting} questions wait for a dead member");
    runtime.shutdown();
}

fn parts(runtime: &Runtime, replica: &Replica, network: &Network) -> Parts {
    Parts {
        runtime: runtime.clone(),
        quorum: 2,
        replica: replica.clone(),
        network: network.clone(),
    }
}

/// Mirrors: RecoverTest.CatchupVoting
/// Mirrors: RecoverTest.CatchupVotingWithGap
/// Mirrors: LogTest.ReaderCatchup
#[test]
fn a_follower_catches_up_to_the_last_position_but_one_and_the_writer_goes_on() {
    let runtime = runtime();
    let (one, two, follower) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let pair = network(&runtime, &[&one, &two]);
    let writer = coordinator(&runtime, &one, &pair);
    wait(&runtime, writer.elect()).expect("elected");
    for text in ["a", "b", "c"] {
        wait(&runtime, writer.append(text.into())).expect("appends");
    }
    let all = network(&runtime, &[&one, &two, &follower]);

    let last = wait(
        &runtime,
        catch_up_missing(&runtime, &parts(&runtime, &follower, &all)),
    );

    assert_eq!(last, Ok(2));
    assert!(wait(&runtime, follower.missing(0, 2)).is_empty());
    assert_eq!(wait(&runtime, writer.append("d".into())), Ok(Some(4)));
    runtime.shutdown();
}

/// Mirrors: RecoverTest.CatchupVotingOnePosition
#[test]
fn a_follower_does_not_fill_the_only_position() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);

    let refused = wait(
        &runtime,
        catch_up_missing(&runtime, &parts(&runtime, &one, &network)),
    );

    assert_eq!(refused, Err(CatchUpMissingError::OnePosition));
    runtime.shutdown();
}

fn options_of_one() -> LogOptions {
    LogOptions {
        quorum: 1,
        path: PathBuf::from("memory"),
        peers: BTreeSet::new(),
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: String::new(),
    }
}

fn log_of_one(runtime: &Runtime) -> Log {
    let options = options_of_one();
    let storage = MemoryStorage::default();
    Log::start_with(runtime, options, move || Ok(storage))
}

/// Mirrors: LogTest.WriteRead
#[test]
fn what_is_appended_to_a_log_can_be_read() {
    let runtime = runtime();
    let log = log_of_one(&runtime);
    let (writer, reader) = (
        LogWriter::start(&runtime, &log),
        LogReader::start(&runtime, &log),
    );

    let start = wait(&runtime, writer.start_writing()).expect("starts");
    let position = wait(&runtime, writer.append("hello world".into())).expect("appends");
    let read = wait(&runtime, reader.read(1, 1)).expect("reads");

    assert_eq!((start, position), (Some(0), Some(1)));
    assert_eq!(read.first().expect("an entry").data, "hello world");
    runtime.shutdown();
}

/// Mirrors: LogTest.Position
#[test]
fn a_writer_that_was_not_started_writes_nothing() {
    let runtime = runtime();
    let log = log_of_one(&runtime);
    let writer = LogWriter::start(&runtime, &log);

    let refused = wait(&runtime, writer.append("x".into()));

    assert_eq!(refused, Err(WriteError::NotStarted));
    runtime.shutdown();
}

#[test]
fn who_waits_for_a_log_that_ends_is_told() {
    let runtime = runtime();
    let options = LogOptions {
        quorum: 2,
        path: PathBuf::from("memory"),
        peers: BTreeSet::new(),
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: String::new(),
    };
    let storage = MemoryStorage::default();
    let log = Log::start_with(&runtime, options, move || Ok(storage));
    let waiting = log.recovered();
    let _asked_before_the_end = wait(&runtime, log.network());

    log.terminate();

    assert_eq!(wait(&runtime, waiting), Err(LogError::Deleted));
    runtime.shutdown();
}

#[test]
fn a_watch_for_a_size_is_answered_when_the_network_has_it() {
    let runtime = runtime();
    let network = Network::start(&runtime, BTreeSet::new());
    let two = network.watch(SizeRule::AtLeast(2));

    network.add(runtime.upid("log-replica(1)"));
    network.add(runtime.upid("log-replica(2)"));

    assert_eq!(wait(&runtime, two), Ok(2));
    runtime.shutdown();
}

/// Answers of replicas from before 0.26 have no type.
#[test]
fn an_old_answer_is_read_from_its_okay() {
    use crate::consensus::{ImplicitPromiseTally, Tally};
    let mut tally = ImplicitPromiseTally::new(1);
    let answer = PromiseResponse {
        okay: Some(false),
        proposal: Some(9),
        ..PromiseResponse::default()
    };

    assert_eq!(
        tally.count(&answer),
        Some(ImplicitPromise::Rejected { proposal: 9 })
    );
}
