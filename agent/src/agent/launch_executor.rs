//! Starts executors: sandbox, environment, container.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use libprocess::{Context, Outcome, http::Principal};
use mesos_common::{
    duration,
    ids::{ExecutorId, FrameworkId},
    resources::Resources,
};
use mesos_containerizer::{
    ContainerId, ContainerizerError, LaunchRequest, LaunchResult,
    containerizer::settle,
    launch_info::{ContainerConfig, ContainerTermination},
    mesos::create_sandbox,
    state_file::{WriteError, replace_symlink},
};
use mesos_proto::v1::{self, TaskState, executor_info::Type as ExecutorType, task_status::Reason};

use super::{
    AgentProcess,
    checkpoint::explain,
    executor_environment::{EnvironmentSpec, executor_environment},
};
use crate::{
    checkpoint::{layout::Origin, write},
    flags::Flags,
    paths::ExecutorPlace,
    secret_generator,
    state::{
        executor::{Durability, Executor, ExecutorSpec, ExecutorState},
        framework::{FrameworkState, TaskLaunch},
        task::create,
    },
};

impl AgentProcess {
    /// Makes an executor and its sandbox; the error is what the tasks' updates say.
    pub(super) fn add_executor(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        ctx: &mut Context<Self>,
    ) -> Result<(), String> {
        let Some(agent) = self.id.clone() else {
            return Err("the agent has no id".to_owned());
        };
        let Some(framework) = self.frameworks.get(id) else {
            return Err("the framework is gone".to_owned());
        };
        let durability = framework.durability();
        let user = self.flags.switch_user.then(|| {
            let command = launch.executor.command();
            command
                .user
                .clone()
                .unwrap_or_else(|| framework.info.user().to_owned())
        });
        let info = v1::ExecutorInfo {
            framework_id: Some(id.to_proto()),
            ..launch.executor.clone()
        };
        let executor_id = ExecutorId::from(info.executor_id());
        let container = ContainerId::random();
        let place = ExecutorPlace {
            root: &self.work_dir,
            agent: &agent,
            framework: id,
            executor: &executor_id,
        };
        let directory = place.run_dir(&container);
        create_sandbox(&directory, user.as_deref()).map_err(|error| error.chain())?;
        replace_symlink(&place.latest_run(), &directory).map_err(|error| error.to_string())?;
        let origin = if launch.is_command_task() {
            Origin::CommandTask
        } else {
            Origin::Framework
        };
        if durability == Durability::Checkpointed {
            let meta = ExecutorPlace {
                root: &self.meta,
                ..place
            };
            if let Err(error) = write::executor(meta, &info, origin, &container) {
                if !error.is_passing() {
                    self.fail_checkpoint(&error, ctx);
                }
                return Err(explain(&error));
            }
        }
        self.attach_sandbox(id, &executor_id, &directory, ctx);
        let executor = Executor::new(ExecutorSpec {
            info,
            framework: id.clone(),
            container,
            directory,
            user,
            durability,
            origin,
        });
        if let Some(framework) = self.frameworks.get_mut(id) {
            framework.add_executor(executor);
        }
        Ok(())
    }

