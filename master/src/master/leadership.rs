//! Contending, detecting, and what happens when this master becomes the leader.
//!
//! Mirrors `Master::contended`, `detected`, `recover` of `src/master/master.cpp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use libprocess::http::Response;
use libprocess::{Context, Outcome};
use mesos_allocator::Quota;
use mesos_common::ids::AgentId;
use mesos_detector::{ContendError, DetectError, same_master};
use mesos_proto::v1;

use super::{Leadership, MasterProcess};
use crate::registrar::{Applied, RegistrarError};
use crate::registry::weights::UpdateWeights;
use crate::registry::{Registry, missing_capabilities};

type Candidacy = mesos_detector::contender::Candidacy;

/// The registry can no longer be stored, so this master ends; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BrokenRegistry(String);

impl From<BrokenRegistry> for Response {
    fn from(broken: BrokenRegistry) -> Self {
        Self::internal_server_error(broken.0)
    }
}

impl MasterProcess {
    /// Enters the election and starts to watch it.
    pub(super) fn take_part(&mut self, ctx: &mut Context<Self>) {
        self.contender.initialize(&self.info);
        self.contend(ctx);
        self.detect(ctx);
    }

    fn contend(&mut self, ctx: &mut Context<Self>) {
        let contended = self.contender.contend();
        ctx.on_any(contended, |master, outcome, ctx| {
            master.on_contended(outcome, ctx);
        });
    }

    // Continues `contend`: this master is a candidate.
    fn on_contended(
        &mut self,
        outcome: Outcome<Result<Candidacy, ContendError>>,
        ctx: &mut Context<Self>,
    ) {
        match outcome {
            Outcome::Ready(Ok(candidacy)) => {
                ctx.on_any(candidacy, |master, outcome, ctx| {
                    master.on_candidacy_lost(outcome, ctx);
                });
            }
            Outcome::Ready(Err(error)) => {
                self.step_down(format!("Failed to contend: {error}"), ctx);
            }
            Outcome::Failed(error) => self.step_down(format!("Failed to contend: {error}"), ctx),
            Outcome::Discarded | Outcome::Abandoned => {
                self.step_down("Failed to contend: discarded".to_owned(), ctx);
            }
        }
    }

    // Continues `on_contended`: the candidacy ended.
    fn on_candidacy_lost(
        &mut self,
        outcome: Outcome<Result<(), ContendError>>,
        ctx: &mut Context<Self>,
    ) {
        match outcome {
            Outcome::Ready(Ok(())) | Outcome::Discarded | Outcome::Abandoned => {
                if self.is_elected() {
                    let reason = "Lost candidacy as a leader... committing suicide!";
                    self.step_down(reason.to_owned(), ctx);
                } else {
                    self.contend(ctx);
                }
            }
            Outcome::Ready(Err(error)) => {
                self.step_down(format!("Failed to watch for candidacy: {error}"), ctx);
            }
            Outcome::Failed(error) => {
                self.step_down(format!("Failed to watch for candidacy: {error}"), ctx);
            }
        }
    }

    fn detect(&mut self, ctx: &mut Context<Self>) {
        let detected = self.detector.detect(self.leader.clone());
        ctx.on_any(detected, |master, outcome, ctx| {
            master.on_detected(outcome, ctx);
        });
    }

    // Continues `detect`: the leader changed.
    fn on_detected(
        &mut self,
        outcome: Outcome<Result<Option<v1::MasterInfo>, DetectError>>,
        ctx: &mut Context<Self>,
    ) {
        let leader = match outcome {
            Outcome::Ready(Ok(leader)) => leader,
            Outcome::Ready(Err(error)) => {
                let reason =
                    format!("Failed to detect the leading master: {error}; committing suicide!");
                return self.step_down(reason, ctx);
            }
            Outcome::Failed(error) => {
                let reason =
                    format!("Failed to detect the leading master: {error}; committing suicide!");
                return self.step_down(reason, ctx);
            }
            Outcome::Discarded | Outcome::Abandoned => return,
        };
        let was_elected = self.is_elected();
        self.leader = leader;
        let is_self = self
            .leader
            .as_ref()
            .is_some_and(|leader| same_master(leader, &self.info));
        match (was_elected, is_self) {
            (false, true) => {
                tracing::info!("Elected as the leading master!");
                self.leadership = Leadership::Recovering { elected: ctx.now() };
                self.recover(ctx);
            }
            (true, true) => {
                tracing::info!("Re-elected as the leading master");
                self.leadership = match self.leadership {
                    Leadership::Serving { .. } => Leadership::Serving { elected: ctx.now() },
                    Leadership::Recovering { .. } | Leadership::Follower => {
                        Leadership::Recovering { elected: ctx.now() }
                    }
                };
            }
            (true, false) => {
                let reason = if self.leader.is_some() {
                    "Conceded leadership to another master... committing suicide!"
                } else {
                    "Lost leadership after indecisive election... committing suicide!"
                };
                return self.step_down(reason.to_owned(), ctx);
            }
            (false, false) => {}
        }
        self.detect(ctx);
    }

    fn recover(&mut self, ctx: &mut Context<Self>) {
        let recovered = self.registrar.recover(self.info.clone());
        ctx.on_any(recovered, |master, outcome, ctx| {
            master.on_recovered(outcome, ctx);
        });
    }

