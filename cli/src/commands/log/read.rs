//! `mesos log read`: prints what a replica has stored.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use mesos_common::flags::{Row, logging_rows};
use mesos_common::{flag, flag_struct};

use super::text_format::text_of;
use super::{Deadline, flags_of, open, required};

const HEADING: &str = "Usage: read [options]\n\nThis command is used to read the log.\n";
const LINE: &str = "----------------------------------------------";

flag_struct! {
    /// Flags of `mesos log read`.
    pub struct Flags {
        path: Option<PathBuf>,
        from: Option<u64>,
        to: Option<u64>,
        timeout: Option<Duration>,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.path, "Path to the log."),
    flag!(
        Flags.from,
        "First position to read; the beginning of the log when not given."
    ),
    flag!(
        Flags.to,
        "Last position to read; the end of the log when not given."
    ),
    flag!(
        Flags.timeout,
        "Longest time that the command may take (500ms, 1secs)."
    ),
];

pub(super) fn run(arguments: &[String]) -> Result<()> {
    let flags = flags_of::<Flags>(HEADING, arguments)?;
    let path = required::<Flags, _>(HEADING, flags.path.clone(), "flag --path")?;
    let runtime = crate::runtime::from_environment()?;
    let outcome = runtime.block_on(async {
        let deadline = Deadline::after(flags.timeout);
        let replica = open(&runtime, path, deadline).await?;
        let begin = "getting the beginning of the replica";
        let begin = deadline.wait(begin, replica.beginning()).await?;
        let end = "getting the ending of the replica";
        let end = deadline.wait(end, replica.ending()).await?;
        let (from, to) = (flags.from.unwrap_or(begin), flags.to.unwrap_or(end));
        tracing::info!("Attempting to read the log from {from} to {to}");
        let read = deadline.wait("reading the replica", replica.read(from, to));
        let actions = read.await??;
        let mut output = std::io::stdout().lock();
        for action in actions {
            write!(output, "{LINE}\n{}", text_of(&action)).context("print")?;
        }
        Ok(())
    });
    runtime.shutdown();
    outcome
}
