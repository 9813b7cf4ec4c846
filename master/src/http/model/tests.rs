//! Documents beside those that Mesos' own tests name.

use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto_codec::json::JsonWriter;
use mesos_proto_codec::{Dialect, Json, to_json};
use serde_json::{Value, json};

use crate::state::task::Task;

fn written(write: impl FnOnce(&mut JsonWriter)) -> Value {
    let mut writer = JsonWriter::new(Dialect::V0);
    write(&mut writer);
    serde_json::from_slice(&writer.into_vec()).expect("JSON")
}

fn message<M: Json>(json: &Value) -> M {
    M::read_json(Dialect::V0, json.to_string().as_bytes()).expect("a message")
}

fn parsed(text: &str) -> Resources {
    Resources::parse(text).expect("resources")
}

/// Mirrors: HTTPTest.ModelTask
#[test]
fn task_is_shown_with_all_that_is_known_of_it() {
    let discovery = json!({
        "name": "discover",
        "ports": {"ports": [{
            "number": 80,
            "labels": {"labels": [{"key": "ACTION", "value": "port:7987 DENY"}]}}]},
        "visibility": "CLUSTER"});
    let info: v1::Task = message(&json!({
        "name": "task",
        "task_id": {"value": "t"},
        "slave_id": {"value": "s"},
        "framework_id": {"value": "f"},
        "state": "TASK_RUNNING",
        "user": "user1",
        "limits": {"cpus": {"value": 1.0}, "mem": {"value": 32}},
        "discovery": discovery,
        "statuses": [{
            "task_id": {"value": "t"},
            "state": "TASK_RUNNING",
            "slave_id": {"value": "s"},
            "executor_id": {"value": "t"},
            "timestamp": 0.0}]}));

    let shown = written(|w| super::task(w, &Task::reported(info)));

    let expected = json!({
        "executor_id": "",
        "framework_id": "f",
        "id": "t",
        "name": "task",
        "resources": {"cpus": 0.0, "disk": 0.0, "gpus": 0.0, "mem": 0.0},
        "limits": {"cpus": 1.0, "mem": 32.0},
        "slave_id": "s",
        "state": "TASK_RUNNING",
        "statuses": [{"state": "TASK_RUNNING", "timestamp": 0.0}],
        "discovery": discovery,
        "user": "user1"});
    assert_eq!(shown, expected);
}

/// Mirrors: HTTPTest.ModelResources
#[test]
fn resources_are_summed_over_roles_and_revocable_ones_stand_apart() {
    let mut total = parsed("cpus:1;cpus(foo):1;gpus:1;mem:512;disk:1024;ports(foo):[1-10];bar:1");
    let mut revocable = parsed("cpus:1.1;gpus:2;mem:513;disk:1025").to_proto();
    for resource in &mut revocable {
        resource.revocable = Some(v1::resource::RevocableInfo::default());
    }
    total += &Resources::from_proto(&revocable);

    let shown = written(|w| super::resources(w, &total));

    let expected = json!({
        "bar": 1.0,
        "cpus": 2.0,
        "cpus_revocable": 1.1,
        "disk": 1024.0,
        "disk_revocable": 1025.0,
        "gpus": 1.0,
        "gpus_revocable": 2.0,
        "mem": 512.0,
        "mem_revocable": 513.0,
        "ports": "[1-10]"});
    assert_eq!(shown, expected);
}

/// Mirrors: HTTP.ModelRoleResources
#[test]
fn resources_of_roles_are_shown_by_role() {
    let total = parsed("cpus(foo):1;ports(foo):[1-10];mem(bar):512;disk(bar):1024");

    let shown = written(|w| {
        w.object(|w| {
            for (role, reserved) in total.reservations() {
                w.field_with(role.as_ref(), |w| super::resources(w, &reserved));
            }
        });
    });

    let expected = json!({
        "foo": {"cpus": 1.0, "disk": 0.0, "gpus": 0.0, "mem": 0.0, "ports": "[1-10]"},
        "bar": {"cpus": 0.0, "disk": 1024.0, "gpus": 0.0, "mem": 512.0}});
    assert_eq!(shown, expected);
}

/// Mirrors: HTTP.SerializeNetworkInfo
#[test]
fn network_is_shown_with_addresses_and_groups() {
    let mut info = v1::NetworkInfo::default();
    info.ip_addresses.push(v1::network_info::IpAddress {
        protocol: Some(v1::network_info::Protocol::IPv4.into()),
        ip_address: Some("10.0.0.1".to_owned()),
        ..Default::default()
    });
    info.groups.extend(["foo".to_owned(), "bar".to_owned()]);

    let shown: Value = serde_json::from_str(&to_json(&info, Dialect::V0)).expect("JSON");

    let expected = json!({
        "ip_addresses": [{"protocol": "IPv4", "ip_address": "10.0.0.1"}],
        "groups": ["foo", "bar"]});
    assert_eq!(shown, expected);
}
