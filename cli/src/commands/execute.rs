//! `mesos execute`: runs one command, task or task group and waits for its end.
//!
//! Mirrors `src/cli/execute.cpp`; the exit status is that of the task.

mod exit;
mod flags;
mod job;
mod package;
mod report;
mod scheduler;
mod task;

use std::process::ExitCode;

use anyhow::{Context, Result};
use mesos_common::flags::{Source, load, usage};
use mesos_scheduler::{Credential, Options};

pub(crate) use job::Job;
pub(crate) use report::{Lines, Report};
pub(crate) use scheduler::{Order, run_job};

use crate::signals::{Termination, termination};
pub(crate) use flags::Flags;

const PROGRAM: &str = "mesos-execute";

/// Runs the command. `arguments` do not contain the program's name.
pub fn run(arguments: Vec<String>) -> ExitCode {
    // From the command line only: a variable MESOS_NAME is meant for somebody else.
    let flags = match load::<Flags>(&Source::arguments(arguments)).into_result() {
        Ok(flags) => flags,
        Err(error) => return refuse(&error.to_string()),
    };
    if flags.help {
        println!("{}", usage::<Flags>(PROGRAM, None, None));
        return ExitCode::SUCCESS;
    }
    if let Err(message) = flags.check() {
        return refuse(message);
    }
    match execute(&flags) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("{message}\n\nSee `{PROGRAM} --help` for a list of supported flags.");
    ExitCode::FAILURE
}

fn execute(flags: &Flags) -> Result<u8> {
    let order = order(flags)?;
    let runtime = crate::runtime::from_environment()?;
    let mut report = Lines::to(std::io::stdout());
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = run_job(&runtime, order, &mut report) => outcome.map_err(Into::into),
            signal = termination() => {
                signal.map(Termination::exit_code).context("watch for signals")
            }
        }
    });
    runtime.shutdown();
    outcome
}

fn order(flags: &Flags) -> Result<Order> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .context("Failed to get username")?
        .with_context(|| format!("No username for uid {}", nix::unistd::geteuid()))?;
    let job = if let Some(group) = &flags.task_group {
        let container = task::network_container(flags).map(Box::new);
        Job::Group {
            tasks: task::group(group)?,
            container,
        }
    } else if let Some(whole) = &flags.task {
        Job::Task(Box::new(task::whole_task(whole)?))
    } else {
        let package = package::upload(flags, &user.name)?;
        Job::Task(Box::new(task::task(flags, package)?))
    };
    let credential = flags.principal.clone().zip(flags.secret.clone());
    Ok(Order {
        job,
        framework: task::framework(flags, &user.name)?,
        options: Options {
            content_type: flags.content_type.parse()?,
            credential: credential.map(|(principal, secret)| Credential { principal, secret }),
            ..Options::new(flags.master.parse()?)
        },
        kill_after: flags.kill_after,
    })
}
