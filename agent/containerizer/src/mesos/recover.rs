//! Takes up the containers that a former agent left running.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use libprocess::{Context, Future, Outcome, Promise, await_all};
use mesos_proto::v1;

use super::{
    MesosContainerizerProcess,
    container::{Container, Exit, Phase},
    prepare::is_supported,
};
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError, RecoverableContainer, settle},
    isolator::IsolatorError,
    isolators::posix,
    launch_info::{ContainerConfig, ContainerTermination},
    paths, state_file,
};

/// A container found in the runtime directory.
struct Found {
    id: ContainerId,
    pid: Option<i32>,
    config: Option<ContainerConfig>,
    fate: Fate,
}

/// What becomes of a container found in the runtime directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It runs on.
    Kept,
    /// Nobody knows it.
    Destroyed,
    /// It ended while its root ran, and how is kept.
    Ended,
}

impl MesosContainerizerProcess {
    /// Takes up known containers and their nested ones, destroys all others.
    pub(super) fn recover(
        &mut self,
        known: &[RecoverableContainer],
        ctx: &mut Context<Self>,
    ) -> Answer<()> {
        let orphans = match self.try_recover(known, ctx) {
            Ok(orphans) => orphans,
            Err(error) => return Future::ready(Err(error)),
        };
        let (promise, future) = Promise::new();
        ctx.on_any(
            self.recover_isolators(&orphans),
            move |process, all, ctx| {
                let recovered = match all {
                    Outcome::Ready(all) => all.into_iter().try_for_each(posix::settle),
                    Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                        Err(IsolatorError::Ended)
                    }
                };
                match recovered {
                    Ok(()) => process.recover_switchboard(orphans, promise, ctx),
                    Err(error) => promise.set(Err(error.into())),
                }
            },
        );
        future
    }

    /// Hands what runs on to the isolators, with the nested containers and those of operators.
    fn recover_isolators(
        &self,
        orphans: &[ContainerId],
    ) -> Future<Vec<Outcome<Result<(), IsolatorError>>>> {
        let kept: Vec<RecoverableContainer> = self
            .containers
            .iter()
            .filter(|(id, _)| !orphans.contains(id))
            .filter_map(|(id, container)| self.recoverable(id, container))
            .collect();
        let recovered = self.parts.isolators.iter().map(|isolator| {
            let mut own = kept.clone();
            own.retain(|container| {
                let root = self.root_kind_of(&container.id);
                is_supported(isolator.as_ref(), &container.id, root)
            });
            isolator.recover(&own)
        });
        await_all(recovered.collect())
    }

    /// Describes a container that runs on for isolators.
    fn recoverable(&self, id: &ContainerId, container: &Container) -> Option<RecoverableContainer> {
        let config = container.config.as_ref();
        let executor = config.and_then(|config| config.executor_info.as_deref().cloned());
        let directory = if id.is_nested() {
            self.nested_sandbox(id)
        } else {
            config.map(|config| PathBuf::from(config.directory()))
        };
        Some(RecoverableContainer {
            id: id.clone(),
            executor_info: executor.unwrap_or_default(),
            pid: container.pid?,
            directory: directory.unwrap_or_default(),
        })
    }

    /// Takes up the servers of the streams. Continues `_recover` of the C++ class.
    fn recover_switchboard(
        &self,
        orphans: Vec<ContainerId>,
        promise: Promise<Result<(), ContainerizerError>>,
        ctx: &Context<Self>,
    ) {
        let kept = self.containers.keys().filter(|id| !orphans.contains(id));
        let switchboard = &self.parts.switchboard;
        let recovered = switchboard.recover_servers(kept.cloned().collect(), orphans.clone());
        ctx.on_any(recovered, move |process, outcome, ctx| {
            let result = settle(outcome);
            if result.is_ok() {
                process.on_recovered(orphans, ctx);
            }
            promise.set(result);
        });
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
        ctx: &Context<Self>,
    ) -> Result<Vec<ContainerId>, ContainerizerError> {
        for container in known.iter().filter(|container| is_ours(container)) {
            let runtime = paths::runtime_path(&self.options.runtime_dir, &container.id);
            let config =
                state_file::read_message::<ContainerConfig>(&paths::config_file(&runtime))?
                    .unwrap_or_else(|| config_of(container));
            self.adopt(&container.id, Some(container.pid), Some(config));
        }
        let mut orphans = Vec::new();
        for found in self.find(known)? {
            match found.fate {
                Fate::Kept => {}
                Fate::Destroyed => orphans.push(found.id.clone()),
                Fate::Ended => {
                    self.collect_nested_sandbox(&found.id, ctx);
                    continue;
                }
            }
            self.adopt(&found.id, found.pid, found.config);
        }
        let pids: Vec<(ContainerId, i32)> = self
            .containers
            .iter()
            .filter_map(|(id, container)| Some((id.clone(), container.pid?)))
            .collect();
        for id in self.parts.launcher.recover(&pids)? {
            if !self.containers.contains_key(&id) {
                self.adopt(&id, None, None);
            }
            if !orphans.contains(&id) {
                orphans.push(id);
            }
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
            let fate = if id.is_nested() && paths::termination_file(&runtime).is_file() {
                Fate::Ended
            } else if keep {
                Fate::Kept
            } else {
                Fate::Destroyed
            };
            let config = state_file::read_message(&paths::config_file(&runtime))?;
            found.push(Found {
                id,
                pid,
                config,
                fate,
            });
        }
        Ok(found)
    }
}

/// Says whether a container was launched by this containerizer, as those without a type are.
fn is_ours(container: &RecoverableContainer) -> bool {
    let info = container.executor_info.container.as_ref();
    info.is_none_or(|info| info.r#type() == v1::container_info::Type::Mesos)
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
