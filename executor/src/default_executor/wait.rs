//! Waits for the end of containers, and what follows from it.

use std::time::Duration;

use libprocess::Context;
use libprocess::http::client::ClientError;
use mesos_api_client::ContentType;
use mesos_proto::v1::agent::{Call, Response, call};
use mesos_proto::v1::{TaskId, TaskState};

use super::containers::Cascade;
use super::outcome::outcome;
use super::{DefaultExecutorProcess, Life};
use crate::agent_api::Answer;
use crate::kill_policy::{DEFAULT_GRACE_PERIOD, KillCause};

/// Time between two attempts to wait.
const RETRY: Duration = Duration::from_secs(1);

impl DefaultExecutorProcess {
    /// Asks the agent for the end of a container; the answer comes when it has ended.
    pub(super) fn wait(&mut self, task_id: &TaskId, ctx: &mut Context<Self>) {
        let Some(subscription) = self.conversation.subscription() else {
            return;
        };
        let Some(container) = self.containers.get(task_id) else {
            return;
        };
        let wait = call::WaitNestedContainer {
            container_id: Some(container.id.clone()),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::WaitNestedContainer.into()),
            wait_nested_container: Some(wait),
            ..Default::default()
        };
        let task_id = task_id.clone();
        ctx.perform(
            self.api.clone().call(call),
            move |executor: &mut Self, answer, ctx| {
                if executor.conversation.subscription() == Some(subscription) {
                    executor.on_waited(&task_id, &answer, ctx);
                }
            },
        );
    }

    fn on_waited(
        &mut self,
        task_id: &TaskId,
        answer: &Result<Answer, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        let waited = match answer {
            Ok(Answer { status: 200, body }) => ContentType::Protobuf
                .decode::<Response>(body)
                .map(|response| Some(response.wait_nested_container().clone())),
            Ok(Answer { status: 404, .. }) => Ok(None),
            Ok(Answer { status: 503, .. }) | Err(_) => return self.wait_later(task_id, ctx),
            Ok(answer) => {
                tracing::error!(status = answer.status, body = answer.text(), "wait refused");
                return self.leave(ctx);
            }
        };
        match waited {
            Ok(waited) => self.ended(task_id, waited.as_ref(), ctx),
            Err(error) => {
                tracing::error!(%error, "the answer to a wait cannot be read");
                self.leave(ctx);
            }
        }
    }

    fn wait_later(&mut self, task_id: &TaskId, ctx: &mut Context<Self>) {
        let Some(subscription) = self.conversation.subscription() else {
            return;
        };
        let task_id = task_id.clone();
        ctx.delay(RETRY, move |executor: &mut Self, ctx| {
            if executor.conversation.subscription() == Some(subscription) {
                executor.wait(&task_id, ctx);
            }
        });
    }

    /// A container has ended: `waited` tells how, unless the agent does not know it.
    fn ended(
        &mut self,
        task_id: &TaskId,
        waited: Option<&mesos_proto::v1::agent::response::WaitNestedContainer>,
        ctx: &mut Context<Self>,
    ) {
        let Some(mut container) = self.containers.remove(task_id) else {
            return;
        };
        container.let_go();
        let mut outcome = outcome(waited, &container.phase);
        outcome.healthy = self.unhealthy;
        let state = outcome.state;
        let status = self.statuses.last(&container.task, outcome, ctx.now());
        self.forward(mesos_proto::v1::TaskStatus {
            container_status: Some(container.status().into()),
            limitation: waited.and_then(|waited| waited.limitation.clone()),
            ..status
        });
        if self.containers.is_empty() {
            return self.leave(ctx);
        }
        let fell = matches!(state, TaskState::TaskFailed | TaskState::TaskKilled);
        if fell && self.life == Life::Working && container.cascade == Cascade::Pending {
            self.kill_group(&container.group, ctx);
        }
    }

    fn kill_group(&mut self, group: &[TaskId], ctx: &mut Context<Self>) {
        for task_id in group {
            let Some(container) = self.containers.get_mut(task_id) else {
                continue;
            };
            container.cascade = Cascade::Done;
            self.kill(task_id, KillCause::Requested, DEFAULT_GRACE_PERIOD, ctx);
        }
    }
}
