//! Links persistent volumes into the sandbox of a container that shares the host's file system.
//!
//! Mirrors `src/slave/containerizer/mesos/isolators/filesystem/posix.cpp`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use libprocess::Future;
use mesos_proto::v1::{self, resource::disk_info::source::Type as SourceType};

use crate::{
    ContainerId,
    isolator::{Isolator, IsolatorAnswer, IsolatorError},
    launch_info::{ContainerConfig, ContainerLaunchInfo},
};

/// The isolator `filesystem/posix`.
#[derive(Debug)]
pub struct PosixFilesystemIsolator {
    work_dir: PathBuf,
}

impl PosixFilesystemIsolator {
    /// Makes the isolator; persistent volumes lie below the agent's work directory.
    pub fn new(work_dir: PathBuf) -> Self {
        Self { work_dir }
    }

    fn prepare_now(&self, config: &ContainerConfig) -> Result<(), IsolatorError> {
        if config.rootfs.is_some() {
            return Err(IsolatorError::Refused(
                "Container root filesystems not supported".to_owned(),
            ));
        }
        if config
            .container_info
            .as_ref()
            .is_some_and(|info| !info.volumes.is_empty())
        {
            return Err(IsolatorError::Refused(
                "Volumes in ContainerInfo is not supported".to_owned(),
            ));
        }
        for resource in &config.resources {
            self.link_volume(Path::new(config.directory()), resource)?;
        }
        Ok(())
    }

    fn link_volume(&self, sandbox: &Path, resource: &v1::Resource) -> Result<(), IsolatorError> {
        let Some(disk) = &resource.disk else {
            return Ok(());
        };
        let (Some(volume), Some(_)) = (&disk.volume, &disk.persistence) else {
            return Ok(());
        };
        let container_path = Path::new(volume.container_path());
        if container_path.is_absolute() {
            // Such a volume needs a root file system of the container's own.
            tracing::warn!(path = %container_path.display(), "volume with absolute path is skipped");
            return Ok(());
        }
        let source = persistent_volume_path(&self.work_dir, resource);
        let link = sandbox.join(container_path);
        let failed = |what: String| move |source| IsolatorError::System { what, source };
        if let Some(parent) = link.parent() {
            fs::create_dir_all(parent)
                .map_err(failed(format!("create directory '{}'", parent.display())))?;
        }
        match fs::read_link(&link) {
            Ok(target) if target == source => return Ok(()),
            Ok(target) => {
                return Err(IsolatorError::Refused(format!(
                    "The existing symlink '{}' points to '{}' and the new target is '{}'",
                    link.display(),
                    target.display(),
                    source.display()
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(format!("read link '{}'", link.display()))(error)),
        }
        std::os::unix::fs::symlink(&source, &link).map_err(failed(format!(
            "symlink persistent volume from '{}' to '{}'",
            source.display(),
            link.display()
        )))
    }
}

/// Returns the directory of a persistent volume on the host.
pub fn persistent_volume_path(work_dir: &Path, volume: &v1::Resource) -> PathBuf {
    let role = volume
        .reservations
        .last()
        .map_or_else(|| volume.role(), v1::resource::ReservationInfo::role)
        .replace('/', " ");
    let disk = volume.disk();
    let within = |root: PathBuf| {
        root.join("volumes")
            .join("roles")
            .join(&role)
            .join(disk.persistence().id())
    };
    let absolute = |root: &str| {
        let root = Path::new(root);
        if root.is_absolute() {
            root.to_owned()
        } else {
            work_dir.join(root)
        }
    };
    match &disk.source {
        None => within(work_dir.to_owned()),
        Some(source) => match source.r#type() {
            SourceType::Path => within(absolute(source.path().root())),
            SourceType::Mount => absolute(source.mount().root()),
            SourceType::Raw | SourceType::Block | SourceType::Unknown => {
                within(work_dir.to_owned())
            }
        },
    }
}

impl Isolator for PosixFilesystemIsolator {
    fn name(&self) -> &'static str {
        "filesystem/posix"
    }

    fn prepare(
        &self,
        _id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        Future::ready(self.prepare_now(config).map(|()| None))
    }
}
