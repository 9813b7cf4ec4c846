//! `mesos agent`: runs an agent until a signal ends it.
//!
//! Mirrors `src/slave/main.cpp`.
//! SIGUSR1 makes the agent unregister and shut down what it runs; SIGTERM and SIGINT leave its
//! tasks running for the next agent on the same directory.

use std::ffi::OsString;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context, Result};
use libprocess::{Future, Runtime};
use mesos_agent::flags::Flags;
use mesos_agent::{AgentExit, AgentHandle};
use mesos_common::wire::variable::AGENT_PROCESS_ID;
use tokio::signal::unix::{SignalKind, signal};

use crate::commands::daemon::{self, Addresses, Daemon};
use crate::logging::Verbosity;
use crate::signals::termination;

const DAEMON: Daemon<Flags> = Daemon {
    program: "mesos-agent",
    private_prefix: "MESOS_AGENT_",
    version: |flags| flags.version,
    check: |flags| Ok(flags.check()?),
};

/// Runs an agent.
pub fn run(arguments: &[OsString]) -> ExitCode {
    DAEMON.run(arguments, serve)
}

fn serve(flags: Flags, verbosity: Verbosity) -> Result<ExitCode> {
    let builder = Addresses {
        ip: flags.ip.as_deref(),
        ip_discovery_command: flags.ip_discovery_command.as_deref(),
        port: flags.port,
        advertise_ip: flags.advertise_ip.as_deref(),
        advertise_port: flags.advertise_port.as_deref(),
        transport: flags.transport.as_deref(),
    }
    .builder()?
    .delegate(AGENT_PROCESS_ID)
    .grpc(mesos_agent::grpc::services())
    .realms("mesos-agent-readonly", "mesos-agent-readwrite");
    let runtime = daemon::start(builder)?;
    runtime.on_log_level(move |level| verbosity.set(level));
    let outcome = serve_in(&runtime, flags);
    runtime.shutdown();
    outcome
}

/// Runs the agent in a runtime until its end.
fn serve_in(runtime: &Runtime, flags: Flags) -> Result<ExitCode> {
    let mut agent = mesos_agent::start(runtime, flags).context("failed to start the agent")?;
    let ended = agent
        .exited()
        .context("somebody else waits for the end of the agent")?;
    let code = runtime.block_on(until_the_end(&agent, ended));
    agent.terminate();
    code
}

/// Waits for a signal that stops the agent, or for its end.
async fn until_the_end(agent: &AgentHandle, ended: Future<AgentExit>) -> Result<ExitCode> {
    let mut unregister = signal(SignalKind::user_defined1()).context("failed to watch SIGUSR1")?;
    let mut ended = pin!(ended.into_future());
    let mut stopped = pin!(termination());
    loop {
        tokio::select! {
            signal = &mut stopped => {
                tracing::info!("Stopping: {:?}", signal.context("failed to watch signals")?);
                return Ok(ExitCode::SUCCESS);
            }
            _signal = unregister.recv() => {
                tracing::info!("Received SIGUSR1; unregistering and shutting down");
                agent.unregister();
            }
            exit = &mut ended => return Ok(exit_code(exit.ready())),
        }
    }
}

fn exit_code(exit: Option<AgentExit>) -> ExitCode {
    match exit {
        Some(AgentExit::ShutDown) => ExitCode::SUCCESS,
        Some(AgentExit::Failed(reason)) => {
            tracing::error!("{reason}");
            ExitCode::FAILURE
        }
        None => {
            tracing::error!("The agent has ended");
            ExitCode::FAILURE
        }
    }
}
