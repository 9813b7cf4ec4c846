//! Runs the fetcher program for containers.
//!
//! # Owns
//! The fetches that are under way, by container.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use libprocess::{Context, Future, Process, ProcessId, Promise, Runtime, metrics::Counter};
use mesos_proto::{
    fetcher::{FetcherInfo, fetcher_info},
    v1,
};
use mesos_proto_codec::{Dialect, to_json};
use nix::sys::signal::Signal;

use super::{FetchError, FetcherOptions, validate};
use crate::{
    ContainerId,
    launch_info::ContainerConfig,
    process_tree::{Follow, kill_tree},
    programs, reap, wait_status,
};

/// Variables of the agent that the program gets although they begin with `MESOS_`.
const KEPT: [&str; 6] = [
    "MESOS_EXTERNAL_LOG_FILE",
    "MESOS_INITIALIZE_DRIVER_LOGGING",
    "MESOS_LOG_DIR",
    "MESOS_LOGBUFSECS",
    "MESOS_LOGGING_LEVEL",
    "MESOS_QUIET",
];

/// The actor that fetches.
#[derive(Debug)]
pub struct FetcherProcess {
    options: FetcherOptions,
    running: BTreeMap<ContainerId, i32>,
    succeeded: Counter,
    failed: Counter,
}

impl Process for FetcherProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("fetcher")
    }
}

impl FetcherProcess {
    pub(super) fn new(runtime: &Runtime, options: FetcherOptions) -> Self {
        let metrics = runtime.metrics();
        Self {
            options,
            running: BTreeMap::new(),
            succeeded: metrics.counter("containerizer/fetcher/task_fetches_succeeded"),
            failed: metrics.counter("containerizer/fetcher/task_fetches_failed"),
        }
    }

    /// Fetches the artifacts of a container.
    pub(super) fn fetch(
        &mut self,
        id: &ContainerId,
        config: &ContainerConfig,
        ctx: &mut Context<Self>,
    ) -> Future<Result<(), FetchError>> {
        let uris = &config.command_info().uris;
        match self.start(id, config) {
            Ok(None) => {
                if !uris.is_empty() {
                    self.succeeded.increment();
                }
                Future::ready(Ok(()))
            }
            Ok(Some(pid)) => {
                self.running.insert(id.clone(), pid);
                let (promise, future) = Promise::new();
                let id = id.clone();
                ctx.perform(reap::reap(pid), move |process, status, _| {
                    promise.set(process.on_ended(&id, status));
                });
                future
            }
            Err(error) => {
                self.failed.increment();
                Future::ready(Err(error))
            }
        }
    }

    /// Ends the program of a container and all it started.
    pub(super) fn kill(&mut self, id: &ContainerId) {
        let Some(pid) = self.running.get(id) else {
            return;
        };
        if let Err(error) = kill_tree(*pid, Signal::SIGKILL, Follow::GroupsAndSessions) {
            tracing::warn!(%id, %error, "fetcher cannot be killed");
        }
    }

    fn on_ended(&mut self, id: &ContainerId, status: Option<i32>) -> Result<(), FetchError> {
        self.running.remove(id);
        if status == Some(0) {
            self.succeeded.increment();
            return Ok(());
        }
        self.failed.increment();
        let status = status.map_or_else(|| "unknown status".to_owned(), wait_status::describe);
        Err(FetchError::Failed {
            id: id.clone(),
            status,
        })
    }

    /// Starts the program; none when there is nothing to fetch.
    fn start(&self, id: &ContainerId, config: &ContainerConfig) -> Result<Option<i32>, FetchError> {
        let command = config.command_info();
        command.uris.iter().try_for_each(validate)?;
        let user = command.user.clone().or_else(|| config.user.clone());
        let sandbox = Path::new(config.directory());
        let out = create_output(&sandbox.join("stdout"), user.as_deref())?;
        let err = create_output(&sandbox.join("stderr"), user.as_deref())?;
        if command.uris.is_empty() {
            return Ok(None);
        }
        let program = programs::resolve(&self.options.launcher_dir, "mesos-fetcher")?;
        let info = self.fetcher_info(&command.uris, config.directory(), user);
        tracing::info!(%id, uris = command.uris.len(), "fetching");
        let child = Command::new(&program.path)
            .arg0(&program.name)
            .env_clear()
            .envs(std::env::vars().filter(|(name, _)| is_inherited(name)))
            .envs(
                self.options
                    .hadoop_home
                    .iter()
                    .map(|home| ("HADOOP_HOME", home)),
            )
            .env("MESOS_FETCHER_INFO", to_json(&info, Dialect::V0))
            .env("LIBPROCESS_IP", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(FetchError::Start)?;
        Ok(Some(i32::try_from(child.id()).unwrap_or(i32::MAX)))
    }

    fn fetcher_info(
        &self,
        uris: &[v1::command_info::Uri],
        sandbox: &str,
        user: Option<String>,
    ) -> FetcherInfo {
        let cache = match &user {
            Some(user) => self.options.cache_dir.join(user),
            None => self.options.cache_dir.clone(),
        };
        let nanoseconds = i64::try_from(self.options.stall_timeout.as_nanos()).unwrap_or(i64::MAX);
        FetcherInfo {
            sandbox_directory: Some(sandbox.to_owned()),
            cache_directory: Some(cache.display().to_string()),
            items: uris
                .iter()
                .map(|uri| fetcher_info::Item {
                    uri: Some(uri.clone()),
                    action: Some(fetcher_info::item::Action::BypassCache.into()),
                    ..Default::default()
                })
                .collect(),
            user,
            frameworks_home: self.options.frameworks_home.clone(),
            stall_timeout: Some(v1::DurationInfo {
                nanoseconds: Some(nanoseconds),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

fn is_inherited(name: &str) -> bool {
    KEPT.contains(&name) || !(name.starts_with("LIBPROCESS_") || name.starts_with("MESOS_"))
}

/// Makes an output file of the sandbox, empty, belonging to the container's user.
fn create_output(path: &Path, user: Option<&str>) -> Result<File, FetchError> {
    let failed = |source| FetchError::Output {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)
        .map_err(failed)?;
    if let Some(user) = user
        && let Ok(Some(user)) = nix::unistd::User::from_name(user)
    {
        nix::unistd::chown(path, Some(user.uid), Some(user.gid))
            .map_err(|errno| failed(errno.into()))?;
    }
    Ok(file)
}
