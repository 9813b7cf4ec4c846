//! Real processes are launched, measured, destroyed and recovered.

use std::{fs, path::Path, time::Duration};

use libprocess::Outcome;

use super::*;
use crate::{
    container_logger::ContainerLogger,
    containerizer::{ContainerizerError, settle},
    fetcher::FetcherOptions,
    io_switchboard::IoSwitchboardOptions,
    isolators,
    launch_info::ContainerConfig,
    launcher::{ContainerOutput, Sink, posix::PosixLauncher},
    paths,
};

/// A shell script that does what the launch helper does for these tests.
///
/// It becomes the container: waits for its byte, runs the command of `command` and writes its status.
const HELPER: &str = r#"#!/bin/sh
: > "$MESOS_CONTAINERIZER_RUNTIME_DIRECTORY/status"
[ "$(head -c 1 "/proc/self/fd/$MESOS_CONTAINERIZER_PIPE_READ" | od -An -tu1 | tr -d ' ')" = 0 ] || exit 1
setsid -w sh "$(dirname "$MESOS_CONTAINERIZER_RUNTIME_DIRECTORY/x")/command" </dev/null
code=$?
[ $code -gt 128 ] && printf %s $((code - 128)) > "$MESOS_CONTAINERIZER_RUNTIME_DIRECTORY/status" && exit 0
printf %s $((code * 256)) > "$MESOS_CONTAINERIZER_RUNTIME_DIRECTORY/status"
"#;

#[derive(Debug)]
struct FileLogger;

impl ContainerLogger for FileLogger {
    fn prepare(
        &self,
        _id: &ContainerId,
        config: &ContainerConfig,
    ) -> std::io::Result<ContainerOutput> {
        let open = |name: &str| {
            let path = Path::new(config.directory()).join(name);
            fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map(Sink::File)
        };
        Ok(ContainerOutput {
            out: open("stdout")?,
            err: open("stderr")?,
        })
    }
}

