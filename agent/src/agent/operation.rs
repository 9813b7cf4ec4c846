//! Performs operations on the agent's own resources: reservations and volumes.
//!
//! # Invariants
//! - Volumes on disk agree with the committed resources.

use std::{fs, io, path::Path};

use libprocess::{Context, Upid};
use mesos_common::{
    ids::FrameworkId,
    resources::{
        PostCondition, Resources, apply_checkpointed_resources, resource_conversions,
        upgrade_resource,
    },
};
use mesos_containerizer::isolators::filesystem_posix::persistent_volume_path;
use mesos_proto::{
    internal::{
        AcknowledgeOperationStatusMessage, ApplyOperationMessage, CheckpointResourcesMessage,
        ReconcileOperationsMessage, UpdateOperationStatusMessage, reconcile_operations_message,
    },
    v1::{self, OperationState, offer::operation::Type as OperationType},
};
use uuid::Uuid;

use super::{AgentProcess, AgentState, launch_checks::needs_checkpoint, register::uuid_message};
use crate::{
    checkpoint::write,
    operation_status_update_manager::{self, OperationUpdateError, Recovered},
    paths,
    state::operation::is_terminal,
    task_status_update_manager::Acknowledged,
};

impl AgentProcess {
    /// The master wants resources to be reserved, unreserved, created or destroyed.
    pub(super) fn apply_operation(
        &mut self,
        _from: &Upid,
        message: ApplyOperationMessage,
        ctx: &mut Context<Self>,
    ) {
        let Ok(uuid) = Uuid::from_slice(message.operation_uuid().value()) else {
            tracing::error!("ignoring operation without a valid UUID");
            return;
        };
        let Some(agent) = self.id.clone() else { return };
        let mut info = message.operation_info().clone();
        upgrade_operation(&mut info);
        let framework = message.framework_id.clone();
        let pending = operation_status(&info, OperationState::OperationPending, None, &agent);
        let operation = v1::Operation {
            framework_id: framework,
            agent_id: Some(agent.to_proto()),
            info: Some(info.clone().into()),
            latest_status: Some(pending.into()),
            uuid: Some(uuid_message(uuid)),
            ..Default::default()
        };
        self.operations.insert(uuid, operation);
        if names_provider(&message) || !is_speculative(&info) {
            // Resource providers are not part of this agent.
            return self.finish_operation(&uuid, OperationState::OperationDropped, ctx);
        }
        if !self.checkpoint_resources(ctx) {
            return;
        }
        let applied = self.apply_to_total(&info);
        match applied {
            Ok(()) => self.finish_operation(&uuid, OperationState::OperationFinished, ctx),
            Err(error) => {
                tracing::error!(%uuid, error, "operation cannot be applied");
                self.finish_operation(&uuid, OperationState::OperationError, ctx);
            }
        }
    }

    fn apply_to_total(&mut self, info: &v1::offer::Operation) -> Result<(), String> {
        let mut conversions = resource_conversions(info).map_err(|error| error.to_string())?;
        for conversion in &mut conversions {
            // The master names the role that the resources are allocated to; the agent's own are
            // allocated to nobody.
            conversion.consumed.unallocate();
            conversion.converted.unallocate();
            if let PostCondition::Gone(volume) = &mut conversion.condition {
                *volume = volume.with_allocation(None);
            }
        }
        let total = self
            .resources
            .total
            .apply_all(&conversions)
            .map_err(|error| error.to_string())?;
        self.resources.total = total;
        Ok(())
    }

    /// Gives an operation its last state, writes everything down and begins to report it.
    fn finish_operation(&mut self, uuid: &Uuid, state: OperationState, ctx: &mut Context<Self>) {
        let (Some(agent), Some(operation)) = (self.id.clone(), self.operations.get_mut(uuid))
        else {
            return;
        };
        let status = operation_status(operation.info(), state, Some(Uuid::new_v4()), &agent);
        operation.latest_status = Some(status.clone().into());
        operation.statuses.push(status.clone());
        let update = UpdateOperationStatusMessage {
            framework_id: operation.framework_id.clone(),
            agent_id: Some(agent.to_proto()),
            status: Some(status.into()),
            operation_uuid: Some(uuid_message(*uuid)),
            ..Default::default()
        };
        if !self.checkpoint_resources(ctx) {
            return;
        }
        self.report_operation(uuid, update, ctx);
    }

