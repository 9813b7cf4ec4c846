//! The program `mesos-fetcher`: brings artifacts into a sandbox.

use std::process::ExitCode;

fn main() -> ExitCode {
    mesos_containerizer::fetcher::program::run()
}
