//! How fast agents may be given up: `--agent_removal_rate_limit`.
//!
//! Mirrors the limiter of `SlaveObserver` and `Master::markUnreachableAfterFailover`.

use std::collections::HashSet;
use std::time::Duration;

use libprocess::{Clock, Context, RateLimiter};
use mesos_common::ids::AgentId;

use super::MasterProcess;

/// Agents that wait for their turn to be given up.
#[derive(Default)]
pub(crate) struct RemovalLimit {
    limiter: Option<RateLimiter>,
    waiting: HashSet<AgentId>,
}

/// Permits and the time they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    permits: u32,
    interval: Duration,
}

/// The text of `--agent_removal_rate_limit` is not `<number>/<duration>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expecting '<number of agents>/<duration>', such as '1/10mins', but got '{text}'")]
pub(crate) struct ParseRateError {
    text: String,
}

impl std::str::FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, ParseRateError> {
        let error = || ParseRateError {
            text: text.to_owned(),
        };
        let (permits, interval) = text.split_once('/').ok_or_else(error)?;
        let permits: u32 = permits.trim().parse().map_err(|_unparsable| error())?;
        let interval =
            mesos_common::duration::parse(interval.trim()).map_err(|_unparsable| error())?;
        if permits == 0 || interval.is_zero() {
            return Err(error());
        }
        Ok(Self { permits, interval })
    }
}

impl RemovalLimit {
    /// Limits by the flag's text; no limit without one.
    pub(crate) fn new(text: Option<&str>, clock: &Clock) -> Self {
        let rate: Option<Rate> = text.and_then(|text| text.parse().ok());
        let limiter = rate.map(|rate| RateLimiter::new(clock.clone(), rate.permits, rate.interval));
        Self {
            limiter,
            waiting: HashSet::new(),
        }
    }
}

impl MasterProcess {
    /// Gives an agent up as unreachable when it is its turn.
    pub(super) fn give_up(&mut self, agent_id: &AgentId, cause: &str, ctx: &mut Context<Self>) {
        if !self.removal_limit.waiting.insert(agent_id.clone()) {
            return;
        }
        self.metrics
            .counters()
            .agent_unreachable_scheduled
            .increment();
        let Some(limiter) = &self.removal_limit.limiter else {
            self.removal_limit.waiting.remove(agent_id);
            return self.on_turn_to_give_up(agent_id, cause, ctx);
        };
        tracing::info!(%agent_id, cause, "an agent waits to be given up");
        let (agent_id, cause) = (agent_id.clone(), cause.to_owned());
        ctx.on_ready(limiter.acquire(), move |master, (), ctx| {
            if master.removal_limit.waiting.remove(&agent_id) {
                master.on_turn_to_give_up(&agent_id, &cause, ctx);
            }
        });
    }

    /// Ends an agent's wait; false when it did not wait.
    pub(super) fn stop_giving_up(&mut self, agent_id: &AgentId) -> bool {
        self.removal_limit.waiting.remove(agent_id)
    }

    // Continues `give_up`: a permit came.
    fn on_turn_to_give_up(&mut self, agent_id: &AgentId, cause: &str, ctx: &mut Context<Self>) {
        let away = self
            .agents
            .get(agent_id)
            .is_none_or(|agent| !agent.is_connected());
        let silent = cause == super::unreachable::SILENT;
        if silent || away {
            self.metrics
                .counters()
                .agent_unreachable_completed
                .increment();
            self.mark_unreachable(agent_id, cause, ctx);
        } else {
            self.metrics
                .counters()
                .agent_unreachable_canceled
                .increment();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_a_number_and_a_duration() {
        let rate = Rate {
            permits: 2,
            interval: Duration::from_secs(600),
        };

        assert_eq!("2/10mins".parse(), Ok(rate));
        assert!("2".parse::<Rate>().is_err());
        assert!("0/1secs".parse::<Rate>().is_err());
    }
}
