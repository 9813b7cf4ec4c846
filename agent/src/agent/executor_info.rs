//! Makes up the executor of a task that is only a command.
//!
//! Mirrors `Slave::getExecutorInfo`.
//!
//! # Wire
//! Id, name and command are seen by operators and by the executor program.

use std::path::{Path, PathBuf};

use mesos_common::resources::Resources;
use mesos_containerizer::programs;
use mesos_proto::v1;

use super::AgentProcess;
use crate::constants::{DEFAULT_EXECUTOR_CPUS, DEFAULT_EXECUTOR_MEM_MB, MAX_REAP_INTERVAL};

const COMMAND_EXECUTOR: &str = "mesos-executor";

impl AgentProcess {
    /// Returns the task's own executor, or the one that runs its command.
    pub(super) fn executor_info(
        &self,
        framework: &v1::FrameworkInfo,
        task: &v1::TaskInfo,
    ) -> v1::ExecutorInfo {
        if let Some(executor) = &task.executor {
            return (**executor).clone();
        }
        let command = task.command();
        let id = task.task_id().value();
        v1::ExecutorInfo {
            executor_id: Some(v1::ExecutorId {
                value: Some(id.to_owned()),
                ..Default::default()
            }),
            framework_id: framework.id.clone(),
            container: task.container.clone(),
            name: Some(format!(
                "Command Executor (Task: {id}) {}",
                summary(command)
            )),
            source: Some(id.to_owned()),
            command: Some(self.executor_command(framework, task).into()),
            labels: task.labels.clone(),
            discovery: task.discovery.clone(),
            shutdown_grace_period: shutdown_grace(task),
            resources: overhead(task),
            ..Default::default()
        }
    }

    fn executor_command(
        &self,
        framework: &v1::FrameworkInfo,
        task: &v1::TaskInfo,
    ) -> v1::CommandInfo {
        let command = task.command();
        let mut executor = v1::CommandInfo {
            uris: command.uris.clone(),
            environment: command.environment.clone(),
            user: command.user.clone(),
            ..Default::default()
        };
        let launcher_dir = &self.flags.launcher_dir;
        match program(Path::new(launcher_dir)) {
            Ok(path) => {
                executor.shell = Some(false);
                executor.value = Some(path.display().to_string());
                executor.arguments = vec![
                    COMMAND_EXECUTOR.to_owned(),
                    format!("--launcher_dir={launcher_dir}"),
                ];
                let has_rootfs = task.container().r#type() == v1::container_info::Type::Mesos
                    && task.container().mesos().image.is_some();
                if has_rootfs {
                    let directory = &self.flags.sandbox_directory;
                    executor
                        .arguments
                        .push(format!("--sandbox_directory={directory}"));
                    if self.flags.switch_user {
                        let user = command.user.as_deref().unwrap_or_else(|| framework.user());
                        executor.arguments.push(format!("--user={user}"));
                    }
                }
            }
            Err(error) => {
                executor.shell = Some(true);
                executor.value = Some(format!("echo '{error}'; exit 1"));
            }
        }
        executor
    }
}

fn program(launcher_dir: &Path) -> Result<PathBuf, String> {
    let found =
        programs::resolve(launcher_dir, COMMAND_EXECUTOR).map_err(|error| error.to_string())?;
    found.path.canonicalize().map_err(|error| error.to_string())
}

/// Names the command in at most fifteen characters.
fn summary(command: &v1::CommandInfo) -> String {
    let shorten = |text: String| {
        if text.len() > 15 {
            let cut = text
                .char_indices()
                .map(|(at, _)| at)
                .take_while(|at| *at <= 12)
                .last();
            format!(
                "{}...",
                text.get(..cut.unwrap_or_default()).unwrap_or_default()
            )
        } else {
            text
        }
    };
    match (&command.value, command.shell()) {
        (None, true) => "(Command: NO COMMAND)".to_owned(),
        (None, false) => "(Command: NO EXECUTABLE)".to_owned(),
        (Some(value), true) => {
            let text = shorten(value.clone());
            format!("(Command: sh -c '{text}')")
        }
        (Some(value), false) => {
            let text = shorten(format!("{value}, {}", command.arguments.join(", ")));
            format!("(Command: [{text}])")
        }
    }
}

/// The executor may need longer than the task, so that it can still report the end of the task.
fn shutdown_grace(task: &v1::TaskInfo) -> Option<v1::DurationInfo> {
    let grace = task
        .kill_policy
        .as_ref()?
        .grace_period
        .as_ref()?
        .nanoseconds();
    let buffer = MAX_REAP_INTERVAL + std::time::Duration::from_secs(1);
    let buffer = i64::try_from(buffer.as_nanos()).unwrap_or_default();
    Some(v1::DurationInfo {
        nanoseconds: Some(grace.saturating_add(buffer)),
        ..Default::default()
    })
}

/// What the executor needs beside its task, allocated to the role of the task.
fn overhead(task: &v1::TaskInfo) -> Vec<v1::Resource> {
    let text = format!("cpus:{DEFAULT_EXECUTOR_CPUS};mem:{DEFAULT_EXECUTOR_MEM_MB}");
    let mut resources = Resources::parse(&text).unwrap_or_default().to_proto();
    let allocation = task
        .resources
        .iter()
        .find_map(|resource| resource.allocation_info.clone());
    for resource in &mut resources {
        resource.allocation_info.clone_from(&allocation);
    }
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(value: Option<&str>, shell: Option<bool>, arguments: &[&str]) -> v1::CommandInfo {
        v1::CommandInfo {
            value: value.map(str::to_owned),
            shell,
            arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
            ..Default::default()
        }
    }

    /// Mirrors: SlaveTest.GetExecutorInfo
    #[test]
    fn long_commands_are_shortened_to_twelve_characters() {
        assert_eq!(
            summary(&command(Some("exit 0"), None, &[])),
            "(Command: sh -c 'exit 0')"
        );
        assert_eq!(
            summary(&command(Some("echo start; sleep 9"), None, &[])),
            "(Command: sh -c 'echo start; ...')"
        );
        assert_eq!(
            summary(&command(Some("/bin/sleep"), Some(false), &["sleep", "10"])),
            "(Command: [/bin/sleep, ...])"
        );
        assert_eq!(summary(&command(None, None, &[])), "(Command: NO COMMAND)");
        assert_eq!(
            summary(&command(None, Some(false), &[])),
            "(Command: NO EXECUTABLE)"
        );
    }

    #[test]
    fn executor_outlives_the_grace_of_its_task_by_two_seconds() {
        let task = v1::TaskInfo {
            kill_policy: Some(v1::KillPolicy {
                grace_period: Some(v1::DurationInfo {
                    nanoseconds: Some(10_000_000_000),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        };

        assert_eq!(
            shutdown_grace(&task).map(|d| d.nanoseconds()),
            Some(12_000_000_000)
        );
        assert_eq!(shutdown_grace(&v1::TaskInfo::default()), None);
    }

    #[test]
    fn overhead_is_allocated_to_the_role_of_the_task() {
        let allocated = v1::Resource {
            name: Some("cpus".to_owned()),
            allocation_info: Some(v1::resource::AllocationInfo {
                role: Some("eng".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let task = v1::TaskInfo {
            resources: vec![allocated],
            ..Default::default()
        };

        let overhead = overhead(&task);

        assert_eq!(overhead.len(), 2);
        assert!(
            overhead
                .iter()
                .all(|resource| resource.allocation_info().role() == "eng")
        );
    }
}
