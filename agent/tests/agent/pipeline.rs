//! A launch goes through its pipeline, and a destroy meets it at each stage.

use std::{fs, path::Path, sync::Arc};

use libprocess::Promise;
use mesos_containerizer::{
    ContainerId, Containerizer, LaunchRequest, LaunchResult,
    containerizer::{RecoverableContainer, settle},
    launch_info::{ContainerClass, ContainerConfig, ContainerLaunchInfo},
    paths,
};
use mesos_proto::v1;

use crate::{
    lone_containerizer::{Containers, SIGKILLED, config, executor, exited, request},
    pipeline_parts::{Asked, DenyingLauncher, ScriptedIsolator},
};

/// What an isolator wants to be run before the command.
fn before(script: &str) -> ContainerLaunchInfo {
    let command = v1::CommandInfo {
        value: Some(script.to_owned()),
        ..Default::default()
    };
    ContainerLaunchInfo {
        pre_exec_commands: vec![command],
        ..Default::default()
    }
}

/// A containerizer with one isolator for each wish.
fn wishing(wishes: Vec<ContainerLaunchInfo>) -> Containers {
    Containers::changed(move |_, _, parts| {
        for wish in &wishes {
            parts.isolators.push(ScriptedIsolator::saying(wish.clone()));
        }
    })
}

/// The same for commands that run where nothing else does.
fn wishing_commands(scripts: &[&str]) -> Containers {
    let scripts: Vec<String> = scripts.iter().map(|&script| script.to_owned()).collect();
    Containers::changed(move |_, root, parts| {
        for script in &scripts {
            let script = format!("cd {} && {script}", root.display());
            parts
                .isolators
                .push(ScriptedIsolator::saying(before(&script)));
        }
    })
}

