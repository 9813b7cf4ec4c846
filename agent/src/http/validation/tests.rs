//! Commands and containers of calls are checked as the master checks those of tasks.

use mesos_proto::v1::environment::{Variable, variable};

use super::*;

fn id(chain: &[&str]) -> v1::ContainerId {
    let mut id = None;
    for value in chain {
        id = Some(v1::ContainerId {
            value: Some((*value).to_owned()),
            parent: id.map(Into::into),
            ..Default::default()
        });
    }
    id.unwrap_or_default()
}

fn call(kind: call::Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn why(call: &Call) -> String {
    validate(call).expect_err("refused").to_string()
}

/// A command with a variable that has no value.
fn bad_command() -> v1::CommandInfo {
    v1::CommandInfo {
        value: Some("exit 0".to_owned()),
        environment: Some(v1::Environment {
            variables: vec![Variable {
                name: Some("ENV_VAR_KEY".to_owned()),
                r#type: Some(variable::Type::Value.into()),
                ..Default::default()
            }],
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn good_command() -> v1::CommandInfo {
    v1::CommandInfo {
        value: Some("exit 0".to_owned()),
        ..Default::default()
    }
}

fn container(kind: v1::container_info::Type, shares: Option<bool>) -> v1::ContainerInfo {
    v1::ContainerInfo {
        r#type: Some(kind.into()),
        linux_info: shares.map(|shares| {
            v1::LinuxInfo {
                share_cgroups: Some(shares),
                ..Default::default()
            }
            .into()
        }),
        ..Default::default()
    }
}

const MESOS: v1::container_info::Type = v1::container_info::Type::Mesos;
const DOCKER: v1::container_info::Type = v1::container_info::Type::Docker;
const NO_VALUE: &str = "Environment variable 'ENV_VAR_KEY' of type 'VALUE' must have a value set";

/// Mirrors: AgentCallValidationTest.LaunchNestedContainer
#[test]
fn launch_of_a_nested_container_needs_a_parent_and_a_good_command() {
    let kind = call::Type::LaunchNestedContainer;
    let launch = |chain: &[&str], command| Call {
        launch_nested_container: Some(
            call::LaunchNestedContainer {
                container_id: Some(id(chain)),
                command: Some(Box::new(command)),
                ..Default::default()
            }
            .into(),
        ),
        ..call(kind)
    };

    assert_eq!(
        why(&call(kind)),
        "Expecting 'launch_nested_container' to be present"
    );
    assert_eq!(
        why(&launch(&["no spaces allowed"], good_command())),
        "'launch_nested_container.container_id' is invalid: \
         'ContainerID.value' 'no spaces allowed' contains invalid characters"
    );
    assert_eq!(
        why(&launch(&["c"], good_command())),
        "Expecting 'launch_nested_container.container_id.parent' to be present"
    );
    assert_eq!(
        why(&launch(&["p", "c"], bad_command())),
        format!("'launch_nested_container.command' is invalid: {NO_VALUE}")
    );
    assert_eq!(validate(&launch(&["p", "c"], good_command())), Ok(()));
    assert_eq!(validate(&launch(&["g", "p", "c"], good_command())), Ok(()));
}

#[track_caller]
fn check_nested(kind: call::Type, field: &str, named: impl Fn(v1::ContainerId) -> Call) {
    assert_eq!(
        why(&call(kind)),
        format!("Expecting '{field}' to be present")
    );
    assert_eq!(
        why(&named(id(&["c"]))),
        format!("Expecting '{field}.container_id.parent' to be present")
    );
    assert_eq!(validate(&named(id(&["p", "c"]))), Ok(()));
}

/// Mirrors: AgentCallValidationTest.WaitNestedContainer
#[test]
fn wait_for_a_nested_container_needs_a_parent() {
    let kind = call::Type::WaitNestedContainer;
    check_nested(kind, "wait_nested_container", |id| Call {
        wait_nested_container: Some(call::WaitNestedContainer {
            container_id: Some(id),
            ..Default::default()
        }),
        ..call(kind)
    });
}

/// Mirrors: AgentCallValidationTest.KillNestedContainer
#[test]
fn kill_of_a_nested_container_needs_a_parent() {
    let kind = call::Type::KillNestedContainer;
    check_nested(kind, "kill_nested_container", |id| Call {
        kill_nested_container: Some(call::KillNestedContainer {
            container_id: Some(id),
            ..Default::default()
        }),
        ..call(kind)
    });
}

/// Mirrors: AgentCallValidationTest.RemoveNestedContainer
#[test]
fn removal_of_a_nested_container_needs_a_parent() {
    let kind = call::Type::RemoveNestedContainer;
    check_nested(kind, "remove_nested_container", |id| Call {
        remove_nested_container: Some(call::RemoveNestedContainer {
            container_id: Some(id),
            ..Default::default()
        }),
        ..call(kind)
    });
}

/// Mirrors: AgentCallValidationTest.LaunchNestedContainerSession
#[test]
fn session_shares_the_cgroups_of_its_parent() {
    let kind = call::Type::LaunchNestedContainerSession;
    let launch = |chain: &[&str], command, shares| Call {
        launch_nested_container_session: Some(
            call::LaunchNestedContainerSession {
                container_id: Some(id(chain)),
                command: Some(Box::new(command)),
                container: Some(Box::new(container(MESOS, Some(shares)))),
                ..Default::default()
            }
            .into(),
        ),
        ..call(kind)
    };

    assert_eq!(
        why(&call(kind)),
        "Expecting 'launch_nested_container_session' to be present"
    );
    assert!(
        why(&launch(&["no spaces allowed"], good_command(), true))
            .starts_with("'launch_nested_container_session.container_id' is invalid: ")
    );
    assert_eq!(
        why(&launch(&["c"], good_command(), true)),
        "Expecting 'launch_nested_container_session.container_id.parent' to be present"
    );
    assert_eq!(
        why(&launch(&["p", "c"], bad_command(), true)),
        format!("'launch_nested_container_session.command' is invalid: {NO_VALUE}")
    );
    assert_eq!(
        why(&launch(&["p", "c"], good_command(), false)),
        "'launch_nested_container_session.container.linux_info' is invalid: 'share_cgroups' \
         cannot be set to 'false' for nested container sessions"
    );
    assert_eq!(validate(&launch(&["p", "c"], good_command(), true)), Ok(()));
    assert_eq!(
        validate(&launch(&["g", "p", "c"], good_command(), true)),
        Ok(())
    );
}

fn cpus(value: f64) -> v1::Resource {
    v1::Resource {
        name: Some("cpus".to_owned()),
        r#type: Some(v1::value::Type::Scalar.into()),
        scalar: Some(v1::value::Scalar {
            value: Some(value),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn launch_container(change: impl FnOnce(&mut call::LaunchContainer)) -> Call {
    let mut launch = call::LaunchContainer {
        container_id: Some(id(&["c"])),
        command: Some(Box::new(good_command())),
        resources: vec![cpus(0.1)],
        ..Default::default()
    };
    change(&mut launch);
    Call {
        launch_container: Some(launch.into()),
        ..call(call::Type::LaunchContainer)
    }
}

/// Mirrors: AgentCallValidationTest.LaunchContainer
#[test]
fn launch_of_a_container_is_checked_in_every_part() {
    let twice = |launch: &mut call::LaunchContainer, shares| {
        launch.container_id = Some(id(&["g", "p", "c"]));
        launch.resources.clear();
        launch.container = Some(Box::new(container(MESOS, Some(shares))));
    };

    assert_eq!(
        why(&call(call::Type::LaunchContainer)),
        "Expecting 'launch_container' to be present"
    );
    assert!(
        why(&launch_container(|launch| {
            launch.container_id = Some(id(&["no spaces allowed"]));
        }))
        .starts_with("'launch_container.container_id' is invalid: ")
    );
    assert_eq!(
        why(&launch_container(|launch| {
            launch.command = Some(Box::new(bad_command()));
        })),
        format!("'launch_container.command' is invalid: {NO_VALUE}")
    );
    assert_eq!(
        why(&launch_container(
            |launch| launch.resources = vec![cpus(-0.1)]
        )),
        "Invalid resources: Resource 'cpus:-0.1' is invalid: Invalid scalar resource: value <= 0"
    );
    assert_eq!(
        why(&launch_container(|launch| {
            launch.container = Some(Box::new(container(DOCKER, None)));
        })),
        "'launch_container.container' is invalid: DockerInfo 'docker' is not set for DOCKER \
         typed ContainerInfo"
    );
    assert_eq!(
        why(&launch_container(|launch| {
            launch.container = Some(Box::new(container(MESOS, Some(true))));
        })),
        "'launch_container' is invalid: containers without a parent cannot set 'share_cgroups' \
         to 'true'"
    );
    let separate = launch_container(|launch| {
        launch.container = Some(Box::new(container(MESOS, Some(false))));
    });
    assert_eq!(validate(&separate), Ok(()));
    assert_eq!(
        why(&launch_container(|launch| twice(launch, false))),
        "'launch_container' is invalid: containers nested at the second level or greater cannot \
         set 'share_cgroups' to 'false'"
    );
    let shared = launch_container(|launch| twice(launch, true));
    assert_eq!(validate(&shared), Ok(()));
}

#[test]
fn standalone_container_gets_only_plain_resources() {
    let reserved = v1::Resource {
        role: Some("eng".to_owned()),
        ..cpus(1.0)
    };
    let revocable = v1::Resource {
        revocable: Some(v1::resource::RevocableInfo::default()),
        ..cpus(1.0)
    };
    let refusal = |resource| {
        why(&launch_container(|launch| {
            launch.resources = vec![resource];
        }))
    };

    assert_eq!(
        refusal(reserved),
        "'launch_container.resources' must be unreserved"
    );
    assert_eq!(
        refusal(revocable),
        "'launch_container.resources' must be non-revocable"
    );
}

#[test]
fn attached_input_begins_with_the_container() {
    let attach = |attach| Call {
        attach_container_input: attach,
        ..call(call::Type::AttachContainerInput)
    };

    assert_eq!(
        why(&attach(None)),
        "Expecting 'attach_container_input' to be present"
    );
    assert_eq!(
        why(&attach(Some(Default::default()))),
        "Expecting 'attach_container_input.type' to be present"
    );
}

fn provider(id: Option<&str>) -> v1::ResourceProviderInfo {
    v1::ResourceProviderInfo {
        id: id.map(|id| v1::ResourceProviderId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        r#type: Some("org.apache.mesos.rp.type".to_owned()),
        name: Some("name".to_owned()),
        ..Default::default()
    }
}

#[track_caller]
fn check_provider(kind: call::Type, field: &str, given: impl Fn(v1::ResourceProviderInfo) -> Call) {
    assert_eq!(
        why(&call(kind)),
        format!("Expecting '{field}' to be present")
    );
    assert_eq!(
        why(&given(provider(Some("id")))),
        format!("Expecting '{field}.info.id' to be unset")
    );
    assert_eq!(validate(&given(provider(None))), Ok(()));
}

/// Mirrors: AgentCallValidationTest.AddResourceProviderConfig
#[test]
fn resource_provider_that_is_added_has_no_id() {
    let kind = call::Type::AddResourceProviderConfig;
    check_provider(kind, "add_resource_provider_config", |info| Call {
        add_resource_provider_config: Some(call::AddResourceProviderConfig {
            info: Some(info.into()),
            ..Default::default()
        }),
        ..call(kind)
    });
}

/// Mirrors: AgentCallValidationTest.UpdateResourceProviderConfig
#[test]
fn resource_provider_that_is_updated_has_no_id() {
    let kind = call::Type::UpdateResourceProviderConfig;
    check_provider(kind, "update_resource_provider_config", |info| Call {
        update_resource_provider_config: Some(call::UpdateResourceProviderConfig {
            info: Some(info.into()),
            ..Default::default()
        }),
        ..call(kind)
    });
}

/// Mirrors: AgentCallValidationTest.RemoveResourceProviderConfig
#[test]
fn resource_provider_that_is_removed_has_type_and_name() {
    let kind = call::Type::RemoveResourceProviderConfig;
    let named = Call {
        remove_resource_provider_config: Some(call::RemoveResourceProviderConfig {
            r#type: Some("org.apache.mesos.rp.type".to_owned()),
            name: Some("name".to_owned()),
            ..Default::default()
        }),
        ..call(kind)
    };

    assert_eq!(
        why(&call(kind)),
        "Expecting 'remove_resource_provider_config' to be present"
    );
    assert_eq!(validate(&named), Ok(()));
}
