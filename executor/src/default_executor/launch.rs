//! Launch of a group: one container a task, below the container of the executor.

use std::os::unix::fs::symlink;
use std::time::Duration;

use libprocess::Context;
use libprocess::http::client::ClientError;
use mesos_proto::v1::agent::{Call, call};
use mesos_proto::v1::environment::Variable;
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::volume::{Source, source};
use mesos_proto::v1::{
    CheckStatusInfo, ContainerId, ContainerInfo, TaskId, TaskInfo, TaskState, Volume,
    container_info,
};
use uuid::Uuid;

use super::containers::{Container, Phase};
use super::{DefaultExecutorProcess, Life};
use crate::agent_api::{Answer, Connected};
use crate::checker::{CheckedTask, Checker};
use crate::checks::nested::NestedTask;
use crate::health_checker::{Health, HealthChecker, Verdict};
use crate::kill_policy::{KillCause, grace_period};
use crate::updates::{checked, health_checked};

impl DefaultExecutorProcess {
    pub(super) fn launch_group(&mut self, tasks: Vec<TaskInfo>, ctx: &mut Context<Self>) {
        if self.life != Life::Working {
            return;
        }
        let connecting = self.api.clone().connect();
        ctx.perform(connecting, move |executor: &mut Self, connected, ctx| {
            executor.on_connected(tasks, connected, ctx);
        });
    }

    fn on_connected(
        &mut self,
        tasks: Vec<TaskInfo>,
        connected: Result<Connected, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if self.life != Life::Working {
            return;
        }
        if self.conversation.subscription().is_none() {
            return self.drop_group(&tasks, "the agent is away", ctx);
        }
        let connected = match connected {
            Ok(connected) => connected,
            Err(error) => return self.drop_group(&tasks, &error.to_string(), ctx),
        };
        let group: Vec<TaskId> = tasks.iter().map(|task| task.task_id().clone()).collect();
        let calls = tasks.into_iter().map(|task| {
            let id = ContainerId {
                value: Some(Uuid::new_v4().to_string()),
                parent: self.container_id.clone().map(Into::into),
                ..Default::default()
            };
            let call = launch_call(&task, &id, &ctx.upid().address.ip.to_string());
            self.containers
                .insert(Container::new(id, task, group.clone()));
            call
        });
        let calls: Vec<Call> = calls.collect();
        for task_id in &group {
            if let Some(status) = self.status(task_id, TaskState::TaskStarting, ctx) {
                self.forward(status);
            }
        }
        ctx.perform(
            connected.calls(calls),
            move |executor: &mut Self, answers, ctx| {
                executor.on_launched(&group, answers, ctx);
            },
        );
    }

    /// Gives tasks back that cannot be launched; an executor without any others ends.
    fn drop_group(&mut self, tasks: &[TaskInfo], reason: &str, ctx: &mut Context<Self>) {
        tracing::error!(reason, "dropping a task group");
        let aware = self.framework_has(capability::Type::PartitionAware);
        let state = if aware {
            TaskState::TaskDropped
        } else {
            TaskState::TaskLost
        };
        for task in tasks {
            let mut status = self.statuses.fresh(task, state, ctx.now());
            status.message = Some(format!("Unable to connect with the agent: {reason}"));
            self.forward(status);
        }
        if self.containers.is_empty() {
            self.leave(ctx);
        }
    }

