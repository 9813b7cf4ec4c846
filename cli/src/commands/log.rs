//! `mesos log`: works on the files of a replicated log.
//!
//! Mirrors `src/log/main.cpp` and `src/log/tool`.
//!
//! # Wire
//! Usage and errors go to standard error; every error, and every `--help`, ends with status 1.

mod benchmark;
mod initialize;
mod read;
mod replica;
mod text_format;

use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use libprocess::{Future, Runtime};
use mesos_common::flags::{FlagSet, HasLogging, Source, load, usage};
use mesos_detector::zookeeper::{GroupOptions, ZooKeeperUrl};
use mesos_log::{Initialization, LevelDbStorage, LogOptions, Replica};
use tokio::time::Instant;

use crate::logging;

const PROGRAM: &str = "mesos-log";
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const TOOLS: [Tool; 4] = [
    ("benchmark", benchmark::run),
    ("initialize", initialize::run),
    ("read", read::run),
    ("replica", replica::run),
];

/// A command and what it does.
type Tool = (&'static str, fn(&[String]) -> Result<()>);

/// Runs one command on a log.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let (command, rest) = match arguments.as_slice() {
        [] => {
            eprint!("{}", commands());
            return ExitCode::FAILURE;
        }
        [help] if help == "help" => {
            eprint!("{}", commands());
            return ExitCode::SUCCESS;
        }
        [help, command, ..] if help == "help" => (command, vec!["--help".to_owned()]),
        [command, rest @ ..] => (command, rest.to_vec()),
    };
    let Some((_, tool)) = TOOLS.iter().find(|(name, _)| name == command) else {
        eprint!("Cannot find command '{command}'\n\n{}", commands());
        return ExitCode::FAILURE;
    };
    match tool(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn commands() -> String {
    let mut text =
        format!("Usage: {PROGRAM} <command> [OPTIONS]\n\nAvailable commands:\n    help\n");
    for (name, _) in TOOLS {
        text.push_str("    ");
        text.push_str(name);
        text.push('\n');
    }
    text
}

/// Reads the flags of a command and begins to log.
fn flags_of<F: FlagSet + HasLogging>(heading: &str, arguments: &[String]) -> Result<F> {
    let loading = load::<F>(&Source::arguments(arguments.iter().cloned()));
    if loading.flags.help() {
        return Err(refused::<F>(heading, None));
    }
    if let Some(error) = loading.error {
        return Err(refused::<F>(heading, Some(&error)));
    }
    logging::initialize(PROGRAM, loading.flags.logging())?;
    for warning in loading.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loading.flags)
}

/// The usage of a command, after the reason why it is shown.
fn refused<F: FlagSet>(heading: &str, reason: Option<&dyn Display>) -> anyhow::Error {
    let reason = reason.map(ToString::to_string);
    anyhow!(
        "{}",
        usage::<F>(PROGRAM, Some(heading), reason.as_deref()).trim_end()
    )
}

/// The value of a flag that has to be given; `kind` is the word that Mesos uses for it.
fn required<F: FlagSet, T>(heading: &str, value: Option<T>, missing: &str) -> Result<T> {
    value.ok_or_else(|| refused::<F>(heading, Some(&format!("Missing required {missing}"))))
}

/// How long a command may still take.
#[derive(Clone, Copy)]
struct Deadline {
    at: Option<Instant>,
}

impl Deadline {
    fn after(timeout: Option<Duration>) -> Self {
        Self {
            at: timeout.map(|timeout| Instant::now() + timeout),
        }
    }

    /// Waits for an answer; `doing` says what takes so long.
    async fn wait<T: Send + 'static>(self, doing: &str, future: Future<T>) -> Result<T> {
        let outcome = match self.at {
            None => future.await,
            Some(at) => tokio::time::timeout_at(at, future)
                .await
                .with_context(|| format!("Timed out while {doing}"))?,
        };
        outcome
            .ready()
            .with_context(|| format!("Failed while {doing} (discarded future)"))
    }
}

/// Opens the replica in a folder.
async fn open(runtime: &Runtime, path: PathBuf, deadline: Deadline) -> Result<Replica> {
    let files = path.clone();
    let opened = Replica::start(runtime, path, move || LevelDbStorage::open(&files));
    let opened = deadline.wait("opening the replica", opened).await?;
    opened.map_err(|error| anyhow!("Failed to recover the log: {error}"))
}

/// Where a replica serves, in words of the flags.
struct Place {
    quorum: usize,
    path: PathBuf,
    servers: String,
    znode: String,
}

impl Place {
    fn options(self) -> Result<LogOptions> {
        let url: ZooKeeperUrl = format!("zk://{}{}", self.servers, self.znode)
            .parse()
            .context("Error parsing ZooKeeper URL")?;
        Ok(LogOptions {
            quorum: self.quorum,
            path: self.path,
            peers: std::collections::BTreeSet::new(),
            group: Some(GroupOptions {
                url: url.below_root()?,
                session_timeout: SESSION_TIMEOUT,
            }),
            initialization: Initialization::Manual,
            metrics_prefix: String::new(),
        })
    }
}

#[cfg(test)]
mod tests;
