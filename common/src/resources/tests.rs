//! Helpers of the tests of resources.

use super::*;
use crate::resource::{
    Disk, DiskRoot, DiskSource, DiskSourceKind, Label, Persistence, Reservation, ReservationKind,
};
use mesos_proto::v1;

mod amounts;
mod collections;
mod disks;
mod formats;
mod laws;
mod newer_peers;
mod operations;
mod parsing;
mod shared;

fn parse(text: &str) -> Resources {
    Resources::parse(text).expect("resources")
}

fn one(text: &str) -> Resource {
    parse(text).iter().next().expect("one resource").clone()
}

fn sum(all: &[&Resources]) -> Resources {
    all.iter().copied().sum()
}

fn dynamic(role: &str, principal: &str) -> Reservation {
    Reservation {
        kind: ReservationKind::Dynamic,
        role: role.into(),
        principal: Some(principal.to_owned()),
        labels: None,
    }
}

fn labelled(role: &str, principal: &str, value: &str) -> Reservation {
    let label = Label {
        key: "foo".to_owned(),
        value: Some(value.to_owned()),
    };
    Reservation {
        labels: Some(vec![label]),
        ..dynamic(role, principal)
    }
}

fn fixed(role: &str) -> Reservation {
    Reservation {
        kind: ReservationKind::Static,
        role: role.into(),
        principal: None,
        labels: None,
    }
}

fn reserved(text: &str, reservation: &Reservation) -> Resources {
    parse(text).push_reservation(reservation)
}

fn source(kind: DiskSourceKind, root: &str) -> DiskSource {
    let root = Some(DiskRoot(Some(root.to_owned())));
    DiskSource {
        kind,
        path: root.clone().filter(|_| kind == DiskSourceKind::Path),
        mount: root.filter(|_| kind == DiskSourceKind::Mount),
        vendor: None,
        id: None,
        metadata: None,
        profile: None,
    }
}

fn volume_at(path: &str) -> Option<Arc<v1::Volume>> {
    let volume = v1::Volume {
        container_path: Some(path.to_owned()),
        ..Default::default()
    };
    Some(Arc::new(volume))
}

/// Disk of a role; `*` is unreserved, and empty texts leave the volume or the identity out.
fn disk(size: &str, role: &str, id: &str, path: &str) -> Resource {
    disk_from(None, size, role, id, path)
}

fn disk_from(source: Option<DiskSource>, size: &str, role: &str, id: &str, path: &str) -> Resource {
    let plain = if role == "*" {
        format!("disk:{size}")
    } else {
        format!("disk({role}):{size}")
    };
    let plain = one(&plain);
    if source.is_none() && id.is_empty() && path.is_empty() {
        return plain;
    }
    let persistence = Persistence {
        id: id.to_owned(),
        principal: None,
    };
    plain.with_disk(Some(Disk {
        source,
        persistence: Some(persistence).filter(|_| !id.is_empty()),
        volume: volume_at(path).filter(|_| !path.is_empty()),
    }))
}

fn shared_disk(size: &str, role: &str, id: &str) -> Resource {
    disk(size, role, id, "path").into_shared()
}
