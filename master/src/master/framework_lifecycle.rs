//! Losing a framework's connection, and getting frameworks back from agents.
//!
//! Mirrors `Master::disconnect`, `deactivate`, `recoverFramework` of `src/master/master.cpp`.

use std::sync::Arc;
use std::time::Duration;

use libprocess::{Context, Time, Upid};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::v1;

use super::MasterProcess;
use crate::framework_message::FrameworkMessage;
use crate::state::framework::{Activity, Connection, roles_of};
use crate::state::task::Task;

/// What happens to the offers of a framework that gets none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutstandingOffers {
    /// It is told that they are void.
    Rescind,
    /// It is gone anyway.
    Discard,
}

/// What one agent runs for a framework that is not known yet.
#[derive(Debug)]
pub(super) struct Report {
    /// The agent.
    pub(super) agent_id: AgentId,
    /// The tasks.
    pub(super) tasks: Vec<Task>,
    /// The executors.
    pub(super) executors: Vec<Arc<v1::ExecutorInfo>>,
}

impl MasterProcess {
    /// The link to a driver broke.
    pub(super) fn on_driver_exited(
        &mut self,
        id: &FrameworkId,
        pid: &Upid,
        ctx: &mut Context<Self>,
    ) {
        tracing::info!(framework_id = %id, %pid, "driver disconnected");
        let error = FrameworkMessage::Error("Framework disconnected".to_owned());
        self.send_to_framework(id, error, ctx);
        self.disconnect_framework(id, ctx);
    }

    /// A subscriber closed its stream.
    pub(super) fn on_stream_closed(
        &mut self,
        id: &FrameworkId,
        stream_id: &str,
        ctx: &mut Context<Self>,
    ) {
        let stream = self.frameworks.get(id).and_then(|known| known.stream());
        if stream.is_none_or(|stream| stream.id() != stream_id) {
            return;
        }
        tracing::info!(framework_id = %id, "subscriber disconnected");
        self.disconnect_framework(id, ctx);
    }

    /// Waits for a framework to come back, for as long as it asked for.
    pub(super) fn disconnect_framework(&mut self, id: &FrameworkId, ctx: &mut Context<Self>) {
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        if framework.is_active() {
            self.deactivate_framework(id, OutstandingOffers::Rescind, ctx);
        }
        let last_pid = framework.pid().cloned();
        if let Some(stream) = framework.stream() {
            stream.close();
        }
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.set_connection(Connection::Disconnected { last_pid });
        }
        let timeout = failover_timeout(framework.info());
        tracing::info!(framework_id = %id, ?timeout, "waiting for the framework to come back");
        let (id, since) = (id.clone(), framework.reregistered_time());
        ctx.delay(timeout, move |master, ctx| {
            master.on_failover_timeout(&id, since, ctx);
        });
    }

    // Continues `disconnect_framework`: the framework had its time.
    fn on_failover_timeout(&mut self, id: &FrameworkId, since: Time, ctx: &mut Context<Self>) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        if framework.is_connected() || framework.reregistered_time() != since {
            return;
        }
        tracing::info!(framework_id = %id, "failover timeout, removing the framework");
        self.remove_framework(id, ctx);
    }

    /// Gives no offers to a framework any more.
    pub(super) fn deactivate_framework(
        &mut self,
        id: &FrameworkId,
        offers: OutstandingOffers,
        ctx: &mut Context<Self>,
    ) {
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.set_activity(Activity::Inactive);
        }
        self.allocator.deactivate_framework(id.clone());
        match offers {
            OutstandingOffers::Rescind => self.rescind_all_offers(id, ctx),
            OutstandingOffers::Discard => self.discard_all_offers(id),
        }
    }

    /// Adds a framework that an agent or the framework itself tells of, and that does not run
    /// here yet, with what the agent runs for it.
    pub(super) fn recover_framework(
        &mut self,
        info: &v1::FrameworkInfo,
        report: Option<Report>,
        ctx: &mut Context<Self>,
    ) {
        let id = FrameworkId::from(info.id());
        if self.frameworks.get(&id).is_some() || self.frameworks.is_completed(&id) {
            return;
        }
        let info = Arc::new(info.clone());
        let framework = self.new_framework(&id, &info, Connection::Recovered, ctx);
        self.frameworks.add(framework);
        for role in roles_of(&info) {
            self.roles.track(&role, &id);
        }
        self.announce_framework_added(&id);
        if let Some(report) = report {
            for executor in report.executors {
                self.attach_executor(&id, &report.agent_id, executor);
            }
            for task in report.tasks {
                self.attach_task(&id, Arc::new(task));
            }
        }
        self.adopt_orphans(&id);
        let used = self
            .frameworks
            .get(&id)
            .map(|known| known.used().clone())
            .unwrap_or_default();
        self.allocator.add_framework(
            id.clone(),
            info,
            used,
            mesos_allocator::Activity::Inactive,
            mesos_allocator::FrameworkOptions {
                suppressed_roles: std::collections::BTreeSet::new(),
                offer_constraints: mesos_allocator::OfferConstraintsFilter::default(),
            },
        );
        tracing::info!(framework_id = %id, "recovered a framework");
    }
}

/// How long a framework may be away.
#[must_use]
pub(crate) fn failover_timeout(info: &v1::FrameworkInfo) -> Duration {
    Duration::try_from_secs_f64(info.failover_timeout()).unwrap_or(Duration::ZERO)
}
