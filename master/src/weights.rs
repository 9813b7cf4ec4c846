//! Weights of roles.
//!
//! Mirrors `src/master/weights.cpp`.

use mesos_common::roles;
use mesos_proto::v1::WeightInfo;

use crate::validation::{Check, ensure};

/// Why `--weights` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsFlagError {
    /// An entry is not `role=weight`.
    #[error("'{0}' is not of the form 'role=weight'")]
    Malformed(String),
    /// The role may not be used.
    #[error("'{entry}': {role} is not a valid role")]
    Role {
        /// The whole entry.
        entry: String,
        /// The role.
        role: String,
    },
    /// The weight is not a number above zero.
    #[error("'{0}': weights must be positive")]
    NotPositive(String),
}

/// The weights of `--weights`: `role=weight`, separated by commas; `known` tells whether a role
/// may be used.
///
/// # Errors
/// The first entry that cannot be used.
pub fn parse_flag(
    text: &str,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<WeightInfo>, WeightsFlagError> {
    text.split(',')
        .filter(|entry| !entry.is_empty())
        .map(|entry| parse_entry(entry, &known))
        .collect()
}

fn parse_entry(entry: &str, known: &impl Fn(&str) -> bool) -> Result<WeightInfo, WeightsFlagError> {
    let (role, weight) = entry
        .split_once('=')
        .ok_or_else(|| WeightsFlagError::Malformed(entry.to_owned()))?;
    let role = role.trim();
    if !known(role) || roles::validate(role).is_err() {
        return Err(WeightsFlagError::Role {
            entry: entry.to_owned(),
            role: role.to_owned(),
        });
    }
    let weight: f64 = weight.trim().parse().unwrap_or(0.0);
    if weight.is_nan() || weight <= 0.0 {
        return Err(WeightsFlagError::NotPositive(entry.to_owned()));
    }
    Ok(WeightInfo {
        role: Some(role.to_owned()),
        weight: Some(weight),
        ..Default::default()
    })
}

/// The rules on weights; `known` tells whether a role may be used.
///
/// # Errors
/// The first broken rule.
pub fn validate(weights: &[WeightInfo], known: impl Fn(&str) -> bool) -> Check {
    const PREFIX: &str = "Failed to validate update weights request JSON";
    for weight in weights {
        let role = weight.role().trim();
        roles::validate(role)
            .map_err(|error| format!("{PREFIX}: Invalid role '{role}': {error}"))?;
        ensure(known(role), || {
            format!("{PREFIX}: Unknown role '{role}'").into()
        })?;
        ensure(weight.weight() > 0.0, || {
            format!(
                "{PREFIX} for role '{role}': Invalid weight '{}': Weights must be positive",
                weight.weight()
            )
            .into()
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(role: &str, weight: f64) -> WeightInfo {
        WeightInfo {
            role: Some(role.to_owned()),
            weight: Some(weight),
            ..Default::default()
        }
    }

    #[test]
    fn flag_lists_roles_with_weights() {
        let weights = parse_flag("a=2,b=0.5", |_| true);

        assert_eq!(weights, Ok(vec![weight("a", 2.0), weight("b", 0.5)]));
    }

    #[test]
    fn flag_names_the_entry_that_is_wrong() {
        let known = |role: &str| role != "c";
        for (text, error) in [
            ("a=1,b", "'b' is not of the form 'role=weight'"),
            ("c=1", "'c=1': c is not a valid role"),
            ("a/../b=1", "'a/../b=1': a/../b is not a valid role"),
            ("a=0", "'a=0': weights must be positive"),
            ("a=two", "'a=two': weights must be positive"),
            ("a=NaN", "'a=NaN': weights must be positive"),
        ] {
            let refused = parse_flag(text, known).expect_err(text);

            assert_eq!(refused.to_string(), error);
        }
    }

    #[test]
    fn weight_that_is_not_a_positive_number_is_refused() {
        for bad in [0.0, -1.0, f64::NAN] {
            assert!(validate(&[weight("a", bad)], |_| true).is_err());
        }
    }

    #[test]
    fn bad_role_is_named() {
        let error = validate(&[weight("a/../b", 1.0)], |_| true).expect_err("a broken rule");

        assert_eq!(
            error.text(),
            "Failed to validate update weights request JSON: Invalid role 'a/../b': Role 'a/../b' \
             cannot include '..' as a component"
        );
    }
}
