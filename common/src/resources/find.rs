//! Looking for given amounts among resources, whatever their reservations.

use crate::resource::Resource;
use crate::resources::Resources;

impl Resources {
    /// Finds as much of each name as `targets` asks for.
    ///
    /// The role of a target comes first, then unreserved resources, then any other role.
    #[must_use]
    pub fn find(&self, targets: &Self) -> Option<Self> {
        let mut total = Self::new();
        for target in targets {
            total += self.find_one(target)?;
        }
        Some(total)
    }

    fn find_one(&self, target: &Resource) -> Option<Self> {
        let mut found = Self::new();
        let mut total = self.clone();
        let mut remaining = Self::from(target.with_reservations(Vec::new()));

        for stage in [Stage::SameRole, Stage::Unreserved, Stage::Any] {
            for item in &total.filter(|item| stage.admits(item, target)) {
                let plain = Self::from(item.with_reservations(Vec::new()));
                if plain.contains(&remaining) {
                    found += remaining.reserved_like(item);
                    return Some(found);
                }
                if remaining.contains(&plain) {
                    found.add(item.clone());
                    total.subtract(item);
                    remaining -= &plain;
                    break;
                }
            }
        }
        None
    }

    /// The same amounts with the reservations of another resource.
    fn reserved_like(&self, pattern: &Resource) -> Self {
        let reservations = pattern.reservations();
        self.iter()
            .map(|item| item.with_reservations(reservations.to_vec()))
            .collect()
    }
}

#[derive(Clone, Copy)]
enum Stage {
    SameRole,
    Unreserved,
    Any,
}

impl Stage {
    fn admits(self, item: &Resource, target: &Resource) -> bool {
        match self {
            Self::SameRole => {
                target.is_reserved() && item.reservation_role() == target.reservation_role()
            }
            Self::Unreserved => !item.is_reserved(),
            Self::Any => true,
        }
    }
}