fn executor() -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        executor_id: Some(v1::ExecutorId {
            value: Some("e".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

struct Fixture {
    runtime: Runtime,
    containerizer: MesosContainerizer,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let runtime = Runtime::builder().start().expect("runtime");
        let directory = tempfile::tempdir().expect("temporary directory");
        let containerizer = Self::containerizer(&runtime, directory.path());
        Self {
            runtime,
            containerizer,
            directory,
        }
    }

    fn containerizer(runtime: &Runtime, root: &Path) -> MesosContainerizer {
        use std::os::unix::fs::PermissionsExt;
        let helper = root.join("mesos-containerizer");
        fs::write(&helper, HELPER).expect("helper");
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("executable");
        let options = MesosContainerizerOptions {
            launcher_dir: root.to_owned(),
            runtime_dir: root.join("run"),
            work_dir: root.join("work"),
        };
        let fetcher = Fetcher::spawn(
            runtime,
            FetcherOptions {
                launcher_dir: root.to_owned(),
                cache_dir: root.join("cache"),
                cache_size: 1 << 20,
                frameworks_home: None,
                hadoop_home: None,
                stall_timeout: Duration::from_secs(60),
            },
        );
        let parts = MesosContainerizerParts {
            launcher: Box::new(PosixLauncher::new(runtime)),
            isolators: isolators::create(
                runtime,
                "posix/cpu,posix/mem",
                &isolators::IsolatorOptions::at(root),
            )
            .expect("isolators"),
            switchboard: IoSwitchboard::spawn(
                runtime,
                IoSwitchboardOptions {
                    launcher_dir: root.to_owned(),
                    runtime_dir: root.join("run"),
                    heartbeat_interval: Duration::from_secs(30),
                },
                Arc::new(FileLogger),
            ),
            fetcher,
            collector: None,
        };
        MesosContainerizer::spawn(runtime, options, parts)
    }

    fn runtime_path(&self, id: &ContainerId) -> PathBuf {
        paths::runtime_path(&self.directory.path().join("run"), id)
    }

    fn request(&self, id: &ContainerId, script: &str) -> LaunchRequest {
        let sandbox = self.directory.path().join("sandbox").join(id.value());
        fs::create_dir_all(&sandbox).expect("sandbox");
        let runtime = self.runtime_path(id);
        fs::create_dir_all(&runtime).expect("runtime directory");
        fs::write(runtime.join("command"), script).expect("command");
        let command = v1::CommandInfo {
            value: Some(script.to_owned()),
            ..Default::default()
        };
        let resource = |name: &str, value: f64| v1::Resource {
            name: Some(name.to_owned()),
            r#type: Some(v1::value::Type::Scalar.into()),
            scalar: Some(v1::value::Scalar {
                value: Some(value),
                ..Default::default()
            }),
            ..Default::default()
        };
        LaunchRequest {
            id: id.clone(),
            config: ContainerConfig {
                directory: Some(sandbox.display().to_string()),
                command_info: Some(command.into()),
                executor_info: Some(executor().into()),
                resources: vec![resource("cpus", 1.0), resource("mem", 64.0)],
                ..Default::default()
            },
            environment: BTreeMap::new(),
            pid_path: None,
        }
    }

    fn wait<T: Send + 'static>(&self, answer: Answer<T>) -> Result<T, ContainerizerError> {
        settle(self.runtime.block_on(answer))
    }

    fn launch(&self, id: &ContainerId, script: &str) -> LaunchResult {
        self.wait(self.containerizer.launch(self.request(id, script)))
            .expect("launched")
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let ids = self
            .wait(self.containerizer.containers())
            .unwrap_or_default();
        for id in ids.iter().filter(|id| !id.is_nested()) {
            drop(self.wait(self.containerizer.destroy(id)));
        }
        self.runtime.shutdown();
    }
}

/// Mirrors: MesosContainerizerTest.Launch
#[test]
fn container_ends_with_the_status_of_its_command() {
    let fixture = Fixture::new();
    let id = ContainerId::random();

    let launched = fixture.launch(&id, "echo hello; exit 3");
    let termination = fixture
        .wait(fixture.containerizer.wait(&id))
        .expect("waited");

    assert_eq!(launched, LaunchResult::Success);
    assert_eq!(termination.expect("known").status, Some(3 << 8));
    let out = fixture
        .directory
        .path()
        .join("sandbox")
        .join(id.value())
        .join("stdout");
    assert_eq!(fs::read_to_string(out).expect("stdout"), "hello\n");
    assert!(!fixture.runtime_path(&id).is_dir());
}

/// Mirrors: MesosContainerizerTest.Destroy
#[test]
fn destroyed_container_was_killed() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    fixture.launch(&id, "sleep 1000");

    let termination = fixture
        .wait(fixture.containerizer.destroy(&id))
        .expect("destroyed");

    assert_eq!(termination.expect("known").status, Some(9));
    assert!(
        fixture
            .wait(fixture.containerizer.containers())
            .expect("listed")
            .is_empty()
    );
}

/// Mirrors: MesosContainerizerTest.StatusWithContainerID
#[test]
fn status_names_container_and_process() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    fixture.launch(&id, "sleep 1000");

    let status = fixture
        .wait(fixture.containerizer.status(&id))
        .expect("status");

    assert_eq!(status.container_id().value(), id.value());
    assert!(status.executor_pid() > 1);
}

/// Mirrors: MesosContainerizerDestroyTest.DestroyUnknownContainer
#[test]
fn unknown_container_cannot_be_destroyed() {
    let fixture = Fixture::new();

    let termination = fixture
        .wait(fixture.containerizer.destroy(&ContainerId::random()))
        .expect("answered");

    assert_eq!(termination, None);
}

/// Mirrors: MesosContainerizerWaitTest.WaitUnknownContainer
#[test]
fn unknown_container_is_not_waited_for() {
    let fixture = Fixture::new();

    let waited = fixture.wait(fixture.containerizer.wait(&ContainerId::random()));

    assert_eq!(waited.expect("answered"), None);
}

#[test]
fn second_launch_of_a_container_changes_nothing() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    fixture.launch(&id, "sleep 1000");

    assert_eq!(fixture.launch(&id, "exit 1"), LaunchResult::AlreadyLaunched);
}

#[test]
fn container_of_another_kind_is_left_to_others() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    let mut request = fixture.request(&id, "exit 0");
    request.config.container_info = Some(
        v1::ContainerInfo {
            r#type: Some(v1::container_info::Type::Docker.into()),
            ..Default::default()
        }
        .into(),
    );

    let result = fixture
        .wait(fixture.containerizer.launch(request))
        .expect("answered");

    assert_eq!(result, LaunchResult::NotSupported);
}

