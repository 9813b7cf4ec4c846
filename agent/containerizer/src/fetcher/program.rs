//! The program `mesos-fetcher`: brings artifacts into a sandbox, in the order in which they are named.
//!
//! Mirrors `src/launcher/fetcher.cpp`.
//! What to do is in `MESOS_FETCHER_INFO`, a `FetcherInfo` in JSON.
//! Networks are reached through `curl`, archives are opened by `tar`, `unzip` and `gunzip`, other file systems by `hadoop`.
//!
//! # Exit
//! The first artifact that fails ends the program with status 1; the reason is on standard error, in the sandbox.

mod download;
mod extract;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use mesos_proto::{
    fetcher::{FetcherInfo, fetcher_info::Item, fetcher_info::item::Action},
    v1::command_info::Uri,
};
use mesos_proto_codec::{Dialect, Json};
use thiserror::Error;

use super::{FetchError, validate};

/// The variable that says what to do.
const INFO: &str = "MESOS_FETCHER_INFO";

/// An artifact could not be fetched.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// Nobody says what to do.
    #[error("Missing {INFO} environment variable")]
    Missing,
    /// What is to be done is unreadable.
    #[error("Failed to parse FetcherInfo: {0}")]
    Info(String),
    /// The address is not acceptable.
    #[error(transparent)]
    Invalid(#[from] FetchError),
    /// A relative path with nothing to be relative to.
    #[error(
        "A relative path was passed for the resource but the Mesos framework home was not specified. \
         Please either provide this config option or avoid using a relative path"
    )]
    NoHome,
    /// A file address that is not absolute.
    #[error("File URI only supports absolute paths")]
    NotAbsolute,
    /// There is nothing behind the last slash.
    #[error("Malformed URI (missing path): {0}")]
    NoName(String),
    /// The server did not give it.
    #[error("Error downloading resource, received {protocol} return code {code}")]
    Code {
        /// What was spoken.
        protocol: &'static str,
        /// What was answered.
        code: String,
    },
    /// A helper program failed or is missing.
    #[error("{what}: {detail}")]
    Helper {
        /// What was attempted.
        what: String,
        /// How it went.
        detail: String,
    },
    /// A cached artifact without its place in the cache.
    #[error("No cache file name for: {0}")]
    NoCacheName(String),
    /// A file operation failed.
    #[error("Failed to {what}: {source}")]
    System {
        /// What was attempted.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl ProgramError {
    fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            what: what.into(),
            source,
        }
    }
}

/// Tells the sandbox's reader what happens.
#[expect(
    clippy::print_stderr,
    reason = "standard error is the sandbox's stderr"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Runs the program.
pub fn run() -> ExitCode {
    match fetch_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            say(&text);
            ExitCode::FAILURE
        }
    }
}

fn fetch_all() -> Result<(), String> {
    let text = std::env::var(INFO).map_err(|_unset| ProgramError::Missing.to_string())?;
    let info = FetcherInfo::read_json(Dialect::V0, text.as_bytes())
        .map_err(|error| ProgramError::Info(error.to_string()).to_string())?;
    let job = Job {
        sandbox: PathBuf::from(info.sandbox_directory()),
        cache: info.cache_directory.as_deref().map(PathBuf::from),
        home: info.frameworks_home.clone(),
        stall_timeout: info.stall_timeout.as_ref().map(|timeout| {
            Duration::from_nanos(u64::try_from(timeout.nanoseconds()).unwrap_or_default())
        }),
    };
    job.create_cache(&info).map_err(|error| error.to_string())?;
    become_user(info.user.as_deref()).map_err(|error| error.to_string())?;
    for item in &info.items {
        let value = item.uri().value();
        say(&format!("Fetching URI '{value}'"));
        let target = job
            .fetch(item)
            .map_err(|error| format!("Failed to fetch '{value}': {error}"))?;
        say(&format!("Fetched '{value}' to '{}'", target.display()));
    }
    say(&format!(
        "Successfully fetched all URIs into '{}'",
        info.sandbox_directory()
    ));
    Ok(())
}

/// Artifacts belong to the user of the container, and are fetched with that user's rights.
fn become_user(name: Option<&str>) -> Result<(), ProgramError> {
    let Some(name) = name else { return Ok(()) };
    let failed = |source| ProgramError::system(format!("become user '{name}'"))(source);
    let user = nix::unistd::User::from_name(name)
        .map_err(|errno| failed(errno.into()))?
        .ok_or_else(|| failed(io::Error::new(io::ErrorKind::NotFound, "no such user")))?;
    if user.uid == nix::unistd::geteuid() {
        return Ok(());
    }
    nix::unistd::setgid(user.gid)
        .and_then(|()| nix::unistd::setgroups(&[user.gid]))
        .and_then(|()| nix::unistd::setuid(user.uid))
        .map_err(|errno| failed(errno.into()))
}

/// Where artifacts come from and go to.
#[derive(Debug)]
struct Job {
    sandbox: PathBuf,
    cache: Option<PathBuf>,
    home: Option<String>,
    stall_timeout: Option<Duration>,
}

