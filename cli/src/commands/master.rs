//! `mesos master`: runs a master until a signal ends it.
//!
//! Mirrors `src/master/main.cpp`.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use libprocess::Runtime;
use mesos_master::flags::Flags;

use crate::commands::daemon::{self, Addresses, Daemon};
use crate::logging::Verbosity;
use crate::signals::termination;

/// The master's id on the wire.
const ID: &str = "master";

const DAEMON: Daemon<Flags> = Daemon {
    program: "mesos-master",
    private_prefix: "MESOS_MASTER_",
    version: |flags| flags.version,
    check: |flags| Ok(flags.check()?),
};

/// Runs a master.
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
    }
    .builder()?
    .delegate(ID)
    .realms("mesos-master-readonly", "mesos-master-readwrite");
    let runtime = daemon::start(builder, Some(verbosity))?;
    let master = mesos_master::start(&runtime, flags).context("failed to start the master")?;
    let code = runtime.block_on(until_the_end(&runtime));
    drop(master);
    runtime.shutdown();
    code
}

/// Waits for a signal, which is a good end, or for the end of the master, which is not.
async fn until_the_end(runtime: &Runtime) -> Result<ExitCode> {
    tokio::select! {
        signal = termination() => {
            tracing::info!("Stopping: {:?}", signal.context("failed to watch signals")?);
            Ok(ExitCode::SUCCESS)
        }
        _ended = runtime.wait(&runtime.upid(ID)) => {
            tracing::error!("The master has ended");
            Ok(ExitCode::FAILURE)
        }
    }
}
