//! `mesos log`: the tools for the files of a replicated log, run as programs.

mod files;
mod needs_zookeeper;

use std::process::{Command, Output};

use mesos_integration::binary;

/// `mesos log` with its own mark.
fn tool(mark: &str, arguments: &[String]) -> Command {
    let mut command = binary::command(mark).expect("a binary");
    command
        .arg("log")
        .args(arguments)
        .env("LIBPROCESS_IP", "127.0.0.1");
    command
}

fn run(arguments: &[String]) -> Output {
    let output = tool("log-tool", arguments).output();
    output.expect("it runs")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
