//! Lets operators browse sandboxes and the agent's log.

use std::{path::Path, sync::Arc};

use libprocess::Context;
use mesos_common::{
    files::AuthorizeFile,
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
                .attach(Path::new(file), wire::AGENT_LOG_PATH, self.log_guard());
        }
    }

    /// Offers a sandbox under its three names.
    pub(super) fn attach_sandbox(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        sandbox: &Path,
        ctx: &Context<Self>,
    ) {
        let Some(parts) = &self.parts else { return };
        let guard = self.sandbox_guard(framework, executor, ctx);
        for name in self.sandbox_names(framework, executor, sandbox) {
            parts.files.attach(sandbox, &name, guard.clone());
        }
    }

    /// Says who may see a sandbox: the agent knows whose it is.
    pub(super) fn sandbox_guard(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        ctx: &Context<Self>,
    ) -> Option<AuthorizeFile> {
        self.authorizer.as_ref()?;
        let (agent, framework, executor) = (ctx.pid(), framework.clone(), executor.clone());
        Some(Arc::new(move |principal| {
            let (framework, executor) = (framework.clone(), executor.clone());
            let principal = principal.cloned();
            agent.call(move |agent, _| {
                agent.may_see_sandbox(principal.as_ref(), &framework, &executor)
            })
        }))
    }

    /// Takes back a sandbox that was removed; a newer run of the executor keeps the names it has taken over.
    pub(super) fn detach_sandbox(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        sandbox: &Path,
    ) {
        let Some(parts) = &self.parts else { return };
        parts.files.detach_below(sandbox);
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
