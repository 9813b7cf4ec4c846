//! What a framework says about itself.

use std::collections::BTreeSet;

use mesos_common::ids::FrameworkId;
use mesos_common::resources::value_text::validate_input_scalar;
use mesos_common::roles;
use mesos_common::validation::validate_id;
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as Capability;

use super::{Check, Invalid, ensure, prefixed};
use crate::state::framework::roles_of;

/// What a framework is checked against.
pub trait FrameworkRules {
    /// Whether a role may be used.
    fn is_whitelisted(&self, role: &str) -> bool;
    /// Whether `root` may run frameworks.
    fn allows_root(&self) -> bool;
    /// Whether a framework with this id was removed.
    fn is_completed(&self, id: &FrameworkId) -> bool;
}

/// The rules that hold wherever a `FrameworkInfo` comes from.
///
/// # Errors
/// The first broken rule.
pub fn validate_info(info: &v1::FrameworkInfo) -> Check {
    let multi_role = info
        .capabilities
        .iter()
        .any(|capability| capability.r#type() == Capability::MultiRole);
    if multi_role {
        ensure(info.role.is_none(), || {
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".into()
        })?;
        let repeated: BTreeSet<&str> = info
            .roles
            .iter()
            .enumerate()
            .filter(|(index, role)| {
                info.roles
                    .iter()
                    .take(*index)
                    .any(|earlier| earlier == *role)
            })
            .map(|(_, role)| role.as_str())
            .collect();
        ensure(repeated.is_empty(), || {
            let list: Vec<&str> = repeated.into_iter().collect();
            format!(
                "'FrameworkInfo.roles' contains duplicate items: {}",
                set(&list)
            )
            .into()
        })?;
        for role in &info.roles {
            prefixed(
                roles::validate(role),
                "'FrameworkInfo.roles' contains invalid role: ",
            )?;
        }
    } else {
        ensure(info.roles.is_empty(), || {
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
                .into()
        })?;
        prefixed(
            roles::validate(info.role()),
            "'FrameworkInfo.role' is not a valid role: ",
        )?;
    }
    let id = info.id().value();
    if !id.is_empty() {
        prefixed(validate_id(id), "")?;
    }
    validate_offer_filters(info)
}

fn validate_offer_filters(info: &v1::FrameworkInfo) -> Check {
    for filters in info.offer_filters.values() {
        for quantities in &filters.min_allocatable_resources().quantities {
            ensure(!quantities.quantities.is_empty(), || {
                "Resource quantities must contain at least one quantity".into()
            })?;
            for (name, scalar) in &quantities.quantities {
                let prefix = format!("Invalid resource quantity for '{name}': ");
                prefixed(validate_input_scalar(scalar.value()), &prefix)?;
            }
        }
    }
    Ok(())
}

/// All rules for a framework that subscribes or updates itself.
///
/// # Errors
/// The first broken rule.
pub fn validate(
    info: &v1::FrameworkInfo,
    suppressed: &BTreeSet<String>,
    rules: &impl FrameworkRules,
) -> Check {
    validate_info(info)?;
    let roles = roles_of(info);
    let unknown: Vec<&str> = roles
        .iter()
        .map(String::as_str)
        .filter(|role| !rules.is_whitelisted(role))
        .collect();
    ensure(unknown.is_empty(), || {
        format!(
            "Roles {} are not present in the master's --roles",
            set(&unknown)
        )
        .into()
    })?;
    for role in suppressed {
        ensure(roles.contains(role), || {
            format!("Suppressed role '{role}' is not contained in the list of roles").into()
        })?;
    }
    ensure(info.user() != "root" || rules.allows_root(), || {
        "User 'root' is not allowed to run frameworks without --root_submissions set".into()
    })?;
    let id = FrameworkId::from(info.id());
    ensure(id.as_str().is_empty() || !rules.is_completed(&id), || {
        Invalid::from("Framework has been removed")
    })?;
    let nanoseconds = info.failover_timeout() * 1e9;
    ensure(nanoseconds.abs() < 9_223_372_036_854_775_807.0, || {
        format!(
            "The framework failover_timeout ({}) is invalid",
            six_digits(info.failover_timeout())
        )
        .into()
    })
}

/// A number too large for a timeout, with six digits as C++ streams write it.
fn six_digits(seconds: f64) -> String {
    let text = format!("{seconds:.5e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent.starts_with('-') { "" } else { "+" };
    format!("{digits}e{sign}{exponent}")
}

/// What may not change when a known framework updates itself.
///
/// # Errors
/// The first broken rule.
pub fn validate_update(old: &v1::FrameworkInfo, new: &v1::FrameworkInfo) -> Check {
    ensure(old.principal() == new.principal(), || {
        "Changing framework's principal is not allowed.".into()
    })?;
    ensure(old.user() == new.user(), || {
        format!(
            "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '{}' to '{}'",
            old.user(),
            new.user()
        )
        .into()
    })?;
    ensure(old.checkpoint() == new.checkpoint(), || {
        format!(
            "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '{}' \
             to '{}'",
            old.checkpoint(),
            new.checkpoint()
        )
        .into()
    })
}

/// A set as texts show it.
#[must_use]
pub(crate) fn set(items: &[&str]) -> String {
    if items.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", items.join(", "))
    }
}

#[cfg(test)]
mod tests;
