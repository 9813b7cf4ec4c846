//! Gives containers the secrets that their environment names.
//!
//! Mirrors `src/slave/containerizer/mesos/isolators/environment_secret.cpp` with the resolver that is built in:
//! it knows secrets that carry their value, and no references to a store.

use libprocess::Future;
use mesos_common::validation::command::validate_command;
use mesos_proto::v1::{self, environment::variable::Type as VariableType};

use crate::{
    ContainerId,
    isolator::{Isolator, IsolatorAnswer, IsolatorError},
    launch_info::{ContainerConfig, ContainerLaunchInfo},
};

/// The isolator `environment_secret`, which is always there.
#[derive(Debug)]
pub struct EnvironmentSecretIsolator;

fn prepare(config: &ContainerConfig) -> Result<Option<ContainerLaunchInfo>, IsolatorError> {
    let command = config.command_info();
    validate_command(command).map_err(|error| {
        IsolatorError::Refused(format!("Invalid environment specified: {error}"))
    })?;
    let secrets = command
        .environment()
        .variables
        .iter()
        .filter(|variable| variable.r#type() == VariableType::Secret);
    let variables = secrets.map(resolve).collect::<Result<Vec<_>, _>>()?;
    if variables.is_empty() {
        return Ok(None);
    }
    let environment = v1::Environment {
        variables,
        ..Default::default()
    };
    Ok(Some(ContainerLaunchInfo {
        environment: Some(environment.clone()),
        task_environment: Some(environment),
        ..Default::default()
    }))
}

fn resolve(
    variable: &v1::environment::Variable,
) -> Result<v1::environment::Variable, IsolatorError> {
    let refused = |text: &str| Err(IsolatorError::Refused(text.to_owned()));
    let secret = variable.secret();
    if secret.reference.is_some() {
        return refused("Default secret resolver cannot resolve references");
    }
    let Some(value) = &secret.value else {
        return refused("Secret has no value");
    };
    // Variables of this system are bytes, and those of the wire are text.
    let Ok(text) = std::str::from_utf8(value.data()) else {
        return refused("Secret is not valid UTF-8");
    };
    Ok(v1::environment::Variable {
        name: variable.name.clone(),
        value: Some(text.to_owned()),
        ..Default::default()
    })
}

impl Isolator for EnvironmentSecretIsolator {
    fn name(&self) -> &'static str {
        "environment_secret"
    }

    fn supports_nesting(&self) -> bool {
        true
    }

    fn supports_standalone(&self) -> bool {
        true
    }

    fn prepare(
        &self,
        _id: &ContainerId,
        config: &ContainerConfig,
    ) -> IsolatorAnswer<Option<ContainerLaunchInfo>> {
        Future::ready(prepare(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(secret: v1::Secret) -> ContainerConfig {
        let variable = v1::environment::Variable {
            name: Some("KEY".to_owned()),
            r#type: Some(VariableType::Secret.into()),
            secret: Some(secret.into()),
            ..Default::default()
        };
        let environment = v1::Environment {
            variables: vec![variable],
            ..Default::default()
        };
        let command = v1::CommandInfo {
            environment: Some(environment),
            ..Default::default()
        };
        ContainerConfig {
            command_info: Some(command.into()),
            ..Default::default()
        }
    }

    fn value(bytes: &'static [u8]) -> v1::Secret {
        v1::Secret {
            r#type: Some(v1::secret::Type::Value.into()),
            value: Some(v1::secret::Value {
                data: Some(bytes.into()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn secret_with_its_value_becomes_a_plain_variable() {
        let info = prepare(&config(value(b"42"))).expect("resolved");

        let info = info.expect("something to say");
        let variables = &info.environment().variables;
        assert_eq!(variables.len(), 1);
        assert!(
            variables
                .iter()
                .all(|one| one.name() == "KEY" && one.value() == "42" && one.secret.is_none())
        );
        assert_eq!(info.task_environment, info.environment);
    }

    #[test]
    fn reference_to_a_store_is_refused() {
        let secret = v1::Secret {
            r#type: Some(v1::secret::Type::Reference.into()),
            reference: Some(v1::secret::Reference {
                name: Some("name".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };

        let error = prepare(&config(secret)).expect_err("refused");

        assert_eq!(
            error.to_string(),
            "Default secret resolver cannot resolve references"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(prepare(&config(value(&[0xff]))).is_err());
        assert!(prepare(&config(value(&[b'a', 0]))).is_err());
    }

    #[test]
    fn container_without_secrets_needs_nothing() {
        let prepared = prepare(&ContainerConfig::default());

        assert_eq!(prepared.expect("valid"), None);
    }
}