    /// What the container is launched with: also what the agent decides, which it tells nobody.
    fn launched_info(&self, info: &v1::ExecutorInfo) -> v1::ExecutorInfo {
        let mut info = info.clone();
        if info.r#type() == ExecutorType::Default {
            info.command = Some(default_executor_command(&self.flags).into());
        }
        if info.container.is_none()
            && let Some(json) = &self.flags.default_container_info
        {
            info.container = Some(json.message().clone().into());
        }
        info
    }

    /// Launches the container of a fresh executor, with a token where there are tokens.
    pub(super) fn launch_executor(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        ctx: &mut Context<Self>,
    ) {
        let executor_id = launch.executor_id();
        let Some(executor) = self.frameworks.executor(id, &executor_id) else {
            return;
        };
        let Some(secrets) = &self.secrets else {
            return self.launch_container(id, launch, None, ctx);
        };
        let container = executor.container().clone();
        let claims = [
            ("fid", id.to_string()),
            ("eid", executor_id.to_string()),
            ("cid", container.value().to_owned()),
        ];
        let claims = claims.map(|(name, claim)| (name.to_owned(), claim));
        let generated = secrets.generate(&Principal {
            value: None,
            claims: claims.into(),
        });
        let (id, launch) = (id.clone(), launch.clone());
        ctx.on_any(generated, move |agent, outcome, ctx| {
            agent.on_secret_generated(&id, &container, &launch, outcome, ctx);
        });
    }

    /// The token is there, or there will be none and the executor ends.
    fn on_secret_generated(
        &mut self,
        id: &FrameworkId,
        container: &ContainerId,
        launch: &TaskLaunch,
        outcome: Outcome<v1::Secret>,
        ctx: &mut Context<Self>,
    ) {
        let executor_id = launch.executor_id();
        let running = self
            .frameworks
            .get(id)
            .filter(|framework| framework.state == FrameworkState::Running);
        let state = running
            .and_then(|framework| framework.executor(&executor_id))
            .filter(|executor| executor.container() == container)
            .map(|executor| executor.state());
        let Some(state) = state else {
            return;
        };
        let token = match outcome {
            Outcome::Ready(secret) => secret_generator::token(&secret),
            Outcome::Failed(text) => Err(text),
            Outcome::Discarded | Outcome::Abandoned => Err("future discarded".to_owned()),
        };
        let message = match (state, token) {
            (ExecutorState::Registering | ExecutorState::Running, Ok(token)) => {
                return self.launch_container(id, launch, Some(&token), ctx);
            }
            (ExecutorState::Registering | ExecutorState::Running, Err(text)) => {
                format!("Secret generation failed: {text}")
            }
            (ExecutorState::Terminating, _) => "Executor terminating".to_owned(),
            (ExecutorState::Terminated, _) => "Executor terminated".to_owned(),
        };
        tracing::error!(%container, message, "executor is not launched");
        let termination = ContainerTermination {
            state: Some(TaskState::TaskFailed.into()),
            reason: Some(Reason::ReasonContainerLaunchFailed.into()),
            message: Some(message),
            ..Default::default()
        };
        self.executor_terminated(id, &executor_id, container, Ok(Some(termination)), ctx);
    }

    fn launch_container(
        &mut self,
        id: &FrameworkId,
        launch: &TaskLaunch,
        token: Option<&str>,
        ctx: &mut Context<Self>,
    ) {
        let executor_id = launch.executor_id();
        let Some(agent) = self.id.clone() else { return };
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        if framework.state == FrameworkState::Terminating {
            return;
        }
        let Some(executor) = framework.executor(&executor_id) else {
            return;
        };
        let container = executor.container().clone();
        let info = self.launched_info(executor.info());
        let config = container_config(executor, &info, launch);
        let environment = executor_environment(&EnvironmentSpec {
            flags: &self.flags,
            info: executor.info(),
            directory: executor.directory(),
            agent: &agent,
            pid: ctx.upid(),
            durability: executor.durability(),
            token,
        });
        let pid_path = (executor.durability() == Durability::Checkpointed).then(|| {
            ExecutorPlace {
                root: &self.meta,
                agent: &agent,
                framework: id,
                executor: &executor_id,
            }
            .forked_pid_file(&container)
        });
        let Some(parts) = &self.parts else { return };
        tracing::info!(%container, executor = %executor_id, framework = %id, "launching container");
        let launched = parts.containerizer.launch(LaunchRequest {
            id: container.clone(),
            config,
            environment,
            pid_path,
        });
        let (framework, executor, launched_container) =
            (id.clone(), executor_id.clone(), container.clone());
        ctx.on_any(launched, move |agent, outcome, ctx| {
            let result = settle(outcome);
            agent.on_executor_launched(&framework, &executor, &launched_container, result, ctx);
        });
        let (framework, executor) = (id.clone(), executor_id);
        ctx.delay(
            self.flags.executor_registration_timeout,
            move |agent, ctx| {
                agent.miss_executor(&framework, &executor, &container, ctx);
            },
        );
    }

    /// The container runs, or it could not be launched.
    fn on_executor_launched(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        container: &ContainerId,
        result: Result<LaunchResult, ContainerizerError>,
        ctx: &mut Context<Self>,
    ) {
        self.await_container(id, executor_id, container, ctx);
        let failure = match result {
            Ok(LaunchResult::Success | LaunchResult::AlreadyLaunched) => None,
            Err(ContainerizerError::Ended(_)) => return,
            Ok(LaunchResult::NotSupported) => {
                tracing::error!(%container, "no containerizer could create the container");
                self.metrics.container_launch_errors.increment();
                return;
            }
            Err(error) => Some(error.chain()),
        };
        if let Some(text) = failure {
            tracing::error!(%container, error = text, "container cannot be launched");
            self.metrics.container_launch_errors.increment();
            self.destroy_container(container);
            if let Some(executor) = self.frameworks.executor_mut(id, executor_id)
                && executor.container() == container
            {
                // A container that was preempted while it was launched has an earlier reason.
                let preempted = executor.pending_termination.as_ref();
                let preempted = preempted
                    .is_some_and(|pending| pending.reason() == Reason::ReasonContainerPreempted);
                if !preempted {
                    executor.pending_termination = Some(ContainerTermination {
                        state: Some(TaskState::TaskFailed.into()),
                        reason: Some(Reason::ReasonContainerLaunchFailed.into()),
                        message: Some(format!("Failed to launch container: {text}")),
                        ..Default::default()
                    });
                }
            }
            return;
        }
        // Whoever wanted the container may be gone by now.
        let wanted = self.frameworks.get(id).is_some_and(|framework| {
            framework.state == FrameworkState::Running
                && framework.executor(executor_id).is_some_and(|executor| {
                    executor.container() == container
                        && executor.state() != ExecutorState::Terminating
                })
        });
        if !wanted {
            self.destroy_container(container);
        }
    }

    /// The executor did not register in time.
    fn miss_executor(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        container: &ContainerId,
        _ctx: &mut Context<Self>,
    ) {
        let timeout = self.flags.executor_registration_timeout;
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        if framework.state == FrameworkState::Terminating {
            return;
        }
        let Some(executor) = framework.executor_mut(executor_id) else {
            return;
        };
        if executor.container() != container || executor.state() != ExecutorState::Registering {
            return;
        }
        tracing::info!(executor = %executor_id, "terminating executor because it did not register in time");
        executor.become_state(ExecutorState::Terminating);
        executor.pending_termination = Some(ContainerTermination {
            state: Some(TaskState::TaskFailed.into()),
            reason: Some(Reason::ReasonExecutorRegistrationTimeout.into()),
            message: Some(format!(
                "Executor did not register within {}",
                duration::format(timeout)
            )),
            ..Default::default()
        });
        self.destroy_container(container);
    }

    /// Writes tasks down before they are queued.
    pub(super) fn checkpoint_tasks(
        &self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        tasks: &[v1::TaskInfo],
    ) -> Result<(), WriteError> {
        let Some(agent) = self.id.clone() else {
            return Ok(());
        };
        let Some(executor) = self.frameworks.executor(id, executor_id) else {
            return Ok(());
        };
        if executor.durability() == Durability::Volatile {
            return Ok(());
        }
        let place = ExecutorPlace {
            root: &self.meta,
            agent: &agent,
            framework: id,
            executor: executor_id,
        };
        tasks.iter().try_for_each(|task| {
            write::task(
                place,
                executor.container(),
                &create(task, TaskState::TaskStaging, id),
            )
        })
    }

    /// Destroys a container; its end comes back through the wait that was begun at its launch.
    pub(crate) fn destroy_container(&self, container: &ContainerId) {
        if let Some(parts) = &self.parts {
            drop(parts.containerizer.destroy(container));
        }
    }
}

