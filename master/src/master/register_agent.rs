//! A new agent registers.
//!
//! Mirrors `Master::registerSlave` of `src/master/master.cpp`.

use std::collections::BTreeMap;
use std::sync::Arc;

use libprocess::{Context, Outcome, Upid};
use mesos_allocator::NewAgent as AllocatedAgent;
use mesos_common::authorization::Approvers;
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resources::Resources;
use mesos_common::task_state::uses_resources;
use mesos_proto::internal::{
    AgentRegisteredMessage as AgentRegistered, MasterAgentConnection as AgentConnection,
    RegisterAgentMessage as RegisterAgent,
};
use mesos_proto::v1;
use mesos_proto::v1::master::{Event, event};

use super::MasterProcess;
use super::remove_agent::RemovalReason;
use crate::agent_observer::{AgentObserverProcess, PingOptions};
use crate::constants::MINIMUM_AGENT_VERSION;
use crate::registrar::{Applied, RegistrarError};
use crate::registry::admit_agent::AdmitAgent;
use crate::resource_format::upgrade;
use crate::state::agent::{Agent, NewAgent};
use crate::state::agents::Begun;
use crate::state::machines::MachineKey;
use crate::state::subscribers::Shown;
use crate::state::task::Task;
use crate::validation;

/// What an agent that is being added runs.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// Its executors, by framework.
    pub(super) executors: BTreeMap<FrameworkId, Vec<Arc<v1::ExecutorInfo>>>,
    /// Its tasks, by framework.
    pub(super) tasks: BTreeMap<FrameworkId, Vec<Task>>,
}

impl MasterProcess {
    /// Handles `RegisterAgentMessage`.
    pub(super) fn register_agent(
        &mut self,
        from: &Upid,
        mut message: RegisterAgent,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_register_agent.increment();
        if self.authentications.is_running(from) {
            tracing::info!(%from, "queueing a registration: authentication is in progress");
            let agent = from.clone();
            self.after_authentication(
                from,
                Box::new(move |master, ctx| master.register_agent(&agent, message, ctx)),
            );
            return;
        }
        if !self.is_agent_authenticated(from) {
            tracing::warn!(%from, "refusing a registration: the agent is not authenticated");
            return;
        }
        if let Err(error) = validation::agent::validate_registration(&message) {
            tracing::warn!(%from, %error, "dropping an invalid registration");
            return;
        }
        if self.agents.begin_registering(from) == Begun::Already {
            tracing::info!(%from, "ignoring a registration: one is in flight");
            return;
        }
        let info = message.agent.get_or_insert_default();
        upgrade(&mut info.resources);
        upgrade(&mut message.checkpointed_resources);
        if !self.may_register(from, message.agent(), message.version(), ctx) {
            self.agents.end_registering(from);
            return;
        }
        if !self.authorize_agent(from, message.agent()) {
            self.agents.end_registering(from);
            return;
        }
        if let Some(known) = self.agents.by_pid(from).map(Arc::clone) {
            if known.is_connected() {
                tracing::info!(agent_id = %known.id(), "already registered, acknowledging again");
                self.acknowledge_agent(known.id(), ctx);
                self.agents.end_registering(from);
                return;
            }
            let reason = RemovalReason::Registered;
            self.remove_agent(
                known.id(),
                "a new agent registered at the same address",
                reason,
                ctx,
            );
        }
        let agent_id = self.ids.agent();
        let mut info = message.agent.take().unwrap_or_default();
        info.id = Some(agent_id.to_proto());
        let new = NewAgent {
            info: Arc::from(info),
            pid: from.clone(),
            version: message.version.take().unwrap_or_default(),
            capabilities: message.agent_capabilities,
            checkpointed: Resources::from_proto(&message.checkpointed_resources),
            resource_version: message
                .resource_version_uuid
                .as_ref()
                .map(|uuid| uuid.value().to_vec()),
        };
        tracing::info!(%agent_id, %from, "registering an agent");
        let applied = self.registrar.apply(AdmitAgent {
            info: v1::AgentInfo::clone(&new.info),
        });
        ctx.on_any(applied, move |master, outcome, ctx| {
            master.on_agent_admitted(new, outcome, ctx);
        });
    }