/// A containerizer with an isolator of the test.
fn isolated(isolator: &Arc<ScriptedIsolator>) -> Containers {
    let isolator = isolator.clone();
    Containers::changed(move |_, _, parts| parts.isolators.push(isolator.clone()))
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Mirrors: MesosContainerizerIsolatorPreparationTest.ScriptSucceeds
#[test]
fn command_of_an_isolator_runs_first() {
    let containers = wishing_commands(&["touch first"]);
    let id = ContainerId::random();
    let first = containers.place.directory.path().join("first");
    let command = format!("test -e {}", first.display());

    let end = containers.run(&id, containers.root_config(&id, &command));

    assert_eq!(end.status, exited(0));
}

/// Mirrors: MesosContainerizerIsolatorPreparationTest.ScriptFails
#[test]
fn container_ends_with_a_command_of_an_isolator_that_fails() {
    let containers = wishing_commands(&["touch first && exit 1"]);
    let id = ContainerId::random();

    let end = containers.run(&id, containers.root_config(&id, "touch second"));

    assert!(end.status.is_some_and(|status| status != 0));
    assert!(exists(&containers.place.directory.path().join("first")));
    assert!(!exists(&containers.sandbox(&id).join("second")));
}

/// Mirrors: MesosContainerizerIsolatorPreparationTest.MultipleScripts
#[test]
fn one_failing_command_of_several_isolators_is_enough() {
    let containers = wishing_commands(&["touch first && exit 0", "touch second && exit 1"]);
    let id = ContainerId::random();

    let end = containers.run(&id, containers.root_config(&id, "exit 0"));

    assert!(end.status.is_some_and(|status| status != 0));
    assert!(exists(&containers.place.directory.path().join("second")));
}

/// Mirrors: MesosContainerizerIsolatorPreparationTest.ExecutorEnvironmentVariable
#[test]
fn variables_of_isolators_and_of_the_agent_reach_the_command() {
    let variable = v1::environment::Variable {
        name: Some("TEST_ENVIRONMENT".to_owned()),
        value: Some("touched".to_owned()),
        ..Default::default()
    };
    let environment = v1::Environment {
        variables: vec![variable],
        ..Default::default()
    };
    let containers = wishing(vec![ContainerLaunchInfo {
        environment: Some(environment),
        ..Default::default()
    }]);
    let id = ContainerId::random();
    let command = "if [ -n \"$LIBPROCESS_IP\" ]; then touch $TEST_ENVIRONMENT; fi";
    let agents = [("LIBPROCESS_IP".to_owned(), "127.0.0.1".to_owned())];

    let launched = containers.containerizer.launch(LaunchRequest {
        environment: agents.into(),
        ..request(&id, containers.root_config(&id, command))
    });
    let ended = containers.containerizer.wait(&id);

    let launched = containers.wait(launched).expect("launched");
    assert_eq!(launched, LaunchResult::Success);
    let end = containers.wait(ended).expect("waited").expect("known");
    assert_eq!(end.status, exited(0));
    assert!(exists(&containers.sandbox(&id).join("touched")));
}

/// Mirrors: MesosContainerizerDestroyTest.DestroyWhilePreparing
#[test]
fn destroyed_container_waits_for_the_isolator_that_prepares_it() {
    let (isolator, heard) = ScriptedIsolator::new();
    let (prepared, answer) = Promise::new();
    isolator.answer_prepare(answer);
    let containers = isolated(&isolator);
    let id = ContainerId::random();
    let config = containers.root_config(&id, "exit 0");
    let launched = containers.containerizer.launch(request(&id, config));
    let ended = containers.containerizer.wait(&id);
    heard.wait_for(&Asked::Prepare);

    let destroyed = containers.containerizer.destroy(&id);
    let listed = containers.wait(containers.containerizer.containers());
    assert!(listed.expect("listed").contains(&id));
    assert!(ended.is_pending() && destroyed.is_pending());
    prepared.set(Ok(Some(before("exit 0"))));

    let end = containers.wait(ended).expect("waited").expect("known");
    assert_eq!(end.status, None);
    assert!(containers.wait(destroyed).expect("destroyed").is_some());
    let error = containers.wait(launched).expect_err("not launched");
    assert_eq!(
        error.to_string(),
        "Container is being destroyed during preparing"
    );
}

/// Mirrors: MesosContainerizerDestroyTest.DestroyWhileFetching
#[test]
fn destroyed_container_does_not_wait_for_its_artifacts() {
    let containers = Containers::new();
    let id = ContainerId::random();
    // Whoever reads this file waits for somebody who writes.
    let endless = containers.place.directory.path().join("endless");
    nix::unistd::mkfifo(&endless, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let mut config = containers.root_config(&id, "touch ran");
    let command = config.command_info.get_or_insert_default();
    command.uris = vec![v1::command_info::Uri {
        value: Some(endless.display().to_string()),
        extract: Some(false),
        ..Default::default()
    }];
    let launched = containers.containerizer.launch(request(&id, config));
    // The fetcher's output is there when it works.
    let log = containers.sandbox(&id).join("stderr");
    containers.eventually("the fetcher", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("endless"))
    });

    let end = containers.destroy(&id);

    assert_eq!(end.status, SIGKILLED);
    let error = containers.wait(launched).expect_err("not launched");
    assert_eq!(
        error.to_string(),
        "Container is being destroyed during fetching"
    );
    assert!(!exists(&containers.sandbox(&id).join("ran")));
}

/// Mirrors: MesosContainerizerDestroyTest.LauncherDestroyFailure
#[test]
fn container_that_cannot_be_destroyed_is_counted_and_nobody_waits_for_it() {
    let containers = Containers::changed(|runtime, _, parts| {
        parts.launcher = Box::new(DenyingLauncher::new(runtime));
    });
    let id = containers.launch_root("sleep 1000");

    let destroyed = containers.wait(containers.containerizer.destroy(&id));
    let again = containers.wait(containers.containerizer.destroy(&id));
    let waited = containers.wait(containers.containerizer.wait(&id));

    let why = "Failed to destroy the container: Failed to create a pipe to the container: \
               Destroy failure";
    assert_eq!(destroyed.expect_err("refused").chain(), why);
    assert_eq!(again.expect_err("refused").chain(), why);
    assert_eq!(waited.expect_err("refused").chain(), why);
    let metrics = containers.runtime.metrics().snapshot(None);
    let metrics = containers.runtime.block_on(metrics).ready();
    let name = "containerizer/mesos/container_destroy_errors";
    let errors = metrics.expect("metrics").get(name).copied();
    assert!(errors.is_some_and(|errors| (errors - 1.0).abs() < 1e-9));
}

