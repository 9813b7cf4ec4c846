//! Asks a task by a helper process: a command, `curl`, or a connection of our own.
//!
//! Mirrors `src/checks/checks_runtime.cpp` and the plain runtime of `checker_process.cpp`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;

use mesos_linux::process_tree::{Follow, ProcFs, kill_tree};
use mesos_linux::wait_status::WaitStatus;
use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::checker_process::{ProbeError, ProbeResult};
use super::probe::{Plan, Probe, Probed};

/// First argument by which the executor's own program enters the namespaces of a task and then
/// becomes the helper.
pub const NAMESPACES_ARGUMENT: &str = "--in-namespaces-of";

/// A namespace of the task that its checks must run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The task's file systems.
    Mount,
    /// The task's network.
    Network,
}

impl Namespace {
    fn name(self) -> &'static str {
        match self {
            Self::Mount => "mnt",
            Self::Network => "net",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        match name {
            "mnt" => Some(Self::Mount),
            "net" => Some(Self::Network),
            _ => None,
        }
    }

    fn clone_flag(self) -> nix::sched::CloneFlags {
        match self {
            Self::Mount => nix::sched::CloneFlags::CLONE_NEWNS,
            Self::Network => nix::sched::CloneFlags::CLONE_NEWNET,
        }
    }
}

/// The task that is checked.
#[derive(Clone, Debug)]
pub struct CheckedTask {
    /// The process of the task.
    pub pid: i32,
    /// The namespaces to enter, in order.
    pub namespaces: Vec<Namespace>,
    /// A program that hands its arguments to [`exec_in_namespaces`] when the first one is
    /// [`NAMESPACES_ARGUMENT`]; only used when there are namespaces.
    pub helper: PathBuf,
    /// The environment of command checks.
    pub environment: BTreeMap<String, String>,
}

/// Asks once. `cancelled` fires when the time is up; when its sender is dropped the answer no
/// longer matters. In both cases the helper and all its children are killed.
pub(crate) async fn ask(
    plan: Plan,
    task: CheckedTask,
    cancelled: oneshot::Receiver<()>,
) -> ProbeResult {
    let helper = match &plan.probe {
        Probe::Command(_) => "Command",
        Probe::Http { .. } => "curl",
        Probe::Tcp { .. } => "mesos-tcp-connect",
    };
    let late = plan.late(helper);
    match plan.probe {
        Probe::Command(command) => {
            let program = if command.shell() {
                "sh"
            } else {
                command.value()
            };
            let mut child = Command::new(program);
            if command.shell() {
                child.args(["-c", command.value()]);
            } else if let Some((name, rest)) = command.arguments.split_first() {
                child.arg0(name).args(rest);
            }
            let variables = &command.environment().variables;
            child.env_clear().envs(&task.environment);
            child.envs(
                variables
                    .iter()
                    .map(|variable| (variable.name(), variable.value())),
            );
            let child = task.enter(child);
            run_command(child, late, cancelled).await
        }
        Probe::Http { url } => run_curl(&task, &url, late, cancelled).await,
        Probe::Tcp { address } => {
            let socket = task.socket(address);
            let socket = socket.map_err(|error| failed("mesos-tcp-connect", &error))?;
            tokio::select! {
                connection = socket.connect(address) => Ok(Probed::Connected(connection.is_ok())),
                _ = cancelled => Err(late),
            }
        }
    }
}

async fn run_command(
    mut command: Command,
    late: ProbeError,
    cancelled: oneshot::Receiver<()>,
) -> ProbeResult {
    // What the command says belongs into the sandbox, where the executor's own complaints are.
    command
        .stdin(Stdio::null())
        .stdout(stderr_of_the_executor())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed("Command", &error))?;
    tokio::select! {
        status = child.wait() => {
            let status = WaitStatus::from(status.map_err(|error| failed("Command", &error))?);
            status.code().map(Probed::Exit).ok_or_else(|| ProbeError::Ended {
                helper: "Command",
                status: status.to_string(),
                output: String::new(),
            })
        }
        _ = cancelled => {
            end(&mut child).await;
            Err(late)
        }
    }
}

