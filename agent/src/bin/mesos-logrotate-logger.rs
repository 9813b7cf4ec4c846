//! The program `mesos-logrotate-logger`: keeps one output of a container small.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    mesos_containerizer::container_logger::logrotate::program::run(&arguments)
}
