//! Lets every isolator take hold of a container whose first process waits.

use std::sync::Arc;

use libprocess::{Context, Outcome, await_all};

use super::{
    MesosContainerizerProcess,
    container::{Phase, Step},
    prepare::is_supported,
};
use crate::{
    ContainerId,
    isolator::{Isolator, IsolatorError},
    isolators::posix::settle,
    launch_info::{ContainerLimitation, ContainerTermination},
};

impl MesosContainerizerProcess {
    /// Isolates a container with all isolators at once.
    pub(super) fn isolate(&mut self, id: &ContainerId, pid: i32, ctx: &mut Context<Self>) {
        let isolators = self.isolators_of(id);
        self.watch(id, &isolators, ctx);
        let Some(container) = self.containers.get_mut(id) else {
            return;
        };
        container.phase = Phase::Isolating;
        container.step = Step::Busy;
        let all = isolators
            .iter()
            .map(|isolator| isolator.isolate(id, pid))
            .collect();
        let id = id.clone();
        ctx.on_any(await_all(all), move |process, outcome, ctx| {
            let result = match outcome {
                Outcome::Ready(all) => all
                    .into_iter()
                    .map(settle)
                    .collect::<Result<Vec<()>, _>>()
                    .map(drop),
                Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                    Err(IsolatorError::Ended)
                }
            };
            process.on_isolated(&id, result, ctx);
        });
    }

    fn on_isolated(
        &mut self,
        id: &ContainerId,
        result: Result<(), IsolatorError>,
        ctx: &mut Context<Self>,
    ) {
        if !self.resume_launch(id, "isolating", ctx) {
            return;
        }
        match result {
            Ok(()) => self.fetch(id, ctx),
            Err(error) => self.fail_launch(id, error.into()),
        }
    }

    /// Destroys the container when an isolator reports a broken limit.
    pub(super) fn watch(
        &self,
        id: &ContainerId,
        isolators: &[Arc<dyn Isolator>],
        ctx: &mut Context<Self>,
    ) {
        for isolator in isolators {
            let Some(limited) = isolator.watch(id) else {
                continue;
            };
            let id = id.clone();
            ctx.on_ready(
                limited,
                move |process, limitation: ContainerLimitation, ctx| {
                    process.on_limited(&id, limitation, ctx);
                },
            );
        }
    }

    fn on_limited(
        &mut self,
        id: &ContainerId,
        limitation: ContainerLimitation,
        ctx: &mut Context<Self>,
    ) {
        if !self.containers.contains_key(id) {
            return;
        }
        let termination = ContainerTermination {
            state: Some(mesos_proto::v1::TaskState::TaskFailed.into()),
            reason: limitation.reason,
            message: limitation.message,
            limited_resources: limitation.resources,
            ..Default::default()
        };
        drop(self.destroy(id, &termination, ctx));
    }

    /// Returns the isolators that a container is handed to.
    pub(super) fn isolators_of(&self, id: &ContainerId) -> Vec<Arc<dyn Isolator>> {
        let root = self.root_kind_of(id);
        self.parts
            .isolators
            .iter()
            .filter(|isolator| is_supported(isolator.as_ref(), id, root))
            .cloned()
            .collect()
    }
}
