//! Kill of single tasks, of groups, and of everything.

use std::time::Duration;

use libprocess::Context;
use libprocess::http::client::ClientError;
use mesos_proto::v1::agent::{Call, call};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::{KillPolicy, TaskId, TaskState};
use nix::sys::signal::Signal;

use super::containers::Phase;
use super::{DefaultExecutorProcess, Life};
use crate::agent_api::Answer;
use crate::kill_policy::{DEFAULT_GRACE_PERIOD, KillCause, grace_period};

/// Time between two attempts to kill by force.
const RETRY: Duration = Duration::from_secs(1);

impl DefaultExecutorProcess {
    pub(super) fn kill_requested(
        &mut self,
        task_id: &TaskId,
        policy: Option<&KillPolicy>,
        ctx: &mut Context<Self>,
    ) {
        if self.life != Life::Working {
            return;
        }
        let Some(container) = self.containers.get(task_id) else {
            return tracing::warn!(task = task_id.value(), "ignoring kill of an unknown task");
        };
        let grace = grace_period(policy, container.task.kill_policy.as_ref());
        self.kill(task_id, KillCause::Requested, grace, ctx);
    }

    pub(super) fn completion_timed_out(&mut self, task_id: &TaskId, ctx: &mut Context<Self>) {
        tracing::info!(
            task = task_id.value(),
            "task exceeded its maximum completion time"
        );
        self.kill(task_id, KillCause::CompletionTimeout, Duration::ZERO, ctx);
    }

    /// Tells a container to end, and kills it when the grace period is over. A later kill, even
    /// one with a shorter grace period, changes nothing.
    pub(super) fn kill(
        &mut self,
        task_id: &TaskId,
        cause: KillCause,
        grace: Duration,
        ctx: &mut Context<Self>,
    ) {
        let Some(container) = self.containers.get_mut(task_id) else {
            return;
        };
        if container.phase != Phase::Running {
            return;
        }
        container.let_go();
        container.phase = Phase::Killing(cause);
        if cause != KillCause::CompletionTimeout
            && self.framework_has(capability::Type::TaskKillingState)
            && let Some(status) = self.status(task_id, TaskState::TaskKilling, ctx)
        {
            self.forward(status);
        }
        let late = task_id.clone();
        ctx.delay(grace, move |executor: &mut Self, ctx| {
            executor.escalate(&late, ctx);
        });
        self.signal(task_id, Signal::SIGTERM, ctx);
    }

    fn escalate(&mut self, task_id: &TaskId, ctx: &mut Context<Self>) {
        self.signal(task_id, Signal::SIGKILL, ctx);
    }

    fn signal(&mut self, task_id: &TaskId, signal: Signal, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get(task_id) else {
            return;
        };
        let kill = call::KillNestedContainer {
            container_id: Some(container.id.clone()),
            signal: Some(signal as i32),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::KillNestedContainer.into()),
            kill_nested_container: Some(kill),
            ..Default::default()
        };
        let task_id = task_id.clone();
        ctx.perform(
            self.api.clone().call(call),
            move |executor: &mut Self, answer, ctx| {
                executor.on_signalled(&task_id, signal, &answer, ctx);
            },
        );
    }

    fn on_signalled(
        &mut self,
        task_id: &TaskId,
        signal: Signal,
        answer: &Result<Answer, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if matches!(
            answer,
            Ok(Answer {
                status: 200 | 404,
                ..
            })
        ) {
            return;
        }
        tracing::warn!(task = task_id.value(), %signal, ?answer, "kill failed");
        if signal == Signal::SIGKILL {
            let task_id = task_id.clone();
            ctx.delay(RETRY, move |executor: &mut Self, ctx| {
                executor.escalate(&task_id, ctx);
            });
        } else if self.life == Life::ShuttingDown {
            self.leave(ctx);
        }
    }

    pub(super) fn shut_down(&mut self, ctx: &mut Context<Self>) {
        if self.life != Life::Working {
            return;
        }
        tracing::info!("shutting down");
        self.life = Life::ShuttingDown;
        if self.containers.is_empty() || self.conversation.subscription().is_none() {
            return self.leave(ctx);
        }
        for task_id in self.containers.task_ids() {
            self.kill(&task_id, KillCause::Requested, DEFAULT_GRACE_PERIOD, ctx);
        }
    }
}
