//! The shape of scheduler and operator calls.

use mesos_common::resources::validate_resources;
use mesos_proto::v1;
use mesos_proto::v1::scheduler::call;
use mesos_proto_codec::WireMessage;
use uuid::Uuid;

use super::{Check, ensure, prefixed};

#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the condition itself is the argument"
)]
fn present(is_some: bool, field: &'static str) -> Check {
    ensure(is_some, || {
        format!("Expecting '{field}' to be present").into()
    })
}

fn initialized<M: WireMessage>(message: &M) -> Check {
    let missing = message.missing_required();
    ensure(missing.is_empty(), || {
        format!("Not initialized: {}", missing.join(", ")).into()
    })
}

/// A call to the scheduler API.
///
/// # Errors
/// The first broken rule.
pub fn validate_scheduler(call: &v1::scheduler::Call, principal: Option<&str>) -> Check {
    use call::Type;
    initialized(call)?;
    present(call.r#type.is_some(), "type")?;
    if call.r#type() == Type::Subscribe {
        return validate_subscribe(call, principal);
    }
    present(call.framework_id.is_some(), "framework_id")?;
    match call.r#type() {
        Type::Accept => present(call.accept.is_some(), "accept"),
        Type::Decline => present(call.decline.is_some(), "decline"),
        Type::AcceptInverseOffers => present(
            call.accept_inverse_offers.is_some(),
            "accept_inverse_offers",
        ),
        Type::DeclineInverseOffers => present(
            call.decline_inverse_offers.is_some(),
            "decline_inverse_offers",
        ),
        Type::Kill => present(call.kill.is_some(), "kill"),
        Type::Shutdown => present(call.shutdown.is_some(), "shutdown"),
        Type::Acknowledge => {
            present(call.acknowledge.is_some(), "acknowledge")?;
            check_uuid(call.acknowledge().uuid())
        }
        Type::AcknowledgeOperationStatus => {
            let set = call.acknowledge_operation_status.is_some();
            present(set, "acknowledge_operation_status")?;
            let acknowledgement = call.acknowledge_operation_status();
            check_uuid(acknowledgement.uuid())?;
            present(acknowledgement.agent_id.is_some(), "agent_id")
        }
        Type::Reconcile => present(call.reconcile.is_some(), "reconcile"),
        Type::ReconcileOperations => {
            present(call.reconcile_operations.is_some(), "reconcile_operations")
        }
        Type::Message => present(call.message.is_some(), "message"),
        Type::Request => present(call.request.is_some(), "request"),
        Type::UpdateFramework => {
            present(call.update_framework.is_some(), "update_framework")?;
            let info = call.update_framework().framework_info();
            ensure(info.id().value() == call.framework_id().value(), || {
                "'framework_id' differs from 'update_framework.framework_info.id'".into()
            })
        }
        Type::Subscribe | Type::Teardown | Type::Revive | Type::Suppress | Type::Unknown => Ok(()),
    }
}

fn validate_subscribe(call: &v1::scheduler::Call, principal: Option<&str>) -> Check {
    present(call.subscribe.is_some(), "subscribe")?;
    let info = call.subscribe().framework_info();
    ensure(info.id().value() == call.framework_id().value(), || {
        "'framework_id' differs from 'subscribe.framework_info.id'".into()
    })?;
    match (principal, info.principal.as_deref()) {
        (Some(authenticated), Some(named)) if authenticated != named => Err(format!(
            "Authenticated principal '{authenticated}' does not match principal '{named}' set in \
             `FrameworkInfo`"
        )
        .into()),
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

fn check_uuid(bytes: &[u8]) -> Check {
    let is_valid =
        Uuid::from_slice(bytes).is_ok_and(|uuid| (1..=5).contains(&uuid.get_version_num()));
    ensure(is_valid, || "Not a valid UUID".into())
}

/// A call to the operator API.
///
/// # Errors
/// The first broken rule.
pub fn validate_master(call: &v1::master::Call) -> Check {
    use v1::master::call::Type;
    initialized(call)?;
    present(call.r#type.is_some(), "type")?;
    match call.r#type() {
        Type::GetMetrics => present(call.get_metrics.is_some(), "get_metrics"),
        Type::SetLoggingLevel => present(call.set_logging_level.is_some(), "set_logging_level"),
        Type::ListFiles => present(call.list_files.is_some(), "list_files"),
        Type::ReadFile => present(call.read_file.is_some(), "read_file"),
        Type::UpdateWeights => present(call.update_weights.is_some(), "update_weights"),
        Type::ReserveResources => {
            present(call.reserve_resources.is_some(), "reserve_resources")?;
            prefixed(validate_resources(&call.reserve_resources().resources), "")
        }
        Type::UnreserveResources => {
            present(call.unreserve_resources.is_some(), "unreserve_resources")?;
            prefixed(
                validate_resources(&call.unreserve_resources().resources),
                "",
            )
        }
        Type::CreateVolumes => present(call.create_volumes.is_some(), "create_volumes"),
        Type::DestroyVolumes => present(call.destroy_volumes.is_some(), "destroy_volumes"),
        Type::GrowVolume => {
            present(call.grow_volume.is_some(), "grow_volume")?;
            default_only(call.grow_volume().agent_id.is_some())
        }
        Type::ShrinkVolume => {
            present(call.shrink_volume.is_some(), "shrink_volume")?;
            default_only(call.shrink_volume().agent_id.is_some())
        }
        Type::UpdateMaintenanceSchedule => present(
            call.update_maintenance_schedule.is_some(),
            "update_maintenance_schedule",
        ),
        Type::StartMaintenance => present(call.start_maintenance.is_some(), "start_maintenance"),
        Type::StopMaintenance => present(call.stop_maintenance.is_some(), "stop_maintenance"),
        Type::DrainAgent => present(call.drain_agent.is_some(), "drain_agent"),
        Type::DeactivateAgent => present(call.deactivate_agent.is_some(), "deactivate_agent"),
        Type::ReactivateAgent => present(call.reactivate_agent.is_some(), "reactivate_agent"),
        Type::UpdateQuota => present(call.update_quota.is_some(), "update_quota"),
        Type::SetQuota => present(call.set_quota.is_some(), "set_quota"),
        Type::RemoveQuota => present(call.remove_quota.is_some(), "remove_quota"),
        Type::Teardown => present(call.teardown.is_some(), "teardown"),
        Type::MarkAgentGone => present(call.mark_agent_gone.is_some(), "mark_agent_gone"),
        Type::Unknown
        | Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetLoggingLevel
        | Type::GetState
        | Type::GetAgents
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetRoles
        | Type::GetWeights
        | Type::GetMaster
        | Type::Subscribe
        | Type::GetMaintenanceStatus
        | Type::GetMaintenanceSchedule
        | Type::GetQuota => Ok(()),
    }
}

#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the condition itself is the argument"
)]
fn default_only(has_agent: bool) -> Check {
    ensure(has_agent, || {
        "Expecting 'agent_id' to be present; only agent default resources are supported right now"
            .into()
    })
}
