//! Launch, inspection, checks and end of the container.

use std::io;
use std::time::Duration;

use libprocess::Context;
use mesos_linux::wait_status::WaitStatus;
use mesos_proto::v1::network_info::{IpAddress, Protocol};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    CheckStatusInfo, CommandInfo, ContainerStatus, NetworkInfo, TaskInfo, TaskState, TaskStatus,
    check_info, health_check,
};
use tokio::sync::oneshot;

use super::engine::EngineError;
use super::inspection::{Inspection, Progress};
use super::task::{Inspecting, Phase, RunEnd, Task};
use super::{DockerExecutorProcess, Ending};
use crate::checker::{CheckedTask, Checker, Namespace};
use crate::health_checker::{Health, HealthChecker, Verdict};
use crate::kill_policy::KillCause;
use crate::single_task::{SingleTask as _, Told as _};
use crate::updates::Outcome;

/// Time between two looks at a container that has not started.
const INSPECT_DELAY: Duration = Duration::from_millis(500);

/// How long one look may take, and how long an ending waits for it.
pub(super) const INSPECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time between two looks whether the process of the container is still there.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// How long `docker run` may go on when the container is gone.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the agent has to acknowledge the terminal update.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(60);

impl DockerExecutorProcess {
    pub(super) fn launch_task(&mut self, info: &TaskInfo, ctx: &mut Context<Self>) {
        if self.core.task.is_some() {
            let mut status = self
                .core
                .statuses
                .fresh(info, TaskState::TaskFailed, ctx.now());
            let message = "Attempted to run multiple tasks using a \"docker\" executor";
            status.message = Some(message.to_owned());
            return self.core.conversation.report(status);
        }
        let mut task = Task::new(Box::new(info.clone()));
        let limit = info.max_completion_time.as_ref();
        let limit = limit.and_then(|limit| u64::try_from(limit.nanoseconds()).ok());
        if let Some(limit) = limit.filter(|limit| *limit > 0) {
            let limit = Duration::from_nanos(limit);
            task.watch_completion(ctx.delay(limit, Self::completion_timed_out));
        }
        self.core.task = Some(task);
        let starting = self
            .core
            .statuses
            .fresh(info, TaskState::TaskStarting, ctx.now());
        self.core.conversation.report(starting);
        match self.settings.container.run_arguments(info) {
            Ok(arguments) => self.run(&arguments, ctx),
            Err(error) => {
                let message = format!("Failed to create docker run options: {error}");
                self.finish(failed(message), ctx);
            }
        }
    }

    fn run(&mut self, arguments: &[String], ctx: &mut Context<Self>) {
        match self.settings.engine.run(arguments) {
            Ok(mut child) => {
                let waiting = async move { child.wait().await };
                ctx.perform(waiting, |executor: &mut Self, waited, ctx| {
                    executor.on_reaped(waited.map(|status| Some(status.into())), ctx);
                });
                self.inspect(ctx);
            }
            Err(error) => self.on_reaped(Err(error), ctx),
        }
    }

    fn inspect(&mut self, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        let Inspecting::Pending { cancel } = &mut task.inspection else {
            return;
        };
        let (sender, cancelled) = oneshot::channel();
        *cancel = Some(sender);
        let limit = ctx.delay(INSPECT_TIMEOUT, |executor: &mut Self, _| {
            if let Some(task) = &mut executor.core.task
                && let Inspecting::Pending { cancel } = &mut task.inspection
            {
                *cancel = None;
            }
        });
        let name = self.settings.container.name.clone();
        let looking = self.settings.engine.clone().inspect(name, cancelled);
        ctx.perform(looking, move |executor: &mut Self, looked, ctx| {
            limit.cancel();
            executor.on_inspected(looked, ctx);
        });
    }

