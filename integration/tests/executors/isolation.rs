//! What isolators measure, and what they allow.

use mesos_integration::eventually::eventually;
use mesos_integration::http_client;
use serde_json::{Value, json};

use crate::support::Stage;
use crate::volumes::{ROLE, create, reservation, reserve};

const MEGABYTE: u64 = 1 << 20;

/// A stage whose agent measures the disk as often as it can.
fn measuring(more: &[&str]) -> Stage {
    let mut flags = vec![
        "--isolation=posix/cpu,posix/mem,disk/du",
        "--container_disk_watch_interval=1ms",
    ];
    flags.extend(more);
    Stage::start_with(&json!({"roles": [ROLE]}), &flags)
}

fn scalar(name: &str, amount: f64) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": amount}})
}

fn reserved_disk(amount: f64) -> Value {
    let mut disk = scalar("disk", amount);
    disk["reservations"] = reservation()["reservations"].clone();
    disk
}

/// A persistent volume.
fn volume(path: &str, amount: f64) -> Value {
    let mut volume = reserved_disk(amount);
    volume["disk"] = json!({
        "persistence": {"id": "id1"},
        "volume": {"mode": "RW", "container_path": path},
    });
    volume
}

/// A task with so much disk, and more resources.
fn task(stage: &Stage, command: &str, disk: Value, more: Option<&Value>) -> Value {
    let mut resources = vec![scalar("cpus", 0.1), scalar("mem", 32.0), disk];
    resources.extend(more.cloned());
    stage.task("t", command, &json!({ "resources": resources }))
}

/// What is measured of the only executor, when it says what a test waits for.
fn measured<T>(stage: &Stage, what: &str, probe: impl Fn(&Value) -> Option<T>) -> T {
    let agent = stage.cluster.agents.first().expect("an agent").address;
    let found = eventually(what, || {
        let all = http_client::get_json(agent, "/monitor/statistics").ok()?;
        probe(all.pointer("/0/statistics")?)
    });
    found.unwrap_or_else(|error| panic!("{error}\n{}", stage.cluster.logs()))
}

fn bytes(statistics: &Value, name: &str) -> Option<u64> {
    statistics.get(name).and_then(Value::as_u64)
}

#[track_caller]
fn assert_ended_by_the_disk(status: &Value) {
    assert_eq!(
        status["reason"], "REASON_CONTAINER_LIMITATION_DISK",
        "{status}"
    );
    let message = status["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Disk usage ("), "{message}");
    assert!(message.contains(") exceeds quota (1MB)"), "{message}");
}

/// The kind that has no image.
///
/// Mirrors: `DiskQuotaEnforcement.DiskUsageExceedsQuota`
#[test]
fn task_that_takes_more_disk_than_it_has_ends() {
    let mut stage = measuring(&["--enforce_container_disk_quota"]);
    let command = "dd if=/dev/zero of=file bs=1048576 count=2 && sleep 1000";
    stage.launch(task(&stage, command, scalar("disk", 1.0), None));
    stage.running(None);

    let failed = stage.scheduler.wait_for_state("t", "TASK_FAILED").unwrap();

    assert_ended_by_the_disk(&failed);
}

/// Mirrors: `DiskQuotaTest.VolumeUsageExceedsQuota`
#[test]
fn task_that_takes_more_of_a_volume_than_it_has_ends() {
    let mut stage = measuring(&["--enforce_container_disk_quota"]);
    let volume = volume("volume_path", 1.0);
    let command = "dd if=/dev/zero of=volume_path/file bs=1048576 count=2 && sleep 1000";
    let task = task(&stage, command, reserved_disk(16.0), Some(&volume));

    stage.accept(&[
        reserve(&json!([reserved_disk(17.0)])),
        create(&volume),
        json!({"type": "LAUNCH", "launch": {"task_infos": [task]}}),
    ]);

    stage.running(None);
    let failed = stage.scheduler.wait_for_state("t", "TASK_FAILED").unwrap();
    assert_ended_by_the_disk(&failed);
}

/// The kind that has no image.
///
/// Mirrors: `DiskQuotaEnforcement.NoQuotaEnforcement`
#[test]
fn task_may_take_more_disk_than_it_has_when_nobody_minds() {
    let mut stage = measuring(&[]);
    let command = "dd if=/dev/zero of=file bs=1048576 count=2 && sleep 1000";
    stage.launch(task(&stage, command, scalar("disk", 1.0), None));
    stage.running(None);

    let limit = measured(&stage, "more than the limit", |statistics| {
        let limit = bytes(statistics, "disk_limit_bytes")?;
        let used = bytes(statistics, "disk_used_bytes")?;
        (used > limit).then_some(limit)
    });

    assert_eq!(limit, MEGABYTE);
}

