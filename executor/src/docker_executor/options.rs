//! The command line of `docker run` for a task.
//!
//! Mirrors `Docker::RunOptions` of `src/docker/docker.cpp`.
//!
//! # Wire
//! What the container sees, and the texts of the errors, are promises.

use std::collections::BTreeMap;

use mesos_common::resources::Resources;
use mesos_common::scalar::Scalar;
use mesos_proto::internal::ContainerDnsInfo;
use mesos_proto::internal::container_dns_info::docker_info::{Dns, NetworkMode};
use mesos_proto::v1::container_info::DockerInfo;
use mesos_proto::v1::container_info::docker_info::Network;
use mesos_proto::v1::volume::{Mode, source};
use mesos_proto::v1::{CommandInfo, ContainerInfo, TaskInfo, Volume};

const MIB: u64 = 1 << 20;

/// Shares of a whole CPU.
const SHARES_PER_CPU: f64 = 1024.0;

/// The fewest shares that the kernel takes.
const SHARES_MIN: f64 = 2.0;

/// The period over which the quota of CPU time counts, in microseconds.
const CFS_PERIOD: f64 = 100_000.0;

/// The smallest quota that the kernel takes, in microseconds.
const CFS_QUOTA_MIN: f64 = 1000.0;

/// The least memory that a container gets.
const MEMORY_MIN: u64 = 32 * MIB;

/// Whether CPU time is limited to what the task has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuQuota {
    /// CPUs are shares: idle time may be used.
    #[default]
    Shares,
    /// No more than the task's CPUs.
    Limited,
}

/// Why a task has no command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OptionsError {
    #[error("No docker info found in container info")]
    NoDockerInfo,
    #[error("Both host_path '{host}' and container_path '{container}' of a volume are relative")]
    RelativeVolume { host: String, container: String },
    #[error("Unsupported volume mode")]
    VolumeMode,
    #[error("Only one volume driver is supported")]
    VolumeDrivers,
    #[error("Only one volume driver per task is supported")]
    VolumeDriversOfTask,
    #[error("Host path or volume source is required")]
    NoVolumeSource,
    #[error("No network info found in container info")]
    NoNetworkInfo,
    #[error("Only a single network can be defined in Docker run")]
    ManyNetworks,
    #[error("No network name found in network info")]
    NoNetworkName,
    #[error("Unable to set hostname with host network mode")]
    Hostname,
    #[error("Port mappings are only supported for bridge and user-defined networks")]
    PortsOfNetwork,
    #[error("Port mappings require port resources")]
    NoPorts,
    #[error("Port [{0}] not included in resources")]
    ForeignPort(u32),
    #[error("Shell specified but no command value provided")]
    NoCommand,
}

/// What the agent told the executor about the container.
#[derive(Clone, Debug, Default)]
pub struct ContainerSettings {
    /// Name of the container.
    pub name: String,
    /// The sandbox on the host.
    pub sandbox_directory: String,
    /// The sandbox in the container.
    pub mapped_directory: String,
    /// Added to the environment of the task; wins over the task's own.
    pub task_environment: BTreeMap<String, String>,
    /// Name servers of containers that choose none themselves.
    pub default_dns: Option<Box<ContainerDnsInfo>>,
    /// Whether CPU time is limited.
    pub cpu_quota: CpuQuota,
    /// The memory of this machine, in bytes.
    pub total_memory: u64,
}

impl ContainerSettings {
    /// The arguments of `docker` for a task, from `run` on.
    pub(crate) fn run_arguments(&self, task: &TaskInfo) -> Result<Vec<String>, OptionsError> {
        let container = task.container();
        let docker = container.docker.as_deref();
        let docker = docker.ok_or(OptionsError::NoDockerInfo)?;
        let mut resources = task.resources.clone();
        resources.extend(task.executor().resources.iter().cloned());
        let resources = Resources::from_proto(&resources);

        let mut line = Line(vec!["run".to_owned()]);
        if docker.privileged() {
            line.flag("--privileged");
        }
        self.limits(&mut line, task, &resources);
        let role = task.resources.first().map(|first| first.allocation_info());
        let role = role.map_or("*", |allocation| allocation.role());
        for (name, value) in self.environment(task.command(), role) {
            line.pair("-e", format!("{name}={value}"));
        }
        self.volumes(&mut line, container, docker)?;
        let network = network(container, docker)?;
        line.pair("--net", network.clone());
        self.name_servers(&mut line, docker, &network);
        if let Some(hostname) = &container.hostname {
            if network == "host" {
                return Err(OptionsError::Hostname);
            }
            line.pair("--hostname", hostname.clone());
        }
        port_mappings(&mut line, docker, &network, &resources)?;
        let command = task.command();
        if command.shell() {
            line.pair("--entrypoint", "/bin/sh".to_owned());
        }
        line.pair("--name", self.name.clone());
        for parameter in &docker.parameters {
            line.0
                .push(format!("--{}={}", parameter.key(), parameter.value()));
        }
        line.0.push(docker.image().to_owned());
        line.0.extend(arguments(command)?);
        Ok(line.0)
    }

