//! Links persistent volumes into the sandbox of a container that shares the host's file system.
//!
//! Mirrors `src/slave/containerizer/mesos/isolators/filesystem/posix.cpp`.
//!
//! # Owns
//! Which volumes are linked into which sandbox.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{MetadataExt as _, chown, symlink},
    path::{Path, PathBuf},
};

use libprocess::{Pid, Process, ProcessId, Runtime};
use mesos_common::resources::Resources;
use mesos_proto::v1::{self, resource::disk_info::source::Type as SourceType};

use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    isolator::{Isolator, IsolatorAnswer, IsolatorError},
    launch_info::{ContainerConfig, ContainerLaunchInfo},
};

/// The isolator `filesystem/posix`.
#[derive(Debug)]
pub struct PosixFilesystemIsolator {
    process: Pid<PosixFilesystemIsolatorProcess>,
}

/// What is known of a container.
#[derive(Debug)]
struct Linked {
    /// Its sandbox.
    directory: PathBuf,
    /// The volumes that are linked into it.
    volumes: Resources,
}

/// The actor behind [`PosixFilesystemIsolator`], id `posix-filesystem-isolator(N)`.
#[derive(Debug)]
pub(crate) struct PosixFilesystemIsolatorProcess {
    work_dir: PathBuf,
    containers: BTreeMap<ContainerId, Linked>,
}

impl Process for PosixFilesystemIsolatorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("posix-filesystem-isolator")
    }
}

impl PosixFilesystemIsolator {
    /// Starts the isolator; persistent volumes lie below the agent's work directory.
    pub fn start(runtime: &Runtime, work_dir: PathBuf) -> Self {
        Self {
            process: runtime.spawn(PosixFilesystemIsolatorProcess {
                work_dir,
                containers: BTreeMap::new(),
            }),
        }
    }
}

impl PosixFilesystemIsolatorProcess {
    fn prepare(&mut self, id: &ContainerId, config: &ContainerConfig) -> Result<(), IsolatorError> {
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
        self.know(id.clone(), PathBuf::from(config.directory()));
        self.update(id, &config.resources)
    }

    fn know(&mut self, id: ContainerId, directory: PathBuf) {
        let volumes = Resources::new();
        self.containers.insert(id, Linked { directory, volumes });
    }

    /// Links the volumes that a container has got, and removes the links of those it has lost.
    ///
    /// After a restart of the agent nothing counts as linked, and links that are there are fine.
    fn update(&mut self, id: &ContainerId, wanted: &[v1::Resource]) -> Result<(), IsolatorError> {
        let Some(known) = self.containers.get(id) else {
            return Err(IsolatorError::Refused("Unknown container".to_owned()));
        };
        let wanted = Resources::from_proto(wanted).persistent_volumes();
        for volume in volumes_beyond(&known.volumes, &wanted) {
            unlink(&known.directory, &volume)?;
        }
        for volume in volumes_beyond(&wanted, &known.volumes) {
            let source = persistent_volume_path(&self.work_dir, &volume);
            if !self.is_in_use_elsewhere(id, &volume) {
                give_to_owner_of(&known.directory, &source)?;
            }
            link(&known.directory, &volume, &source)?;
        }
        if let Some(known) = self.containers.get_mut(id) {
            known.volumes = wanted;
        }
        Ok(())
    }

    /// Whether another container has a shared volume, so that its owner has to stay.
    fn is_in_use_elsewhere(&self, id: &ContainerId, volume: &v1::Resource) -> bool {
        let volume = Resources::from_proto(std::slice::from_ref(volume));
        let mut others = self.containers.iter().filter(|(other, _)| *other != id);
        others.any(|(_, known)| known.volumes.contains(&volume))
    }
}

/// The volumes of `some` that are not among `others` and can be linked: their paths are relative.
fn volumes_beyond(some: &Resources, others: &Resources) -> Vec<v1::Resource> {
    let mut volumes = some.to_proto();
    volumes.retain(|volume| {
        let path = volume.disk().volume().container_path();
        // A volume with an absolute path needs a root file system of the container's own.
        if Path::new(path).is_absolute() {
            tracing::warn!(path, "volume with absolute path is skipped");
            return false;
        }
        !others.contains(&Resources::from_proto(std::slice::from_ref(volume)))
    });
    volumes
}