/// The kind that has no image.
///
/// Mirrors: `DiskQuotaEnforcement.ResourceStatistics`
#[test]
fn sandbox_and_volume_are_measured_apart() {
    let mut stage = measuring(&[]);
    let volume = volume("path1", 4.0);
    let command = "dd if=/dev/zero of=file bs=1048576 count=2 && \
                   dd if=/dev/zero of=path1/file bs=1048576 count=2 && sleep 1000";
    let task = task(&stage, command, reserved_disk(3.0), Some(&volume));
    stage.accept(&[
        reserve(&json!([reserved_disk(7.0)])),
        create(&volume),
        json!({"type": "LAUNCH", "launch": {"task_infos": [task]}}),
    ]);
    stage.running(None);

    let statistics = measured(&stage, "both disks", |statistics| {
        let disks = statistics.get("disk_statistics")?.as_array()?;
        let full = |disk: &Value| bytes(disk, "used_bytes").is_some_and(|used| used > MEGABYTE);
        (disks.len() == 2 && disks.iter().all(full)).then(|| statistics.clone())
    });

    assert_eq!(bytes(&statistics, "disk_limit_bytes"), Some(3 * MEGABYTE));
    for disk in statistics["disk_statistics"].as_array().unwrap() {
        let megabytes = if disk.get("persistence").is_some() {
            4
        } else {
            3
        };
        let limit = bytes(disk, "limit_bytes");
        assert_eq!(limit, Some(megabytes * MEGABYTE), "{disk}");
        assert!(bytes(disk, "used_bytes") < limit, "{disk}");
    }
    stage.scheduler.kill("t").unwrap();
    stage.scheduler.wait_for_state("t", "TASK_KILLED").unwrap();
}

/// The kind that has no image.
///
/// Mirrors: `DiskQuotaEnforcement.SlaveRecovery`
/// Mirrors: `MesosContainerizerSlaveRecoveryTest.ResourceStatistics`
#[test]
fn disk_and_limits_are_told_by_the_next_agent() {
    let flags = [
        "--isolation=posix/cpu,posix/mem,disk/du",
        "--container_disk_watch_interval=1ms",
    ];
    let mut stage = Stage::start_with(&json!({"checkpoint": true}), &flags);
    let command = "dd if=/dev/zero of=file bs=1048576 count=2 && sleep 1000";
    stage.launch(task(&stage, command, scalar("disk", 3.0), None));
    stage.running(None);
    stage.cluster.agents.first_mut().unwrap().kill().unwrap();

    stage.cluster.restart_agent(0).unwrap();

    // The executor's own notes take less.
    let statistics = measured(&stage, "what the task wrote", |statistics| {
        let used = bytes(statistics, "disk_used_bytes")?;
        (used > 64 * 1024).then(|| statistics.clone())
    });
    let limit = bytes(&statistics, "disk_limit_bytes");
    assert_eq!(limit, Some(3 * MEGABYTE));
    assert!(bytes(&statistics, "disk_used_bytes") <= limit);
    // Those of the task and of the overhead of its executor.
    assert!(statistics["cpus_soft_limit"].as_f64() > Some(0.1));
    for name in ["mem_soft_limit_bytes", "mem_limit_bytes"] {
        assert_eq!(bytes(&statistics, name), Some(64 * MEGABYTE), "{name}");
    }
    stage.scheduler.kill("t").unwrap();
    stage.scheduler.wait_for_state("t", "TASK_KILLED").unwrap();
}

/// A task with a limit.
fn limited(stage: &Stage, id: &str, command: &str, limit: &Value) -> Value {
    let container = json!({"type": "MESOS", "rlimit_info": {"rlimits": [limit]}});
    stage.task(id, command, &json!({ "container": container }))
}

fn stage_with_limits() -> Stage {
    Stage::start_with(&json!({}), &["--isolation=posix/rlimits"])
}

/// The executor of a task with such a limit does not start.
#[track_caller]
fn assert_refused(limit: &Value) {
    let mut stage = stage_with_limits();
    stage.launch(limited(&stage, "t", "true", limit));

    let status = stage.scheduler.wait_for_update().expect("an update");

    assert_eq!(status["state"], "TASK_FAILED", "{status}");
    assert_eq!(status["reason"], "REASON_EXECUTOR_TERMINATED", "{status}");
}

/// Mirrors: `PosixRLimitsIsolatorTest.InvalidLimits`
#[test]
fn limit_that_cannot_be_is_refused() {
    assert_refused(&json!({"type": "RLMT_CPU", "soft": 100, "hard": 1}));
}

/// Mirrors: `PosixRLimitsIsolatorTest.BothSoftAndHardLimitSet`
#[test]
fn half_a_limit_is_refused() {
    assert_refused(&json!({"type": "RLMT_CORE", "soft": 1}));
}

