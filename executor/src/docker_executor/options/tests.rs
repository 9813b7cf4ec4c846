//! Command lines as genuine Mesos made them for the same tasks.

use mesos_proto::{Dialect, from_json};

use super::*;

fn settings() -> ContainerSettings {
    ContainerSettings {
        name: "mesos-1".into(),
        sandbox_directory: "/var/sandbox".into(),
        mapped_directory: "/mnt/mesos/sandbox".into(),
        cpu_quota: CpuQuota::Limited,
        // 64 MB of it are two thousandths.
        total_memory: 32_000 * MIB,
        ..Default::default()
    }
}

/// A task with 0.2 CPUs and 64 MB, as JSON, but for what `more` says.
fn task(more: &str) -> TaskInfo {
    let resources = r#"[
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.2}, "allocation_info": {"role": "*"}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 64}, "allocation_info": {"role": "*"}}
    ]"#;
    let text = format!(
        r#"{{"name": "t", "task_id": {{"value": "t"}}, "agent_id": {{"value": "S0"}},
            "resources": {resources}, {more}}}"#
    );
    from_json(&text, Dialect::V1).unwrap()
}

const ENVIRONMENT: &str = "-e MESOS_ALLOCATION_ROLE=* -e MESOS_CONTAINER_NAME=mesos-1 \
                           -e MESOS_SANDBOX=/mnt/mesos/sandbox";
const SANDBOX: &str = "-v /var/sandbox:/mnt/mesos/sandbox";

#[track_caller]
fn runs(more: &str, line: &str) {
    let arguments = settings().run_arguments(&task(more)).unwrap();
    assert_eq!(arguments.join(" "), line);
}

#[track_caller]
fn fails(more: &str, text: &str) {
    let error = settings().run_arguments(&task(more)).unwrap_err();
    assert_eq!(error.to_string(), text);
}

#[test]
fn shell_command_on_the_network_of_the_host() {
    runs(
        r#""command": {"value": "sleep 1", "environment":
            {"variables": [{"name": "TASK_VAR", "value": "v1"}]}},
           "container": {"type": "DOCKER", "docker": {"image": "busybox", "network": "HOST"}}"#,
        &format!(
            "run --cpu-shares 204 --cpu-quota 20000 --memory 67108864 {ENVIRONMENT} \
             -e TASK_VAR=v1 {SANDBOX} --net host --entrypoint /bin/sh --name mesos-1 busybox \
             -c sleep 1"
        ),
    );
}

#[test]
fn executable_keeps_the_entry_point_of_its_image() {
    runs(
        r#""command": {"shell": false, "value": "/bin/echo", "arguments": ["a", "b"]},
           "container": {"type": "DOCKER", "docker": {"image": "busybox"}}"#,
        &format!(
            "run --cpu-shares 204 --cpu-quota 20000 --memory 67108864 {ENVIRONMENT} {SANDBOX} \
             --net host --name mesos-1 busybox /bin/echo a b"
        ),
    );
}

#[test]
fn limits_beyond_the_request_reserve_memory_and_set_the_score() {
    runs(
        r#""command": {"value": "true"}, "limits": {"cpus": {"value": 1}, "mem": {"value": 128}},
           "container": {"type": "DOCKER", "docker": {"image": "busybox"}}"#,
        &format!(
            "run --cpu-shares 204 --cpu-quota 100000 --memory-reservation 67108864 \
             --memory 134217728 --oom-score-adj 998 {ENVIRONMENT} {SANDBOX} --net host \
             --entrypoint /bin/sh --name mesos-1 busybox -c true"
        ),
    );
}

#[test]
fn infinite_limits_are_none() {
    runs(
        r#""command": {"value": "true"},
           "limits": {"cpus": {"value": "Infinity"}, "mem": {"value": "Infinity"}},
           "container": {"type": "DOCKER", "docker": {"image": "busybox"}}"#,
        &format!(
            "run --cpu-shares 204 --memory-reservation 67108864 --oom-score-adj 998 \
             {ENVIRONMENT} {SANDBOX} --net host --entrypoint /bin/sh --name mesos-1 busybox -c true"
        ),
    );
}

#[test]
fn volumes_name_and_parameters_of_a_bridged_container() {
    runs(
        r#""command": {"value": "true"}, "container": {"type": "DOCKER", "hostname": "myhost",
            "volumes": [
                {"host_path": "/hostdir", "container_path": "/data", "mode": "RO"},
                {"host_path": "rel", "container_path": "/rel", "mode": "RW"}],
            "docker": {"image": "busybox", "network": "BRIDGE", "parameters": [
                {"key": "label", "value": "extra=1"}, {"key": "ulimit", "value": "nofile=2048"}]}}"#,
        &format!(
            "run --cpu-shares 204 --cpu-quota 20000 --memory 67108864 {ENVIRONMENT} \
             -v /hostdir:/data:ro -v /var/sandbox/rel:/rel:rw {SANDBOX} --net bridge \
             --hostname myhost --entrypoint /bin/sh --name mesos-1 --label=extra=1 \
             --ulimit=nofile=2048 busybox -c true"
        ),
    );
}

#[test]
fn faults_are_told_in_the_words_of_mesos() {
    let container = |more: &str| {
        format!(r#""command": {{"value": "true"}}, "container": {{"type": "DOCKER", {more}}}"#)
    };
    fails(
        &container(
            r#""docker": {"image": "b", "network": "BRIDGE",
                "port_mappings": [{"container_port": 80, "host_port": 31999}]}"#,
        ),
        "Port mappings require port resources",
    );
    fails(
        &container(
            r#""docker": {"image": "b", "port_mappings": [{"container_port": 80, "host_port": 1}]}"#,
        ),
        "Port mappings are only supported for bridge and user-defined networks",
    );
    fails(
        &container(r#""hostname": "h", "docker": {"image": "b"}"#),
        "Unable to set hostname with host network mode",
    );
    fails(
        &container(
            r#""docker": {"image": "b"}, "volumes": [{"container_path": "/x", "mode": "RW"}]"#,
        ),
        "Host path or volume source is required",
    );
    fails(
        &container(r#""docker": {"image": "b", "network": "USER"}"#),
        "No network info found in container info",
    );
}

#[test]
fn name_servers_of_the_agent_are_for_who_chooses_none() {
    let dns = r#"{"docker": [{"network_mode": "BRIDGE", "dns": {"nameservers": ["8.8.8.8"]}}]}"#;
    let settings = ContainerSettings {
        default_dns: Some(Box::new(from_json(dns, Dialect::V0).unwrap())),
        ..settings()
    };
    let bridged = |more: &str| {
        let task = task(&format!(
            r#""command": {{"value": "true"}}, "container": {{"type": "DOCKER",
                "docker": {{"image": "b", "network": "BRIDGE"{more}}}}}"#
        ));
        settings.run_arguments(&task).unwrap().join(" ")
    };

    assert!(bridged("").contains("--dns 8.8.8.8"));
    let own = bridged(r#", "parameters": [{"key": "dns", "value": "1.1.1.1"}]"#);
    assert!(!own.contains("8.8.8.8"), "{own}");
}
