//! Asks a task by a command in a container below the task's own, through the agent.
//!
//! Mirrors the nested runtime of `src/checks/checker_process.cpp`.

use libprocess::http::client::ClientError;
use mesos_api_client::ContentType;
use mesos_linux::wait_status::WaitStatus;
use mesos_proto::v1::agent::{Call, Response, call};
use mesos_proto::v1::{CommandInfo, ContainerId};
use nix::sys::signal::Signal;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::checker_process::{ProbeError, ProbeResult};
use super::command::CheckedTask;
use super::probe::Probed;
use crate::agent_api::{AgentApi, Answer};

/// The task that is checked.
#[derive(Clone, Debug)]
pub(crate) struct NestedTask {
    pub(crate) api: AgentApi,
    /// The container of the task.
    pub(crate) container_id: ContainerId,
    /// For checks that need no container: the network is shared.
    pub(crate) beside: CheckedTask,
}

impl NestedTask {
    /// Runs a command check once, in the container `check`, after the container of the check
    /// before is removed.
    ///
    /// Whatever goes wrong on the agent's side is [`ProbeError::Discarded`]: it says nothing about
    /// the task.
    pub(crate) async fn ask(
        self,
        command: CommandInfo,
        previous: Option<ContainerId>,
        check: ContainerId,
        late: ProbeError,
        cancelled: oneshot::Receiver<()>,
    ) -> ProbeResult {
        if let Some(previous) = previous {
            let removed = self.api.clone().call(remove_call(previous)).await;
            if !matches!(removed, Ok(Answer { status: 200, .. })) {
                return Err(ProbeError::Discarded);
            }
        }
        let running = self.clone().run(command, check.clone());
        let finished = tokio::select! {
            finished = running => finished.map_err(|_gone| ProbeError::Discarded),
            // Dropping the session makes the agent destroy its container.
            _ = cancelled => Ok(Finished::Late),
        };
        let exit_status = self.wait(check).await?;
        match finished? {
            Finished::Late => Err(late),
            Finished::Refused => Err(ProbeError::Discarded),
            Finished::Ended => judge(exit_status),
        }
    }

    /// Runs the session to its end.
    async fn run(self, command: CommandInfo, check: ContainerId) -> Result<Finished, ClientError> {
        let launch = call::LaunchNestedContainerSession {
            container_id: Some(check),
            command: Some(command.into()),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::LaunchNestedContainerSession.into()),
            launch_nested_container_session: Some(launch.into()),
            ..Default::default()
        };
        let mut session = self.api.connect().await?.session(call).await?;
        if session.status != 200 {
            return Ok(Finished::Refused);
        }
        // The output is of no interest, but its end is.
        while let Some(piece) = session.output.read().await {
            if piece.is_err() {
                return Err(ClientError::Disconnected);
            }
        }
        Ok(Finished::Ended)
    }

    async fn wait(self, check: ContainerId) -> Result<Option<i32>, ProbeError> {
        let wait = call::WaitNestedContainer {
            container_id: Some(check),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::WaitNestedContainer.into()),
            wait_nested_container: Some(wait),
            ..Default::default()
        };
        let Ok(Answer { status: 200, body }) = self.api.call(call).await else {
            return Err(ProbeError::Discarded);
        };
        let response: Result<Response, _> = ContentType::Protobuf.decode(&body);
        let response = response.map_err(|_malformed| ProbeError::Discarded)?;
        Ok(response.wait_nested_container().exit_status)
    }

    /// A new id for the container of a check.
    pub(crate) fn check_id(&self) -> ContainerId {
        ContainerId {
            value: Some(format!("check-{}", Uuid::new_v4())),
            parent: Some(Box::new(self.container_id.clone())),
            ..Default::default()
        }
    }
}

/// How a session ended.
enum Finished {
    Ended,
    Refused,
    Late,
}

fn judge(exit_status: Option<i32>) -> ProbeResult {
    let ended = |status: String| ProbeError::Ended {
        helper: "Command",
        status,
        output: String::new(),
    };
    let Some(status) = exit_status.map(WaitStatus::from_raw) else {
        return Err(ended("has no exit code".to_owned()));
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => Ok(Probed::Exit(code)),
        // The agent kills what it cannot keep, for instance while it restarts.
        (None, Some(signal)) if signal == Signal::SIGKILL as i32 => Err(ProbeError::Discarded),
        (None, _) => Err(ended(status.to_string())),
    }
}

fn remove_call(container_id: ContainerId) -> Call {
    let remove = call::RemoveNestedContainer {
        container_id: Some(container_id),
        ..Default::default()
    };
    Call {
        r#type: Some(call::Type::RemoveNestedContainer.into()),
        remove_nested_container: Some(remove),
        ..Default::default()
    }
}
