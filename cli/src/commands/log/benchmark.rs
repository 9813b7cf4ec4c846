//! `mesos log benchmark`: replays a trace of appends and notes how long each took.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use libprocess::{Runtime, Time};
use mesos_common::bytes::ByteSize;
use mesos_common::flags::{Access, FlagValue, Preset, Row, is_boolean, logging_rows, type_name_of};
use mesos_common::{duration, flag, flag_struct};
use mesos_log::{Log, LogWriter};

use super::initialize::initialize;
use super::{Deadline, Place, flags_of, required};

const HEADING: &str = "Usage: benchmark [options]\n\n\
                       This command replays a trace of writes on the log and measures\n\
                       how long each of them takes.\n";
const START_TIMEOUT: Duration = Duration::from_secs(15);
const APPEND_TIMEOUT: Duration = Duration::from_secs(10);

flag_struct! {
    /// Flags of `mesos log benchmark`.
    pub struct Flags {
        quorum: Option<usize>,
        path: Option<PathBuf>,
        servers: Option<String>,
        znode: Option<String>,
        input: Option<PathBuf>,
        output: Option<PathBuf>,
        kind: String,
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
        Flags.input,
        "Path of the trace: each line is the size of one append (100B, 2MB)."
    ),
    flag!(Flags.output, "Path of the file with the measurements."),
    // A word of Rust, so the field has another name than the flag.
    Row::new(
        "type",
        Preset::Text("random"),
        "What is written: `zero` or `one` for all bits, `random` for random bytes.",
        Access {
            load: |flags, text, context| FlagValue::load(&mut flags.kind, text, context),
            print: |flags| FlagValue::print(&flags.kind),
            type_name: type_name_of(|flags: &Flags| &flags.kind),
            boolean: is_boolean(|flags: &Flags| &flags.kind),
        },
    ),
    flag!(
        Flags.initialize = "true",
        "Whether to initialize the log first; it must be empty then."
    ),
];

/// One append that was made.
struct Measured {
    at: Time,
    size: usize,
    took: Duration,
}

pub(super) fn run(arguments: &[String]) -> Result<()> {
    let flags = flags_of::<Flags>(HEADING, arguments)?;
    let place = Place {
        quorum: required::<Flags, _>(HEADING, flags.quorum, "option --quorum")?,
        path: required::<Flags, _>(HEADING, flags.path.clone(), "option --path")?,
        servers: required::<Flags, _>(HEADING, flags.servers.clone(), "option --servers")?,
        znode: required::<Flags, _>(HEADING, flags.znode.clone(), "option --znode")?,
    };
    let input = required::<Flags, _>(HEADING, flags.input.clone(), "option --input")?;
    let output = required::<Flags, _>(HEADING, flags.output.clone(), "option --output")?;
    if flags.initialize {
        initialize(place.path.clone(), None)?;
    }
    let options = place.options()?;
    let runtime = crate::runtime::from_environment()?;
    let log = Log::start(&runtime, options);
    let measured = runtime.block_on(async {
        let writer = LogWriter::start(&runtime, &log);
        elect(&writer).await?;
        replay(&runtime, &writer, &trace(&input)?, &flags.kind).await
    });
    runtime.shutdown();
    report(&output, &measured?)
}

/// Runs for election until somebody leads, as a quorum may still be on its way.
async fn elect(writer: &LogWriter) -> Result<()> {
    let deadline = Deadline::after(Some(START_TIMEOUT));
    loop {
        let started = deadline.wait("starting a log writer", writer.start_writing());
        let elected = started
            .await
            .map_err(|_late| anyhow!("Failed to start a log writer: timed out"))?;
        match elected.map_err(|error| anyhow!("Failed to start a log writer: {error}"))? {
            Some(_) => return Ok(()),
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn trace(input: &Path) -> Result<Vec<usize>> {
    let text = fs::read_to_string(input)
        .with_context(|| format!("Failed to open the trace file {}", input.display()))?;
    text.lines()
        .map(|line| {
            let size: ByteSize = line
                .trim()
                .parse()
                .map_err(|error| anyhow!("Failed to parse the trace file: {error}"))?;
            usize::try_from(size.bytes()).context("Failed to parse the trace file: too large")
        })
        .collect()
}

fn data(size: usize, kind: &str) -> Bytes {
    let byte = match kind {
        "one" => 0xff,
        "random" => fastrand::u8(..),
        _ => 0,
    };
    vec![byte; size].into()
}

async fn replay(
    runtime: &Runtime,
    writer: &LogWriter,
    sizes: &[usize],
    kind: &str,
) -> Result<Vec<Measured>> {
    let clock = runtime.clock();
    let began = clock.now();
    let mut measured = Vec::with_capacity(sizes.len());
    for size in sizes {
        let before = clock.now();
        let deadline = Deadline::after(Some(APPEND_TIMEOUT));
        let appended = deadline.wait("appending", writer.append(data(*size, kind)));
        let appended = appended
            .await
            .map_err(|_late| anyhow!("Failed to append: timed out"))?;
        if appended?.is_none() {
            bail!("Failed to append: exclusive write promise lost");
        }
        let at = clock.now();
        measured.push(Measured {
            at,
            size: *size,
            took: at.saturating_since(before),
        });
    }
    println!("Total number of appends: {}", sizes.len());
    let total = duration::format(clock.now().saturating_since(began));
    println!("Total time used: {total}");
    Ok(measured)
}

fn report(output: &Path, measured: &[Measured]) -> Result<()> {
    let text: String = measured
        .iter()
        .map(|append| {
            let (at, size) = (append.at, append.size);
            let milliseconds = append.took.as_secs_f64() * 1000.0;
            format!("{at} Appended {size} bytes in {milliseconds} ms\n")
        })
        .collect();
    fs::write(output, text)
        .with_context(|| format!("Failed to open the output file {}", output.display()))
}
