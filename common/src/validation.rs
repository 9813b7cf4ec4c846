//! Rules that master and agent share: on ids, on commands and on containers.
//!
//! Mirrors `src/common/validation.cpp`.
//!
//! # Wire
//! Clients see these texts in errors.

pub mod command;

use std::borrow::Cow;
use std::fmt;

use mesos_proto::v1;

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
///
/// # Errors
/// The text.
#[expect(
    clippy::fn_params_excessive_bools,
    reason = "the condition itself is the argument"
)]
pub fn ensure(holds: bool, text: impl FnOnce() -> Invalid) -> Check {
    if holds { Ok(()) } else { Err(text()) }
}

/// Puts words in front of the text of a broken rule.
///
/// # Errors
/// The text with the words.
pub fn prefixed(result: Result<(), impl fmt::Display>, prefix: &str) -> Check {
    result.map_err(|error| Invalid::from(format!("{prefix}{error}")))
}

/// The longest id in bytes: the longest name of a file.
pub const MAX_ID_LENGTH: usize = 255;

/// The longest container id in bytes.
pub const MAX_CONTAINER_ID_LENGTH: usize = 242;

/// Why a text is not an id. The texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There is no text.
    #[error("ID must not be empty")]
    Empty,
    /// The text is too long for the name of a directory.
    #[error("ID must not be greater than 255 characters")]
    TooLong,
    /// The text is `.` or `..`.
    #[error("'{0}' is disallowed")]
    Disallowed(String),
    /// The text holds a control character or a slash of either kind.
    #[error("'{0}' contains invalid characters")]
    InvalidCharacters(String),
}

/// Why a container id is refused. The texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContainerIdError {
    /// It is no id at all.
    #[error(transparent)]
    Id(#[from] IdError),
    /// It is too long.
    #[error("'ContainerID.value' '{0}' exceeds the maximum length (242)")]
    TooLong(String),
    /// It holds a dot or a blank.
    #[error("'ContainerID.value' '{0}' contains invalid characters")]
    InvalidCharacters(String),
    /// The parent, or one of its parents, is refused.
    #[error("'ContainerID.parent' is invalid: {0}")]
    Parent(Box<Self>),
}

/// Checks the text of an id that becomes the name of a directory.
///
/// # Errors
/// [`IdError`] says what is wrong.
pub fn validate_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_LENGTH {
        return Err(IdError::TooLong);
    }
    if id == "." || id == ".." {
        return Err(IdError::Disallowed(id.to_owned()));
    }
    if id
        .bytes()
        .any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\')
    {
        return Err(IdError::InvalidCharacters(id.to_owned()));
    }
    Ok(())
}

/// Checks a container id and its parents.
///
/// # Errors
/// [`ContainerIdError`] says what is wrong.
pub fn validate_container_id(id: &v1::ContainerId) -> Result<(), ContainerIdError> {
    let value = id.value();
    validate_id(value)?;
    if value.len() > MAX_CONTAINER_ID_LENGTH {
        return Err(ContainerIdError::TooLong(value.to_owned()));
    }
    if value.contains(['.', ' ']) {
        return Err(ContainerIdError::InvalidCharacters(value.to_owned()));
    }
    if id.parent.is_some() {
        return validate_container_id(id.parent())
            .map_err(|cause| ContainerIdError::Parent(Box::new(cause)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(value: &str) -> v1::ContainerId {
        v1::ContainerId {
            value: Some(value.to_owned()),
            ..Default::default()
        }
    }

    #[track_caller]
    fn refused(id: &str, why: &str) {
        assert_eq!(validate_id(id).expect_err(id).to_string(), why);
    }

    #[test]
    fn ids_that_are_no_file_names_are_refused() {
        refused("", "ID must not be empty");
        refused(
            &"x".repeat(256),
            "ID must not be greater than 255 characters",
        );
        refused(".", "'.' is disallowed");
        refused("..", "'..' is disallowed");
        refused("a/b", "'a/b' contains invalid characters");
        refused("a\\b", "'a\\b' contains invalid characters");
        refused("a\nb", "'a\nb' contains invalid characters");
        refused("a\u{7f}", "'a\u{7f}' contains invalid characters");
    }

    #[test]
    fn blanks_dots_and_other_alphabets_are_fine() {
        for id in ["a", "...", "a b", "ä", "a.b", &"x".repeat(255)] {
            assert_eq!(validate_id(id), Ok(()), "{id}");
        }
    }

    /// Mirrors: AgentValidationTest.ContainerID
    #[test]
    fn container_ids_allow_less_and_name_a_bad_parent() {
        let long = "x".repeat(243);
        let mut child = container("redis");
        child.parent = Some(container("a b").into());

        assert_eq!(validate_container_id(&container("redis-1_2")), Ok(()));
        assert_eq!(
            validate_container_id(&container("a.b"))
                .expect_err("dot")
                .to_string(),
            "'ContainerID.value' 'a.b' contains invalid characters"
        );
        assert_eq!(
            validate_container_id(&container(&long))
                .expect_err("long")
                .to_string(),
            format!("'ContainerID.value' '{long}' exceeds the maximum length (242)")
        );
        assert_eq!(
            validate_container_id(&child)
                .expect_err("parent")
                .to_string(),
            "'ContainerID.parent' is invalid: 'ContainerID.value' 'a b' contains invalid characters"
        );
    }
}
