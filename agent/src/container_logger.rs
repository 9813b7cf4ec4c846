//! Keeps the output of containers.
//!
//! Mirrors `src/slave/container_logger.cpp` and `src/slave/container_loggers`.

pub mod sandbox;

use std::{path::Path, sync::Arc};

use libprocess::Runtime;
use mesos_containerizer::container_logger::{ContainerLogger, logrotate::LogrotateContainerLogger};

use self::sandbox::SandboxContainerLogger;
use crate::modules::{BuiltInModules, LOGROTATE_CONTAINER_LOGGER, ModuleError};

/// The logger that a flag names; the sandbox keeps the output when there is no name.
///
/// # Errors
/// [`ModuleError`] when no such logger is introduced or built in, or when a parameter of it is wrong.
pub fn create(
    runtime: &Runtime,
    name: Option<&str>,
    modules: &BuiltInModules,
    launcher_dir: &Path,
) -> Result<Arc<dyn ContainerLogger>, ModuleError> {
    let Some(name) = name else {
        return Ok(Arc::new(SandboxContainerLogger));
    };
    let parameters = modules.parameters(name)?;
    if name != LOGROTATE_CONTAINER_LOGGER {
        return Err(ModuleError::Unknown(name.to_owned()));
    }
    match LogrotateContainerLogger::new(runtime, launcher_dir, parameters) {
        Ok(logger) => Ok(Arc::new(logger)),
        Err(error) => Err(ModuleError::Parameter {
            module: LOGROTATE_CONTAINER_LOGGER,
            problem: error.to_string(),
        }),
    }
}
