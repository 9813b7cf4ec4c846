//! Forgetting unreachable and gone agents of long ago.
//!
//! Mirrors `Master::doRegistryGc` and `scheduleRegistryGc`.

use std::collections::HashSet;
use std::time::Duration;

use indexmap::IndexMap;
use libprocess::{Context, Outcome, Time};
use mesos_common::ids::AgentId;
use mesos_proto::v1;

use super::MasterProcess;
use crate::registrar::{Applied, RegistrarError};
use crate::registry::prune::Prune;

impl MasterProcess {
    /// Looks for old entries after `--registry_gc_interval`, and again and again.
    pub(super) fn schedule_registry_gc(&self, ctx: &Context<Self>) {
        ctx.delay(self.flags.registry_gc_interval, |master, ctx| {
            master.collect_registry_garbage(ctx);
            master.schedule_registry_gc(ctx);
        });
    }

    fn collect_registry_garbage(&mut self, ctx: &mut Context<Self>) {
        let limits = (
            self.flags.registry_max_agent_count,
            self.flags.registry_max_agent_age,
        );
        let unreachable = expired(self.agents.unreachable(), limits, ctx.now());
        let gone = expired(self.agents.gone(), limits, ctx.now());
        if unreachable.is_empty() && gone.is_empty() {
            return;
        }
        let texts = |ids: &[AgentId]| -> HashSet<String> {
            ids.iter().map(|id| id.as_str().to_owned()).collect()
        };
        let operation = Prune {
            unreachable: texts(&unreachable),
            gone: texts(&gone),
        };
        let applied = self.registrar.apply(operation);
        ctx.on_any(applied, move |master, outcome, ctx| {
            master.on_pruned(&unreachable, &gone, outcome, ctx);
        });
    }

    // Continues `collect_registry_garbage`: the registry forgot them.
    fn on_pruned(
        &mut self,
        unreachable: &[AgentId],
        gone: &[AgentId],
        outcome: Outcome<Result<Applied, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        if self.stored(outcome, "prune the registry", ctx).is_none() {
            return;
        }
        for agent_id in unreachable {
            if !self.agents.unreachable().contains_key(agent_id) {
                continue;
            }
            self.agents.forget_unreachable(agent_id);
            self.forget_unreachable_tasks(agent_id);
        }
        for agent_id in gone {
            self.agents.forget_gone(agent_id);
        }
    }
}

/// The entries to forget, oldest first: too many, or too old.
fn expired(
    entries: &IndexMap<AgentId, v1::TimeInfo>,
    (max_count, max_age): (usize, Duration),
    now: Time,
) -> Vec<AgentId> {
    let mut left = entries.len();
    entries
        .iter()
        .take_while(|(_, time)| {
            let nanoseconds = u64::try_from(time.nanoseconds()).unwrap_or(0);
            let age = now.saturating_since(Time::from_nanos(nanoseconds));
            let forget = left > max_count || age > max_age;
            left -= 1;
            forget
        })
        .map(|(id, _)| id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(times: &[i64]) -> IndexMap<AgentId, v1::TimeInfo> {
        let entry = |(index, seconds): (usize, &i64)| {
            let time = v1::TimeInfo {
                nanoseconds: Some(seconds * 1_000_000_000),
                ..Default::default()
            };
            (AgentId::new(format!("S{index}")), time)
        };
        times.iter().enumerate().map(entry).collect()
    }

    #[track_caller]
    fn forgets(times: &[i64], count: usize, age: u64, expected: usize) {
        let limits = (count, Duration::from_secs(age));

        let ids = expired(&entries(times), limits, Time::from_nanos(100_000_000_000));

        assert_eq!(ids.len(), expected);
    }

    /// Mirrors: PartitionTest.RegistryGcByCount
    #[test]
    fn oldest_entries_go_when_there_are_too_many() {
        forgets(&[90, 91, 92], 2, 1000, 1);
        forgets(&[90, 91, 92], 3, 1000, 0);
    }

    /// Mirrors: PartitionTest.RegistryGcByAge
    #[test]
    fn entries_go_when_they_are_too_old() {
        forgets(&[10, 20, 95], 10, 50, 2);
    }
}
