//! The three spellings of a reservation, and the way between them.
//!
//! Mirrors `src/common/resources_utils.cpp`.
//! The old spelling has `role` and `reservation`; the new one a stack of `reservations`; answers
//! of HTTP endpoints show both where the old one can say it.

use mesos_proto::v1;
use mesos_proto::v1::resource::{ReservationInfo, reservation_info::Type};

/// Rewrites resources in the new spelling.
pub fn upgrade(resources: &mut [v1::Resource]) {
    resources.iter_mut().for_each(upgrade_one);
}

/// Rewrites one resource in the new spelling.
pub fn upgrade_one(resource: &mut v1::Resource) {
    if !resource.reservations.is_empty() {
        resource.role = None;
        resource.reservation = None;
        return;
    }
    if resource.role() == "*" && resource.reservation.is_none() {
        resource.role = None;
        return;
    }
    let kind = if resource.reservation.is_some() {
        Type::Dynamic
    } else {
        Type::Static
    };
    let mut reservation = resource.reservation().clone();
    reservation.r#type = Some(kind.into());
    reservation.role = Some(resource.role().to_owned());
    resource.reservations.push(reservation);
    resource.role = None;
    resource.reservation = None;
}

/// Whether a resource has stacked reservations, which the old spelling cannot say.
#[must_use]
pub fn is_refined(resource: &v1::Resource) -> bool {
    resource.reservations.len() > 1
}

/// Rewrites resources, which are in the new spelling, in the old one.
///
/// Resources with stacked reservations keep the new spelling.
pub fn downgrade(resources: &mut [v1::Resource]) {
    for resource in resources {
        if is_refined(resource) {
            continue;
        }
        show_old(resource);
        resource.reservations.clear();
    }
}

/// Rewrites resources, which are in the new spelling, as HTTP endpoints show them.
pub fn to_endpoint(resources: &mut [v1::Resource]) {
    for resource in resources {
        if !is_refined(resource) {
            show_old(resource);
        }
    }
}

/// Sets `role` and `reservation` from the only reservation.
fn show_old(resource: &mut v1::Resource) {
    let Some(source) = resource.reservations.first() else {
        resource.role = Some("*".to_owned());
        return;
    };
    resource.role = Some(source.role().to_owned());
    if source.r#type() == Type::Dynamic {
        resource.reservation = Some(
            ReservationInfo {
                principal: source.principal.clone(),
                labels: source.labels.clone(),
                ..Default::default()
            }
            .into(),
        );
    }
}

/// Rewrites every resource inside an operation in the new spelling.
pub fn upgrade_operation(operation: &mut v1::offer::Operation) {
    if let Some(reserve) = operation.reserve.as_mut() {
        upgrade(&mut reserve.resources);
        upgrade(&mut reserve.source);
    }
    if let Some(unreserve) = operation.unreserve.as_mut() {
        upgrade(&mut unreserve.resources);
    }
    if let Some(create) = operation.create.as_mut() {
        upgrade(&mut create.volumes);
    }
    if let Some(destroy) = operation.destroy.as_mut() {
        upgrade(&mut destroy.volumes);
    }
    if let Some(grow) = operation.grow_volume.as_mut() {
        grow.volume
            .iter_mut()
            .for_each(|resource| upgrade_one(resource));
        grow.addition
            .iter_mut()
            .for_each(|resource| upgrade_one(resource));
    }
    if let Some(shrink) = operation.shrink_volume.as_mut() {
        shrink
            .volume
            .iter_mut()
            .for_each(|resource| upgrade_one(resource));
    }
    if let Some(create) = operation.create_disk.as_mut() {
        create
            .source
            .iter_mut()
            .for_each(|resource| upgrade_one(resource));
    }
    if let Some(destroy) = operation.destroy_disk.as_mut() {
        destroy
            .source
            .iter_mut()
            .for_each(|resource| upgrade_one(resource));
    }
    if let Some(launch) = operation.launch.as_mut() {
        launch.task_infos.iter_mut().for_each(upgrade_task);
    }
    if let Some(group) = operation.launch_group.as_mut() {
        if let Some(executor) = group.executor.as_mut() {
            upgrade(&mut executor.resources);
        }
        if let Some(tasks) = group.task_group.as_mut() {
            tasks.tasks.iter_mut().for_each(upgrade_task);
        }
    }
}

fn upgrade_task(task: &mut v1::TaskInfo) {
    upgrade(&mut task.resources);
    if let Some(executor) = task.executor.as_mut() {
        upgrade(&mut executor.resources);
    }
}

