//! A framework's connection is replaced, refreshed, or comes back after a master died.
//!
//! Mirrors `Master::failoverFramework` and `activateRecoveredFramework`.

use libprocess::Context;
use mesos_common::ids::FrameworkId;

use super::{MasterProcess, Origin};
use crate::framework_message::FrameworkMessage;
use crate::state::framework::{Activity, Connection};

impl MasterProcess {
    /// Another scheduler takes over a framework.
    pub(super) fn fail_over(&mut self, id: &FrameworkId, origin: Origin, ctx: &mut Context<Self>) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        framework.set_reregistered_time(ctx.now());
        let was_active = framework.is_active();
        let old = framework.connection().clone();
        let same_pid = match (&old, &origin) {
            (Connection::Driver(old), Origin::Driver { pid, .. }) => old == pid,
            (
                Connection::Driver(_)
                | Connection::Http(_)
                | Connection::Disconnected { .. }
                | Connection::Recovered,
                Origin::Driver { .. } | Origin::Http(_),
            ) => false,
        };
        if matches!(old, Connection::Driver(_) | Connection::Http(_)) && !same_pid {
            let error = FrameworkMessage::Error("Framework failed over".to_owned());
            self.send_to_framework(id, error, ctx);
        }
        match &old {
            Connection::Http(stream) => stream.close(),
            Connection::Driver(pid)
            | Connection::Disconnected {
                last_pid: Some(pid),
            } if !same_pid => {
                self.frameworks.detach_pid(pid);
            }
            Connection::Driver(_) | Connection::Disconnected { .. } | Connection::Recovered => {}
        }
        self.attach(id, origin, ctx);
        self.discard_all_offers(id);
        if !was_active {
            self.activate_framework(id);
        }
        tracing::info!(framework_id = %id, "framework failed over");
        self.acknowledge_registration(id, ctx);
        self.start_heartbeats(id, ctx);
    }

    /// A driver detected this same master once more.
    pub(super) fn refresh(&mut self, id: &FrameworkId, ctx: &mut Context<Self>) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        framework.set_reregistered_time(ctx.now());
        let was_active = framework.is_active();
        let Some(pid) = framework.pid().cloned() else {
            return;
        };
        self.rescind_all_offers(id, ctx);
        self.frameworks.attach_pid(id, &pid);
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.set_connection(Connection::Driver(pid.clone()));
        }
        ctx.link(&pid);
        if !was_active {
            self.activate_framework(id);
        }
        self.acknowledge_reregistration(id, ctx);
    }

    /// A framework that only agents knew subscribes.
    pub(super) fn activate_recovered(
        &mut self,
        id: &FrameworkId,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.set_registered_time(ctx.now());
        }
        let on_http = matches!(origin, Origin::Http(_));
        self.attach(id, origin, ctx);
        self.activate_framework(id);
        tracing::info!(framework_id = %id, "framework is back after a master failover");
        if on_http {
            self.acknowledge_reregistration(id, ctx);
        } else {
            self.acknowledge_registration(id, ctx);
        }
        self.start_heartbeats(id, ctx);
    }

    /// Gives offers to a framework again.
    pub(super) fn activate_framework(&mut self, id: &FrameworkId) {
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.set_activity(Activity::Active);
        }
        self.allocator.activate_framework(id.clone());
    }
}
