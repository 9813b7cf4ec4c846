//! Takes a container down: nested ones first, then processes, then isolators in reverse order.

use std::{fs, io, sync::Arc};

use libprocess::{Context, Future, Outcome, Promise, await_all};

use super::{
    MesosContainerizerProcess,
    container::{Container, Destroying, Exit, Phase, Stage, Step},
};
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError, settle},
    isolator::Isolator,
    isolators::posix,
    launch_info::ContainerTermination,
    paths, state_file,
};

/// The wait status of a process that was killed by SIGKILL.
const KILLED: i32 = 9;

impl MesosContainerizerProcess {
    /// Destroys a container and waits for its end; a second call joins the first.
    pub(super) fn destroy(
        &mut self,
        id: &ContainerId,
        termination: &ContainerTermination,
        ctx: &mut Context<Self>,
    ) -> Answer<Option<ContainerTermination>> {
        let Some(container) = self.containers.get_mut(id) else {
            return self.wait(id);
        };
        if let Some(error) = container.failure() {
            return Future::ready(Err(error));
        }
        let (promise, future) = Promise::new();
        container.waiters.push(promise);
        if container.is_destroying() {
            return future;
        }
        let fetching = matches!(container.phase, Phase::Fetching);
        container.phase = Phase::Destroying(Destroying {
            termination: termination.clone(),
            stage: Stage::Children,
        });
        if fetching {
            self.parts.fetcher.kill(id);
        }
        let children: Vec<ContainerId> = self
            .containers
            .keys()
            .filter(|other| other.parent() == Some(id))
            .cloned()
            .collect();
        let ends = children
            .iter()
            .map(|child| self.destroy(child, termination, ctx))
            .collect::<Vec<Future<_>>>();
        if ends.is_empty() {
            self.destroy_processes(id, ctx);
            return future;
        }
        let id = id.clone();
        ctx.on_any(await_all(ends), move |process, outcome, ctx| {
            let failed: Vec<String> = match outcome {
                Outcome::Ready(all) => all
                    .into_iter()
                    .filter_map(|end| settle(end).err())
                    .map(|e| e.chain())
                    .collect(),
                Outcome::Failed(text) => vec![text],
                Outcome::Discarded | Outcome::Abandoned => vec!["abandoned".to_owned()],
            };
            if failed.is_empty() {
                process.destroy_processes(&id, ctx);
            } else {
                process.fail_destroy(&id, &ContainerizerError::Nested(failed.join(", ")));
            }
        });
        future
    }

    /// Kills the processes once no step of the launch is under way.
    pub(super) fn destroy_processes(&mut self, id: &ContainerId, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let busy = container.step == Step::Busy;
        let Phase::Destroying(destroying) = &mut container.phase else {
            return;
        };
        if busy {
            destroying.stage = Stage::LaunchStep;
            return;
        }
        destroying.stage = Stage::Exit;
        // A helper that waits would end by itself, with a status of its own, were this closed first.
        let release = container.release.take();
        container.answer_launch(Err(ContainerizerError::Destroyed { stage: "launching" }));
        let killed = self.parts.launcher.destroy(id);
        drop(release);
        if let Err(error) = killed {
            return self.fail_destroy(id, &error.into());
        }
        self.await_exit(id, ctx);
    }

    /// Goes on when the first process is gone; otherwise `on_reaped` comes back here.
    fn await_exit(&mut self, id: &ContainerId, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let ended = container.exit != Exit::Running;
        let Phase::Destroying(destroying) = &mut container.phase else {
            return;
        };
        if !ended || destroying.stage != Stage::Exit {
            return;
        }
        destroying.stage = Stage::Cleanup;
        let mut isolators = self.isolators_of(id);
        isolators.reverse();
        self.cleanup(id, isolators, Vec::new(), ctx);
    }

    /// Remembers that the first process ended, and destroys what is left of the container.
    pub(super) fn on_reaped(
        &mut self,
        id: &ContainerId,
        status: Option<i32>,
        ctx: &mut Context<Self>,
    ) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.exit = Exit::Ended(exit_status(container, status));
        if container.is_destroying() {
            self.await_exit(id, ctx);
        } else {
            tracing::info!(%id, "container has exited");
            drop(self.destroy(id, &ContainerTermination::default(), ctx));
        }
    }

    /// Lets the isolators clean up one at a time; failures are collected.
    fn cleanup(
        &mut self,
        id: &ContainerId,
        mut isolators: Vec<Arc<dyn Isolator>>,
        failures: Vec<String>,
        ctx: &mut Context<Self>,
    ) {
        if isolators.is_empty() {
            return self.finish_destroy(id, &failures, ctx);
        }
        let next = isolators.remove(0);
        let cleaned = next.cleanup(id);
        let id = id.clone();
        ctx.on_any(cleaned, move |process, outcome, ctx| {
            let mut failures = failures;
            if let Err(error) = posix::settle(outcome) {
                failures.push(error.to_string());
            }
            process.cleanup(&id, isolators, failures, ctx);
        });
    }

    fn finish_destroy(&mut self, id: &ContainerId, failures: &[String], ctx: &Context<Self>) {
        if !failures.is_empty() {
            let text = failures.join("; ");
            let what = format!("clean up an isolator when destroying container: {text}");
            let source = io::Error::other("isolator failed");
            return self.fail_destroy(id, &ContainerizerError::system(what)(source));
        }
        let Some(mut container) = self.containers.remove(id) else {
            return;
        };
        let Phase::Destroying(destroying) = container.phase else {
            return;
        };
        let mut termination = destroying.termination;
        if let Exit::Ended(Some(status)) = container.exit {
            termination.status = Some(status);
        }
        if id.is_nested() {
            let path = paths::termination_file(&container.runtime);
            if let Err(error) = state_file::write_message(&path, &termination) {
                tracing::error!(%id, error = %error, "termination of the container is not kept");
            }
            self.collect_nested_sandbox(id, ctx);
        } else if let Err(error) = fs::remove_dir_all(&container.runtime)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%id, %error, "runtime directory stays behind");
        }
        for waiter in container.waiters.drain(..) {
            waiter.set(Ok(Some(termination.clone())));
        }
    }

    /// Leaves a container that cannot be destroyed as it is, and says so to all who wait.
    fn fail_destroy(&mut self, id: &ContainerId, error: &ContainerizerError) {
        self.destroy_errors.increment();
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        let text = error.chain();
        if let Phase::Destroying(destroying) = &mut container.phase {
            destroying.stage = Stage::Stuck(text.clone());
        }
        tracing::error!(%id, error = text, "container cannot be destroyed");
        for waiter in container.waiters.drain(..) {
            waiter.set(Err(ContainerizerError::system("destroy the container")(
                io::Error::other(text.clone()),
            )));
        }
    }
}

/// Finds the status of the container's command; the helper wrote it, unless it was killed before.
fn exit_status(container: &Container, reaped: Option<i32>) -> Option<i32> {
    match state_file::read_text(&paths::status_file(&container.runtime)) {
        Ok(Some(text)) => text.parse().ok().or(Some(KILLED)),
        Ok(None) if container.runtime.is_dir() => Some(KILLED),
        Ok(None) | Err(_) => reaped,
    }
}