fn unlink(sandbox: &Path, volume: &v1::Resource) -> Result<(), IsolatorError> {
    let link = sandbox.join(volume.disk().volume().container_path());
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(IsolatorError::System {
            what: format!("remove the link of a volume '{}'", link.display()),
            source: error,
        }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Gives a volume to whom the sandbox belongs; root needs no permission.
fn give_to_owner_of(sandbox: &Path, volume: &Path) -> Result<(), IsolatorError> {
    let failed = |what: String| move |source| IsolatorError::System { what, source };
    let owner = fs::metadata(sandbox)
        .map_err(failed(format!("get ownership for '{}'", sandbox.display())))?;
    if owner.uid() == 0 {
        return Ok(());
    }
    chown(volume, Some(owner.uid()), Some(owner.gid())).map_err(failed(format!(
        "change the ownership of the persistent volume at '{}'",
        volume.display()
    )))
}

fn link(sandbox: &Path, volume: &v1::Resource, source: &Path) -> Result<(), IsolatorError> {
    let link = sandbox.join(volume.disk().volume().container_path());
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
    symlink(source, &link).map_err(failed(format!(
        "symlink persistent volume from '{}' to '{}'",
        source.display(),
        link.display()
    )))
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

    fn recover(&self, containers: &[RecoverableContainer]) -> IsolatorAnswer<()> {
        let known: Vec<(ContainerId, PathBuf)> = containers
            .iter()
            .map(|container| (container.id.clone(), container.directory.clone()))
            .collect();
        self.process.call(move |isolator, _| {
            for (id, directory) in known {
                isolator.know(id, directory);
            }
            Ok(())
        })
    }

    fn prepare(
        &self,
        id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        let (id, config) = (id.clone(), config.clone());
        self.process
            .call(move |isolator, _| isolator.prepare(&id, &config).map(|()| None))
    }

    fn update(
        &self,
        id: &ContainerId,
        requests: &[v1::Resource],
        _limits: &BTreeMap<String, v1::value::Scalar>,
    ) -> IsolatorAnswer<()> {
        let (id, requests) = (id.clone(), requests.to_vec());
        self.process
            .call(move |isolator, _| isolator.update(&id, &requests))
    }

    fn cleanup(&self, id: &ContainerId) -> IsolatorAnswer<()> {
        let id = id.clone();
        self.process.call(move |isolator, _| {
            isolator.containers.remove(&id);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::resource::{DiskInfo, ReservationInfo, disk_info};

    use super::*;

    fn volume(source: Option<disk_info::Source>) -> v1::Resource {
        v1::Resource {
            name: Some("disk".to_owned()),
            reservations: vec![ReservationInfo {
                role: Some("role1".to_owned()),
                ..Default::default()
            }],
            disk: Some(
                DiskInfo {
                    persistence: Some(disk_info::Persistence {
                        id: Some("id1".to_owned()),
                        ..Default::default()
                    }),
                    source: source.map(Into::into),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        }
    }

    /// Mirrors: PathsTest.PersistentVolume
    #[test]
    fn volume_lies_where_its_disk_is() {
        let root = || Some("/disk".to_owned());
        let path = disk_info::Source {
            r#type: Some(SourceType::Path.into()),
            path: Some(disk_info::source::Path {
                root: root(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let mount = disk_info::Source {
            r#type: Some(SourceType::Mount.into()),
            mount: Some(disk_info::source::Mount {
                root: root(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let of = |source| persistent_volume_path(Path::new("/w"), &volume(source));

        assert_eq!(of(None), Path::new("/w/volumes/roles/role1/id1"));
        assert_eq!(of(Some(path)), Path::new("/disk/volumes/roles/role1/id1"));
        assert_eq!(of(Some(mount)), Path::new("/disk"));
    }
}
