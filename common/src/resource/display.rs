//! The text form of resources, as Mesos prints it.

use std::fmt;

use mesos_proto::v1;

use super::{
    Disk, DiskRoot, DiskSource, DiskSourceKind, Label, Reservation, ReservationKind, Resource,
    ResourceValue,
};

impl fmt::Display for ReservationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "STATIC",
            Self::Dynamic => "DYNAMIC",
        })
    }
}

impl fmt::Display for DiskSourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "PATH",
            Self::Mount => "MOUNT",
            Self::Block => "BLOCK",
            Self::Raw => "RAW",
        })
    }
}

fn write_labels(f: &mut fmt::Formatter<'_>, labels: &[Label]) -> fmt::Result {
    f.write_str("{")?;
    for (index, label) in labels.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        f.write_str(&label.key)?;
        if let Some(value) = &label.value {
            write!(f, ": {value}")?;
        }
    }
    f.write_str("}")
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.kind, self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{principal}")?;
        }
        if let Some(labels) = &self.labels {
            f.write_str(",")?;
            write_labels(f, labels)?;
        }
        Ok(())
    }
}

impl fmt::Display for DiskSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.id.is_some() || self.profile.is_some() {
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            return write!(
                f,
                "({},{},{})",
                text(&self.vendor),
                text(&self.id),
                text(&self.profile)
            );
        }
        let root = match self.kind {
            DiskSourceKind::Path => &self.path,
            DiskSourceKind::Mount => &self.mount,
            DiskSourceKind::Block | DiskSourceKind::Raw => &None,
        };
        match root {
            Some(DiskRoot(Some(root))) => write!(f, ":{root}"),
            Some(DiskRoot(None)) | None => Ok(()),
        }
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}")?;
        }
        if let Some(persistence) = &self.persistence {
            if self.source.is_some() {
                f.write_str(",")?;
            }
            f.write_str(&persistence.id)?;
        }
        let Some(volume) = &self.volume else {
            return Ok(());
        };
        f.write_str(":")?;
        if volume.host_path.is_none() {
            return f.write_str(volume.container_path());
        }
        write!(f, "{}:{}", volume.host_path(), volume.container_path())?;
        match volume.mode {
            Some(_) if volume.mode() == v1::volume::Mode::Rw => f.write_str(":rw"),
            Some(_) => f.write_str(":ro"),
            None => Ok(()),
        }
    }
}

/// Prints the text form of Mesos, without the number of copies.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if let Some(role) = &self.allocation {
            write!(f, "(allocated: {role})")?;
        }
        if self.is_reserved() {
            f.write_str("(reservations: [")?;
            for (index, reservation) in self.reservations().iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                write!(f, "{comma}({reservation})")?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = self.disk() {
            write!(f, "[{disk}]")?;
        }
        if self.is_revocable() {
            f.write_str("{REV}")?;
        }
        if self.is_shared() {
            f.write_str("<SHARED>")?;
        }
        match &self.value {
            ResourceValue::Scalar(amount) => write!(f, ":{amount}"),
            ResourceValue::Ranges(ranges) => write!(f, ":{ranges}"),
            ResourceValue::Set(set) => write!(f, ":{set}"),
        }
    }
}
