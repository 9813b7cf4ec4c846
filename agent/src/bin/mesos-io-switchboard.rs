//! The program `mesos-io-switchboard`: serves the streams of one container.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    mesos_containerizer::io_switchboard::program::run(&arguments)
}
