//! Handlers, routes, gauges, and the first steps.
//!
//! Mirrors `Master::initialize` of `src/master/master.cpp`.

use std::sync::Arc;

use libprocess::http::Principal;
use libprocess::{Context, Future, Pid, Upid};
use mesos_allocator::{AllocatorObserver, FrameworkFilter, InverseOffer, Offer};
use mesos_common::authorization::{Action, Approvers, Object};
use mesos_common::ids::FrameworkId;
use mesos_proto::{internal, v0};

use super::MasterProcess;
use crate::authentication::READONLY_REALM;
use crate::metrics::install_gauges;
use crate::whitelist_watcher::WhitelistWatcherProcess;

/// Brings the allocator's decisions into the master's mailbox.
struct Observer {
    master: Pid<MasterProcess>,
}

impl AllocatorObserver for Observer {
    fn offers(&self, framework_id: FrameworkId, offers: Vec<Offer>) {
        self.master
            .dispatch(move |master, ctx| master.on_offers(&framework_id, offers, ctx));
    }

    fn inverse_offers(&self, framework_id: FrameworkId, offers: Vec<InverseOffer>) {
        self.master
            .dispatch(move |master, ctx| master.on_inverse_offers(&framework_id, offers, ctx));
    }
}

impl MasterProcess {
    /// Installs everything and takes part in the election.
    pub(super) fn install(&mut self, ctx: &mut Context<Self>) {
        Self::install_framework_messages(ctx);
        Self::install_agent_messages(ctx);
        self.install_routes(ctx);
        install_gauges(&self.metrics, &ctx.pid());
        let observer = Observer { master: ctx.pid() };
        self.allocator.initialize(
            crate::start::allocator_options(&self.flags, &self.info),
            observer,
        );
        self.serve_offer_constraints();
        self.watch_whitelist(ctx);
        self.take_part(ctx);
    }

    /// Has the allocator show which agents offer constraints exclude, each framework to who may see it.
    fn serve_offer_constraints(&self) {
        let authorizer = self.authorizer.clone();
        let viewer = move |principal: Option<Principal>| {
            let approvers = match &authorizer {
                Some(authorizer) => authorizer.approvers(principal.as_ref()),
                None => Approvers::new(None, principal),
            };
            let filter: FrameworkFilter = Box::new(move |info| {
                approvers.approve(Action::ViewFramework, &Object::framework(info))
            });
            Future::ready(Ok(filter))
        };
        let realm = Some(READONLY_REALM.to_owned());
        self.allocator.serve_debug(realm, Box::new(viewer));
    }

    /// Follows the file of `--whitelist`; `*` stands for all agents, as no file does.
    fn watch_whitelist(&mut self, ctx: &Context<Self>) {
        let Some(path) = &self.flags.whitelist else {
            return;
        };
        if path.as_os_str() == "*" {
            tracing::warn!("--whitelist=* is deprecated: leave the flag out to use all agents");
            return;
        }
        let allocator = self.allocator.clone();
        let watcher = WhitelistWatcherProcess::new(path.clone(), move |whitelist| {
            allocator.update_whitelist(whitelist);
        });
        self.whitelist_watcher = Some(ctx.spawn(watcher));
    }

    fn install_framework_messages(ctx: &mut Context<Self>) {
        Self::install_message::<v0::scheduler::Call>(ctx, Self::receive_legacy_call);
        Self::install_message::<internal::SubmitSchedulerRequest>(ctx, Self::submit_scheduler);
        Self::install_message::<internal::RegisterFrameworkMessage>(ctx, Self::register_framework);
        Self::install_message::<internal::ReregisterFrameworkMessage>(
            ctx,
            Self::reregister_framework,
        );
        Self::install_message::<internal::UnregisterFrameworkMessage>(
            ctx,
            Self::unregister_framework,
        );
        Self::install_message::<internal::DeactivateFrameworkMessage>(
            ctx,
            Self::deactivate_framework_message,
        );
        Self::install_message::<internal::ResourceRequestMessage>(ctx, Self::resource_request);
        Self::install_message::<internal::LaunchTasksMessage>(ctx, Self::launch_tasks);
        Self::install_message::<internal::ReviveOffersMessage>(ctx, Self::revive_offers);
        Self::install_message::<internal::KillTaskMessage>(ctx, Self::kill_task);
        Self::install_message::<internal::StatusUpdateAcknowledgementMessage>(
            ctx,
            Self::status_update_acknowledgement,
        );
        Self::install_message::<internal::FrameworkToExecutorMessage>(
            ctx,
            Self::framework_to_executor,
        );
        Self::install_message::<internal::ReconcileTasksMessage>(
            ctx,
            Self::reconcile_tasks_message,
        );
        Self::install_message::<internal::AuthenticateMessage>(ctx, Self::authenticate);
    }

    fn install_agent_messages(ctx: &mut Context<Self>) {
        Self::install_message::<internal::RegisterAgentMessage>(ctx, Self::register_agent);
        Self::install_message::<internal::ReregisterAgentMessage>(ctx, Self::reregister_agent);
        Self::install_message::<internal::UnregisterAgentMessage>(ctx, Self::unregister_agent);
        Self::install_message::<internal::StatusUpdateMessage>(ctx, Self::status_update);
        Self::install_message::<internal::ExecutorToFrameworkMessage>(
            ctx,
            Self::executor_to_framework,
        );
        Self::install_message::<internal::UpdateOperationStatusMessage>(
            ctx,
            Self::update_operation_status,
        );
        Self::install_message::<internal::ExitedExecutorMessage>(ctx, Self::exited_executor);
        Self::install_message::<internal::UpdateAgentMessage>(ctx, Self::update_agent);
    }

    /// A link broke: a driver or an agent is gone.
    pub(super) fn on_exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        if let Some(framework) = self.frameworks.by_pid(pid).map(Arc::clone)
            && framework.pid() == Some(pid)
            && framework.is_connected()
        {
            self.authentications.forget(pid);
            self.on_driver_exited(framework.id(), pid, ctx);
            return;
        }
        if let Some(agent) = self.agents.by_pid(pid).map(Arc::clone) {
            self.authentications.forget(pid);
            self.on_agent_exited(agent.id(), ctx);
        }
    }

    /// Ends every stream, so that clients see that this master is gone.
    pub(super) fn close_streams(&mut self, _ctx: &mut Context<Self>) {
        for framework in self.frameworks.iter() {
            if let Some(stream) = framework.stream() {
                stream.close();
            }
        }
        if let Some(observer) = &self.observer {
            observer.terminate();
        }
        if let Some(watcher) = &self.whitelist_watcher {
            watcher.terminate();
        }
    }
}