    fn on_inspected(&mut self, looked: Result<Inspection, EngineError>, ctx: &mut Context<Self>) {
        if self.core.task.as_ref().is_none_or(Task::is_inspected) {
            return;
        }
        match looked {
            Ok(inspection) if inspection.progress == Progress::Started => {
                self.started(inspection, ctx);
            }
            Err(EngineError::Malformed(error)) => {
                // There is nothing to wait for: asking again would bring the same.
                tracing::error!(%error, "failed to inspect the container");
                self.give_up_inspection(ctx);
            }
            Err(EngineError::Cancelled) => {
                tracing::warn!("docker inspect timed out");
                self.inspect(ctx);
            }
            Ok(_) | Err(EngineError::Refused { .. } | EngineError::Program(_)) => {
                ctx.delay(INSPECT_DELAY, Self::inspect);
            }
        }
    }

    /// Goes on without having seen the container.
    pub(super) fn give_up_inspection(&mut self, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        if !task.is_inspected() {
            task.inspection = Inspecting::Over;
            self.after_inspection(ctx);
        }
    }

    fn started(&mut self, inspection: Inspection, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        task.inspection = Inspecting::Over;
        if task.killed.is_none() {
            let info = task.info().clone();
            task.network = network(&info, &inspection);
            let running = self.status(&info, TaskState::TaskRunning, ctx);
            self.core.conversation.report(TaskStatus {
                data: Some(inspection.output.into()),
                ..running
            });
            self.start_checks(&info, inspection.pid, ctx);
        }
        match inspection.pid {
            Some(pid) => self.watch(pid, ctx),
            None => self.expect_end(ctx),
        }
        self.after_inspection(ctx);
    }

    /// Does what had to wait for the inspection.
    fn after_inspection(&mut self, ctx: &mut Context<Self>) {
        self.stop_pending(ctx);
        let Some(task) = &mut self.core.task else {
            return;
        };
        match std::mem::replace(&mut task.phase, Phase::Running) {
            Phase::Ending(end) => self.reaped(&end, ctx),
            other @ (Phase::Running | Phase::Terminated) => task.phase = other,
        }
    }

    /// Looks whether the process of the container is still there: `docker run` may never return.
    fn watch(&mut self, pid: i32, ctx: &mut Context<Self>) {
        let process = std::path::PathBuf::from(format!("/proc/{pid}"));
        if !matches!(process.try_exists(), Ok(true)) {
            return self.expect_end(ctx);
        }
        if self
            .core
            .task
            .as_ref()
            .is_some_and(|task| matches!(task.phase, Phase::Running))
        {
            ctx.delay(WATCH_INTERVAL, move |executor: &mut Self, ctx| {
                executor.watch(pid, ctx);
            });
        }
    }

    fn expect_end(&mut self, ctx: &mut Context<Self>) {
        ctx.delay(RUN_TIMEOUT, |executor: &mut Self, ctx| {
            executor.on_reaped(Ok(None), ctx);
        });
    }

    /// A status with the network of the container.
    pub(super) fn status(
        &self,
        info: &TaskInfo,
        state: TaskState,
        ctx: &Context<Self>,
    ) -> TaskStatus {
        let network = self
            .core
            .task
            .as_ref()
            .and_then(|task| task.network.clone());
        let container_status = network.map(|network| ContainerStatus {
            network_infos: vec![network],
            ..Default::default()
        });
        TaskStatus {
            container_status: container_status.map(Into::into),
            ..self.core.statuses.fresh(info, state, ctx.now())
        }
    }

