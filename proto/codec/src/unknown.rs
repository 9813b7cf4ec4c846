//! Fields that a newer peer sent and this schema does not know.

use std::fmt;

/// Raw bytes of the unknown fields of one message, key and payload, in the order they came.
///
/// They take part in equality and are written behind the known fields, so that what is forwarded
/// or stored for others survives. One pointer wide; empty in almost every message.
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::box_collection,
    reason = "one pointer wide, since it lies in every message"
)]
pub struct UnknownFields(Option<Box<Vec<u8>>>);

impl UnknownFields {
    /// No unknown fields.
    pub const EMPTY: Self = Self(None);

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The fields as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Appends one field, key included.
    pub fn push(&mut self, field: &[u8]) {
        self.bytes_mut().extend_from_slice(field);
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        self.0.get_or_insert_default()
    }
}

impl fmt::Debug for UnknownFields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.as_bytes().len())
    }
}
