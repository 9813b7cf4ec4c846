//! Tests of the registrar actor, after `RegistrarTest` of Mesos.

mod scale;

use std::collections::HashSet;
use std::time::Duration;

use libprocess::testing::Pattern;
use libprocess::{Clock, Future, Outcome, Runtime};
use mesos_proto::internal::state::Entry;
use mesos_proto::v1;
use mesos_state::{InMemoryStorage, State, Storage, StorageError};
use uuid::Uuid;

use super::*;
use crate::registry::admit_agent::AdmitAgent;
use crate::registry::mark_gone::MarkGone;
use crate::registry::mark_reachable::MarkReachable;
use crate::registry::mark_unreachable::MarkUnreachable;
use crate::registry::prune::Prune;
use crate::registry::quota::UpdateQuota;

const OPTIONS: RegistrarOptions = RegistrarOptions {
    fetch_timeout: Duration::from_secs(60),
    store_timeout: Duration::from_secs(20),
};

fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .clock(Clock::paused())
        .start()
        .expect("a free port")
}

fn get<T: Send + 'static>(runtime: &Runtime, future: Future<T>) -> T {
    match runtime.block_on(future) {
        Outcome::Ready(value) => value,
        Outcome::Failed(error) => panic!("failed: {error}"),
        Outcome::Discarded | Outcome::Abandoned => panic!("nobody answered"),
    }
}

fn master() -> v1::MasterInfo {
    v1::MasterInfo {
        id: Some("m".to_owned()),
        ..Default::default()
    }
}

fn admit(id: &str) -> AdmitAgent {
    let id = v1::AgentId {
        value: Some(id.to_owned()),
        ..Default::default()
    };
    AdmitAgent {
        info: v1::AgentInfo {
            id: Some(id),
            ..Default::default()
        },
    }
}

/// Mirrors: RegistrarTest.Recover
#[test]
fn registry_survives_the_registrar() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let first = Registrar::start(&runtime, state.clone(), OPTIONS);
    get(&runtime, first.recover(master())).expect("recovered");
    get(&runtime, first.apply(admit("a"))).expect("admitted");
    first.terminate();

    let second = Registrar::start(&runtime, state, OPTIONS);
    let registry = get(&runtime, second.recover(master())).expect("recovered");

    assert_eq!(registry.agents().agents.len(), 1);
    assert_eq!(registry.master().info().id(), "m");
    runtime.shutdown();
}

#[test]
fn operation_before_recovery_is_refused() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let registrar = Registrar::start(&runtime, state, OPTIONS);

    let applied = get(&runtime, registrar.apply(admit("a")));

    assert_eq!(applied, Err(RegistrarError::NotRecovered));
    runtime.shutdown();
}

#[test]
fn refused_operation_harms_no_other() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let registrar = Registrar::start(&runtime, state, OPTIONS);
    get(&runtime, registrar.recover(master())).expect("recovered");

    let one = registrar.apply(admit("a"));
    let twin = registrar.apply(admit("a"));
    let other = registrar.apply(admit("b"));

    assert_eq!(get(&runtime, one), Ok(Applied::Stored));
    assert!(matches!(
        get(&runtime, twin),
        Err(RegistrarError::Refused(_))
    ));
    assert_eq!(get(&runtime, other), Ok(Applied::Stored));
    runtime.shutdown();
}

/// A storage in which somebody else always stored in between.
struct Contested;

impl Storage for Contested {
    fn get(&self, _name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        Future::ready(Ok(None))
    }

    fn set(&self, _entry: Entry, _version: Uuid) -> Future<Result<bool, StorageError>> {
        Future::ready(Ok(false))
    }

    fn expunge(&self, _entry: Entry) -> Future<Result<bool, StorageError>> {
        Future::ready(Ok(false))
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        Future::ready(Ok(Vec::new()))
    }
}

/// Mirrors: RegistrarTest.Abort
#[test]
fn lost_store_ends_the_registrar_for_good() {
    let runtime = runtime();
    let registrar = Registrar::start(&runtime, State::new(Contested), OPTIONS);

    let recovered = get(&runtime, registrar.recover(master()));

    let error = recovered.expect_err("somebody else leads");
    assert!(error.is_fatal());
    assert!(error.to_string().contains("version mismatch"), "{error}");
    assert!(
        get(&runtime, registrar.apply(admit("a")))
            .expect_err("aborted")
            .is_fatal()
    );
    runtime.shutdown();
}

/// A storage that never answers.
struct Silent;

impl Storage for Silent {
    fn get(&self, _name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        let (promise, future) = Promise::new();
        std::mem::forget(promise);
        future
    }

    fn set(&self, _entry: Entry, _version: Uuid) -> Future<Result<bool, StorageError>> {
        Future::ready(Ok(false))
    }

    fn expunge(&self, _entry: Entry) -> Future<Result<bool, StorageError>> {
        Future::ready(Ok(false))
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        Future::ready(Ok(Vec::new()))
    }
}

/// Mirrors: RegistrarTest.FetchTimeout
#[test]
fn fetch_that_takes_too_long_fails_recovery() {
    let runtime = runtime();
    let registrar = Registrar::start(&runtime, State::new(Silent), OPTIONS);
    let recovered = registrar.recover(master());
    runtime.clock().settle();

    runtime.clock().advance(OPTIONS.fetch_timeout);

    let error = get(&runtime, recovered).expect_err("too late");
    assert_eq!(
        error.to_string(),
        "failed to recover registrar: Failed to perform fetch within 1mins"
    );
    runtime.shutdown();
}

/// A storage that is empty and takes for ever to store.
struct Slow;

