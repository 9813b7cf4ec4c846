//! The program `mesos-io-switchboard`: outlives the agent beside a container.
//!
//! Mirrors `src/slave/containerizer/mesos/io/switchboard_main.cpp`.
//!
//! # Exit
//! 0 when everything that the container wrote has been passed on; else 1, with the reason on standard error.

use std::{io, net::Ipv4Addr, os::fd::OwnedFd, path::Path, process::ExitCode, time::Duration};

use libprocess::{Future, Runtime};
use mesos_common::flags::{Row, Source, load, usage};
use mesos_common::{flag, flag_struct};
use mesos_linux::descriptor;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    PROGRAM,
    server::{Begin, IoSwitchboardServer, IoSwitchboardServerParts, Kind, Redirect, ServerError},
};

/// How long the last answers may take to leave.
const DRAIN: Duration = Duration::from_secs(5);

flag_struct! {
    /// Flags of `mesos-io-switchboard`.
    pub struct Flags {
        tty: bool,
        stdin_to_fd: Option<i32>,
        stdout_from_fd: Option<i32>,
        stdout_to_fd: Option<i32>,
        stderr_from_fd: Option<i32>,
        stderr_to_fd: Option<i32>,
        wait_for_connection: bool,
        socket_address: Option<String>,
        heartbeat_interval: Option<Duration>,
    }
    groups: [ROWS]
}

const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.tty = "false",
        "Whether the container has a terminal. Its streams are then one descriptor."
    ),
    flag!(
        Flags.stdin_to_fd,
        "Descriptor to write the container's input to."
    ),
    flag!(
        Flags.stdout_from_fd,
        "Descriptor to read the container's output from."
    ),
    flag!(
        Flags.stdout_to_fd,
        "Descriptor to write the container's output to."
    ),
    flag!(
        Flags.stderr_from_fd,
        "Descriptor to read the container's error output from."
    ),
    flag!(
        Flags.stderr_to_fd,
        "Descriptor to write the container's error output to."
    ),
    flag!(
        Flags.wait_for_connection = "false",
        "Whether reading waits for the first client of the output."
    ),
    flag!(
        Flags.socket_address,
        "Path of the unix socket to serve on. It is made when the server takes connections."
    ),
    flag!(
        Flags.heartbeat_interval,
        "Time between two signs of life to clients of the output."
    ),
];

/// The server cannot begin or go on.
#[derive(Debug, Error)]
enum ProgramError {
    /// A flag that must be there is not.
    #[error("'--{0}' is missing")]
    Missing(&'static str),
    /// A descriptor is not open.
    #[error("descriptor of '--{flag}' cannot be used")]
    Descriptor {
        flag: &'static str,
        #[source]
        source: io::Error,
    },
    /// The system refused.
    #[error("Failed to create the io switchboard server")]
    Start(#[source] io::Error),
    /// The runtime did not start.
    #[error("Failed to start the io switchboard server's runtime")]
    Runtime(#[source] libprocess::StartError),
    /// The server gave up.
    #[error("The io switchboard server failed")]
    Server(#[source] ServerError),
    /// The server vanished.
    #[error("The io switchboard server failed: discarded")]
    Gone,
}

/// Runs the program; `arguments` are those after its name.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks to who started it"
)]
pub fn run(arguments: &[String]) -> ExitCode {
    let loading = load::<Flags>(&Source::arguments(arguments.iter()));
    let flags = loading.flags;
    if flags.help {
        print!("{}", usage::<Flags>(PROGRAM, None, None));
        return ExitCode::SUCCESS;
    }
    if let Some(error) = loading.error {
        let error = error.to_string();
        eprint!("{}", usage::<Flags>(PROGRAM, None, Some(&error)));
        return ExitCode::FAILURE;
    }
    match serve(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ ProgramError::Missing(_)) => {
            let error = error.to_string();
            eprint!("{}", usage::<Flags>(PROGRAM, None, Some(&error)));
            ExitCode::FAILURE
        }
        Err(error) => {
            match std::error::Error::source(&error) {
                Some(source) => eprintln!("{error}: {source}"),
                None => eprintln!("{error}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &Flags) -> Result<(), ProgramError> {
    let socket = flags
        .socket_address
        .as_deref()
        .ok_or(ProgramError::Missing("socket_address"))?;
    let parts = parts(flags)?;
    let runtime = Runtime::builder()
        .ip(Ipv4Addr::LOCALHOST.into())
        .arbiters(1)
        .start()
        .map_err(ProgramError::Runtime)?;
    let (server, ended) = IoSwitchboardServer::start(&runtime, Path::new(socket), parts)
        .map_err(ProgramError::Start)?;
    let outcome = runtime.block_on(until_ended(&server, ended));
    runtime.shutdown();
    outcome
}

/// Waits for the end of the server; SIGTERM means that no client is to be waited for.
async fn until_ended(
    server: &IoSwitchboardServer,
    mut ended: Future<Result<(), ServerError>>,
) -> Result<(), ProgramError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ProgramError::Start)?;
    let outcome = loop {
        tokio::select! {
            outcome = &mut ended => break outcome,
            _ = terminate.recv() => server.unblock(),
        }
    };
    // A client that does not read its answer is not waited for.
    drop(tokio::time::timeout(DRAIN, server.drained()).await);
    match outcome.ready() {
        Some(result) => result.map_err(ProgramError::Server),
        None => Err(ProgramError::Gone),
    }
}

fn parts(flags: &Flags) -> Result<IoSwitchboardServerParts, ProgramError> {
    let take = |flag, number: Option<i32>, open: fn(i32) -> io::Result<OwnedFd>| {
        let number = number.ok_or(ProgramError::Missing(flag))?;
        open(number).map_err(|source| ProgramError::Descriptor { flag, source })
    };
    // With a terminal one number stands for all three, so each is copied before it is closed.
    let stdout = take(
        "stdout_from_fd",
        flags.stdout_from_fd,
        descriptor::duplicate,
    )?;
    let stderr = take(
        "stderr_from_fd",
        flags.stderr_from_fd,
        descriptor::duplicate,
    )?;
    let stdin = take("stdin_to_fd", flags.stdin_to_fd, descriptor::inherit)?;
    let parts = IoSwitchboardServerParts {
        kind: if flags.tty {
            Kind::Terminal
        } else {
            Kind::Pipes
        },
        stdin,
        stdout: Redirect {
            from: stdout,
            to: take("stdout_to_fd", flags.stdout_to_fd, descriptor::duplicate)?,
        },
        stderr: Redirect {
            from: stderr,
            to: take("stderr_to_fd", flags.stderr_to_fd, descriptor::duplicate)?,
        },
        begin: if flags.wait_for_connection {
            Begin::WithFirstClient
        } else {
            Begin::AtOnce
        },
        heartbeat_interval: flags.heartbeat_interval,
    };
    for (flag, number) in [
        ("stdout_from_fd", flags.stdout_from_fd),
        ("stderr_from_fd", flags.stderr_from_fd),
    ] {
        if number != flags.stdin_to_fd {
            drop(take(flag, number, descriptor::inherit)?);
        }
    }
    Ok(parts)
}
