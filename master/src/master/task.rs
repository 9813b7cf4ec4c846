//! The life of a task in the master's books.
//!
//! Mirrors `Master::updateTask`, `removeTask` and `addTask`.

use std::sync::Arc;

use mesos_allocator::Ownership;
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_common::resources::Resources;
use mesos_common::task_state::uses_resources;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::master::{Event, event};

use super::MasterProcess;
use crate::state::subscribers::Shown;
use crate::state::task::{Task, Visibility};

/// Where a task goes that is no longer among the running ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// To the completed tasks.
    Completed,
    /// To the tasks whose agent is unreachable.
    Unreachable,
}

impl MasterProcess {
    /// Adds a task to its framework, and tells subscribed operators.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn attach_task(&mut self, framework_id: &FrameworkId, task: Arc<Task>) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        framework.add_task(Arc::clone(&task));
        if uses_resources(task.state()) {
            self.track_used_roles(framework_id, task.resources());
        }
        if self.subscribers.is_empty() {
            return;
        }
        let event = Event {
            r#type: Some(event::Type::TaskAdded.into()),
            task_added: Some(event::TaskAdded {
                task: Some(task.info().clone().into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let shown = Shown::Task(task.info(), framework.info());
        self.subscribers.send(&event, shown, &self.metrics);
    }

    /// Takes a status into a task's history, frees resources, counts, and tells operators.
    pub(super) fn update_task(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        status: &v1::TaskStatus,
        latest: Option<TaskState>,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        let Some(task) = framework.task_mut(task_id) else {
            return;
        };
        let change = task.update(status, latest);
        let (agent_id, resources) = (task.agent_id().clone(), task.resources().clone());
        if change.before != change.after {
            framework.metrics().leave_task_state(change.before);
            framework.metrics().enter_task_state(change.after);
        }
        if change.released_resources() {
            framework.release_resources(&agent_id, &resources);
            if let Some(agent) = self.agents.get_mut(&agent_id) {
                agent.release_resources(framework_id, &resources);
            }
            self.allocator.recover_resources(
                framework_id.clone(),
                agent_id,
                resources,
                None,
                Ownership::Allocated,
            );
            let reason = status.reason.map(|_| status.reason());
            self.metrics
                .task_ended(status.state(), status.source(), reason);
        }
        if change.visible == Visibility::Announced {
            self.announce_task_updated(framework_id, change.after, status);
        }
    }

    pub(super) fn announce_task_updated(
        &mut self,
        framework_id: &FrameworkId,
        state: TaskState,
        status: &v1::TaskStatus,
    ) {
        if self.subscribers.is_empty() {
            return;
        }
        let updated = event::TaskUpdated {
            framework_id: Some(framework_id.to_proto()),
            status: Some(status.clone().into()),
            state: Some(state.into()),
            ..Default::default()
        };
        let event = Event {
            r#type: Some(event::Type::TaskUpdated.into()),
            task_updated: Some(updated),
            ..Default::default()
        };
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        let id = TaskId::from(status.task_id());
        let ended = || {
            framework
                .completed_tasks()
                .iter()
                .find(|task| task.id() == &id)
        };
        let task = framework.tasks().get(&id).or_else(ended);
        let shown = match task {
            Some(task) => Shown::Task(task.info(), framework.info()),
            None => Shown::Framework(framework.info()),
        };
        self.subscribers.send(&event, shown, &self.metrics);
    }

    /// Moves a task from the running ones to where ended tasks go.
    pub(super) fn remove_task(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        destination: Destination,
    ) {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        let Some(task) = framework.take_task(task_id) else {
            return;
        };
        match destination {
            Destination::Completed => framework.add_completed_task(Arc::clone(&task)),
            Destination::Unreachable => framework.add_unreachable_task(Arc::clone(&task)),
        }
        let holds_resources = uses_resources(task.state());
        if let Some(agent) = self.agents.get_mut(task.agent_id()) {
            agent.remove_task(framework_id, task_id);
            if holds_resources {
                agent.release_resources(framework_id, task.resources());
            }
        }
        if holds_resources {
            self.allocator.recover_resources(
                framework_id.clone(),
                task.agent_id().clone(),
                task.resources().clone(),
                None,
                Ownership::Allocated,
            );
        }
        self.untrack_left_roles(framework_id, task.resources());
    }

    /// Tracks a framework under the roles of what it uses: it may have left them.
    pub(super) fn track_used_roles(&mut self, framework_id: &FrameworkId, resources: &Resources) {
        for role in resources.allocations().keys() {
            self.roles.track(role, framework_id);
        }
    }

    /// Ends tracking under roles that the framework left, once it uses nothing there.
    pub(super) fn untrack_left_roles(&mut self, framework_id: &FrameworkId, resources: &Resources) {
        let roles: std::collections::BTreeSet<String> = resources
            .iter()
            .filter_map(|resource| resource.allocation_role())
            .map(ToString::to_string)
            .collect();
        for role in roles {
            self.untrack_role_unless_used(&role, framework_id);
        }
    }

    /// Forgets an executor and frees its resources.
    pub(super) fn remove_executor(
        &mut self,
        agent_id: &AgentId,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) {
        let Some(agent) = self.agents.get_mut(agent_id) else {
            return;
        };
        let Some(executor) = agent.remove_executor(framework_id, executor_id) else {
            return;
        };
        let resources = Resources::from_proto(&executor.resources);
        if let Some(framework) = self.frameworks.get_mut(framework_id) {
            framework.remove_executor(agent_id, executor_id);
        }
        self.allocator.recover_resources(
            framework_id.clone(),
            agent_id.clone(),
            resources.clone(),
            None,
            Ownership::Allocated,
        );
        self.untrack_left_roles(framework_id, &resources);
    }
}
