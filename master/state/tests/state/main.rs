//! What every storage promises, asked of each of them.

use std::{collections::BTreeSet, path::Path};

use bytes::Bytes;
use libprocess::{Future, Runtime};
use mesos_log::{Initialization, Log, LogOptions};
use mesos_state::{InMemoryStorage, LevelDbStorage, LogStorage, State, Variable};

/// A runtime, a state in it, and where that is kept.
struct Fixture<Kept> {
    runtime: Runtime,
    state: State,
    _kept: Kept,
}

impl Fixture<tempfile::TempDir> {
    fn new(build: fn(&Runtime, &Path) -> State) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::of(folder, |runtime, folder| build(runtime, folder.path()))
    }
}

impl<Kept> Fixture<Kept> {
    fn of(kept: Kept, build: impl FnOnce(&Runtime, &Kept) -> State) -> Self {
        let loopback = "127.0.0.1".parse().expect("an address");
        let runtime = Runtime::builder().ip(loopback).start().expect("a runtime");
        let state = build(&runtime, &kept);
        Self {
            runtime,
            state,
            _kept: kept,
        }
    }

    fn wait<T: Send + 'static, E: std::fmt::Debug + Send + 'static>(
        &self,
        future: Future<Result<T, E>>,
    ) -> T {
        let outcome = self.runtime.block_on(future).ready();
        outcome.expect("an answer").expect("no failure")
    }

    fn fetch(&self) -> Variable {
        self.wait(self.state.fetch("agents"))
    }

    fn store(&self, variable: &Variable, value: &'static str) -> Option<Variable> {
        let next = variable.mutate(Bytes::from_static(value.as_bytes()));
        self.wait(self.state.store(&next))
    }
}

impl<Kept> Drop for Fixture<Kept> {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

fn in_memory(runtime: &Runtime, _: &Path) -> State {
    State::new(InMemoryStorage::start(runtime))
}

fn leveldb(_: &Runtime, folder: &Path) -> State {
    State::new(LevelDbStorage::start(folder))
}

fn log(runtime: &Runtime, folder: &Path) -> State {
    let options = LogOptions {
        quorum: 1,
        path: folder.to_owned(),
        peers: BTreeSet::new(),
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: String::new(),
    };
    let log = Log::start(runtime, options);
    State::new(LogStorage::start(runtime, &log))
}

const STORAGES: [fn(&Runtime, &Path) -> State; 3] = [in_memory, leveldb, log];

/// Mirrors: InMemoryStateTest.FetchAndStoreAndFetch
/// Mirrors: LevelDBStateTest.FetchAndStoreAndFetch
/// Mirrors: LogStateTest.FetchAndStoreAndFetch
#[test]
fn what_was_stored_is_fetched() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let empty = fixture.fetch();

        let stored = fixture.store(&empty, "one").expect("stored");

        assert!(empty.value().is_empty());
        assert_eq!(fixture.fetch(), stored);
        assert_eq!(stored.value(), "one");
    }
}

/// Mirrors: InMemoryStateTest.FetchAndStoreAndStoreAndFetch
/// Mirrors: LevelDBStateTest.FetchAndStoreAndStoreAndFetch
/// Mirrors: LogStateTest.FetchAndStoreAndStoreAndFetch
#[test]
fn a_stored_variable_can_be_stored_again() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let first = fixture.store(&fixture.fetch(), "one").expect("stored");

        let second = fixture.store(&first, "two");

        assert!(second.is_some());
        assert_eq!(fixture.fetch().value(), "two");
    }
}

/// Mirrors: InMemoryStateTest.FetchAndStoreAndStoreFailAndFetch
/// Mirrors: LevelDBStateTest.FetchAndStoreAndStoreFailAndFetch
/// Mirrors: LogStateTest.FetchAndStoreAndStoreFailAndFetch
#[test]
fn a_variable_of_an_older_version_is_not_stored() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let old = fixture.fetch();
        fixture.store(&old, "one").expect("stored");

        let again = fixture.store(&old, "two");

        assert!(again.is_none());
        assert_eq!(fixture.fetch().value(), "one");
    }
}

/// Mirrors: InMemoryStateTest.FetchAndStoreAndExpungeAndFetch
/// Mirrors: LevelDBStateTest.FetchAndStoreAndExpungeAndFetch
/// Mirrors: LogStateTest.FetchAndStoreAndExpungeAndFetch
#[test]
fn an_expunged_variable_is_empty() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let stored = fixture.store(&fixture.fetch(), "one").expect("stored");

        let expunged = fixture.wait(fixture.state.expunge(stored));

        assert!(expunged);
        assert!(fixture.fetch().value().is_empty());
    }
}

/// Mirrors: InMemoryStateTest.FetchAndStoreAndExpungeAndExpunge
/// Mirrors: LevelDBStateTest.FetchAndStoreAndExpungeAndExpunge
/// Mirrors: LogStateTest.FetchAndStoreAndExpungeAndExpunge
#[test]
fn a_variable_is_expunged_once() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let stored = fixture.store(&fixture.fetch(), "one").expect("stored");
        fixture.wait(fixture.state.expunge(stored.clone()));

        let again = fixture.wait(fixture.state.expunge(stored));

        assert!(!again);
    }
}

/// Mirrors: InMemoryStateTest.FetchAndStoreAndExpungeAndStoreAndFetch
/// Mirrors: LevelDBStateTest.FetchAndStoreAndExpungeAndStoreAndFetch
/// Mirrors: LogStateTest.FetchAndStoreAndExpungeAndStoreAndFetch
#[test]
fn an_expunged_variable_can_be_stored_again() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let stored = fixture.store(&fixture.fetch(), "one").expect("stored");
        fixture.wait(fixture.state.expunge(stored.clone()));

        let again = fixture.store(&stored, "two");

        assert!(again.is_some());
        assert_eq!(fixture.fetch().value(), "two");
    }
}

/// Mirrors: InMemoryStateTest.Names
/// Mirrors: LevelDBStateTest.Names
/// Mirrors: LogStateTest.Names
#[test]
fn names_are_those_of_stored_variables() {
    for build in STORAGES {
        let fixture = Fixture::new(build);
        let before = fixture.wait(fixture.state.names());
        let stored = fixture.store(&fixture.fetch(), "one").expect("stored");

        let with = fixture.wait(fixture.state.names());
        fixture.wait(fixture.state.expunge(stored));
        let after = fixture.wait(fixture.state.names());

        assert_eq!(
            (before.len(), with, after.len()),
            (0, vec!["agents".to_owned()], 0)
        );
    }
}

#[test]
fn what_leveldb_stored_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = Runtime::builder().start().expect("a runtime");
    let wait = |future: Future<Result<Variable, _>>| -> Variable {
        let outcome = runtime.block_on(future).ready();
        outcome.expect("an answer").expect("no failure")
    };
    let state = State::new(LevelDbStorage::start(folder.path()));
    let variable = wait(state.fetch("x")).mutate(Bytes::from_static(b"value"));
    let stored = runtime.block_on(state.store(&variable)).ready();
    assert!(stored.expect("an answer").expect("no failure").is_some());
    drop(state);

    let state = State::new(LevelDbStorage::start(folder.path()));
    let fetched = wait(state.fetch("x"));

    assert_eq!(fetched.value(), "value");
    runtime.shutdown();
}

mod needs_zookeeper;
mod replicated;
