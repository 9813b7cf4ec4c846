//! Several containerizers as one: each container belongs to the first that takes it.
//!
//! Mirrors `ComposingContainerizerProcess` of `src/slave/containerizer/composing.cpp`.
//!
//! # Owns
//! Which containerizer each container belongs to.
//!
//! # Invariants
//! - A nested container belongs to the containerizer of its root.
//! - A container that is being destroyed is offered to no further containerizer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use libprocess::{
    Context, Future, Outcome, Pid, Process, ProcessId, Promise, Runtime, await_all,
    http::client::Connection,
};
use mesos_proto::v1;

use crate::{
    ContainerId,
    containerizer::{
        Answer, Containerizer, ContainerizerError, LaunchRequest, LaunchResult,
        RecoverableContainer, settle,
    },
    launch_info::ContainerTermination,
};

type Part = Arc<dyn Containerizer>;

/// How far a container has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Containerizers are asked whether they take it.
    Launching,
    /// One has taken it.
    Launched,
    /// It is being destroyed.
    Destroying,
}

#[derive(Debug)]
struct Container {
    state: State,
    part: Part,
}

/// The actor of the composing containerizer.
#[derive(Debug)]
pub struct ComposingContainerizerProcess {
    parts: Vec<Part>,
    containers: BTreeMap<ContainerId, Container>,
}

impl Process for ComposingContainerizerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("composing-containerizer")
    }
}

/// Whom a container may be offered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// The containerizers from this one on.
    From(usize),
    /// Only the one that has its root.
    Root,
}

impl ComposingContainerizerProcess {
    fn recover(&mut self, known: &[RecoverableContainer], ctx: &mut Context<Self>) -> Answer<()> {
        let recoveries = self.parts.iter().map(|part| part.recover(known.to_vec()));
        let recovered = await_all(recoveries.collect());
        let (promise, future) = Promise::new();
        ctx.on_any(recovered, move |process, outcome, ctx| {
            match all(outcome) {
                Ok(_) => process.adopt(promise, ctx),
                Err(error) => promise.set(Err(error)),
            };
        });
        future
    }

    /// Asks each containerizer for the containers it has.
    fn adopt(&mut self, promise: Promise<Result<(), ContainerizerError>>, ctx: &mut Context<Self>) {
        let listed = await_all(self.parts.iter().map(|part| part.containers()).collect());
        ctx.on_any(listed, move |process, outcome, ctx| {
            let listed = match all(outcome) {
                Ok(listed) => listed,
                Err(error) => return promise.set(Err(error)),
            };
            let parts = process.parts.clone();
            for (part, ids) in parts.iter().zip(listed) {
                for id in ids {
                    process.add(&id, State::Launched, part);
                    Self::forget_at_end(&id, part, ctx);
                }
            }
            promise.set(Ok(()));
        });
    }

    fn add(&mut self, id: &ContainerId, state: State, part: &Part) {
        let part = Arc::clone(part);
        self.containers
            .insert(id.clone(), Container { state, part });
    }

    fn forget_at_end(id: &ContainerId, part: &Part, ctx: &mut Context<Self>) {
        let ended = part.wait(id);
        let id = id.clone();
        ctx.on_any(ended, move |process, _, _| {
            process.containers.remove(&id);
        });
    }

    fn launch(&mut self, request: LaunchRequest, ctx: &mut Context<Self>) -> Answer<LaunchResult> {
        let id = &request.id;
        if self.containers.contains_key(id) {
            return Future::ready(Ok(LaunchResult::AlreadyLaunched));
        }
        let (part, offer) = if id.is_nested() {
            let Some(root) = self.containers.get(id.root()) else {
                return Future::ready(Err(ContainerizerError::RootNotFound(id.root().clone())));
            };
            (Arc::clone(&root.part), Offer::Root)
        } else {
            let Some(first) = self.parts.first() else {
                return Future::ready(Ok(LaunchResult::NotSupported));
            };
            (Arc::clone(first), Offer::From(0))
        };
        self.add(id, State::Launching, &part);
        let (promise, future) = Promise::new();
        Self::offer(request, &part, offer, promise, ctx);
        future
    }

    fn offer(
        request: LaunchRequest,
        part: &Part,
        offer: Offer,
        promise: Promise<Result<LaunchResult, ContainerizerError>>,
        ctx: &mut Context<Self>,
    ) {
        let launched = part.launch(request.clone());
        ctx.on_any(launched, move |process, outcome, ctx| {
            match settle(outcome) {
                Ok(LaunchResult::NotSupported) => process.offer_on(request, offer, promise, ctx),
                Ok(result) => {
                    process.on_taken(&request.id, ctx);
                    promise.set(Ok(result));
                }
                // Whoever launched destroys what is left, which this still knows.
                Err(error) => promise.set(Err(error)),
            }
        });
    }

    fn on_taken(&mut self, id: &ContainerId, ctx: &mut Context<Self>) {
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        if container.state == State::Launching {
            container.state = State::Launched;
            let part = Arc::clone(&container.part);
            Self::forget_at_end(id, &part, ctx);
        }
    }

