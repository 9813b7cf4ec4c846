//! Waiting for agents after a take-over.
//!
//! Quota can only be kept when enough of the cluster is known.

use std::collections::BTreeMap;

use tracing::info;

use super::state::State;
use crate::event::{Command, Quota};

/// Whether runs wait for agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recovery {
    /// They do not.
    None,
    /// They wait for this many.
    Waiting {
        /// How many agents must be known.
        expected: usize,
    },
}

impl Recovery {
    /// Whether runs wait.
    #[must_use]
    pub(crate) const fn is_waiting(self) -> bool {
        match self {
            Self::None => false,
            Self::Waiting { .. } => true,
        }
    }
}

impl State {
    pub(super) fn recover(&mut self, expected_agents: usize, quotas: BTreeMap<String, Quota>) {
        if quotas.is_empty() {
            return;
        }
        for (role, quota) in quotas {
            self.update_quota(&role, &quota);
        }
        let expected = part_of(expected_agents, self.options.agent_recovery_factor);
        if expected == 0 {
            return;
        }
        info!(expected, "waiting for agents before making offers");
        self.recovery = Recovery::Waiting { expected };
        self.command(Command::StartRecoveryTimer {
            after: self.options.recovery_timeout,
        });
    }

    /// Ends the wait when enough agents are known.
    pub(super) fn agent_joined(&mut self) {
        match self.recovery {
            Recovery::Waiting { expected } if self.agents.len() >= expected => {
                info!(agents = self.agents.len(), "enough agents are known");
                self.recovery = Recovery::None;
            }
            Recovery::Waiting { .. } | Recovery::None => {}
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a number of agents, cut off; the cast saturates"
)]
fn part_of(agents: usize, factor: f64) -> usize {
    (agents as f64 * factor) as usize
}