    fn limits(&self, line: &mut Line, task: &TaskInfo, resources: &Resources) {
        let limit = |name: &str| task.limits.get(name).map(|scalar| scalar.value());
        let cpus = resources.cpus().map(Scalar::to_f64);
        if let Some(cpus) = cpus {
            let shares = (SHARES_PER_CPU * cpus).trunc().max(SHARES_MIN);
            line.pair("--cpu-shares", format!("{shares:.0}"));
        }
        let quota = match (limit("cpus"), self.cpu_quota) {
            (Some(limit), _) => limit.is_finite().then_some(limit),
            (None, CpuQuota::Limited) => cpus,
            (None, CpuQuota::Shares) => None,
        };
        if let Some(cpus) = quota {
            let quota = (CFS_PERIOD * cpus).max(CFS_QUOTA_MIN);
            line.pair("--cpu-quota", format!("{:.0}", quota.trunc()));
        }
        let request = resources.mem().map(|mem| mem.whole_units() * MIB);
        match (limit("mem"), request) {
            (Some(limit), request) => {
                let most = limit
                    .is_finite()
                    .then(|| Scalar::from_f64(limit).whole_units() * MIB);
                if let Some(request) = request {
                    line.pair("--memory-reservation", request.max(MEMORY_MIN).to_string());
                }
                if let Some(most) = most {
                    line.pair("--memory", most.max(MEMORY_MIN).to_string());
                }
                if let Some(request) = request
                    && most.is_none_or(|most| request < most)
                {
                    line.pair("--oom-score-adj", self.oom_score(request).to_string());
                }
            }
            (None, Some(request)) => line.pair("--memory", request.max(MEMORY_MIN).to_string()),
            (None, None) => {}
        }
    }

    /// The less of the machine a task has asked for, the sooner it goes when memory ends.
    fn oom_score(&self, request: u64) -> u64 {
        let share = request.saturating_mul(1000).checked_div(self.total_memory);
        1000_u64.saturating_sub(share.unwrap_or(0))
    }

    fn environment(&self, command: &CommandInfo, role: &str) -> BTreeMap<String, String> {
        let variables = command.environment().variables.iter();
        let mut all: BTreeMap<String, String> = variables
            .map(|variable| (variable.name().to_owned(), variable.value().to_owned()))
            .collect();
        all.extend(self.task_environment.clone());
        all.insert("MESOS_SANDBOX".to_owned(), self.mapped_directory.clone());
        all.insert("MESOS_CONTAINER_NAME".to_owned(), self.name.clone());
        all.insert("MESOS_ALLOCATION_ROLE".to_owned(), role.to_owned());
        all
    }

    fn volumes(
        &self,
        line: &mut Line,
        container: &ContainerInfo,
        docker: &DockerInfo,
    ) -> Result<(), OptionsError> {
        let mut driver: Option<&str> = None;
        for volume in &container.volumes {
            let Some(source) = self.volume_source(volume, docker)? else {
                continue;
            };
            let named = volume.source().docker_volume().driver.as_deref();
            if let (Some(known), Some(named)) = (driver, named)
                && known != named
            {
                return Err(OptionsError::VolumeDrivers);
            }
            driver = driver.or(named);
            let target = volume.container_path();
            let target = if target.starts_with('/') {
                target.to_owned()
            } else {
                format!("{}/{target}", self.mapped_directory)
            };
            line.pair("-v", format!("{source}:{target}:{}", mode(volume)?));
        }
        let sandbox = format!("{}:{}", self.sandbox_directory, self.mapped_directory);
        line.pair("-v", sandbox);
        if let (Some(known), Some(named)) = (driver, docker.volume_driver.as_deref())
            && known != named
        {
            return Err(OptionsError::VolumeDriversOfTask);
        }
        if let Some(driver) = docker.volume_driver.as_deref().or(driver) {
            line.0.push(format!("--volume-driver={driver}"));
        }
        Ok(())
    }