#[test]
fn container_whose_process_cannot_be_noted_is_destroyed() {
    let containers = Containers::new();
    let id = ContainerId::random();
    let config = containers.root_config(&id, "sleep 1000");
    let file = containers.place.directory.path().join("file");
    fs::write(&file, "").expect("written");
    let launched = containers.containerizer.launch(LaunchRequest {
        // No directory can be made here.
        pid_path: Some(file.join("pids/forked.pid")),
        ..request(&id, config)
    });
    assert!(containers.wait(launched).is_err());

    let end = containers.destroy(&id);

    assert!(end.status.is_some());
    let listed = containers.wait(containers.containerizer.containers());
    assert!(listed.expect("listed").is_empty());
}

#[test]
fn process_that_has_ended_is_not_signalled_again() {
    let (isolator, heard) = ScriptedIsolator::new();
    let (cleaned, answer) = Promise::new();
    isolator.answer_cleanup(answer);
    let containers = isolated(&isolator);
    let id = ContainerId::random();
    let config = containers.root_config(&id, "exit 3");
    let launched = containers.containerizer.launch(request(&id, config));
    let ended = containers.containerizer.wait(&id);
    containers.wait(launched).expect("launched");
    heard.wait_for(&Asked::Cleanup);

    // Its number may belong to another process by now.
    let killed = containers.wait(containers.containerizer.kill(&id, 15));

    assert!(killed.is_err());
    cleaned.set(Ok(()));
    let end = containers.wait(ended).expect("waited").expect("known");
    assert_eq!(end.status, exited(3));
}

#[test]
fn nested_container_whose_id_is_used_again_outlives_its_agent() {
    let mut containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let id = root.child("again");
    containers.launch(&id, config("exit 1"));
    assert_eq!(containers.end(&id).status, exited(1));
    containers.launch(&id, config("sleep 1000"));
    let pid = containers.pid(&id);

    containers.restart(&[&root]);

    assert_eq!(containers.pid(&id), pid);
    assert_eq!(containers.destroy(&id).status, SIGKILLED);
}

