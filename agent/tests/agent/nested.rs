//! Containers inside containers, and those that look into others.

use std::{fs, path::Path, sync::Arc};

use mesos_containerizer::{
    ContainerId, Containerizer, LaunchRequest, LaunchResult,
    composing::ComposingContainerizer,
    containerizer::{Answer, settle},
    launch_info::{ContainerClass, ContainerConfig, ContainerTermination},
    paths,
};
use nix::sys::stat::Mode;

use crate::lone_containerizer::{Containers, SIGKILLED, config, exited, with_variable};

/// A pipe by name, on which containers tell how far they are.
fn fifo(containers: &Containers) -> String {
    let path = containers.place.directory.path().join("fifo");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a fifo");
    path.display().to_string()
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_DebugNestedContainerInheritsEnvironment
#[test]
fn debug_container_has_the_variables_of_its_parent() {
    const NAME: &str = "MESOS_NESTED_INHERITS_ENVIRONMENT";
    let mut containers = Containers::new();
    let root = ContainerId::random();
    let parent = containers.root_config(&root, "sleep 1000");
    containers.launch(&root, with_variable(parent, NAME, "42"));
    let command = format!("exit ${NAME}");

    let inherits = containers.launch_debug(&root, &command);
    let inherited = containers.end(&inherits).status;
    let overrides = root.child("overrides");
    let debug = ContainerConfig {
        container_class: Some(ContainerClass::Debug.into()),
        ..with_variable(config(&command), NAME, "99")
    };
    containers.launch(&overrides, debug);
    let overridden = containers.end(&overrides).status;
    containers.restart(&[&root]);
    let again = containers.launch_debug(&root, &command);

    assert_eq!(inherited, exited(42));
    assert_eq!(overridden, exited(99));
    assert_eq!(containers.end(&again).status, exited(42));
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_DebugNestedContainerInheritsMesosSandbox
#[test]
fn debug_container_has_the_sandbox_variable_of_its_parent() {
    let containers = Containers::new();
    let fifo = fifo(&containers);
    let root = containers.launch_root(&format!("echo $MESOS_SANDBOX > {fifo}; sleep 1000"));

    let debug = containers.launch_debug(
        &root,
        &format!("read parent < {fifo}; [ \"$parent\" = \"$MESOS_SANDBOX\" ]"),
    );

    assert_eq!(containers.end(&debug).status, exited(0));
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_DebugNestedContainerInheritsWorkingDirectory
#[test]
fn debug_container_works_where_its_parent_does() {
    let mut containers = Containers::new();
    let fifo = fifo(&containers);
    let root = containers.launch_root(&format!("touch here; echo running > {fifo}; sleep 1000"));
    assert_eq!(fs::read_to_string(fifo).expect("told"), "running\n");

    let before = containers.launch_debug(&root, "ls here");
    let before = containers.end(&before).status;
    containers.restart(&[&root]);
    let after = containers.launch_debug(&root, "ls here");

    assert_eq!(before, exited(0));
    assert_eq!(containers.end(&after).status, exited(0));
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_DestroyDebugContainerOnRecover
#[test]
fn debug_container_does_not_outlive_its_agent() {
    let mut containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let debug = containers.launch_debug(&root, "sleep 1000");
    assert!(paths::force_destroy_file(&containers.runtime_path(&debug)).is_file());

    containers.restart(&[&root]);

    assert_eq!(containers.end(&debug).status, SIGKILLED);
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_LaunchNested
#[test]
fn nested_container_runs_inside_its_parent() {
    let containers = Containers::new();
    let root = containers.launch_root("sleep 1000");

    let nested = containers.launch_nested(&root, "exit 42");

    assert_eq!(containers.end(&nested).status, exited(42));
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_DestroyNested
#[test]
fn nested_container_is_destroyed_without_its_parent() {
    let containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let nested = containers.launch_nested(&root, "sleep 1000");

    assert_eq!(containers.destroy(&nested).status, SIGKILLED);
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_ParentExit
#[test]
fn nested_container_is_killed_when_its_parent_exits() {
    let containers = Containers::new();
    let fifo = fifo(&containers);
    let root = containers.launch_root(&format!("read line < {fifo}; exit 1"));
    let nested = containers.launch_nested(&root, "sleep 1000");
    let (ended, nested_ended) = (
        containers.containerizer.wait(&root),
        containers.containerizer.wait(&nested),
    );

    fs::write(fifo, "").expect("told");

    let ended = containers.wait(ended).expect("waited").expect("known");
    assert_eq!(ended.status, exited(1));
    let ended = containers.wait(nested_ended).expect("waited");
    assert_eq!(ended.expect("known").status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_ParentSigterm
#[test]
fn nested_container_is_killed_when_its_parent_is_terminated() {
    const SIGTERMED: Option<i32> = Some(15);
    let containers = Containers::new();
    let fifo = fifo(&containers);
    let root = containers.launch_root(&format!("echo running > {fifo}; exec sleep 1000"));
    let nested = containers.launch_nested(&root, "sleep 1000");
    assert_eq!(fs::read_to_string(fifo).expect("told"), "running\n");
    let (ended, nested_ended) = (
        containers.containerizer.wait(&root),
        containers.containerizer.wait(&nested),
    );

    let first = nix::unistd::Pid::from_raw(containers.pid(&root));
    nix::sys::signal::kill(first, nix::sys::signal::SIGTERM).expect("killed");

    let ended = containers.wait(ended).expect("waited").expect("known");
    assert_eq!(ended.status, SIGTERMED);
    let ended = containers.wait(nested_ended).expect("waited");
    assert_eq!(ended.expect("known").status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_TerminatedNestedStatus
#[test]
fn end_of_a_nested_container_is_known_to_all_who_ask() {
    let containers = Containers::new();
    let parts: Vec<Arc<dyn Containerizer>> = vec![Arc::new(containers.containerizer.clone())];
    let composed = ComposingContainerizer::spawn(&containers.runtime, parts);
    let launch = |id: &ContainerId, config| {
        let launched = composed.launch(LaunchRequest {
            id: id.clone(),
            config,
            environment: std::collections::BTreeMap::new(),
            pid_path: None,
        });
        let launched = settle(containers.runtime.block_on(launched));
        assert_eq!(launched.expect("launched"), LaunchResult::Success);
    };
    let root = ContainerId::random();
    launch(&root, containers.root_config(&root, "sleep 1000"));
    let nested = root.child("nested");
    launch(&nested, config("exit 42"));
    let status = |answer: Answer<Option<ContainerTermination>>| {
        let end = containers.wait(answer).expect("answered");
        end.expect("known").status
    };

    assert_eq!(status(composed.wait(&nested)), exited(42));
    assert_eq!(status(composed.destroy(&nested)), exited(42));
    assert_eq!(status(containers.containerizer.wait(&nested)), exited(42));
    assert_eq!(
        status(containers.containerizer.destroy(&nested)),
        exited(42)
    );
    assert_eq!(status(composed.destroy(&root)), SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_AgentEnvironmentNotLeaked
#[test]
fn nested_container_has_none_of_the_variables_of_its_agent() {
    let containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let nested = root.child("nested");
    let sandbox = paths::nested_sandbox_path(&containers.sandbox(&root), &nested);

    containers.launch(&nested, with_variable(config("env > out"), "GIVEN", "x"));

    assert_eq!(containers.end(&nested).status, exited(0));
    let text = fs::read_to_string(sandbox.join("out")).expect("written");
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["GIVEN", "MESOS_SANDBOX", "PATH"]);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_Remove
/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_RemoveAfterParentDestroyed
#[test]
fn what_is_left_of_a_nested_container_is_removed_while_its_root_runs() {
    let containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let (nested, later) = (
        containers.launch_nested(&root, "true"),
        containers.launch_nested(&root, "true"),
    );
    assert_eq!(containers.end(&nested).status, exited(0));
    assert_eq!(containers.end(&later).status, exited(0));
    let sandbox = paths::nested_sandbox_path(&containers.sandbox(&root), &nested);
    let runtime = containers.runtime_path(&nested);
    let is_there = |path: &Path| path.is_dir();
    assert!(is_there(&sandbox) && is_there(&runtime));
    assert!(paths::config_file(&runtime).is_file());
    let remove = |id| containers.wait(containers.containerizer.remove(id));

    remove(&nested).expect("removed");
    assert!(!is_there(&sandbox) && !is_there(&runtime));
    remove(&nested).expect("nothing is left");
    containers.destroy(&root);
    assert!(remove(&later).is_err());
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_RecoverNested
#[test]
fn nested_container_outlives_its_agent() {
    let mut containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let nested = containers.launch_nested(&root, "sleep 1000");
    let pid = containers.pid(&nested);

    containers.restart(&[&root]);

    assert_eq!(containers.pid(&nested), pid);
    assert_eq!(containers.destroy(&nested).status, SIGKILLED);
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_RecoverNestedWithoutSlaveState
#[test]
fn nested_container_of_a_root_that_the_agent_does_not_know_is_destroyed() {
    let mut containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let nested = containers.launch_nested(&root, "sleep 1000");

    containers.restart(&[]);
    let (ended, nested_ended) = (
        containers.containerizer.wait(&root),
        containers.containerizer.wait(&nested),
    );

    let ended = containers.wait(ended).expect("waited").expect("known");
    assert_eq!(ended.status, SIGKILLED);
    let ended = containers.wait(nested_ended).expect("waited");
    assert_eq!(ended.expect("known").status, SIGKILLED);
}

/// Mirrors: MesosContainerizerExecuteTest.IoRedirection
#[test]
fn outputs_go_to_their_files() {
    let containers = Containers::new();
    let id = ContainerId::random();
    let command = "(echo 'this is stderr' 1>&2) && echo 'this is stdout'";

    let end = containers.run(&id, containers.root_config(&id, command));

    assert_eq!(end.status, exited(0));
    let read = |name| fs::read_to_string(containers.sandbox(&id).join(name)).expect("kept");
    assert!(read("stderr").contains("this is stderr"));
    assert_eq!(read("stdout"), "this is stdout\n");
}

/// Mirrors: MesosContainerizerTest.StandaloneLaunch
#[test]
fn container_of_an_operator_needs_no_executor() {
    let containers = Containers::new();
    let id = ContainerId::random();
    let sandbox = containers.root_config(&id, "").directory;

    let end = containers.run(
        &id,
        ContainerConfig {
            directory: sandbox,
            ..config("exit 42")
        },
    );

    assert_eq!(end.status, exited(42));
}
