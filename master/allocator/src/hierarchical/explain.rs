//! Why something is, or is not, offered.
//!
//! The answers come from the decision itself, run on a snapshot.

use std::sync::Arc;
use std::time::Duration;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resources::Resources;

use super::frameworks::FrameworkKey;
use super::generate_offers::generate_offers;
use super::roles::RoleKey;
use super::state::State;
use crate::amounts::AgentKey;
use crate::event::Activity;

/// Whom a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Every role of a framework, on all agents.
    Framework(FrameworkId),
    /// Every framework of a role, on all agents.
    Role(String),
    /// Every role and framework, on one agent.
    Agent(AgentId),
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The agent; `None` when the reason holds on all of them.
    pub agent: Option<AgentId>,
    /// The role; `None` when the reason holds for all of them.
    pub role: Option<Arc<str>>,
    /// The framework; `None` when the reason holds for all of them.
    pub framework: Option<FrameworkId>,
    /// What would happen now, and why.
    pub reason: Reason,
}

/// Why something is, or is not, offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It would be offered now.
    Offered(Resources),
    /// No run happens while the allocator is paused or waits for agents.
    Paused,
    /// The framework is not known.
    FrameworkUnknown,
    /// No framework is subscribed to the role.
    RoleWithoutFrameworks,
    /// The agent is not known.
    AgentUnknown,
    /// The agent is deactivated.
    AgentDeactivated,
    /// The agent's host is not on the whitelist.
    NotWhitelisted,
    /// Everything on the agent is offered or in use.
    NothingAvailable,
    /// Something is left on the agent, and others whose turn comes first get it.
    OthersComeFirst,
    /// The framework is not connected.
    FrameworkInactive,
    /// The framework suppressed offers for the role.
    Suppressed,
    /// The framework's constraints exclude the agent.
    Constraint,
    /// What is left is reserved for roles elsewhere in the tree.
    ReservedForOthers,
    /// What is left is less than the minimum.
    BelowMinimum,
    /// The agent has graphics processors and the framework cannot use them.
    Gpu,
    /// The agent is in another region and the framework knows no regions.
    Region,
    /// The framework understands nothing of what is left.
    NotUnderstood,
    /// The agent's resources do nothing for the guarantee that is not met yet.
    GuaranteeMet,
    /// The role has reached the limit of its quota.
    QuotaLimit,
    /// What is left is kept for guarantees of other roles.
    QuotaHeadroom,
    /// The agent cannot serve frameworks with several roles.
    AgentNotMultiRole,
    /// The agent cannot serve roles with a slash.
    AgentNotHierarchical,
    /// The framework refused the resources.
    Filtered {
        /// How long the refusal lasts.
        left: Duration,
    },
}

/// Hears of every decision.
pub trait Witness {
    /// A decision about an agent as a whole.
    fn note_agent(&mut self, agent: AgentKey, reason: Reason);

    /// A decision about a framework in a role on an agent.
    fn note(
        &mut self,
        agent: AgentKey,
        role: RoleKey,
        framework: FrameworkKey,
        reason: impl FnOnce() -> Reason,
    );
}

/// Hears nothing and costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Witness for Silent {
    fn note_agent(&mut self, _: AgentKey, _: Reason) {}

    fn note(&mut self, _: AgentKey, _: RoleKey, _: FrameworkKey, _: impl FnOnce() -> Reason) {}
}

/// Remembers the last decision about each party.
#[derive(Debug, Default)]
struct Notes {
    agents: Vec<(AgentKey, Reason)>,
    turns: Vec<(AgentKey, RoleKey, FrameworkKey, Reason)>,
}

impl Witness for Notes {
    fn note_agent(&mut self, agent: AgentKey, reason: Reason) {
        self.agents.push((agent, reason));
    }

    fn note(
        &mut self,
        agent: AgentKey,
        role: RoleKey,
        framework: FrameworkKey,
        reason: impl FnOnce() -> Reason,
    ) {
        self.turns.push((agent, role, framework, reason()));
    }
}

