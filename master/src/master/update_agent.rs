//! An agent's resources change: oversubscription, resource providers, operations.
//!
//! Mirrors `Master::updateSlave` of `src/master/master.cpp`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_common::ids::{AgentId, OfferId};
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
        let had_providers = !agent.providers().is_empty();
        let has_providers = message.resource_providers.is_some();
        if let Some(providers) = &message.resource_providers {
            self.update_providers(&agent_id, &providers.providers);
        }
        let missing = self.reconcile_agent_operations(&agent, &message);
        if oversubscribed && let Some(agent) = self.agents.get_mut(&agent_id) {
            let total = &agent.total().non_revocable() + &revocable;
            agent.set_total(total);
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

    /// Adds operations that only the agent knows; returns those that only the master knows.
    fn reconcile_agent_operations(
        &mut self,
        agent: &Agent,
        message: &UpdateAgent,
    ) -> Vec<ReconcileEntry> {
        let Some(reported) = message.operations.as_ref() else {
            return Vec::new();
        };
        let mut seen: BTreeSet<Uuid> = BTreeSet::new();
        let providers = message.resource_providers().providers.iter();
        let provided = providers.flat_map(|provider| &provider.operations().operations);
        for info in reported.operations.iter().chain(provided) {
            let Ok(uuid) = Uuid::from_slice(info.uuid().value()) else {
                continue;
            };
            seen.insert(uuid);
            if agent.operation(&uuid).is_some() {
                self.catch_up(agent.id(), &uuid, info);
            } else if let Some(operation) =
                Operation::reported(info.clone(), agent.id(), consumed_by(info.info()))
            {
                self.add_operation(operation);
            }
        }
        agent
            .all_operations()
            .filter(|operation| !seen.contains(&operation.uuid()))
            .map(|operation| ReconcileEntry {
                operation_uuid: Some(v1::Uuid {
                    value: Some(operation.uuid().as_bytes().to_vec().into()),
                    ..Default::default()
                }),
                resource_provider_id: operation.provider_id().map(|id| v1::ResourceProviderId {
                    value: Some(id.to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            })
            .collect()
    }

    /// An operation that ended at the agent ends here too; the agent's total shows its result.
    fn catch_up(&mut self, agent_id: &AgentId, uuid: &Uuid, info: &v1::Operation) {
        let running = self
            .agents
            .get(agent_id)
            .and_then(|agent| agent.operation(uuid))
            .is_some_and(|operation| !operation.is_terminal());
        let of_provider = self
            .agents
            .get(agent_id)
            .and_then(|agent| agent.operation(uuid))
            .is_some_and(|operation| operation.provider_id().is_some());
        let status = info.latest_status();
        if running && of_provider && crate::state::operations::is_terminal(status.state()) {
            self.update_operation(agent_id, uuid, status, None, Conversion::AlreadyThere);
        }
    }

    /// Adds, replaces and forgets resource providers.
    fn update_providers(&mut self, agent_id: &AgentId, reported: &[ReportedProvider]) {
        let mut present = BTreeSet::new();
        for provider in reported {
            let id = provider.info().id().value().to_owned();
            present.insert(id.clone());
            self.update_provider(agent_id, &id, provider);
        }
        let Some(agent) = self.agents.get(agent_id) else {
            return;
        };
        let vanished: Vec<String> = agent
            .providers()
            .keys()
            .filter(|id| !present.contains(*id))
            .cloned()
            .collect();
        for id in vanished {
            let operations: Vec<Uuid> = self
                .agents
                .get(agent_id)
                .and_then(|agent| agent.providers().get(&id))
                .map(|provider| provider.operations.keys().copied().collect())
                .unwrap_or_default();
            for uuid in operations {
                self.forget_operation(agent_id, &uuid);
            }
            if let Some(agent) = self.agents.get_mut(agent_id)
                && let Some(provider) = agent.remove_provider(&id)
            {
                let total = agent.total() - &provider.total;
                agent.set_total(total);
            }
        }
    }

    fn update_provider(&mut self, agent_id: &AgentId, id: &str, provider: &ReportedProvider) {
        let total = Resources::from_proto(&provider.total_resources);
        let version = provider.resource_version_uuid().value().to_vec();
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        let old_total = agent.providers().get(id).map(|known| known.total.clone());
        let new_total = match &old_total {
            Some(old) => &(agent.total() - old) + &total,
            None => agent.total() + &total,
        };
        agent.set_total(new_total);
        if let Some(known) = agent.provider_mut(id) {
            known.info = provider.info().clone();
            known.total = total;
            known.resource_version = version;
        } else {
            let known = ResourceProvider {
                info: provider.info().clone(),
                total: total.clone(),
                resource_version: version,
                operations: BTreeMap::new(),
            };
            agent.set_provider(id.to_owned(), known);
            self.allocator
                .add_resource_provider(agent_id.clone(), total, BTreeMap::new());
        }
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
