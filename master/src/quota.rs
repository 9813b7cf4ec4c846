//! Quota: how much a role is guaranteed, and how much it may have.
//!
//! Mirrors `src/master/quota.cpp`.

mod tree;

use std::collections::BTreeMap;

use mesos_allocator::Quota;
use mesos_common::resource_quantities::ResourceLimits;
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::validate_resources;
use mesos_common::resources::value_text::validate_input_scalar;
use mesos_common::roles;
use mesos_common::scalar::Scalar;
use mesos_proto::v1;
use mesos_proto::v1::quota::{QuotaConfig, QuotaInfo};

use crate::validation::{Check, ensure, prefixed};

pub use tree::{QuotaTree, QuotaTreeError};

const MAX_MEGABYTES: f64 = 1_099_511_627_776.0;
const MAX_AMOUNT: f64 = 1e12;

/// The configuration that an old quota stands for: limits equal guarantees.
#[must_use]
pub fn config_of_info(info: &QuotaInfo) -> QuotaConfig {
    let amounts: BTreeMap<String, v1::value::Scalar> = info
        .guarantee
        .iter()
        .map(|resource| (resource.name().to_owned(), resource.scalar().clone()))
        .collect();
    QuotaConfig {
        role: Some(info.role().to_owned()),
        guarantees: amounts.clone(),
        limits: amounts,
        ..Default::default()
    }
}

/// The quota that a configuration asks for.
#[must_use]
pub fn quota_of(config: &QuotaConfig) -> Quota {
    let mut guarantees = ResourceQuantities::default();
    for (name, amount) in &config.guarantees {
        guarantees.add_amount(name, Scalar::from_f64(amount.value()));
    }
    let mut limits = ResourceLimits::default();
    for (name, amount) in &config.limits {
        limits.set(name, Scalar::from_f64(amount.value()));
    }
    Quota { guarantees, limits }
}

/// Amounts as the configuration has them.
#[must_use]
pub fn scalars_of<'a>(
    amounts: impl IntoIterator<Item = (&'a std::sync::Arc<str>, Scalar)>,
) -> BTreeMap<String, v1::value::Scalar> {
    amounts
        .into_iter()
        .map(|(name, amount)| {
            let scalar = v1::value::Scalar {
                value: Some(amount.to_f64()),
                ..Default::default()
            };
            (name.to_string(), scalar)
        })
        .collect()
}

/// A role's quota as the operator API shows it.
#[must_use]
pub fn config_of(role: &str, quota: &Quota) -> QuotaConfig {
    QuotaConfig {
        role: Some(role.to_owned()),
        guarantees: scalars_of(quota.guarantees.iter()),
        limits: scalars_of(quota.limits.iter()),
        ..Default::default()
    }
}

/// A role's guarantees as the old endpoint shows them.
#[must_use]
pub fn info_of(role: &str, quota: &Quota) -> QuotaInfo {
    let guarantee = quota
        .guarantees
        .iter()
        .map(|(name, amount)| v1::Resource {
            name: Some(name.to_string()),
            r#type: Some(v1::value::Type::Scalar.into()),
            scalar: Some(v1::value::Scalar {
                value: Some(amount.to_f64()),
                ..Default::default()
            }),
            ..Default::default()
        })
        .collect();
    QuotaInfo {
        role: Some(role.to_owned()),
        guarantee,
        ..Default::default()
    }
}

/// The rules on one configuration that need no other knowledge.
///
/// # Errors
/// The first broken rule.
pub fn validate_config(config: &QuotaConfig) -> Check {
    let role = config.role();
    ensure(config.role.is_some(), || {
        "Invalid QuotaConfig: 'QuotaConfig.role' must be set".into()
    })?;
    prefixed(
        roles::validate(role),
        "Invalid QuotaConfig: Invalid 'QuotaConfig.role': ",
    )?;
    check_amounts(&config.guarantees, "guarantees", "guarantee")?;
    check_amounts(&config.limits, "limits", "limit")?;
    let exceeded = config.guarantees.iter().any(|(name, guarantee)| {
        config
            .limits
            .get(name)
            .is_some_and(|limit| limit.value() < guarantee.value())
    });
    ensure(!exceeded, || {
        format!(
            "Invalid QuotaConfig: 'QuotaConfig.guarantees' {} is not contained within the \
             'QuotaConfig.limits' {}",
            show(&config.guarantees),
            show(&config.limits)
        )
        .into()
    })
}

fn check_amounts(
    amounts: &BTreeMap<String, v1::value::Scalar>,
    field: &str,
    name_of_one: &str,
) -> Check {
    for (name, scalar) in amounts {
        let value = scalar.value();
        let shown = format!("{{'{name}': {}}}", shown_amount(value));
        let megabytes = name == "mem" || name == "disk";
        ensure(!(megabytes && value > MAX_MEGABYTES), || {
            format!(
                "Invalid QuotaConfig: Invalid 'QuotaConfig.{field}': {shown} is invalid: values \
                 greater than 1 exabyte (1099511627776) are not supported"
            )
            .into()
        })?;
        ensure(megabytes || value <= MAX_AMOUNT || value.is_nan(), || {
            format!(
                "Invalid QuotaConfig: Invalid 'QuotaConfig.{field}': {shown} is invalid: values \
                 greater than 1 trillion (1000000000000) are not supported"
            )
            .into()
        })?;
        let prefix = format!("Invalid QuotaConfig: Invalid {name_of_one} configuration {shown}: ");
        prefixed(validate_input_scalar(value), &prefix)?;
    }
    Ok(())
}

/// An amount; what does not fit into thousandths shows as it does in Mesos, where it overflows.
fn shown_amount(value: f64) -> String {
    if (value * 1000.0).abs() >= 9_223_372_036_854_775_807.0 {
        "-9.22337203685478e+15".to_owned()
    } else {
        value.to_string()
    }
}

fn show(amounts: &BTreeMap<String, v1::value::Scalar>) -> String {
    let parts: Vec<String> = amounts
        .iter()
        .map(|(name, scalar)| format!("{name}: {}", scalar.value()))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

/// The rules on an old quota.
///
/// # Errors
/// The first broken rule.
pub fn validate_info(info: &QuotaInfo) -> Check {
    prefixed(
        validate_resources(&info.guarantee),
        "QuotaInfo with invalid resource: ",
    )?;
    ensure(info.role.is_some(), || {
        "QuotaInfo must specify a role".into()
    })?;
    prefixed(
        roles::validate(info.role()),
        "QuotaInfo with invalid role: ",
    )?;
    ensure(!info.guarantee.is_empty(), || {
        "QuotaInfo with empty 'guarantee'".into()
    })?;
    let mut names = std::collections::BTreeSet::new();
    for resource in &info.guarantee {
        let reserved = !resource.reservations.is_empty()
            || resource.reservation.is_some()
            || resource.role() != "*";
        ensure(!reserved, || {
            "QuotaInfo must not contain any ReservationInfo".into()
        })?;
        ensure(resource.disk.is_none(), || {
            "QuotaInfo must not contain any DiskInfo".into()
        })?;
        ensure(resource.revocable.is_none(), || {
            "QuotaInfo must not contain any RevocableInfo".into()
        })?;
        ensure(resource.r#type() == v1::value::Type::Scalar, || {
            "QuotaInfo must not include non-scalar resources".into()
        })?;
        let name = resource.name();
        ensure(names.insert(name), || {
            format!("QuotaInfo contains duplicate resource name '{name}'").into()
        })?;
    }
    Ok(())
}
