//! Takes up the containers that a former agent left running.

use std::{collections::BTreeSet, path::Path};

use libprocess::{Context, Future, Promise};

use super::{
    MesosContainerizerProcess,
    container::{Container, Exit, Phase},
};
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError, RecoverableContainer, settle},
    launch_info::{ContainerConfig, ContainerTermination},
    paths, state_file,
};

/// A container found in the runtime directory.
struct Found {
    id: ContainerId,
    pid: Option<i32>,
    config: Option<ContainerConfig>,
    keep: bool,
}

impl MesosContainerizerProcess {
    /// Takes up known containers and their nested ones, destroys all others.
    pub(super) fn recover(
        &mut self,
        known: &[RecoverableContainer],
        ctx: &mut Context<Self>,
    ) -> Answer<()> {
        let orphans = match self.try_recover(known) {
            Ok(orphans) => orphans,
            Err(error) => return Future::ready(Err(error)),
        };
        let kept = self.containers.keys().filter(|id| !orphans.contains(id));
        let switchboard = &self.parts.switchboard;
        let recovered = switchboard.recover_servers(kept.cloned().collect(), orphans.clone());
        let (promise, future) = Promise::new();
        ctx.on_any(recovered, move |process, outcome, ctx| {
            let result = settle(outcome);
            if result.is_ok() {
                process.on_recovered(orphans, ctx);
            }
            promise.set(result);
        });
        future
    }

    /// Watches what was recovered, and destroys the orphans; nobody waits for them to be gone.
    fn on_recovered(&mut self, orphans: Vec<ContainerId>, ctx: &mut Context<Self>) {
        let pids: Vec<(ContainerId, i32)> = self
            .containers
            .iter()
            .filter_map(|(id, container)| Some((id.clone(), container.pid?)))
            .collect();
        for (id, pid) in pids {
            let isolators = self.isolators_of(&id);
            self.watch(&id, &isolators, ctx);
            self.reap(&id, pid, ctx);
        }
        for id in orphans {
            tracing::info!(%id, "destroying orphan container");
            drop(self.destroy(&id, &ContainerTermination::default(), ctx));
        }
    }

    fn try_recover(
        &mut self,
        known: &[RecoverableContainer],
    ) -> Result<Vec<ContainerId>, ContainerizerError> {
        for container in known {
            let runtime = paths::runtime_path(&self.options.runtime_dir, &container.id);
            let config =
                state_file::read_message::<ContainerConfig>(&paths::config_file(&runtime))?
                    .unwrap_or_else(|| config_of(container));
            self.adopt(&container.id, Some(container.pid), Some(config));
        }
        let mut orphans = Vec::new();
        for found in self.find(known)? {
            if !found.keep {
                orphans.push(found.id.clone());
            }
            self.adopt(&found.id, found.pid, found.config);
        }
        let pids: Vec<(ContainerId, i32)> = self
            .containers
            .iter()
            .filter_map(|(id, container)| Some((id.clone(), container.pid?)))
            .collect();
        orphans.extend(self.parts.launcher.recover(&pids)?);
        for isolator in &self.parts.isolators {
            // Measuring isolators answer at once; others are asked before any new launch by the order of their queue.
            drop(isolator.recover(known));
        }
        Ok(orphans)
    }

    fn adopt(&mut self, id: &ContainerId, pid: Option<i32>, config: Option<ContainerConfig>) {
        let runtime = paths::runtime_path(&self.options.runtime_dir, id);
        let mut container = Container::new(Phase::Running, runtime, config);
        container.pid = pid;
        container.exit = if pid.is_some() {
            Exit::Running
        } else {
            Exit::NotForked
        };
        let info = state_file::read_message(&paths::launch_info_file(&container.runtime));
        container.info = info
            .inspect_err(|error| tracing::warn!(%id, %error, "launch information is not known"))
            .ok()
            .flatten()
            .map(Box::new);
        self.containers.insert(id.clone(), container);
    }

    /// Reads the runtime directory for containers that the agent did not name.
    fn find(&self, known: &[RecoverableContainer]) -> Result<Vec<Found>, ContainerizerError> {
        let roots: BTreeSet<&ContainerId> = known.iter().map(|container| &container.id).collect();
        let listed = paths::container_ids(&self.options.runtime_dir)
            .map_err(ContainerizerError::system("list the runtime directory"))?;
        let mut standalone = BTreeSet::new();
        let mut found = Vec::new();
        for id in listed {
            if roots.contains(&id) {
                continue;
            }
            let runtime = paths::runtime_path(&self.options.runtime_dir, &id);
            if id.is_nested() && paths::termination_file(&runtime).is_file() {
                continue;
            }
            let pid = read_pid(&runtime)?;
            let keep = if id.is_nested() {
                pid.is_some()
                    && !paths::force_destroy_file(&runtime).is_file()
                    && (roots.contains(id.root()) || standalone.contains(id.root()))
            } else {
                pid.is_some() && paths::standalone_marker(&runtime).is_file()
            };
            if keep && !id.is_nested() {
                standalone.insert(id.clone());
            }
            let config = state_file::read_message(&paths::config_file(&runtime))?;
            found.push(Found {
                id,
                pid,
                config,
                keep,
            });
        }
        Ok(found)
    }
}

fn read_pid(runtime: &Path) -> Result<Option<i32>, ContainerizerError> {
    let text = state_file::read_text(&paths::pid_file(runtime))?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Stands in for the configuration of a container whose runtime directory is gone.
fn config_of(container: &RecoverableContainer) -> ContainerConfig {
    let executor = &container.executor_info;
    ContainerConfig {
        directory: Some(container.directory.display().to_string()),
        command_info: executor.command.clone(),
        container_info: executor.container.clone(),
        resources: executor.resources.clone(),
        executor_info: Some(executor.clone().into()),
        ..Default::default()
    }
}
