//! Gives a running container other resources.

use std::collections::BTreeMap;

use libprocess::{Context, Future, Outcome, Promise, await_all};
use mesos_proto::v1;

use super::MesosContainerizerProcess;
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError},
    isolators::posix::settle,
};

impl MesosContainerizerProcess {
    /// Updates a root container; one that is unknown or on its way out needs nothing.
    pub(super) fn update(
        &mut self,
        id: &ContainerId,
        requests: Vec<v1::Resource>,
        limits: BTreeMap<String, v1::value::Scalar>,
        ctx: &mut Context<Self>,
    ) -> Answer<()> {
        let isolators = self.isolators_of(id);
        let Some(container) = self.containers.get_mut(id) else {
            return Future::ready(Ok(()));
        };
        if container.is_destroying() {
            return Future::ready(Ok(()));
        }
        let all = isolators
            .iter()
            .map(|isolator| isolator.update(id, &requests, &limits))
            .collect::<Vec<_>>();
        container.resources = requests;
        container.limits = limits;
        let (promise, future) = Promise::new();
        ctx.on_any(await_all(all), move |_, outcome, _| {
            let result = match outcome {
                Outcome::Ready(all) => all
                    .into_iter()
                    .map(settle)
                    .collect::<Result<Vec<()>, _>>()
                    .map(drop)
                    .map_err(ContainerizerError::from),
                Outcome::Failed(text) => Err(ContainerizerError::Ended(text)),
                Outcome::Discarded | Outcome::Abandoned => {
                    Err(ContainerizerError::Ended("abandoned".to_owned()))
                }
            };
            promise.set(result);
        });
        future
    }
}
