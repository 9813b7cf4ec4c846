//! Fields of a resource that a newer peer sent and this version does not know.
//!
//! They travel with the resource through the algebra, so that what is offered, reserved and stored
//! keeps them. They take no part in comparisons: of two resources that merge, the first one's stay.

use std::sync::Arc;

use mesos_proto::v1;
use mesos_proto_codec::UnknownFields;

/// The unknown fields of a resource and of its parts; those of amounts and allocations are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnknownParts {
    resource: UnknownFields,
    provider: UnknownFields,
    revocable: UnknownFields,
    shared: UnknownFields,
    /// By the place in the stack of reservations.
    reservations: Vec<UnknownFields>,
    disk: DiskParts,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DiskParts {
    disk: UnknownFields,
    persistence: UnknownFields,
    source: UnknownFields,
    path: UnknownFields,
    mount: UnknownFields,
}

impl UnknownParts {
    /// What is unknown of a resource; `None`, as nearly always, when nothing is.
    pub(crate) fn of(resource: &v1::Resource) -> Option<Arc<Self>> {
        let mut reservations: Vec<UnknownFields> = resource
            .reservations
            .iter()
            .map(|reservation| reservation.unknown.clone())
            .collect();
        if reservations.is_empty() {
            let old = resource.reservation.iter();
            reservations = old.map(|reservation| reservation.unknown.clone()).collect();
        }
        if reservations.iter().all(UnknownFields::is_empty) {
            reservations.clear();
        }
        let parts = Self {
            resource: resource.unknown.clone(),
            provider: resource.provider_id().unknown.clone(),
            revocable: resource.revocable().unknown.clone(),
            shared: resource.shared().unknown.clone(),
            reservations,
            disk: DiskParts {
                disk: resource.disk().unknown.clone(),
                persistence: resource.disk().persistence().unknown.clone(),
                source: resource.disk().source().unknown.clone(),
                path: resource.disk().source().path().unknown.clone(),
                mount: resource.disk().source().mount().unknown.clone(),
            },
        };
        (parts != Self::default()).then(|| Arc::new(parts))
    }

    /// Writes them into those parts that the resource has.
    pub(crate) fn put(&self, resource: &mut v1::Resource) {
        resource.unknown = self.resource.clone();
        if let Some(provider) = &mut resource.provider_id {
            provider.unknown = self.provider.clone();
        }
        if let Some(revocable) = &mut resource.revocable {
            revocable.unknown = self.revocable.clone();
        }
        if let Some(shared) = &mut resource.shared {
            shared.unknown = self.shared.clone();
        }
        for (reservation, unknown) in resource.reservations.iter_mut().zip(&self.reservations) {
            reservation.unknown = unknown.clone();
        }
        let Some(disk) = &mut resource.disk else {
            return;
        };
        disk.unknown = self.disk.disk.clone();
        if let Some(persistence) = &mut disk.persistence {
            persistence.unknown = self.disk.persistence.clone();
        }
        let Some(source) = &mut disk.source else {
            return;
        };
        source.unknown = self.disk.source.clone();
        if let Some(path) = &mut source.path {
            path.unknown = self.disk.path.clone();
        }
        if let Some(mount) = &mut source.mount {
            mount.unknown = self.disk.mount.clone();
        }
    }

    /// Forgets those of reservations that were taken off the stack.
    pub(crate) fn keep_reservations(&mut self, count: usize) {
        self.reservations.truncate(count);
    }

    /// Forgets those of a disk that was replaced.
    pub(crate) fn forget_disk(&mut self) {
        self.disk = DiskParts::default();
    }

    /// Forgets those of a volume that was destroyed.
    pub(crate) fn forget_volume(&mut self) {
        self.disk.disk = UnknownFields::EMPTY;
        self.disk.persistence = UnknownFields::EMPTY;
    }
}
