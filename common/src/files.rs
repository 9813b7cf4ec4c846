//! Lets clients browse and read the files that an actor offers.
//!
//! Mirrors `src/files/files.cpp`.
//!
//! # Owns
//! The virtual paths and the real paths behind them.
//!
//! # Invariants
//! - Nothing outside of an attached path is ever opened: links are followed before the check.
//!
//! # Wire
//! Routes `/files/{browse,read,download,debug}`, their texts and their JSON.

mod resolve;
mod routes;

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use libprocess::http::Principal;
use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime};
use mesos_proto::v1;

use self::resolve::{list, read_part, resolve};

/// Why a path cannot be browsed or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// Nothing is there.
    #[error("not found")]
    NotFound,
    /// The principal may not.
    #[error("not authorized")]
    Unauthorized,
    /// The system refused.
    #[error("{0}")]
    Unknown(String),
}

/// Says whether a principal may see an attached path.
pub type AuthorizeFile = Arc<dyn Fn(Option<&Principal>) -> Future<bool> + Send + Sync>;

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePart {
    /// The length of the whole file.
    pub size: u64,
    /// The piece.
    pub data: Bytes,
}

#[derive(Clone)]
struct Attached {
    real: PathBuf,
    authorize: Option<AuthorizeFile>,
}

/// The actor that offers files.
pub struct FilesProcess {
    paths: BTreeMap<String, Attached>,
    realm: Option<String>,
}

impl fmt::Debug for FilesProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesProcess")
            .field("paths", &self.paths.len())
            .finish_non_exhaustive()
    }
}

impl Process for FilesProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("files")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.install_routes(ctx);
    }
}

impl FilesProcess {
    /// The attached path that covers a requested one, and what of the request lies below it.
    fn cover(&self, requested: &str) -> Option<(&Attached, String)> {
        let trimmed = requested.trim_end_matches('/');
        let mut prefix = trimmed;
        loop {
            for candidate in [
                prefix.to_owned(),
                format!("/{}", prefix.trim_start_matches('/')),
            ] {
                if let Some(attached) = self.paths.get(&candidate) {
                    let below = trimmed.get(prefix.len()..).unwrap_or_default();
                    return Some((attached, below.trim_start_matches('/').to_owned()));
                }
            }
            let Some((rest, _)) = prefix.rsplit_once('/').filter(|(rest, _)| !rest.is_empty())
            else {
                // What is attached as `/` covers everything else.
                let root = self.paths.get("")?;
                return Some((root, trimmed.trim_start_matches('/').to_owned()));
            };
            prefix = rest;
        }
    }

    /// Goes on with `work` on the real path, off the actor, when the principal may.
    fn with_path<T: Send + 'static>(
        &self,
        requested: &str,
        principal: Option<&Principal>,
        ctx: &Context<Self>,
        work: impl FnOnce(PathBuf) -> Result<T, FilesError> + Send + 'static,
    ) -> Future<Result<T, FilesError>> {
        let Some((attached, below)) = self.cover(requested) else {
            return Future::ready(Err(FilesError::NotFound));
        };
        let root = attached.real.clone();
        let allowed = attached
            .authorize
            .as_ref()
            .map_or_else(|| Future::ready(true), |authorize| authorize(principal));
        let (promise, future) = Promise::new();
        ctx.on_any(allowed, move |_, outcome, ctx| {
            if outcome.ready() != Some(true) {
                return promise.set(Err(FilesError::Unauthorized));
            }
            ctx.perform_blocking(
                move || resolve(&root, &below).and_then(work),
                move |_, result, _| promise.set(result),
            );
        });
        future
    }
}

/// The handle of the [`FilesProcess`].
#[derive(Clone)]
pub struct Files {
    pid: Pid<FilesProcess>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(self.pid.upid()).finish()
    }
}

impl Files {
    /// Starts the actor; its routes ask for authentication in `realm`, if there is one.
    #[must_use]
    pub fn spawn(runtime: &Runtime, realm: Option<&str>) -> Self {
        let process = FilesProcess {
            paths: BTreeMap::new(),
            realm: realm.map(str::to_owned),
        };
        Self {
            pid: runtime.spawn(process),
        }
    }

    /// Offers a file or directory under a virtual path.
    ///
    /// A path that is attached already gets the new real path.
    pub fn attach(&self, real: &Path, virtual_path: &str, authorize: Option<AuthorizeFile>) {
        let attached = Attached {
            real: real.to_owned(),
            authorize,
        };
        let name = virtual_path.trim_end_matches('/').to_owned();
        self.pid.dispatch(move |files, _| {
            files.paths.insert(name, attached);
        });
    }

    /// Takes a virtual path back.
    pub fn detach(&self, virtual_path: &str) {
        let name = virtual_path.trim_end_matches('/').to_owned();
        self.pid.dispatch(move |files, _| {
            files.paths.remove(&name);
        });
    }

    /// Takes back every virtual path below this one, which itself stays.
    pub fn detach_below(&self, virtual_path: &Path) {
        let above = virtual_path.to_owned();
        self.pid.dispatch(move |files, _| {
            files.paths.retain(|name, _| {
                let name = Path::new(name);
                name == above || !name.starts_with(&above)
            });
        });
    }

    /// Lists what lies in an offered directory, in the order of names.
    pub fn browse(
        &self,
        path: &str,
        principal: Option<Principal>,
    ) -> Future<Result<Vec<v1::FileInfo>, FilesError>> {
        let path = path.to_owned();
        self.pid.call_future(move |files, ctx| {
            let shown = path.clone();
            files.with_path(&path, principal.as_ref(), ctx, move |real| {
                Ok(list(&real, &shown))
            })
        })
    }

    /// Reads a piece of an offered file; at most 16 pages, or what is left when `length` is `None`.
    pub fn read(
        &self,
        path: &str,
        offset: u64,
        length: Option<u64>,
        principal: Option<Principal>,
    ) -> Future<Result<FilePart, FilesError>> {
        let path = path.to_owned();
        self.pid.call_future(move |files, ctx| {
            files.with_path(&path, principal.as_ref(), ctx, move |real| {
                read_part(&real, offset, length)
            })
        })
    }
}

/// Describes one file.
fn file_info(path: String, metadata: &std::fs::Metadata) -> v1::FileInfo {
    let seconds = metadata.mtime();
    v1::FileInfo {
        path: Some(path),
        nlink: i32::try_from(metadata.nlink()).ok(),
        size: Some(metadata.len()),
        mtime: Some(v1::TimeInfo {
            nanoseconds: Some(seconds.saturating_mul(1_000_000_000)),
            ..Default::default()
        }),
        mode: Some(metadata.mode()),
        uid: Some(owner_name(metadata.uid(), "/etc/passwd")),
        gid: Some(owner_name(metadata.gid(), "/etc/group")),
        ..Default::default()
    }
}

/// The name of a user or group, or its number when the system's file does not name it.
fn owner_name(id: u32, file: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let wanted = id.to_string();
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&wanted.as_str()))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()))
        .unwrap_or(wanted)
}

#[cfg(test)]
mod tests;
