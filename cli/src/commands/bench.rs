//! `mesos bench`: measures a master under the load of a large cluster, for capacity planning.
//!
//! Agents and frameworks are actors of this process that speak the legacy wire.
//! What is measured is the master alone: nothing is executed anywhere.

#![expect(
    clippy::needless_pass_by_value,
    reason = "handlers of messages are given what they handle"
)]

mod agent;
mod figures;
mod flags;
mod framework;
mod load;
mod local_master;
mod milestone;
mod probe;
mod requirement;

use std::process::ExitCode;

use anyhow::{Context, Result};
use libprocess::Runtime;
use mesos_common::flags::{Source, load as load_flags, usage};

use crate::logging;
use figures::Figures;
pub(crate) use flags::Flags;
use load::{Load, Plan};
use requirement::Requirement;

const PROGRAM: &str = "mesos bench";

/// Measures. `arguments` do not contain the program's name.
pub fn run(arguments: Vec<String>) -> ExitCode {
    let loading = load_flags::<Flags>(&Source::arguments(arguments));
    if loading.flags.help {
        println!("{}", usage::<Flags>(PROGRAM, Some(flags::HEADING), None));
        return ExitCode::SUCCESS;
    }
    let measured = match loading.into_result() {
        Ok(flags) => bench(flags),
        Err(error) => {
            eprintln!("{error} (see `{PROGRAM} --help`)");
            return ExitCode::FAILURE;
        }
    };
    measured.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

fn bench(mut flags: Flags) -> Result<ExitCode> {
    if !flags.loaded.contains("logging_level") {
        // The figures are what counts here.
        "ERROR".clone_into(&mut flags.logging.logging_level);
    }
    logging::initialize("mesos-bench", &flags.logging)?;
    let requirements = match &flags.check {
        Some(text) => Requirement::parse_all(text).context("--check")?,
        None => Vec::new(),
    };
    let plan = Plan::of(&flags)?;
    let ip = flags.ip.parse();
    let ip = ip.with_context(|| format!("--ip: '{}' is no address", flags.ip))?;
    let runtime = Runtime::builder()
        .ip(ip)
        .start()
        .context("start the runtime")?;
    let measured = Load::on(&runtime, &flags, plan).and_then(|load| runtime.block_on(load.run()));
    runtime.shutdown();
    let figures = measured?;
    print(&figures, &flags)?;
    Ok(judge(&figures, &requirements))
}

fn print(figures: &Figures, flags: &Flags) -> Result<()> {
    match flags.json.as_deref() {
        Some("-") => println!("{}", figures.json()),
        Some(path) => {
            print!("{}", figures.table());
            std::fs::write(path, figures.json()).with_context(|| format!("write '{path}'"))?;
        }
        None => print!("{}", figures.table()),
    }
    Ok(())
}

fn judge(figures: &Figures, requirements: &[Requirement]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for requirement in requirements {
        if let Some(shortfall) = requirement.shortfall(figures) {
            eprintln!("{shortfall}");
            code = ExitCode::FAILURE;
        }
    }
    code
}
