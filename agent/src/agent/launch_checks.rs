//! Rules for a launch that need nobody else: limits, and resources that the master must know well.

use mesos_common::resources::{Resources, upgrade_resource};
use mesos_proto::v1::{self, task_status::Reason};

use super::{AgentProcess, run_task::Drop};
use crate::state::framework::TaskLaunch;

impl AgentProcess {
    /// Says when limits are asked for that no isolator can keep.
    pub(super) fn limit_violation(&self, launch: &TaskLaunch) -> Option<Drop> {
        let has = |name: &str| {
            self.flags
                .isolation
                .split(',')
                .any(|token| token == name || token == "cgroups/all")
        };
        let asks = |name: &str| {
            launch.tasks.iter().any(|task| {
                let docker = task.container.as_ref().is_some_and(|container| {
                    container.r#type() == v1::container_info::Type::Docker
                });
                !docker && task.limits.contains_key(name)
            })
        };
        let message = if asks("cpus") && !has("cgroups/cpu") {
            "CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/cpu' isolator"
        } else if asks("mem") && !has("cgroups/mem") {
            "Memory limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/mem' isolator"
        } else {
            return None;
        };
        Some(Drop {
            reason: Reason::ReasonGcError,
            message: message.to_owned(),
        })
    }

    /// Says when the master relied on resources that changed since, or that were never written down.
    pub(super) fn stale_resources(&self, launch: &TaskLaunch) -> Option<Drop> {
        let own = self.resources.version;
        let outdated = launch.versions.iter().any(|version| {
            version.resource_provider_id.is_some()
                || version.uuid().value().as_ref() != own.as_bytes().as_slice()
        });
        if outdated {
            return Some(Drop {
                reason: Reason::ReasonInvalidOffers,
                message: "Task assumes outdated resource state".to_owned(),
            });
        }
        let known = |resources: &[v1::Resource]| {
            let mut needed = Resources::from_proto(resources).filter(needs_checkpoint);
            needed.unallocate();
            self.resources.checkpointed.contains(&needed)
        };
        let unknown = |what: &str| Drop {
            reason: Reason::ReasonResourcesUnknown,
            message: format!(
                "The checkpointed resources being used by the {what} are unknown to the agent"
            ),
        };
        if !launch.tasks.iter().all(|task| known(&task.resources)) {
            return Some(unknown("task or task group"));
        }
        (!known(&launch.executor.resources)).then(|| unknown("executor"))
    }
}

/// Dynamic reservations and persistent volumes live in the agent's checkpoint.
pub(super) fn needs_checkpoint(resource: &mesos_common::resource::Resource) -> bool {
    use mesos_common::resource::ReservationKind;
    let dynamic = resource
        .reservations()
        .iter()
        .any(|reservation| reservation.kind == ReservationKind::Dynamic);
    dynamic || resource.is_persistent_volume()
}

/// Brings resources into the present format, and allocates what an old master left unallocated.
pub(super) fn prepare_resources(info: &v1::FrameworkInfo, launch: &mut TaskLaunch) {
    let role = info
        .roles
        .first()
        .map_or_else(|| info.role(), String::as_str)
        .to_owned();
    let prepare = |resources: &mut Vec<v1::Resource>| {
        for resource in resources {
            upgrade_resource(resource);
            if resource.allocation_info.is_none() {
                resource.allocation_info = Some(v1::resource::AllocationInfo {
                    role: Some(role.clone()),
                    ..Default::default()
                });
            }
        }
    };
    let tasks = launch.tasks.iter_mut();
    let members = launch
        .group
        .iter_mut()
        .flat_map(|group| group.tasks.iter_mut());
    for task in tasks.chain(members) {
        prepare(&mut task.resources);
        if let Some(executor) = &mut task.executor {
            prepare(&mut executor.resources);
        }
    }
    prepare(&mut launch.executor.resources);
}
