//! `mesos dev`: a master and its agents in this process, for somebody who tries Mesos.
//!
//! No root, no Docker, no JVM; everything lies in one temporary folder that is removed at the end.

mod cluster;
mod flags;
mod leftovers;
mod report;
mod sandbox;

use std::process::ExitCode;

use anyhow::{Context, Result};
use mesos_common::flags::{Source, load, usage};
use mesos_common::resources::Resources;
use mesos_proto::v1::FrameworkInfo;
use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_scheduler::{MasterUrl, Options, TaskBuilder};

use crate::commands::execute::{Job, Order, run_job};
use crate::logging;
use crate::signals::{Termination, termination};
use cluster::Cluster;
pub(crate) use flags::Flags;
use report::Stream;

const PROGRAM: &str = "mesos dev";

/// Runs the cluster. `arguments` do not contain the program's name.
pub fn run(arguments: Vec<String>) -> ExitCode {
    let loading = load::<Flags>(&Source::arguments(arguments));
    if loading.flags.help {
        println!("{}", usage::<Flags>(PROGRAM, Some(flags::HEADING), None));
        return ExitCode::SUCCESS;
    }
    match loading.into_result() {
        Ok(flags) => dev(flags).unwrap_or_else(|error| {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }),
        Err(error) => {
            eprintln!("{error} (see `{PROGRAM} --help`)");
            ExitCode::FAILURE
        }
    }
}

fn dev(mut flags: Flags) -> Result<ExitCode> {
    if !flags.loaded.contains("logging_level") {
        // Who tries Mesos wants to see the task, not the cluster.
        "ERROR".clone_into(&mut flags.logging.logging_level);
    }
    logging::initialize("mesos-dev", &flags.logging)?;
    leftovers::adopt_orphans();
    let cluster = Cluster::start(&flags)?;
    let outcome = serve(&cluster, &flags);
    cluster.stop();
    outcome
}

fn serve(cluster: &Cluster, flags: &Flags) -> Result<ExitCode> {
    cluster.master().block_on(async {
        tokio::select! {
            outcome = work(cluster, flags) => outcome.map(ExitCode::from),
            signal = termination() => {
                let signal = signal.context("failed to watch signals")?;
                Ok(exit_code(signal, flags))
            }
        }
    })
}

/// Ctrl-C is how a cluster without a task is meant to end.
fn exit_code(signal: Termination, flags: &Flags) -> ExitCode {
    match flags.execute {
        Some(_) => ExitCode::from(signal.exit_code()),
        None => ExitCode::SUCCESS,
    }
}

async fn work(cluster: &Cluster, flags: &Flags) -> Result<u8> {
    cluster.ready().await?;
    match &flags.execute {
        Some(command) => execute(cluster, command, flags).await,
        None => {
            println!("{}", cluster.banner());
            std::future::pending().await
        }
    }
}

async fn execute(cluster: &Cluster, command: &str, flags: &Flags) -> Result<u8> {
    let resources = Resources::parse(&flags.task_resources)
        .with_context(|| format!("Failed to parse '{}'", flags.task_resources))?;
    let task = TaskBuilder::command("dev", command)
        .resources(resources.to_proto())
        .build();
    let master = MasterUrl::Address(cluster.master().upid("master"));
    let order = Order {
        job: Job::Task(Box::new(task)),
        framework: framework()?,
        options: Options {
            connection_delay_max: std::time::Duration::ZERO,
            ..Options::new(master)
        },
        kill_after: None,
    };
    let mut stream = Stream::of(cluster.sandboxes());
    Ok(run_job(cluster.master(), order, &mut stream).await?)
}

fn framework() -> Result<FrameworkInfo> {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).context("look up the user")?;
    let capabilities = [
        capability::Type::TaskKillingState,
        capability::Type::PartitionAware,
        capability::Type::ReservationRefinement,
    ];
    let capabilities = capabilities
        .map(|kind| Capability {
            r#type: Some(kind.into()),
            ..Default::default()
        })
        .to_vec();
    Ok(FrameworkInfo {
        // A user without a name runs tasks as himself all the same.
        user: Some(user.map_or_else(|| "nobody".to_owned(), |user| user.name)),
        name: Some("mesos-dev".to_owned()),
        capabilities,
        ..Default::default()
    })
}
