//! Changing the stack of reservations.

use crate::resource::{Reservation, Resource};
use crate::resources::Resources;

impl Resource {
    /// The resource with one reservation more, which must refine the last one.
    #[must_use]
    pub fn push_reservation(&self, reservation: &Reservation) -> Self {
        let mut reservations = self.reservations().to_vec();
        reservations.push(reservation.clone());
        self.with_reservations(reservations)
    }

    /// The resource with the last reservation gone.
    #[must_use]
    pub fn pop_reservation(&self) -> Self {
        let mut reservations = self.reservations().to_vec();
        reservations.pop();
        self.with_reservations(reservations)
    }
}

impl Resources {
    /// Adds a reservation on top of every element.
    #[must_use]
    pub fn push_reservation(&self, reservation: &Reservation) -> Self {
        self.iter()
            .map(|item| item.push_reservation(reservation))
            .collect()
    }

    /// Removes the top reservation of every element.
    #[must_use]
    pub fn pop_reservation(&self) -> Self {
        self.iter().map(Resource::pop_reservation).collect()
    }

    /// Removes all reservations.
    #[must_use]
    pub fn to_unreserved(&self) -> Self {
        if !self.iter().any(Resource::is_reserved) {
            return self.clone();
        }
        self.iter()
            .map(|item| item.with_reservations(Vec::new()))
            .collect()
    }

    /// The most refined form that both sides reach by dropping reservations.
    ///
    /// Both sides must be the same resources but for their reservations, else `None`.
    #[must_use]
    #[doc(alias = "getReservationAncestor")]
    pub fn reservation_ancestor(&self, other: &Self) -> Option<Self> {
        let (left, right) = (self.iter().next()?, other.iter().next()?);
        let plain = self.to_unreserved();
        if plain != other.to_unreserved() {
            return None;
        }
        let common = left.reservations().iter().zip(right.reservations());
        let common: Vec<Reservation> = common
            .take_while(|(left, right)| left == right)
            .map(|(left, _)| left.clone())
            .collect();
        Some(
            plain
                .iter()
                .map(|item| item.with_reservations(common.clone()))
                .collect(),
        )
    }
}
