//! The Docker engine, by its own program.
//!
//! Mesos drives Docker by the `docker` program, and tasks may give it any option that it has
//! (`parameters`): so does this executor.

use std::io;
use std::process::Stdio;

use mesos_linux::wait_status::WaitStatus;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::inspection::{Inspection, MalformedInspection};

/// How to reach Docker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// The program.
    pub program: String,
    /// The socket of the daemon, as `--docker_socket` names it.
    pub socket: String,
}

/// Why Docker did not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error("failed to run docker: {0}")]
    Program(#[from] io::Error),
    #[error("{status}; stderr='{stderr}'")]
    Refused { status: WaitStatus, stderr: String },
    #[error(transparent)]
    Malformed(#[from] MalformedInspection),
    #[error("docker did not answer in time")]
    Cancelled,
}

impl Engine {
    /// The first words of every command line.
    pub(crate) fn prefix(&self) -> [String; 2] {
        let socket = if self.socket.contains("://") {
            self.socket.clone()
        } else {
            format!("unix://{}", self.socket)
        };
        ["-H".to_owned(), socket]
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.prefix()).stdin(Stdio::null());
        command
    }

    /// Runs a container in the foreground, with the output of this program.
    pub(crate) fn run(&self, arguments: &[String]) -> io::Result<Child> {
        self.command().args(arguments).spawn()
    }

    /// Looks at a container once. When `cancelled` fires or its sender is dropped, `docker` is
    /// killed.
    pub(crate) async fn inspect(
        self,
        name: String,
        cancelled: oneshot::Receiver<()>,
    ) -> Result<Inspection, EngineError> {
        let mut command = self.command();
        command.args(["inspect", "--type=container", &name]);
        let output = output(command, cancelled).await?;
        Ok(Inspection::read(output)?)
    }

    /// Asks a container to end, and ends it by force after so many seconds.
    pub(crate) async fn stop(
        self,
        name: String,
        seconds: u64,
        cancelled: oneshot::Receiver<()>,
    ) -> Result<(), EngineError> {
        let mut command = self.command();
        command.args(["stop", "-t", &seconds.to_string(), &name]);
        output(command, cancelled).await.map(drop)
    }
}

/// What a command printed.
async fn output(
    mut command: Command,
    cancelled: oneshot::Receiver<()>,
) -> Result<String, EngineError> {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = tokio::select! {
        output = command.output() => output?,
        _ = cancelled => return Err(EngineError::Cancelled),
    };
    let status = WaitStatus::from(output.status);
    if status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(EngineError::Refused { status, stderr })
}