impl Job {
    /// Makes the cache directory, for the user who will fill it.
    fn create_cache(&self, info: &FetcherInfo) -> Result<(), ProgramError> {
        let needed = info
            .items
            .iter()
            .any(|item| item.action() != Action::BypassCache);
        let Some(cache) = self.cache.as_deref().filter(|_| needed) else {
            return Ok(());
        };
        fs::create_dir_all(cache).map_err(ProgramError::system(format!(
            "create '{}'",
            cache.display()
        )))?;
        if let Some(Ok(Some(user))) = info.user.as_deref().map(nix::unistd::User::from_name) {
            nix::unistd::chown(cache, Some(user.uid), Some(user.gid)).map_err(|errno| {
                ProgramError::system(format!("chown '{}'", cache.display()))(errno.into())
            })?;
        }
        Ok(())
    }

    /// Brings one artifact into the sandbox; returns where it lies.
    fn fetch(&self, item: &Item) -> Result<PathBuf, ProgramError> {
        validate(item.uri())?;
        let target = self.target(item.uri())?;
        let value = item.uri().value();
        match item.action() {
            Action::BypassCache => {
                say(&format!(
                    "Fetching '{value}' directly into the sandbox directory"
                ));
                self.download(item.uri(), &target)?;
                self.finish(item.uri(), &target, &target)?;
            }
            Action::DownloadAndCache | Action::RetrieveFromCache => {
                let cached = self.cached(item)?;
                if item.action() == Action::DownloadAndCache && !cached.is_file() {
                    self.download(item.uri(), &cached)?;
                }
                say(&format!("Fetching URI '{value}' from cache"));
                self.finish(item.uri(), &cached, &target)?;
            }
        }
        Ok(target)
    }

    fn cached(&self, item: &Item) -> Result<PathBuf, ProgramError> {
        match (&self.cache, item.cache_filename()) {
            (Some(cache), name) if !name.is_empty() => Ok(cache.join(name)),
            (Some(_) | None, _) => Err(ProgramError::NoCacheName(item.uri().value().to_owned())),
        }
    }

    /// Where an artifact lies in the sandbox.
    fn target(&self, uri: &Uri) -> Result<PathBuf, ProgramError> {
        let target = match &uri.output_file {
            Some(name) => self.sandbox.join(name),
            None => self.sandbox.join(base_name(uri.value())?),
        };
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(ProgramError::system(format!(
                "create subdirectory '{}' in sandbox",
                parent.display()
            )))?;
        }
        Ok(target)
    }

    fn download(&self, uri: &Uri, target: &Path) -> Result<(), ProgramError> {
        let address = uri.value().trim_start();
        match local_path(address, self.home.as_deref())? {
            Some(source) => copy(&source, target),
            None => download::remote(address, target, self.stall_timeout),
        }
    }

    /// Opens an archive, or makes the file what it shall be.
    fn finish(&self, uri: &Uri, source: &Path, target: &Path) -> Result<(), ProgramError> {
        if uri.executable() {
            copy(source, target)?;
            return fs::set_permissions(target, fs::Permissions::from_mode(0o755)).map_err(
                ProgramError::system(format!("chmod executable '{}'", target.display())),
            );
        }
        if uri.extract() {
            if extract::extract(source, &self.sandbox)? {
                return Ok(());
            }
            say(&format!(
                "Copying instead of extracting resource from URI with 'extract' flag, \
                 because it does not seem to be an archive: {}",
                uri.value()
            ));
        }
        copy(source, target)
    }
}

/// Copies a file, unless it is where it shall be.
fn copy(source: &Path, target: &Path) -> Result<(), ProgramError> {
    if source == target {
        return Ok(());
    }
    let what = format!("copy '{}' to '{}'", source.display(), target.display());
    fs::copy(source, target)
        .map(drop)
        .map_err(ProgramError::system(what))
}

/// What stands behind the last slash.
fn base_name(address: &str) -> Result<&str, ProgramError> {
    let missing = || ProgramError::NoName(address.to_owned());
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').ok_or_else(missing)?.1,
        None => address,
    };
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    if name.is_empty() {
        Err(missing())
    } else {
        Ok(name)
    }
}

/// The local file that an address means, if it means one.
pub(super) fn local_path(
    address: &str,
    home: Option<&str>,
) -> Result<Option<PathBuf>, ProgramError> {
    if let Some(path) = address.strip_prefix("file://") {
        let path = path.strip_prefix("localhost").unwrap_or(path);
        return match path.starts_with('/') {
            true => Ok(Some(PathBuf::from(path))),
            false => Err(ProgramError::NotAbsolute),
        };
    }
    if address.contains("://") {
        return Ok(None);
    }
    match (Path::new(address).is_absolute(), home) {
        (true, _) => Ok(Some(PathBuf::from(address))),
        (false, Some(home)) if !home.is_empty() => Ok(Some(Path::new(home).join(address))),
        (false, Some(_) | None) => Err(ProgramError::NoHome),
    }
}

#[cfg(test)]
mod tests;
