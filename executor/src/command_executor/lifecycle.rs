//! Launch, checks, kill and end of the task.

use std::io;
use std::time::Duration;

use libprocess::Context;
use mesos_linux::process_tree::{Follow, ProcFs, ProcessTable, kill_tree};
use mesos_linux::wait_status::WaitStatus;
use mesos_proto::v1::{CheckStatusInfo, KillPolicy, TaskId, TaskInfo, TaskState};
use mesos_proto::v1::{check_info, health_check};
use nix::sys::signal::Signal;
use tokio::process::Child;

use super::environment::task_environment;
use super::kill::{Escalation, Rekill};
use super::launch::LaunchError;
use super::outcome::outcome;
use super::task::{Phase, Task};
use super::{CommandExecutorProcess, Ending};
use crate::checker::{CheckedTask, Checker, Namespace};
use crate::health_checker::{Health, HealthChecker, Verdict};
use crate::kill_policy::{KillCause, grace_period};
use crate::single_task::{SingleTask as _, Told as _};
use crate::updates::{checked, health_checked};

/// Left of the shutdown grace period for the update to reach the agent and for reaping, before
/// the agent destroys the container.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(2);

/// How long the agent has to acknowledge the terminal update.
const ACKNOWLEDGEMENT_TIMEOUT: Duration = Duration::from_secs(60);

impl CommandExecutorProcess {
    pub(super) fn launch_task(&mut self, info: &TaskInfo, ctx: &mut Context<Self>) {
        if self.core.task.is_some() {
            let mut status = self
                .core
                .statuses
                .fresh(info, TaskState::TaskFailed, ctx.now());
            let message = "Attempted to run multiple tasks using a \"command\" executor";
            status.message = Some(message.to_owned());
            self.forward(status);
            return;
        }
        let starting = self
            .core
            .statuses
            .fresh(info, TaskState::TaskStarting, ctx.now());
        self.core.task = Some(Task::new(Box::new(info.clone())));
        self.forward(starting);
        match self.start(info, ctx) {
            Ok(child) => self.started(info, child, ctx),
            Err(error) => self.end(Ending::Failed(chain(&error)), ctx),
        }
    }

    fn start(
        &mut self,
        info: &TaskInfo,
        ctx: &mut Context<Self>,
    ) -> Result<io::Result<Child>, LaunchError> {
        let settings = &self.settings.launch;
        let command = settings
            .task_command
            .as_ref()
            .or(info.command.as_deref())
            .ok_or(LaunchError::NoCommand)?;
        let environment = task_environment(
            &settings.environment,
            settings.task_environment.as_ref(),
            info,
            command.environment.as_ref(),
        );
        let program = settings.program(command, environment)?;
        let limit = u64::try_from(info.max_completion_time().nanoseconds()).unwrap_or(0);
        if limit > 0 {
            let timer = ctx.delay(Duration::from_nanos(limit), Self::completion_timed_out);
            if let Some(task) = &mut self.core.task {
                task.watch_completion(timer);
            }
        }
        tracing::info!(task = info.task_id().value(), "starting task");
        self.settings.launch.spawn(&program)
    }

    /// A program that is not there is the task's failure, not the executor's: as if the helper had
    /// been forked and had found nothing to execute.
    fn started(&mut self, info: &TaskInfo, child: io::Result<Child>, ctx: &mut Context<Self>) {
        let pid = child
            .as_ref()
            .ok()
            .and_then(Child::id)
            .and_then(|pid| i32::try_from(pid).ok());
        if let (Some(task), Some(pid)) = (&mut self.core.task, pid) {
            tracing::info!(pid, "forked command");
            task.phase = Phase::Running { pid };
            self.start_checks(info, pid, ctx);
        }
        let running = self
            .core
            .statuses
            .fresh(info, TaskState::TaskRunning, ctx.now());
        self.forward(running);
        match child {
            Ok(mut child) => {
                let waiting = async move { child.wait().await.map(WaitStatus::from) };
                ctx.perform(waiting, |executor: &mut Self, waited, ctx| {
                    executor.on_reaped(&waited, ctx);
                });
            }
            Err(error) => {
                tracing::error!(%error, "failed to execute command");
                self.on_reaped(&Ok(WaitStatus::from_raw(1 << 8)), ctx);
            }
        }
    }