/// Mirrors: `PosixRLimitsIsolatorTest.UnsetLimits`
#[test]
fn limit_without_amounts_is_no_limit() {
    let mut stage = stage_with_limits();
    let command = "test \"$(ulimit -c)\" = unlimited";
    let task = limited(&stage, "t", command, &json!({"type": "RLMT_CORE"}));
    stage.launch(task);

    stage.running(None);
    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_FINISHED", "{status}");
}

/// Mirrors: `PosixRLimitsIsolatorTest.TaskExceedingLimit`
#[test]
fn task_that_goes_beyond_its_limit_ends() {
    let mut stage = stage_with_limits();
    let limit = json!({"type": "RLMT_CPU", "soft": 1, "hard": 1});
    stage.launch(limited(&stage, "t", "while true; do true; done", &limit));

    stage.running(None);
    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_FAILED", "{status}");
}

/// Mirrors: `PosixRLimitsIsolatorTest.NestedContainers`
#[test]
fn each_task_of_a_group_has_its_own_limit() {
    let mut stage = stage_with_limits();
    let tasks = [("a", 10_000), ("b", 20_000)].map(|(id, seconds)| {
        let limit = json!({"type": "RLMT_CPU", "soft": seconds, "hard": seconds});
        limited(
            &stage,
            id,
            &format!("test $(ulimit -t) = {seconds}"),
            &limit,
        )
    });
    stage.launch_group(&tasks);

    for task in ["a", "b"] {
        let finished = stage.scheduler.wait_for_state(task, "TASK_FINISHED");
        finished.unwrap();
    }
}

/// Mirrors: `ContainerLoggerTest.DefaultToSandbox`
#[test]
fn output_of_a_task_is_in_its_sandbox() {
    let mut stage = Stage::start();
    stage.launch(stage.task("t", "echo 'Hello World!'", &json!({})));
    stage
        .scheduler
        .wait_for_state("t", "TASK_FINISHED")
        .unwrap();

    let sandbox = format!(
        "slaves/{}/frameworks/{}/executors/t/runs/latest/stdout",
        stage.offer["agent_id"]["value"].as_str().unwrap(),
        stage.scheduler.framework_id,
    );
    let text = std::fs::read_to_string(stage.cluster.agent_work_dir(0).join(sandbox)).unwrap();
    assert!(text.contains("Hello World!"), "{text}");
}

/// What a task with this command takes of the processor, once it is enough to be seen.
fn burn(command: &str, name: &str) -> f64 {
    let mut stage = Stage::start();
    stage.launch(stage.task("t", command, &json!({})));
    stage.running(None);
    measured(&stage, name, |statistics| {
        let seconds = statistics.get(name)?.as_f64()?;
        (seconds >= 0.12).then_some(seconds)
    })
}

/// With `posix/cpu`.
///
/// Mirrors: `CpuIsolatorTest.ROOT_UserCpuUsage`
#[test]
fn time_that_a_task_computes_is_measured() {
    let seconds = burn(
        "while true; do true; done & sleep 60",
        "cpus_user_time_secs",
    );

    assert!(seconds >= 0.12);
}

/// With `posix/cpu`.
///
/// Mirrors: `CpuIsolatorTest.ROOT_SystemCpuUsage`
#[test]
fn time_that_the_kernel_works_for_a_task_is_measured() {
    let command = "cat /dev/urandom > /dev/null & sleep 60";

    let seconds = burn(command, "cpus_system_time_secs");

    assert!(seconds >= 0.12);
}

/// A task that ends well when it knows its secret.
fn task_with_secret(stage: &Stage) -> Value {
    let mut task = stage.task("t", "test \"$SECRET\" = password", &json!({}));
    task["command"]["environment"] = json!({"variables": [{
        "name": "SECRET", "type": "SECRET",
        // The value is Base64.
        "secret": {"type": "VALUE", "value": {"data": "cGFzc3dvcmQ="}},
    }]});
    task
}

/// Mirrors: `EnvironmentSecretIsolatorTest.ResolveSecret`
#[test]
fn task_knows_the_secret_of_its_environment() {
    let mut stage = Stage::start();
    stage.launch(task_with_secret(&stage));

    stage.running(None);
    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_FINISHED", "{status}");
}

/// Mirrors: `EnvironmentSecretIsolatorTest.ResolveSecretDefaultExecutor`
#[test]
fn task_of_a_group_knows_the_secret_of_its_environment() {
    let mut stage = Stage::start();
    stage.launch_group(&[task_with_secret(&stage)]);

    stage.running(None);
    let status = stage.scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_FINISHED", "{status}");
}