    /// Writes an update down and sends it until it is acknowledged.
    fn report_operation(
        &mut self,
        uuid: &Uuid,
        update: UpdateOperationStatusMessage,
        ctx: &mut Context<Self>,
    ) {
        let (Some(agent), Some(parts)) = (&self.id, &self.parts) else {
            return;
        };
        let path = paths::operation_updates_file(&self.meta, agent, uuid);
        let stored = parts.operation_updates.update(update, path);
        ctx.on_any(
            stored,
            |agent, outcome, ctx| match operation_status_update_manager::settle(outcome) {
                Ok(()) | Err(OperationUpdateError::Ended) => {}
                Err(error) => {
                    agent.fail(
                        format!("Failed to handle operation status update: {error}"),
                        ctx,
                    );
                }
            },
        );
    }

    /// Writes reservations, volumes and operations down and brings the volumes on disk in line; false when that is fatal.
    fn checkpoint_resources(&mut self, ctx: &mut Context<Self>) -> bool {
        let checkpointed = self.resources.total.filter(needs_checkpoint);
        let operations: Vec<v1::Operation> = self
            .operations
            .iter()
            .filter(|(_, operation)| is_kept(operation))
            .map(|(_, operation)| operation.clone())
            .collect();
        let written = write::resources_target(&self.meta, &checkpointed.to_proto(), &operations);
        let committed = written.and_then(|commit| {
            self.sync_volumes(&self.resources.checkpointed, &checkpointed)
                .map_err(|source| mesos_containerizer::state_file::WriteError {
                    path: self.work_dir.join("volumes"),
                    source,
                })?;
            commit.commit()
        });
        match committed {
            Ok(()) => {
                self.resources.checkpointed = checkpointed;
                true
            }
            Err(error) => {
                self.fail_checkpoint(&error, ctx);
                false
            }
        }
    }

    /// Makes new volumes and empties those that are gone.
    pub(super) fn sync_volumes(&self, old: &Resources, new: &Resources) -> io::Result<()> {
        let volumes = |resources: &Resources| resources.persistent_volumes().to_proto();
        let paths_of = |resources: &Resources| -> Vec<_> {
            volumes(resources)
                .iter()
                .map(|volume| persistent_volume_path(&self.work_dir, volume))
                .collect()
        };
        let (before, after) = (paths_of(old), paths_of(new));
        for path in after.iter().filter(|path| !before.contains(path)) {
            fs::create_dir_all(path)?;
        }
        for volume in &volumes(old) {
            let path = persistent_volume_path(&self.work_dir, volume);
            if after.contains(&path) {
                continue;
            }
            let is_mount = volume.disk().source.as_ref().is_some_and(|source| {
                source.r#type() == v1::resource::disk_info::source::Type::Mount
            });
            if is_mount {
                empty_volume(&path)?;
            } else {
                remove_volume(&path)?;
            }
        }
        Ok(())
    }

    /// Masters before operations tell the agent what is reserved and created as a whole.
    pub(super) fn checkpoint_resources_message(
        &mut self,
        _from: &Upid,
        message: CheckpointResourcesMessage,
        ctx: &mut Context<Self>,
    ) {
        let mut resources = message.resources;
        resources.iter_mut().for_each(upgrade_resource);
        let wanted = Resources::from_proto(&resources);
        let unreserved = Resources::from_proto(&self.info.resources);
        match apply_checkpointed_resources(&unreserved, &wanted) {
            Ok(total) => {
                self.resources.total = total;
                self.checkpoint_resources(ctx);
            }
            Err(error) => {
                self.fail(
                    format!("Failed to apply checkpointed resources {wanted}: {error}"),
                    ctx,
                );
            }
        }
    }

