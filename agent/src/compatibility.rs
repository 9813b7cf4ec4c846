//! Says whether an agent may go on with the checkpoint of one that was described differently.
//!
//! Mirrors `src/slave/compatibility.cpp`.

use mesos_common::{
    attributes::{AttributeValue, Attributes},
    resources::Resources,
};
use mesos_proto::v1;
use thiserror::Error;

/// How much may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    Equal,
    /// There may be more than before.
    Additive,
}

/// What changed that may not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Incompatible {
    /// Something, and nothing may.
    #[error("agent info has changed; the policy 'equal' allows no change")]
    Changed,
    /// A field that tells machines apart.
    #[error(
        "configuration change not permitted under 'additive' policy: {field} changed from {from} to {to}"
    )]
    Field {
        /// The field.
        field: &'static str,
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// There is less of a resource.
    #[error(
        "configuration change not permitted under 'additive' policy: resources changed from {from} to {to}"
    )]
    Resources {
        /// What there was.
        from: String,
        /// What there is.
        to: String,
    },
    /// An attribute is gone or says something else.
    #[error("configuration change not permitted under 'additive' policy: attribute '{0}' changed")]
    Attribute(String),
}

/// Compares two descriptions of an agent.
///
/// # Errors
/// [`Incompatible`] names the first change that the policy forbids.
pub fn compare(
    policy: Policy,
    old: &v1::AgentInfo,
    new: &v1::AgentInfo,
) -> Result<(), Incompatible> {
    match policy {
        Policy::Equal => equal(old, new),
        Policy::Additive => additive(old, new),
    }
}

fn equal(old: &v1::AgentInfo, new: &v1::AgentInfo) -> Result<(), Incompatible> {
    let same = old.hostname == new.hostname
        && old.port() == new.port()
        && old.id == new.id
        && old.domain == new.domain
        && Resources::from_proto(&old.resources) == Resources::from_proto(&new.resources)
        && attributes(old).iter().eq(attributes(new).iter())
        && old.attributes.len() == new.attributes.len();
    if same {
        Ok(())
    } else {
        Err(Incompatible::Changed)
    }
}

fn additive(old: &v1::AgentInfo, new: &v1::AgentInfo) -> Result<(), Incompatible> {
    let changed =
        |field, from: &dyn std::fmt::Display, to: &dyn std::fmt::Display| Incompatible::Field {
            field,
            from: from.to_string(),
            to: to.to_string(),
        };
    if old.hostname != new.hostname {
        return Err(changed("hostname", &old.hostname(), &new.hostname()));
    }
    if old.port() != new.port() {
        return Err(changed("port", &old.port(), &new.port()));
    }
    if old.domain.is_some() && old.domain != new.domain {
        return Err(changed("domain", &"one fault domain", &"another"));
    }
    let (before, now) = (
        Resources::from_proto(&old.resources),
        Resources::from_proto(&new.resources),
    );
    if !now.contains(&before) {
        return Err(Incompatible::Resources {
            from: before.to_string(),
            to: now.to_string(),
        });
    }
    let now = attributes(new);
    for attribute in attributes(old).iter() {
        let kept = now.first(attribute.name()).is_some_and(|found| {
            match (attribute.value(), found.value()) {
                (AttributeValue::Ranges(before), AttributeValue::Ranges(now)) => {
                    now.contains(before)
                }
                (before, now) => before == now,
            }
        });
        if !kept {
            return Err(Incompatible::Attribute(attribute.name().to_owned()));
        }
    }
    Ok(())
}

fn attributes(info: &v1::AgentInfo) -> Attributes {
    Attributes::from_proto(&info.attributes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(resources: &str, attributes: &str) -> v1::AgentInfo {
        v1::AgentInfo {
            hostname: Some("host".to_owned()),
            resources: Resources::parse(resources).expect("resources").to_proto(),
            attributes: Attributes::parse(attributes)
                .expect("attributes")
                .to_proto(),
            ..Default::default()
        }
    }

    /// Mirrors: SlaveCompatibilityTest.Equal
    #[test]
    fn equal_policy_forbids_every_change() {
        let old = agent("cpus:1;mem:10", "rack:r1");

        assert_eq!(compare(Policy::Equal, &old, &old), Ok(()));
        assert!(compare(Policy::Equal, &old, &agent("cpus:2;mem:10", "rack:r1")).is_err());
        assert!(compare(Policy::Equal, &old, &agent("cpus:1;mem:10", "rack:r2")).is_err());
    }

    /// Mirrors: SlaveCompatibilityTest.Additive
    #[test]
    fn additive_policy_allows_more_resources_and_not_less() {
        let old = agent("cpus:1;ports:[1-10]", "");

        assert_eq!(
            compare(
                Policy::Additive,
                &old,
                &agent("cpus:2;ports:[1-20];gpus:1", "")
            ),
            Ok(())
        );
        assert!(compare(Policy::Additive, &old, &agent("cpus:0.5;ports:[1-10]", "")).is_err());
        assert!(compare(Policy::Additive, &old, &agent("cpus:1;ports:[1-5]", "")).is_err());
    }

    #[test]
    fn additive_policy_allows_more_attributes_and_not_less() {
        let old = agent("cpus:1", "rack:r1;span:[1-5]");

        assert_eq!(
            compare(
                Policy::Additive,
                &old,
                &agent("cpus:1", "rack:r1;span:[1-9];new:x")
            ),
            Ok(())
        );
        assert!(
            compare(
                Policy::Additive,
                &old,
                &agent("cpus:1", "rack:r2;span:[1-5]")
            )
            .is_err()
        );
        assert!(compare(Policy::Additive, &old, &agent("cpus:1", "rack:r1")).is_err());
    }
    /// Mirrors: SlaveCompatibilityTest.AdditiveWithReservations
    #[test]
    fn additive_policy_looks_at_each_reservation() {
        let old = agent("foo(A):10;foo(B):20", "");
        let compare = |new: &str| compare(Policy::Additive, &old, &agent(new, ""));

        assert_eq!(compare("foo(A):20;foo(B):30"), Ok(()));
        assert!(compare("foo(A):5;foo(B):50").is_err());
    }

    /// Mirrors: SlaveCompatibilityTest.Disks
    #[test]
    fn additive_policy_allows_another_disk() {
        let plain = r#"{"name": "disk", "type": "SCALAR", "scalar": {"value": 868000}}"#;
        let mount = r#"{"name": "disk", "type": "SCALAR", "scalar": {"value": 1830000},
            "disk": {"source": {"type": "MOUNT", "mount": {"root": "/srv/mesos/volumes/a"}}}}"#;
        let one = agent(&format!("[{plain}]"), "");
        let two = agent(&format!("[{plain}, {mount}]"), "");

        assert_eq!(compare(Policy::Additive, &one, &two), Ok(()));
        assert_eq!(compare(Policy::Additive, &two, &two), Ok(()));
        assert!(compare(Policy::Additive, &two, &one).is_err());
    }
}
