//! What a resource is besides its amount: shared by all copies of it.
//!
//! Nearly every resource of a cluster is a plain one: it has a name and nothing else. Those of the common names are
//! the same values in the whole program, so that a hundred thousand agents do not keep a copy each.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use super::{Disk, Reservation};
use crate::resources::unknown::UnknownParts;

/// The names that agents give their resources by default.
static COMMON: LazyLock<[Meta; 5]> =
    LazyLock::new(|| ["cpus", "gpus", "mem", "disk", "ports"].map(|name| Meta::plain(name.into())));

/// Everything about a resource but its amount and its allocation.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub(crate) name: Arc<str>,
    pub(crate) reservations: Vec<Reservation>,
    pub(crate) disk: Option<Disk>,
    pub(crate) provider_id: Option<String>,
    pub(crate) revocable: bool,
    pub(crate) shared: bool,
    /// Of newer peers; does not take part in comparisons.
    pub(crate) unknown: Option<Arc<UnknownParts>>,
}

/// A [`Meta`] in shared memory.
#[derive(Clone, Debug)]
pub(crate) enum SharedMeta {
    /// Of a common name, and nothing else. It is not counted, so threads do not meet at it.
    Common(&'static Meta),
    /// Any other.
    Own(Arc<Meta>),
}

impl Meta {
    /// Nothing but a name.
    fn plain(name: Arc<str>) -> Self {
        Self {
            name,
            reservations: Vec::new(),
            disk: None,
            provider_id: None,
            revocable: false,
            shared: false,
            unknown: None,
        }
    }

    fn is_plain(&self) -> bool {
        self.reservations.is_empty()
            && self.disk.is_none()
            && self.provider_id.is_none()
            && !self.revocable
            && !self.shared
            && self.unknown.is_none()
    }

    pub(super) fn matches(&self, other: &Self) -> bool {
        self.name == other.name
            && self.revocable == other.revocable
            && self.shared == other.shared
            && self.reservations == other.reservations
            && self.provider_id == other.provider_id
            && self.disk == other.disk
    }
}

impl SharedMeta {
    pub(crate) fn new(meta: Meta) -> Self {
        match common(&meta.name).filter(|_| meta.is_plain()) {
            Some(common) => Self::Common(common),
            None => Self::Own(Arc::new(meta)),
        }
    }

    /// Nothing but a name.
    pub(crate) fn plain(name: Arc<str>) -> Self {
        match common(&name) {
            Some(common) => Self::Common(common),
            None => Self::Own(Arc::new(Meta::plain(name))),
        }
    }

    /// The name, in shared memory where it is a common one.
    pub(crate) fn name(name: &str) -> Arc<str> {
        common(name).map_or_else(|| name.into(), |common| Arc::clone(&common.name))
    }

    /// Whether two are the same memory: equal without comparing.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(&raw const **self, &raw const **other)
    }

    /// The same with a change.
    pub(super) fn changed(&self, change: impl FnOnce(&mut Meta)) -> Self {
        let mut meta = Meta::clone(self);
        change(&mut meta);
        Self::new(meta)
    }
}

impl Deref for SharedMeta {
    type Target = Meta;

    fn deref(&self) -> &Meta {
        match self {
            Self::Common(meta) => meta,
            Self::Own(meta) => meta,
        }
    }
}

fn common(name: &str) -> Option<&'static Meta> {
    COMMON.iter().find(|common| *common.name == *name)
}

#[cfg(test)]
mod tests {
    use crate::resource::Resource;
    use crate::resource::meta::SharedMeta;
    use crate::resources::parse_protos;
    use crate::scalar::Scalar;

    fn cpus() -> Resource {
        Resource::scalar_of("cpus", Scalar::from_f64(1.0))
    }

    #[test]
    fn plain_resources_of_common_names_share_what_they_are() {
        let parsed = parse_protos("cpus:4;ports:[1-2]", "*").expect("resources");
        let read: Vec<Resource> = parsed
            .iter()
            .map(|one| Resource::from_proto(one).expect("a resource"))
            .collect();

        assert!(
            read.iter()
                .all(|one| matches!(one.meta, SharedMeta::Common(_)))
        );
        assert!(read.iter().any(|one| one.meta.is_same(&cpus().meta)));
    }

    #[test]
    fn what_is_more_than_a_name_is_its_own_until_it_is_plain_again() {
        let parsed = parse_protos("cpus(a):4;bananas:2", "*").expect("resources");

        for one in &parsed {
            let read = Resource::from_proto(one).expect("a resource");
            assert!(matches!(read.meta, SharedMeta::Own(_)), "{read}");
        }
        let changed = cpus().meta.changed(|meta| meta.revocable = true);
        assert!(changed.revocable && !cpus().meta.revocable);
        assert!(matches!(changed, SharedMeta::Own(_)));
        let back = changed.changed(|meta| meta.revocable = false);
        assert!(back.is_same(&cpus().meta));
    }
}
