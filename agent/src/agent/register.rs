//! Registers with the master, again and again until it answers.

use std::time::Duration;

use libprocess::{Context, Upid};
use mesos_common::{
    flags::JsonMessage,
    ids::{AgentId, FrameworkId, TaskId},
    resources::{Resources, downgrade_resource},
};
use mesos_proto::{
    internal::{
        self, AgentRegisteredMessage, AgentReregisteredMessage, MasterAgentConnection,
        RegisterAgentMessage, ReregisterAgentMessage, UpdateAgentMessage,
    },
    v1::{self, TaskState, agent_info::capability::Type as Capability, task_status::Reason},
};
use rand::Rng;
use uuid::Uuid;

use super::{AgentProcess, AgentState};
use crate::{
    checkpoint::write,
    constants::{MESOS_VERSION, REGISTRATION_BACKOFF_MAX},
    flags::Flags,
    state::{
        executor::ExecutorState,
        framework::Framework,
        task::{AgentUpdate, create, gate},
    },
};

/// What this agent can do.
const CAPABILITIES: [Capability; 8] = [
    Capability::MultiRole,
    Capability::HierarchicalRole,
    Capability::ReservationRefinement,
    Capability::ResourceProvider,
    Capability::ResizeVolume,
    Capability::AgentOperationFeedback,
    Capability::AgentDraining,
    Capability::TaskResourceLimits,
];

