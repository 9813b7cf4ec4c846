//! An agent's resources change: oversubscription, resource providers, operations.
//!
//! Mirrors `Master::updateSlave` of `src/master/master.cpp`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, FrameworkId, OfferId};
use mesos_common::resources::Resources;
use mesos_proto::internal::update_agent_message::ResourceProvider as ReportedProvider;
use mesos_proto::internal::{
    ReconcileOperationsMessage as Reconcile, UpdateAgentMessage as UpdateAgent,
    reconcile_operations_message::Operation as ReconcileEntry,
};
use mesos_proto::v1;
use uuid::Uuid;

use super::MasterProcess;
use super::operation::{Conversion, consumed_by};
use crate::resource_format::{upgrade, upgrade_operation};
use crate::state::agent::{Agent, ResourceProvider};
use crate::state::operations::Operation;

/// Which kinds of resources an update was about.
#[derive(Clone, Copy, Debug)]
struct Touched {
    /// Oversubscribed ones.
    revocable: bool,
    /// Those of resource providers.
    provided: bool,
}

impl MasterProcess {
    /// Handles `UpdateAgentMessage`.
    pub(super) fn update_agent(
        &mut self,
        _from: &Upid,
        mut message: UpdateAgent,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_update_agent.increment();
        let agent_id = AgentId::from(message.agent_id());
        if self.agents.is_removed(&agent_id) {
            return;
        }
        let Some(agent) = self.agents.get(&agent_id).map(Arc::clone) else {
            tracing::warn!(%agent_id, "ignoring an update of an unknown agent");
            return;
        };
        upgrade_message(&mut message);
        let oversubscribed = message.update_oversubscribed_resources.unwrap_or(true);
        let revocable = Resources::from_proto(&message.oversubscribed_resources);
        let version = message
            .resource_version_uuid
            .as_ref()
            .map(|uuid| uuid.value().to_vec());
        if let (Some(agent), Some(version)) = (self.agents.get_mut(&agent_id), version) {
            agent.set_resource_version(Some(version));
        }
        if oversubscribed && let Some(agent) = self.agents.get_mut(&agent_id) {
            let total = &agent.total().non_revocable() + &revocable;
            agent.set_total(total);
        }
        let had_providers = !agent.providers().is_empty();
        let has_providers = message.resource_providers.is_some();
        let mut missing = self.reconcile_own_operations(&agent, &message);
        if let Some(providers) = &message.resource_providers {
            missing.extend(self.update_providers(&agent_id, &providers.providers));
        }
        if !missing.is_empty() {
            let message = Reconcile {
                operations: missing,
                ..Default::default()
            };
            self.send_to_agent(&agent_id, &message, ctx);
        }
        let changed = self
            .agents
            .get(&agent_id)
            .is_some_and(|after| after.total() != agent.total());
        if changed {
            self.update_allocator_total(&agent_id);
            let touched = Touched {
                revocable: oversubscribed,
                provided: had_providers || has_providers,
            };
            self.rescind_touched(&agent_id, touched, ctx);
        }
        self.check_drained(&agent_id, ctx);
    }

    /// Takes back the offers that an update may have made void.
    fn rescind_touched(&mut self, agent_id: &AgentId, changed: Touched, ctx: &Context<Self>) {
        let Some(agent) = self.agents.get(agent_id) else {
            return;
        };
        let touched: Vec<OfferId> = agent
            .offers()
            .iter()
            .filter(|id| {
                self.offers.get(id).is_some_and(|offer| {
                    let revocable = changed.revocable && !offer.resources.revocable().is_empty();
                    let provided = changed.provided
                        && offer
                            .resources
                            .iter()
                            .any(|one| one.provider_id().is_some());
                    revocable || provided
                })
            })
            .cloned()
            .collect();
        for offer_id in touched {
            self.rescind(&offer_id, None, ctx);
        }
    }

    /// Adds operations on the agent's own resources that only the agent knows; returns those that
    /// only the master knows.
    fn reconcile_own_operations(
        &mut self,
        agent: &Agent,
        message: &UpdateAgent,
    ) -> Vec<ReconcileEntry> {
        let reported = message.operations.as_ref();
        let reported = reported.map_or(&[][..], |reported| &reported.operations);
        let seen = uuids_of(reported);
        for info in reported {
            self.add_reported(agent.id(), info);
        }
        agent
            .operations()
            .keys()
            .filter(|uuid| !seen.contains(*uuid))
            .map(|uuid| reconcile_entry(uuid, None))
            .collect()
    }

    /// Adds an operation that an agent reported, unless it is known; returns it when it is new.
    fn add_reported(&mut self, agent_id: &AgentId, info: &v1::Operation) -> Option<Operation> {
        let operation = Operation::reported(info.clone(), agent_id, consumed_by(info.info()))?;
        let known = self.agents.get(agent_id)?;
        if known.operation(&operation.uuid()).is_some() {
            return None;
        }
        self.add_operation(operation.clone());
        Some(operation)
    }

