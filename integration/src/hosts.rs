//! Hosts of their own on one machine: network namespaces on a bridge, which can be cut apart.
//!
//! # Owns
//! The bridge, the namespaces and what connects them; all end with the value.
//!
//! # Invariants
//! - A cut drops packets in silence and in both directions; nobody is told.
//! - The test itself sits on the bridge and reaches every host, whatever is cut.

use std::{
    io,
    net::Ipv4Addr,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use thiserror::Error;

/// Why there are no hosts; only root can make them, with `ip` and `nft`.
#[derive(Debug, Error)]
pub enum HostsError {
    /// A program could not be started.
    #[error("run {program}")]
    Run {
        /// Which.
        program: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// A program said no.
    #[error("{command}: {message}")]
    Refused {
        /// What was run.
        command: String,
        /// What it printed.
        message: String,
    },
}

/// Where a process runs: its address, and what is put before its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address to listen on.
    pub ip: Ipv4Addr,
    namespace: Option<String>,
}

impl Place {
    /// The loopback address of this machine.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            ip: Ipv4Addr::LOCALHOST,
            namespace: None,
        }
    }

    /// Makes a command that runs `program` here; the process keeps the id that it is started with.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        }
    }
}

/// Some hosts, numbered from zero.
#[derive(Debug)]
pub struct Hosts {
    bridge: String,
    places: Vec<Place>,
}

/// The third byte of the next network of this process.
static NETWORKS: AtomicU32 = AtomicU32::new(0);

impl Hosts {
    /// Makes `count` hosts that all reach each other.
    ///
    /// # Errors
    /// [`HostsError`], for example for everybody but root.
    pub fn start(count: u8) -> Result<Self, HostsError> {
        // Tests of several processes may run at once: the process id tells their networks apart.
        let number = std::process::id().wrapping_mul(8) + NETWORKS.fetch_add(1, Ordering::Relaxed);
        let [_, _, third, fourth] = number.to_be_bytes();
        let network = |host: u8| Ipv4Addr::new(10, 64 + third % 128, fourth, host);
        let name = format!("mz{number:x}");
        let mut hosts = Self {
            bridge: name.clone(),
            places: Vec::new(),
        };
        ip(&format!("link add {name} type bridge"))?;
        ip(&format!("address add {}/24 dev {name}", network(1)))?;
        ip(&format!("link set {name} up"))?;
        for host in 0..count {
            let (namespace, cable) = (format!("{name}-{host}"), format!("{name}-{host}"));
            let address = network(10 + host);
            ip(&format!("netns add {namespace}"))?;
            hosts.places.push(Place {
                ip: address,
                namespace: Some(namespace.clone()),
            });
            ip(&format!(
                "link add {cable} type veth peer name eth0 netns {namespace}"
            ))?;
            ip(&format!("link set {cable} master {name} up"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
            ip(&format!("-n {namespace} address add {address}/24 dev eth0"))?;
            ip(&format!("-n {namespace} link set eth0 up"))?;
        }
        for place in &hosts.places {
            nft(place, "add table ip cut")?;
            nft(
                place,
                "add chain ip cut arriving { type filter hook input priority 0 ; }",
            )?;
        }
        Ok(hosts)
    }

    /// The host of that number.
    ///
    /// # Errors
    /// [`HostsError::Refused`] when there are fewer.
    pub fn place(&self, host: usize) -> Result<Place, HostsError> {
        let place = self.places.get(host).cloned();
        place.ok_or_else(|| HostsError::Refused {
            command: format!("host {host}"),
            message: format!("there are {}", self.places.len()),
        })
    }

    /// Drops every packet between two hosts.
    ///
    /// # Errors
    /// [`HostsError`] when `nft` refuses.
    pub fn cut(&self, one: usize, other: usize) -> Result<(), HostsError> {
        let (one, other) = (self.place(one)?, self.place(other)?);
        for (here, there) in [(&one, &other), (&other, &one)] {
            let rule = format!("add rule ip cut arriving ip saddr {} drop", there.ip);
            nft(here, &rule)?;
        }
        Ok(())
    }

    /// Drops every packet between a host and each of `others`.
    ///
    /// # Errors
    /// [`HostsError`] when `nft` refuses.
    pub fn cut_all(&self, one: usize, others: &[usize]) -> Result<(), HostsError> {
        others.iter().try_for_each(|other| self.cut(one, *other))
    }

    /// Takes the link of a host down: it has no carrier any more, and nobody is told.
    ///
    /// # Errors
    /// [`HostsError`] when `ip` refuses.
    pub fn unplug(&self, host: usize) -> Result<(), HostsError> {
        self.set_link(host, "down")
    }

    /// Takes the link of a host up again.
    ///
    /// # Errors
    /// [`HostsError`] when `ip` refuses.
    pub fn plug(&self, host: usize) -> Result<(), HostsError> {
        self.set_link(host, "up")
    }

    fn set_link(&self, host: usize, state: &str) -> Result<(), HostsError> {
        self.place(host)?;
        ip(&format!("link set {}-{host} {state}", self.bridge))
    }

    /// Lets every packet through again.
    ///
    /// # Errors
    /// [`HostsError`] when `nft` refuses.
    pub fn heal(&self) -> Result<(), HostsError> {
        let flush = |place| nft(place, "flush chain ip cut arriving");
        self.places.iter().try_for_each(flush)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for place in &self.places {
            if let Some(namespace) = &place.namespace {
                drop(ip(&format!("netns delete {namespace}")));
            }
        }
        drop(ip(&format!("link delete {}", self.bridge)));
    }
}

fn ip(arguments: &str) -> Result<(), HostsError> {
    run(Command::new("ip").args(arguments.split(' ')), "ip")
}

fn nft(place: &Place, rule: &str) -> Result<(), HostsError> {
    run(place.command("nft").arg(rule), "nft")
}

fn run(command: &mut Command, program: &'static str) -> Result<(), HostsError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| HostsError::Run { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(HostsError::Refused {
        command: format!("{command:?}"),
        message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}
