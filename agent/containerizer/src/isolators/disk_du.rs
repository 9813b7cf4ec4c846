//! Watches how much of the disk containers take, and ends those that take more than they have.
//!
//! Mirrors `PosixDiskIsolatorProcess` of `src/slave/containerizer/mesos/isolators/posix/disk.cpp`.
//! Only root containers are watched: the sandboxes of nested ones lie inside.
//!
//! # Owns
//! What each root container may take of the disk and took when it was last measured.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use libprocess::{Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime};
use mesos_common::{bytes::ByteSize, resources::Resources, scalar::Scalar};
use mesos_proto::v1::{self, resource::disk_info::source::Type as SourceType, task_status::Reason};

use super::disk_usage::DiskUsageCollector;
use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    isolator::{Isolator, IsolatorAnswer, IsolatorError},
    launch_info::{ContainerConfig, ContainerLaunchInfo, ContainerLimitation},
};

/// What becomes of a container that takes more than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskQuota {
    /// It ends.
    Enforced,
    /// It is only measured.
    Measured,
}

/// The isolator `disk/du`.
#[derive(Debug)]
#[doc(alias = "posix/disk")]
pub struct DiskUsageIsolator {
    pid: Pid<DiskUsageIsolatorProcess>,
}

/// The actor behind [`DiskUsageIsolator`].
#[derive(Debug)]
pub(crate) struct DiskUsageIsolatorProcess {
    quota: DiskQuota,
    collector: DiskUsageCollector,
    containers: BTreeMap<ContainerId, Watched>,
    next_round: u64,
}

/// A root container.
#[derive(Debug)]
struct Watched {
    sandbox: PathBuf,
    paths: BTreeMap<PathBuf, Measured>,
    limited: Option<Promise<ContainerLimitation>>,
    limitation: Option<Future<ContainerLimitation>>,
}

/// A directory of a container that is measured again and again.
#[derive(Debug)]
struct Measured {
    /// An answer to an earlier round is of no interest.
    round: u64,
    quota: Vec<v1::Resource>,
    last: Option<ByteSize>,
}

impl Measured {
    fn limit(&self) -> ByteSize {
        megabytes(Resources::from_proto(&self.quota).disk())
    }

    /// Whether the file system itself keeps to the quota.
    fn is_mount(&self) -> bool {
        self.quota.iter().any(|resource| {
            let source = resource.disk().source.as_ref();
            source.is_some_and(|source| source.r#type() == SourceType::Mount)
        })
    }
}

/// Resources count the disk in megabytes of 2^20 bytes, to a thousandth.
fn megabytes(amount: Option<Scalar>) -> ByteSize {
    let thousandths = amount.map_or(0, Scalar::thousandths);
    let bytes = u64::try_from(thousandths)
        .unwrap_or_default()
        .saturating_mul(ByteSize::from_megabytes(1).bytes())
        / 1000;
    ByteSize::from_bytes(bytes)
}

impl Process for DiskUsageIsolatorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("posix-disk-isolator")
    }
}

impl DiskUsageIsolatorProcess {
    fn know(&mut self, id: &ContainerId, sandbox: PathBuf) -> Result<(), IsolatorError> {
        if self.containers.contains_key(id) {
            return Err(IsolatorError::Refused(
                "Container has already been prepared".to_owned(),
            ));
        }
        let (limited, limitation) = Promise::new();
        let watched = Watched {
            sandbox,
            paths: BTreeMap::new(),
            limited: Some(limited),
            limitation: Some(limitation),
        };
        self.containers.insert(id.clone(), watched);
        Ok(())
    }

    fn watch(&mut self, id: &ContainerId) -> Future<ContainerLimitation> {
        let watched = self.containers.get_mut(id);
        let limitation = watched.and_then(|watched| watched.limitation.take());
        limitation.unwrap_or_else(|| Future::failed("Unknown container"))
    }

    /// Measures what a container has got, and stops measuring what it has lost.
    fn update(&mut self, id: &ContainerId, resources: &[v1::Resource], ctx: &mut Context<Self>) {
        let Some(watched) = self.containers.get_mut(id) else {
            tracing::warn!(%id, "ignoring an update of an unknown container");
            return;
        };
        let quotas = quotas(&watched.sandbox, resources);
        let lost: Vec<PathBuf> = watched
            .paths
            .extract_if(.., |path, _| !quotas.contains_key(path))
            .map(|(path, _)| path)
            .collect();
        let mut fresh = Vec::new();
        for (path, quota) in quotas {
            match watched.paths.get_mut(&path) {
                Some(measured) => measured.quota = quota,
                None => fresh.push((path, quota)),
            }
        }
        for (path, quota) in fresh.iter().cloned() {
            let (round, last) = (0, None);
            watched.paths.insert(path, Measured { round, quota, last });
        }
        for path in lost {
            self.collector.cancel(self.measured_path(id, &path));
        }
        for (path, _) in fresh {
            self.measure(id, &path, ctx);
        }
    }

