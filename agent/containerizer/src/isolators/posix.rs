//! Remembers the first process of each container, for isolators that only measure.
//!
//! Mirrors `src/slave/containerizer/mesos/isolators/posix.hpp`.

use std::{collections::BTreeMap, fmt};

use libprocess::{Future, Outcome, Pid, Process, ProcessId, Runtime};
use mesos_linux::process_tree::{Follow, ProcFs, members};
use mesos_proto::v1;
use procfs::process::Stat;

use crate::{
    ContainerId,
    containerizer::RecoverableContainer,
    isolator::{IsolatorAnswer, IsolatorError},
};

/// Adds the consumption of one process to a container's.
pub(super) type Measure = fn(&Stat, &mut v1::ResourceStatistics);

/// The actor behind the posix isolators: the first process of every container.
pub struct PosixIsolatorProcess {
    name: &'static str,
    pids: BTreeMap<ContainerId, i32>,
}

impl fmt::Debug for PosixIsolatorProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PosixIsolatorProcess")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Process for PosixIsolatorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated(self.name)
    }
}

/// The handle of a [`PosixIsolatorProcess`].
#[derive(Debug, Clone)]
pub(super) struct PosixIsolator {
    pid: Pid<PosixIsolatorProcess>,
}

impl PosixIsolator {
    pub(super) fn spawn(runtime: &Runtime, name: &'static str) -> Self {
        Self {
            pid: runtime.spawn(PosixIsolatorProcess {
                name,
                pids: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn recover(&self, containers: &[RecoverableContainer]) -> IsolatorAnswer<()> {
        let pids: Vec<(ContainerId, i32)> = containers
            .iter()
            .map(|container| (container.id.clone(), container.pid))
            .collect();
        self.pid.call(move |isolator, _| {
            isolator.pids.extend(pids);
            Ok(())
        })
    }

    pub(super) fn isolate(&self, id: &ContainerId, pid: i32) -> IsolatorAnswer<()> {
        let id = id.clone();
        self.pid.call(move |isolator, _| {
            if isolator.pids.contains_key(&id) {
                return Err(IsolatorError::Refused(format!(
                    "Container {id} has already been isolated"
                )));
            }
            isolator.pids.insert(id, pid);
            Ok(())
        })
    }

    pub(super) fn cleanup(&self, id: &ContainerId) -> IsolatorAnswer<()> {
        let id = id.clone();
        self.pid.call(move |isolator, _| {
            isolator.pids.remove(&id);
            Ok(())
        })
    }

    /// Sums what the processes of a container use; nothing for a container that is not known.
    pub(super) fn usage(
        &self,
        id: &ContainerId,
        measure: Measure,
    ) -> IsolatorAnswer<v1::ResourceStatistics> {
        let id = id.clone();
        self.pid.call_future(move |isolator, ctx| {
            let mut statistics = v1::ResourceStatistics {
                timestamp: Some(ctx.now().as_secs_f64()),
                ..Default::default()
            };
            let Some(pid) = isolator.pids.get(&id).copied() else {
                return Future::ready(Ok(statistics));
            };
            let (promise, future) = libprocess::Promise::new();
            ctx.perform_blocking(
                move || sum(pid, measure, &mut statistics).map(|()| statistics),
                move |_, result, _| promise.set(result),
            );
            future
        })
    }
}

fn sum(
    root: i32,
    measure: Measure,
    statistics: &mut v1::ResourceStatistics,
) -> Result<(), IsolatorError> {
    let pids = members(&ProcFs::default(), root, Follow::Descendants).map_err(|error| {
        IsolatorError::System {
            what: "list the processes of the container".to_owned(),
            source: std::io::Error::other(error),
        }
    })?;
    for pid in pids {
        // Processes that end meanwhile are left out.
        if let Ok(stat) = procfs::process::Process::new(pid).and_then(|process| process.stat()) {
            measure(&stat, statistics);
        }
    }
    Ok(())
}

/// Turns the outcome of an isolator's work into its result.
pub(crate) fn settle<T>(outcome: Outcome<Result<T, IsolatorError>>) -> Result<T, IsolatorError> {
    match outcome {
        Outcome::Ready(result) => result,
        Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => Err(IsolatorError::Ended),
    }
}
