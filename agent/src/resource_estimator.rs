//! Estimates what may be given away although it is allocated: resources that their owners do not use.
//!
//! Mirrors `include/mesos/slave/resource_estimator.hpp`.
//! The agent asks at every `--oversubscribed_resources_interval`.

pub mod fixed;
pub mod noop;

use std::{fmt, sync::Arc};

use libprocess::Future;
use mesos_common::resources::Resources;
use mesos_proto::v1;

use crate::modules::{BuiltInModules, FIXED_RESOURCE_ESTIMATOR, ModuleError};
use fixed::FixedResourceEstimator;
use noop::NoopResourceEstimator;

/// Tells what the executors of the agent have and use at present.
pub type UsageSource = Arc<dyn Fn() -> Future<v1::ResourceUsage> + Send + Sync>;

/// Estimates the resources that may be offered a second time.
pub trait ResourceEstimator: Send + fmt::Debug {
    /// What may be offered besides everything that is offered or used now; all of it is revocable.
    ///
    /// The answer may come late; the agent asks again only after it.
    fn oversubscribable(&self) -> Future<Resources>;
}

/// The estimator that a flag names; none when there is no name.
///
/// # Errors
/// [`ModuleError`] when no such estimator is introduced or built in, or when a parameter of it is wrong.
pub fn create(
    name: Option<&str>,
    modules: &BuiltInModules,
    usage: UsageSource,
) -> Result<Box<dyn ResourceEstimator>, ModuleError> {
    let Some(name) = name else {
        return Ok(Box::new(NoopResourceEstimator::default()));
    };
    let parameters = modules.parameters(name)?;
    if name != FIXED_RESOURCE_ESTIMATOR {
        return Err(ModuleError::Unknown(name.to_owned()));
    }
    FixedResourceEstimator::from_parameters(parameters, usage)
        .map(|estimator| -> Box<dyn ResourceEstimator> { Box::new(estimator) })
}
