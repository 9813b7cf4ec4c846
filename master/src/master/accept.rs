//! Accepting offers: operations in order, each on what the ones before it left.
//!
//! Mirrors `Master::accept` and `_accept` of `src/master/master.cpp`.

mod disk;
mod launch;
mod launch_group;
mod reserve;
mod volume;

pub(crate) use self::reserve::describe;

use std::sync::Arc;

use libprocess::{Context, Upid};
use mesos_allocator::Ownership;
use mesos_common::ids::{AgentId, FrameworkId, OfferId};
use mesos_common::resources::{ResourceConversion, Resources};
use mesos_proto::internal::LaunchTasksMessage;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::call;
use mesos_proto::v1::task_status::Reason;

use super::MasterProcess;
use super::status_update::MasterUpdate;
use crate::framework_message::FrameworkMessage;
use crate::resource_format::{each_resource, inject_allocation_role, upgrade_operation};
use crate::state::agent::Agent;
use crate::validation;

/// An `ACCEPT` on its way through its operations.
#[derive(Debug)]
pub(super) struct Acceptance {
    framework_id: FrameworkId,
    agent_id: AgentId,
    /// The role that the offers are for.
    role: Arc<str>,
    /// All that was offered.
    offered: Resources,
    /// What operations may still use.
    remaining: Resources,
    /// What launched tasks and executors took.
    launched: Resources,
    /// Volumes whose size changed: no later operation may use them.
    resized: Resources,
    /// Copies of shared resources that tasks may use, whatever others use.
    shared_left: Resources,
    conversions: Vec<ResourceConversion>,
}

/// Why tasks of an `ACCEPT` do not start.
#[derive(Clone, Debug)]
struct Rejection<'a> {
    state: TaskState,
    reason: Reason,
    text: &'a str,
}

impl MasterProcess {
    /// Handles `LaunchTasksMessage` of an old driver.
    pub(super) fn launch_tasks(
        &mut self,
        from: &Upid,
        message: LaunchTasksMessage,
        ctx: &mut Context<Self>,
    ) {
        let framework_id = FrameworkId::from(message.framework_id());
        if !self.is_driver_of(from, &framework_id) {
            return;
        }
        let filters = message.filters.clone();
        if message.tasks.is_empty() {
            let call = call::Decline {
                offer_ids: message.offer_ids,
                filters,
                ..Default::default()
            };
            return self.decline(&framework_id, &call, ctx);
        }
        let launch = v1::offer::operation::Launch {
            task_infos: message.tasks,
            ..Default::default()
        };
        let operation = v1::offer::Operation {
            r#type: Some(Type::Launch.into()),
            launch: Some(launch),
            ..Default::default()
        };
        let call = call::Accept {
            offer_ids: message.offer_ids,
            operations: vec![operation],
            filters,
            ..Default::default()
        };
        self.accept(&framework_id, call, ctx);
    }

    /// Performs the operations of an `ACCEPT`.
    pub(crate) fn accept(
        &mut self,
        framework_id: &FrameworkId,
        call: call::Accept,
        ctx: &mut Context<Self>,
    ) {
        self.count_accept(&call);
        let offer_ids: Vec<OfferId> = call.offer_ids.iter().map(OfferId::from).collect();
        if let Err(error) = validation::offer::validate(&offer_ids, framework_id, &self.offers) {
            return self.refuse_accept(framework_id, &offer_ids, call, &error.to_string(), ctx);
        }
        let filters = call
            .filters
            .as_ref()
            .map(|_| call.filters().clone())
            .unwrap_or_default();
        let Some(mut acceptance) = self.begin_acceptance(framework_id, &offer_ids) else {
            return;
        };
        let Some(agent) = self.agents.get(&acceptance.agent_id).map(Arc::clone) else {
            return;
        };
        let role = acceptance.role.to_string();
        let operations = self.prepare(framework_id, &agent, &role, call.operations, ctx);
        for offer_id in &offer_ids {
            self.remove_offer(offer_id);
        }
        if let Some(framework) = self.frameworks.get(framework_id) {
            framework
                .metrics()
                .offers_accepted(u64::try_from(offer_ids.len()).unwrap_or(u64::MAX));
        }
        for operation in operations {
            self.perform(&mut acceptance, operation, ctx);
        }
        self.settle(acceptance, filters);
    }