    /// The path that is measured: a volume is a link, and what it leads to counts.
    fn measured_path(&self, id: &ContainerId, path: &Path) -> PathBuf {
        let sandbox = self.containers.get(id).map(|watched| &watched.sandbox);
        let is_link = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
        if is_link && sandbox.is_none_or(|sandbox| sandbox != path) {
            path.join("")
        } else {
            path.to_owned()
        }
    }

    /// Begins another round for a directory.
    fn measure(&mut self, id: &ContainerId, path: &Path, ctx: &Context<Self>) {
        let round = self.next_round;
        let asked = self.measured_path(id, path);
        let Some(watched) = self.containers.get_mut(id) else {
            return;
        };
        // What volumes take does not count for the sandbox.
        let excludes: Vec<PathBuf> = if watched.sandbox == path {
            let others = watched.paths.keys().filter(|other| *other != path);
            others.cloned().collect()
        } else {
            Vec::new()
        };
        let Some(measured) = watched.paths.get_mut(path) else {
            return;
        };
        measured.round = round;
        self.next_round += 1;
        let usage = self.collector.usage(asked, excludes);
        let (id, path) = (id.clone(), path.to_owned());
        ctx.on_any(usage, move |isolator, outcome, ctx| {
            isolator.on_measured(&id, &path, round, outcome, ctx);
        });
    }

    fn on_measured(
        &mut self,
        id: &ContainerId,
        path: &Path,
        round: u64,
        outcome: Outcome<Result<ByteSize, IsolatorError>>,
        ctx: &Context<Self>,
    ) {
        let Some(watched) = self.containers.get_mut(id) else {
            return;
        };
        let Some(measured) = watched.paths.get_mut(path) else {
            return;
        };
        if measured.round != round {
            return;
        }
        match outcome {
            Outcome::Ready(Ok(usage)) => {
                measured.last = Some(usage);
                if self.quota == DiskQuota::Enforced {
                    enforce(watched, path);
                }
            }
            Outcome::Ready(Err(error)) => {
                tracing::error!(%id, path = %path.display(), %error, "disk usage is unknown");
            }
            // Another container, which shares the path, wanted no more of it.
            Outcome::Abandoned | Outcome::Discarded => {}
            // The collector has ended, and so will this.
            Outcome::Failed(_) => return,
        }
        self.measure(id, path, ctx);
    }

    fn usage(&self, id: &ContainerId) -> Result<v1::ResourceStatistics, IsolatorError> {
        let Some(watched) = self.containers.get(id) else {
            return Err(IsolatorError::Refused("Unknown container".to_owned()));
        };
        let mut statistics = v1::ResourceStatistics::default();
        for (path, measured) in &watched.paths {
            if *path == watched.sandbox {
                continue;
            }
            let disk = measured.quota.first().map(v1::Resource::disk);
            statistics.disk_statistics.push(v1::DiskStatistics {
                limit_bytes: Some(measured.limit().bytes()),
                used_bytes: measured.last.map(ByteSize::bytes),
                source: disk.and_then(|disk| disk.source.clone()),
                persistence: disk.and_then(|disk| disk.persistence.clone()),
                ..Default::default()
            });
        }
        if let Some(sandbox) = watched.paths.get(&watched.sandbox) {
            let limit = Some(sandbox.limit().bytes());
            let used = Some(sandbox.last.map_or(0, ByteSize::bytes));
            statistics.disk_limit_bytes = limit;
            statistics.disk_used_bytes = used;
            statistics.disk_statistics.push(v1::DiskStatistics {
                limit_bytes: limit,
                used_bytes: used,
                ..Default::default()
            });
        }
        Ok(statistics)
    }

    fn forget(&mut self, id: &ContainerId) {
        let Some(watched) = self.containers.get(id) else {
            return;
        };
        for path in watched.paths.keys() {
            self.collector.cancel(self.measured_path(id, path));
        }
        self.containers.remove(id);
    }
}

/// Sorts what a container has of the disk by the directories that it is for.
fn quotas(sandbox: &Path, resources: &[v1::Resource]) -> BTreeMap<PathBuf, Vec<v1::Resource>> {
    let mut quotas: BTreeMap<PathBuf, Vec<v1::Resource>> = BTreeMap::new();
    for resource in resources.iter().filter(|one| one.name() == "disk") {
        let volume = resource.disk.as_ref().and_then(|disk| disk.volume.as_ref());
        // A relative path is one below the sandbox.
        let path = volume.map_or_else(
            || sandbox.to_owned(),
            |volume| sandbox.join(volume.container_path()),
        );
        quotas.entry(path).or_default().push(resource.clone());
    }
    quotas
}

/// Reports a container that takes more than it has.
fn enforce(watched: &mut Watched, path: &Path) {
    let Some(measured) = watched.paths.get(path) else {
        return;
    };
    let (usage, limit) = (measured.last.unwrap_or_default(), measured.limit());
    if measured.is_mount() || usage <= limit {
        return;
    }
    if let Some(limited) = watched.limited.take() {
        limited.set(ContainerLimitation {
            resources: measured.quota.clone(),
            message: Some(format!("Disk usage ({usage}) exceeds quota ({limit})")),
            reason: Some(Reason::ReasonContainerLimitationDisk.into()),
            ..Default::default()
        });
    }
}