    fn start_checks(&mut self, info: &TaskInfo, pid: Option<i32>, ctx: &mut Context<Self>) {
        let Some(pid) = pid else { return };
        let shares_network = info.container().docker().network()
            == mesos_proto::v1::container_info::docker_info::Network::Host;
        let task = |command: bool| CheckedTask {
            pid,
            namespaces: if command || shares_network {
                Vec::new()
            } else {
                vec![Namespace::Network]
            },
            helper: "/proc/self/exe".into(),
            environment: self.settings.variables.clone(),
        };
        let executor = ctx.pid();
        let checker = info.check.as_deref().and_then(|check| {
            let mut check = check.clone();
            let is_command = check.r#type() == check_info::Type::Command;
            if let Some(part) = &mut check.command {
                part.command = part
                    .command
                    .take()
                    .map(|command| self.inside(&command).into());
            }
            let executor = executor.clone();
            let changed = move |status| {
                executor.dispatch(move |process: &mut Self, ctx| process.on_check(status, ctx));
            };
            Checker::start(ctx.runtime(), &check, task(is_command), changed)
                .inspect_err(|error| tracing::error!(%error, "failed to create checker"))
                .ok()
        });
        let health_checker = info.health_check.as_deref().and_then(|check| {
            let mut check = check.clone();
            let is_command = check.command.is_some();
            check.command = check
                .command
                .take()
                .map(|command| self.inside(&command).into());
            if check.r#type.is_none() && is_command {
                check.r#type = Some(health_check::Type::Command.into());
            }
            let changed = move |health| {
                executor.dispatch(move |process: &mut Self, ctx| process.on_health(health, ctx));
            };
            HealthChecker::start(ctx.runtime(), &check, task(is_command), changed)
                .inspect_err(|error| tracing::error!(%error, "failed to create health checker"))
                .ok()
        });
        if let Some(task) = &mut self.core.task {
            task.check_by(checker, health_checker);
        }
    }

    /// The command as `docker exec` runs it in the container.
    fn inside(&self, command: &CommandInfo) -> CommandInfo {
        let program = self.settings.engine.program.clone();
        let mut arguments = vec![program.clone()];
        arguments.extend(self.settings.engine.prefix());
        arguments.extend(["exec".to_owned(), self.settings.container.name.clone()]);
        if command.shell() {
            let shell = ["sh", "-c", command.value()];
            arguments.extend(shell.map(str::to_owned));
        } else {
            arguments.push(command.value().to_owned());
            // The first argument is the program's own name, which `docker exec` does not take.
            arguments.extend(command.arguments.iter().skip(1).cloned());
        }
        CommandInfo {
            shell: Some(false),
            value: Some(program),
            arguments,
            environment: command.environment.clone(),
            ..Default::default()
        }
    }

    fn on_check(&mut self, check: CheckStatusInfo, ctx: &mut Context<Self>) {
        let Some(task) = self.core.task.as_ref().filter(|task| task.is_running()) else {
            return;
        };
        let info = task.info().clone();
        let status = self.status(&info, TaskState::TaskRunning, ctx);
        self.core.conversation.report(TaskStatus {
            check_status: Some(check.into()),
            reason: Some(Reason::ReasonTaskCheckStatusUpdated.into()),
            ..status
        });
    }

    fn on_health(&mut self, health: Health, ctx: &mut Context<Self>) {
        let Some(task) = self.core.task.as_ref().filter(|task| task.is_running()) else {
            return;
        };
        let info = task.info().clone();
        let status = self.status(&info, TaskState::TaskRunning, ctx);
        self.core.conversation.report(TaskStatus {
            healthy: Some(health == Health::Healthy),
            reason: Some(Reason::ReasonTaskHealthCheckStatusUpdated.into()),
            ..status
        });
        if let Health::Unhealthy {
            verdict: Verdict::Kill,
            ..
        } = health
        {
            let grace = self.grace_period(None);
            self.kill(KillCause::Unhealthy, grace, ctx);
        }
    }

    /// `docker run` has ended, or should have.
    fn on_reaped(&mut self, end: RunEnd, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        if !matches!(task.phase, Phase::Running) {
            return;
        }
        task.stop_checking();
        task.forget_completion();
        task.stop.cancel = None;
        if task.is_inspected() || end.is_err() {
            return self.reaped(&end, ctx);
        }
        // TASK_RUNNING comes first, when Docker still knows the container.
        task.phase = Phase::Ending(end);
        ctx.delay(INSPECT_TIMEOUT, Self::give_up_inspection);
    }

    fn reaped(&mut self, end: &RunEnd, ctx: &mut Context<Self>) {
        let killed = self.core.task.as_ref().and_then(|task| task.killed);
        self.finish(outcome(end, killed), ctx);
    }

    fn finish(&mut self, outcome: Outcome, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        task.phase = Phase::Terminated;
        task.inspection = Inspecting::Over;
        task.forget_completion();
        tracing::info!("{}", outcome.message.as_deref().unwrap_or_default());
        let status = self.core.statuses.last(task.info(), outcome, ctx.now());
        self.core.conversation.report(status);
        // Mesos' own ends well, too: what the task did is told by its status.
        ctx.delay(ACKNOWLEDGEMENT_TIMEOUT, |executor: &mut Self, ctx| {
            executor.end(Ending::Done, ctx);
        });
    }
}