impl Storage for Slow {
    fn get(&self, _name: &str) -> Future<Result<Option<Entry>, StorageError>> {
        Future::ready(Ok(None))
    }

    fn set(&self, _entry: Entry, _version: Uuid) -> Future<Result<bool, StorageError>> {
        let (promise, future) = Promise::new();
        std::mem::forget(promise);
        future
    }

    fn expunge(&self, _entry: Entry) -> Future<Result<bool, StorageError>> {
        Future::ready(Ok(false))
    }

    fn names(&self) -> Future<Result<Vec<String>, StorageError>> {
        Future::ready(Ok(Vec::new()))
    }
}

/// Mirrors: RegistrarTest.StoreTimeout
#[test]
fn store_that_takes_too_long_ends_the_registrar_for_good() {
    let runtime = runtime();
    let registrar = Registrar::start(&runtime, State::new(Slow), OPTIONS);
    let recovered = registrar.recover(master());
    runtime.clock().settle();
    assert!(recovered.is_pending());

    runtime.clock().advance(OPTIONS.store_timeout);

    let error = get(&runtime, recovered).expect_err("too late").to_string();
    assert!(
        error.ends_with("Failed to perform store within 20secs"),
        "{error}"
    );
    let later = get(&runtime, registrar.apply(admit("a")));
    assert!(later.expect_err("aborted").is_fatal());
    runtime.shutdown();
}

/// The limit of the first store passes when its answer waits in the queue already.
#[test]
fn limit_of_a_store_that_was_answered_does_not_end_the_next_one() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let registrar = Registrar::start(&runtime, state, OPTIONS);
    get(&runtime, registrar.recover(master())).expect("recovered");
    let hold = |actor| runtime.hold(Pattern::dispatch().to(&runtime.upid(actor)));
    let storage = hold("in-memory-storage(1)");
    let first = registrar.apply(admit("a"));
    let second = registrar.apply(admit("b"));
    runtime.clock().settle();
    let events = hold("registrar(1)");
    storage.release();
    runtime.clock().settle();
    runtime.clock().advance(OPTIONS.store_timeout);
    runtime.clock().settle();
    assert_eq!(events.len(), 2, "an answer and a limit");
    let storage = hold("in-memory-storage(1)");

    events.release();
    runtime.clock().settle();
    assert_eq!(storage.len(), 1, "the next store");
    storage.release();

    assert_eq!(get(&runtime, first), Ok(Applied::Stored));
    assert_eq!(get(&runtime, second), Ok(Applied::Stored));
    runtime.shutdown();
}

/// Mirrors: RegistrarTest.Bootstrap
#[test]
fn unknown_agent_that_comes_back_is_in_the_next_registry() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let first = Registrar::start(&runtime, state.clone(), OPTIONS);
    get(&runtime, first.recover(master())).expect("recovered");
    let info = admit("a").info;
    let reachable = MarkReachable { info: info.clone() };
    assert_eq!(get(&runtime, first.apply(reachable)), Ok(Applied::Stored));
    first.terminate();

    let second = Registrar::start(&runtime, state, OPTIONS);
    let registry = get(&runtime, second.recover(master())).expect("recovered");

    let agents = &registry.agents().agents;
    assert_eq!(agents.len(), 1);
    assert_eq!(agents.first().map(|agent| agent.info().clone()), Some(info));
    runtime.shutdown();
}

/// Mirrors: RegistrarTest.Prune
#[test]
fn pruned_agents_can_be_admitted_again() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let registrar = Registrar::start(&runtime, state, OPTIONS);
    get(&runtime, registrar.recover(master())).expect("recovered");
    let stored = |operation: Operation| {
        assert_eq!(
            get(&runtime, registrar.apply(operation)),
            Ok(Applied::Stored)
        );
    };
    let time = v1::TimeInfo {
        nanoseconds: Some(1),
        ..Default::default()
    };
    let set = |id: &str| HashSet::from([id.to_owned()]);

    for _ in 0..2 {
        for id in ["1", "2", "3"] {
            stored(admit(id).into());
        }
        for id in ["1", "2"] {
            let unreachable = MarkUnreachable {
                agent_id: id.to_owned(),
                time: time.clone(),
            };
            stored(unreachable.into());
        }
        let gone = MarkGone {
            agent_id: "3".to_owned(),
            time: time.clone(),
        };
        stored(gone.into());
        for (unreachable, gone) in [
            (set("1"), HashSet::new()),
            (set("2"), HashSet::new()),
            (HashSet::new(), set("3")),
        ] {
            stored(Prune { unreachable, gone }.into());
        }
    }
    runtime.shutdown();
}

/// Mirrors: RegistrarTest.UpdateQuotaInvalid
#[test]
fn quota_of_more_than_an_exabyte_is_refused() {
    let runtime = runtime();
    let state = State::new(InMemoryStorage::start(&runtime));
    let registrar = Registrar::start(&runtime, state, OPTIONS);
    let registry = get(&runtime, registrar.recover(master())).expect("recovered");
    let largest_megabytes = 1024.0_f64.powi(4);
    let limit = v1::value::Scalar {
        value: Some(largest_megabytes + 1.0),
        ..Default::default()
    };
    let mut config = v1::quota::QuotaConfig {
        role: Some("role1".to_owned()),
        ..Default::default()
    };
    config.limits.insert("mem".to_owned(), limit);

    let configs = vec![config];
    let applied = get(&runtime, registrar.apply(UpdateQuota { configs }));

    assert!(registry.quota_configs.is_empty());
    assert!(registry.minimum_capabilities.is_empty());
    assert!(
        matches!(applied, Err(RegistrarError::Refused(_))),
        "{applied:?}"
    );
    runtime.shutdown();
}