fn container_config(
    executor: &Executor,
    info: &v1::ExecutorInfo,
    launch: &TaskLaunch,
) -> ContainerConfig {
    let mut resources = Resources::from_proto(&info.resources);
    for task in &launch.tasks {
        resources += &Resources::from_proto(&task.resources);
    }
    let resources = resources.to_proto();
    let mut with_resources = info.clone();
    with_resources.resources.clone_from(&resources);
    ContainerConfig {
        executor_info: Some(with_resources.into()),
        command_info: info.command.clone(),
        container_info: info.container.clone(),
        task_info: executor
            .is_for_command_task()
            .then(|| launch.tasks.first().cloned().map(Into::into))
            .flatten(),
        resources,
        limits: executor_limits(&info.resources, launch.tasks.iter().map(Limited::from)),
        directory: Some(executor.directory().display().to_string()),
        user: executor.user().map(str::to_owned),
        ..Default::default()
    }
}

/// The part of a task that decides about the limits of its container.
pub(super) struct Limited<'a> {
    resources: &'a [v1::Resource],
    limits: &'a BTreeMap<String, v1::value::Scalar>,
}

impl<'a> From<&'a v1::TaskInfo> for Limited<'a> {
    fn from(task: &'a v1::TaskInfo) -> Self {
        Self {
            resources: &task.resources,
            limits: &task.limits,
        }
    }
}

