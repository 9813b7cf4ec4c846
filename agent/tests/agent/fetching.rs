//! Artifacts reach the sandbox before the executor runs.

use std::fs;

use mesos_proto::internal::ExitedExecutorMessage;
use mesos_proto::v1::{
    CommandInfo, TaskInfo, TaskState, command_info::Uri, task_status::Reason, task_status::Source,
};

use crate::harness::{Cluster, command_task, executor_task, framework, run_dir};

/// A task that only has an artifact.
fn task(id: &str, uri: Uri) -> TaskInfo {
    let command = CommandInfo {
        value: Some("exit 0".to_owned()),
        uris: vec![uri],
        ..Default::default()
    };
    TaskInfo {
        command: Some(command.into()),
        ..command_task(id, "")
    }
}

fn source(cluster: &Cluster, text: &str) -> String {
    let path = cluster.place.directory.path().join("artifact");
    fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn fetched(cluster: &Cluster, task: &str) -> String {
    cluster.wait_for_executor(task);
    cluster.wait_for_state(|_| {
        run_dir(&cluster.place.work_dir(), task)
            .join("started")
            .is_file()
    });
    fs::read_to_string(run_dir(&cluster.place.work_dir(), task).join("artifact")).expect("fetched")
}

/// Mirrors: FetcherCacheTest.LocalUncached
#[test]
fn artifact_is_there_when_the_executor_starts() {
    let cluster = Cluster::registered();
    cluster
        .place
        .command_executor("test -f artifact && touch started; sleep 1000");
    let value = Some(source(&cluster, "content"));

    cluster.run(
        &framework(),
        task(
            "t",
            Uri {
                value,
                ..Default::default()
            },
        ),
    );

    assert_eq!(fetched(&cluster, "t"), "content");
}

/// Mirrors: FetcherCacheTest.LocalCached
#[test]
fn cached_artifact_is_used_again() {
    let cluster = Cluster::registered();
    cluster.place.command_executor("touch started; sleep 1000");
    let uri = Uri {
        value: Some(source(&cluster, "first")),
        cache: Some(true),
        ..Default::default()
    };
    cluster.run(&framework(), task("one", uri.clone()));
    assert_eq!(fetched(&cluster, "one"), "first");
    source(&cluster, "second");

    cluster.run(&framework(), task("two", uri));

    assert_eq!(fetched(&cluster, "two"), "first");
    cluster.check_metric("containerizer/fetcher/cache_size_used_bytes", 5.0);
}

/// Mirrors: FetcherCacheTest.LocalCachedMissing
#[test]
fn cached_artifact_that_was_removed_is_fetched_anew() {
    let cluster = Cluster::registered();
    cluster.place.command_executor("touch started; sleep 1000");
    let uri = Uri {
        value: Some(source(&cluster, "first")),
        cache: Some(true),
        ..Default::default()
    };
    cluster.run(&framework(), task("one", uri.clone()));
    assert_eq!(fetched(&cluster, "one"), "first");
    source(&cluster, "second");
    fs::remove_dir_all(cluster.place.directory.path().join("cache")).expect("removed");

    cluster.run(&framework(), task("two", uri));

    assert_eq!(fetched(&cluster, "two"), "second");
}

/// Mirrors: SlaveTest.MetricsSlaveLaunchErrors
#[test]
fn missing_artifact_fails_the_task_and_says_so() {
    let mut cluster = Cluster::registered();
    let value = Some("/no/such/artifact".to_owned());

    cluster.run(
        &framework(),
        task(
            "t",
            Uri {
                value,
                ..Default::default()
            },
        ),
    );

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
    assert!(
        status
            .message()
            .starts_with("Failed to launch container: Failed to fetch all URIs for container '"),
        "{}",
        status.message()
    );
    cluster.check_metric("slave/container_launch_errors", 1.0);
    let stderr = fs::read_to_string(run_dir(&cluster.place.work_dir(), "t").join("stderr"));
    assert!(
        stderr
            .expect("stderr")
            .contains("Failed to fetch '/no/such/artifact'")
    );
}

/// Mirrors: SlaveTest.ExecutorTimeoutCausedBySlowFetch
#[test]
fn executor_whose_artifacts_do_not_come_in_time_fails_its_task() {
    let home = tempfile::tempdir().expect("temporary directory");
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("created");
    let hadoop = bin.join("hadoop");
    fs::write(&hadoop, "#!/bin/sh\nexec sleep 1000\n").expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&hadoop, executable).expect("executable");
    let mut cluster = Cluster::registered_with(move |flags| {
        flags.hadoop_home = Some(home.path().display().to_string());
        flags.executor_registration_timeout = std::time::Duration::from_millis(500);
    });
    let slow = Uri {
        value: Some("hdfs://dummyhost/dummypath/test".to_owned()),
        ..Default::default()
    };
    let mut task = executor_task("t", "e", "sleep 1000");
    let executor = task.executor.as_mut().expect("an executor");
    executor.command.as_mut().expect("a command").uris = vec![slow];

    cluster.run(&framework(), task);

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
}
