//! What is checked before the master acts, and what clients are told.
//!
//! Mirrors `src/master/validation.cpp` and `src/common/validation.cpp`.
//! All functions are pure; the first rule that fails decides.
//!
//! # Wire
//! Every text reaches clients and is a promise.

pub mod agent;
pub mod call;
pub mod command;
pub mod executor;
pub mod framework;
pub mod health;
pub mod offer;
pub mod operation;
pub mod resource;
pub mod task;

use std::borrow::Cow;
use std::fmt;

/// A broken rule: the text that the client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl From<&'static str> for Invalid {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Invalid {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// Whether a rule holds.
pub type Check = Result<(), Invalid>;

/// Fails with a text unless a condition holds.
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the condition itself is the argument"
)]
pub(crate) fn ensure(holds: bool, text: impl FnOnce() -> Invalid) -> Check {
    if holds { Ok(()) } else { Err(text()) }
}

/// Puts words in front of the text of a broken rule.
pub(crate) fn prefixed(result: Result<(), impl fmt::Display>, prefix: &str) -> Check {
    result.map_err(|error| Invalid::from(format!("{prefix}{error}")))
}

#[cfg(test)]
mod tests;
