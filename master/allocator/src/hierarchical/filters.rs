//! What frameworks refused, and for how long.
//!
//! # Timers
//! A filter acts until its expiry is applied, even when its time has passed: a run that is due at
//! the same moment still sees it. Inverse filters look at the time themselves.

use std::time::Duration;

use mesos_common::resources::Resources;
use mesos_proto::v1;
use tracing::warn;

use super::frameworks::FrameworkKey;
use super::state::State;
use crate::amounts::AgentKey;
use crate::event::Command;

/// The refusal when none, or nonsense, was given.
pub const DEFAULT_REFUSAL: Duration = Duration::from_secs(5);
/// The longest refusal.
pub const LONGEST_REFUSAL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Names a filter; may outlive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTicket {
    pub(super) framework: FrameworkKey,
    pub(super) role: std::sync::Arc<str>,
    pub(super) agent: AgentKey,
    pub(super) number: u64,
}

/// Resources that a framework refused.
#[derive(Clone, Debug)]
pub struct OfferFilter {
    pub(super) number: u64,
    pub(super) refused: Resources,
    pub(super) until: Duration,
}

/// An agent that a framework refused to leave.
#[derive(Clone, Debug)]
pub struct InverseFilter {
    pub(super) number: u64,
    pub(super) until: Duration,
}

/// Reads a refusal; `None` means that nothing is refused.
#[must_use]
pub fn refusal(filters: &v1::Filters) -> Option<Duration> {
    let seconds = filters.refuse_seconds();
    if seconds > LONGEST_REFUSAL.as_secs_f64() {
        warn!(seconds, "refusal is too long, using 365 days");
        return Some(LONGEST_REFUSAL);
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(Duration::ZERO) => None,
        Ok(timeout) => Some(timeout),
        Err(_negative_or_nan) => {
            warn!(seconds, "refusal is not a time, using 5 seconds");
            Some(DEFAULT_REFUSAL)
        }
    }
}

impl State {
    /// Remembers that a framework refused resources of an agent.
    pub(super) fn refuse(
        &mut self,
        (framework, agent): (FrameworkKey, AgentKey),
        role: &std::sync::Arc<str>,
        resources: &Resources,
        filters: &v1::Filters,
    ) {
        let Some(timeout) = refusal(filters) else {
            return;
        };
        let after = timeout.max(self.options.allocation_interval);
        let number = self.next_number();
        let mut refused = resources.clone();
        refused.unallocate();
        let filter = OfferFilter {
            number,
            refused,
            until: self.now + after,
        };
        let by_role = &mut self.framework_mut(framework).offer_filters;
        let by_agent = by_role.entry(std::sync::Arc::clone(role)).or_default();
        by_agent.entry(agent).or_default().push(filter);
        let ticket = FilterTicket {
            framework,
            role: std::sync::Arc::clone(role),
            agent,
            number,
        };
        self.command(Command::ExpireOfferFilter { ticket, after });
    }

    /// Remembers that a framework refused to leave an agent.
    pub(super) fn refuse_inverse(
        &mut self,
        framework: FrameworkKey,
        agent: AgentKey,
        filters: &v1::Filters,
    ) {
        let Some(after) = refusal(filters) else {
            return;
        };
        let number = self.next_number();
        let filter = InverseFilter {
            number,
            until: self.now + after,
        };
        self.framework_mut(framework)
            .inverse_filters
            .entry(agent)
            .or_default()
            .push(filter);
        let ticket = FilterTicket {
            framework,
            role: "".into(),
            agent,
            number,
        };
        self.command(Command::ExpireInverseFilter { ticket, after });
    }

    /// Forgets an offer filter, if it is still there.
    pub(super) fn expire_offer_filter(&mut self, ticket: &FilterTicket) {
        let Some(framework) = self.frameworks.get_mut(ticket.framework) else {
            return;
        };
        let Some(by_agent) = framework.offer_filters.get_mut(&ticket.role) else {
            return;
        };
        let Some(filters) = by_agent.get_mut(&ticket.agent) else {
            return;
        };
        filters.retain(|filter| filter.number != ticket.number);
        if filters.is_empty() {
            by_agent.remove(&ticket.agent);
        }
    }

    /// Forgets an inverse filter, if it is still there.
    pub(super) fn expire_inverse_filter(&mut self, ticket: &FilterTicket) {
        let Some(framework) = self.frameworks.get_mut(ticket.framework) else {
            return;
        };
        let Some(filters) = framework.inverse_filters.get_mut(&ticket.agent) else {
            return;
        };
        filters.retain(|filter| filter.number != ticket.number);
        if filters.is_empty() {
            framework.inverse_filters.remove(&ticket.agent);
        }
    }

    /// Drops what any framework refused of an agent.
    pub(super) fn remove_filters_of_agent(&mut self, agent: AgentKey) {
        for key in self.frameworks.keys() {
            let Some(framework) = self.frameworks.get(key) else {
                continue;
            };
            let filtered = framework.inverse_filters.contains_key(&agent)
                || framework
                    .offer_filters
                    .values()
                    .any(|by_agent| by_agent.contains_key(&agent));
            if !filtered {
                continue;
            }
            let framework = self.framework_mut(key);
            framework.inverse_filters.remove(&agent);
            for by_agent in framework.offer_filters.values_mut() {
                by_agent.remove(&agent);
            }
        }
    }

    /// How many offer filters are in force for a role.
    #[must_use]
    pub fn active_filters(&self, role: &str) -> usize {
        self.frameworks
            .iter()
            .filter_map(|(_, framework)| framework.offer_filters.get(role))
            .flat_map(|by_agent| by_agent.values())
            .map(Vec::len)
            .sum()
    }
}