    /// Goes on to the next containerizer, unless the container is being destroyed.
    fn offer_on(
        &mut self,
        request: LaunchRequest,
        offer: Offer,
        promise: Promise<Result<LaunchResult, ContainerizerError>>,
        ctx: &mut Context<Self>,
    ) {
        let next = match offer {
            Offer::From(index) => index.checked_add(1),
            Offer::Root => None,
        };
        let part = next.and_then(|next| self.parts.get(next)).cloned();
        let Some(container) = self.containers.get_mut(&request.id) else {
            return promise.set(Ok(LaunchResult::NotSupported));
        };
        let (Some(next), Some(part)) = (next, part) else {
            self.containers.remove(&request.id);
            return promise.set(Ok(LaunchResult::NotSupported));
        };
        if container.state == State::Destroying {
            return promise.set(Err(ContainerizerError::DestroyedWhileLaunching));
        }
        container.part = Arc::clone(&part);
        Self::offer(request, &part, Offer::From(next), promise, ctx);
    }

    fn destroy(
        &mut self,
        id: &ContainerId,
        ctx: &mut Context<Self>,
    ) -> Answer<Option<ContainerTermination>> {
        let Some(container) = self.containers.get_mut(id) else {
            return self.wait(id);
        };
        container.state = State::Destroying;
        let destroyed = container.part.destroy(id);
        let (promise, future) = Promise::new();
        let id = id.clone();
        ctx.on_any(destroyed, move |process, outcome, _| {
            process.containers.remove(&id);
            promise.complete(outcome);
        });
        future
    }

    /// The containerizer of a container's root has the end of a nested one that is gone.
    fn wait(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        match self.containers.get(id.root()) {
            Some(root) => root.part.wait(id),
            None => Future::ready(Ok(None)),
        }
    }

    fn remove(&self, id: &ContainerId) -> Answer<()> {
        match self.containers.get(id.root()) {
            Some(root) => root.part.remove(id),
            None => Future::ready(Err(ContainerizerError::RootNotFound(id.root().clone()))),
        }
    }

    /// Asks the containerizer of a container.
    fn ask<T: Send + 'static>(
        &self,
        id: &ContainerId,
        question: impl FnOnce(&Part) -> Answer<T>,
    ) -> Answer<T> {
        match self.containers.get(id) {
            Some(container) => question(&container.part),
            None => Future::ready(Err(ContainerizerError::NotFound)),
        }
    }
}

/// The answers of all, or the first failure.
fn all<T>(
    outcome: Outcome<Vec<Outcome<Result<T, ContainerizerError>>>>,
) -> Result<Vec<T>, ContainerizerError> {
    let answers = match outcome {
        Outcome::Ready(answers) => answers,
        Outcome::Failed(text) => return Err(ContainerizerError::Ended(text)),
        Outcome::Discarded | Outcome::Abandoned => {
            return Err(ContainerizerError::Ended("abandoned".to_owned()));
        }
    };
    answers.into_iter().map(settle).collect()
}

/// The handle of the [`ComposingContainerizerProcess`].
#[derive(Clone)]
pub struct ComposingContainerizer {
    pid: Pid<ComposingContainerizerProcess>,
}

impl fmt::Debug for ComposingContainerizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ComposingContainerizer")
            .field(self.pid.upid())
            .finish()
    }
}

impl ComposingContainerizer {
    /// Starts the actor; containers are offered in the order of the containerizers.
    pub fn spawn(runtime: &Runtime, parts: Vec<Arc<dyn Containerizer>>) -> Self {
        Self {
            pid: runtime.spawn(ComposingContainerizerProcess {
                parts,
                containers: BTreeMap::new(),
            }),
        }
    }

    fn ask<T: Send + 'static>(
        &self,
        id: &ContainerId,
        question: impl FnOnce(&Part, &ContainerId) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let id = id.clone();
        self.pid
            .call_future(move |process, _| process.ask(&id, |part| question(part, &id)))
    }
}

impl Containerizer for ComposingContainerizer {
    fn recover(&self, containers: Vec<RecoverableContainer>) -> Answer<()> {
        self.pid
            .call_future(move |process, ctx| process.recover(&containers, ctx))
    }

    fn launch(&self, request: LaunchRequest) -> Answer<LaunchResult> {
        self.pid
            .call_future(move |process, ctx| process.launch(request, ctx))
    }

    fn update(
        &self,
        id: &ContainerId,
        requests: Vec<v1::Resource>,
        limits: BTreeMap<String, v1::value::Scalar>,
    ) -> Answer<()> {
        self.ask(id, move |part, id| part.update(id, requests, limits))
    }

    fn usage(&self, id: &ContainerId) -> Answer<v1::ResourceStatistics> {
        self.ask(id, |part, id| part.usage(id))
    }

    fn status(&self, id: &ContainerId) -> Answer<v1::ContainerStatus> {
        self.ask(id, |part, id| part.status(id))
    }

    fn wait(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        let id = id.clone();
        self.pid.call_future(move |process, _| process.wait(&id))
    }

    fn destroy(&self, id: &ContainerId) -> Answer<Option<ContainerTermination>> {
        let id = id.clone();
        self.pid
            .call_future(move |process, ctx| process.destroy(&id, ctx))
    }

    fn attach(&self, id: &ContainerId) -> Answer<Connection> {
        self.ask(id, |part, id| part.attach(id))
    }

    fn kill(&self, id: &ContainerId, signal: i32) -> Answer<bool> {
        let id = id.clone();
        self.pid
            .call_future(move |process, _| match process.containers.get(&id) {
                Some(container) => container.part.kill(&id, signal),
                None => Future::ready(Ok(false)),
            })
    }

    fn remove(&self, id: &ContainerId) -> Answer<()> {
        let id = id.clone();
        self.pid.call_future(move |process, _| process.remove(&id))
    }

    fn containers(&self) -> Answer<BTreeSet<ContainerId>> {
        self.pid
            .call(|process, _| Ok(process.containers.keys().cloned().collect()))
    }
}

#[cfg(test)]
mod tests;
