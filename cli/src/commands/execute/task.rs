//! Builds the task that the flags describe.

use anyhow::{Context, Result, bail};
use mesos_common::flags::{FlagType, JsonObject, JsonValue};
use mesos_common::resources::Resources;
use mesos_proto::v1::command_info::Uri;
use mesos_proto::v1::environment::Variable;
use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::{
    CommandInfo, ContainerInfo, Environment, FrameworkInfo, Image, Label, Labels, LinuxInfo,
    NetworkInfo, TaskId, TaskInfo, TtyInfo, Volume, container_info, image,
};
use mesos_proto::{Dialect, Json, from_json, from_json_list};

use super::flags::Flags;

/// Reads a message that a flag holds as JSON.
fn message<M: Json>(flag: &str, value: &JsonObject) -> Result<M> {
    let parsed = from_json(&value.print(), Dialect::V1);
    parsed.with_context(|| format!("Failed to parse '--{flag}'"))
}

/// Reads a task; its agent is not known yet, and need not be there.
pub(super) fn whole_task(value: &JsonObject) -> Result<TaskInfo> {
    let parsed = read_task(JsonValue::Object(value.members().clone()));
    parsed.context("Failed to parse '--task'")
}

/// Reads the tasks of a group.
pub(super) fn group(value: &JsonObject) -> Result<Vec<TaskInfo>> {
    let Some(JsonValue::Array(tasks)) = value.members().get("tasks") else {
        bail!("Failed to parse '--task_group': it has no tasks");
    };
    let tasks = tasks.iter().cloned().map(read_task);
    tasks
        .collect::<Result<_>>()
        .context("Failed to parse '--task_group'")
}

fn read_task(mut value: JsonValue) -> Result<TaskInfo> {
    if let JsonValue::Object(members) = &mut value {
        let agent = members.entry("agent_id");
        agent.or_insert_with(|| {
            JsonValue::Object([("value".into(), "".into())].into_iter().collect())
        });
    }
    Ok(from_json(&value.to_string(), Dialect::V1)?)
}

fn optional<M: Json>(flag: &str, value: Option<&JsonObject>) -> Result<Option<M>> {
    value.map(|value| message(flag, value)).transpose()
}

/// The framework that runs the task.
pub(super) fn framework(flags: &Flags, user: &str) -> Result<FrameworkInfo> {
    use capability::Type;
    let mut capabilities = vec![
        Type::ReservationRefinement,
        Type::TaskKillingState,
        Type::RevocableResources,
    ];
    if flags.partition_aware {
        capabilities.push(Type::PartitionAware);
    }
    for name in flags.framework_capabilities.iter().flatten() {
        match Type::from_str_name(name) {
            Some(Type::GpuResources) => capabilities.push(Type::GpuResources),
            Some(_) => bail!(
                "Flags '--framework_capabilities' specifies an unsupported capability '{name}'"
            ),
            None => {
                bail!("Flags '--framework_capabilities' specifies an unknown capability '{name}'")
            }
        }
    }
    let capabilities = capabilities.into_iter().map(|kind| Capability {
        r#type: Some(kind.into()),
        ..Default::default()
    });
    Ok(FrameworkInfo {
        user: Some(user.to_owned()),
        name: Some("mesos-execute instance".to_owned()),
        role: Some(flags.role.clone()),
        checkpoint: Some(flags.checkpoint),
        capabilities: capabilities.collect(),
        principal: flags.principal.clone(),
        ..Default::default()
    })
}

/// The task that `--name`, `--command` and their companions describe.
///
/// `package` is the address of a file that the task finds in its sandbox.
pub(super) fn task(flags: &Flags, package: Option<String>) -> Result<TaskInfo> {
    let name = flags
        .name
        .clone()
        .context("Missing required option --name")?;
    let resources = Resources::parse(&flags.resources)
        .with_context(|| format!("Failed to parse resources '{}'", flags.resources))?;
    Ok(TaskInfo {
        task_id: Some(TaskId {
            value: Some(name.clone()),
            ..Default::default()
        }),
        name: Some(name),
        resources: resources.to_proto(),
        command: Some(command(flags, package)?.into()),
        container: container(flags)?.map(Into::into),
        ..Default::default()
    })
}

