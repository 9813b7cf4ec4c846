//! One idea per program, run in CI.
//!
//! Each program is at most 120 lines and takes the address of a master, such as that of
//! `mesos dev`: `cargo run -p mesos-examples --bin hello_framework -- 127.0.0.1:5050`.
//!
//! | program | idea |
//! |---|---|
//! | `hello_framework` | subscribe, launch, acknowledge: the v1 API in one page |
//! | `grpc_framework` | the same API over gRPC, without a library in between |
//! | `legacy_framework`, `legacy_executor` | the legacy drivers: a scheduler and its own executor |
//! | `command_tasks` | the legacy driver without an executor |
//! | `services` | instances that live long, are checked, and come back when they die |
//! | `cron` | jobs by the clock, and jobs that wait for others |
//! | `persistent_volume` | a reservation and a volume that outlive their tasks |
//! | `task_group` | tasks that start together, share a sandbox and end together |
//! | `inverse_offers` | leaving an agent before it is maintained |
//! | `operation_feedback` | operations with ids, and what became of them |
//! | `load_generator` | how many calls a master takes |
//! | `failover` | a framework that keeps its state and survives its own death |

mod state_file;

use anyhow::{Context, Result};
use libprocess::Runtime;
use mesos_scheduler::{MasterUrl, Options};

pub use state_file::StateFile;

/// Runs a framework: `main` of the examples. The first argument is the master.
///
/// # Errors
/// Whatever ends the program.
pub fn run(program: impl AsyncFnOnce(&Runtime, Options) -> Result<()>) -> Result<()> {
    let master: MasterUrl = argument(1)?.parse()?;
    let runtime = Runtime::builder().arbiters(1).start()?;
    let outcome = runtime.block_on(program(&runtime, Options::new(master)));
    runtime.shutdown();
    outcome
}

/// An argument of the program, counted from 1.
///
/// # Errors
/// When it is not there.
pub fn argument(number: usize) -> Result<String> {
    let name = if number == 1 {
        "the master"
    } else {
        "another one"
    };
    let argument = std::env::args().nth(number);
    argument.with_context(|| format!("argument {number}, {name}, is missing"))
}
