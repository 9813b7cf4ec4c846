//! The program `mesos-executor`: runs one command task.
//!
//! There is one for each task of an agent, so it is a program of its own, with little in it, and does with the
//! memory allocator of the system.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    mesos_cli::commands::executor::run(&arguments)
}