    /// The master, or a framework through it, asks what became of operations.
    pub(super) fn reconcile_operations(
        &mut self,
        _from: &Upid,
        message: ReconcileOperationsMessage,
        ctx: &mut Context<Self>,
    ) {
        let (Some(master), Some(agent)) = (self.master.pid.clone(), self.id.clone()) else {
            return;
        };
        let framework = message.framework_id.as_ref().map(FrameworkId::from);
        for asked in &message.operations {
            let uuid = Uuid::from_slice(asked.operation_uuid().value()).ok();
            let known = self.find_operation(framework.as_ref(), uuid.as_ref(), asked);
            let status = match (known, &framework) {
                (Some(operation), Some(_)) => {
                    let mut status = operation.latest_status().clone();
                    status.uuid = None;
                    status
                }
                // No resource provider is known here.
                (None, _) if asked.resource_provider_id.is_some() => v1::OperationStatus {
                    state: Some(OperationState::OperationUnknown.into()),
                    operation_id: asked.operation_id.clone(),
                    resource_provider_id: asked.resource_provider_id.clone(),
                    agent_id: Some(agent.to_proto()),
                    uuid: asked.operation_uuid.clone(),
                    ..Default::default()
                },
                (None, None) => v1::OperationStatus {
                    state: Some(OperationState::OperationDropped.into()),
                    agent_id: Some(agent.to_proto()),
                    ..Default::default()
                },
                (Some(_), None) | (None, Some(_)) => continue,
            };
            let update = UpdateOperationStatusMessage {
                framework_id: message.framework_id.clone(),
                agent_id: Some(agent.to_proto()),
                status: Some(status.into()),
                operation_uuid: known
                    .and_then(|operation| operation.uuid.clone())
                    .or_else(|| asked.operation_uuid.clone()),
                ..Default::default()
            };
            ctx.send_protobuf(&master, &update);
        }
    }

    fn find_operation(
        &self,
        framework: Option<&FrameworkId>,
        uuid: Option<&Uuid>,
        asked: &reconcile_operations_message::Operation,
    ) -> Option<&v1::Operation> {
        if let Some(uuid) = uuid {
            return self.operations.get(uuid);
        }
        self.operations
            .find(framework?, asked.operation_id.as_ref()?.value())
    }

    /// Sends the status of an operation to the master. Called by the update manager.
    pub(crate) fn forward_operation_update(
        &mut self,
        update: &UpdateOperationStatusMessage,
        ctx: &mut Context<Self>,
    ) {
        if self.state == AgentState::Running
            && let Some(master) = &self.master.pid
        {
            ctx.send_protobuf(master, update);
        }
    }

    /// A framework, or the master in its place, has seen the status of an operation.
    pub(super) fn acknowledge_operation(
        &mut self,
        _from: &Upid,
        message: AcknowledgeOperationStatusMessage,
        ctx: &mut Context<Self>,
    ) {
        let (Ok(operation), Ok(status)) = (
            Uuid::from_slice(message.operation_uuid().value()),
            Uuid::from_slice(message.status_uuid().value()),
        ) else {
            tracing::warn!("ignoring operation acknowledgement without valid UUIDs");
            return;
        };
        let Some(parts) = &self.parts else { return };
        let acknowledged = parts.operation_updates.acknowledge(operation, status);
        ctx.on_any(acknowledged, move |agent, outcome, ctx| {
            agent.on_operation_acknowledged(
                &operation,
                operation_status_update_manager::settle(outcome),
                ctx,
            );
        });
    }

    fn on_operation_acknowledged(
        &mut self,
        operation: &Uuid,
        result: Result<Acknowledged, OperationUpdateError>,
        ctx: &mut Context<Self>,
    ) {
        match result {
            Ok(Acknowledged::StreamOpen) => {}
            Ok(Acknowledged::StreamClosed) => {
                self.operations.remove(operation);
                self.checkpoint_resources(ctx);
                self.remove_operation_directory(operation);
                self.finish_draining_if_idle(ctx);
            }
            Err(error) => {
                tracing::error!(%operation, %error, "operation acknowledgement is not accepted");
            }
        }
    }

