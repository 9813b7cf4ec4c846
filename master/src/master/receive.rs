//! Calls of frameworks: from drivers as messages, and what both protocols share.
//!
//! Mirrors `Master::receive` of `src/master/master.cpp`.

use libprocess::{Context, Upid};
use mesos_allocator::RegexLimits;
use mesos_common::ids::FrameworkId;
use mesos_proto::internal::{
    DeactivateFrameworkMessage, RegisterFrameworkMessage, ReregisterFrameworkMessage,
    SubmitSchedulerRequest, SubmitSchedulerResponse, UnregisterFrameworkMessage,
};
use mesos_proto::v0;
use mesos_proto::v1;
use mesos_proto::v1::allocator::inverse_offer_status::Status;
use mesos_proto::v1::scheduler::call;

use super::framework_lifecycle::OutstandingOffers;
use super::subscribe::Takeover;
use super::{MasterProcess, Origin, Subscription};
use crate::framework_message::FrameworkMessage;
use crate::validation;
use crate::validation::framework::FrameworkRules;

impl FrameworkRules for MasterProcess {
    fn is_whitelisted(&self, role: &str) -> bool {
        self.roles.is_whitelisted(role)
    }

    fn allows_root(&self) -> bool {
        self.flags.root_submissions
    }

    fn is_completed(&self, id: &FrameworkId) -> bool {
        self.frameworks.is_completed(id)
    }
}

/// Why an `UPDATE_FRAMEWORK` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpdateFrameworkError {
    /// The new description is not valid.
    #[error("Supplied FrameworkInfo is not valid: {0}")]
    Info(String),
    /// The new description changes what may not change.
    #[error("FrameworkInfo update is not valid: {0}")]
    Change(String),
    /// The offer constraints are not valid.
    #[error("'UpdateFramework.offer_constraints' are not valid: {0}")]
    Constraints(String),
    /// The framework may not have these roles.
    #[error("{0}")]
    Forbidden(String),
}

impl MasterProcess {
    /// Limits on regular expressions in offer constraints.
    pub(super) fn regex_limits(&self) -> RegexLimits {
        RegexLimits {
            max_memory_bytes: usize::try_from(self.flags.offer_constraints_re2_max_mem.bytes())
                .unwrap_or(usize::MAX),
            max_program_size: usize::try_from(self.flags.offer_constraints_re2_max_program_size)
                .unwrap_or(0),
        }
    }

    /// Handles `mesos.scheduler.Call`.
    pub(super) fn receive_legacy_call(
        &mut self,
        from: &Upid,
        message: v0::scheduler::Call,
        ctx: &mut Context<Self>,
    ) {
        let takeover = if message.subscribe().force() {
            Takeover::Force
        } else {
            Takeover::Yield
        };
        let call = to_v1(message);
        if let Err(error) = validation::call::validate_scheduler(&call, None) {
            tracing::warn!(%from, %error, "dropping an invalid call");
            self.count_invalid(call.r#type());
            return;
        }
        if call.r#type() == call::Type::Subscribe {
            let subscription = subscription_of(call.subscribe());
            let origin = Origin::Driver {
                pid: from.clone(),
                takeover,
            };
            self.subscribe(subscription, origin, ctx);
            return;
        }
        let framework_id = FrameworkId::from(call.framework_id());
        if !self.is_driver_of(from, &framework_id) {
            return;
        }
        if let Some(framework) = self.frameworks.get(&framework_id) {
            framework.metrics().call(call.r#type());
            if !framework.is_connected() {
                let error = FrameworkMessage::Error("Framework disconnected".to_owned());
                self.send_to_framework(&framework_id, error, ctx);
                return;
            }
        }
        match call.r#type() {
            call::Type::AcknowledgeOperationStatus | call::Type::ReconcileOperations => {
                tracing::warn!(%framework_id, "drivers cannot follow operations");
            }
            call::Type::UpdateFramework => {
                if let Err(error) = self.update_framework_call(&framework_id, &call, ctx) {
                    let error = FrameworkMessage::Error(error.to_string());
                    self.send_to_framework(&framework_id, error, ctx);
                }
            }
            call::Type::Unknown
            | call::Type::Subscribe
            | call::Type::Teardown
            | call::Type::Accept
            | call::Type::Decline
            | call::Type::AcceptInverseOffers
            | call::Type::DeclineInverseOffers
            | call::Type::Revive
            | call::Type::Kill
            | call::Type::Shutdown
            | call::Type::Acknowledge
            | call::Type::Reconcile
            | call::Type::Message
            | call::Type::Request
            | call::Type::Suppress => self.handle_call(&framework_id, call, ctx),
        }
    }