    /// Whether an agent may register from here; tells it to end where Mesos does.
    pub(super) fn may_register(
        &self,
        from: &Upid,
        info: &v1::AgentInfo,
        version: &str,
        ctx: &Context<Self>,
    ) -> bool {
        let machine = MachineKey::new(info.hostname(), &from.address.ip.to_string());
        if self.machines.is_down(&machine) {
            tracing::warn!(%from, "refusing an agent: its machine is down");
            Self::send_shutdown(from, "Machine is `DOWN`", ctx);
            return false;
        }
        if parse_version(version).is_none_or(|version| version < MINIMUM_AGENT_VERSION) {
            tracing::warn!(%from, version, "refusing an agent: unusable version");
            return false;
        }
        if info.domain.is_some() && self.info.domain.is_none() {
            tracing::warn!(%from, "refusing an agent: it has a domain, this master has none");
            return false;
        }
        if info.domain.is_none() && self.flags.require_agent_domain {
            tracing::warn!(%from, "refusing an agent: it has no domain");
            return false;
        }
        true
    }

    // Continues `register_agent`: the registry admitted the agent, or did not.
    fn on_agent_admitted(
        &mut self,
        new: NewAgent,
        outcome: Outcome<Result<Applied, RegistrarError>>,
        ctx: &mut Context<Self>,
    ) {
        let pid = new.pid.clone();
        let admitted = self.stored(outcome, "admit an agent", ctx);
        self.agents.end_registering(&pid);
        if admitted.is_none() {
            return;
        }
        let agent_id = AgentId::from(new.info.id());
        match Agent::new(new, ctx.now()) {
            Ok(agent) => {
                self.add_agent(agent, Load::default(), ctx);
                self.metrics.counters().agent_registrations.increment();
                tracing::info!(%agent_id, "registered an agent");
                self.acknowledge_agent(&agent_id, ctx);
            }
            Err(error) => tracing::error!(%agent_id, %error, "dropping a registration"),
        }
    }

    fn acknowledge_agent(&self, agent_id: &AgentId, ctx: &Context<Self>) {
        let message = AgentRegistered {
            agent_id: Some(agent_id.to_proto()),
            connection: Some(self.agent_connection()),
            ..Default::default()
        };
        self.send_to_agent(agent_id, &message, ctx);
    }

    /// What an agent is told about pings.
    pub(super) fn agent_connection(&self) -> AgentConnection {
        let pings = u32::try_from(self.flags.max_agent_ping_timeouts).unwrap_or(u32::MAX);
        let total = self.flags.agent_ping_timeout.as_secs_f64() * f64::from(pings);
        AgentConnection {
            total_ping_timeout_seconds: Some(total),
            ..Default::default()
        }
    }

    /// Makes an agent a registered one, with what it runs, and begins to watch it.
    pub(super) fn add_agent(&mut self, mut agent: Agent, load: Load, ctx: &mut Context<Self>) {
        let agent_id = agent.id().clone();
        let machine_id = agent.machine_id();
        for (framework_id, executors) in &load.executors {
            for executor in executors {
                agent.add_executor(framework_id, Arc::clone(executor));
            }
        }
        for (framework_id, tasks) in &load.tasks {
            for task in tasks {
                agent.add_task(framework_id, task.id());
                if uses_resources(task.state()) {
                    agent.use_resources(framework_id, task.resources());
                }
            }
        }
        ctx.link(agent.pid());
        self.watch_agent(&agent, ctx);
        self.machines.add_agent(&machine_id, agent_id.clone());
        let unavailability = self
            .machines
            .get(agent.machine())
            .and_then(|machine| machine.unavailability())
            .cloned();
        let allocated = AllocatedAgent {
            id: agent_id.clone(),
            info: Arc::clone(agent.info()),
            capabilities: agent.capabilities().to_vec(),
            unavailability,
            total: agent.total().clone(),
            used: agent.used().clone(),
        };
        self.agents.add(agent);
        self.attach_load(&agent_id, load);
        self.allocator.add_agent(allocated);
        self.announce_agent_added(&agent_id);
    }