    /// Where a volume comes from; none when Docker does not know such volumes.
    fn volume_source(
        &self,
        volume: &Volume,
        docker: &DockerInfo,
    ) -> Result<Option<String>, OptionsError> {
        let target = volume.container_path();
        if let Some(host) = &volume.host_path {
            let is_relative = !host.starts_with('/');
            if is_relative && !target.starts_with('/') {
                return Err(OptionsError::RelativeVolume {
                    host: host.clone(),
                    container: target.to_owned(),
                });
            }
            return Ok(Some(if is_relative && docker.volume_driver.is_none() {
                format!("{}/{host}", self.sandbox_directory)
            } else {
                host.clone()
            }));
        }
        let Some(source) = &volume.source else {
            return Err(OptionsError::NoVolumeSource);
        };
        let is_known = source.r#type() == source::Type::DockerVolume;
        Ok(is_known.then(|| source.docker_volume().name().to_owned()))
    }

    fn name_servers(&self, line: &mut Line, docker: &DockerInfo, network: &str) {
        let options = ["dns", "dns-search", "dns-opt", "dns-option"];
        let chosen = |parameter: &mesos_proto::v1::Parameter| options.contains(&parameter.key());
        if docker.parameters.iter().any(chosen) {
            return;
        }
        let Some(dns) = self.default_for(docker.network(), network) else {
            return;
        };
        for (flag, values) in [
            ("--dns", &dns.nameservers),
            ("--dns-search", &dns.search),
            ("--dns-opt", &dns.options),
        ] {
            for value in values {
                line.pair(flag, value.clone());
            }
        }
    }

    fn default_for(&self, mode: Network, network: &str) -> Option<&Dns> {
        let all = &self.default_dns.as_deref()?.docker;
        let of = |mode: NetworkMode| all.iter().filter(move |info| info.network_mode() == mode);
        let found = match mode {
            Network::Bridge => of(NetworkMode::Bridge).next_back(),
            Network::User => of(NetworkMode::User)
                .rfind(|info| info.network_name.as_deref() == Some(network))
                .or_else(|| of(NetworkMode::User).rfind(|info| info.network_name.is_none())),
            Network::Host | Network::None => None,
        };
        found.map(|info| info.dns())
    }
}

fn mode(volume: &Volume) -> Result<&'static str, OptionsError> {
    match volume.mode.map(|_| volume.mode()) {
        Some(Mode::Rw) => Ok("rw"),
        Some(Mode::Ro) => Ok("ro"),
        None => Err(OptionsError::VolumeMode),
    }
}

/// The network that the container joins.
fn network(container: &ContainerInfo, docker: &DockerInfo) -> Result<String, OptionsError> {
    match docker.network() {
        Network::Host => Ok("host".to_owned()),
        Network::Bridge => Ok("bridge".to_owned()),
        Network::None => Ok("none".to_owned()),
        Network::User => match container.network_infos.as_slice() {
            [] => Err(OptionsError::NoNetworkInfo),
            [single] => single.name.clone().ok_or(OptionsError::NoNetworkName),
            [..] => Err(OptionsError::ManyNetworks),
        },
    }
}

fn port_mappings(
    line: &mut Line,
    docker: &DockerInfo,
    network: &str,
    resources: &Resources,
) -> Result<(), OptionsError> {
    if docker.port_mappings.is_empty() {
        return Ok(());
    }
    if network == "host" || network == "none" {
        return Err(OptionsError::PortsOfNetwork);
    }
    let ports = resources.ports().ok_or(OptionsError::NoPorts)?;
    for mapping in &docker.port_mappings {
        let host = mapping.host_port();
        if !ports.contains_number(host.into()) {
            return Err(OptionsError::ForeignPort(host));
        }
        let protocol = mapping.protocol.as_deref();
        let protocol = protocol.map_or(String::new(), |name| format!("/{}", name.to_lowercase()));
        line.pair(
            "-p",
            format!("{host}:{}{protocol}", mapping.container_port()),
        );
    }
    Ok(())
}

/// What follows the image.
fn arguments(command: &CommandInfo) -> Result<Vec<String>, OptionsError> {
    if command.shell() {
        let value = command.value.clone().ok_or(OptionsError::NoCommand)?;
        return Ok(vec!["-c".to_owned(), value]);
    }
    let mut all: Vec<String> = command.value.iter().cloned().collect();
    all.extend(command.arguments.iter().cloned());
    Ok(all)
}

/// A command line under construction.
struct Line(Vec<String>);

impl Line {
    fn flag(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn pair(&mut self, name: &str, value: String) {
        self.0.push(name.to_owned());
        self.0.push(value);
    }
}

#[cfg(test)]
mod tests;
