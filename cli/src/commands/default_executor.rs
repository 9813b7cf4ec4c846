//! `mesos-default-executor`: runs task groups beside the agent.
//!
//! Mirrors `main` of `src/launcher/default_executor.cpp`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use mesos_common::flags::{Row, Source, load, logging_rows, usage};
use mesos_common::{flag, flag_struct};
use mesos_executor::command_executor::{Ending, without_huge_pages};
use mesos_executor::default_executor::{DefaultExecutorProcess, Settings};
use mesos_executor::{ExecutorEnvironment, required};
use mesos_proto::v1::{ExecutorId, FrameworkId};

const PROGRAM: &str = "mesos-default-executor";

flag_struct! {
    /// Flags of the default executor. They come from the agent, on the command line only.
    pub struct Flags {
        launcher_dir: String,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[flag!(
    Flags.launcher_dir = "/usr/local/libexec/mesos",
    "Directory of the helper programs of Mesos."
)];

/// Runs the default executor.
pub fn run(arguments: Vec<String>) -> ExitCode {
    let flags = match load::<Flags>(&Source::arguments(arguments)).into_result() {
        Ok(flags) => flags,
        Err(error) => {
            eprintln!("{error}\n\nSee `{PROGRAM} --help` for a list of supported flags.");
            return ExitCode::FAILURE;
        }
    };
    if flags.help {
        println!("{}", usage::<Flags>(PROGRAM, None, None));
        return ExitCode::SUCCESS;
    }
    match execute(std::env::vars().collect()) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(ending @ (Ending::NoAcknowledgement | Ending::Failed(_))) => {
            eprintln!("{ending}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(variables: BTreeMap<String, String>) -> Result<Ending> {
    let framework = required(&variables, "MESOS_FRAMEWORK_ID")?.to_owned();
    let executor = required(&variables, "MESOS_EXECUTOR_ID")?.to_owned();
    let settings = Settings {
        framework_id: FrameworkId {
            value: Some(framework),
            ..Default::default()
        },
        executor_id: ExecutorId {
            value: Some(executor),
            ..Default::default()
        },
        environment: ExecutorEnvironment::from_variables(&variables)?,
        sandbox: PathBuf::from(required(&variables, "MESOS_SANDBOX")?),
        variables,
    };
    // Its containers are children of the agent, not of this program.
    let _ = without_huge_pages();
    let runtime = crate::runtime::for_executor()?;
    let (process, ending) = DefaultExecutorProcess::new(settings);
    runtime.spawn(process);
    let ending = runtime.block_on(ending).ready();
    runtime.shutdown();
    ending.context("the executor ended without a reason")
}
