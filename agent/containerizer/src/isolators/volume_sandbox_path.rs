//! Gives containers directories of their own sandbox, or of that of the container around them.
//!
//! Mirrors `src/slave/containerizer/mesos/isolators/volume/sandbox_path.cpp`, without bind mounts:
//! containers share the host's file system, so a link does.
//!
//! # Owns
//! The sandboxes of all containers, for a nested one names a path below that of its parent.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{MetadataExt, chown, symlink},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use libprocess::Future;
use mesos_proto::v1::{
    Volume, container_info,
    volume::source::{self, SandboxPath, sandbox_path},
};

use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    isolator::{Isolator, IsolatorAnswer, IsolatorError},
    launch_info::{ContainerClass, ContainerConfig, ContainerLaunchInfo},
};

/// The isolator `volume/sandbox_path`.
#[derive(Debug, Default)]
pub struct SandboxPathIsolator {
    sandboxes: Mutex<BTreeMap<ContainerId, PathBuf>>,
}

fn refused<T>(text: impl Into<String>) -> Result<T, IsolatorError> {
    Err(IsolatorError::Refused(text.into()))
}

fn failed(what: String) -> impl FnOnce(io::Error) -> IsolatorError {
    move |source| IsolatorError::System { what, source }
}

impl SandboxPathIsolator {
    fn sandboxes(&self) -> MutexGuard<'_, BTreeMap<ContainerId, PathBuf>> {
        // A holder never panics half-way: each section replaces or reads one value.
        self.sandboxes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn prepare_now(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), IsolatorError> {
        let sandbox = PathBuf::from(config.directory());
        self.sandboxes().insert(id.clone(), sandbox.clone());
        let Some(info) = &config.container_info else {
            return Ok(());
        };
        if info.r#type() != container_info::Type::Mesos {
            return refused("Only support MESOS containers");
        }
        if config.rootfs.is_some() {
            return refused(
                "The 'linux' launcher and 'filesystem/linux' isolator must be enabled to change \
                 the rootfs and bind mount",
            );
        }
        for volume in &info.volumes {
            let Some(path) = path_of(volume)? else {
                continue;
            };
            if config.container_class() == ContainerClass::Debug {
                return refused("SANDBOX_PATH volume is not supported for DEBUG containers");
            }
            let source = self.source(id, volume, &path)?;
            link(&source, &sandbox.join(volume.container_path()))?;
        }
        Ok(())
    }

    /// The directory behind a volume, made when it is not there.
    fn source(
        &self,
        id: &ContainerId,
        volume: &Volume,
        path: &SandboxPath,
    ) -> Result<PathBuf, IsolatorError> {
        if Path::new(volume.container_path()).is_absolute() {
            return refused(
                "The 'linux' launcher and 'filesystem/linux' isolator must be enabled to support \
                 SANDBOX_PATH volume with absolute container path",
            );
        }
        match path.r#type() {
            sandbox_path::Type::Parent => {}
            sandbox_path::Type::Self_ => {
                return refused("'container_path' is relative for SANDBOX_PATH volume SELF type");
            }
            sandbox_path::Type::Unknown => return refused("Unknown SANDBOX_PATH volume type"),
        }
        let Some(parent) = id.parent() else {
            return refused("SANDBOX_PATH volume PARENT type only works for nested container");
        };
        let Some(root) = self.sandboxes().get(parent).cloned() else {
            return refused("Failed to locate the sandbox for the parent container");
        };
        let source = root.join(path.path());
        if fs::metadata(&source).is_err() {
            make_as(&root, &source)?;
        }
        Ok(source)
    }
}

/// Makes a directory that belongs to whom the sandbox belongs.
fn make_as(sandbox: &Path, directory: &Path) -> Result<(), IsolatorError> {
    let shown = directory.display();
    fs::create_dir_all(directory).map_err(failed(format!(
        "create the directory '{shown}' in the sandbox"
    )))?;
    let owner = fs::metadata(sandbox).map_err(failed(format!("stat '{}'", sandbox.display())))?;
    chown(directory, Some(owner.uid()), Some(owner.gid())).map_err(failed(format!(
        "change the ownership of the SANDBOX_PATH volume at '{shown}'"
    )))
}

/// What a volume says of a sandbox, in the old or the new way.
fn path_of(volume: &Volume) -> Result<Option<SandboxPath>, IsolatorError> {
    let source = volume.source.as_deref();
    let named = source.filter(|source| source.r#type() == source::Type::SandboxPath);
    if let Some(path) = named.map(|source| source.sandbox_path().clone()) {
        if Path::new(path.path()).is_absolute() {
            return refused(format!(
                "Path '{}' in SANDBOX_PATH volume is absolute",
                path.path()
            ));
        }
        return Ok(Some(path));
    }
    let host = volume.host_path.as_deref();
    let relative = host.filter(|host| !Path::new(host).is_absolute());
    Ok(relative.map(|host| SandboxPath {
        r#type: Some(sandbox_path::Type::Self_.into()),
        path: Some(host.to_owned()),
        ..Default::default()
    }))
}

fn link(source: &Path, target: &Path) -> Result<(), IsolatorError> {
    let what = format!("symlink '{}' -> '{}'", source.display(), target.display());
    let made = target.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| symlink(source, target))
        .map_err(failed(what))
}

impl Isolator for SandboxPathIsolator {
    fn name(&self) -> &'static str {
        "volume/sandbox_path"
    }

    fn supports_nesting(&self) -> bool {
        true
    }

    fn supports_standalone(&self) -> bool {
        true
    }

    fn recover(&self, containers: &[RecoverableContainer]) -> IsolatorAnswer<()> {
        let mut sandboxes = self.sandboxes();
        for container in containers {
            sandboxes.insert(container.id.clone(), container.directory.clone());
        }
        Future::ready(Ok(()))
    }

    fn prepare(
        &self,
        id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        Future::ready(self.prepare_now(id, config).map(|()| None))
    }

    fn cleanup(&self, id: &ContainerId) -> IsolatorAnswer<()> {
        self.sandboxes().remove(id);
        Future::ready(Ok(()))
    }
}
