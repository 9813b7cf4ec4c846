//! `mesos master`: runs a master until a signal ends it.
//!
//! Mirrors `src/master/main.cpp`.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};
use libprocess::Runtime;
use mesos_master::MasterHandle;
use mesos_master::authentication::{READONLY_REALM, READWRITE_REALM};
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
        transport: flags.transport.as_deref(),
    }
    .builder()?
    .reserved_arbiters(mesos_master::constants::RESERVED_ARBITERS)
    .delegate(ID)
    .grpc(mesos_master::grpc::services())
    .realms(READONLY_REALM, READWRITE_REALM);
    let runtime = daemon::start(builder)?;
    runtime.on_log_level(move |level| verbosity.set(level));
    let outcome = lead(&runtime, flags);
    runtime.shutdown();
    outcome
}

/// Runs the master in a runtime until its end.
fn lead(runtime: &Runtime, flags: Flags) -> Result<ExitCode> {
    let master = mesos_master::start(runtime, flags).context("failed to start the master")?;
    let code = runtime.block_on(until_the_end(&master));
    master.shutdown();
    code
}

/// Waits for a signal, which is a good end, or for the master to give up, which is not.
async fn until_the_end(master: &MasterHandle) -> Result<ExitCode> {
    let ended = master
        .ended()
        .context("somebody else waits for the end of the master")?;
    tokio::select! {
        signal = termination() => {
            tracing::info!("Stopping: {:?}", signal.context("failed to watch signals")?);
            Ok(ExitCode::SUCCESS)
        }
        reason = ended => {
            let reason = reason.ready().unwrap_or_else(|| "the master has ended".to_owned());
            tracing::error!("{reason}");
            Ok(ExitCode::FAILURE)
        }
    }
}
