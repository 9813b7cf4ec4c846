//! Tests of the registry operations, after `RegistrarTest` of Mesos.

use std::collections::HashSet;

use mesos_proto::v1;
use mesos_proto::v1::maintenance::{Schedule, Window};
use mesos_proto::v1::quota::QuotaConfig;

use super::admit_agent::{AdmitAgent, UpdateAgent};
use super::deactivate_agent::{DeactivateAgent, ReactivateAgent};
use super::drain_agent::{DrainAgent, MarkAgentDrained};
use super::maintenance::{StartMaintenance, StopMaintenance, UpdateSchedule};
use super::mark_gone::MarkGone;
use super::mark_reachable::MarkReachable;
use super::mark_unreachable::MarkUnreachable;
use super::prune::Prune;
use super::quota::UpdateQuota;
use super::remove_agent::RemoveAgent;
use super::weights::UpdateWeights;
use super::*;

#[derive(Default)]
struct Book {
    book: RegistryBook,
}

impl Book {
    fn apply(&mut self, operation: impl Into<Operation>) -> Result<Mutation, OperationError> {
        operation.into().apply(&mut self.book)
    }

    fn with_agents(ids: &[&str]) -> Self {
        let mut book = Self::default();
        for id in ids {
            book.apply(AdmitAgent { info: agent(id) })
                .expect("admitted");
        }
        book
    }

    fn registry(&self) -> Registry {
        self.book.registry()
    }

    fn admitted(&self) -> Vec<String> {
        ids(self.book.admitted())
    }

    fn unreachable(&self) -> Vec<String> {
        ids(self.book.unreachable())
    }

    fn gone(&self) -> Vec<String> {
        ids(self.book.gone())
    }

    fn capabilities(&self) -> Vec<&str> {
        let capabilities = &self.book.rest().minimum_capabilities;
        capabilities
            .iter()
            .map(|entry| entry.capability())
            .collect()
    }
}

fn ids<T: roll::Entry>(roll: &roll::Roll<T>) -> Vec<String> {
    let entries = roll.entries();
    entries.map(|entry| entry.agent_id().to_owned()).collect()
}