fn failed(message: String) -> Outcome {
    Outcome {
        state: TaskState::TaskFailed,
        reason: None,
        message: Some(message),
        healthy: None,
    }
}

/// Decides the last status. `killed` names why the executor had told Docker to end the container.
fn outcome(end: &io::Result<Option<WaitStatus>>, killed: Option<KillCause>) -> Outcome {
    let healthy = (killed == Some(KillCause::Unhealthy)).then_some(false);
    let status = match end {
        Ok(Some(status)) => status,
        Ok(None) => {
            return Outcome {
                healthy,
                ..failed("Failed to get exit status of container".to_owned())
            };
        }
        Err(error) => {
            return Outcome {
                healthy,
                ..failed(format!("Failed to run docker container: {error}"))
            };
        }
    };
    let (state, reason) = match killed {
        Some(KillCause::CompletionTimeout) => (
            TaskState::TaskFailed,
            Some(Reason::ReasonMaxCompletionTimeReached),
        ),
        Some(KillCause::Requested | KillCause::Unhealthy) => (TaskState::TaskKilled, None),
        None if status.success() => (TaskState::TaskFinished, None),
        None => (TaskState::TaskFailed, None),
    };
    Outcome {
        state,
        reason,
        message: Some(format!("Container {status}")),
        healthy,
    }
}

/// The network of the container: what the task asked for, with the addresses that Docker gave.
fn network(info: &TaskInfo, inspection: &Inspection) -> Option<NetworkInfo> {
    let address = |ip: &Option<String>, protocol: Option<Protocol>| {
        ip.as_ref().map(|ip| IpAddress {
            protocol: protocol.map(Into::into),
            ip_address: Some(ip.clone()),
            ..Default::default()
        })
    };
    let ipv4 = address(&inspection.ipv4, None);
    let ipv6 = address(&inspection.ipv6, Some(Protocol::IPv6));
    if ipv4.is_none() && ipv6.is_none() {
        return None;
    }
    let asked = info.container().network_infos.first().cloned();
    Some(NetworkInfo {
        ip_addresses: ipv4.into_iter().chain(ipv6).collect(),
        ..asked.unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_ends_as_docker_run_does() {
        let ended = |raw: i32, killed| outcome(&Ok(Some(WaitStatus::from_raw(raw))), killed);

        let finished = ended(0, None);
        assert_eq!(finished.state, TaskState::TaskFinished);
        assert_eq!(
            finished.message.as_deref(),
            Some("Container exited with status 0")
        );
        assert_eq!(ended(3 << 8, None).state, TaskState::TaskFailed);
        let killed = ended(137 << 8, Some(KillCause::Unhealthy));
        assert_eq!(killed.state, TaskState::TaskKilled);
        assert_eq!(killed.healthy, Some(false));
        let late = ended(137 << 8, Some(KillCause::CompletionTimeout));
        assert_eq!(late.state, TaskState::TaskFailed);
        assert_eq!(late.reason, Some(Reason::ReasonMaxCompletionTimeReached));
    }

    #[test]
    fn container_without_a_status_has_failed() {
        let lost = outcome(&Ok(None), None);
        let never = outcome(&Err(io::Error::other("no docker")), None);

        assert_eq!(
            lost.message.as_deref(),
            Some("Failed to get exit status of container")
        );
        assert_eq!(
            never.message.as_deref(),
            Some("Failed to run docker container: no docker")
        );
    }
}
