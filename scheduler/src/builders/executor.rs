//! Builds executors.

use std::time::Duration;

use mesos_proto::v1::command_info::Uri;
use mesos_proto::v1::{
    CommandInfo, ContainerInfo, DurationInfo, ExecutorId, ExecutorInfo, FrameworkId, Resource,
    executor_info,
};

/// Builds an executor step by step.
///
/// # Examples
/// ```
/// use mesos_scheduler::{ExecutorBuilder, resources};
///
/// let executor = ExecutorBuilder::command("mine", "./my-executor --verbose")
///     .uri("http://files.example/my-executor")
///     .resources(resources::cpus_mem(0.1, 32.0))
///     .build();
///
/// assert_eq!(executor.executor_id().value(), "mine");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorBuilder {
    executor: Box<ExecutorInfo>,
}

impl ExecutorBuilder {
    /// The default executor, which runs task groups.
    #[must_use]
    pub fn default_executor(id: impl Into<String>) -> Self {
        Self::of(id.into(), executor_info::Type::Default)
    }

    /// An executor of the framework's own, started by a shell command.
    #[must_use]
    pub fn command(id: impl Into<String>, command: impl Into<String>) -> Self {
        let command = CommandInfo {
            value: Some(command.into()),
            ..Default::default()
        };
        Self::of(id.into(), executor_info::Type::Custom)
            .with(|executor| executor.command = Some(command.into()))
    }

    fn of(id: String, kind: executor_info::Type) -> Self {
        let executor_id = ExecutorId {
            value: Some(id),
            ..Default::default()
        };
        Self {
            executor: Box::new(ExecutorInfo {
                r#type: Some(kind.into()),
                executor_id: Some(executor_id),
                ..Default::default()
            }),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut ExecutorInfo)) -> Self {
        change(&mut self.executor);
        self
    }

    /// Sets the name that people read.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(|executor| executor.name = Some(name.into()))
    }

    /// Sets the framework; the default executor needs it.
    #[must_use]
    pub fn framework(self, id: &FrameworkId) -> Self {
        self.with(|executor| executor.framework_id = Some(id.clone()))
    }

    /// Adds resources of the executor itself.
    #[must_use]
    pub fn resources(self, resources: impl IntoIterator<Item = Resource>) -> Self {
        self.with(|executor| executor.resources.extend(resources))
    }

    /// Adds a file to fetch into the sandbox before the executor starts.
    #[must_use]
    pub fn uri(self, uri: impl Into<String>) -> Self {
        let uri = Uri {
            value: Some(uri.into()),
            ..Default::default()
        };
        self.with(|executor| executor.command.get_or_insert_default().uris.push(uri))
    }

    /// Sets the container.
    #[must_use]
    pub fn container(self, container: ContainerInfo) -> Self {
        self.with(|executor| executor.container = Some(container.into()))
    }

    /// Sets how long the executor has to end its tasks when it is shut down.
    #[must_use]
    pub fn shutdown_grace_period(self, period: Duration) -> Self {
        let period = DurationInfo {
            nanoseconds: Some(i64::try_from(period.as_nanos()).unwrap_or(i64::MAX)),
            ..Default::default()
        };
        self.with(|executor| executor.shutdown_grace_period = Some(period))
    }

    /// The executor.
    #[must_use]
    pub fn build(self) -> ExecutorInfo {
        *self.executor
    }
}
