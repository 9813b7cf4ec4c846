//! The program `mesos-default-executor`: runs task groups.
//!
//! As `mesos-executor` it is a program of its own, with little in it.

use std::process::ExitCode;

fn main() -> ExitCode {
    mesos_cli::commands::default_executor::run(std::env::args().skip(1).collect())
}
