//! Thousands of agents, as in the benchmarks of Mesos; `benches/registry.rs` measures them.

use super::*;
use crate::registry::remove_agent::RemoveAgent;

const AGENTS: usize = 2_000;

/// A registrar that knows all agents, on a storage that outlives it.
struct Scale {
    runtime: Runtime,
    state: State,
    registrar: Registrar,
    random: fastrand::Rng,
    ids: Vec<String>,
}

impl Scale {
    fn start() -> Self {
        let runtime = runtime();
        let state = State::new(InMemoryStorage::start(&runtime));
        let registrar = Registrar::start(&runtime, state.clone(), OPTIONS);
        get(&runtime, registrar.recover(master())).expect("recovered");
        let number = |number| format!("201310101658-2280333834-5050-48574-{number}");
        let scale = Self {
            runtime,
            state,
            registrar,
            random: fastrand::Rng::with_seed(7),
            ids: (0..AGENTS).map(number).collect(),
        };
        assert_eq!(scale.apply_all(admit), AGENTS);
        scale
    }

    /// Applies an operation for each agent at once; how many of them changed something.
    fn apply_all<O: Into<Operation>>(&self, operation: impl Fn(&str) -> O) -> usize {
        let applied: Vec<_> = self
            .ids
            .iter()
            .map(|id| self.registrar.apply(operation(id)))
            .collect();
        applied
            .into_iter()
            .map(|applied| get(&self.runtime, applied).expect("applied"))
            .filter(|applied| *applied == Applied::Stored)
            .count()
    }

    /// What the next master would read: how many agents are admitted and unreachable.
    fn stored(&self) -> (usize, usize) {
        let next = Registrar::start(&self.runtime, self.state.clone(), OPTIONS);
        let registry = get(&self.runtime, next.recover(master())).expect("recovered");
        next.terminate();
        let unreachable = registry.unreachable().agents.len();
        (registry.agents().agents.len(), unreachable)
    }

    fn shuffle(&mut self) {
        self.random.shuffle(&mut self.ids);
    }

    fn end(self) {
        self.runtime.shutdown();
    }
}

fn reachable(id: &str) -> MarkReachable {
    MarkReachable {
        info: admit(id).info,
    }
}

fn unreachable(id: &str) -> MarkUnreachable {
    MarkUnreachable {
        agent_id: id.to_owned(),
        time: v1::TimeInfo {
            nanoseconds: Some(1),
            ..Default::default()
        },
    }
}

/// Mirrors: `Registrar_BENCHMARK_Test.Performance`
#[test]
fn thousands_of_agents_come_back_and_go() {
    let mut scale = Scale::start();
    scale.shuffle();
    assert_eq!(scale.apply_all(reachable), 0);
    assert_eq!(scale.stored(), (AGENTS, 0));
    // The registrar that recovered last is the one that may store.
    scale.registrar = Registrar::start(&scale.runtime, scale.state.clone(), OPTIONS);
    get(&scale.runtime, scale.registrar.recover(master())).expect("recovered");

    scale.shuffle();
    let removed = scale.apply_all(|id| RemoveAgent {
        agent_id: id.to_owned(),
    });

    assert_eq!(removed, AGENTS);
    assert_eq!(scale.stored(), (0, 0));
    scale.end();
}

/// Mirrors: `Registrar_BENCHMARK_Test.MarkUnreachableThenReachable`
#[test]
fn thousands_of_agents_are_cut_off_and_come_back() {
    let mut scale = Scale::start();

    scale.shuffle();
    let lost = scale.apply_all(unreachable);
    scale.shuffle();
    let back = scale.apply_all(reachable);

    assert_eq!((lost, back), (AGENTS, AGENTS));
    assert_eq!(scale.stored(), (AGENTS, 0));
    scale.end();
}

/// Mirrors: `Registrar_BENCHMARK_Test.GcManyAgents`
#[test]
fn half_of_thousands_of_unreachable_agents_are_forgotten_at_once() {
    let mut scale = Scale::start();
    scale.shuffle();
    assert_eq!(scale.apply_all(unreachable), AGENTS);

    let prune = Prune {
        unreachable: scale.ids.iter().take(AGENTS / 2).cloned().collect(),
        gone: HashSet::new(),
    };
    let pruned = get(&scale.runtime, scale.registrar.apply(prune));

    assert_eq!(pruned, Ok(Applied::Stored));
    assert_eq!(scale.stored(), (0, AGENTS / 2));
    scale.end();
}
