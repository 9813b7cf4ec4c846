//! Lets operators browse sandboxes and the agent's log.

use std::path::Path;

use mesos_common::{
    flags::HasLogging,
    ids::{ExecutorId, FrameworkId},
    wire,
};

use super::AgentProcess;
use crate::paths::{self, ExecutorPlace};

impl AgentProcess {
    /// Offers the agent's log, when it is in a file.
    pub(super) fn attach_log(&self) {
        let Some(parts) = &self.parts else { return };
        if let Some(file) = &self.flags.logging().external_log_file {
            parts
                .files
                .attach(Path::new(file), wire::AGENT_LOG_PATH, None);
        }
    }

    /// Offers a sandbox under its three names.
    pub(super) fn attach_sandbox(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        sandbox: &Path,
    ) {
        let Some(parts) = &self.parts else { return };
        for name in self.sandbox_names(framework, executor, sandbox) {
            parts.files.attach(sandbox, &name, None);
        }
    }

    /// Takes back a sandbox that was removed; a newer run of the executor keeps the names it has taken over.
    pub(super) fn detach_sandbox(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        sandbox: &Path,
    ) {
        let Some(parts) = &self.parts else { return };
        let taken_over = self
            .frameworks
            .executor(framework, executor)
            .is_some_and(|current| current.directory() != sandbox);
        if taken_over {
            parts.files.detach(&sandbox.display().to_string());
            return;
        }
        for name in self.sandbox_names(framework, executor, sandbox) {
            parts.files.detach(&name);
        }
    }

    fn sandbox_names(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        sandbox: &Path,
    ) -> Vec<String> {
        let Some(agent) = &self.id else {
            return Vec::new();
        };
        let place = ExecutorPlace {
            root: &self.work_dir,
            agent,
            framework,
            executor,
        };
        [
            place.latest_run(),
            paths::virtual_run_path(framework, executor),
            sandbox.to_owned(),
        ]
        .into_iter()
        .map(|path| path.display().to_string())
        .collect()
    }
}