#[test]
fn usage_tells_what_is_used_and_what_may_be() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    fixture.launch(&id, "sleep 1000");

    let usage = fixture
        .wait(fixture.containerizer.usage(&id))
        .expect("measured");

    assert!(usage.mem_rss_bytes() > 0);
    assert_eq!(usage.mem_limit_bytes(), 64 << 20);
    assert!((usage.cpus_soft_limit() - 1.0).abs() < 1e-9);
    assert!(usage.cpus_user_time_secs.is_some());
}

/// Mirrors: `NestedMesosContainerizerTest.ROOT_CGROUPS_DestroyParent`
#[test]
fn nested_container_goes_with_its_parent() {
    let fixture = Fixture::new();
    let root = ContainerId::random();
    let nested = root.child("inner");
    fixture.launch(&root, "sleep 1000");
    let mut request = fixture.request(&nested, "sleep 1000");
    request.config.executor_info = None;
    fixture
        .wait(fixture.containerizer.launch(request))
        .expect("launched");
    let waited = fixture.containerizer.wait(&nested);

    fixture
        .wait(fixture.containerizer.destroy(&root))
        .expect("destroyed");

    let termination = fixture.wait(waited).expect("waited").expect("known");
    assert_eq!(termination.status, Some(9));
}

/// Mirrors: `NestedMesosContainerizerTest.ROOT_CGROUPS_WaitAfterDestroy`
#[test]
fn end_of_a_nested_container_is_kept() {
    let fixture = Fixture::new();
    let root = ContainerId::random();
    let nested = root.child("inner");
    fixture.launch(&root, "sleep 1000");
    let mut request = fixture.request(&nested, "exit 5");
    request.config.executor_info = None;
    fixture
        .wait(fixture.containerizer.launch(request))
        .expect("launched");
    fixture
        .wait(fixture.containerizer.wait(&nested))
        .expect("waited");

    let again = fixture
        .wait(fixture.containerizer.wait(&nested))
        .expect("waited");

    assert_eq!(again.expect("kept").status, Some(5 << 8));
    fixture
        .wait(fixture.containerizer.remove(&nested))
        .expect("removed");
    assert_eq!(
        fixture
            .wait(fixture.containerizer.wait(&nested))
            .expect("waited"),
        None
    );
}

#[test]
fn nested_container_needs_its_parent() {
    let fixture = Fixture::new();
    let nested = ContainerId::root_from("none").child("inner");
    let mut request = fixture.request(&nested, "exit 0");
    request.config.executor_info = None;

    let error = fixture
        .wait(fixture.containerizer.launch(request))
        .expect_err("refused");

    assert_eq!(error.to_string(), "Parent container none does not exist");
}

#[test]
fn container_survives_its_containerizer() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    fixture.launch(&id, "sleep 1000");
    let runtime = fixture.runtime_path(&id);
    let pid: i32 = fs::read_to_string(runtime.join("pid"))
        .expect("pid")
        .parse()
        .expect("number");
    let second = Runtime::builder().start().expect("runtime");
    let successor = Fixture::containerizer(&second, fixture.directory.path());

    let recovered = successor.recover(vec![RecoverableContainer {
        id: id.clone(),
        executor_info: executor(),
        pid,
        directory: fixture.directory.path().join("sandbox").join(id.value()),
    }]);
    let outcome = second.block_on(recovered);
    assert!(matches!(outcome, Outcome::Ready(Ok(()))));
    let destroyed = successor.destroy(&id);
    let destroyed = settle(second.block_on(destroyed)).expect("destroyed");

    assert_eq!(destroyed.expect("known").status, Some(9));
    second.shutdown();
}

#[test]
fn orphan_is_destroyed_by_recovery() {
    let fixture = Fixture::new();
    let id = ContainerId::random();
    fixture.launch(&id, "sleep 1000");
    let ended = fixture.containerizer.wait(&id);
    let second = Runtime::builder().start().expect("runtime");
    let successor = Fixture::containerizer(&second, fixture.directory.path());

    let recovered = successor.recover(Vec::new());
    settle(second.block_on(recovered)).expect("recovered");

    assert!(fixture.wait(ended).expect("waited").is_some());
    second.shutdown();
}