    pub(crate) fn count_invalid(&self, kind: call::Type) {
        let counters = self.metrics.counters();
        if kind == call::Type::Acknowledge {
            counters.invalid_status_update_acknowledgements.increment();
        } else if kind == call::Type::AcknowledgeOperationStatus {
            counters
                .invalid_operation_status_update_acknowledgements
                .increment();
        } else if kind == call::Type::Message {
            counters.invalid_framework_to_executor_messages.increment();
        }
    }

    /// Performs a valid call of a connected framework, other than the two that answer themselves.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(crate) fn handle_call(
        &mut self,
        framework_id: &FrameworkId,
        call: v1::scheduler::Call,
        ctx: &mut Context<Self>,
    ) {
        match call.r#type() {
            call::Type::Teardown => {
                self.metrics
                    .counters()
                    .messages_unregister_framework
                    .increment();
                self.remove_framework(framework_id, ctx);
            }
            call::Type::Accept => self.accept(framework_id, call.accept().clone(), ctx),
            call::Type::Decline => self.decline(framework_id, call.decline(), ctx),
            call::Type::AcceptInverseOffers => {
                let answer = call.accept_inverse_offers();
                let filters = answer.filters.as_ref().map(|_| answer.filters());
                let ids = &answer.inverse_offer_ids;
                self.answer_inverse_offers(framework_id, ids, filters, Status::Accept, ctx);
            }
            call::Type::DeclineInverseOffers => {
                let answer = call.decline_inverse_offers();
                let filters = answer.filters.as_ref().map(|_| answer.filters());
                let ids = &answer.inverse_offer_ids;
                self.answer_inverse_offers(framework_id, ids, filters, Status::Decline, ctx);
            }
            call::Type::Revive => self.revive(framework_id, &call.revive().roles),
            call::Type::Suppress => self.suppress(framework_id, &call.suppress().roles),
            call::Type::Kill => self.kill(framework_id, call.kill(), ctx),
            call::Type::Shutdown => self.shutdown_executor(framework_id, call.shutdown(), ctx),
            call::Type::Acknowledge => self.acknowledge(framework_id, call.acknowledge(), ctx),
            call::Type::AcknowledgeOperationStatus => {
                let acknowledgement = call.acknowledge_operation_status();
                self.acknowledge_operation_status(framework_id, acknowledgement, ctx);
            }
            call::Type::Reconcile => self.reconcile(framework_id, call.reconcile(), ctx),
            call::Type::ReconcileOperations => {
                self.reconcile_operations(framework_id, call.reconcile_operations(), ctx);
            }
            call::Type::Message => self.message(framework_id, call.message(), ctx),
            call::Type::Request => self.request_resources(framework_id),
            call::Type::Unknown | call::Type::Subscribe | call::Type::UpdateFramework => {
                tracing::warn!(%framework_id, "ignoring a call that is not one");
            }
        }
    }

    /// Performs an `UPDATE_FRAMEWORK`.
    pub(crate) fn update_framework_call(
        &mut self,
        framework_id: &FrameworkId,
        call: &v1::scheduler::Call,
        ctx: &mut Context<Self>,
    ) -> Result<(), UpdateFrameworkError> {
        let update = call.update_framework();
        let subscription = Subscription {
            info: update.framework_info().clone(),
            suppressed_roles: update.suppressed_roles.iter().cloned().collect(),
            constraints: update.offer_constraints().clone(),
        };
        let Some(framework) = self.frameworks.get(framework_id).cloned() else {
            return Ok(());
        };
        validation::framework::validate(&subscription.info, &subscription.suppressed_roles, self)
            .map_err(|error| UpdateFrameworkError::Info(error.to_string()))?;
        validation::framework::validate_update(framework.info(), &subscription.info)
            .map_err(|error| UpdateFrameworkError::Change(error.to_string()))?;
        let filter = mesos_allocator::OfferConstraintsFilter::create(
            self.regex_limits(),
            &subscription.constraints,
        )
        .map_err(|error| UpdateFrameworkError::Constraints(error.to_string()))?;
        self.authorize_registration(&subscription.info)
            .map_err(UpdateFrameworkError::Forbidden)?;
        let options = subscription.options(filter);
        let changed = framework.info().as_ref() != &subscription.info;
        self.update_framework(framework_id, &subscription, options, ctx);
        if changed {
            self.announce_framework_updated(framework_id);
            self.broadcast_framework_update(framework_id, ctx);
        }
        Ok(())
    }
}

