//! Roles: valid names and their tree.
//!
//! Mirrors `src/common/roles.cpp`.
//!
//! # Wire
//! Clients see the texts of errors.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The role of resources that are reserved for nobody.
pub const DEFAULT_ROLE: &str = "*";

/// A valid role. Roles form a tree: `a/b` is a subrole of `a`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

/// Why a text is not a role. The texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// It starts with a slash.
    #[error("Role '{0}' cannot start with a slash")]
    LeadingSlash(String),
    /// It ends with a slash.
    #[error("Role '{0}' cannot end with a slash")]
    TrailingSlash(String),
    /// Two slashes follow each other.
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// There is no text.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// A part between slashes is `.`, `..` or `*`.
    #[error("Role '{role}' cannot include '{component}' as a component")]
    Component {
        /// The whole role.
        role: String,
        /// The part.
        component: String,
    },
    /// A part starts with a dash.
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    LeadingDash(String),
    /// A part holds a blank or a delete character.
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Whitespace(String),
}

/// Checks the name of a role.
///
/// # Errors
/// [`RoleError`] says what is wrong.
pub fn validate(role: &str) -> Result<(), RoleError> {
    if role == DEFAULT_ROLE {
        return Ok(());
    }
    if role.starts_with('/') {
        return Err(RoleError::LeadingSlash(role.to_owned()));
    }
    if role.ends_with('/') {
        return Err(RoleError::TrailingSlash(role.to_owned()));
    }
    if role.contains("//") {
        return Err(RoleError::AdjacentSlashes(role.to_owned()));
    }
    if role.is_empty() {
        return Err(RoleError::Empty);
    }
    role.split('/')
        .try_for_each(|component| validate_component(role, component))
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    if matches!(component, "." | ".." | "*") {
        return Err(RoleError::Component {
            role: role.to_owned(),
            component: component.to_owned(),
        });
    }
    if component.starts_with('-') {
        return Err(RoleError::LeadingDash(component.to_owned()));
    }
    let refused = |byte: u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0x7f);
    if component.bytes().any(refused) {
        return Err(RoleError::Whitespace(component.to_owned()));
    }
    Ok(())
}

/// Reads roles parted by commas; empty parts are skipped.
///
/// # Errors
/// The first [`RoleError`].
pub fn parse_list(text: &str) -> Result<Vec<Role>, RoleError> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect()
}

/// Whether `role` lies below `ancestor` in the tree of roles.
#[must_use]
pub fn is_strict_subrole(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The roles above `role`, the nearest first.
pub fn ancestors(role: &str) -> impl Iterator<Item = &str> {
    role.rmatch_indices('/')
        .filter_map(move |(end, _)| role.get(..end))
}

impl Role {
    /// The role `*`.
    #[must_use]
    pub fn star() -> Self {
        Self(Arc::from(DEFAULT_ROLE))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this role lies below another one.
    #[must_use]
    pub fn is_strict_subrole_of(&self, ancestor: &Self) -> bool {
        is_strict_subrole(&self.0, &ancestor.0)
    }

    /// The roles above this one, the nearest first.
    #[must_use]
    pub fn ancestors(&self) -> Vec<Self> {
        ancestors(&self.0)
            .map(|text| Self(Arc::from(text)))
            .collect()
    }
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        validate(text)?;
        Ok(Self(Arc::from(text)))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Role({})", self.0)
    }
}

impl std::borrow::Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(role: &str, why: &str) {
        assert_eq!(validate(role).expect_err(role).to_string(), why);
    }

    /// Mirrors: RoleTest.Validate
    #[test]
    fn valid_names_pass() {
        for role in [
            "*", "role", "...", "foo-", "$", "\\a", "a/b", "a/b/c-d", "*x", "a/.b",
        ] {
            assert_eq!(validate(role), Ok(()), "{role}");
        }
    }

    /// Mirrors: RoleTest.Validate
    #[test]
    fn invalid_names_are_refused_with_the_text_of_mesos() {
        refused("", "Role names cannot be the empty string");
        refused("/a", "Role '/a' cannot start with a slash");
        refused("/", "Role '/' cannot start with a slash");
        refused("a/", "Role 'a/' cannot end with a slash");
        refused("a//b", "Role 'a//b' cannot contain two adjacent slashes");
        refused(".", "Role '.' cannot include '.' as a component");
        refused("a/..", "Role 'a/..' cannot include '..' as a component");
        refused("a/*", "Role 'a/*' cannot include '*' as a component");
        refused(
            "-foo",
            "Role component '-foo' is invalid because it starts with a dash",
        );
        refused(
            "a/-b",
            "Role component '-b' is invalid because it starts with a dash",
        );
        for bad in [
            "f o", "f\to", "f\no", "f\u{b}o", "f\u{c}o", "f\ro", "f\u{7f}o",
        ] {
            refused(
                bad,
                &format!(
                    "Role component '{bad}' is invalid because it contains backspace or whitespace"
                ),
            );
        }
    }

    /// Mirrors: RoleTest.Parsing
    #[test]
    fn lists_are_parted_by_commas() {
        let roles = parse_list("foo,bar,,*").expect("valid");

        assert_eq!(
            roles.iter().map(Role::as_str).collect::<Vec<_>>(),
            ["foo", "bar", "*"]
        );
        assert!(parse_list("foo,-bar").is_err());
        assert_eq!(parse_list(""), Ok(Vec::new()));
    }

    /// Mirrors: RoleTest.isStrictSubroleOf
    #[test]
    fn subroles_lie_behind_a_slash() {
        assert!(is_strict_subrole("foo/bar", "foo"));
        assert!(is_strict_subrole("foo/bar/baz", "foo"));
        assert!(is_strict_subrole("foo/bar/baz", "foo/bar"));
        assert!(!is_strict_subrole("foo", "foo"));
        assert!(!is_strict_subrole("foobar", "foo"));
        assert!(!is_strict_subrole("foo", "foo/bar"));
        assert!(!is_strict_subrole("foo/ba", "foo/bar"));
    }

    /// Mirrors: RoleTest.Ancestors
    #[test]
    fn ancestors_come_nearest_first() {
        assert_eq!(ancestors("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(ancestors("a").count(), 0);
    }
}
