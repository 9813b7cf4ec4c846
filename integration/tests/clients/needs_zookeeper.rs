//! What clients find in ZooKeeper.

use std::process::Command;

use mesos_integration::eventually::eventually;
use mesos_integration::http_client::{self, Request};
use mesos_integration::master_group::MasterGroup;
use serde_json::{Value, json};

/// Runs one command of ZooKeeper's own shell and returns what it prints.
fn zookeeper_shell(group: &MasterGroup, command: &[&str]) -> String {
    let output = Command::new("/usr/share/zookeeper/bin/zkCli.sh")
        .args(["-server", &group.zookeeper.address().to_string()])
        .args(command)
        .env("ZOO_LOG_DIR", group.work_dir(0))
        .output()
        .expect("the shell runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// pymesos takes the least of all children that are no `json.info`, and goes where a follower sends it.
#[test]
fn group_and_followers_lead_clients_to_the_leader() {
    let group = MasterGroup::start().expect("three masters start");
    let leader = group.leader().expect("a leader");
    let address = group.address(leader).expect("its address");
    let path = group
        .url()
        .rsplit_once('/')
        .map(|(_, path)| format!("/{path}"))
        .expect("the path of the group");

    let listed = zookeeper_shell(&group, &["ls", &path]);

    let children: Vec<&str> = listed
        .lines()
        .find_map(|line| line.strip_prefix('[')?.strip_suffix(']'))
        .unwrap_or_else(|| panic!("{listed}"))
        .split(", ")
        .collect();
    assert!(children.contains(&"log_replicas"), "{children:?}");
    let mut members: Vec<&str> = children
        .into_iter()
        .filter(|child| *child != "log_replicas")
        .collect();
    members.sort_unstable();
    assert_eq!(members.len(), 3, "{members:?}");
    for member in &members {
        assert!(member.starts_with("json.info_"), "{members:?}");
    }
    let node = format!("{path}/{}", members[0]);
    let read = zookeeper_shell(&group, &["get", &node]);
    let info: Value = read
        .lines()
        .find_map(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("{read}"));
    assert_eq!(info["address"]["ip"], address.ip().to_string());
    assert_eq!(info["address"]["port"], u64::from(address.port()));

    // Who asks another master is told, without a scheme, whom to ask.
    let follower = (leader + 1) % group.masters.len();
    let follower = group.address(follower).expect("its address");
    let call = json!({"type": "SUBSCRIBE", "subscribe": {
        "framework_info": {"user": "u", "name": "n"}}});
    for path in ["/api/v1/scheduler", "/master/api/v1/scheduler"] {
        let told = eventually("that the follower knows the leader", || {
            let answer = http_client::send(follower, &Request::post_json(path, &call)).ok()?;
            (answer.status() != 503).then_some(answer)
        });
        let told = told.expect("an answer");
        assert_eq!(told.status(), 307, "{path}: {}", told.text());
        let location = format!("//{address}/master/api/v1/scheduler");
        assert_eq!(told.head.header("Location"), Some(location.as_str()));
        assert_eq!(told.text(), "");
    }
}