    fn start_checks(&mut self, info: &TaskInfo, pid: i32, ctx: &mut Context<Self>) {
        let settings = &self.settings.launch;
        let in_rootfs = settings.rootfs.is_some();
        let task = |command: bool| CheckedTask {
            pid,
            // The network is shared with the task; its files are not when it has its own root.
            namespaces: if in_rootfs && command {
                vec![Namespace::Mount]
            } else {
                Vec::new()
            },
            helper: "/proc/self/exe".into(),
            environment: settings.environment.clone(),
        };
        let executor = ctx.pid();
        let checker = info.check.as_deref().and_then(|check| {
            let task = task(check.r#type() == check_info::Type::Command);
            let executor = executor.clone();
            let changed = move |status| {
                executor.dispatch(move |process: &mut Self, ctx| process.on_check(status, ctx));
            };
            Checker::start(ctx.runtime(), check, task, changed)
                .inspect_err(|error| tracing::error!(%error, "failed to create checker"))
                .ok()
        });
        let health_checker = info.health_check.as_deref().and_then(|check| {
            let task = task(check.r#type() == health_check::Type::Command);
            let changed = move |health| {
                executor.dispatch(move |process: &mut Self, ctx| process.on_health(health, ctx));
            };
            HealthChecker::start(ctx.runtime(), check, task, changed)
                .inspect_err(|error| tracing::error!(%error, "failed to create health checker"))
                .ok()
        });
        if let Some(task) = &mut self.core.task {
            task.check_by(checker, health_checker);
        }
    }

    fn on_check(&mut self, status: CheckStatusInfo, ctx: &mut Context<Self>) {
        let Some(task) = self.core.task.as_ref().filter(|task| task.is_running()) else {
            return;
        };
        let Some(last) = task.last_status() else {
            return;
        };
        let status = checked(last, status, ctx.now());
        self.forward(status);
    }

    fn on_health(&mut self, health: Health, ctx: &mut Context<Self>) {
        let Some(task) = self.core.task.as_ref().filter(|task| task.is_running()) else {
            return;
        };
        let Some(last) = task.last_status() else {
            return;
        };
        let status = health_checked(last, Some(health == Health::Healthy), ctx.now());
        let grace = grace_period(None, task.info().kill_policy.as_ref());
        self.forward(status);
        if let Health::Unhealthy {
            verdict: Verdict::Kill,
            ..
        } = health
        {
            self.kill(KillCause::Unhealthy, grace, ctx);
        }
    }

    pub(super) fn kill_task(
        &mut self,
        task_id: &TaskId,
        policy: Option<&KillPolicy>,
        ctx: &mut Context<Self>,
    ) {
        let Some(task) = &self.core.task else {
            // The task got lost between agent and executor; the agent reports that.
            let text = "kill task message has been received before the task has been launched";
            return self.end(Ending::Failed(text.to_owned()), ctx);
        };
        if task.info().task_id() != task_id {
            tracing::warn!(task = task_id.value(), "ignoring kill of another task");
            return;
        }
        let grace = grace_period(policy, task.info().kill_policy.as_ref());
        tracing::info!(task = task_id.value(), ?grace, "received kill");
        self.kill(KillCause::Requested, grace, ctx);
    }

    pub(super) fn shut_down_task(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("shutting down");
        if self.core.task.is_some() {
            let grace = self.settings.environment.shutdown_grace_period;
            self.kill(
                KillCause::Requested,
                grace.saturating_sub(SHUTDOWN_MARGIN),
                ctx,
            );
        } else {
            self.end(Ending::Done, ctx);
        }
    }

    fn completion_timed_out(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("killing task which exceeded its maximum completion time");
        self.kill(KillCause::CompletionTimeout, Duration::ZERO, ctx);
    }

    fn kill(&mut self, cause: KillCause, grace: Duration, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        task.forget_completion();
        match &mut task.phase {
            Phase::Starting | Phase::Terminated => {}
            Phase::Running { pid } => {
                let pid = *pid;
                self.begin_kill(pid, cause, grace, ctx);
            }
            Phase::Killing {
                escalation, timer, ..
            } => {
                if let Rekill::Earlier(remaining) = escalation.shorten(ctx.now(), grace) {
                    tracing::info!(?remaining, "rescheduling escalation to SIGKILL");
                    timer.cancel();
                    *timer = ctx.delay(remaining, Self::escalate);
                }
            }
        }
    }

    fn begin_kill(&mut self, pid: i32, cause: KillCause, grace: Duration, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        task.stop_checking();
        let escalation = Escalation::start(ctx.now(), grace);
        let timer = ctx.delay(grace, Self::escalate);
        task.phase = Phase::Killing {
            pid,
            cause,
            escalation,
            timer,
        };
        let info = task.info().clone();
        if cause != KillCause::CompletionTimeout && self.core.framework_knows_killing() {
            let killing = self
                .core
                .statuses
                .fresh(&info, TaskState::TaskKilling, ctx.now());
            self.forward(killing);
        }
        tracing::info!(
            pid,
            ?grace,
            "sending SIGTERM to process tree; SIGKILL follows"
        );
        signal_tree(pid, Signal::SIGTERM);
    }

    fn escalate(&mut self, _: &mut Context<Self>) {
        if let Some(Task {
            phase: Phase::Killing { pid, .. },
            ..
        }) = &self.core.task
        {
            tracing::info!(
                pid,
                "process did not terminate in time, sending SIGKILL to its tree"
            );
            signal_tree(*pid, Signal::SIGKILL);
        }
    }

    fn on_reaped(&mut self, waited: &io::Result<WaitStatus>, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        task.stop_checking();
        task.forget_completion();
        let killed = match std::mem::replace(&mut task.phase, Phase::Terminated) {
            Phase::Killing {
                pid, cause, timer, ..
            } => {
                timer.cancel();
                // A shell blocks signals while it forks: its child may be born after the walk.
                signal_tree(pid, Signal::SIGKILL);
                Some(cause)
            }
            Phase::Starting | Phase::Running { .. } | Phase::Terminated => None,
        };
        let outcome = outcome(waited, killed);
        tracing::info!("{}", outcome.message.as_deref().unwrap_or_default());
        let status = self.core.statuses.last(task.info(), outcome, ctx.now());
        self.forward(status);
        ctx.delay(ACKNOWLEDGEMENT_TIMEOUT, |executor: &mut Self, ctx| {
            executor.end(Ending::NoAcknowledgement, ctx);
        });
    }
}

/// Signals a task with everything it has started.
fn signal_tree(pid: i32, signal: Signal) {
    let table = ProcFs::default();
    match kill_tree(&table, pid, signal, Follow::GroupsAndSessions) {
        Ok(reached) => tracing::debug!(pid, %signal, ?reached, "signalled process tree"),
        Err(error) => {
            tracing::error!(pid, %error, "failed to kill the process tree");
            // The root may not have been reached.
            table.signal(pid, signal);
            table.signal(pid, Signal::SIGCONT);
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}
