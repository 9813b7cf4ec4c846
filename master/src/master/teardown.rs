//! Removing a framework.
//!
//! Mirrors `Master::teardown` and `removeFramework` of `src/master/master.cpp`.

use std::sync::Arc;

use libprocess::Context;
use mesos_common::ids::FrameworkId;
use mesos_proto::internal::ShutdownFrameworkMessage as ShutdownFramework;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::master::{Event, event};
use mesos_proto::v1::task_status::Reason;

use super::MasterProcess;
use super::framework_lifecycle::OutstandingOffers;
use super::status_update::MasterUpdate;
use super::task::Destination;
use crate::state::framework::Connection;
use crate::state::subscribers::Shown;

impl MasterProcess {
    /// Removes a framework with everything it runs.
    pub(crate) fn remove_framework(&mut self, id: &FrameworkId, ctx: &mut Context<Self>) {
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        tracing::info!(framework_id = %id, name = framework.info().name(), "removing a framework");
        if framework.is_active() {
            self.deactivate_framework(id, OutstandingOffers::Discard, ctx);
        }
        let shutdown = ShutdownFramework {
            framework_id: Some(id.to_proto()),
            ..Default::default()
        };
        self.broadcast_to_agents(&shutdown, ctx);
        self.end_tasks_of(id, ctx);
        for (agent_id, executors) in framework.executors() {
            for executor_id in executors.keys() {
                self.remove_executor(agent_id, id, executor_id);
            }
        }
        let orphaned_on = self.orphan_operations(id);
        if let Some(stream) = framework.stream() {
            stream.close();
        }
        let last_pid = framework.pid().cloned();
        if let Some(pid) = &last_pid {
            self.frameworks.detach_pid(pid);
        }
        if let Some(principal) = &framework.info().principal {
            self.remove_principal_metrics(principal, id);
        }
        for role in framework.roles() {
            self.roles.untrack(role, id);
        }
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.set_connection(Connection::Disconnected { last_pid });
            framework.set_unregistered_time(ctx.now());
        }
        self.allocator.pause();
        self.allocator.remove_framework(id.clone());
        for agent_id in orphaned_on {
            self.update_allocator_total(&agent_id);
        }
        self.allocator.resume();
        self.frameworks.complete(id);
        self.announce_framework_removed(framework.info());
    }

    /// Ends all tasks of a framework that is being removed.
    fn end_tasks_of(&mut self, id: &FrameworkId, ctx: &Context<Self>) {
        let Some(framework) = self.frameworks.get(id).map(Arc::clone) else {
            return;
        };
        let text = format!("Framework {id} removed");
        let ended = |task: &crate::state::task::Task| MasterUpdate {
            framework_id: id.clone(),
            agent_id: Some(task.agent_id().clone()),
            task_id: task.id().clone(),
            executor_id: task.executor_id().cloned(),
            state: TaskState::TaskKilled,
            reason: Some(Reason::ReasonFrameworkRemoved),
            message: text.clone(),
            ..MasterUpdate::new(ctx.now())
        };
        for task in framework.tasks().values() {
            let update = ended(task).to_update();
            self.update_task(id, task.id(), update.status(), None);
            self.remove_task(id, task.id(), Destination::Completed);
        }
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.complete_unreachable_tasks(|task| {
                let update = ended(task).to_update();
                task.update(update.status(), None);
            });
        }
    }

    fn announce_framework_removed(&mut self, info: &v1::FrameworkInfo) {
        let event = Event {
            r#type: Some(event::Type::FrameworkRemoved.into()),
            framework_removed: Some(event::FrameworkRemoved {
                framework_info: Some(info.clone().into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        self.subscribers
            .send(&event, Shown::Framework(info), &self.metrics);
    }
}
