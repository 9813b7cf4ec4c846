//! The recorded agent against our executors.

mod command;
mod default;
mod needs_docker;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};

use mesos_integration::replay::Outcome;
use mesos_integration::{binary, leftovers};

/// The framework and the executor that an executor process is told of.
struct Identity<'a> {
    framework: &'a str,
    executor: &'a str,
    agent: &'a str,
}

/// An executor process that is killed with everything it started.
struct Executor {
    child: Child,
    mark: String,
    folder: tempfile::TempDir,
}

impl Executor {
    /// Starts a program as an agent at this address does.
    fn start(identity: &Identity<'_>, agent: SocketAddr, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::start_in(folder, identity, agent, arguments)
    }

    fn start_in(
        folder: tempfile::TempDir,
        identity: &Identity<'_>,
        agent: SocketAddr,
        arguments: &[&str],
    ) -> Self {
        let mark = uuid::Uuid::new_v4().to_string();
        let child = binary::command(&mark)
            .expect("the binary is built")
            .args(arguments)
            .env("MESOS_FRAMEWORK_ID", identity.framework)
            .env("MESOS_EXECUTOR_ID", identity.executor)
            .env("MESOS_SLAVE_ID", identity.agent)
            .env("MESOS_SLAVE_PID", format!("slave(1)@{agent}"))
            .env("MESOS_DIRECTORY", folder.path())
            .env("MESOS_SANDBOX", folder.path())
            .env("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs")
            .env("LIBPROCESS_IP", "127.0.0.1")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the executor starts");
        Self {
            child,
            mark,
            folder,
        }
    }

    /// The command lines of what runs on behalf of the executor.
    fn commands(mark: &str, folder: &Path) -> Vec<String> {
        let processes = leftovers::processes(mark, folder);
        processes
            .into_iter()
            .map(|process| process.command)
            .collect()
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
        leftovers::kill_all(&self.mark, self.folder.path());
    }
}

/// What differs, a line each.
fn differences(outcome: &Outcome) -> Vec<String> {
    outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect()
}
