//! What starting a master and starting an agent have in common.
//!
//! Mirrors the beginning of `src/master/main.cpp` and `src/slave/main.cpp`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, bail};
use libprocess::{PeerCheck, Runtime, RuntimeBuilder, StartError, Transport};
use mesos_common::flags::{FlagSet, HasLogging, Source, Warning, load, usage};

use crate::logging::{self, Verbosity};
use crate::programs::version_line;

/// The prefix of variables that every program of Mesos reads.
const COMMON_PREFIX: &str = "MESOS_";

/// A program that runs until a signal ends it.
pub(crate) struct Daemon<F> {
    /// Its name, such as `mesos-master`.
    pub(crate) program: &'static str,
    /// The prefix of variables that only it reads, such as `MESOS_MASTER_`.
    pub(crate) private_prefix: &'static str,
    /// The flag `--version`.
    pub(crate) version: fn(&F) -> bool,
    /// The rules on flags together.
    pub(crate) check: fn(&F) -> Result<()>,
}

impl<F: FlagSet + HasLogging> Daemon<F> {
    /// Reads the flags, sets up logging and serves; the errors on the way end on standard error.
    pub(crate) fn run(
        &self,
        arguments: &[OsString],
        serve: impl FnOnce(F, Verbosity) -> Result<ExitCode>,
    ) -> ExitCode {
        let (flags, warnings) = match self.read_flags(arguments) {
            Ok(read) => read,
            Err(code) => return code,
        };
        let served = self
            .prepare(&flags, &warnings)
            .and_then(|verbosity| serve(flags, verbosity));
        if let Some(traces) = logging::traces() {
            traces.flush();
        }
        served.unwrap_or_else(|error| {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        })
    }

    /// The flags, or the exit status when there is nothing more to do.
    fn read_flags(&self, arguments: &[OsString]) -> Result<(F, Vec<Warning>), ExitCode> {
        let arguments = arguments.iter().map(|argument| argument.to_string_lossy());
        let variables = std::env::vars_os().map(|(key, value)| {
            (
                key.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        });
        let source = Source::arguments(arguments)
            .with_environment(variables)
            .with_prefix(COMMON_PREFIX)
            .with_prefix(self.private_prefix);
        let loading = load::<F>(&source);
        if loading.flags.help() {
            print!("{}", usage::<F>(self.program, None, None));
            return Err(ExitCode::SUCCESS);
        }
        if (self.version)(&loading.flags) {
            println!("{}", version_line());
            return Err(ExitCode::SUCCESS);
        }
        if let Some(error) = loading.error {
            eprintln!(
                "{error}\n\nSee `{} --help` for a list of supported flags.",
                self.program
            );
            return Err(ExitCode::FAILURE);
        }
        if let Err(error) = (self.check)(&loading.flags) {
            eprintln!("{error}");
            return Err(ExitCode::FAILURE);
        }
        let ignored = loading
            .rest
            .into_iter()
            .map(|argument| Warning::Ignored { argument });
        Ok((
            loading.flags,
            loading.warnings.into_iter().chain(ignored).collect(),
        ))
    }

    fn prepare(&self, flags: &F, warnings: &[Warning]) -> Result<Verbosity> {
        let verbosity = logging::initialize(self.program, flags.logging())?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!("Version: {}", crate::programs::MESOS_VERSION);
        tracing::info!("Flags at startup: {}", flags.log_line());
        Ok(verbosity)
    }
}

/// The flags that say where to listen and what to announce.
pub(crate) struct Addresses<'a> {
    pub(crate) ip: Option<&'a str>,
    pub(crate) ip_discovery_command: Option<&'a str>,
    pub(crate) port: u16,
    pub(crate) advertise_ip: Option<&'a str>,
    pub(crate) advertise_port: Option<&'a str>,
    pub(crate) transport: Option<&'a str>,
}