fn agent(id: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: Some(format!("host-{id}")),
        id: Some(v1::AgentId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn time(seconds: i64) -> v1::TimeInfo {
    v1::TimeInfo {
        nanoseconds: Some(seconds * 1_000_000_000),
        ..Default::default()
    }
}

fn unreachable(id: &str) -> MarkUnreachable {
    MarkUnreachable {
        agent_id: id.to_owned(),
        time: time(1),
    }
}

/// Mirrors: RegistrarTest.Admit
#[test]
fn agent_is_admitted_once() {
    let mut book = Book::with_agents(&["a"]);

    let again = book.apply(AdmitAgent { info: agent("a") });

    assert_eq!(
        again,
        Err(OperationError::AlreadyAdmitted {
            agent_id: "a".to_owned()
        })
    );
    assert_eq!(book.admitted(), ["a"]);
}

/// Mirrors: RegistrarTest.UpdateSlave
#[test]
fn only_an_admitted_agent_can_be_updated() {
    let mut book = Book::with_agents(&["a"]);
    let mut changed = agent("a");
    changed.hostname = Some("other".to_owned());

    assert_eq!(
        book.apply(UpdateAgent { info: agent("a") }),
        Ok(Mutation::Unchanged)
    );
    assert_eq!(
        book.apply(UpdateAgent { info: changed }),
        Ok(Mutation::Changed)
    );
    assert!(book.apply(UpdateAgent { info: agent("b") }).is_err());
    assert_eq!(
        book.registry().agents().agents[0].info().hostname(),
        "other"
    );
}

/// Mirrors: RegistrarTest.MarkReachable
/// Mirrors: RegistrarTest.MarkUnreachable
#[test]
fn unreachable_agent_comes_back() {
    let mut book = Book::with_agents(&["a"]);
    book.apply(unreachable("a")).expect("marked");
    assert_eq!(
        (book.admitted().len(), book.unreachable()),
        (0, vec!["a".to_owned()])
    );

    let back = book.apply(MarkReachable { info: agent("a") });

    assert_eq!(back, Ok(Mutation::Changed));
    assert_eq!(
        (book.admitted(), book.unreachable().len()),
        (vec!["a".to_owned()], 0)
    );
}

#[test]
fn unknown_agent_is_admitted_when_it_returns() {
    let mut book = Book::default();

    assert_eq!(
        book.apply(MarkReachable { info: agent("a") }),
        Ok(Mutation::Changed)
    );
    assert_eq!(
        book.apply(MarkReachable { info: agent("a") }),
        Ok(Mutation::Unchanged)
    );
}

/// Mirrors: RegistrarTest.MarkUnreachableGone
/// Mirrors: RegistrarTest.MarkGone
#[test]
fn gone_agent_stays_gone() {
    let mut book = Book::with_agents(&["a", "b"]);
    book.apply(unreachable("b")).expect("marked");
    let gone = |id: &str| MarkGone {
        agent_id: id.to_owned(),
        time: time(2),
    };

    book.apply(gone("a")).expect("marked");
    book.apply(gone("b")).expect("marked");

    assert_eq!(book.gone(), ["a", "b"]);
    assert_eq!((book.admitted().len(), book.unreachable().len()), (0, 0));
    assert!(book.apply(gone("a")).is_err());
    assert!(book.apply(gone("c")).is_err());
    assert!(book.apply(unreachable("a")).is_err());
}

/// Mirrors: RegistrarTest.Remove
#[test]
fn removed_agent_leaves_no_trace() {
    let mut book = Book::with_agents(&["a", "b", "c"]);

    book.apply(RemoveAgent {
        agent_id: "b".to_owned(),
    })
    .expect("removed");

    assert_eq!(book.admitted(), ["a", "c"]);
    assert!(
        book.apply(RemoveAgent {
            agent_id: "b".to_owned()
        })
        .is_err()
    );
}

#[test]
fn pruning_removes_exactly_the_named_entries() {
    let mut book = Book::with_agents(&["a", "b", "c", "d"]);
    for id in ["a", "b", "c", "d"] {
        book.apply(unreachable(id)).expect("marked");
    }
    let named = HashSet::from(["b".to_owned(), "d".to_owned()]);

    let mutation = book.apply(Prune {
        unreachable: named,
        gone: HashSet::new(),
    });

    assert_eq!(mutation, Ok(Mutation::Changed));
    assert_eq!(book.unreachable(), ["a", "c"]);
}

fn drain(id: &str, grace: Option<i64>) -> DrainAgent {
    let config = v1::DrainConfig {
        max_grace_period: grace.map(|nanoseconds| v1::DurationInfo {
            nanoseconds: Some(nanoseconds),
            ..Default::default()
        }),
        ..Default::default()
    };
    DrainAgent {
        agent_id: id.to_owned(),
        config,
    }
}

/// Mirrors: RegistrarTest.DrainAgent
/// Mirrors: RegistrarTest.MarkAgentDrained
#[test]
fn draining_ends_drained_and_needs_a_newer_master() {
    let mut book = Book::with_agents(&["a"]);
    book.apply(drain("a", Some(5))).expect("draining");
    assert_eq!(book.capabilities(), [AGENT_DRAINING]);

    book.apply(MarkAgentDrained {
        agent_id: "a".to_owned(),
    })
    .expect("drained");

    let registry = book.registry();
    let entry = &registry.agents().agents[0];
    assert_eq!(entry.drain_info().state(), v1::DrainState::Drained);
    assert!(entry.deactivated());
    let again = book.apply(MarkAgentDrained {
        agent_id: "a".to_owned(),
    });
    assert_eq!(
        again,
        Err(OperationError::NotDraining {
            agent_id: "a".to_owned()
        })
    );
}

#[test]
fn new_drain_configuration_replaces_the_old_one_whole() {
    let mut book = Book::with_agents(&["a"]);
    book.apply(drain("a", Some(5))).expect("draining");

    book.apply(drain("a", None)).expect("draining");

    let registry = book.registry();
    let config = registry.agents().agents[0].drain_info().config();
    assert!(config.max_grace_period.is_none());
}

#[test]
fn plans_survive_unreachability() {
    let mut book = Book::with_agents(&["a"]);
    book.apply(drain("a", None)).expect("draining");
    book.apply(unreachable("a")).expect("marked");

    book.apply(MarkReachable { info: agent("a") })
        .expect("back");

    let registry = book.registry();
    let entry = &registry.agents().agents[0];
    assert!(entry.deactivated() && entry.drain_info.is_some());
}

/// Mirrors: RegistrarTest.DeactivateAgent
/// Mirrors: RegistrarTest.ReactivateAgent
#[test]
fn capability_goes_with_the_last_deactivated_agent() {
    let mut book = Book::with_agents(&["a", "b"]);
    for id in ["a", "b"] {
        book.apply(DeactivateAgent {
            agent_id: id.to_owned(),
        })
        .expect("deactivated");
    }

    book.apply(ReactivateAgent {
        agent_id: "a".to_owned(),
    })
    .expect("reactivated");
    assert_eq!(book.capabilities(), [AGENT_DRAINING]);
    book.apply(ReactivateAgent {
        agent_id: "b".to_owned(),
    })
    .expect("reactivated");

    assert!(book.capabilities().is_empty());
}

fn machine(name: &str) -> v1::MachineId {
    v1::MachineId {
        hostname: Some(name.to_owned()),
        ..Default::default()
    }
}

fn schedule(names: &[&str]) -> UpdateSchedule {
    let window = Window {
        machine_ids: names.iter().map(|name| machine(name)).collect(),
        ..Default::default()
    };
    let windows = if names.is_empty() {
        Vec::new()
    } else {
        vec![window]
    };
    UpdateSchedule {
        schedule: Schedule {
            windows,
            ..Default::default()
        },
    }
}

fn modes(book: &Book) -> Vec<(String, v1::machine_info::Mode)> {
    let machines = &book.book.rest().machines().machines;
    machines
        .iter()
        .map(|entry| (entry.info().id().hostname().to_owned(), entry.info().mode()))
        .collect()
}

/// Mirrors: RegistrarTest.UpdateMaintenanceSchedule
#[test]
fn schedule_replaces_the_machines() {
    let mut book = Book::default();
    book.apply(schedule(&["m1", "m2"])).expect("scheduled");

    book.apply(schedule(&["m2", "m3"])).expect("scheduled");

    let draining = v1::machine_info::Mode::Draining;
    assert_eq!(
        modes(&book),
        [("m2".to_owned(), draining), ("m3".to_owned(), draining)]
    );
    assert_eq!(book.registry().schedules.len(), 1);
}

/// Mirrors: RegistrarTest.StartMaintenance
/// Mirrors: RegistrarTest.StopMaintenance
#[test]
fn machine_goes_down_and_leaves_the_schedule_when_it_is_up() {
    let mut book = Book::default();
    book.apply(schedule(&["m1", "m2"])).expect("scheduled");

    book.apply(StartMaintenance {
        machines: vec![machine("M1")],
    })
    .expect("down");
    assert_eq!(modes(&book)[0].1, v1::machine_info::Mode::Down);
    book.apply(StopMaintenance {
        machines: vec![machine("m1")],
    })
    .expect("up");

    assert_eq!(modes(&book).len(), 1);
    assert_eq!(book.registry().schedules[0].windows[0].machine_ids.len(), 1);
    book.apply(StopMaintenance {
        machines: vec![machine("m2")],
    })
    .expect("up");
    assert!(book.registry().schedules.is_empty());
}

fn quota(role: &str, cpus: Option<f64>) -> QuotaConfig {
    let scalar = |value| v1::value::Scalar {
        value: Some(value),
        ..Default::default()
    };
    QuotaConfig {
        role: Some(role.to_owned()),
        guarantees: cpus
            .map(|cpus| ("cpus".to_owned(), scalar(cpus)))
            .into_iter()
            .collect(),
        ..Default::default()
    }
}

/// Mirrors: RegistrarTest.UpdateQuota
#[test]
fn default_quota_removes_the_role_and_the_capability() {
    let mut book = Book::default();
    book.apply(UpdateQuota {
        configs: vec![quota("a", Some(1.0))],
    })
    .expect("stored");
    assert_eq!(book.capabilities(), [QUOTA_V2]);

    book.apply(UpdateQuota {
        configs: vec![quota("a", None)],
    })
    .expect("stored");

    assert!(book.registry().quota_configs.is_empty());
    assert!(book.capabilities().is_empty());
}

/// Mirrors: RegistrarTest.UpdateWeights
#[test]
fn weights_are_replaced_by_role() {
    let mut book = Book::default();
    let weight = |value| UpdateWeights {
        weights: vec![v1::WeightInfo {
            role: Some("a".to_owned()),
            weight: Some(value),
            ..Default::default()
        }],
    };

    assert_eq!(book.apply(weight(2.0)), Ok(Mutation::Changed));
    assert_eq!(book.apply(weight(2.0)), Ok(Mutation::Unchanged));
    assert_eq!(book.apply(weight(3.0)), Ok(Mutation::Changed));

    assert_eq!(book.registry().weights.len(), 1);
}

#[test]
fn capabilities_that_this_master_lacks_are_named() {
    let mut registry = Registry::default();
    require_capability(&mut registry, AGENT_DRAINING);
    require_capability(&mut registry, "TIME_TRAVEL");

    assert_eq!(missing_capabilities(&registry), ["TIME_TRAVEL"]);
}

/// Mirrors: MasterTest.RecoverWithMinimumCapability
#[test]
fn capability_that_this_master_lacks_is_named() {
    let mut registry = Registry::default();
    for capability in ["AGENT_UPDATE", "SUPER_POWER"] {
        let before = missing_capabilities(&registry);
        assert!(before.is_empty(), "{before:?}");
        require_capability(&mut registry, capability);
    }

    assert_eq!(missing_capabilities(&registry), ["SUPER_POWER"]);
}
