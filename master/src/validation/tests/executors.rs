//! Executors.

use super::*;
use crate::validation::executor::{validate, validate_form};

fn executor(id: &str) -> v1::ExecutorInfo {
    from(&json!({
        "executor_id": {"value": id},
        "framework_id": {"value": "f"},
        "command": {"value": "exit 1"},
    }))
}

fn check(executor: &v1::ExecutorInfo) -> Check {
    validate(executor, &FrameworkId::from("f"), &agent(&[], &[]))
}

/// Mirrors: ExecutorValidationTest.ExecutorType
#[test]
fn type_of_an_executor_decides_what_it_has() {
    let form = |fields: Value| {
        let mut executor = json!({"executor_id": {"value": "e"}});
        for (name, value) in fields.as_object().expect("an object") {
            executor[name] = value.clone();
        }
        validate_form(&from(&executor))
    };

    assert_eq!(form(json!({"type": "CUSTOM", "command": {}})), Ok(()));
    refused(
        form(json!({"type": "CUSTOM"})),
        "'ExecutorInfo.command' must be set for 'CUSTOM' executor",
    );
    assert_eq!(form(json!({"type": "DEFAULT"})), Ok(()));
    refused(
        form(json!({"type": "DEFAULT", "command": {}})),
        "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
    );
    refused(
        form(json!({"type": "DEFAULT", "container": {"type": "DOCKER"}})),
        "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor",
    );
    refused(
        form(json!({
            "type": "DEFAULT",
            "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER"}}},
        })),
        "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor",
    );
}

/// Mirrors: ExecutorValidationTest.ExecutorID
#[test]
fn executor_id_can_be_the_name_of_a_directory() {
    for good in ["abc", "ab c", "a.b"] {
        assert_eq!(validate_form(&executor(good)), Ok(()), "{good}");
    }
    refused(validate_form(&executor("")), "ID must not be empty");
    refused(
        validate_form(&executor("ab/c")),
        "'ab/c' contains invalid characters",
    );
    refused(validate_form(&executor(".")), "'.' is disallowed");
    refused(validate_form(&executor("..")), "'..' is disallowed");
}

/// Mirrors: ExecutorValidationTest.ExecutorInfoAllocatedResources
#[test]
fn resources_of_an_executor_are_allocated_to_one_role() {
    let with = |resources: Vec<v1::Resource>| {
        let mut executor = executor("e");
        executor.resources = resources;
        check(&executor)
    };
    let (cpus, mem) = (resource("cpus:1"), resource("mem:128"));

    assert_eq!(with(vec![]), Ok(()));
    assert_eq!(
        with(vec![
            allocated(cpus.clone(), "role"),
            allocated(mem.clone(), "role")
        ]),
        Ok(())
    );
    refused(
        with(vec![cpus.clone(), mem.clone()]),
        "Invalid executor resources: The resources are not allocated to a role",
    );
    refused(
        with(vec![allocated(cpus, "role1"), allocated(mem, "role2")]),
        "Invalid executor resources: The resources have multiple allocation roles ('role2' and \
         'role1') but only one allocation role is allowed",
    );
}

#[test]
fn running_executor_may_be_described_with_another_order_and_grace_period() {
    let mut running = executor("e");
    running.resources = vec![
        allocated(resource("cpus:1"), "role"),
        allocated(resource("mem:64"), "role"),
    ];
    let mut agent = agent(&[], &[]);
    let framework_id = FrameworkId::from("f");
    agent.add_executor(&framework_id, Arc::new(running.clone()));
    let mut same = running.clone();
    same.resources.reverse();
    same.shutdown_grace_period = Some(from(&json!({"nanoseconds": 5})));
    let mut other = running;
    other.command.get_or_insert_default().value = Some("exit 2".to_owned());

    assert_eq!(validate(&same, &framework_id, &agent), Ok(()));
    refused_with(
        validate(&other, &framework_id, &agent),
        "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n",
    );
}

/// Mirrors: AgentValidationTest.Secret
#[test]
fn secret_has_what_its_type_says() {
    let check = |secret: &Value| {
        use crate::validation::command::validate_command;
        validate_command(&from(&json!({"environment": {"variables": [
            {"name": "X", "type": "SECRET", "secret": secret},
        ]}})))
    };
    let prefix = "Environment variable 'X' specifies an invalid secret: ";
    let (value, reference) = (json!({"data": "YQ=="}), json!({"name": "SECRET_NAME"}));

    refused(
        check(&json!({"type": "VALUE"})),
        &format!("{prefix}Secret of type VALUE must have the 'value' field set"),
    );
    refused(
        check(&json!({"type": "VALUE", "value": value, "reference": reference})),
        &format!("{prefix}Secret of type VALUE must not have the 'reference' field set"),
    );
    assert_eq!(check(&json!({"type": "VALUE", "value": value})), Ok(()));
    refused(
        check(&json!({"type": "REFERENCE"})),
        &format!("{prefix}Secret of type REFERENCE must have the 'reference' field set"),
    );
    refused(
        check(&json!({"type": "REFERENCE", "value": value, "reference": reference})),
        &format!(
            "{prefix}Secret 'SECRET_NAME' of type REFERENCE must not have the 'value' field set"
        ),
    );
    assert_eq!(
        check(&json!({"type": "REFERENCE", "reference": reference})),
        Ok(())
    );
}

/// Mirrors: AgentValidationTest.Environment
#[test]
fn environment_variable_has_what_its_type_says() {
    let check = |variable: &Value| {
        use crate::validation::command::validate_command;
        let mut variable = variable.clone();
        variable["name"] = json!("ENV_VAR_KEY");
        validate_command(&from(&json!({"environment": {"variables": [variable]}})))
    };
    let secret = |data: &str| json!({"type": "VALUE", "value": {"data": data}});
    let good = secret("YQ==");

    refused(
        check(&json!({"type": "SECRET"})),
        "Environment variable 'ENV_VAR_KEY' of type 'SECRET' must have a secret set",
    );
    refused(
        check(&json!({"type": "SECRET", "secret": good, "value": "V"})),
        "Environment variable 'ENV_VAR_KEY' of type 'SECRET' must not have a value set",
    );
    refused(
        check(&json!({"type": "SECRET", "secret": {"type": "VALUE"}})),
        "Environment variable 'ENV_VAR_KEY' specifies an invalid secret: Secret of type VALUE \
         must have the 'value' field set",
    );
    refused(
        check(&json!({"type": "SECRET", "secret": secret("YQBi")})),
        "Environment variable 'ENV_VAR_KEY' specifies a secret containing null bytes, which is \
         not allowed in the environment",
    );
    assert_eq!(check(&json!({"type": "SECRET", "secret": good})), Ok(()));
    refused(
        check(&json!({})),
        "Environment variable 'ENV_VAR_KEY' of type 'VALUE' must have a value set",
    );
    refused(
        check(&json!({"value": "V", "secret": good})),
        "Environment variable 'ENV_VAR_KEY' of type 'VALUE' must not have a secret set",
    );
    assert_eq!(check(&json!({"value": "V"})), Ok(()));
    refused(
        check(&json!({"type": "UNKNOWN", "value": "V"})),
        "Environment variable of type 'UNKNOWN' is not allowed",
    );
}
