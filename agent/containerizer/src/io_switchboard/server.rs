//! Serves the standard streams of one container on a unix socket.
//!
//! Mirrors `IOSwitchboardServerProcess` of `src/slave/containerizer/mesos/io/switchboard.cpp`.
//!
//! # Owns
//! The server's ends of the container's streams, and the clients that are attached.
//!
//! # Invariants
//! - What the container writes goes to its log, whether clients are there or not; no client holds it up.
//! - At most one client writes to the container's input.
//!
//! # Timers
//! A sign of life to all clients of the output at each interval; a second between the end of the output and the answer
//! to the client of the input, so that its last words are still read.
//!
//! # Wire
//! Paths, media types, texts and records are those that agents of C++ Mesos use and forward.

mod input;
mod media;
mod output;
mod redirect;
mod request;

use std::{fmt, io, os::fd::OwnedFd, path::Path, time::Duration};

use libprocess::{Future, Pid, Process, ProcessId, Promise, Runtime, http};
use thiserror::Error;

use self::{input::Attached, output::Outputs, redirect::Redirects};

/// A server that cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServerError {
    /// What the container writes cannot be read or kept.
    #[error("Failed redirecting {stream}: {why}")]
    Redirect {
        /// The stream.
        stream: &'static str,
        /// What the system said.
        why: String,
    },
    /// What clients write does not reach the container.
    #[error("Failed writing to stdin: {0}")]
    Write(String),
}

/// Whether the streams of a container are pipes or one terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One for each stream.
    Pipes,
    /// One for all: the container has no error output of its own.
    Terminal,
}

/// When the container's output begins to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At once.
    AtOnce,
    /// When the first client wants it, so that it gets everything.
    WithFirstClient,
}

/// A stream of the container, and where it is kept.
#[derive(Debug)]
pub struct Redirect {
    /// What the container writes.
    pub from: OwnedFd,
    /// Its log.
    pub to: OwnedFd,
}

/// What a server is made of.
#[derive(Debug)]
pub struct IoSwitchboardServerParts {
    /// What the streams are.
    pub kind: Kind,
    /// Where the container's input is written to.
    pub stdin: OwnedFd,
    /// The container's output.
    pub stdout: Redirect,
    /// The container's error output; not used with a terminal.
    pub stderr: Redirect,
    /// When reading begins.
    pub begin: Begin,
    /// Time between two signs of life.
    pub heartbeat_interval: Option<Duration>,
}

/// The actor of the server.
#[doc(alias = "IOSwitchboardServerProcess")]
pub struct IoSwitchboardServerProcess {
    kind: Kind,
    /// Closed when a client says that there is no more.
    stdin: Option<OwnedFd>,
    redirects: Redirects,
    begin: Begin,
    outputs: Outputs,
    input: Option<Attached>,
    next_input: u64,
    /// How many answers to clients of the input have not reached their agent yet, as far as agents tell.
    unacknowledged: usize,
    failure: Option<ServerError>,
    ended: Option<Promise<Result<(), ServerError>>>,
    heartbeat_interval: Option<Duration>,
}

impl fmt::Debug for IoSwitchboardServerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoSwitchboardServerProcess")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Process for IoSwitchboardServerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("io-switchboard-server")
    }

    fn initialize(&mut self, ctx: &mut libprocess::Context<Self>) {
        if self.begin == Begin::AtOnce {
            self.begin_redirects(ctx);
        }
        self.beat(ctx);
    }
}

/// The handle of the [`IoSwitchboardServerProcess`], with its socket.
#[derive(Debug)]
pub struct IoSwitchboardServer {
    pid: Pid<IoSwitchboardServerProcess>,
    socket: http::Server,
}

impl IoSwitchboardServer {
    /// Starts the actor and listens; the socket's file is there only when it takes connections.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(
        runtime: &Runtime,
        socket: &Path,
        parts: IoSwitchboardServerParts,
    ) -> io::Result<(Self, Future<Result<(), ServerError>>)> {
        let (ended, end) = Promise::new();
        let pid = runtime.spawn(IoSwitchboardServerProcess {
            kind: parts.kind,
            stdin: Some(parts.stdin),
            redirects: Redirects::new(parts.kind, parts.stdout, parts.stderr),
            begin: parts.begin,
            outputs: Outputs::default(),
            input: None,
            next_input: 0,
            unacknowledged: 0,
            failure: None,
            ended: Some(ended),
            heartbeat_interval: parts.heartbeat_interval,
        });
        let mut provisional = socket.as_os_str().to_owned();
        provisional.push("_provisional");
        let handler = pid.clone();
        let server = http::Server::unix(runtime, Path::new(&provisional), move |request| {
            handler.call_future(move |server, ctx| server.handle(request, ctx))
        })?;
        std::fs::rename(&provisional, socket)?;
        Ok((
            Self {
                pid,
                socket: server,
            },
            end,
        ))
    }

    /// Begins to read the output without waiting for a client; a server whose output has ended waits for nobody.
    pub fn unblock(&self) {
        self.pid.dispatch(IoSwitchboardServerProcess::unblock);
    }

    /// Waits until all answers are written.
    ///
    /// # Cancel safety
    /// Dropping the future stops waiting.
    pub async fn drained(&self) {
        self.socket.drained().await;
    }
}

#[cfg(test)]
mod tests;
