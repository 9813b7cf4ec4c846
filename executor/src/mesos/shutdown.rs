//! Ends an executor by force that does not end by itself.
//!
//! Mirrors `ShutdownProcess` of `src/executor/executor.cpp`.
//!
//! # Timers
//! The shutdown grace period of the executor.

use std::time::Duration;

use libprocess::{Context, Process, ProcessId};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Kills the process group of this executor when the grace period is over.
pub(crate) struct ShutdownProcess {
    grace_period: Duration,
}

impl ShutdownProcess {
    pub(crate) fn after(grace_period: Duration) -> Self {
        Self { grace_period }
    }
}

impl Process for ShutdownProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("__shutdown_executor__")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.delay(self.grace_period, |_, _| {
            // Zero is the group of this very process, which therefore does not return.
            if let Err(error) = killpg(Pid::from_raw(0), Signal::SIGKILL) {
                tracing::error!(%error, "could not kill the process group of the executor");
            }
        });
    }
}
