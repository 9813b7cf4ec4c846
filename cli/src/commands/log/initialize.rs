//! `mesos log initialize`: makes an empty replica vote.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use mesos_common::flags::{Row, logging_rows};
use mesos_common::{flag, flag_struct};
use mesos_proto::internal::log::metadata::Status;

use super::{Deadline, flags_of, open, required};

const HEADING: &str = "Usage: initialize [option]\n\n\
                       This command is used to initialize the log.\n";

flag_struct! {
    /// Flags of `mesos log initialize`.
    pub struct Flags {
        path: Option<PathBuf>,
        timeout: Option<Duration>,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.path, "Path to the log."),
    flag!(
        Flags.timeout,
        "Longest time that the command may take (500ms, 1secs)."
    ),
];

pub(super) fn run(arguments: &[String]) -> Result<()> {
    let flags = flags_of::<Flags>(HEADING, arguments)?;
    let path = required::<Flags, _>(HEADING, flags.path.clone(), "option --path")?;
    initialize(path, flags.timeout)
}

/// Makes the replica in `path` vote; only an empty one may.
pub(super) fn initialize(path: PathBuf, timeout: Option<Duration>) -> Result<()> {
    let runtime = crate::runtime::from_environment()?;
    let outcome = runtime.block_on(async {
        let deadline = Deadline::after(timeout);
        let replica = open(&runtime, path, deadline).await?;
        let status = deadline.wait("getting replica status", replica.status());
        if status.await? != Status::Empty {
            bail!("The log is not empty");
        }
        let stored = replica.update(Status::Voting);
        if !deadline.wait("setting replica status", stored).await? {
            bail!("Failed to set replica status");
        }
        Ok(())
    });
    runtime.shutdown();
    outcome
}
