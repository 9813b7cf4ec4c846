//! `mesos log replica`: serves a replica until a signal ends it.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use mesos_common::flags::{Row, logging_rows};
use mesos_common::{flag, flag_struct};
use mesos_log::Log;

use super::initialize::initialize;
use super::{Place, flags_of, required};
use crate::signals::termination;

const HEADING: &str = "Usage: replica [options]\n\n\
                       This command is used to start a replica server.\n";

flag_struct! {
    /// Flags of `mesos log replica`.
    pub struct Flags {
        quorum: Option<usize>,
        path: Option<PathBuf>,
        servers: Option<String>,
        znode: Option<String>,
        initialize: bool,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.quorum, "How many replicas must agree."),
    flag!(Flags.path, "Path to the log."),
    flag!(
        Flags.servers,
        "Servers of ZooKeeper: host1:port1,host2:port2."
    ),
    flag!(Flags.znode, "The node of ZooKeeper where replicas meet."),
    flag!(
        Flags.initialize = "true",
        "Whether to initialize the log first; it must be empty then."
    ),
];

pub(super) fn run(arguments: &[String]) -> Result<()> {
    let flags = flags_of::<Flags>(HEADING, arguments)?;
    let place = Place {
        quorum: required::<Flags, _>(HEADING, flags.quorum, "option --quorum")?,
        path: required::<Flags, _>(HEADING, flags.path.clone(), "option --path")?,
        servers: required::<Flags, _>(HEADING, flags.servers.clone(), "option --servers")?,
        znode: required::<Flags, _>(HEADING, flags.znode.clone(), "option --znode")?,
    };
    if flags.initialize {
        initialize(place.path.clone(), None)?;
    }
    let options = place.options()?;
    let runtime = crate::runtime::from_environment()?;
    let log = Log::start(&runtime, options);
    let outcome = runtime.block_on(async {
        tokio::select! {
            signal = termination() => signal.map(|_| ()).context("failed to watch signals"),
            failed = log.failed() => {
                Err(failed.ready().map_or_else(|| anyhow!("the log has ended"), Into::into))
            }
        }
    });
    runtime.shutdown();
    outcome
}
