//! Brings the artifacts of a container's command into its sandbox.
//!
//! Mirrors `src/slave/containerizer/fetcher.cpp`; the work itself is done by the program `mesos-fetcher`.

mod cache;
pub mod process;
pub mod program;

use std::{fmt, path::PathBuf};

use libprocess::{Future, Pid, Runtime};
use mesos_proto::v1;
use thiserror::Error;

pub use self::process::FetcherProcess;
use crate::{ContainerId, launch_info::ContainerConfig, programs::MissingProgram};

/// Artifacts could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// An artifact's address is not acceptable.
    #[error("Could not fetch: {0}")]
    Invalid(String),
    /// The fetcher program is missing.
    #[error("Could not fetch URIs: {0}")]
    Program(#[from] MissingProgram),
    /// A file of the sandbox cannot be made.
    #[error("Failed to create '{path}'")]
    Output {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A file of the sandbox cannot be given to the container's user.
    #[error("Failed to chown '{path}' to user '{user}' : {source}", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// The user.
        user: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The fetcher program could not be started.
    #[error("Failed to execute mesos-fetcher")]
    Start(#[source] std::io::Error),
    /// The fetcher program failed; it says why in the sandbox.
    #[error("Failed to fetch all URIs for container '{id}': {status}")]
    Failed {
        /// The container.
        id: ContainerId,
        /// How the program ended.
        status: String,
    },
    /// The fetcher actor has ended.
    #[error("the fetcher has ended")]
    Ended,
}

/// What the fetcher takes from the agent's flags.
#[derive(Debug, Clone)]
pub struct FetcherOptions {
    /// `--launcher_dir`.
    pub launcher_dir: PathBuf,
    /// `--fetcher_cache_dir`.
    pub cache_dir: PathBuf,
    /// `--fetcher_cache_size`, in bytes.
    pub cache_size: u64,
    /// `--frameworks_home`.
    pub frameworks_home: Option<String>,
    /// `--hadoop_home`.
    pub hadoop_home: Option<String>,
    /// `--fetcher_stall_timeout`.
    pub stall_timeout: std::time::Duration,
}

/// The handle of the [`FetcherProcess`].
#[derive(Clone)]
pub struct Fetcher {
    pid: Pid<FetcherProcess>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fetcher").field(self.pid.upid()).finish()
    }
}

impl Fetcher {
    /// Starts the actor.
    pub fn spawn(runtime: &Runtime, options: FetcherOptions) -> Self {
        let pid = runtime.spawn(FetcherProcess::new(runtime, options));
        for (key, read) in process::GAUGES {
            let asked = pid.clone();
            runtime
                .metrics()
                .pull_gauge(key, move || asked.call(move |fetcher, _| read(fetcher)));
        }
        Self { pid }
    }

    /// Fetches what the command of a container names.
    pub fn fetch(
        &self,
        id: &ContainerId,
        config: &ContainerConfig,
    ) -> Future<Result<(), FetchError>> {
        let (id, config) = (id.clone(), config.clone());
        self.pid
            .call_future(move |process, ctx| process.fetch(&id, &config, ctx))
    }

    /// Ends a fetch that is under way.
    pub fn kill(&self, id: &ContainerId) {
        let id = id.clone();
        self.pid.dispatch(move |process, _| process.kill(&id));
    }
}

/// Says whether an artifact can be fetched at all.
///
/// # Errors
/// [`FetchError::Invalid`] with the reason.
pub fn validate(uri: &v1::command_info::Uri) -> Result<(), FetchError> {
    let value = uri.value();
    if value.contains(['\\', '\'', '\0']) {
        return Err(FetchError::Invalid("Illegal characters in URI".to_owned()));
    }
    if let Some((_, rest)) = value.split_once("://")
        && !rest.contains('/')
    {
        return Err(FetchError::Invalid(format!(
            "Malformed URI (missing path): {value}"
        )));
    }
    match uri.output_file.as_deref() {
        Some("") => Err(FetchError::Invalid(
            "URI output file path is empty".to_owned(),
        )),
        Some(path) if path.starts_with('/') => Err(FetchError::Invalid(
            "URI output file must be within the sandbox directory".to_owned(),
        )),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, output: Option<&str>, expected: Option<&str>) {
        let uri = v1::command_info::Uri {
            value: Some(value.to_owned()),
            output_file: output.map(str::to_owned),
            ..Default::default()
        };
        assert_eq!(
            validate(&uri)
                .err()
                .map(|error| error.to_string())
                .as_deref(),
            expected
        );
    }

    /// Mirrors: FetcherTest.MalformedURI
    #[test]
    fn unacceptable_addresses_are_named() {
        check("http://host/file", None, None);
        check("/etc/hosts", Some("hosts"), None);
        check(
            "lala://nopath",
            None,
            Some("Could not fetch: Malformed URI (missing path): lala://nopath"),
        );
        check(
            "a'b",
            None,
            Some("Could not fetch: Illegal characters in URI"),
        );
    }

    /// Mirrors: FetcherTest.AbsoluteCustomSubdirectoryFails
    #[test]
    fn output_outside_the_sandbox_is_refused() {
        check(
            "/a",
            Some("/b"),
            Some("Could not fetch: URI output file must be within the sandbox directory"),
        );
        check(
            "/a",
            Some(""),
            Some("Could not fetch: URI output file path is empty"),
        );
    }
}