    /// Has an agent asked from time to time whether it is there.
    fn watch_agent(&mut self, agent: &Agent, ctx: &Context<Self>) {
        let options = PingOptions {
            interval: self.flags.agent_ping_timeout,
            max_missed: self.flags.max_agent_ping_timeouts,
        };
        let start = || ctx.spawn(AgentObserverProcess::new(ctx.pid(), options));
        let observer = self.observer.get_or_insert_with(start);
        let (id, pid) = (agent.id().clone(), agent.pid().clone());
        observer.dispatch(move |observer, ctx| observer.watch(id, pid, ctx));
    }

    /// Gives an executor to its framework, if that is known.
    pub(super) fn attach_executor(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        executor: Arc<v1::ExecutorInfo>,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        let resources = Resources::from_proto(&executor.resources);
        framework.add_executor(agent_id, executor);
        self.track_used_roles(framework_id, &resources);
    }

    /// Gives an agent's executors and tasks to the frameworks that are known.
    fn attach_load(&mut self, agent_id: &AgentId, load: Load) {
        for (framework_id, executors) in load.executors {
            for executor in executors {
                self.attach_executor(&framework_id, agent_id, executor);
            }
        }
        for (framework_id, tasks) in load.tasks {
            if self.frameworks.get(&framework_id).is_some() {
                for task in tasks {
                    self.attach_task(&framework_id, Arc::new(task));
                }
            }
        }
    }

    fn announce_agent_added(&mut self, agent_id: &AgentId) {
        if self.subscribers.is_empty() {
            return;
        }
        let Some(agent) = self.agents.get(agent_id) else {
            return;
        };
        let model = crate::http::agents::model(
            agent,
            self.agents.drain_info(agent_id),
            self.agents.is_deactivated(agent_id),
            &Approvers::default(),
        );
        let event = Event {
            r#type: Some(event::Type::AgentAdded.into()),
            agent_added: Some(event::AgentAdded {
                agent: Some(model.into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.subscribers.send(&event, Shown::Agent, &self.metrics);
    }
}

/// The three numbers of a version; a label after them is allowed.
#[must_use]
pub(super) fn parse_version(version: &str) -> Option<(u64, u64, u64)> {
    let numbers = version.split(['-', '+']).next()?;
    let mut parts = numbers.split('.').map(|part| part.parse::<u64>().ok());
    let major = parts.next()??;
    let minor = match parts.next() {
        Some(part) => part?,
        None => 0,
    };
    let patch = match parts.next() {
        Some(part) => part?,
        None => 0,
    };
    parts.next().is_none().then_some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn version_may_have_a_label() {
        assert_eq!(parse_version("1.11.0-rc1"), Some((1, 11, 0)));
        assert_eq!(parse_version("1.0.0"), Some((1, 0, 0)));
    }

    /// Mirrors: MasterTest.IgnoreOldAgentRegistration
    #[test]
    fn agents_before_one_dot_zero_are_older_than_the_minimum() {
        let version = parse_version("0.28.1").expect("a version");

        assert!(version < crate::constants::MINIMUM_AGENT_VERSION);
    }

    #[test]
    fn nonsense_is_no_version() {
        assert_eq!(parse_version(""), None);
        assert_eq!(parse_version("one"), None);
        assert_eq!(parse_version("1.2.3.4"), None);
    }
}