fn command(flags: &Flags, package: Option<String>) -> Result<CommandInfo> {
    let mut variables = Vec::new();
    for (name, value) in flags.env.iter().flat_map(|object| object.members()) {
        let value = value
            .as_str()
            .with_context(|| format!("'--env' must hold texts, but '{name}' is none"))?;
        variables.push(Variable {
            name: Some(name.clone()),
            value: Some(value.to_owned()),
            ..Default::default()
        });
    }
    let environment = flags.env.is_some().then(|| Environment {
        variables,
        ..Default::default()
    });
    Ok(CommandInfo {
        shell: Some(flags.shell),
        value: flags.command.clone().filter(|_| flags.shell),
        environment,
        uris: package.into_iter().map(uri).collect(),
        ..Default::default()
    })
}

fn uri(address: String) -> Uri {
    Uri {
        value: Some(address),
        ..Default::default()
    }
}

fn volumes(flags: &Flags) -> Result<Vec<Volume>> {
    let Some(text) = &flags.volumes else {
        return Ok(Vec::new());
    };
    let text = if text.starts_with('/') {
        std::fs::read_to_string(text).with_context(|| format!("Failed to read '{text}'"))?
    } else {
        text.clone()
    };
    from_json_list(text.as_bytes(), Dialect::V1)
        .context("Failed to convert '--volumes' to protobuf")
}

fn networks(flags: &Flags) -> Vec<NetworkInfo> {
    let names = flags.networks.as_deref().unwrap_or_default().split(',');
    names
        .filter(|name| !name.is_empty())
        .map(|name| NetworkInfo {
            name: Some(name.to_owned()),
            ..Default::default()
        })
        .collect()
}

/// The container that the networks of a task group join.
pub(super) fn network_container(flags: &Flags) -> Option<ContainerInfo> {
    let network_infos = networks(flags);
    (!network_infos.is_empty()).then(|| ContainerInfo {
        r#type: Some(container_info::Type::Mesos.into()),
        network_infos,
        ..Default::default()
    })
}

fn container(flags: &Flags) -> Result<Option<ContainerInfo>> {
    if flags.appc_image.is_some() && flags.docker_image.is_some() {
        bail!("Flags '--docker-image' and '--appc-image' are both set");
    }
    match flags.containerizer.as_str() {
        "" => Ok(None),
        "mesos" => mesos_container(flags),
        "docker" => docker_container(flags).map(Some),
        other => bail!("Unsupported containerizer: {other}"),
    }
}

fn mesos_container(flags: &Flags) -> Result<Option<ContainerInfo>> {
    let effective = optional(
        "effective_capabilities",
        flags.effective_capabilities.as_ref(),
    )?;
    let bounding = optional(
        "bounding_capabilities",
        flags.bounding_capabilities.as_ref(),
    )?;
    let linux_info = (effective.is_some() || bounding.is_some()).then(|| LinuxInfo {
        effective_capabilities: effective,
        bounding_capabilities: bounding,
        ..Default::default()
    });
    let image = image(flags);
    let container = ContainerInfo {
        volumes: volumes(flags)?,
        network_infos: networks(flags),
        mesos: image.map(|image| container_info::MesosInfo {
            image: Some(image),
            ..Default::default()
        }),
        linux_info: linux_info.map(Into::into),
        rlimit_info: optional("rlimits", flags.rlimits.as_ref())?,
        tty_info: flags.tty.then(TtyInfo::default),
        ..Default::default()
    };
    if container == ContainerInfo::default() {
        return Ok(None);
    }
    Ok(Some(ContainerInfo {
        r#type: Some(container_info::Type::Mesos.into()),
        ..container
    }))
}

