//! Tasks, executors, frameworks and health checks in few words.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use mesos_scheduler::{TaskBuilder, resources};
//!
//! let task = TaskBuilder::command("web-1", "python3 -m http.server $PORT")
//!     .resources(resources::cpus_mem(0.5, 64.0))
//!     .variable("PORT", "31000")
//!     .kill_grace_period(Duration::from_secs(10))
//!     .build();
//!
//! assert_eq!(task.task_id().value(), "web-1");
//! assert_eq!(task.command().value(), "python3 -m http.server $PORT");
//! ```

use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::command_info::Uri;
use mesos_proto::v1::environment::Variable;
use mesos_proto::v1::{
    AgentId, CheckInfo, CommandInfo, ContainerInfo, DurationInfo, ExecutorInfo, HealthCheck, Label,
    Offer, Resource, TaskId, TaskInfo,
};

use crate::calls::kill_within;

mod executor;
mod framework;
mod health;

pub use executor::ExecutorBuilder;
pub use framework::FrameworkBuilder;
pub use health::HealthCheckBuilder;

/// Builds a task step by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskBuilder {
    task: Box<TaskInfo>,
}

impl TaskBuilder {
    /// A task that runs a shell command. Its name is its id, until it is given another one.
    pub fn command(id: impl Into<String>, command: impl Into<String>) -> Self {
        let command = CommandInfo {
            value: Some(command.into()),
            ..Default::default()
        };
        Self::bare(id.into()).with(|task| task.command = Some(command.into()))
    }

    /// A task that runs an executable. `arguments` begin with the program's own name.
    pub fn executable(
        id: impl Into<String>,
        path: impl Into<String>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let command = CommandInfo {
            shell: Some(false),
            value: Some(path.into()),
            arguments: arguments.into_iter().map(Into::into).collect(),
            ..Default::default()
        };
        Self::bare(id.into()).with(|task| task.command = Some(command.into()))
    }

    /// A task that an executor of the framework's own runs.
    pub fn executor(id: impl Into<String>, executor: ExecutorInfo) -> Self {
        Self::bare(id.into()).with(|task| task.executor = Some(executor.into()))
    }

    fn bare(id: String) -> Self {
        let name = Some(id.clone());
        let task_id = Some(TaskId {
            value: Some(id),
            ..Default::default()
        });
        Self {
            task: Box::new(TaskInfo {
                name,
                task_id,
                ..Default::default()
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut TaskInfo)) -> Self {
        change(&mut self.task);
        self
    }

    /// Sets the name that people read.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(|task| task.name = Some(name.into()))
    }

    /// Adds resources.
    #[must_use]
    pub fn resources(self, resources: impl IntoIterator<Item = Resource>) -> Self {
        self.with(|task| task.resources.extend(resources))
    }

    /// Adds an environment variable to the command.
    #[must_use]
    pub fn variable(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let variable = Variable {
            name: Some(name.into()),
            value: Some(value.into()),
            ..Default::default()
        };
        self.with(|task| {
            let command = task.command.get_or_insert_default();
            command
                .environment
                .get_or_insert_default()
                .variables
                .push(variable);
        })
    }

    /// Adds a file to fetch into the sandbox before the task starts.
    #[must_use]
    pub fn uri(self, uri: impl Into<String>) -> Self {
        let uri = Uri {
            value: Some(uri.into()),
            ..Default::default()
        };
        self.with(|task| task.command.get_or_insert_default().uris.push(uri))
    }

    /// Sets data that an executor of the framework's own understands.
    #[must_use]
    pub fn data(self, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        self.with(|task| task.data = Some(data))
    }

    /// Adds a label.
    #[must_use]
    pub fn label(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let label = Label {
            key: Some(key.into()),
            value: Some(value.into()),
            ..Default::default()
        };
        self.with(|task| task.labels.get_or_insert_default().labels.push(label))
    }

    /// Sets the container.
    #[must_use]
    pub fn container(self, container: ContainerInfo) -> Self {
        self.with(|task| task.container = Some(container.into()))
    }

    /// Sets the health check.
    #[must_use]
    pub fn health_check(self, check: impl Into<HealthCheck>) -> Self {
        let check: HealthCheck = check.into();
        self.with(|task| task.health_check = Some(check.into()))
    }

    /// Sets the check.
    #[must_use]
    pub fn check(self, check: CheckInfo) -> Self {
        self.with(|task| task.check = Some(check.into()))
    }

    /// Sets the time between the request to end and the forced end.
    #[must_use]
    pub fn kill_grace_period(self, period: Duration) -> Self {
        self.with(|task| task.kill_policy = Some(kill_within(period)))
    }

    /// Sets the time after which the task is ended as failed.
    #[must_use]
    pub fn max_completion_time(self, limit: Duration) -> Self {
        let nanoseconds = Some(i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX));
        let limit = DurationInfo {
            nanoseconds,
            ..Default::default()
        };
        self.with(|task| task.max_completion_time = Some(limit))
    }

    /// The task for this agent.
    #[must_use]
    pub fn on(self, agent_id: &AgentId) -> TaskInfo {
        *self
            .with(|task| task.agent_id = Some(agent_id.clone()))
            .task
    }

    /// The task with the agent, and with the allocation of its resources, that an offer gives.
    #[must_use]
    pub fn for_offer(self, offer: &Offer) -> TaskInfo {
        let allocation = offer.allocation_info.clone();
        self.with(|task| {
            for resource in &mut task.resources {
                resource.allocation_info.clone_from(&allocation);
            }
        })
        .on(offer.agent_id())
    }

    /// The task without an agent.
    #[must_use]
    pub fn build(self) -> TaskInfo {
        *self.task
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::resource::AllocationInfo;

    use super::*;
    use crate::resources;

    #[test]
    fn task_for_an_offer_has_its_agent_and_allocation() {
        let allocation = AllocationInfo {
            role: Some("eng".into()),
            ..Default::default()
        };
        let offer = Offer {
            agent_id: Some(AgentId {
                value: Some("S0".into()),
                ..Default::default()
            }),
            allocation_info: Some(allocation),
            ..Default::default()
        };

        let task = TaskBuilder::command("t", "true")
            .resources(resources::cpus_mem(1.0, 32.0))
            .for_offer(&offer);

        assert_eq!(task.agent_id().value(), "S0");
        assert!(
            task.resources
                .iter()
                .all(|one| one.allocation_info().role() == "eng")
        );
    }

    #[test]
    fn executable_is_no_shell_command() {
        let task = TaskBuilder::executable("t", "/bin/sleep", ["sleep", "1"]).build();

        assert!(!task.command().shell());
        assert_eq!(task.command().arguments, ["sleep", "1"]);
    }
}