    /// Counts an operation that was found good; each task of a `LAUNCH` is one.
    pub(in crate::master) fn count_performed(&self, framework_id: &FrameworkId, kind: Type) {
        if let Some(framework) = self.frameworks.get(framework_id) {
            framework.metrics().operation(kind);
        }
    }

    fn count_accept(&self, call: &call::Accept) {
        let counters = self.metrics.counters();
        for operation in &call.operations {
            let tasks = operation
                .launch
                .as_ref()
                .map(|_| operation.launch().task_infos.len());
            match (operation.r#type(), tasks) {
                (Type::Launch, Some(0)) => counters.messages_decline_offers.increment(),
                (Type::Launch, Some(_)) => counters.messages_launch_tasks.increment(),
                (
                    Type::Unknown
                    | Type::Launch
                    | Type::LaunchGroup
                    | Type::Reserve
                    | Type::Unreserve
                    | Type::Create
                    | Type::Destroy
                    | Type::GrowVolume
                    | Type::ShrinkVolume
                    | Type::CreateDisk
                    | Type::DestroyDisk,
                    _,
                ) => {}
            }
        }
    }

    fn begin_acceptance(
        &self,
        framework_id: &FrameworkId,
        offer_ids: &[OfferId],
    ) -> Option<Acceptance> {
        let first = self.offers.get(offer_ids.first()?)?;
        let mut offered = Resources::new();
        for offer_id in offer_ids {
            offered += &self.offers.get(offer_id)?.resources;
        }
        Some(Acceptance {
            framework_id: framework_id.clone(),
            agent_id: first.agent_id.clone(),
            role: Arc::clone(&first.role),
            shared_left: offered.shared(),
            remaining: offered.clone(),
            offered,
            launched: Resources::new(),
            resized: Resources::new(),
            conversions: Vec::new(),
        })
    }

