//! The environment variables of a task.

use std::collections::BTreeMap;

use mesos_proto::v1::{Environment, TaskInfo, environment::variable};

/// Holds the token by which the executor proves itself; a task must never see it.
const TOKEN_VARIABLE: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";

/// Merges what the task sees, weakest first: the executor's own environment, what isolators added
/// (`--task_environment`), and what the command itself asks for.
///
/// Secrets are skipped: the agent has resolved them into plain variables already.
pub(crate) fn task_environment(
    inherited: &BTreeMap<String, String>,
    isolators: Option<&Environment>,
    task: &TaskInfo,
    command: Option<&Environment>,
) -> BTreeMap<String, String> {
    let mut merged = inherited.clone();
    merged.remove(TOKEN_VARIABLE);
    for environment in [isolators, command].into_iter().flatten() {
        for variable in &environment.variables {
            if variable.r#type() != variable::Type::Secret {
                merged.insert(variable.name().to_owned(), variable.value().to_owned());
            }
        }
    }
    // All resources of a task are allocated to one role.
    let role = task
        .resources
        .first()
        .map_or("", |first| first.allocation_info().role());
    merged.insert("MESOS_ALLOCATION_ROLE".to_owned(), role.to_owned());
    merged
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::environment::Variable;
    use mesos_proto::v1::{Resource, resource::AllocationInfo};

    use super::*;

    fn variable(name: &str, value: &str) -> Variable {
        Variable {
            name: Some(name.into()),
            value: Some(value.into()),
            ..Default::default()
        }
    }

    fn environment(variables: Vec<Variable>) -> Environment {
        Environment {
            variables,
            ..Default::default()
        }
    }

    fn inherited(name: &str, value: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn command_overrides_isolators_and_both_override_the_executor() {
        let isolators = environment(vec![variable("A", "isolator"), variable("B", "isolator")]);
        let command = environment(vec![variable("B", "command")]);
        let own = inherited("A", "executor");

        let merged = task_environment(&own, Some(&isolators), &TaskInfo::default(), Some(&command));

        assert_eq!(merged["A"], "isolator");
        assert_eq!(merged["B"], "command");
    }

    #[test]
    fn secrets_and_the_executors_token_are_left_out() {
        let secret = Variable {
            r#type: Some(variable::Type::Secret.into()),
            ..variable("KEY", "")
        };
        let own = inherited(TOKEN_VARIABLE, "jwt");

        let command = environment(vec![secret]);
        let merged = task_environment(&own, None, &TaskInfo::default(), Some(&command));

        assert_eq!(merged.keys().collect::<Vec<_>>(), ["MESOS_ALLOCATION_ROLE"]);
    }

    /// Mirrors: CommandExecutorTest.AllocationRoleEnvironmentVariable
    #[test]
    fn allocation_role_is_that_of_the_first_resource() {
        let allocation = AllocationInfo {
            role: Some("eng".into()),
            ..Default::default()
        };
        let resource = Resource {
            allocation_info: Some(allocation),
            ..Default::default()
        };
        let task = TaskInfo {
            resources: vec![resource],
            ..Default::default()
        };

        let merged = task_environment(&BTreeMap::new(), None, &task, None);

        assert_eq!(merged["MESOS_ALLOCATION_ROLE"], "eng");
    }
}
