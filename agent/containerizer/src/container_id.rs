//! Names a container by the chain of ids from its root.
//!
//! Mirrors `ContainerID` of `include/mesos/mesos.proto` and its helpers in `src/common/protobuf_utils.cpp`.
//!
//! # Invariants
//! - A chain has at least one member.

use std::{fmt, sync::Arc};

use mesos_proto::v1;
use thiserror::Error;
use uuid::Uuid;

/// A container id could not be taken from a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContainerIdError {
    /// A member of the chain has no value.
    #[error("'ContainerID.value' must be set")]
    Missing,
    /// A member of the chain breaks the rule for ids.
    #[error("'ContainerID.value' is invalid: '{value}'")]
    Invalid {
        /// The offending value.
        value: String,
    },
}

/// The id of a container: the root's id first, then each nested id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId {
    value: Arc<str>,
    parent: Option<Arc<ContainerId>>,
}

impl ContainerId {
    /// Names a root container.
    pub fn root_from(value: impl Into<Arc<str>>) -> Self {
        Self {
            value: value.into(),
            parent: None,
        }
    }

    /// Names a fresh root container by a random UUID.
    pub fn random() -> Self {
        Self::root_from(Uuid::new_v4().to_string())
    }

    /// Names a container nested in this one.
    pub fn child(&self, value: impl Into<Arc<str>>) -> Self {
        Self {
            value: value.into(),
            parent: Some(Arc::new(self.clone())),
        }
    }

    /// Returns the last member of the chain.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the id of the container around this one.
    pub fn parent(&self) -> Option<&ContainerId> {
        self.parent.as_deref()
    }

    /// Returns the outermost container.
    pub fn root(&self) -> &ContainerId {
        self.parent().map_or(self, ContainerId::root)
    }

    /// Says whether this container lies inside another.
    pub fn is_nested(&self) -> bool {
        self.parent.is_some()
    }

    /// Returns the chain, root first.
    pub fn chain(&self) -> Vec<&str> {
        let mut chain = self.parent().map(ContainerId::chain).unwrap_or_default();
        chain.push(&self.value);
        chain
    }

    /// Reads an id that a peer sent.
    ///
    /// # Errors
    /// [`ContainerIdError`] when a member is missing, empty or holds a character that ids may not hold.
    pub fn from_proto(proto: &v1::ContainerId) -> Result<Self, ContainerIdError> {
        let parent = match &proto.parent {
            Some(parent) => Some(Arc::new(Self::from_proto(parent)?)),
            None => None,
        };
        let value = proto.value.as_deref().ok_or(ContainerIdError::Missing)?;
        if !is_valid_value(value) {
            return Err(ContainerIdError::Invalid {
                value: value.to_owned(),
            });
        }
        Ok(Self {
            value: value.into(),
            parent,
        })
    }

    /// Writes the id as a message.
    pub fn to_proto(&self) -> v1::ContainerId {
        v1::ContainerId {
            value: Some(self.value.to_string()),
            parent: self.parent().map(|parent| parent.to_proto().into()),
            ..Default::default()
        }
    }
}

/// Container ids become directory names: at most 242 bytes, no separator, no white space, no `.`.
fn is_valid_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= 242
        && value != "."
        && value != ".."
        && !value
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '/' || c == '\\')
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent() {
            Some(parent) => write!(f, "{parent}.{}", self.value),
            None => f.write_str(&self.value),
        }
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: NestedMesosContainerizerTest.NestedContainerID
    #[test]
    fn ids_of_other_chains_differ() {
        let (one, other) = (ContainerId::random(), ContainerId::random());
        let nested = other.child(one.value());
        let known = std::collections::HashSet::from([other.clone(), nested.clone()]);

        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        assert_ne!(nested, one);
        assert!(known.contains(&other) && known.contains(&nested));
        assert!(!known.contains(&one));
        assert_eq!(one.to_string(), one.value());
        assert_eq!(
            nested.to_string(),
            format!("{}.{}", other.value(), one.value())
        );
    }

    #[test]
    fn nested_id_prints_its_chain() {
        let root = ContainerId::root_from("a");

        let nested = root.child("b").child("c");

        assert_eq!(nested.to_string(), "a.b.c");
        assert_eq!(nested.root(), &root);
        assert_eq!(nested.chain(), ["a", "b", "c"]);
    }

    #[test]
    fn id_survives_its_message() {
        let nested = ContainerId::root_from("a").child("b");

        assert_eq!(ContainerId::from_proto(&nested.to_proto()), Ok(nested));
    }

    #[test]
    fn value_that_would_leave_its_directory_is_refused() {
        for value in ["", ".", "..", "a/b", "a\\b", "a b", "a\u{7}"] {
            let proto = ContainerId::root_from(value).to_proto();

            assert_eq!(
                ContainerId::from_proto(&proto),
                Err(ContainerIdError::Invalid {
                    value: value.to_owned()
                })
            );
        }
    }
}
