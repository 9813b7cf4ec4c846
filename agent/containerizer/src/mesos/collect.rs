//! Leaves the sandboxes of nested containers that have ended to the collector, or removes them at once.
//!
//! The sandbox of a root container is the agent's, or its operator's.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use libprocess::{Context, Future, Promise, Time};

use super::MesosContainerizerProcess;
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError},
    launch_info::ContainerConfig,
    paths,
};

impl MesosContainerizerProcess {
    /// The sandbox of a nested container, when that of its root is known.
    pub(super) fn nested_sandbox(&self, id: &ContainerId) -> Option<PathBuf> {
        let root = self.containers.get(id.root())?;
        let directory = root.config.as_ref().map(ContainerConfig::directory)?;
        Some(paths::nested_sandbox_path(Path::new(directory), id))
    }

    /// Has the sandbox of a nested container that ended removed after a while.
    pub(super) fn collect_nested_sandbox(&self, id: &ContainerId, ctx: &Context<Self>) {
        let Some(collector) = &self.parts.collector else {
            return;
        };
        let Some(sandbox) = self.nested_sandbox(id) else {
            return;
        };
        match modified(&sandbox) {
            Ok(last) => collector.schedule(&sandbox, ctx.now().saturating_since(last)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::error!(%id, %error, "sandbox is left behind: its last use is not known");
            }
        }
    }

    /// Keeps the sandbox of a nested container whose id is used again.
    pub(super) fn keep_nested_sandbox(&self, sandbox: &Path) {
        if let Some(collector) = &self.parts.collector {
            drop(collector.unschedule(sandbox));
        }
    }

    /// Removes what is left of a nested container that has ended, or of an operator's.
    pub(super) fn remove(&self, id: &ContainerId, ctx: &Context<Self>) -> Answer<()> {
        let sandbox = match self.removable(id) {
            Ok(sandbox) => sandbox,
            Err(error) => return Future::ready(Err(error)),
        };
        // Two who remove one directory get into each other's way.
        let kept = match &self.parts.collector {
            Some(collector) => collector.unschedule(&sandbox),
            None => Future::ready(()),
        };
        let (promise, future) = Promise::new();
        let id = id.clone();
        ctx.on_any(kept, move |process, _, _| {
            let removed = process.removable(&id).and_then(|sandbox| {
                remove_tree(&sandbox)?;
                remove_tree(&paths::runtime_path(&process.options.runtime_dir, &id))
            });
            promise.set(removed);
        });
        future
    }

    /// The sandbox of a container that may be removed.
    fn removable(&self, id: &ContainerId) -> Result<PathBuf, ContainerizerError> {
        if self.containers.contains_key(id) {
            return Err(ContainerizerError::NotTerminated);
        }
        if !id.is_nested() {
            let work_dir = &self.options.work_dir;
            return Ok(paths::standalone_sandbox_path(work_dir, id));
        }
        self.nested_sandbox(id)
            .ok_or(ContainerizerError::UnknownRoot)
    }
}

fn modified(path: &Path) -> io::Result<Time> {
    let modified = fs::metadata(path)?.modified()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH);
    Ok(since.map_or(Time::EPOCH, |since| Time::EPOCH + since))
}

fn remove_tree(path: &Path) -> Result<(), ContainerizerError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ContainerizerError::system(
            format!("remove '{}'", path.display()),
        )(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}
