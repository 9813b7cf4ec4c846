//! Never has anything to give a second time.
//!
//! Mirrors `src/slave/resource_estimators/noop.cpp`.

use libprocess::Future;
use mesos_common::resources::Resources;

use super::ResourceEstimator;

/// The estimator of an agent that does not oversubscribe.
#[derive(Debug, Clone, Copy)]
pub struct NoopResourceEstimator;

impl ResourceEstimator for NoopResourceEstimator {
    fn oversubscribable(&self) -> Future<Resources> {
        Future::ready(Resources::new())
    }
}
