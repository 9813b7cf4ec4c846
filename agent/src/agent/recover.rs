//! Finds back what a former agent left: frameworks, executors, tasks, updates.
//!
//! The rules are in `contract/agent-flows.md`, section 2.

use std::{fs, path::Path};

use libprocess::{Context, Outcome};
use mesos_common::{
    ids::{AgentId, ExecutorId, FrameworkId},
    resources::{Resources, apply_checkpointed_resources},
};
use mesos_containerizer::{
    ContainerizerError,
    containerizer::{RecoverableContainer, settle},
    state_file::write_text,
};
use mesos_proto::v1;

use super::{
    AgentProcess, AgentState, ExecutorGate,
    send_executor::{ToExecutor, send},
};
use crate::{
    AgentExit,
    checkpoint::{
        self, AgentCheckpoint, Checkpoint, ExecutorCheckpoint, FrameworkCheckpoint, ReadFailure,
        RunCheckpoint, Strictness,
        layout::{Machine, RunPhase},
        write::ResourcesCommit,
    },
    compatibility::{Policy, compare},
    paths::{self, ExecutorPlace},
    state::{
        executor::{Connection, ExecutorState},
        framework::Framework,
    },
    task_status_update_manager::UpdateError,
};

/// Where the kernel tells the id of the boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What the agent does with executors it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecoverMode {
    /// They come back.
    Reconnect,
    /// They are shut down, and the agent ends.
    Cleanup,
}

impl AgentProcess {
    fn recover_mode(&self) -> RecoverMode {
        if self.flags.recover == "cleanup" {
            RecoverMode::Cleanup
        } else {
            RecoverMode::Reconnect
        }
    }

    /// What is done about files that cannot be read.
    pub(super) fn strictness(&self) -> Strictness {
        if self.flags.strict {
            Strictness::Strict
        } else {
            Strictness::Tolerant
        }
    }

    /// Reads the checkpoint, off the actor.
    pub(super) fn start_recovery(&mut self, ctx: &mut Context<Self>) {
        let (meta, strictness) = (self.meta.clone(), self.strictness());
        ctx.perform_blocking(
            move || checkpoint::read(&meta, strictness, boot_id().as_deref()),
            Self::on_checkpoint_read,
        );
    }

    fn on_checkpoint_read(
        &mut self,
        result: Result<Checkpoint, ReadFailure>,
        ctx: &mut Context<Self>,
    ) {
        let recovered = match result {
            Ok(recovered) => recovered,
            Err(error) => return self.fail_recovery(&error.to_string(), ctx),
        };
        self.metrics.recovery_errors.add(recovered.errors);
        if let Err(error) = self.recover_resources(&recovered) {
            return self.fail_recovery(&error, ctx);
        }
        let Some(mut agent) = recovered.agent else {
            return self.recover_containers(None, ctx);
        };
        match self.adopt_identity(&agent, recovered.machine) {
            Ok(Identity::Kept) => {}
            Ok(Identity::New) => return self.recover_containers(None, ctx),
            Err(error) => return self.fail_recovery(&error, ctx),
        }
        if let Err(error) = self.inject_allocations(&mut agent) {
            return self.fail_recovery(&error, ctx);
        }
        if let Some(drain) = &agent.drain {
            self.draining = Some(super::Draining {
                config: drain.clone(),
                started: ctx.now(),
            });
        }
        for framework in &agent.frameworks {
            self.recover_framework(&agent.id, framework, ctx);
        }
        let Some(parts) = &self.parts else { return };
        let replayed = parts.updates.recover(self.work_dir.clone(), agent.clone());
        ctx.on_any(replayed, move |process, outcome, ctx| {
            process.on_updates_replayed(agent, outcome, ctx);
        });
    }

    fn on_updates_replayed(
        &mut self,
        agent: AgentCheckpoint,
        outcome: Outcome<Result<(), UpdateError>>,
        ctx: &mut Context<Self>,
    ) {
        match crate::task_status_update_manager::settle(outcome) {
            Ok(()) => self.recover_containers(Some(agent), ctx),
            Err(error) => self.fail_recovery(&error.to_string(), ctx),
        }
    }

