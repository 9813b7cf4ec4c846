//! Measures an agent of the built binary: many tasks at once, recovery, status updates, memory.
//!
//! `agent-bench [--tasks=N] [--updates=N]`; docs/bench.md says what the figures mean.

use std::process::ExitCode;

use mesos_integration::agent_bench::{Options, run};

fn main() -> ExitCode {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => return fail(&error),
    };
    match run(&options) {
        Ok(figures) => {
            print!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}