/// The capabilities that the agent announces: all, or those that `--agent_features` chooses.
pub(crate) fn capabilities(flags: &Flags) -> Vec<v1::agent_info::Capability> {
    let chosen = flags.agent_features.as_ref().map(JsonMessage::message);
    let is_chosen = |capability: &&Capability| {
        chosen.is_none_or(|features| {
            let mut chosen = features.capabilities.iter();
            chosen.any(|feature| feature.r#type() == **capability)
        })
    };
    CAPABILITIES
        .iter()
        .filter(is_chosen)
        .map(|capability| v1::agent_info::Capability {
            r#type: Some((*capability).into()),
            ..Default::default()
        })
        .collect()
}

/// Writes a UUID as a message.
pub(crate) fn uuid_message(uuid: Uuid) -> v1::Uuid {
    v1::Uuid {
        value: Some(uuid.as_bytes().to_vec().into()),
        ..Default::default()
    }
}

impl AgentProcess {
    /// Sends one attempt and plans the next.
    pub(super) fn try_to_register(&mut self, backoff: Duration, ctx: &mut Context<Self>) {
        let Some(master) = self.master.pid.clone() else {
            tracing::info!("skipping registration because no master is present");
            return;
        };
        match self.state {
            AgentState::Disconnected => {}
            AgentState::Running | AgentState::Terminating | AgentState::Recovering(_) => return,
        }
        // Linking again is cheap, and finds a socket that broke since.
        ctx.link(&master);
        if self.id.is_some() {
            let mut message = self.reregistration();
            let mut lists = vec![&mut message.checkpointed_resources];
            lists.extend(message.agent.as_mut().map(|info| &mut info.resources));
            lists.extend(message.tasks.iter_mut().map(|task| &mut task.resources));
            lists.extend(
                message
                    .executor_infos
                    .iter_mut()
                    .map(|info| &mut info.resources),
            );
            downgrade(lists);
            ctx.send_protobuf(&master, &message);
        } else {
            let mut message = self.registration();
            let mut lists = vec![&mut message.checkpointed_resources];
            lists.extend(message.agent.as_mut().map(|info| &mut info.resources));
            downgrade(lists);
            ctx.send_protobuf(&master, &message);
        }
        let backoff = backoff.min(REGISTRATION_BACKOFF_MAX);
        let wait = backoff.mul_f64(rand::rng().random::<f64>());
        tracing::debug!(?wait, "will retry registration if necessary");
        let timer = ctx.delay(wait, move |agent, ctx| {
            agent.try_to_register(backoff * 2, ctx);
        });
        self.master.registration = Some(timer);
    }

    fn registration(&self) -> RegisterAgentMessage {
        RegisterAgentMessage {
            agent: Some(self.info.clone().into()),
            checkpointed_resources: self.resources.checkpointed.to_proto(),
            version: Some(MESOS_VERSION.to_owned()),
            agent_capabilities: capabilities(&self.flags),
            resource_version_uuid: Some(uuid_message(self.resources.version)),
            ..Default::default()
        }
    }

    fn reregistration(&self) -> ReregisterAgentMessage {
        let mut message = ReregisterAgentMessage {
            agent: Some(self.info.clone().into()),
            checkpointed_resources: self.resources.checkpointed.to_proto(),
            version: Some(MESOS_VERSION.to_owned()),
            agent_capabilities: capabilities(&self.flags),
            resource_version_uuid: Some(uuid_message(self.resources.version)),
            completed_frameworks: self.frameworks.completed().map(archive).collect(),
            ..Default::default()
        };
        for framework in self.frameworks.iter() {
            message.frameworks.push(framework.info.clone());
            for (_, task) in framework.pending() {
                message
                    .tasks
                    .push(create(task, TaskState::TaskStaging, framework.id()));
            }
            for executor in framework.executors() {
                message.tasks.extend(executor.launched().cloned());
                message.tasks.extend(executor.terminated().cloned());
                message.tasks.extend(
                    executor
                        .queued()
                        .map(|task| create(task, TaskState::TaskStaging, framework.id())),
                );
                // The master knows nothing of executors that the agent makes up.
                if !executor.is_for_command_task() && executor.state() != ExecutorState::Terminated
                {
                    message.executor_infos.push(executor.info().clone());
                }
            }
        }
        message
    }

    /// The master knows the agent, and named it.
    pub(super) fn registered(
        &mut self,
        from: &Upid,
        message: AgentRegisteredMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring registration message: it is not from the expected master");
            return;
        }
        let id = AgentId::from(message.agent_id());
        self.take_connection(message.connection.as_ref());
        match self.state {
            AgentState::Disconnected => {
                tracing::info!(%from, agent = %id, "registered with master");
                self.state = AgentState::Running;
                self.begin(id, ctx);
            }
            AgentState::Running => {
                // A duplicate: an earlier attempt was answered late.
                if self.id.as_ref() != Some(&id) {
                    return self.fail(format!("Registered but got wrong id: {id}"), ctx);
                }
            }
            AgentState::Terminating => {
                tracing::warn!("ignoring registration because the agent is terminating");
                return;
            }
            AgentState::Recovering(_) => return,
        }
        self.report(ctx);
    }

    /// The agent's first registration: its id is written down before anything else.
    fn begin(&mut self, id: AgentId, ctx: &mut Context<Self>) {
        self.info.id = Some(id.to_proto());
        self.id = Some(id.clone());
        let written = write::latest_agent(&self.work_dir, &id)
            .and_then(|()| write::latest_agent(&self.meta, &id))
            .and_then(|()| write::agent_info(&self.meta, &id, &self.info));
        if let Err(error) = written {
            return self.fail_checkpoint(&error, ctx);
        }
        self.connect(ctx);
    }

    /// What both kinds of registration end with.
    fn connect(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.master.registration.take() {
            timer.cancel();
        }
        if let Some(parts) = &self.parts {
            parts.updates.resume();
            parts.operation_updates.resume();
        }
        self.expect_ping(ctx);
    }

    fn take_connection(&mut self, connection: Option<&MasterAgentConnection>) {
        if let Some(seconds) =
            connection.and_then(|connection| connection.total_ping_timeout_seconds)
            && let Ok(timeout) = Duration::try_from_secs_f64(seconds)
        {
            self.master.ping_timeout = Some(timeout);
        }
    }

    /// The master knows the agent again.
    pub(super) fn reregistered(
        &mut self,
        from: &Upid,
        message: AgentReregisteredMessage,
        ctx: &mut Context<Self>,
    ) {
        if !self.master.is(from) {
            tracing::warn!(%from, "ignoring reregistration message: it is not from the expected master");
            return;
        }
        let id = AgentId::from(message.agent_id());
        if self.id.as_ref() != Some(&id) {
            return self.fail(format!("Reregistered but got wrong id: {id}"), ctx);
        }
        self.take_connection(message.connection.as_ref());
        match self.state {
            AgentState::Disconnected => {
                tracing::info!(%from, "re-registered with master");
                self.state = AgentState::Running;
                self.connect(ctx);
            }
            AgentState::Running => {}
            AgentState::Terminating => {
                tracing::warn!("ignoring reregistration because the agent is terminating");
                return;
            }
            AgentState::Recovering(_) => return,
        }
        self.report(ctx);
        for reconciliation in &message.reconciliations {
            self.reconcile(reconciliation, ctx);
        }
    }

    /// Tells the master which of its tasks the agent does not have.
    fn reconcile(&mut self, asked: &internal::ReconcileTasksMessage, ctx: &mut Context<Self>) {
        let framework_id = FrameworkId::from(asked.framework_id());
        for status in &asked.statuses {
            let task = TaskId::from(status.task_id());
            let known = self
                .frameworks
                .get(&framework_id)
                .is_some_and(|f| f.has_task(&task));
            if known {
                continue;
            }
            tracing::warn!(%task, framework = %framework_id, "reconciled task is unknown");
            // The master's description counts: the agent may not know the framework.
            let update = AgentUpdate {
                framework: &framework_id,
                task: &task,
                executor: None,
                state: gate(asked.framework(), TaskState::TaskDropped),
                reason: Some(Reason::ReasonReconciliation),
                message: "Reconciliation: task unknown to the agent",
            };
            let Some(agent) = &self.id else { return };
            let update = update.build(agent, ctx.now().as_secs_f64());
            self.store_update(update, None, super::status_update::Reporter::Agent, ctx);
        }
    }

    /// Tells the master what registration messages do not say.
    pub(super) fn report(&self, ctx: &mut Context<Self>) {
        if let (Some(master), Some(message)) = (&self.master.pid, self.agent_update()) {
            ctx.send_protobuf(master, &message);
        }
    }

    /// The agent's present resources and operations as the master wants to have them.
    pub(crate) fn agent_update(&self) -> Option<UpdateAgentMessage> {
        let id = self.id.as_ref()?;
        let operations = self
            .operations
            .iter()
            .map(|(_, operation)| operation.clone())
            .collect();
        Some(UpdateAgentMessage {
            agent_id: Some(id.to_proto()),
            update_oversubscribed_resources: Some(self.resources.oversubscribed.is_some()),
            oversubscribed_resources: self
                .resources
                .oversubscribed
                .as_ref()
                .map(Resources::to_proto)
                .unwrap_or_default(),
            resource_version_uuid: Some(uuid_message(self.resources.version)),
            operations: Some(internal::update_agent_message::Operations {
                operations,
                ..Default::default()
            }),
            resource_providers: Some(internal::update_agent_message::ResourceProviders::default()),
            ..Default::default()
        })
    }
}

/// A framework that ended, with the tasks of its executors that ended.
fn archive(framework: &Framework) -> internal::archive::Framework {
    let mut tasks = Vec::new();
    for executor in framework.completed_executors() {
        tasks.extend(executor.terminated().cloned());
        tasks.extend(executor.completed().cloned());
    }
    internal::archive::Framework {
        framework_info: Some(framework.info.clone().into()),
        pid: framework.pid.as_ref().map(ToString::to_string),
        tasks,
        ..Default::default()
    }
}

/// Old masters cannot read reservation stacks: a message that needs none is sent without.
fn downgrade(lists: Vec<&mut Vec<v1::Resource>>) {
    let mut downgraded: Vec<Vec<v1::Resource>> =
        lists.iter().map(|list| (**list).clone()).collect();
    let all = downgraded
        .iter_mut()
        .flatten()
        .all(|resource| downgrade_resource(resource).is_ok());
    if all {
        for (list, downgraded) in lists.into_iter().zip(downgraded) {
            *list = downgraded;
        }
    }
}
