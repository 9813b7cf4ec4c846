//! What the agent listens to.

use libprocess::Context;

use super::AgentProcess;
use crate::http;

impl AgentProcess {
    /// Installs messages, routes and timers.
    pub(super) fn install(&mut self, ctx: &mut Context<Self>) {
        self.install_master_messages(ctx);
        Self::install_executor_messages(ctx);
        http::install(ctx);
        self.attach_log();
        self.watch_disk(ctx);
    }

    fn install_master_messages(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(Self::registered);
        ctx.install_protobuf(Self::reregistered);
        ctx.install_protobuf(Self::run_task);
        ctx.install_protobuf(Self::run_task_group);
        ctx.install_protobuf(Self::kill_task);
        ctx.install_protobuf(Self::shutdown_executor_message);
        ctx.install_protobuf(Self::shutdown_framework_message);
        ctx.install_protobuf(Self::scheduler_message);
        ctx.install_protobuf(Self::update_framework);
        ctx.install_protobuf(Self::checkpoint_resources_message);
        ctx.install_protobuf(Self::apply_operation);
        ctx.install_protobuf(Self::reconcile_operations);
        ctx.install_protobuf(Self::acknowledge_update);
        ctx.install_protobuf(Self::acknowledge_operation);
        ctx.install_protobuf(Self::shutdown_message);
        ctx.install_protobuf(Self::drain_message);
        ctx.install_protobuf(Self::ping);
    }

    fn install_executor_messages(ctx: &mut Context<Self>) {
        ctx.install_protobuf(Self::register_executor);
        ctx.install_protobuf(Self::reregister_executor);
        ctx.install_protobuf(Self::status_update_message);
        ctx.install_protobuf(Self::executor_message);
    }
}