    /// Answers an `ACCEPT` whose offers are not valid; valid ones are taken back.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    fn refuse_accept(
        &mut self,
        framework_id: &FrameworkId,
        offer_ids: &[OfferId],
        call: call::Accept,
        error: &str,
        ctx: &Context<Self>,
    ) {
        tracing::warn!(%framework_id, error, "refusing an accept");
        for offer_id in offer_ids {
            let ours = self
                .offers
                .get(offer_id)
                .is_some_and(|offer| &offer.framework_id == framework_id);
            if ours {
                self.discard(offer_id, None);
            }
        }
        let state = if self.is_partition_aware(framework_id) {
            TaskState::TaskDropped
        } else {
            TaskState::TaskLost
        };
        for operation in &call.operations {
            let tasks = tasks_of(operation);
            if tasks.is_empty() {
                let text = format!("Operation attempted with invalid offers: {error}");
                self.drop_operation(framework_id, operation, &text, ctx);
                continue;
            }
            let text = format!("Task launched with invalid offers: {error}");
            let rejection = Rejection {
                state,
                reason: Reason::ReasonInvalidOffers,
                text: &text,
            };
            self.reject_tasks(framework_id, &tasks, &rejection, ctx);
        }
    }

    /// Sends the same refusal for tasks; they were never added.
    fn reject_tasks(
        &self,
        framework_id: &FrameworkId,
        tasks: &[&v1::TaskInfo],
        rejection: &Rejection<'_>,
        ctx: &Context<Self>,
    ) {
        for task in tasks {
            let update = MasterUpdate {
                framework_id: framework_id.clone(),
                agent_id: Some(AgentId::from(task.agent_id())),
                task_id: task.task_id().into(),
                state: rejection.state,
                reason: Some(rejection.reason),
                message: rejection.text.to_owned(),
                ..MasterUpdate::new(ctx.now())
            };
            let source = v1::task_status::Source::SourceMaster;
            self.metrics
                .task_ended(rejection.state, source, Some(rejection.reason));
            if let Some(framework) = self.frameworks.get(framework_id) {
                framework.metrics().enter_task_state(rejection.state);
            }
            self.send_update(&update, ctx);
        }
    }

    /// Refuses an operation; the framework hears of it when it asked for feedback.
    fn drop_operation(
        &self,
        framework_id: &FrameworkId,
        operation: &v1::offer::Operation,
        text: &str,
        ctx: &Context<Self>,
    ) {
        tracing::warn!(%framework_id, kind = operation.r#type().as_str_name(), text, "dropping");
        self.metrics.operation_refused(operation.r#type());
        let on_http = self
            .frameworks
            .get(framework_id)
            .is_some_and(|known| known.stream().is_some());
        if operation.id.is_some() && on_http {
            let status = v1::OperationStatus {
                operation_id: operation.id.clone(),
                state: Some(v1::OperationState::OperationError.into()),
                message: Some(text.to_owned()),
                ..Default::default()
            };
            let message = FrameworkMessage::OperationUpdate(Box::new(status));
            self.send_to_framework(framework_id, message, ctx);
        }
    }

    /// Checks the form of each operation and completes it; bad ones are answered and left out.
    fn prepare(
        &self,
        framework_id: &FrameworkId,
        agent: &Agent,
        role: &str,
        operations: Vec<v1::offer::Operation>,
        ctx: &Context<Self>,
    ) -> Vec<v1::offer::Operation> {
        let mut good = Vec::with_capacity(operations.len());
        for mut operation in operations {
            if let Err(error) = validation::operation::pre_check(&operation) {
                self.refuse_form(framework_id, &operation, &error.to_string(), ctx);
                continue;
            }
            upgrade_operation(&mut operation);
            if !operation.reserve().source.is_empty() && operation.r#type() == Type::Reserve {
                let text = "Reservation updates are not yet implemented for the scheduler API.";
                self.drop_operation(framework_id, &operation, text, ctx);
                continue;
            }
            if operation.id.is_some()
                && !self.may_ask_feedback(framework_id, agent, &operation, ctx)
            {
                continue;
            }
            each_resource(&mut operation, &mut |resource| {
                inject_allocation_role(resource, role);
            });
            launch::complete(&mut operation, framework_id);
            launch_group::complete(&mut operation);
            good.push(operation);
        }
        good
    }

    fn refuse_form(
        &self,
        framework_id: &FrameworkId,
        operation: &v1::offer::Operation,
        error: &str,
        ctx: &Context<Self>,
    ) {
        let tasks = tasks_of(operation);
        let reason = if operation.r#type() == Type::LaunchGroup {
            Reason::ReasonTaskGroupInvalid
        } else {
            Reason::ReasonTaskInvalid
        };
        match operation.r#type() {
            Type::Unknown => tracing::warn!(%framework_id, "ignoring an unknown operation"),
            Type::Launch | Type::LaunchGroup => {
                let rejection = Rejection {
                    state: TaskState::TaskError,
                    reason,
                    text: error,
                };
                self.reject_tasks(framework_id, &tasks, &rejection, ctx);
            }
            Type::Reserve
            | Type::Unreserve
            | Type::Create
            | Type::Destroy
            | Type::GrowVolume
            | Type::ShrinkVolume
            | Type::CreateDisk
            | Type::DestroyDisk => {
                let text = format!("Operation attempted with invalid resources: {error}");
                self.drop_operation(framework_id, operation, &text, ctx);
            }
        }
    }

    /// Whether an operation with an id can be reported on; answers it when not.
    fn may_ask_feedback(
        &self,
        framework_id: &FrameworkId,
        agent: &Agent,
        operation: &v1::offer::Operation,
        ctx: &Context<Self>,
    ) -> bool {
        let kind = operation.r#type();
        if matches!(kind, Type::Launch | Type::LaunchGroup) {
            let text = format!(
                "The `id` field cannot be set on {} operations",
                kind.as_str_name()
            );
            self.refuse_form(framework_id, operation, &text, ctx);
            return false;
        }
        if self
            .frameworks
            .get(framework_id)
            .is_none_or(|known| known.stream().is_none())
        {
            let text = "The 'id' field was set in an offer operation, but operation feedback is \
                        not supported for the SchedulerDriver API; please use the HTTP scheduler \
                        API for this feature";
            let message = FrameworkMessage::Error(text.to_owned());
            self.send_to_framework(framework_id, message, ctx);
            return false;
        }
        let id = agent.id();
        let provided = super::operation::consumed_by(operation)
            .iter()
            .next()
            .is_some_and(|resource| resource.provider_id().is_some());
        let text = if !agent.has(AgentCapability::ResourceProvider) {
            format!(
                "Operation requested feedback, but agent {id} does not have the required \
                 RESOURCE_PROVIDER capability"
            )
        } else if !provided && !agent.has(AgentCapability::AgentOperationFeedback) {
            format!(
                "Operation on agent default resources requested feedback, but agent {id} does not \
                 have the required AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities"
            )
        } else {
            return true;
        };
        self.drop_operation(framework_id, operation, &text, ctx);
        false
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    fn perform(
        &mut self,
        acceptance: &mut Acceptance,
        operation: v1::offer::Operation,
        ctx: &mut Context<Self>,
    ) {
        match operation.r#type() {
            Type::Launch => self.perform_launch(acceptance, &operation, ctx),
            Type::LaunchGroup => self.perform_launch_group(acceptance, &operation, ctx),
            Type::Reserve | Type::Unreserve | Type::Create | Type::Destroy => {
                self.perform_speculative(acceptance, &operation, ctx);
            }
            Type::GrowVolume | Type::ShrinkVolume => {
                self.perform_resize(acceptance, &operation, ctx);
            }
            Type::CreateDisk | Type::DestroyDisk => {
                self.perform_disk(acceptance, &operation, ctx);
            }
            Type::Unknown => {}
        }
    }

    /// Gives back what the operations left.
    fn settle(&self, acceptance: Acceptance, filters: v1::Filters) {
        let Acceptance {
            framework_id,
            agent_id,
            offered,
            remaining,
            launched,
            resized,
            conversions,
            ..
        } = acceptance;
        if !conversions.is_empty() {
            self.allocator.update_allocation(
                framework_id.clone(),
                agent_id.clone(),
                offered.clone(),
                conversions,
            );
        }
        let left = &remaining + &resized;
        let speculative = &left - &offered;
        let declined = &left - &speculative;
        self.allocator.pause();
        if !speculative.is_empty() {
            self.allocator.recover_resources(
                framework_id.clone(),
                agent_id.clone(),
                speculative,
                None,
                Ownership::Offered,
            );
        }
        if !declined.is_empty() {
            self.allocator.recover_resources(
                framework_id,
                agent_id.clone(),
                declined,
                Some(filters),
                Ownership::Offered,
            );
        }
        if !launched.is_empty() {
            self.allocator
                .transition_offered_to_allocated(agent_id, launched);
        }
        self.allocator.resume();
    }
}

/// The tasks of a launch, of either kind.
fn tasks_of(operation: &v1::offer::Operation) -> Vec<&v1::TaskInfo> {
    match operation.r#type() {
        Type::Launch => operation.launch().task_infos.iter().collect(),
        Type::LaunchGroup => operation.launch_group().task_group().tasks.iter().collect(),
        Type::Unknown
        | Type::Reserve
        | Type::Unreserve
        | Type::Create
        | Type::Destroy
        | Type::GrowVolume
        | Type::ShrinkVolume
        | Type::CreateDisk
        | Type::DestroyDisk => Vec::new(),
    }
}
