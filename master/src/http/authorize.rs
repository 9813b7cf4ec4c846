//! Which calls and documents a principal may have.
//!
//! Mirrors the checks in `src/master/http.cpp` and `src/master/readonly_handler.cpp`.

use libprocess::http::Response;
use mesos_common::authorization::{Action, Approvers, Object};
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;
use mesos_proto::v1::maintenance::{ClusterStatus, Schedule};
use mesos_proto::v1::master::Call;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};

use crate::master::MasterProcess;

/// The answer to somebody who may not.
pub(crate) fn forbidden() -> Response {
    Response::default_text(403)
}

/// Whether the quota of every role may be changed.
pub(crate) fn may_update_quota(approvers: &Approvers, configs: &[QuotaConfig]) -> bool {
    configs.iter().all(|config| {
        approvers.approve(Action::UpdateQuotaWithConfig, &Object::value(config.role()))
    })
}

/// Whether the guarantee of a role may be set or removed.
pub(crate) fn may_set_quota(approvers: &Approvers, info: &QuotaInfo) -> bool {
    let object = Object {
        quota_info: Some(info),
        ..Object::default()
    };
    approvers.approve(Action::UpdateQuota, &object)
}

/// Whether the guarantee of a role may be removed.
pub(crate) fn may_remove_quota(approvers: &Approvers, role: &str) -> bool {
    let info = QuotaInfo {
        role: Some(role.to_owned()),
        ..Default::default()
    };
    may_set_quota(approvers, &info)
}

/// Whether every weight may be changed.
pub(crate) fn may_update_weights(approvers: &Approvers, weights: &[v1::WeightInfo]) -> bool {
    weights.iter().all(|weight| {
        let object = Object {
            weight_info: Some(weight),
            value: Some(weight.role()),
            ..Object::default()
        };
        approvers.approve(Action::UpdateWeight, &object)
    })
}

/// Whether maintenance of every machine may be changed so.
pub(crate) fn may_maintain(
    approvers: &Approvers,
    action: Action,
    machines: &[v1::MachineId],
) -> bool {
    machines
        .iter()
        .all(|_machine| approvers.approve(action, &Object::default()))
}

/// Whether a schedule may be set.
pub(crate) fn may_schedule(approvers: &Approvers, schedule: &Schedule) -> bool {
    let windows = schedule.windows.iter();
    windows.into_iter().all(|window| {
        may_maintain(
            approvers,
            Action::UpdateMaintenanceSchedule,
            &window.machine_ids,
        )
    })
}

/// Whether a role may be seen.
pub(crate) fn may_see_role(approvers: &Approvers, role: &str) -> bool {
    approvers.approve(Action::ViewRole, &Object::value(role))
}

/// The resources that may be seen.
pub(crate) fn seen(approvers: &Approvers, mut resources: Vec<v1::Resource>) -> Vec<v1::Resource> {
    if !approvers.is_without_rules() {
        resources.retain(|resource| approvers.may_see(resource));
    }
    resources
}

/// The quotas that may be seen.
pub(crate) fn seen_quota(approvers: &Approvers, mut status: QuotaStatus) -> QuotaStatus {
    let may = |role: &str| approvers.approve(Action::GetQuota, &Object::value(role));
    status.infos.retain(|info| may(info.role()));
    status.configs.retain(|config| may(config.role()));
    status
}

/// The weights that may be seen.
pub(crate) fn seen_weights(
    approvers: &Approvers,
    mut weights: Vec<v1::WeightInfo>,
) -> Vec<v1::WeightInfo> {
    weights.retain(|weight| may_see_role(approvers, weight.role()));
    weights
}

/// The schedule as far as it may be seen.
pub(crate) fn seen_schedule(approvers: &Approvers, mut schedule: Schedule) -> Schedule {
    if !approvers.approve(Action::GetMaintenanceSchedule, &Object::default()) {
        schedule.windows.clear();
    }
    schedule
}

/// The state of maintenance as far as it may be seen.
pub(crate) fn seen_status(approvers: &Approvers, status: ClusterStatus) -> ClusterStatus {
    if approvers.approve(Action::GetMaintenanceStatus, &Object::default()) {
        status
    } else {
        ClusterStatus::default()
    }
}

impl MasterProcess {
    /// Whether a framework may be removed; one that is not there may.
    pub(crate) fn may_tear_down(&self, approvers: &Approvers, id: &FrameworkId) -> bool {
        self.framework(id).is_none_or(|framework| {
            let info = framework.info();
            let object = Object {
                value: Some(info.principal()),
                framework_info: Some(info),
                ..Object::default()
            };
            approvers.approve(Action::TeardownFramework, &object)
        })
    }

    /// Whether a call is refused as a whole.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the other calls are filtered, or asked about with what they do"
    )]
    pub(super) fn forbids(&self, call: &Call, approvers: &Approvers) -> bool {
        if approvers.is_without_rules() {
            return false;
        }
        let may = match call.r#type() {
            Type::UpdateWeights => {
                may_update_weights(approvers, &call.update_weights().weight_infos)
            }
            Type::UpdateMaintenanceSchedule => {
                may_schedule(approvers, call.update_maintenance_schedule().schedule())
            }
            Type::StartMaintenance => {
                let machines = &call.start_maintenance().machines;
                may_maintain(approvers, Action::StartMaintenance, machines)
            }
            Type::StopMaintenance => {
                let machines = &call.stop_maintenance().machines;
                may_maintain(approvers, Action::StopMaintenance, machines)
            }
            Type::DrainAgent => {
                let marks = call.drain_agent().mark_gone();
                approvers.approve_any(Action::DrainAgent)
                    && (!marks || approvers.approve_any(Action::MarkAgentGone))
            }
            Type::DeactivateAgent => approvers.approve_any(Action::DeactivateAgent),
            Type::ReactivateAgent => approvers.approve_any(Action::ReactivateAgent),
            Type::MarkAgentGone => approvers.approve_any(Action::MarkAgentGone),
            Type::UpdateQuota => may_update_quota(approvers, &call.update_quota().quota_configs),
            Type::SetQuota => {
                let info = super::quota::info_of_request(call.set_quota().quota_request());
                may_set_quota(approvers, &info)
            }
            Type::RemoveQuota => may_remove_quota(approvers, call.remove_quota().role()),
            Type::Teardown => {
                let id = FrameworkId::from(call.teardown().framework_id());
                self.may_tear_down(approvers, &id)
            }
            Type::SetLoggingLevel => approvers.approve_any(Action::SetLogLevel),
            Type::GetFlags => approvers.approve_any(Action::ViewFlags),
            _ => true,
        };
        !may
    }
}