impl DiskUsageIsolator {
    /// Starts the isolator's actor, which rests for `pause` between two measurements.
    pub fn start(runtime: &Runtime, pause: Duration, quota: DiskQuota) -> Self {
        Self {
            pid: runtime.spawn(DiskUsageIsolatorProcess {
                quota,
                collector: DiskUsageCollector::spawn(runtime, pause),
                containers: BTreeMap::new(),
                next_round: 0,
            }),
        }
    }
}

fn not_nested<T: Send + 'static>() -> IsolatorAnswer<T> {
    Future::ready(Err(IsolatorError::Refused(
        "Not supported for nested containers".to_owned(),
    )))
}

impl Isolator for DiskUsageIsolator {
    fn name(&self) -> &'static str {
        "disk/du"
    }

    fn supports_nesting(&self) -> bool {
        true
    }

    fn supports_standalone(&self) -> bool {
        true
    }

    fn recover(&self, containers: &[RecoverableContainer]) -> IsolatorAnswer<()> {
        let roots: Vec<(ContainerId, PathBuf)> = containers
            .iter()
            .filter(|container| !container.id.is_nested())
            .map(|container| (container.id.clone(), container.directory.clone()))
            .collect();
        self.pid.call(move |isolator, _| {
            roots
                .into_iter()
                .try_for_each(|(id, sandbox)| isolator.know(&id, sandbox))
        })
    }

    fn prepare(
        &self,
        id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        if id.is_nested() {
            return Future::ready(Ok(None));
        }
        let (id, sandbox) = (id.clone(), PathBuf::from(config.directory()));
        self.pid
            .call(move |isolator, _| isolator.know(&id, sandbox).map(|()| None))
    }

    fn watch(&self, id: &ContainerId) -> Option<Future<ContainerLimitation>> {
        if id.is_nested() {
            return None;
        }
        let id = id.clone();
        let watched = self.pid.call_future(move |isolator, _| isolator.watch(&id));
        Some(watched)
    }

    fn update(
        &self,
        id: &ContainerId,
        requests: &[v1::Resource],
        _limits: &BTreeMap<String, v1::value::Scalar>,
    ) -> IsolatorAnswer<()> {
        if id.is_nested() {
            return not_nested();
        }
        let (id, requests) = (id.clone(), requests.to_vec());
        self.pid.call(move |isolator, ctx| {
            isolator.update(&id, &requests, ctx);
            Ok(())
        })
    }

    fn usage(&self, id: &ContainerId) -> IsolatorAnswer<v1::ResourceStatistics> {
        if id.is_nested() {
            return not_nested();
        }
        let id = id.clone();
        self.pid.call(move |isolator, _| isolator.usage(&id))
    }

    fn cleanup(&self, id: &ContainerId) -> IsolatorAnswer<()> {
        let id = id.clone();
        self.pid.call(move |isolator, _| {
            isolator.forget(&id);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(megabytes: f64, path: Option<&str>) -> v1::Resource {
        let volume = path.map(|path| v1::Volume {
            container_path: Some(path.to_owned()),
            ..Default::default()
        });
        let disk = volume.map(|volume| v1::resource::DiskInfo {
            volume: Some(volume.into()),
            ..Default::default()
        });
        v1::Resource {
            name: Some("disk".to_owned()),
            r#type: Some(v1::value::Type::Scalar.into()),
            scalar: Some(v1::value::Scalar {
                value: Some(megabytes),
                ..Default::default()
            }),
            disk: disk.map(Into::into),
            ..Default::default()
        }
    }

    #[test]
    fn quotas_are_sorted_by_directory() {
        let cpus = v1::Resource {
            name: Some("cpus".to_owned()),
            ..Default::default()
        };
        let resources = [
            disk(1.0, None),
            disk(2.0, Some("volume")),
            cpus,
            disk(4.0, None),
            disk(8.0, Some("/absolute")),
        ];

        let quotas = quotas(Path::new("/box"), &resources);

        let sums: Vec<(&str, Option<f64>)> = quotas
            .iter()
            .map(|(path, quota)| {
                let sum = Resources::from_proto(quota).disk();
                (path.to_str().expect("text"), sum.map(Scalar::to_f64))
            })
            .collect();
        assert_eq!(
            sums,
            [
                ("/absolute", Some(8.0)),
                ("/box", Some(5.0)),
                ("/box/volume", Some(2.0))
            ]
        );
    }

    #[test]
    fn parts_of_a_megabyte_count() {
        let half = megabytes(Some(Scalar::from_thousandths(1500)));

        assert_eq!(half.bytes(), 1536 * 1024);
        assert_eq!(megabytes(None).bytes(), 0);
    }
}
