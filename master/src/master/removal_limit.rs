//! How fast agents may be given up: `--agent_removal_rate_limit`.
//!
//! Mirrors the limiter of `SlaveObserver` and `Master::markUnreachableAfterFailover`.

use std::collections::HashMap;
use std::time::Duration;

use libprocess::{Clock, Context, DiscardHandle, RateLimiter};
use mesos_common::ids::AgentId;

use super::MasterProcess;

/// Agents that wait for their turn to be given up.
#[derive(Default)]
pub(crate) struct RemovalLimit {
    limiter: Option<RateLimiter>,
    /// Each with what takes its request for a permit back.
    waiting: HashMap<AgentId, Option<DiscardHandle>>,
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
            waiting: HashMap::new(),
        }
    }
}

impl MasterProcess {
    /// Gives an agent up as unreachable when it is its turn.
    pub(super) fn give_up(&mut self, agent_id: &AgentId, cause: &str, ctx: &mut Context<Self>) {
        if self.removal_limit.waiting.contains_key(agent_id) {
            return;
        }
        self.metrics
            .counters()
            .agent_unreachable_scheduled
            .increment();
        let Some(limiter) = &self.removal_limit.limiter else {
            return self.on_turn_to_give_up(agent_id, cause, ctx);
        };
        tracing::info!(%agent_id, cause, "an agent waits to be given up");
        let turn = limiter.acquire();
        let take_back = turn.discard_handle();
        let waiting = &mut self.removal_limit.waiting;
        waiting.insert(agent_id.clone(), take_back);
        let (agent_id, cause) = (agent_id.clone(), cause.to_owned());
        ctx.on_ready(turn, move |master, (), ctx| {
            if master.removal_limit.waiting.remove(&agent_id).is_some() {
                master.on_turn_to_give_up(&agent_id, &cause, ctx);
            }
        });
    }

    /// Ends an agent's wait and leaves its turn to the next; false when it did not wait.
    pub(super) fn stop_giving_up(&mut self, agent_id: &AgentId) -> bool {
        let Some(take_back) = self.removal_limit.waiting.remove(agent_id) else {
            return false;
        };
        if let Some(turn) = take_back {
            turn.discard();
        }
        true
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