    fn on_launched(
        &mut self,
        group: &[TaskId],
        answers: Result<Vec<Answer>, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if self.life != Life::Working {
            return;
        }
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                tracing::error!(%error, "no answer to the launch of a task group");
                return self.leave(ctx);
            }
        };
        for (task_id, answer) in group.iter().zip(answers) {
            if let Err(error) = self.on_container(task_id, &answer, ctx) {
                tracing::error!(task = task_id.value(), %error, "failed to create checker");
                return self.leave(ctx);
            }
        }
        if self.conversation.subscription().is_some() {
            for task_id in group {
                self.wait(task_id, ctx);
            }
        }
    }

    fn on_container(
        &mut self,
        task_id: &TaskId,
        answer: &Answer,
        ctx: &mut Context<Self>,
    ) -> Result<(), crate::checker::CheckError> {
        let Some(container) = self.containers.get_mut(task_id) else {
            return Ok(());
        };
        if answer.status != 200 {
            tracing::error!(
                task = task_id.value(),
                answer = answer.text(),
                "launch refused"
            );
            container.phase = Phase::Refused(answer.text());
            return Ok(());
        }
        container.phase = Phase::Running;
        let limit = u64::try_from(container.task.max_completion_time().nanoseconds()).unwrap_or(0);
        if limit > 0 {
            let late = task_id.clone();
            let timer = ctx.delay(
                Duration::from_nanos(limit),
                move |executor: &mut Self, ctx| {
                    executor.completion_timed_out(&late, ctx);
                },
            );
            container.completion_timer = Some(timer);
        }
        self.start_checks(task_id, ctx)?;
        self.link_sandbox(task_id);
        if let Some(status) = self.status(task_id, TaskState::TaskRunning, ctx) {
            self.forward(status);
        }
        Ok(())
    }

    fn start_checks(
        &mut self,
        task_id: &TaskId,
        ctx: &mut Context<Self>,
    ) -> Result<(), crate::checker::CheckError> {
        let Some(container) = self.containers.get_mut(task_id) else {
            return Ok(());
        };
        let beside = CheckedTask {
            pid: 0,
            namespaces: Vec::new(),
            helper: "/proc/self/exe".into(),
            environment: self.settings.variables.clone(),
        };
        let nested = NestedTask {
            api: self.api.clone(),
            container_id: container.id.clone(),
            beside,
        };
        if let Some(check) = container.task.check.as_deref() {
            let (pid, id) = (ctx.pid(), task_id.clone());
            let changed = move |status: CheckStatusInfo| {
                let id = id.clone();
                pid.dispatch(move |executor: &mut Self, ctx| executor.on_check(&id, status, ctx));
            };
            let checker = Checker::nested(ctx.runtime(), check, nested.clone(), changed)?;
            container.checker = Some(checker);
        }
        if let Some(check) = container.task.health_check.as_deref() {
            let (pid, id) = (ctx.pid(), task_id.clone());
            let changed = move |health: Health| {
                let id = id.clone();
                pid.dispatch(move |executor: &mut Self, ctx| executor.on_health(&id, health, ctx));
            };
            let checker = HealthChecker::nested(ctx.runtime(), check, nested, changed)?;
            container.health_checker = Some(checker);
        }
        Ok(())
    }

    /// Lets people find the sandbox of a task by its name.
    fn link_sandbox(&self, task_id: &TaskId) {
        let Some(container) = self.containers.get(task_id) else {
            return;
        };
        let sandbox = &self.settings.sandbox;
        let target = sandbox.join("containers").join(container.id.value());
        let link = sandbox.join("tasks").join(task_id.value());
        let made = link.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = made.and_then(|()| symlink(target, &link)) {
            tracing::error!(%error, link = %link.display(), "could not link the sandbox of a task");
        }
    }

    fn on_check(&mut self, task_id: &TaskId, status: CheckStatusInfo, ctx: &mut Context<Self>) {
        let Some(last) = self.last_status_of_running(task_id) else {
            return;
        };
        let status = checked(&last, status, ctx.now());
        self.forward(status);
    }

    fn on_health(&mut self, task_id: &TaskId, health: Health, ctx: &mut Context<Self>) {
        let Some(last) = self.last_status_of_running(task_id) else {
            return;
        };
        let status = health_checked(&last, Some(health == Health::Healthy), ctx.now());
        self.forward(status);
        if let Health::Unhealthy {
            verdict: Verdict::Kill,
            ..
        } = health
        {
            self.unhealthy = Some(false);
            let policy = self
                .containers
                .get(task_id)
                .map(|it| it.task.kill_policy().clone());
            let grace = grace_period(None, policy.as_ref());
            self.kill(task_id, KillCause::Unhealthy, grace, ctx);
        }
    }

    fn last_status_of_running(&self, task_id: &TaskId) -> Option<mesos_proto::v1::TaskStatus> {
        let container = self.containers.get(task_id)?;
        if container.phase != Phase::Running || self.life != Life::Working {
            return None;
        }
        container.last_status.clone()
    }
}

/// The call that makes the container of a task.
fn launch_call(task: &TaskInfo, id: &ContainerId, ip: &str) -> Call {
    let mut command = task.command.clone().unwrap_or_default();
    let role = task
        .resources
        .first()
        .map_or("", |first| first.allocation_info().role());
    let variable = |name: &str, value: &str| Variable {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    };
    let variables = &mut command.environment.get_or_insert_default().variables;
    variables.push(variable("MESOS_CONTAINER_IP", ip));
    variables.push(variable("MESOS_ALLOCATION_ROLE", role));
    let launch = call::LaunchContainer {
        container_id: Some(id.clone()),
        command: Some(command),
        container: container_with_volumes(task),
        resources: task.resources.clone(),
        limits: task.limits.clone(),
        ..Default::default()
    };
    Call {
        r#type: Some(call::Type::LaunchContainer.into()),
        launch_container: Some(launch.into()),
        ..Default::default()
    }
}

/// The task's container, where each of its disk volumes is taken from the executor's sandbox.
fn container_with_volumes(task: &TaskInfo) -> Option<Box<ContainerInfo>> {
    let mut container = task.container.clone();
    for volume in task
        .resources
        .iter()
        .filter_map(|one| one.disk.as_deref()?.volume.as_deref())
    {
        let container = container.get_or_insert_with(|| {
            let kind = Some(container_info::Type::Mesos.into());
            Box::new(ContainerInfo {
                r#type: kind,
                ..Default::default()
            })
        });
        let path = source::SandboxPath {
            r#type: Some(source::sandbox_path::Type::Parent.into()),
            path: volume.container_path.clone(),
            ..Default::default()
        };
        let source = Source {
            r#type: Some(source::Type::SandboxPath.into()),
            sandbox_path: Some(path),
            ..Default::default()
        };
        container.volumes.push(Volume {
            mode: volume.mode,
            container_path: volume.container_path.clone(),
            source: Some(source.into()),
            ..Default::default()
        });
    }
    container
}
