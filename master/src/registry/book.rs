//! The registry in a form that is cheap to change and to store.
//!
//! A registry is stored whole at every change, and nearly all of it are agents that the change
//! leaves alone. So agents are kept encoded, and storing them is copying their bytes.
//!
//! # Invariants
//! - [`RegistryBook::encode`] gives the bytes of [`RegistryBook::registry`].

use bytes::Bytes;
use mesos_proto::internal::Registry;
use mesos_proto::internal::registry::{
    Agent, Agents, GoneAgent, GoneAgents, UnreachableAgent, UnreachableAgents,
};
use mesos_proto::v1;
use mesos_proto_codec::wire::{put_opt, put_repeated};

use super::roll::Roll;

/// The fields of the registry that hold agents.
const ADMITTED: u32 = 2;
const UNREACHABLE: u32 = 7;
const GONE: u32 = 8;

/// What the rest of a registry usually has room in.
const ROOM_FOR_THE_REST: usize = 16 * 1024;

/// What an operator plans for an agent.
pub(super) struct Plans<'a> {
    pub(super) deactivated: &'a mut Option<bool>,
    pub(super) drain_info: &'a mut Option<Box<v1::DrainInfo>>,
}

/// A registry to which operations are applied.
#[derive(Clone, Debug, Default)]
pub struct RegistryBook {
    /// Everything but the three lists of agents.
    pub(super) rest: Registry,
    pub(super) admitted: Roll<Agent>,
    pub(super) unreachable: Roll<UnreachableAgent>,
    pub(super) gone: Roll<GoneAgent>,
}

impl RegistryBook {
    /// The book of a registry as it was read.
    #[must_use]
    pub fn of(registry: &Registry) -> Self {
        let Registry {
            master,
            agents,
            unreachable,
            gone,
            machines,
            schedules,
            quotas,
            quota_configs,
            weights,
            resource_provider_registry,
            minimum_capabilities,
            unknown,
        } = registry;
        Self {
            rest: Registry {
                master: master.clone(),
                agents: None,
                unreachable: None,
                gone: None,
                machines: machines.clone(),
                schedules: schedules.clone(),
                quotas: quotas.clone(),
                quota_configs: quota_configs.clone(),
                weights: weights.clone(),
                resource_provider_registry: resource_provider_registry.clone(),
                minimum_capabilities: minimum_capabilities.clone(),
                unknown: unknown.clone(),
            },
            admitted: agents
                .as_ref()
                .map_or_else(Roll::default, |list| Roll::of(&list.agents, &list.unknown)),
            unreachable: unreachable
                .as_ref()
                .map_or_else(Roll::default, |list| Roll::of(&list.agents, &list.unknown)),
            gone: gone
                .as_ref()
                .map_or_else(Roll::default, |list| Roll::of(&list.agents, &list.unknown)),
        }
    }

    /// What the registry says of everything but agents.
    #[must_use]
    pub fn rest(&self) -> &Registry {
        &self.rest
    }

    /// Admitted agents.
    #[must_use]
    pub fn admitted(&self) -> &Roll<Agent> {
        &self.admitted
    }

    /// Unreachable agents.
    #[must_use]
    pub fn unreachable(&self) -> &Roll<UnreachableAgent> {
        &self.unreachable
    }

    /// Gone agents.
    #[must_use]
    pub fn gone(&self) -> &Roll<GoneAgent> {
        &self.gone
    }

    /// The registry as a message.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let mut registry = self.rest.clone();
        registry.agents = self
            .admitted
            .list(|agents, unknown| Agents { agents, unknown });
        registry.unreachable = self
            .unreachable
            .list(|agents, unknown| UnreachableAgents { agents, unknown });
        registry.gone = self
            .gone
            .list(|agents, unknown| GoneAgents { agents, unknown });
        registry
    }

    /// The bytes that are stored.
    ///
    /// # Wire
    /// Field by field in the order of their numbers, as C++ writes them.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let lists = self.admitted.encoded_len(ADMITTED)
            + self.unreachable.encoded_len(UNREACHABLE)
            + self.gone.encoded_len(GONE);
        let Registry {
            master,
            agents: _,
            unreachable: _,
            gone: _,
            machines,
            schedules,
            quotas,
            quota_configs,
            weights,
            resource_provider_registry,
            minimum_capabilities,
            unknown,
        } = &self.rest;
        let mut out = Vec::with_capacity(lists + ROOM_FOR_THE_REST);
        put_opt(1, master.as_ref(), &mut out);
        self.admitted.put(ADMITTED, &mut out);
        put_opt(3, machines.as_ref(), &mut out);
        put_repeated(4, schedules, &mut out);
        put_repeated(5, quotas, &mut out);
        put_repeated(6, weights, &mut out);
        self.unreachable.put(UNREACHABLE, &mut out);
        self.gone.put(GONE, &mut out);
        put_opt(9, resource_provider_registry.as_ref(), &mut out);
        put_repeated(10, minimum_capabilities, &mut out);
        put_repeated(11, quota_configs, &mut out);
        out.extend_from_slice(unknown.as_bytes());
        out.into()
    }

    /// Changes whether and how an agent is drained or deactivated; none for one that is neither
    /// admitted nor unreachable.
    pub(super) fn change_plans<R>(
        &mut self,
        agent_id: &str,
        change: impl FnOnce(Plans<'_>) -> R,
    ) -> Option<R> {
        if self.admitted.contains(agent_id) {
            return self.admitted.change(agent_id, |entry| {
                change(Plans {
                    deactivated: &mut entry.deactivated,
                    drain_info: &mut entry.drain_info,
                })
            });
        }
        self.unreachable.change(agent_id, |entry| {
            change(Plans {
                deactivated: &mut entry.deactivated,
                drain_info: &mut entry.drain_info,
            })
        })
    }
}