fn image(flags: &Flags) -> Option<Image> {
    if let Some(name) = &flags.docker_image {
        let docker = image::Docker {
            name: Some(name.clone()),
            ..Default::default()
        };
        return Some(Image {
            r#type: Some(image::Type::Docker.into()),
            docker: Some(docker.into()),
            ..Default::default()
        });
    }
    let name = flags.appc_image.as_ref()?;
    let label = |key: &str, value: &str| Label {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
        ..Default::default()
    };
    let labels = Labels {
        labels: vec![label("os", "linux"), label("arch", "amd64")],
        ..Default::default()
    };
    let appc = image::Appc {
        name: Some(name.clone()),
        labels: Some(labels),
        ..Default::default()
    };
    Some(Image {
        r#type: Some(image::Type::Appc.into()),
        appc: Some(appc.into()),
        ..Default::default()
    })
}

fn docker_container(flags: &Flags) -> Result<ContainerInfo> {
    let Some(image) = flags.docker_image.clone() else {
        bail!("'Docker' containerizer requires docker image name");
    };
    let network_infos = networks(flags);
    if network_infos.len() > 1 {
        bail!("'Docker' containerizer can only support a single network");
    }
    if flags.tty {
        bail!("'Docker' containerizer does not allow attaching a TTY");
    }
    let network =
        (!network_infos.is_empty()).then(|| container_info::docker_info::Network::User.into());
    let docker = container_info::DockerInfo {
        image: Some(image),
        network,
        ..Default::default()
    };
    Ok(ContainerInfo {
        r#type: Some(container_info::Type::Docker.into()),
        volumes: volumes(flags)?,
        docker: Some(docker.into()),
        network_infos,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use mesos_common::flags::{Source, load};

    use super::*;

    fn flags(arguments: &[&str]) -> Flags {
        let base = [
            "--master=127.0.0.1:5050",
            "--name=hello",
            "--command=echo hello",
        ];
        let all = base.iter().chain(arguments);
        load::<Flags>(&Source::arguments(all.copied()))
            .into_result()
            .unwrap()
    }

    #[test]
    fn plain_command_has_no_container() {
        let task = task(&flags(&[]), None).unwrap();

        assert_eq!(task.task_id().value(), "hello");
        assert_eq!(task.command().value(), "echo hello");
        assert_eq!(task.resources.len(), 2);
        assert!(task.container.is_none());
    }

    #[test]
    fn environment_and_networks_reach_the_task() {
        let task = task(
            &flags(&[r#"--env={"A":"1"}"#, "--networks=net1,net2"]),
            None,
        )
        .unwrap();

        assert_eq!(task.command().environment().variables[0].name(), "A");
        let networks: Vec<_> = task
            .container()
            .network_infos
            .iter()
            .map(NetworkInfo::name)
            .collect();
        assert_eq!(networks, ["net1", "net2"]);
        assert_eq!(task.container().r#type(), container_info::Type::Mesos);
    }

    #[track_caller]
    fn fails(arguments: &[&str], message: &str) {
        assert_eq!(
            task(&flags(arguments), None).unwrap_err().to_string(),
            message
        );
    }

    #[test]
    fn impossible_containers_are_refused() {
        fails(&["--containerizer=lxc"], "Unsupported containerizer: lxc");
        fails(
            &["--containerizer=docker"],
            "'Docker' containerizer requires docker image name",
        );
        fails(
            &["--containerizer=docker", "--docker_image=a", "--tty"],
            "'Docker' containerizer does not allow attaching a TTY",
        );
        fails(
            &["--appc_image=a", "--docker_image=a"],
            "Flags '--docker-image' and '--appc-image' are both set",
        );
    }

    #[test]
    fn only_gpus_can_be_asked_for() {
        let error = |name: &str| {
            let flag = format!("--framework_capabilities={name}");
            framework(&flags(&[&flag]), "root")
                .map(|_| ())
                .map_err(|error| error.to_string())
        };

        assert_eq!(error("GPU_RESOURCES"), Ok(()));
        assert!(
            error("NOPE")
                .unwrap_err()
                .ends_with("unknown capability 'NOPE'")
        );
        assert!(
            error("MULTI_ROLE")
                .unwrap_err()
                .ends_with("unsupported capability 'MULTI_ROLE'")
        );
    }
}