    /// Adds, replaces and forgets resource providers; returns operations that only the master
    /// knows.
    fn update_providers(
        &mut self,
        agent_id: &AgentId,
        reported: &[ReportedProvider],
    ) -> Vec<ReconcileEntry> {
        let mut present = BTreeSet::new();
        let mut missing = Vec::new();
        for provider in reported {
            let id = provider.info().id().value();
            present.insert(id);
            let known = self
                .agents
                .get(agent_id)
                .is_some_and(|agent| agent.providers().contains_key(id));
            if known {
                missing.extend(self.refresh_provider(agent_id, id, provider));
            } else {
                self.add_provider(agent_id, id, provider);
            }
        }
        let Some(agent) = self.agents.get(agent_id) else {
            return missing;
        };
        let vanished: Vec<String> = agent
            .providers()
            .keys()
            .filter(|id| !present.contains(id.as_str()))
            .cloned()
            .collect();
        for id in vanished {
            self.remove_provider(agent_id, &id);
        }
        missing
    }

    /// Adds a provider with the operations that ran before this master led.
    fn add_provider(&mut self, agent_id: &AgentId, id: &str, provider: &ReportedProvider) {
        let total = Resources::from_proto(&provider.total_resources);
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        let known = ResourceProvider {
            info: provider.info().clone(),
            total: total.clone(),
            resource_version: provider.resource_version_uuid().value().to_vec(),
            operations: BTreeMap::new(),
        };
        agent.set_provider(id.to_owned(), known);
        let sum = agent.total() + &total;
        agent.set_total(sum);
        let mut used: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        for info in &provider.operations().operations {
            let Some(operation) = self.add_reported(agent_id, info) else {
                continue;
            };
            let framework_id = operation
                .framework_id()
                .filter(|id| self.frameworks.get(id).is_some());
            if let Some(framework_id) = framework_id
                && !operation.is_terminal()
            {
                *used.entry(framework_id.clone()).or_default() += operation.consumed();
            }
        }
        self.allocator
            .add_resource_provider(agent_id.clone(), total, used);
    }

    /// Takes over what a known provider says: it knows how its operations ended.
    fn refresh_provider(
        &mut self,
        agent_id: &AgentId,
        id: &str,
        provider: &ReportedProvider,
    ) -> Vec<ReconcileEntry> {
        let reported = &provider.operations().operations;
        let seen = uuids_of(reported);
        for info in reported {
            self.catch_up(agent_id, info);
        }
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return Vec::new();
        };
        let total = Resources::from_proto(&provider.total_resources);
        let sum = &without_provider(agent.total(), id) + &total;
        agent.set_total(sum);
        let Some(known) = agent.provider_mut(id) else {
            return Vec::new();
        };
        known.info = provider.info().clone();
        known.total = total;
        known.resource_version = provider.resource_version_uuid().value().to_vec();
        known
            .operations
            .keys()
            .filter(|uuid| !seen.contains(*uuid))
            .map(|uuid| reconcile_entry(uuid, Some(id)))
            .collect()
    }

    /// An operation that ended at the agent ends here too; the agent's total shows its result.
    fn catch_up(&mut self, agent_id: &AgentId, info: &v1::Operation) {
        let Ok(uuid) = Uuid::from_slice(info.uuid().value()) else {
            return;
        };
        let running = self
            .agents
            .get(agent_id)
            .and_then(|agent| agent.operation(&uuid))
            .is_some_and(|operation| !operation.is_terminal());
        let status = info.latest_status();
        if running && crate::state::operations::is_terminal(status.state()) {
            self.update_operation(agent_id, &uuid, status, None, Conversion::AlreadyThere);
        }
    }

    fn remove_provider(&mut self, agent_id: &AgentId, id: &str) {
        let operations: Vec<Uuid> = self
            .agents
            .get(agent_id)
            .and_then(|agent| agent.providers().get(id))
            .map(|provider| provider.operations.keys().copied().collect())
            .unwrap_or_default();
        for uuid in operations {
            self.forget_operation(agent_id, &uuid);
        }
        if let Some(agent) = self.agents.get_mut(agent_id) {
            agent.remove_provider(id);
            let rest = without_provider(agent.total(), id);
            agent.set_total(rest);
        }
    }
}

/// What is not of a provider, with all that was done to its resources on trust.
fn without_provider(total: &Resources, id: &str) -> Resources {
    total.filter(|resource| resource.provider_id() != Some(id))
}

fn uuids_of(operations: &[v1::Operation]) -> BTreeSet<Uuid> {
    operations
        .iter()
        .filter_map(|info| Uuid::from_slice(info.uuid().value()).ok())
        .collect()
}

fn reconcile_entry(uuid: &Uuid, provider_id: Option<&str>) -> ReconcileEntry {
    ReconcileEntry {
        operation_uuid: Some(v1::Uuid {
            value: Some(uuid.as_bytes().to_vec().into()),
            ..Default::default()
        }),
        resource_provider_id: provider_id.map(|id| v1::ResourceProviderId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Rewrites all resources of a message in the new spelling.
fn upgrade_message(message: &mut UpdateAgent) {
    upgrade(&mut message.oversubscribed_resources);
    if let Some(operations) = message.operations.as_mut() {
        for operation in &mut operations.operations {
            upgrade_operation(operation.info.get_or_insert_default());
        }
    }
    if let Some(providers) = message.resource_providers.as_mut() {
        for provider in &mut providers.providers {
            upgrade(&mut provider.total_resources);
            if let Some(operations) = provider.operations.as_mut() {
                for operation in &mut operations.operations {
                    upgrade_operation(operation.info.get_or_insert_default());
                }
            }
        }
    }
}