    // Continues `recover`: the registry was read and names this master as the leader.
    fn on_recovered(
        &mut self,
        outcome: Outcome<Result<Arc<Registry>, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        let registry = match outcome {
            Outcome::Ready(Ok(registry)) => registry,
            Outcome::Ready(Err(error)) => {
                return self.step_down(format!("Recovery failed: {error}"), ctx);
            }
            Outcome::Failed(error) => {
                return self.step_down(format!("Recovery failed: {error}"), ctx);
            }
            Outcome::Discarded | Outcome::Abandoned => {
                return self.step_down("Recovery failed: discarded".to_owned(), ctx);
            }
        };
        let missing = missing_capabilities(&registry);
        if !missing.is_empty() {
            let reason = format!(
                "Master is missing the following minimum capabilities: {}. See the following \
                 documentation for steps to safely recover from this state: \
                 http://mesos.apache.org/documentation/latest/downgrades",
                missing.join(", ")
            );
            return self.step_down(reason, ctx);
        }
        let Leadership::Recovering { elected } = self.leadership else {
            return;
        };
        self.agents.recover(&registry);
        self.schedule_registry_gc(ctx);
        let limit = self.flags.agent_reregister_timeout;
        let expected: Vec<AgentId> = self.agents.recovered().keys().cloned().collect();
        let count = expected.len();
        ctx.delay(limit, move |master, ctx| {
            master.on_recovered_agents_timeout(&expected, ctx);
        });
        for machine in &registry.machines().machines {
            self.machines.recover(machine.info());
        }
        self.schedules.clone_from(&registry.schedules);
        let quotas = quotas_of(&registry);
        for (role, quota) in &quotas {
            self.roles.set_quota(role, quota.clone());
        }
        self.allocator.recover(count, quotas);
        self.recover_weights(&registry, ctx);
        self.leadership = Leadership::Serving { elected };
        tracing::info!(agents = count, "recovered from the registry");
    }

    /// The registry's weights win over the flag's; the flag's are stored when there are none.
    fn recover_weights(&mut self, registry: &Registry, ctx: &mut Context<Self>) {
        let stored: Vec<v1::WeightInfo> = registry
            .weights
            .iter()
            .map(|weight| weight.info().clone())
            .collect();
        let weights = if stored.is_empty() {
            // Checked at start: the flag's weights are good.
            let text = self.flags.weights.as_deref().unwrap_or_default();
            crate::weights::parse_flag(text, |role| self.roles.is_whitelisted(role))
                .unwrap_or_default()
        } else {
            if self.flags.weights.is_some() {
                tracing::warn!("ignoring --weights: the registry has weights");
            }
            stored.clone()
        };
        if weights.is_empty() {
            return;
        }
        for weight in &weights {
            self.roles.set_weight(weight.role(), weight.weight());
        }
        let pairs = weights
            .iter()
            .map(|weight| (weight.role().to_owned(), weight.weight()))
            .collect();
        self.allocator.update_weights(pairs);
        if stored.is_empty() {
            let applied = self.registrar.apply(UpdateWeights { weights });
            ctx.on_any(applied, |master, outcome, ctx| {
                let _ = master.stored(outcome, "update the weights", ctx);
            });
        }
    }

    /// Looks at the registrar's answer; a broken registry ends this master.
    ///
    /// `None` when the operation is not in the registry.
    pub(super) fn stored(
        &mut self,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        what: &str,
        ctx: &mut Context<Self>,
    ) -> Option<Applied> {
        let error = match outcome {
            Outcome::Ready(Ok(applied)) => return Some(applied),
            Outcome::Ready(Err(error)) if !error.is_fatal() => {
                tracing::warn!(%error, "the registrar refused to {what}");
                return None;
            }
            Outcome::Ready(Err(error)) => error.to_string(),
            Outcome::Failed(error) => error,
            Outcome::Discarded | Outcome::Abandoned => "discarded".to_owned(),
        };
        self.step_down(format!("Failed to {what}: {error}"), ctx);
        None
    }

    /// Looks at the registrar's answer for an operator who waits.
    ///
    /// None for an operation that the registry refuses, which as in C++ is no error.
    ///
    /// # Errors
    /// [`BrokenRegistry`] when nobody knows whether the registry has it.
    pub(super) fn durable(
        &mut self,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        what: &str,
        ctx: &mut Context<Self>,
    ) -> Result<Option<Applied>, BrokenRegistry> {
        let broken = match &outcome {
            Outcome::Ready(Ok(_)) => None,
            Outcome::Ready(Err(error)) if !error.is_fatal() => None,
            Outcome::Ready(Err(error)) => Some(error.to_string()),
            Outcome::Failed(error) => Some(error.clone()),
            Outcome::Discarded | Outcome::Abandoned => Some("discarded".to_owned()),
        };
        let applied = self.stored(outcome, what, ctx);
        broken.map_or(Ok(applied), |reason| Err(BrokenRegistry(reason)))
    }
}

/// The quotas of a registry; the newer list wins.
fn quotas_of(registry: &Registry) -> BTreeMap<String, Quota> {
    let mut quotas = BTreeMap::new();
    for entry in &registry.quotas {
        let config = crate::quota::config_of_info(entry.info());
        quotas.insert(config.role().to_owned(), crate::quota::quota_of(&config));
    }
    for config in &registry.quota_configs {
        quotas.insert(config.role().to_owned(), crate::quota::quota_of(config));
    }
    quotas
}
