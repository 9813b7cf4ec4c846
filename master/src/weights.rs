//! Weights of roles.
//!
//! Mirrors `src/master/weights.cpp`.

use mesos_common::roles;
use mesos_proto::v1::WeightInfo;

use crate::validation::{Check, ensure};

/// The weights of `--weights`: `role=weight`, separated by commas; bad entries are left out.
#[must_use]
pub fn from_flag(text: Option<&str>) -> Vec<WeightInfo> {
    let Some(text) = text else { return Vec::new() };
    text.split(',')
        .filter_map(|entry| {
            let (role, weight) = entry.split_once('=')?;
            let weight: f64 = weight.trim().parse().ok()?;
            (weight > 0.0).then(|| WeightInfo {
                role: Some(role.trim().to_owned()),
                weight: Some(weight),
                ..Default::default()
            })
        })
        .collect()
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
        let weights = from_flag(Some("a=2,b=0.5"));

        assert_eq!(weights, vec![weight("a", 2.0), weight("b", 0.5)]);
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
