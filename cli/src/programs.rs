//! Which program to be: chosen by the name under which it was started, or by the first argument.
//!
//! # Wire
//! The names of programs are promises: init scripts and agents start them.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use mesos_common::wire;

use crate::commands;

/// The version of Mesos that this program stands in for.
pub const MESOS_VERSION: &str = "1.11.0";

/// What follows a program's name on its command line.
type Arguments = Vec<OsString>;

/// Runs a program.
type Main = fn(&[OsString]) -> ExitCode;

/// One program.
struct Program {
    /// The name after `mesos `; the file name is `mesos-` and this.
    verb: &'static str,
    /// One line for `mesos help`.
    about: &'static str,
    run: Run,
}

/// What starting a program does.
enum Run {
    /// It runs.
    Built(Main),
    /// It says that it is not there yet.
    NotBuilt,
}

/// All programs of Mesos, and `dev`, which is ours.
const PROGRAMS: [Program; 23] = [
    built("master", "Run a master", commands::master::run),
    built("agent", "Run an agent", commands::agent::run),
    built(
        "dev",
        "Run a whole cluster in this process, to try it out",
        |arguments| commands::dev::run(to_text(arguments)),
    ),
    built(
        "execute",
        "Run one command on a cluster and wait for it",
        |arguments| commands::execute::run(to_text(arguments)),
    ),
    built(
        "bench",
        "Measure a master under the load of a large cluster",
        |arguments| commands::bench::run(to_text(arguments)),
    ),
    built(
        "resolve",
        "Print the address of the leading master",
        commands::resolve::run,
    ),
    built(
        "log",
        "Initialize, read, serve or measure a replicated log",
        commands::log::run,
    ),
    built(
        "executor",
        "Run one command task (started by an agent)",
        commands::executor::run,
    ),
    built(
        "containerizer",
        "Set up a container (started by an agent)",
        |arguments| mesos_containerizer::launch_helper::run(&to_text(arguments)),
    ),
    built(
        "fetcher",
        "Fetch the files of a task (started by an agent)",
        |_arguments| mesos_containerizer::fetcher::program::run(),
    ),
    built(
        "tcp-connect",
        "Check a TCP port (started by an executor)",
        commands::tcp_connect::run,
    ),
    not_built("cat", "Print a file of a task"),
    not_built(
        "cni-port-mapper",
        "Map ports of containers, as a CNI plugin",
    ),
    built(
        "default-executor",
        "Run a task group (started by an agent)",
        |arguments| commands::default_executor::run(to_text(arguments)),
    ),
    built(
        "docker-executor",
        "Run one task in Docker (started by an agent)",
        |arguments| commands::docker_executor::run(to_text(arguments)),
    ),
    built(
        "io-switchboard",
        "Serve input and output of a container (started by an agent)",
        |arguments| mesos_containerizer::io_switchboard::program::run(&to_text(arguments)),
    ),
    not_built("local", "Run a cluster in this process"),
    built(
        "logrotate-logger",
        "Write and rotate a task's output (started by an agent)",
        |arguments| {
            mesos_containerizer::container_logger::logrotate::program::run(&to_text(arguments))
        },
    ),
    not_built(
        "network-helper",
        "Change the network of a container (started by an agent)",
    ),
    not_built("ps", "List the tasks of a cluster"),
    not_built("scp", "Copy files to all agents"),
    not_built("tail", "Follow a file of a task"),
    not_built("usage", "Print what a process uses"),
];

const fn built(verb: &'static str, about: &'static str, run: Main) -> Program {
    Program {
        verb,
        about,
        run: Run::Built(run),
    }
}

const fn not_built(verb: &'static str, about: &'static str) -> Program {
    Program {
        verb,
        about,
        run: Run::NotBuilt,
    }
}

/// Flags are text; what is not UTF-8 becomes a replacement character.
fn to_text(arguments: &[OsString]) -> Vec<String> {
    arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect()
}

/// What a command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    /// The program of this verb with these arguments.
    Start(&'static str, Arguments),
    /// The list of programs.
    Help,
    /// The version.
    Version,
    /// Nothing: `mesos` alone.
    Nothing,
    /// Something that there is not.
    Unknown(String),
}

/// Runs the program that the command line asks for; its first element is the program's name.
pub fn run(command_line: impl IntoIterator<Item = OsString>) -> ExitCode {
    match request(command_line) {
        Request::Start(verb, arguments) => start(verb, &arguments),
        Request::Help => {
            print!("{}", help());
            ExitCode::SUCCESS
        }
        Request::Version => {
            println!("{}", version_line());
            ExitCode::SUCCESS
        }
        Request::Nothing => {
            eprint!("{}", help());
            ExitCode::FAILURE
        }
        Request::Unknown(word) => {
            eprintln!("mesos: '{word}' is not a command; there are: {}", verbs());
            ExitCode::FAILURE
        }
    }
}

