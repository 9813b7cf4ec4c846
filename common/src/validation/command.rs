//! Commands, environments, volumes and containers.

use mesos_proto::v1;
use mesos_proto::v1::environment::variable::Type as VariableType;
use mesos_proto::v1::secret::Type as SecretType;
use mesos_proto::v1::volume::source::Type as SourceType;

use super::{Check, ensure, prefixed};

/// A command: its environment.
///
/// # Errors
/// The first broken rule.
pub fn validate_command(command: &v1::CommandInfo) -> Check {
    for variable in &command.environment().variables {
        validate_variable(variable)?;
    }
    Ok(())
}

fn validate_variable(variable: &v1::environment::Variable) -> Check {
    let name = variable.name();
    match variable.r#type() {
        VariableType::Secret => {
            ensure(variable.secret.is_some(), || {
                format!("Environment variable '{name}' of type 'SECRET' must have a secret set")
                    .into()
            })?;
            ensure(variable.value.is_none(), || {
                format!("Environment variable '{name}' of type 'SECRET' must not have a value set")
                    .into()
            })?;
            let prefix = format!("Environment variable '{name}' specifies an invalid secret: ");
            prefixed(validate_secret(variable.secret()), &prefix)?;
            ensure(!variable.secret().value().data().contains(&0), || {
                format!(
                    "Environment variable '{name}' specifies a secret containing null bytes, \
                     which is not allowed in the environment"
                )
                .into()
            })
        }
        VariableType::Value => {
            ensure(variable.value.is_some(), || {
                format!("Environment variable '{name}' of type 'VALUE' must have a value set")
                    .into()
            })?;
            ensure(variable.secret.is_none(), || {
                format!("Environment variable '{name}' of type 'VALUE' must not have a secret set")
                    .into()
            })
        }
        VariableType::Unknown => {
            Err("Environment variable of type 'UNKNOWN' is not allowed".into())
        }
    }
}

/// A secret: what its type says must be there, and nothing else.
///
/// # Errors
/// The first broken rule.
pub fn validate_secret(secret: &v1::Secret) -> Check {
    match secret.r#type() {
        SecretType::Reference => {
            ensure(secret.reference.is_some(), || {
                "Secret of type REFERENCE must have the 'reference' field set".into()
            })?;
            ensure(secret.value.is_none(), || {
                format!(
                    "Secret '{}' of type REFERENCE must not have the 'value' field set",
                    secret.reference().name()
                )
                .into()
            })
        }
        SecretType::Value => {
            ensure(secret.value.is_some(), || {
                "Secret of type VALUE must have the 'value' field set".into()
            })?;
            ensure(secret.reference.is_none(), || {
                "Secret of type VALUE must not have the 'reference' field set".into()
            })
        }
        SecretType::Unknown => Ok(()),
    }
}

/// A container: its volumes, and what Docker needs.
///
/// # Errors
/// The first broken rule.
pub fn validate_container(container: &v1::ContainerInfo) -> Check {
    for volume in &container.volumes {
        prefixed(validate_volume(volume), "Invalid volume: ")?;
    }
    if container.r#type() == v1::container_info::Type::Docker {
        ensure(container.docker.is_some(), || {
            "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo".into()
        })?;
        let named = container
            .docker()
            .parameters
            .iter()
            .any(|one| one.key() == "name");
        ensure(!named, || {
            "Parameter in DockerInfo must not be 'name'".into()
        })?;
    }
    Ok(())
}

fn validate_volume(volume: &v1::Volume) -> Check {
    let given = usize::from(volume.host_path.is_some())
        + usize::from(volume.image.is_some())
        + usize::from(volume.source.is_some());
    ensure(given == 1, || {
        "Only one of them should be set: 'host_path', 'image' and 'source'".into()
    })?;
    if volume.source.is_none() {
        return Ok(());
    }
    let source = volume.source();
    let (field, kind, present) = match source.r#type() {
        SourceType::DockerVolume => (
            "docker_volume",
            "DOCKER_VOLUME",
            source.docker_volume.is_some(),
        ),
        SourceType::HostPath => ("host_path", "HOST_PATH", source.host_path.is_some()),
        SourceType::SandboxPath => (
            "sandbox_path",
            "SANDBOX_PATH",
            source.sandbox_path.is_some(),
        ),
        SourceType::Secret => ("secret", "SECRET", source.secret.is_some()),
        SourceType::CsiVolume => {
            ensure(source.csi_volume.is_some(), || {
                "'source.csi_volume' is not set for CSI volume".into()
            })?;
            return ensure(source.csi_volume().static_provisioning.is_some(), || {
                "'source.csi_volume.static_provisioning' is not set for CSI volume".into()
            });
        }
        SourceType::Unknown => return Err("'source.type' is unknown".into()),
    };
    ensure(present, || {
        format!("'source.{field}' is not set for {kind} volume").into()
    })
}
