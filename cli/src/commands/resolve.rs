//! `mesos resolve`: prints the address of the leading master.
//!
//! Mirrors `src/cli/resolve.cpp`.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use libprocess::Runtime;
use mesos_common::flags::{Loading, Row, Source, load, usage};
use mesos_common::{duration, flag, flag_struct};
use mesos_detector::{Detector, create_detector};

/// Session timeout at ZooKeeper.
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

const HEADING: &str = "Usage: mesos-resolve <master>";

flag_struct! {
    /// Flags of `mesos resolve`.
    pub struct Flags {
        timeout: Duration,
        verbose: bool,
    }
    groups: [ROWS]
}

const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.timeout = "5secs",
        "How long to wait for a leading master."
    ),
    flag!(Flags.verbose = "false", "Be verbose.").not_yet(),
];

/// Prints `ip:port` of the master that leads.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    let Loading {
        flags,
        warnings,
        rest,
        error,
    } = load::<Flags>(&Source::arguments(arguments));
    if flags.help {
        print!("{}", usage::<Flags>("", Some(HEADING), None));
        return ExitCode::SUCCESS;
    }
    for warning in warnings {
        eprintln!("{warning}");
    }
    let refused = match (error, rest.as_slice()) {
        (Some(error), _) => error.to_string(),
        (None, [master]) => match resolve(master, &flags) {
            Ok(leader) => {
                println!("{leader}");
                return ExitCode::SUCCESS;
            }
            Err(error) => {
                eprintln!("{error:#}");
                return ExitCode::FAILURE;
            }
        },
        (None, _) => "There must be only one argument: <master>".to_owned(),
    };
    eprint!("{}", usage::<Flags>("", Some(HEADING), Some(&refused)));
    ExitCode::FAILURE
}

fn resolve(master: &str, flags: &Flags) -> Result<String> {
    let runtime = crate::runtime::from_environment()?;
    let leader = detector(&runtime, master)
        .and_then(|detector| runtime.block_on(leader(detector.as_ref(), master, flags.timeout)));
    runtime.shutdown();
    leader
}

fn detector(runtime: &Runtime, master: &str) -> Result<Box<dyn Detector>> {
    create_detector(runtime, Some(master), SESSION_TIMEOUT)
        .context("Failed to create a master detector")
}

async fn leader(detector: &dyn Detector, master: &str, timeout: Duration) -> Result<String> {
    let detected = tokio::time::timeout(timeout, detector.detect(None).into_future()).await;
    let Ok(outcome) = detected else {
        let timeout = duration::format(timeout);
        bail!("Failed to detect master from '{master}' within {timeout}");
    };
    let leader = outcome.ready().context("nobody answers")?;
    let leader = leader.with_context(|| format!("Failed to detect master from '{master}'"))?;
    let leader = leader.with_context(|| format!("Nobody leads at '{master}'"))?;
    let pid = leader.pid();
    Ok(pid.strip_prefix("master@").unwrap_or(pid).to_owned())
}
