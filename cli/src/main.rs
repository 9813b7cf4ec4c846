//! The program `mesos`, which is all programs of the project in one file.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mesos_cli::run(std::env::args_os())
}
