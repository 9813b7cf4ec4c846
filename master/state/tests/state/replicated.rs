//! What only the storage in the replicated log does.

use std::time::Duration;

use libprocess::{Outcome, Upid};
use mesos_log::{LevelDbStorage as ReplicaStorage, LogReader, Storage as _};
use mesos_proto::internal::log::{Metadata, metadata::Status};
use mesos_proto::internal::state::{Operation, operation};
use prost::Message;

use super::*;

fn options(folder: &Path, quorum: usize, peers: BTreeSet<Upid>) -> LogOptions {
    LogOptions {
        quorum,
        path: folder.to_owned(),
        peers,
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: String::new(),
    }
}

/// A replica that may vote, as if `mesos-log initialize` had been there.
fn initialize(folder: &Path) {
    let voting = Metadata {
        status: Some(Status::Voting.into()),
        promised: Some(0),
        ..Metadata::default()
    };
    let mut storage = ReplicaStorage::open(folder).expect("opens");
    storage.persist_metadata(&voting).expect("stores");
}

/// Mirrors: LogStateTest.Timeout
#[test]
fn a_store_without_a_quorum_can_be_given_up() {
    let loopback = "127.0.0.1".parse().expect("an address");
    let hosts = [(); 2].map(|()| Runtime::builder().ip(loopback).start().expect("a runtime"));
    let peers: BTreeSet<Upid> = hosts
        .iter()
        .map(|host| host.upid("log-replica(1)"))
        .collect();
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let logs: Vec<Log> = hosts
        .iter()
        .zip(&folders)
        .map(|(host, folder)| {
            initialize(folder.path());
            Log::start(host, options(folder.path(), 2, peers.clone()))
        })
        .collect();
    let [here, there] = &hosts;
    let state = State::new(LogStorage::start(here, &logs[0]));
    let fetched = here.block_on(state.fetch("agents")).ready();
    let variable = fetched.expect("an answer").expect("no failure");
    assert!(variable.value().is_empty());
    there.shutdown();

    let stored = state.store(&variable.mutate("one".into()));
    assert!(stored.is_pending());
    let late = stored.after(here.clock(), Duration::from_millis(100), |stored| {
        stored.discard();
        stored
    });

    let outcome = here.block_on(late);
    assert!(matches!(outcome, Outcome::Discarded), "{outcome:?}");
    here.shutdown();
}

/// Mirrors: LogStateTest.Diff
#[test]
fn a_small_change_of_a_large_entry_is_written_as_a_difference() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Runtime::builder().start().expect("a runtime");
    let start = || {
        let log = Log::start(&host, options(folder.path(), 1, BTreeSet::new()));
        let state = State::new(LogStorage::start_with_differences(&host, &log, 1_024));
        (log, state)
    };
    let (log, state) = start();
    let names: String = (0..1_024)
        .map(|number| format!("localhost{number}"))
        .collect();
    let more = format!("{names}localhost1024");

    let empty = host.block_on(state.fetch("agents")).ready();
    let empty = empty.expect("an answer").expect("no failure");
    let first = host
        .block_on(state.store(&empty.mutate(names.into())))
        .ready();
    let first = first
        .expect("an answer")
        .expect("no failure")
        .expect("stored");
    let changed = first.mutate(more.clone().into());
    let second = host.block_on(state.store(&changed)).ready();
    let second = second
        .expect("an answer")
        .expect("no failure")
        .expect("stored");

    let reader = LogReader::start(&host, &log);
    let ends = [reader.beginning(), reader.ending()];
    let [from, to] = ends.map(|end| {
        host.block_on(end)
            .ready()
            .expect("an answer")
            .expect("read")
    });
    let entries = host.block_on(reader.read(from, to)).ready();
    let operations: Vec<Operation> = entries
        .expect("an answer")
        .expect("read")
        .iter()
        .map(|entry| Operation::decode(entry.data.clone()).expect("an operation"))
        .collect();
    let kinds: Vec<operation::Type> = operations.iter().map(Operation::r#type).collect();
    assert_eq!(kinds, [operation::Type::Snapshot, operation::Type::Diff]);
    assert!(operations[1].diff().entry().value().len() < 64);
    assert_eq!(second.value(), more.as_str());
    host.shutdown();
}

#[test]
fn an_entry_that_was_written_in_differences_is_read_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = |host: &Runtime| {
        let log = Log::start(host, options(folder.path(), 1, BTreeSet::new()));
        State::new(LogStorage::start_with_differences(host, &log, 2))
    };
    let host = Runtime::builder().start().expect("a runtime");
    let state = open(&host);
    let mut variable = host.block_on(state.fetch("x")).ready();
    for number in 0..8 {
        let before = variable.expect("an answer").expect("no failure");
        let value = format!("{} the value {number}", "long ".repeat(40));
        let stored = state.store(&before.mutate(value.into()));
        let stored = host.block_on(stored).ready().expect("an answer");
        variable = Some(Ok(stored.expect("no failure").expect("stored")));
    }
    let last = variable.expect("an answer").expect("no failure");
    host.shutdown();

    let host = Runtime::builder().start().expect("a runtime");
    let again = host.block_on(open(&host).fetch("x")).ready();

    assert_eq!(again.expect("an answer").expect("no failure"), last);
    assert!(last.value().ends_with(b"the value 7"));
    host.shutdown();
}