    fn remove_operation_directory(&self, operation: &Uuid) {
        let Some(agent) = &self.id else { return };
        let file = paths::operation_updates_file(&self.meta, agent, operation);
        if let Some(directory) = file.parent()
            && let Err(error) = fs::remove_dir_all(directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %directory.display(), "operation stays behind");
        }
    }

    /// Takes up the operations of a checkpoint.
    pub(super) fn recover_operations(&mut self, operations: &[v1::Operation]) {
        for operation in operations {
            if let Ok(uuid) = Uuid::from_slice(operation.uuid().value()) {
                self.operations.insert(uuid, operation.clone());
            }
        }
    }

    /// Finishes what was pending when the agent went down, and reports again what was not acknowledged.
    pub(super) fn resume_operations(&mut self, ctx: &mut Context<Self>) {
        let Some(agent) = self.id.clone() else { return };
        let known: Vec<(Uuid, v1::Operation)> = self
            .operations
            .iter()
            .map(|(uuid, operation)| (*uuid, operation.clone()))
            .collect();
        self.remove_strange_operations(&known);
        for (uuid, operation) in known {
            if !is_terminal(operation.latest_status().state()) {
                let state = match self.apply_to_total(operation.info()) {
                    Ok(()) => OperationState::OperationFinished,
                    Err(_) => OperationState::OperationError,
                };
                self.finish_operation(&uuid, state, ctx);
                continue;
            }
            let update = UpdateOperationStatusMessage {
                framework_id: operation.framework_id.clone(),
                agent_id: Some(agent.to_proto()),
                status: operation.latest_status.clone(),
                operation_uuid: Some(uuid_message(uuid)),
                ..Default::default()
            };
            let path = paths::operation_updates_file(&self.meta, &agent, &uuid);
            let Some(parts) = &self.parts else { return };
            let resumed = parts
                .operation_updates
                .recover(uuid, path, self.strictness());
            ctx.on_any(resumed, move |process, outcome, ctx| {
                let recovered = operation_status_update_manager::settle(outcome);
                process.on_operation_recovered(&uuid, update, recovered, ctx);
            });
        }
    }

    /// Continues `Slave::__recoverOperations` for one operation, whose last update is known.
    fn on_operation_recovered(
        &mut self,
        uuid: &Uuid,
        last: UpdateOperationStatusMessage,
        recovered: Result<Recovered, OperationUpdateError>,
        ctx: &mut Context<Self>,
    ) {
        match recovered {
            Ok(Recovered::Nothing { errors }) => {
                self.metrics.recovery_errors.add(errors);
                self.report_operation(uuid, last, ctx);
            }
            Ok(Recovered::Stream { end, errors, .. }) => {
                self.metrics.recovery_errors.add(errors);
                if end == Acknowledged::StreamClosed {
                    self.on_operation_acknowledged(uuid, Ok(end), ctx);
                }
            }
            Err(OperationUpdateError::Ended) => {}
            Err(error) => {
                let error = format!("Failed to recover operation status update manager: {error}");
                self.fail_recovery(&error, ctx);
            }
        }
    }

    /// Removes directories of operations that the checkpoint does not name.
    fn remove_strange_operations(&self, known: &[(Uuid, v1::Operation)]) {
        let Some(agent) = &self.id else { return };
        let directory = paths::operations_dir(&self.meta, agent);
        for name in paths::members(&directory).unwrap_or_default() {
            let named = Uuid::parse_str(&name).ok();
            if !named.is_some_and(|uuid| known.iter().any(|(known, _)| *known == uuid)) {
                let path = directory.join(name);
                if let Err(error) = fs::remove_dir_all(&path) {
                    tracing::warn!(%error, path = %path.display(), "operation stays behind");
                }
            }
        }
    }
}

fn operation_status(
    info: &v1::offer::Operation,
    state: OperationState,
    uuid: Option<Uuid>,
    agent: &mesos_common::ids::AgentId,
) -> v1::OperationStatus {
    v1::OperationStatus {
        operation_id: info.id.clone(),
        state: Some(state.into()),
        uuid: uuid.map(uuid_message),
        agent_id: Some(agent.to_proto()),
        ..Default::default()
    }
}

/// Operations that the agent has done the moment they are asked for.
fn is_speculative(info: &v1::offer::Operation) -> bool {
    matches!(
        info.r#type(),
        OperationType::Reserve
            | OperationType::Unreserve
            | OperationType::Create
            | OperationType::Destroy
            | OperationType::GrowVolume
            | OperationType::ShrinkVolume
    )
}

fn names_provider(message: &ApplyOperationMessage) -> bool {
    message
        .resource_version_uuid
        .as_ref()
        .is_some_and(|version| version.resource_provider_id.is_some())
}

/// Old masters send reservations in the old format.
fn upgrade_operation(info: &mut v1::offer::Operation) {
    let lists = [
        info.reserve
            .as_mut()
            .map(|operation| &mut operation.resources),
        info.unreserve
            .as_mut()
            .map(|operation| &mut operation.resources),
        info.create.as_mut().map(|operation| &mut operation.volumes),
        info.destroy
            .as_mut()
            .map(|operation| &mut operation.volumes),
    ];
    for resource in lists.into_iter().flatten().flatten() {
        upgrade_resource(resource);
    }
}

/// Operations that must be found again after a crash.
fn is_kept(operation: &v1::Operation) -> bool {
    let status = operation.latest_status();
    if is_terminal(status.state()) {
        return status.uuid.is_some();
    }
    matches!(
        operation.info().r#type(),
        OperationType::Create | OperationType::Destroy
    )
}

/// Removes a volume.
fn remove_volume(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Empties a volume that is the root of a mounted disk, which stays.
fn empty_volume(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
