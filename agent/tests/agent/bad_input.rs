//! What cannot work fails one task with the right words; the agent and the other tasks go on.

use std::fs;

use mesos_proto::v1::{
    self, TaskState,
    executor::event,
    task_status::{Reason, Source},
};

use crate::harness::{
    AGENT_ID, Cluster, FakeExecutor, command_task, executor_task, framework, task_id,
};

/// Runs a task that everything else must leave alone.
fn bystander(cluster: &mut Cluster) -> FakeExecutor {
    cluster.run(&framework(), executor_task("by", "bystander", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("bystander");
    executor.expect(cluster, event::Type::Launch);
    cluster.report("bystander", "by", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    executor
}

/// The bystander is still there and still heard.
fn check_bystander(cluster: &mut Cluster, mut executor: FakeExecutor) {
    cluster.send_words("bystander", "still there?");
    executor.expect(cluster, event::Type::Message);
    cluster.report("bystander", "by", TaskState::TaskFinished);
    let status = cluster.expect_update();
    assert_eq!(status.task_id, Some(task_id("by")));
    assert_eq!(status.state(), TaskState::TaskFinished);
}

/// Mirrors: SlaveTest.ROOT_RunTaskWithCommandInfoWithInvalidUser
#[test]
fn task_for_a_user_that_is_not_there_is_dropped() {
    let mut cluster = Cluster::registered_with(|flags| flags.switch_user = true);
    let mut task = command_task("t", "true");
    let user = "2f0a3c57-no-such-user";
    task.command.as_mut().expect("a command").user = Some(user.to_owned());

    cluster.run(&framework(), task);

    let status = cluster.expect_update();
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    assert!(status.message().contains(user), "{}", status.message());
    assert_eq!(cluster.state()["id"], AGENT_ID);
}

#[test]
fn task_whose_sandbox_cannot_be_made_is_dropped() {
    let mut cluster = Cluster::registered();
    let executor = bystander(&mut cluster);
    // Nothing can be made below a file; not even the superuser could.
    let other = v1::FrameworkInfo {
        id: Some(v1::FrameworkId {
            value: Some("other".to_owned()),
            ..Default::default()
        }),
        ..framework()
    };
    let frameworks = cluster.place.work_dir();
    let frameworks = frameworks.join(format!("slaves/{AGENT_ID}/frameworks"));
    fs::write(frameworks.join("other"), "").expect("written");

    cluster.run(&other, command_task("t", "true"));

    let status = cluster.expect_update();
    assert_eq!(status.task_id, Some(task_id("t")));
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    assert!(
        status.message().starts_with("Failed to create directory"),
        "{}",
        status.message()
    );
    check_bystander(&mut cluster, executor);
}

#[test]
fn task_fails_when_the_launcher_cannot_be_run() {
    let mut cluster = Cluster::registered();
    let executor = bystander(&mut cluster);
    let launcher = cluster
        .place
        .directory
        .path()
        .join("libexec/mesos-containerizer");
    fs::remove_file(&launcher).expect("removed");
    fs::write(&launcher, "no program").expect("written");

    cluster.run(&framework(), command_task("t", "true"));

    let status = cluster.expect_update();
    assert_eq!(status.task_id, Some(task_id("t")));
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
    assert!(
        status.message().starts_with("Failed to launch container: "),
        "{}",
        status.message()
    );
    check_bystander(&mut cluster, executor);
}

#[test]
fn executor_that_claims_a_task_of_another_framework_is_not_believed() {
    let mut cluster = Cluster::registered();
    let executor = bystander(&mut cluster);
    let mut call = Cluster::update_call("bystander", "by", TaskState::TaskFailed);
    call.framework_id = Some(v1::FrameworkId {
        value: Some("other".to_owned()),
        ..Default::default()
    });

    assert_eq!(
        cluster.call(&call),
        (400, "Framework cannot be found".to_owned())
    );
    let mut call = Cluster::update_call("bystander", "by", TaskState::TaskFailed);
    call.executor_id = Some(v1::ExecutorId {
        value: Some("other".to_owned()),
        ..Default::default()
    });
    assert_eq!(
        cluster.call(&call),
        (400, "Executor cannot be found".to_owned())
    );
    check_bystander(&mut cluster, executor);
}
