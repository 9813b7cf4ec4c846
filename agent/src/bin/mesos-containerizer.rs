//! The program `mesos-containerizer`: becomes a container.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    mesos_containerizer::launch_helper::run(&args)
}
