//! What becomes of a server: how it ended, and that it ends with its container.

use std::{
    fs, io, os::unix::process::ExitStatusExt, path::PathBuf, process::ExitStatus, time::Duration,
};

use libprocess::{Context, Future, Promise};
use mesos_linux::wait_status::WaitStatus;
use mesos_proto::v1::task_status::Reason;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{IoSwitchboardProcess, ServerState};
use crate::{
    ContainerId, isolator::IsolatorAnswer, launch_info::ContainerLimitation, paths, state_file,
};

/// How long a server may live on, so that a late client still gets the output of a short container.
const GRACE: Duration = Duration::from_secs(5);

/// How long a server may take to end when it was asked to.
const PATIENCE: Duration = Duration::from_secs(60);

impl IoSwitchboardProcess {
    /// A server that runs, and whose end will be seen.
    pub(super) fn watched(id: &ContainerId, pid: i32, ctx: &mut Context<Self>) -> ServerState {
        let ended = ctx.runtime().reap(pid);
        let id = id.clone();
        ctx.on_any(ended, move |process, outcome, _| {
            process.on_ended(&id, outcome.ready().flatten());
        });
        ServerState::Running {
            pid,
            cleanups: Vec::new(),
            limited: Vec::new(),
        }
    }

    /// The end of a server that did not end well is told to its container; a status that nobody knows counts as good.
    fn on_ended(&mut self, id: &ContainerId, status: Option<ExitStatus>) {
        let Some(server) = self.servers.get_mut(id) else {
            return;
        };
        let limitation = status.filter(|status| !status.success()).map(limitation);
        let ended = ServerState::Ended(limitation.clone());
        let ServerState::Running {
            cleanups, limited, ..
        } = std::mem::replace(server, ended)
        else {
            return;
        };
        if let Some(limitation) = limitation {
            tracing::error!(%id, message = limitation.message(), "I/O switchboard server ended unexpectedly");
            for promise in limited {
                promise.set(limitation.clone());
            }
        }
        if !cleanups.is_empty() {
            self.forget(id);
        }
        for promise in cleanups {
            promise.set(Ok(()));
        }
    }

    /// Tells when the server of a container ends badly.
    pub(super) fn watch(&mut self, id: &ContainerId) -> Future<ContainerLimitation> {
        let (promise, future) = Promise::new();
        match self.servers.get_mut(id) {
            Some(ServerState::Running { limited, .. }) => limited.push(promise),
            Some(ServerState::Ended(Some(limitation))) => promise.set(limitation.clone()),
            // Nothing will be told.
            Some(ServerState::Ended(None)) | None => {}
        }
        future
    }

    /// Waits until the server has ended, and removes what is left of it.
    pub(super) fn cleanup(
        &mut self,
        id: &ContainerId,
        ctx: &mut Context<Self>,
    ) -> IsolatorAnswer<()> {
        // A container that was never forked has its streams here; the server waits for their end.
        self.streams.remove(id);
        match self.servers.get_mut(id) {
            None => Future::ready(Ok(())),
            Some(ServerState::Ended(_)) => {
                self.forget(id);
                Future::ready(Ok(()))
            }
            Some(ServerState::Running { cleanups, .. }) => {
                let (promise, future) = Promise::new();
                cleanups.push(promise);
                let id = id.clone();
                ctx.delay(GRACE, move |process, ctx| {
                    if !process.signal(&id, Signal::SIGTERM) {
                        return;
                    }
                    ctx.delay(PATIENCE, move |process, _| {
                        process.signal(&id, Signal::SIGKILL);
                    });
                });
                future
            }
        }
    }

    /// Sends a signal to a server that still runs.
    fn signal(&self, id: &ContainerId, signal: Signal) -> bool {
        let Some(ServerState::Running { pid, .. }) = self.servers.get(id) else {
            return false;
        };
        tracing::info!(%id, pid, %signal, "signalling the I/O switchboard server of a container that is destroyed");
        if let Err(error) = kill(Pid::from_raw(*pid), signal) {
            tracing::debug!(%id, pid, %error, "I/O switchboard server is not there");
        }
        true
    }

    fn forget(&mut self, id: &ContainerId) {
        self.servers.remove(id);
        let Some(socket) = self.socket_of(id) else {
            return;
        };
        match fs::remove_file(&socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(%id, %error, "socket of the I/O switchboard server stays behind");
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Where the server of a container listens, when that was written down.
    pub(super) fn socket_of(&self, id: &ContainerId) -> Option<PathBuf> {
        let runtime = paths::runtime_path(&self.options.runtime_dir, id);
        let socket = state_file::read_text(&paths::io_switchboard_socket_file(&runtime));
        socket.ok().flatten().map(PathBuf::from)
    }
}

fn limitation(status: ExitStatus) -> ContainerLimitation {
    let how = WaitStatus::from_raw(status.into_raw());
    ContainerLimitation {
        reason: Some(Reason::ReasonIoSwitchboardExited.into()),
        message: Some(format!("'IOSwitchboard' {how}")),
        ..Default::default()
    }
}