    pub(super) fn fail_recovery(&mut self, error: &str, ctx: &mut Context<Self>) {
        let meta = paths::latest_agent(&self.meta);
        self.fail(
            format!(
                "Failed to perform recovery: {error}\n\
                 If recovery failed due to a change in configuration and you want to\n\
                 keep the current agent id, you might want to change the\n\
                 `--reconfiguration_policy` flag to a more permissive value.\n\n\
                 To restart this agent with a new agent id instead, do as follows:\n\
                 rm -f {}\n\
                 This ensures that the agent does not recover old live executors.",
                meta.display()
            ),
            ctx,
        );
    }

    /// Takes up reservations and volumes, and finishes a commit that a crash cut off.
    fn recover_resources(&mut self, recovered: &Checkpoint) -> Result<(), String> {
        let Some(resources) = &recovered.resources else {
            return Ok(());
        };
        let checkpointed = match &resources.target {
            Some(target) => {
                self.sync_volumes(
                    &Resources::from_proto(&resources.resources),
                    &Resources::from_proto(target),
                )
                .map_err(|error| error.to_string())?;
                ResourcesCommit::recovered(&self.meta)
                    .commit()
                    .map_err(|error| error.to_string())?;
                target
            }
            None => &resources.resources,
        };
        let checkpointed = Resources::from_proto(checkpointed);
        let total = apply_checkpointed_resources(&self.resources.total, &checkpointed).map_err(|error| {
            format!(
                "Checkpointed resources {checkpointed} are incompatible with agent resources {}: {error}",
                self.resources.total
            )
        })?;
        self.resources.total = total;
        self.resources.checkpointed = checkpointed;
        self.recover_operations(&resources.operations);
        Ok(())
    }

    /// Decides whether this is the same agent as before.
    fn adopt_identity(
        &mut self,
        agent: &AgentCheckpoint,
        machine: Machine,
    ) -> Result<Identity, String> {
        let Some(old) = &agent.info else {
            return Ok(Identity::New);
        };
        let mut own = self.info.clone();
        own.id = Some(agent.id.to_proto());
        let policy = if self.flags.reconfiguration_policy == "additive" {
            Policy::Additive
        } else {
            Policy::Equal
        };
        match compare(policy, old, &own) {
            Ok(()) => {
                self.required_agent_update = policy == Policy::Additive && *old != own;
                self.info = own;
                self.id = Some(agent.id.clone());
                Ok(Identity::Kept)
            }
            Err(error) if machine == Machine::Rebooted => {
                tracing::warn!(%error, "agent description changed with the reboot: registering as a new agent");
                let link = paths::latest_agent(&self.meta);
                fs::remove_file(&link)
                    .map_err(|error| format!("failed to remove '{}': {error}", link.display()))?;
                Ok(Identity::New)
            }
            Err(error) => Err(format!("Incompatible agent info detected.\n{error}")),
        }
    }

    /// Agents before 1.5 did not say to which role resources are allocated.
    fn inject_allocations(&self, agent: &mut AgentCheckpoint) -> Result<(), String> {
        for framework in &mut agent.frameworks {
            let Some(info) = &framework.info else {
                continue;
            };
            let role = single_role(info);
            for executor in &mut framework.executors {
                let lists =
                    executor
                        .info
                        .iter_mut()
                        .map(|info| &mut info.resources)
                        .chain(executor.runs.iter_mut().flat_map(|run| {
                            run.tasks.iter_mut().map(|task| &mut task.info.resources)
                        }));
                if !lists
                    .flatten()
                    .all(|resource| allocate(resource, role.as_deref()))
                {
                    return Err(format!(
                        "Missing 'Resource.AllocationInfo' for framework {}",
                        framework.id
                    ));
                }
            }
        }
        Ok(())
    }