impl<'a> From<&'a v1::Task> for Limited<'a> {
    fn from(task: &'a v1::Task) -> Self {
        Self {
            resources: &task.resources,
            limits: &task.limits,
        }
    }
}

/// Adds limits up: a task without one counts with its request, and one without end makes the sum endless.
pub(super) fn executor_limits<'a>(
    executor: &[v1::Resource],
    tasks: impl Iterator<Item = Limited<'a>>,
) -> BTreeMap<String, v1::value::Scalar> {
    let request = |resources: &[v1::Resource], name: &str| -> f64 {
        resources
            .iter()
            .filter(|resource| resource.name() == name)
            .map(|resource| resource.scalar().value())
            .sum()
    };
    let tasks: Vec<Limited<'a>> = tasks.collect();
    let mut limits = BTreeMap::new();
    for name in ["cpus", "mem"] {
        if !tasks.iter().any(|task| task.limits.contains_key(name)) {
            continue;
        }
        let total: f64 = tasks
            .iter()
            .map(|task| match task.limits.get(name) {
                Some(limit) => limit.value(),
                None => request(task.resources, name),
            })
            .sum::<f64>()
            + request(executor, name);
        limits.insert(
            name.to_owned(),
            v1::value::Scalar {
                value: Some(total),
                ..Default::default()
            },
        );
    }
    limits
}

fn default_executor_command(flags: &Flags) -> v1::CommandInfo {
    let name = "mesos-default-executor";
    let launcher_dir = &flags.launcher_dir;
    let path = mesos_containerizer::programs::resolve(Path::new(launcher_dir), name).map_or_else(
        |_| PathBuf::from(launcher_dir).join(name),
        |program| program.path,
    );
    v1::CommandInfo {
        shell: Some(false),
        value: Some(path.display().to_string()),
        arguments: vec![name.to_owned(), format!("--launcher_dir={launcher_dir}")],
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(name: &str, value: f64) -> v1::Resource {
        v1::Resource {
            name: Some(name.to_owned()),
            scalar: Some(v1::value::Scalar {
                value: Some(value),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn task(cpus: f64, limit: Option<f64>) -> v1::TaskInfo {
        let limits = limit
            .map(|value| {
                (
                    "cpus".to_owned(),
                    v1::value::Scalar {
                        value: Some(value),
                        ..Default::default()
                    },
                )
            })
            .into_iter()
            .collect();
        v1::TaskInfo {
            resources: vec![scalar("cpus", cpus)],
            limits,
            ..Default::default()
        }
    }

    #[test]
    fn task_without_limit_counts_with_its_request() {
        let tasks = [task(1.0, Some(2.0)), task(0.5, None)];

        let limits = executor_limits(&[scalar("cpus", 0.1)], tasks.iter().map(Limited::from));

        assert_eq!(limits.get("cpus").map(v1::value::Scalar::value), Some(2.6));
        assert_eq!(limits.get("mem"), None);
    }

    #[test]
    fn endless_limit_makes_the_sum_endless() {
        let tasks = [task(1.0, Some(f64::INFINITY)), task(0.5, None)];

        let limits = executor_limits(&[], tasks.iter().map(Limited::from));

        assert_eq!(
            limits.get("cpus").map(v1::value::Scalar::value),
            Some(f64::INFINITY)
        );
    }
}