async fn run_curl(
    task: &CheckedTask,
    url: &str,
    late: ProbeError,
    cancelled: oneshot::Receiver<()>,
) -> ProbeResult {
    let mut command = Command::new("curl");
    // Silent but with errors, redirects followed, any certificate taken, no globbing of the
    // brackets around an IPv6 address; only the status code is printed.
    command.args([
        "-s",
        "-S",
        "-L",
        "-k",
        "-w",
        "%{http_code}",
        "-o",
        "/dev/null",
        "-g",
        url,
    ]);
    let mut command = task.enter(command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed("curl", &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (output, errors) = tokio::join!(read_all(stdout), read_all(stderr));
        (child.wait().await, output, errors)
    };
    let outcome = tokio::select! {
        outcome = work => Some(outcome),
        _ = cancelled => None,
    };
    let Some((status, output, errors)) = outcome else {
        end(&mut child).await;
        return Err(late);
    };
    let status = WaitStatus::from(status.map_err(|error| failed("curl", &error))?);
    if !status.success() {
        let status = status.to_string();
        return Err(ProbeError::Ended {
            helper: "curl",
            status,
            output: errors,
        });
    }
    output
        .parse()
        .map(Probed::Status)
        .map_err(|_not_a_number| ProbeError::Unexpected(output))
}

async fn read_all(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read until the error is all there is to tell.
        let _ = stream.read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Kills the helper with everything it has started, and reaps it.
async fn end(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let killed = kill_tree(
            &ProcFs::default(),
            pid,
            Signal::SIGKILL,
            Follow::Descendants,
        );
        if let Err(error) = killed {
            tracing::warn!(pid, %error, "could not kill the tree of a check");
        }
    }
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "could not kill a check");
    }
}

fn failed(helper: &str, error: &io::Error) -> ProbeError {
    ProbeError::Helper {
        helper: helper.to_owned(),
        reason: error.to_string(),
    }
}

fn stderr_of_the_executor() -> Stdio {
    use std::os::fd::AsFd;
    io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .map_or_else(|_| Stdio::null(), Stdio::from)
}

impl CheckedTask {
    /// Makes a socket in the network of the task, where it stays whoever uses it.
    fn socket(&self, address: SocketAddr) -> io::Result<TcpSocket> {
        let make = move || match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        if !self.namespaces.contains(&Namespace::Network) {
            return make();
        }
        let path = format!("/proc/{}/ns/net", self.pid);
        // The thread that enters ends there.
        let thread = thread::spawn(move || {
            nix::sched::setns(File::open(path)?, Namespace::Network.clone_flag())?;
            make()
        });
        thread
            .join()
            .unwrap_or_else(|_panic| Err(io::Error::other("the thread did not end well")))
    }

    /// Makes `command` run inside the namespaces of the task.
    fn enter(&self, command: Command) -> Command {
        if self.namespaces.is_empty() {
            return command;
        }
        let inner = command.as_std();
        let names: Vec<&str> = self
            .namespaces
            .iter()
            .map(|namespace| namespace.name())
            .collect();
        let mut outer = Command::new(&self.helper);
        outer.arg0("mesos-executor").arg(NAMESPACES_ARGUMENT);
        outer.arg(self.pid.to_string()).arg(names.join(","));
        outer.arg(inner.get_program()).args(inner.get_args());
        outer.env_clear();
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                outer.env(name, value);
            }
        }
        outer
    }
}

/// Enters namespaces of another process and replaces this one by a program. `arguments` are the
/// process, the names of the namespaces with commas, the program and its arguments.
///
/// Must be called before the process has a second thread. Returns only when it fails.
#[must_use]
pub fn exec_in_namespaces(mut arguments: impl Iterator<Item = OsString>) -> io::Error {
    use std::os::unix::process::CommandExt;
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text);
    let (Some(pid), Some(names), Some(program)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return invalid("expected a process, its namespaces and a program");
    };
    let directory = PathBuf::from("/proc").join(pid).join("ns");
    let mut opened = Vec::new();
    for name in names.to_string_lossy().split(',') {
        let Some(namespace) = Namespace::parse(name) else {
            return invalid("unknown namespace");
        };
        // All are opened before the first is entered: /proc may look different afterwards.
        match File::open(directory.join(name)) {
            Ok(file) => opened.push((file, namespace)),
            Err(error) => return error,
        }
    }
    for (file, namespace) in opened {
        if let Err(errno) = nix::sched::setns(file, namespace.clone_flag()) {
            return errno.into();
        }
    }
    std::process::Command::new(program).args(arguments).exec()
}