    fn recover_framework(
        &mut self,
        agent: &AgentId,
        found: &FrameworkCheckpoint,
        ctx: &Context<Self>,
    ) {
        let work = paths::framework_dir(&self.work_dir, agent, &found.id);
        let meta = paths::framework_dir(&self.meta, agent, &found.id);
        let (Some(info), Some(pid)) = (&found.info, &found.pid) else {
            self.collect_garbage(&work);
            self.collect_garbage(&meta);
            return;
        };
        if found.executors.is_empty() {
            self.collect_garbage(&work);
            self.collect_garbage(&meta);
            return;
        }
        let max = self.flags.max_completed_executors_per_framework;
        let pid = (!pid.is_empty()).then(|| pid.clone());
        self.frameworks.add(Framework::new(info.clone(), pid, max));
        for executor in &found.executors {
            self.recover_executor(agent, &found.id, executor, ctx);
        }
        let left = self
            .frameworks
            .get(&found.id)
            .is_some_and(Framework::is_idle);
        if left {
            self.collect_garbage(&work);
            self.collect_garbage(&meta);
            drop(self.frameworks.complete(&found.id));
        }
    }

    /// Hands the containers that may still run to the containerizer.
    fn recover_containers(&mut self, agent: Option<AgentCheckpoint>, ctx: &mut Context<Self>) {
        let containers = agent.as_ref().map(recoverable).unwrap_or_default();
        let containers = containers
            .into_iter()
            .map(|(framework, executor, run)| self.describe(framework, executor, run))
            .collect();
        let Some(parts) = &self.parts else { return };
        let recovered = parts.containerizer.recover(containers);
        ctx.on_any(recovered, |agent, outcome, ctx| {
            agent.on_containers_recovered(settle(outcome), ctx);
        });
    }

    fn describe(
        &self,
        framework: &FrameworkCheckpoint,
        executor: &ExecutorCheckpoint,
        run: &RunCheckpoint,
    ) -> RecoverableContainer {
        let directory = self.id.as_ref().map_or_else(Default::default, |agent| {
            ExecutorPlace {
                root: &self.work_dir,
                agent,
                framework: &framework.id,
                executor: &executor.id,
            }
            .run_dir(&run.id)
        });
        RecoverableContainer {
            id: run.id.clone(),
            executor_info: executor.info.clone().unwrap_or_default(),
            pid: run.forked_pid.unwrap_or_default(),
            directory,
        }
    }

    /// Continues `Slave::_recover`: executors may come back.
    fn on_containers_recovered(
        &mut self,
        result: Result<(), ContainerizerError>,
        ctx: &mut Context<Self>,
    ) {
        if let Err(error) = result {
            return self.fail_recovery(&error.chain(), ctx);
        }
        self.state = AgentState::Recovering(ExecutorGate::Open);
        let mode = self.recover_mode();
        let executors: Vec<_> = self
            .frameworks
            .executors()
            .map(|executor| {
                (
                    executor.framework().clone(),
                    executor.id().clone(),
                    executor.container().clone(),
                )
            })
            .collect();
        for (framework, executor, container) in executors {
            self.await_container(&framework, &executor, &container, ctx);
            match mode {
                RecoverMode::Reconnect => self.call_back(&framework, &executor, ctx),
                RecoverMode::Cleanup => {
                    let unknown = self
                        .frameworks
                        .executor(&framework, &executor)
                        .is_some_and(|known| matches!(known.connection, Connection::Unknown));
                    if unknown {
                        self.destroy_container(&container);
                    } else {
                        self.shut_down_executor(&framework, &executor, ctx);
                    }
                }
            }
        }
        if self.frameworks.is_empty() || mode == RecoverMode::Cleanup {
            return self.finish_recovery(ctx);
        }
        ctx.delay(
            self.flags.executor_reregistration_timeout,
            Self::miss_reregistrations,
        );
        self.finish_recovery_when_all_are_back(ctx);
    }

    /// Ends recovery before its time when no executor is waited for any more.
    pub(crate) fn finish_recovery_when_all_are_back(&mut self, ctx: &mut Context<Self>) {
        let waits = self
            .frameworks
            .executors()
            .any(|executor| executor.state() == ExecutorState::Registering);
        if self.state == AgentState::Recovering(ExecutorGate::Open) && !waits {
            self.finish_recovery(ctx);
        }
    }

