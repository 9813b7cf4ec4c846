//! Measures what a container uses, and tells what it may use.

use libprocess::{Context, Future, Outcome, Promise, await_all};
use mesos_common::{bytes::ByteSize, scalar::Scalar};
use mesos_proto::v1;
use prost::Message;

use super::{MesosContainerizerProcess, container::Container};
use crate::{
    ContainerId,
    containerizer::{Answer, ContainerizerError},
    isolator::IsolatorError,
    isolators::posix::settle,
};

impl MesosContainerizerProcess {
    /// Merges what every isolator measures with the container's requests and limits.
    pub(super) fn usage(
        &mut self,
        id: &ContainerId,
        ctx: &mut Context<Self>,
    ) -> Answer<v1::ResourceStatistics> {
        if !self.containers.contains_key(id) {
            return Future::ready(Err(ContainerizerError::NotFound));
        }
        let all = self
            .isolators_of(id)
            .iter()
            .map(|isolator| isolator.usage(id))
            .collect();
        let (promise, future) = Promise::new();
        let id = id.clone();
        ctx.on_any(await_all(all), move |process, outcome, ctx| {
            let mut merged = v1::ResourceStatistics {
                timestamp: Some(ctx.now().as_secs_f64()),
                ..Default::default()
            };
            for measured in outcome.ready().unwrap_or_default() {
                add(&id, &mut merged, measured);
            }
            let Some(container) = process.containers.get(&id) else {
                return promise.set(Err(ContainerizerError::NotFound));
            };
            add_limits(container, &mut merged);
            promise.set(Ok(merged));
        });
        future
    }
}

/// Adds one isolator's measurement; one that fails is left out, as the others still count.
fn add(
    id: &ContainerId,
    merged: &mut v1::ResourceStatistics,
    measured: Outcome<Result<v1::ResourceStatistics, IsolatorError>>,
) {
    match settle(measured) {
        Ok(mut statistics) => {
            statistics.timestamp = merged.timestamp;
            if let Err(error) = merged.merge(statistics.encode_to_vec().as_slice()) {
                tracing::warn!(%id, %error, "statistics cannot be merged");
            }
        }
        Err(error) => tracing::warn!(%id, %error, "skipping a resource statistic"),
    }
}

fn add_limits(container: &Container, statistics: &mut v1::ResourceStatistics) {
    let request = |name: &str| {
        container
            .resources
            .iter()
            .filter(|resource| resource.name() == name)
            .map(|resource| resource.scalar().value())
            .reduce(|sum, value| sum + value)
    };
    let limit = |name: &str| container.limits.get(name).map(v1::value::Scalar::value);
    if let Some(cpus) = request("cpus") {
        statistics.cpus_soft_limit = Some(cpus);
    }
    if let Some(cpus) = limit("cpus").filter(|cpus| cpus.is_finite()) {
        statistics.cpus_limit = Some(cpus);
    }
    if let Some(mem) = request("mem") {
        statistics.mem_soft_limit_bytes = Some(megabytes(mem));
        statistics.mem_limit_bytes = Some(megabytes(
            limit("mem").filter(|mem| mem.is_finite()).unwrap_or(mem),
        ));
    }
}

/// Resources count memory in megabytes of 2^20 bytes; parts of one are left out.
fn megabytes(amount: f64) -> u64 {
    ByteSize::from_megabytes(Scalar::from_f64(amount).whole_units()).bytes()
}
