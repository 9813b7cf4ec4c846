//! `mesos-docker-executor`: runs one task as a Docker container.
//!
//! Mirrors `main` of `src/docker/executor.cpp`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use mesos_common::flags::{JsonMessage, JsonObject, Row, Source, load, logging_rows, usage};
use mesos_common::{flag, flag_struct};
use mesos_executor::command_executor::{Ending, without_huge_pages};
use mesos_executor::docker_executor::{
    ContainerSettings, CpuQuota, DockerExecutorProcess, Engine, Settings,
};
use mesos_executor::{ExecutorEnvironment, required};
use mesos_proto::internal::ContainerDnsInfo;
use mesos_proto::v1::{ExecutorId, FrameworkId};

const PROGRAM: &str = "mesos-docker-executor";

flag_struct! {
    /// Flags of the Docker executor. They come from the agent, on the command line only.
    pub struct Flags {
        container: Option<String>,
        docker: Option<String>,
        docker_socket: String,
        sandbox_directory: Option<String>,
        mapped_directory: Option<String>,
        stop_timeout: Duration,
        launcher_dir: Option<String>,
        task_environment: Option<JsonObject>,
        default_container_dns: Option<JsonMessage<ContainerDnsInfo>>,
        cgroups_enable_cfs: bool,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.container, "Name of the container."),
    flag!(Flags.docker, "Path of the program `docker`."),
    flag!(
        Flags.docker_socket = "/var/run/docker.sock",
        "Socket of the Docker daemon."
    ),
    flag!(Flags.sandbox_directory, "The sandbox on the host."),
    flag!(Flags.mapped_directory, "The sandbox in the container."),
    flag!(
        Flags.stop_timeout = "0ns",
        "How long a container may take to stop. Deprecated: use kill policies."
    ),
    flag!(
        Flags.launcher_dir,
        "Directory of the helper programs of Mesos."
    ),
    flag!(
        Flags.task_environment,
        "JSON object of variables that are added to the environment of the task."
    ),
    flag!(
        Flags.default_container_dns,
        "JSON `ContainerDNSInfo`: name servers of containers that choose none."
    ),
    flag!(
        Flags.cgroups_enable_cfs = "false",
        "Whether CPU time is limited to what the task has."
    ),
];

/// Runs the Docker executor.
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
    match execute(&flags, std::env::vars().collect()) {
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

fn execute(flags: &Flags, variables: BTreeMap<String, String>) -> Result<Ending> {
    let settings = settings(flags, variables)?;
    // Its containers are children of the Docker daemon, not of this program.
    let _ = without_huge_pages();
    let runtime = crate::runtime::for_executor()?;
    let (process, ending) = DockerExecutorProcess::new(settings);
    runtime.spawn(process);
    let ending = runtime.block_on(ending).ready();
    runtime.shutdown();
    ending.context("the executor ended without a reason")
}

fn settings(flags: &Flags, variables: BTreeMap<String, String>) -> Result<Settings> {
    let given = |name: &str, value: &Option<String>| {
        let value = value.clone();
        value.with_context(|| format!("Missing required option --{name}"))
    };
    let program = given("docker", &flags.docker)?;
    let name = given("container", &flags.container)?;
    let sandbox_directory = given("sandbox_directory", &flags.sandbox_directory)?;
    let mapped_directory = given("mapped_directory", &flags.mapped_directory)?;
    given("launcher_dir", &flags.launcher_dir)?;
    let dns = flags.default_container_dns.as_ref();
    let container = ContainerSettings {
        name,
        sandbox_directory,
        mapped_directory,
        task_environment: task_environment(flags)?,
        default_dns: dns.map(|dns| Box::new(dns.message().clone())),
        cpu_quota: if flags.cgroups_enable_cfs {
            CpuQuota::Limited
        } else {
            CpuQuota::Shares
        },
        total_memory: total_memory()?,
    };
    Ok(Settings {
        framework_id: FrameworkId {
            value: Some(required(&variables, "MESOS_FRAMEWORK_ID")?.to_owned()),
            ..Default::default()
        },
        executor_id: ExecutorId {
            value: Some(required(&variables, "MESOS_EXECUTOR_ID")?.to_owned()),
            ..Default::default()
        },
        environment: ExecutorEnvironment::from_variables(&variables)?,
        engine: Engine {
            program,
            socket: flags.docker_socket.clone(),
        },
        container,
        stop_timeout: flags.stop_timeout,
        variables,
    })
}

fn task_environment(flags: &Flags) -> Result<BTreeMap<String, String>> {
    let members = flags.task_environment.iter().flat_map(JsonObject::members);
    let read = |(name, value): (&String, &mesos_common::flags::JsonValue)| {
        let text = value.as_str().with_context(|| {
            format!("The value of key '{name}' in '--task_environment' is not a string")
        })?;
        Ok((name.clone(), text.to_owned()))
    };
    members.map(read).collect()
}

/// The memory of this machine, in bytes.
fn total_memory() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("read the size of memory")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib.saturating_mul(1024))
        .context("Failed to auto-detect the size of main memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(arguments: &[&str]) -> Flags {
        load::<Flags>(&Source::arguments(arguments.iter().copied()))
            .into_result()
            .unwrap()
    }

    #[test]
    fn missing_option_is_named() {
        let error = settings(&flags(&[]), BTreeMap::new()).unwrap_err();
        assert_eq!(error.to_string(), "Missing required option --docker");

        let error = settings(&flags(&["--docker=docker"]), BTreeMap::new()).unwrap_err();
        assert_eq!(error.to_string(), "Missing required option --container");
    }

    #[test]
    fn environment_of_the_task_holds_texts() {
        let read = |text: &str| task_environment(&flags(&[&format!("--task_environment={text}")]));

        assert_eq!(
            read(r#"{"A": "b"}"#).unwrap(),
            [("A".to_owned(), "b".to_owned())].into()
        );
        assert!(read(r#"{"A": 1}"#).is_err());
    }
}