impl Addresses<'_> {
    /// Describes a runtime by these flags, and by `LIBPROCESS_` variables for what they leave open.
    pub(crate) fn builder(&self) -> Result<RuntimeBuilder> {
        let mut builder = Runtime::builder().port(self.port);
        if let Some(ip) = self.listen_ip()? {
            builder = builder.ip(ip);
        }
        if let Some(ip) = parse_or_variable(self.advertise_ip, "advertise_ip")? {
            builder = builder.advertise_ip(ip);
        }
        if let Some(port) = parse_or_variable(self.advertise_port, "advertise_port")? {
            builder = builder.advertise_port(port);
        }
        let transport = parse_or_variable(self.transport, "transport")?;
        builder = builder.transport(transport.unwrap_or(Transport::Auto));
        if let Some(threads) = parse_or_variable(None, "num_worker_threads")? {
            builder = builder.arbiters(threads);
        }
        let check = std::env::var("LIBPROCESS_REQUIRE_PEER_ADDRESS_IP_MATCH");
        if matches!(check.as_deref(), Ok("true" | "1")) {
            builder = builder.require_peer_address_ip_match(PeerCheck::RequireSameIp);
        }
        let profiling = std::env::var("LIBPROCESS_MEMORY_PROFILING");
        if matches!(profiling.as_deref(), Ok("true" | "1")) {
            builder = builder.memory_profiler();
        }
        crate::runtime::equip(builder)
    }

    fn listen_ip(&self) -> Result<Option<IpAddr>> {
        match self.ip_discovery_command {
            Some(command) => discover_ip(command).map(Some),
            None => parse_or_variable(self.ip, "ip"),
        }
    }
}

/// Starts a runtime; a port that is taken is an error that says which flag to change.
pub(crate) fn start(builder: RuntimeBuilder) -> Result<Runtime> {
    builder.start().map_err(|error| {
        let hint = match &error {
            StartError::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "; choose another port with --port"
            }
            StartError::Bind { .. } => "; check --ip and --port",
            StartError::HostName { .. } => "; give --ip or --advertise_ip",
            StartError::Threads(_) => "",
        };
        let error = anyhow::Error::new(error);
        anyhow!("{error:#}{hint}")
    })
}

/// A flag, or where it was not given the variable of libprocess.
fn parse_or_variable<T: std::str::FromStr>(flag: Option<&str>, name: &str) -> Result<Option<T>> {
    let variable = format!("LIBPROCESS_{}", name.to_uppercase());
    let (text, place) = match (flag, std::env::var(&variable)) {
        (Some(text), _) => (text.to_owned(), format!("--{name}")),
        (None, Ok(text)) => (text, variable),
        (None, Err(_unset)) => return Ok(None),
    };
    match text.trim().parse() {
        Ok(value) => Ok(Some(value)),
        Err(_) => bail!("Failed to parse {place} '{text}'"),
    }
}

/// Asks a shell command for the address to listen on.
fn discover_ip(command: &str) -> Result<IpAddr> {
    let output = Command::new("sh")
        .arg("-c")
        .arg(command)
        .output()
        .with_context(|| format!("Failed to execute '{command}'"))?;
    if !output.status.success() {
        bail!(
            "Failed to execute '{command}'; the command was either not found or exited with a non-zero exit status: {}",
            output.status
        );
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .map_err(|_ignored| anyhow!("'{command}' printed no IP address: '{}'", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(ip: Option<&'static str>, port: u16) -> Addresses<'static> {
        Addresses {
            ip,
            ip_discovery_command: None,
            port,
            advertise_ip: None,
            advertise_port: None,
            transport: None,
        }
    }

    #[test]
    fn a_taken_port_names_the_flag_to_change() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = holder.local_addr().expect("bound").port();

        let builder = addresses(Some("127.0.0.1"), port)
            .builder()
            .expect("valid flags");
        let error = start(builder).expect_err("taken").to_string();

        assert_eq!(
            error,
            format!(
                "failed to listen on 127.0.0.1:{port}: Address already in use (os error 98); \
                 choose another port with --port"
            )
        );
    }

    #[test]
    fn a_bad_address_names_its_flag() {
        let error = addresses(Some("1.2.3"), 0)
            .builder()
            .expect_err("bad")
            .to_string();

        assert_eq!(error, "Failed to parse --ip '1.2.3'");
    }

    #[test]
    fn a_command_can_name_the_address() {
        assert_eq!(
            discover_ip("echo ' 127.0.0.1 '").expect("an address"),
            IpAddr::from([127, 0, 0, 1])
        );
        assert!(discover_ip("exit 3").is_err());
        assert_eq!(
            discover_ip("echo hello")
                .expect_err("no address")
                .to_string(),
            "'echo hello' printed no IP address: 'hello'"
        );
    }
}
