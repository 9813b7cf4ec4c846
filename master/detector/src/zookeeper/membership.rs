//! A member of a group: one ephemeral sequential node.

use std::fmt;

/// A member; two are the same when their numbers are.
#[derive(Clone, Debug)]
pub struct Membership {
    sequence: i32,
    label: Option<String>,
}

impl Membership {
    /// Reads the name of a node; names that do not end in a number belong to nobody.
    #[must_use]
    pub fn from_node(name: &str) -> Option<Self> {
        let (label, number) = match name.split_once('_') {
            Some((label, _)) => (Some(label.to_owned()), name.rsplit('_').next()?),
            None => (None, name),
        };
        let sequence = number.parse().ok()?;
        Some(Self { sequence, label })
    }

    /// The number that ZooKeeper gave.
    #[must_use]
    pub fn sequence(&self) -> i32 {
        self.sequence
    }

    /// What stands before the number, such as `json.info`.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The name of the node.
    #[must_use]
    pub fn node(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(formatter, "{label}_")?;
        }
        write!(formatter, "{:010}", self.sequence)
    }
}

impl PartialEq for Membership {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Membership {}

impl PartialOrd for Membership {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Membership {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sequence.cmp(&other.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_name_is_a_label_and_a_number() {
        let member = Membership::from_node("json.info_0000000003").expect("a member");

        assert_eq!((member.label(), member.sequence()), (Some("json.info"), 3));
        assert_eq!(member.node(), "json.info_0000000003");
    }

    #[test]
    fn a_bare_number_has_no_label() {
        let member = Membership::from_node("0000000012").expect("a member");

        assert_eq!(
            (member.label(), member.node().as_str()),
            (None, "0000000012")
        );
    }

    #[test]
    fn the_folder_of_the_log_is_no_member() {
        assert_eq!(Membership::from_node("log_replicas"), None);
    }
}
