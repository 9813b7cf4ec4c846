//! Ending the container.
//!
//! # Timers
//! Five seconds until a container is told to end that Docker has not told about; the same until
//! an unhealthy one is told again.

use std::time::Duration;

use libprocess::Context;
use mesos_proto::v1::{KillPolicy, TaskId, TaskState};
use tokio::sync::oneshot;

use super::engine::EngineError;
use super::lifecycle::INSPECT_TIMEOUT;
use super::task::Phase;
use super::{DockerExecutorProcess, Ending};
use crate::kill_policy::{KillCause, policy_grace};
use crate::single_task::{SingleTask as _, Told as _};

/// Left of the shutdown grace period for the update to reach the agent.
const SHUTDOWN_MARGIN: Duration = Duration::from_secs(2);

/// Time until an unhealthy container is told to end once more.
const KILL_RETRY: Duration = Duration::from_secs(5);

/// A kill that waits for Docker to tell about the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    cause: KillCause,
    grace: Duration,
}

impl DockerExecutorProcess {
    /// The grace period of a kill: that of the request, else that of the task, else that of the
    /// executor.
    pub(super) fn grace_period(&self, requested: Option<&KillPolicy>) -> Duration {
        let declared = self.core.task.as_ref().map(|task| task.info());
        let declared = declared.and_then(|info| info.kill_policy.as_ref());
        let own = self.settings.environment.shutdown_grace_period;
        requested
            .and_then(policy_grace)
            .or_else(|| declared.and_then(policy_grace))
            .unwrap_or_else(|| own.max(self.settings.stop_timeout))
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
        let grace = self.grace_period(policy);
        self.kill(KillCause::Requested, grace, ctx);
    }

    pub(super) fn shut_down_task(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("shutting down");
        if self.core.task.is_some() {
            let grace = self.settings.environment.shutdown_grace_period;
            let grace = grace.max(self.settings.stop_timeout);
            self.kill(
                KillCause::Requested,
                grace.saturating_sub(SHUTDOWN_MARGIN),
                ctx,
            );
        } else {
            self.end(Ending::Done, ctx);
        }
    }

    pub(super) fn completion_timed_out(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("killing task which exceeded its maximum completion time");
        self.kill(KillCause::CompletionTimeout, Duration::ZERO, ctx);
    }

    /// Tells Docker to end the container, once it knows the container.
    pub(super) fn kill(&mut self, cause: KillCause, grace: Duration, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        if !matches!(task.phase, Phase::Running) {
            return;
        }
        task.forget_completion();
        task.wanted = Some(Wanted { cause, grace });
        if task.is_inspected() {
            self.stop_pending(ctx);
        } else {
            ctx.delay(INSPECT_TIMEOUT, Self::give_up_inspection);
        }
    }

    /// Carries out the kill that is wanted, if any.
    pub(super) fn stop_pending(&mut self, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        if !matches!(task.phase, Phase::Running) {
            return;
        }
        let Some(wanted) = task.wanted.take() else {
            return;
        };
        if task.killed.is_none() {
            task.killed = Some(wanted.cause);
            task.stop_checking();
            let info = task.info().clone();
            if wanted.cause != KillCause::CompletionTimeout && self.core.framework_knows_killing() {
                let killing = self
                    .core
                    .statuses
                    .fresh(&info, TaskState::TaskKilling, ctx.now());
                self.core.conversation.report(killing);
            }
        }
        self.stop(wanted.grace, ctx);
    }

    /// Begins a `docker stop`; one that is under way is given up.
    fn stop(&mut self, grace: Duration, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        let (cancel, cancelled) = oneshot::channel();
        task.stop.number += 1;
        task.stop.cancel = Some(cancel);
        let number = task.stop.number;
        let unhealthy = task.killed == Some(KillCause::Unhealthy);
        let name = self.settings.container.name.clone();
        let engine = self.settings.engine.clone();
        let stopping = engine.stop(name, grace.as_secs(), cancelled);
        ctx.perform(stopping, move |executor: &mut Self, stopped, _| {
            executor.on_stopped(number, stopped);
        });
        if unhealthy {
            // Nobody else would ask again.
            ctx.delay(KILL_RETRY, move |executor: &mut Self, ctx| {
                executor.stop_again(number, grace, ctx);
            });
        }
    }

    fn on_stopped(&mut self, number: u64, stopped: Result<(), EngineError>) {
        let Some(task) = &mut self.core.task else {
            return;
        };
        if task.stop.number != number {
            return;
        }
        match stopped {
            Ok(()) => task.stop.cancel = None,
            Err(error) => tracing::error!(%error, "failed to stop the container"),
        }
    }

    fn stop_again(&mut self, number: u64, grace: Duration, ctx: &mut Context<Self>) {
        let Some(task) = &self.core.task else { return };
        let is_last = task.stop.number == number && task.stop.cancel.is_some();
        if is_last && matches!(task.phase, Phase::Running) {
            tracing::info!("retrying to kill task");
            self.stop(grace, ctx);
        }
    }
}