/// Mirrors: NestedMesosContainerizerTest.ROOT_CGROUPS_RecoverNestedWithoutConfig
#[test]
fn nested_container_without_configuration_is_recovered() {
    let mut containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let nested = containers.launch_nested(&root, "sleep 1000");
    let pid = containers.pid(&nested);
    for id in [&root, &nested] {
        let file = paths::config_file(&containers.runtime_path(id));
        fs::remove_file(file).expect("it is there");
    }

    containers.restart(&[&root]);

    assert_eq!(containers.pid(&nested), pid);
    assert_eq!(containers.destroy(&nested).status, SIGKILLED);
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

/// Mirrors: MesosContainerizerRecoverTest.SkipRecoverNonMesosContainers
#[test]
fn executor_of_another_containerizer_is_not_recovered() {
    let containers = Containers::new();
    let mut foreign = executor();
    foreign.container = Some(
        v1::ContainerInfo {
            r#type: Some(v1::container_info::Type::Docker.into()),
            ..Default::default()
        }
        .into(),
    );
    let known = RecoverableContainer {
        id: ContainerId::random(),
        executor_info: foreign,
        // Were it recovered, this would be watched.
        pid: i32::try_from(std::process::id()).expect("a pid"),
        directory: containers.place.directory.path().to_owned(),
    };

    let recovered = containers.containerizer.recover(vec![known]);

    containers.wait(recovered).expect("recovered");
    let listed = containers.wait(containers.containerizer.containers());
    assert!(listed.expect("listed").is_empty());
}

/// A container of which one directory is the parent's.
fn sharing(command: &str) -> ContainerConfig {
    let path = v1::volume::source::SandboxPath {
        r#type: Some(v1::volume::source::sandbox_path::Type::Parent.into()),
        path: Some("shared".to_owned()),
        ..Default::default()
    };
    let source = v1::volume::Source {
        r#type: Some(v1::volume::source::Type::SandboxPath.into()),
        sandbox_path: Some(path),
        ..Default::default()
    };
    let volume = v1::Volume {
        mode: Some(v1::volume::Mode::Rw.into()),
        container_path: Some("parent".to_owned()),
        source: Some(source.into()),
        ..Default::default()
    };
    let info = v1::ContainerInfo {
        r#type: Some(v1::container_info::Type::Mesos.into()),
        volumes: vec![volume],
        ..Default::default()
    };
    ContainerConfig {
        container_info: Some(info.into()),
        ..config(command)
    }
}

/// Mirrors: VolumeSandboxPathIsolatorTest.SharedParentTypeVolume
#[test]
fn nested_containers_share_a_directory_of_their_parent() {
    let containers = Containers::isolated_by("volume/sandbox_path");
    let root = containers.launch_root("sleep 1000");
    let (writes, reads) = (root.child("writes"), root.child("reads"));

    containers.launch(&writes, sharing("touch parent/file; sleep 1000"));
    containers.launch(
        &reads,
        sharing("while [ ! -f parent/file ]; do sleep 0.1; done"),
    );

    assert_eq!(containers.end(&reads).status, exited(0));
    assert_eq!(containers.destroy(&root).status, SIGKILLED);
}

#[test]
fn nested_container_shares_its_directory_after_the_agent_came_back() {
    let mut containers = Containers::isolated_by("volume/sandbox_path");
    let root = containers.launch_root("sleep 1000");
    let nested = containers.launch_nested(&root, "sleep 1000");
    containers.restart(&[&root]);
    let inner = nested.child("inner");

    containers.launch(&inner, sharing("touch parent/file"));

    assert_eq!(containers.end(&inner).status, exited(0));
    let sandbox = paths::nested_sandbox_path(&containers.sandbox(&root), &nested);
    assert!(exists(&sandbox.join("shared/file")));
}

#[test]
fn what_a_command_left_running_ends_with_its_container() {
    let containers = Containers::new();
    let id = ContainerId::random();
    let command = "sleep 1000 & echo $! > left; exit 0";

    let end = containers.run(&id, containers.root_config(&id, command));

    assert_eq!(end.status, exited(0));
    let left = fs::read_to_string(containers.sandbox(&id).join("left")).expect("written");
    let left: i32 = left.trim().parse().expect("a number");
    containers.eventually("the end of what was left", || {
        let state = procfs_state(left);
        state.is_none_or(|state| state == 'Z')
    });
}

fn procfs_state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Mirrors: MesosContainerizerExecuteTest.ROOT_UNPRIVILEGED_USER_SandboxFileOwnership
#[test]
fn needs_root_outputs_belong_to_the_user_of_the_container() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    const NOBODY: u32 = 65534;
    let containers = Containers::new();
    let id = ContainerId::random();
    let config = ContainerConfig {
        user: Some("nobody".to_owned()),
        ..containers.root_config(&id, "test $(id -un) = nobody")
    };
    let sandbox = containers.sandbox(&id);
    chown(&sandbox, Some(NOBODY), None).expect("we are root");
    for path in sandbox.ancestors().take(3) {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(path, mode).expect("it is ours");
    }

    let end = containers.run(&id, config);

    assert_eq!(end.status, exited(0));
    for name in ["stdout", "stderr"] {
        let owner = fs::metadata(sandbox.join(name)).expect("it is there").uid();
        assert_eq!(owner, NOBODY, "{name}");
    }
}

#[test]
fn debug_mark_of_a_former_container_does_not_hurt_the_next() {
    let mut containers = Containers::new();
    let root = containers.launch_root("sleep 1000");
    let id = root.child("again");
    let debug = ContainerConfig {
        container_class: Some(ContainerClass::Debug.into()),
        ..config("exit 0")
    };
    containers.launch(&id, debug);
    assert_eq!(containers.end(&id).status, exited(0));
    containers.launch(&id, config("sleep 1000"));
    let pid = containers.pid(&id);

    containers.restart(&[&root]);

    assert_eq!(containers.pid(&id), pid);
    let ended = settle(
        containers
            .runtime
            .block_on(containers.containerizer.destroy(&id)),
    );
    assert_eq!(ended.expect("destroyed").expect("known").status, SIGKILLED);
}
