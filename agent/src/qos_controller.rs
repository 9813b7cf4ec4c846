//! Watches that oversubscribed resources do not spoil the work of their owners.
//!
//! Mirrors `include/mesos/slave/qos_controller.hpp`.
//! The agent asks again as soon as it has carried out an answer, at most every `--qos_correction_interval_min`.

pub mod load;
pub mod noop;

use std::fmt;

use libprocess::Future;
use mesos_proto::agent::QoSCorrection;

use crate::{
    modules::{BuiltInModules, LOAD_QOS_CONTROLLER, ModuleError},
    resource_estimator::UsageSource,
};
use load::LoadQoSController;
use noop::NoopQoSController;

/// Decides what has to end so that the rest runs as promised.
#[doc(alias = "QosController")]
pub trait QoSController: Send + fmt::Debug {
    /// What the agent should do; pending while there is nothing.
    fn corrections(&self) -> Future<Vec<QoSCorrection>>;
}

/// The controller that a flag names; the one that corrects nothing when there is no name.
///
/// # Errors
/// [`ModuleError`] when no such controller is introduced or built in, or when a parameter of it is wrong.
pub fn create(
    name: Option<&str>,
    modules: &BuiltInModules,
    usage: UsageSource,
) -> Result<Box<dyn QoSController>, ModuleError> {
    let Some(name) = name else {
        return Ok(Box::new(NoopQoSController::default()));
    };
    let parameters = modules.parameters(name)?;
    if name != LOAD_QOS_CONTROLLER {
        return Err(ModuleError::Unknown(name.to_owned()));
    }
    LoadQoSController::from_parameters(parameters, usage)
        .map(|controller| -> Box<dyn QoSController> { Box::new(controller) })
}
