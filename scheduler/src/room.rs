//! What is left of an offer while tasks are placed on it.

use std::sync::Arc;

use mesos_common::resource::{Reservation, ReservationKind};
use mesos_common::resources::Resources;
use mesos_proto::v1::{Offer, Resource, TaskInfo};

use crate::TaskBuilder;

/// What is left of an offer.
///
/// # Examples
/// ```
/// use mesos_proto::v1::Offer;
/// use mesos_scheduler::{Room, TaskBuilder, resources};
///
/// let offer = Offer { resources: resources::cpus_mem(1.0, 64.0).to_vec(), ..Default::default() };
/// let task = |id| TaskBuilder::command(id, "true").resources(resources::cpus_mem(0.6, 32.0));
/// let mut room = Room::of(&offer);
///
/// assert!(room.place(task("a")).is_some());
/// assert!(room.place(task("b")).is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Room<'a> {
    offer: &'a Offer,
    left: Resources,
}

impl<'a> Room<'a> {
    /// The whole offer.
    #[must_use]
    pub fn of(offer: &'a Offer) -> Self {
        let mut left = Resources::from_proto(&offer.resources);
        left.unallocate();
        Self { offer, left }
    }

    /// Whether everything is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether exactly these resources are left, reservations and volumes included.
    #[must_use]
    pub fn has(&self, wanted: &[Resource]) -> bool {
        self.left.contains(&Resources::from_proto(wanted))
    }

    /// Takes resources, and returns them as a task of this offer names them; none, when they are
    /// not all there.
    ///
    /// A wanted resource with a reservation or a volume must be there exactly so. Of any other one
    /// the amount counts: what is reserved for the role of the offer is taken first, then what is
    /// not reserved.
    pub fn take(&mut self, wanted: &[Resource]) -> Option<Vec<Resource>> {
        let is_exact =
            |resource: &&Resource| !resource.reservations.is_empty() || resource.disk.is_some();
        let (exact, plain): (Vec<_>, Vec<_>) = wanted.iter().partition(is_exact);
        let of = |resources: Vec<&Resource>| {
            Resources::from_proto(&resources.into_iter().cloned().collect::<Vec<_>>())
        };
        let exact = of(exact);
        if !self.left.contains(&exact) {
            return None;
        }
        let mut rest = self.left.clone();
        rest -= &exact;
        let amounts = rest.filter(|resource| !resource.is_persistent_volume());
        let mut found = amounts.find(&self.for_role(&of(plain)))?;
        rest -= &found;
        found += exact;
        self.left = rest;
        let mut taken = found.to_proto();
        for resource in &mut taken {
            resource
                .allocation_info
                .clone_from(&self.offer.allocation_info);
        }
        Some(taken)
    }

    /// Places a task: it gets the agent of the offer, and its resources from it. None, when they
    /// are not all there.
    pub fn place(&mut self, task: TaskBuilder) -> Option<TaskInfo> {
        let mut task = task.on(self.offer.agent_id());
        task.resources = self.take(&task.resources)?;
        Some(task)
    }

    fn for_role(&self, plain: &Resources) -> Resources {
        let role = self.offer.allocation_info().role();
        if role.is_empty() || role == "*" {
            return plain.clone();
        }
        plain.push_reservation(&Reservation {
            kind: ReservationKind::Static,
            role: Arc::from(role),
            principal: None,
            labels: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::AgentId;
    use mesos_proto::v1::resource::AllocationInfo;

    use super::*;
    use crate::resources;

    fn offer(resources: Vec<Resource>, role: &str) -> Offer {
        Offer {
            agent_id: Some(AgentId {
                value: Some("S0".into()),
                ..Default::default()
            }),
            allocation_info: Some(AllocationInfo {
                role: Some(role.into()),
                ..Default::default()
            }),
            resources,
            ..Default::default()
        }
    }

    fn task(id: &str) -> TaskBuilder {
        TaskBuilder::command(id, "true").resources(resources::cpus_mem(1.0, 64.0))
    }

    #[test]
    fn tasks_are_placed_until_the_offer_is_used_up() {
        let offer = offer(resources::cpus_mem(2.0, 128.0).to_vec(), "*");
        let mut room = Room::of(&offer);

        let placed = room.place(task("a")).unwrap();
        assert_eq!(placed.agent_id().value(), "S0");
        assert!(room.place(task("b")).is_some());

        assert!(room.is_empty());
        assert!(room.place(task("c")).is_none());
    }

    #[test]
    fn reserved_resources_of_the_role_go_first() {
        let mut all = resources::reserved(resources::cpus_mem(1.0, 64.0), "web", None);
        all.extend(resources::cpus_mem(1.0, 64.0));
        let offer = offer(all, "web");
        let mut room = Room::of(&offer);

        let placed = room.place(task("a")).unwrap();

        assert!(
            placed
                .resources
                .iter()
                .all(|one| one.reservations.len() == 1)
        );
        assert!(
            placed
                .resources
                .iter()
                .all(|one| one.allocation_info().role() == "web")
        );
        assert!(room.has(&resources::cpus_mem(1.0, 64.0)));
    }

    #[test]
    fn volume_is_taken_only_by_who_asks_for_it() {
        let disk = resources::reserved([resources::scalar("disk", 64.0)], "web", None);
        let volume = resources::volume(disk, "v", "data");
        let offer = offer(volume.clone(), "web");
        let mut room = Room::of(&offer);

        assert!(room.take(&[resources::scalar("disk", 1.0)]).is_none());
        let taken = room.take(&volume).unwrap();

        assert_eq!(taken[0].disk().persistence().id(), "v");
        assert!(room.is_empty());
    }
}
