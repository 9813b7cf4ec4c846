//! Calls of operators.

use mesos_proto::v1::quota::QuotaConfig;

use super::*;
use crate::quota::validate_config;
use crate::validation::call::validate_master;

fn config(guarantees: &Value, limits: &Value) -> Check {
    let config: QuotaConfig = from(&json!({
        "role": "role",
        "guarantees": guarantees,
        "limits": limits,
    }));
    validate_config(&config)
}

fn amounts(list: &[(&str, f64)]) -> Value {
    let entries = list
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!({"value": value})));
    Value::Object(entries.collect())
}

/// Mirrors: MasterCallValidationTest.UpdateQuota
#[test]
fn quota_names_a_role_and_amounts_that_fit() {
    let largest_megabytes = 1_099_511_627_776.0;
    let largest = 1e12;
    let none = json!({});
    let all = amounts(&[
        ("disk", largest_megabytes),
        ("mem", largest_megabytes),
        ("cpus", largest),
        ("ports", largest),
        ("foobars", largest),
    ]);
    let (small, big) = (
        amounts(&[("cpus", 10.0), ("mem", 20.0)]),
        amounts(&[("cpus", 20.0), ("mem", 40.0)]),
    );

    refused(
        validate_master(&from(&json!({"type": "UPDATE_QUOTA"}))),
        "Expecting 'update_quota' to be present",
    );
    assert_eq!(
        validate_master(&from(&json!({"type": "UPDATE_QUOTA", "update_quota": {}}))),
        Ok(())
    );
    refused_with(
        validate_config(&QuotaConfig::default()),
        "'QuotaConfig.role' must be set",
    );
    refused_with(
        validate_config(&from(&json!({"role": ""}))),
        "Invalid 'QuotaConfig.role'",
    );
    for role in ["role", "*"] {
        assert_eq!(validate_config(&from(&json!({"role": role}))), Ok(()));
    }
    assert_eq!(config(&all, &all), Ok(()));
    for name in ["disk", "mem"] {
        refused_with(
            config(&none, &amounts(&[(name, largest_megabytes + 1.0)])),
            "values greater than 1 exabyte (1099511627776) are not supported",
        );
    }
    for name in ["cpus", "ports", "foobars"] {
        refused_with(
            config(&amounts(&[(name, largest + 1.0)]), &none),
            "values greater than 1 trillion (1000000000000) are not supported",
        );
    }
    refused_with(
        config(&big, &small),
        "'QuotaConfig.guarantees' { cpus: 20, mem: 40 } is not contained within the \
         'QuotaConfig.limits' { cpus: 10, mem: 20 }",
    );
    assert_eq!(config(&small, &small), Ok(()));
    assert_eq!(config(&small, &big), Ok(()));
    let with = |name: &str, amount: f64| amounts(&[("cpus", 10.0), ("mem", 20.0), (name, amount)]);
    assert_eq!(config(&with("disk", 10.0), &with("gpu", 1.0)), Ok(()));
}
