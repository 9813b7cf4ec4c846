//! What agents say when they register, and frameworks when they subscribe.

use mesos_proto::internal::ReregisterAgentMessage;

use super::*;
use crate::validation::agent::validate_reregistration;
use crate::validation::framework::validate_info;

fn reregistration(executors: &[(&str, &str)]) -> ReregisterAgentMessage {
    let frameworks = ["framework1", "framework2"];
    ReregisterAgentMessage {
        agent: Some(
            v1::AgentInfo {
                id: Some(from(&json!({"value": "agent-id"}))),
                resources: vec![resource("cpus:2"), resource("mem:10")],
                ..Default::default()
            }
            .into(),
        ),
        frameworks: frameworks
            .iter()
            .map(|name| from(&json!({"user": "u", "name": name, "id": {"value": name}})))
            .collect(),
        executor_infos: executors
            .iter()
            .map(|(framework, id)| {
                from(&json!({
                    "executor_id": {"value": id},
                    "framework_id": {"value": framework},
                    "command": {"value": "exit 1"},
                }))
            })
            .collect(),
        ..Default::default()
    }
}

/// Mirrors: RegisterSlaveValidationTest.DuplicateExecutorID
#[test]
fn executor_ids_are_unique_within_a_framework() {
    let apart = reregistration(&[("framework1", "default"), ("framework2", "default")]);
    let together = reregistration(&[("framework1", "default"), ("framework1", "default")]);

    assert_eq!(validate_reregistration(&apart), Ok(()));
    refused(
        validate_reregistration(&together),
        "Framework 'framework1' has a duplicate ExecutorID 'default'",
    );
}

fn filtered(filter: &Value) -> Check {
    validate_info(&from(&json!({
        "user": "u",
        "name": "n",
        "offer_filters": {"role": filter},
    })))
}

fn at_least(cpus: f64) -> Check {
    let mut info: v1::FrameworkInfo = from(&json!({
        "user": "u",
        "name": "n",
        "offer_filters": {"role": {"min_allocatable_resources": {"quantities": [
            {"quantities": {"cpus": {"value": 1}}},
        ]}}},
    }));
    for filters in info.offer_filters.values_mut() {
        let least = filters.min_allocatable_resources.get_or_insert_default();
        for quantities in &mut least.quantities {
            for scalar in quantities.quantities.values_mut() {
                scalar.value = Some(cpus);
            }
        }
    }
    validate_info(&info)
}

/// Mirrors: CommonValidationTest.OfferFilters
/// Mirrors: FrameworkInfoValidationTest.ValidateOfferFilters
#[test]
fn least_quantities_of_offers_are_numbers_from_zero() {
    assert_eq!(filtered(&json!({})), Ok(()));
    assert_eq!(filtered(&json!({"min_allocatable_resources": {}})), Ok(()));
    refused(
        filtered(&json!({"min_allocatable_resources": {"quantities": [{}]}})),
        "Resource quantities must contain at least one quantity",
    );
    for (amount, text) in [
        (-2.0, "Negative values not supported"),
        (f64::NAN, "NaN not supported"),
        (f64::INFINITY, "Infinite values not supported"),
    ] {
        refused(
            at_least(amount),
            &format!("Invalid resource quantity for 'cpus': {text}"),
        );
    }
    assert_eq!(at_least(0.0), Ok(()));
    assert_eq!(at_least(2.0), Ok(()));
}