impl State {
    /// Answers a question by deciding on a copy; the state itself does not change.
    #[must_use]
    pub fn explain(&self, question: &Question, now: Duration) -> Vec<Explanation> {
        let mut answers = self.standing_reasons(question);
        let mut copy = self.clone();
        copy.now = now;
        let candidates = match question {
            Question::Agent(id) => copy.agents.find(id).into_iter().collect(),
            Question::Framework(_) | Question::Role(_) => copy.agents.keys(),
        };
        let mut notes = Notes::default();
        generate_offers(&mut copy, &candidates, &mut notes);
        for (agent, reason) in notes.agents {
            let was_left = self
                .agents
                .get(agent)
                .map(|agent| !agent.available().is_empty());
            let taken = reason == Reason::NothingAvailable && was_left == Some(true);
            let reason = if taken {
                Reason::OthersComeFirst
            } else {
                reason
            };
            answers.push(Explanation {
                agent: copy.agents.get(agent).map(|agent| agent.id.clone()),
                role: None,
                framework: None,
                reason,
            });
        }
        for (agent, role, framework, reason) in notes.turns {
            // Reservations keep out every framework of a role alike.
            let of_one = reason != Reason::ReservedForOthers;
            let framework = copy.frameworks.get(framework).filter(|_| of_one);
            let answer = Explanation {
                agent: copy.agents.get(agent).map(|agent| agent.id.clone()),
                role: Some(Arc::clone(&copy.roles.role(role).name)),
                framework: framework.map(|framework| framework.id.clone()),
                reason,
            };
            if self.concerns(question, &answer) {
                answers.push(answer);
            }
        }
        answers
    }

    /// Whether an answer is one to the question.
    fn concerns(&self, question: &Question, answer: &Explanation) -> bool {
        match question {
            Question::Framework(id) => match &answer.framework {
                Some(framework) => framework == id,
                None => answer.role.as_ref().is_some_and(|role| {
                    let frameworks = self.frameworks.iter().map(|(_, framework)| framework);
                    frameworks
                        .filter(|framework| &framework.id == id)
                        .any(|framework| framework.roles.contains(role))
                }),
            },
            Question::Role(role) => answer.role.as_deref() == Some(role.as_str()),
            Question::Agent(id) => answer.agent.is_none() || answer.agent.as_ref() == Some(id),
        }
    }

    /// What is asked about may not be there at all.
    fn absence(&self, question: &Question) -> Option<Reason> {
        let mut frameworks = self.frameworks.iter().map(|(_, framework)| framework);
        match question {
            Question::Framework(id) => {
                let known = frameworks.any(|framework| &framework.id == id);
                (!known).then_some(Reason::FrameworkUnknown)
            }
            Question::Role(role) => {
                let used = frameworks
                    .any(|framework| framework.roles.iter().any(|known| known.as_ref() == role));
                (!used).then_some(Reason::RoleWithoutFrameworks)
            }
            Question::Agent(id) => {
                let known = self.agents.find(id).is_some();
                (!known).then_some(Reason::AgentUnknown)
            }
        }
    }

    /// Reasons that keep parties out of every order.
    fn standing_reasons(&self, question: &Question) -> Vec<Explanation> {
        let mut answers = Vec::new();
        let everywhere = |role, framework, reason| Explanation {
            agent: None,
            role,
            framework,
            reason,
        };
        if let Some(reason) = self.absence(question) {
            answers.push(everywhere(None, None, reason));
        }
        if self.is_paused() {
            answers.push(everywhere(None, None, Reason::Paused));
        }
        for (_, framework) in self.frameworks.iter() {
            let id = Some(framework.id.clone());
            for role in &framework.roles {
                let role_name = Some(Arc::clone(role));
                let reason = match framework.activity {
                    Activity::Inactive => Reason::FrameworkInactive,
                    Activity::Active if framework.suppressed.contains(role) => Reason::Suppressed,
                    Activity::Active => continue,
                };
                let answer = everywhere(role_name, id.clone(), reason);
                if self.concerns(question, &answer) {
                    answers.push(answer);
                }
            }
        }
        answers
    }
}