/// The line that `--version` prints, as Mesos does.
#[must_use]
pub(crate) fn version_line() -> String {
    format!("mesos {MESOS_VERSION}")
}

fn request(command_line: impl IntoIterator<Item = OsString>) -> Request {
    let mut words = command_line.into_iter();
    let name = words.next().unwrap_or_default();
    if let Some(verb) = verb_of_file(&name) {
        return Request::Start(verb, words.collect());
    }
    let Some(first) = words.next() else {
        return Request::Nothing;
    };
    let first = first.to_string_lossy().into_owned();
    match first.as_str() {
        "help" | "--help" | "-h" => Request::Help,
        "version" | "--version" => Request::Version,
        _ => match PROGRAMS.iter().find(|program| program.verb == first) {
            Some(program) => Request::Start(program.verb, words.collect()),
            None => Request::Unknown(first),
        },
    }
}

/// The program whose file name this is: `/usr/sbin/mesos-master` is `master`.
fn verb_of_file(name: &OsString) -> Option<&'static str> {
    let file = Path::new(name).file_name()?.to_str()?;
    if file == wire::AGENT_PROGRAM {
        return Some("agent");
    }
    let verb = file.strip_prefix("mesos-")?;
    PROGRAMS
        .iter()
        .map(|program| program.verb)
        .find(|known| *known == verb)
}

fn start(verb: &str, arguments: &[OsString]) -> ExitCode {
    let run = PROGRAMS
        .iter()
        .find(|program| program.verb == verb)
        .map(|program| &program.run);
    match run {
        Some(Run::Built(run)) => run(arguments),
        Some(Run::NotBuilt) | None => {
            eprintln!("mesos-{verb} is not built yet");
            ExitCode::FAILURE
        }
    }
}

fn verbs() -> String {
    let verbs: Vec<_> = PROGRAMS.iter().map(|program| program.verb).collect();
    verbs.join(", ")
}

fn help() -> String {
    let mut text = "Usage: mesos <command> [options]\n\nCommands:\n".to_owned();
    for program in &PROGRAMS {
        let note = match program.run {
            Run::Built(_) => "",
            Run::NotBuilt => " (not built yet)",
        };
        text.push_str(&format!("  {:18}{}{note}\n", program.verb, program.about));
    }
    text.push_str("\nSee `mesos <command> --help` for the options of a command.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(words: &[&str]) -> Request {
        request(words.iter().map(OsString::from))
    }

    fn arguments(words: &[&str]) -> Arguments {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_first_argument_names_the_program() {
        assert_eq!(
            ask(&["/usr/bin/mesos", "master", "--port=1"]),
            Request::Start("master", arguments(&["--port=1"]))
        );
    }

    #[test]
    fn the_file_name_names_the_program() {
        for (file, verb) in [
            ("mesos-master", "master"),
            ("/usr/sbin/mesos-agent", "agent"),
            (wire::AGENT_PROGRAM, "agent"),
            ("./mesos-default-executor", "default-executor"),
            ("mesos-containerizer", "containerizer"),
        ] {
            assert_eq!(
                ask(&[file, "launch"]),
                Request::Start(verb, arguments(&["launch"]))
            );
        }
    }

    #[test]
    fn another_file_name_is_the_multi_call_binary() {
        assert_eq!(
            ask(&["mesos-1.11", "agent"]),
            Request::Start("agent", Vec::new())
        );
        assert_eq!(ask(&["exe", "--version"]), Request::Version);
    }

    #[test]
    fn an_unknown_word_is_named() {
        assert_eq!(
            ask(&["mesos", "mastr"]),
            Request::Unknown("mastr".to_owned())
        );
        assert_eq!(ask(&["mesos"]), Request::Nothing);
        assert_eq!(ask(&["mesos", "help"]), Request::Help);
    }

    #[test]
    fn help_lists_every_program_and_says_what_is_missing() {
        let help = help();

        for program in &PROGRAMS {
            assert!(
                help.contains(&format!("\n  {} ", program.verb)),
                "{}",
                program.verb
            );
        }
        assert!(help.contains("Copy files to all agents (not built yet)"));
    }

    #[test]
    fn the_version_line_is_that_of_mesos() {
        assert_eq!(version_line(), "mesos 1.11.0");
    }
}