/// Applies `change` to every list of resources inside an operation.
pub fn each_resource(
    operation: &mut v1::offer::Operation,
    change: &mut dyn FnMut(&mut v1::Resource),
) {
    if let Some(reserve) = operation.reserve.as_mut() {
        reserve.resources.iter_mut().for_each(&mut *change);
        reserve.source.iter_mut().for_each(&mut *change);
    }
    if let Some(unreserve) = operation.unreserve.as_mut() {
        unreserve.resources.iter_mut().for_each(&mut *change);
    }
    if let Some(create) = operation.create.as_mut() {
        create.volumes.iter_mut().for_each(&mut *change);
    }
    if let Some(destroy) = operation.destroy.as_mut() {
        destroy.volumes.iter_mut().for_each(&mut *change);
    }
    if let Some(grow) = operation.grow_volume.as_mut() {
        grow.volume.iter_mut().for_each(|resource| change(resource));
        grow.addition
            .iter_mut()
            .for_each(|resource| change(resource));
    }
    if let Some(shrink) = operation.shrink_volume.as_mut() {
        shrink
            .volume
            .iter_mut()
            .for_each(|resource| change(resource));
    }
    if let Some(create) = operation.create_disk.as_mut() {
        create
            .source
            .iter_mut()
            .for_each(|resource| change(resource));
    }
    if let Some(destroy) = operation.destroy_disk.as_mut() {
        destroy
            .source
            .iter_mut()
            .for_each(|resource| change(resource));
    }
    if let Some(launch) = operation.launch.as_mut() {
        for task in &mut launch.task_infos {
            task.resources.iter_mut().for_each(&mut *change);
            if let Some(executor) = task.executor.as_mut() {
                executor.resources.iter_mut().for_each(&mut *change);
            }
        }
    }
    if let Some(group) = operation.launch_group.as_mut() {
        if let Some(executor) = group.executor.as_mut() {
            executor.resources.iter_mut().for_each(&mut *change);
        }
        if let Some(tasks) = group.task_group.as_mut() {
            for task in &mut tasks.tasks {
                task.resources.iter_mut().for_each(&mut *change);
                if let Some(executor) = task.executor.as_mut() {
                    executor.resources.iter_mut().for_each(&mut *change);
                }
            }
        }
    }
}

/// Stamps a role on a resource unless it has one.
pub fn inject_allocation_role(resource: &mut v1::Resource, role: &str) {
    let unset = resource
        .allocation_info
        .as_ref()
        .is_none_or(|info| info.role.is_none());
    if unset {
        resource.allocation_info = Some(v1::resource::AllocationInfo {
            role: Some(role.to_owned()),
            ..Default::default()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old(role: &str, dynamic: Option<&str>) -> v1::Resource {
        v1::Resource {
            name: Some("cpus".to_owned()),
            r#type: Some(v1::value::Type::Scalar.into()),
            role: Some(role.to_owned()),
            reservation: dynamic.map(|principal| {
                ReservationInfo {
                    principal: Some(principal.to_owned()),
                    ..Default::default()
                }
                .into()
            }),
            ..Default::default()
        }
    }

    #[track_caller]
    fn round_trip(resource: &v1::Resource) {
        let mut changed = [resource.clone()];
        upgrade(&mut changed);
        assert!(changed[0].role.is_none() && changed[0].reservation.is_none());
        downgrade(&mut changed);
        assert_eq!(&changed[0], resource);
    }

    #[test]
    fn unreserved_static_and_dynamic_survive_the_way_there_and_back() {
        round_trip(&old("*", None));
        round_trip(&old("eng", None));
        round_trip(&old("eng", Some("ops")));
    }

    #[test]
    fn stacked_reservations_keep_the_new_spelling() {
        let mut resource = old("eng", Some("ops"));
        upgrade_one(&mut resource);
        let mut refined = resource.reservations[0].clone();
        refined.role = Some("eng/web".to_owned());
        resource.reservations.push(refined);
        let mut changed = [resource.clone()];

        downgrade(&mut changed);

        assert_eq!(changed[0], resource);
    }

    #[test]
    fn endpoints_show_both_spellings() {
        let mut resource = [old("eng", Some("ops"))];
        upgrade(&mut resource);

        to_endpoint(&mut resource);

        assert_eq!(resource[0].role(), "eng");
        assert_eq!(resource[0].reservation().principal(), "ops");
        assert_eq!(resource[0].reservations.len(), 1);
    }
}
