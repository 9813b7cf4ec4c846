//! The agents that the next run looks at.

use super::arena::Key;
use crate::amounts::AgentKey;

/// A set of agents in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    order: Vec<AgentKey>,
    present: Vec<bool>,
}

impl Candidates {
    /// Adds an agent.
    pub(crate) fn insert(&mut self, agent: AgentKey) {
        let index = agent.index();
        if self.present.len() <= index {
            self.present.resize(index + 1, false);
        }
        let Some(present) = self.present.get_mut(index) else {
            return;
        };
        if !*present {
            *present = true;
            self.order.push(agent);
        }
    }

    /// Removes an agent.
    pub(crate) fn remove(&mut self, agent: AgentKey) {
        let Some(present) = self.present.get_mut(agent.index()) else {
            return;
        };
        if *present {
            *present = false;
            self.order.retain(|other| *other != agent);
        }
    }

    /// Takes all agents out.
    pub(crate) fn take(&mut self) -> Vec<AgentKey> {
        self.present.fill(false);
        std::mem::take(&mut self.order)
    }
}
