//! Numbers for the gauges.

use std::time::Duration;

use libprocess::Time;
use mesos_common::resources::Resources;
use mesos_proto::v1::TaskState;

use super::MasterProcess;
use crate::metrics::{Amounts, Kind};
use crate::state::agent::Agent;
use crate::state::framework::Framework;

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

impl MasterProcess {
    /// How long this master runs.
    pub(crate) fn uptime(&self, now: Time) -> Duration {
        now.saturating_since(self.start_time)
    }

    /// How many registered agents are so.
    pub(crate) fn count_agents(&self, is: impl Fn(&Agent) -> bool) -> f64 {
        number(self.agents.iter().filter(|agent| is(agent)).count())
    }

    /// How many agents are unreachable.
    pub(crate) fn count_unreachable_agents(&self) -> f64 {
        number(self.agents.unreachable().len())
    }

    /// How many registered frameworks are so.
    pub(crate) fn count_frameworks(&self, is: impl Fn(&Framework) -> bool) -> f64 {
        number(
            self.frameworks
                .iter()
                .filter(|framework| is(framework))
                .count(),
        )
    }

    /// How many offers are outstanding.
    pub(crate) fn count_offers(&self) -> f64 {
        number(self.offers.len())
    }

    /// How many tasks are in a state.
    pub(crate) fn count_tasks(&self, state: TaskState) -> f64 {
        let count = |framework: &Framework| {
            framework
                .tasks()
                .values()
                .filter(|task| task.state() == state)
                .count()
        };
        number(
            self.frameworks
                .iter()
                .map(|framework| count(framework))
                .sum(),
        )
    }

    /// How many tasks are on unreachable agents.
    pub(crate) fn count_unreachable_tasks(&self) -> f64 {
        number(
            self.frameworks
                .iter()
                .map(|framework| {
                    framework
                        .unreachable_tasks()
                        .values()
                        .filter(|task| task.state() == TaskState::TaskUnreachable)
                        .count()
                })
                .sum(),
        )
    }

    /// How much of a resource there is, and how much is used.
    pub(crate) fn amounts(&self, name: &str, kind: Kind) -> Amounts {
        let pick = |resources: &Resources| {
            let part = match kind {
                Kind::Regular => resources.non_revocable(),
                Kind::Revocable => resources.revocable(),
            };
            part.scalar(name).map_or(0.0, |amount| amount.to_f64())
        };
        self.agents
            .iter()
            .fold(Amounts::default(), |sum, agent| Amounts {
                total: sum.total + pick(agent.total()),
                used: sum.used + pick(&agent.used_sum()),
            })
    }
}
