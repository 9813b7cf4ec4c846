//! The ways in which a future ends.

/// How a [`Future`](crate::Future) ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The value came.
    Ready(T),
    /// The producer failed, with a text.
    Failed(String),
    /// The producer honoured a discard.
    Discarded,
    /// The producer went away without a word.
    Abandoned,
}

impl<T> Outcome<T> {
    /// The value, if it came.
    pub fn ready(self) -> Option<T> {
        match self {
            Self::Ready(value) => Some(value),
            Self::Failed(_) | Self::Discarded | Self::Abandoned => None,
        }
    }

    /// Whether the value came.
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// The failure's text, if there is one.
    pub fn failure(&self) -> Option<&str> {
        match self {
            Self::Failed(text) => Some(text),
            Self::Ready(_) | Self::Discarded | Self::Abandoned => None,
        }
    }

    /// Turns the value and keeps the other cases.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Ready(value) => Outcome::Ready(f(value)),
            Self::Failed(text) => Outcome::Failed(text),
            Self::Discarded => Outcome::Discarded,
            Self::Abandoned => Outcome::Abandoned,
        }
    }
}