/// Older messages of drivers.
impl MasterProcess {
    /// Handles `SubmitSchedulerRequest`, which nobody supports.
    pub(super) fn submit_scheduler(
        &mut self,
        from: &Upid,
        _message: SubmitSchedulerRequest,
        ctx: &mut Context<Self>,
    ) {
        let answer = SubmitSchedulerResponse {
            okay: Some(false),
            ..Default::default()
        };
        ctx.send_protobuf(from, &answer);
    }

    /// Handles `RegisterFrameworkMessage`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn register_framework(
        &mut self,
        from: &Upid,
        message: RegisterFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        if !message.framework().id().value().is_empty() {
            Self::refuse_driver(from, "Registering with 'id' already set", ctx);
            return;
        }
        let origin = Origin::Driver {
            pid: from.clone(),
            takeover: Takeover::Yield,
        };
        self.subscribe(plain(message.framework().clone()), origin, ctx);
    }

    /// Handles `ReregisterFrameworkMessage`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn reregister_framework(
        &mut self,
        from: &Upid,
        message: ReregisterFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        if message.framework().id().value().is_empty() {
            Self::refuse_driver(from, "Re-registering without an 'id'", ctx);
            return;
        }
        let takeover = if message.failover() {
            Takeover::Force
        } else {
            Takeover::Yield
        };
        let origin = Origin::Driver {
            pid: from.clone(),
            takeover,
        };
        self.subscribe(plain(message.framework().clone()), origin, ctx);
    }

    /// Handles `UnregisterFrameworkMessage`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn unregister_framework(
        &mut self,
        from: &Upid,
        message: UnregisterFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_unregister_framework
            .increment();
        let framework_id = FrameworkId::from(message.framework_id());
        if self.is_driver_of(from, &framework_id) {
            self.remove_framework(&framework_id, ctx);
        }
    }

    /// Handles `DeactivateFrameworkMessage`: no offers, but the connection stays.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn deactivate_framework_message(
        &mut self,
        from: &Upid,
        message: DeactivateFrameworkMessage,
        ctx: &mut Context<Self>,
    ) {
        self.metrics
            .counters()
            .messages_deactivate_framework
            .increment();
        let framework_id = FrameworkId::from(message.framework_id());
        let active = self
            .frameworks
            .get(&framework_id)
            .is_some_and(|known| known.is_active());
        if self.is_driver_of(from, &framework_id) && active {
            self.deactivate_framework(&framework_id, OutstandingOffers::Rescind, ctx);
        }
    }
}

/// A subscription without options.
fn plain(info: v1::FrameworkInfo) -> Subscription {
    Subscription {
        info,
        suppressed_roles: std::collections::BTreeSet::new(),
        constraints: v1::scheduler::OfferConstraints::default(),
    }
}

/// What a `SUBSCRIBE` asks for.
#[must_use]
pub(crate) fn subscription_of(subscribe: &call::Subscribe) -> Subscription {
    Subscription {
        info: subscribe.framework_info().clone(),
        suppressed_roles: subscribe.suppressed_roles.iter().cloned().collect(),
        constraints: subscribe.offer_constraints().clone(),
    }
}

/// The call as the v1 API has it.
fn to_v1(call: v0::scheduler::Call) -> v1::scheduler::Call {
    let subscribe = call.subscribe.as_ref().map(|_| {
        let subscribe = call.subscribe();
        call::Subscribe {
            framework_info: subscribe.framework_info.clone(),
            suppressed_roles: subscribe.suppressed_roles.clone(),
            offer_constraints: subscribe.offer_constraints.clone(),
            ..Default::default()
        }
        .into()
    });
    v1::scheduler::Call {
        framework_id: call.framework_id,
        r#type: call.r#type,
        subscribe,
        accept: call.accept,
        decline: call.decline,
        accept_inverse_offers: call.accept_inverse_offers,
        decline_inverse_offers: call.decline_inverse_offers,
        revive: call.revive,
        kill: call.kill,
        shutdown: call.shutdown,
        acknowledge: call.acknowledge,
        acknowledge_operation_status: call.acknowledge_operation_status,
        reconcile: call.reconcile,
        reconcile_operations: call.reconcile_operations,
        message: call.message,
        request: call.request,
        suppress: call.suppress,
        update_framework: call.update_framework,
        ..Default::default()
    }
}