    /// Asks an executor on the driver to register again; those of the v1 API come by themselves.
    fn call_back(
        &mut self,
        framework: &FrameworkId,
        executor_id: &ExecutorId,
        ctx: &mut Context<Self>,
    ) {
        let Some(executor) = self.frameworks.executor(framework, executor_id) else {
            return;
        };
        if executor.state() != ExecutorState::Registering || !self.state.is_recovering() {
            return;
        }
        let Connection::Libprocess(_) = &executor.connection else {
            return;
        };
        let Some(agent) = self.id.clone() else { return };
        send(executor, ToExecutor::Reconnect { agent }, ctx);
        let Some(interval) = self.flags.executor_reregistration_retry_interval else {
            return;
        };
        let (framework, executor) = (framework.clone(), executor_id.clone());
        ctx.delay(interval, move |agent, ctx| {
            agent.call_back(&framework, &executor, ctx);
        });
    }

    /// Continues `Slave::__recover`: the agent may have a master now.
    pub(super) fn finish_recovery(&mut self, ctx: &mut Context<Self>) {
        if !self.state.is_recovering() {
            return;
        }
        tracing::info!("finished recovery");
        if let Some(id) = boot_id()
            && let Err(error) = write_text(&paths::boot_id_file(&self.meta), &id)
        {
            return self.fail_checkpoint(&error, ctx);
        }
        self.collect_former_agents();
        let took = ctx.now() - self.started;
        self.metrics.set_recovery_time(ctx.runtime(), took);
        match self.recover_mode() {
            RecoverMode::Reconnect => {
                self.state = AgentState::Disconnected;
                if let Some(draining) = self.draining.clone() {
                    self.drain(draining.config, ctx);
                }
                self.resume_operations(ctx);
                self.detect(ctx);
                self.watch_oversubscribable(ctx);
                self.watch_quality_of_service(ctx);
            }
            RecoverMode::Cleanup => {
                self.state = AgentState::Terminating;
                if self.frameworks.is_empty() {
                    self.exit_with(AgentExit::ShutDown, ctx);
                }
            }
        }
    }
}

/// Whether the agent is the one of its checkpoint.
enum Identity {
    Kept,
    New,
}

/// Runs that may still have processes: latest, forked, not completed, in a Mesos container.
fn recoverable(
    agent: &AgentCheckpoint,
) -> Vec<(&FrameworkCheckpoint, &ExecutorCheckpoint, &RunCheckpoint)> {
    let mut found = Vec::new();
    for framework in &agent.frameworks {
        for executor in &framework.executors {
            let Some(info) = &executor.info else { continue };
            let foreign = info
                .container
                .as_ref()
                .is_some_and(|container| container.r#type() != v1::container_info::Type::Mesos);
            if foreign {
                continue;
            }
            found.extend(
                executor
                    .runs
                    .iter()
                    .filter(|run| {
                        Some(&run.id) == executor.latest.as_ref()
                            && run.phase == RunPhase::Live
                            && run.forked_pid.is_some()
                    })
                    .map(|run| (framework, executor, run)),
            );
        }
    }
    found
}

/// Allocates a resource that is not; false when nobody knows to which role.
fn allocate(resource: &mut v1::Resource, role: Option<&str>) -> bool {
    if resource.allocation_info.is_none() {
        resource.allocation_info = role.map(|role| v1::resource::AllocationInfo {
            role: Some(role.to_owned()),
            ..Default::default()
        });
    }
    resource.allocation_info.is_some()
}

/// The role of a framework that has just one.
fn single_role(info: &v1::FrameworkInfo) -> Option<String> {
    match info.roles.as_slice() {
        [] => Some(info.role().to_owned()),
        [role] => Some(role.clone()),
        [_, ..] => None,
    }
}

fn boot_id() -> Option<String> {
    fs::read_to_string(Path::new(BOOT_ID))
        .ok()
        .map(|text| text.trim().to_owned())
}
