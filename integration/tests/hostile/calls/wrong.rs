//! Every field of every call with a value of another kind.

use std::net::SocketAddr;

use mesos_integration::cluster::Cluster;
use mesos_integration::http_client::{self, Request};
use serde_json::{Value, json};

use super::{STATE_OF_AGENT, STATE_OF_MASTER, reply, state, templates};

/// The paths of every member of an object, those inside it too.
fn members(value: &Value, path: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let path = format!("{path}/{name}");
                into.push(path.clone());
                members(inner, &path, into);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                members(item, &format!("{path}/{index}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Fields that are maps, whose keys are data.
const MAPS: [&str; 2] = ["/guarantees", "/limits"];

/// A value that no field of that kind takes.
fn of_another_kind(value: &Value) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) => json!(7),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => json!([[]]),
    }
}

/// A call as the only record of a stream.
pub(super) fn as_record(path: &str, call: &Value) -> Request {
    let call = call.to_string();
    Request::new("POST", path)
        .header("Content-Type", "application/recordio")
        .header("Message-Content-Type", "application/json")
        .body(format!("{}\n{call}", call.len()))
}

/// How a call is sent to a path.
type Form = fn(&str, &Value) -> Request;

/// What is wrong with the refusals of a call with one field of another kind at a time.
fn faults(address: SocketAddr, path: &str, form: Form, call: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    members(call, "", &mut fields);
    let mut faults = Vec::new();
    for field in fields {
        let mut broken = call.clone();
        if let Some(value) = broken.pointer_mut(&field) {
            *value = of_another_kind(value);
        }
        let answer = reply(address, &form(path, &broken)).expect("an answer");
        let (parent, name) = field.rsplit_once('/').unwrap_or_default();
        // What a map holds under a key is the field `value` of an entry.
        let is_entry = MAPS.iter().any(|map| parent.ends_with(map));
        let name = if is_entry { "value" } else { name };
        if answer.status != 400 || !answer.text.contains(name) {
            faults.push(format!("{field}: {} {}", answer.status, answer.text));
        }
    }
    faults
}

#[track_caller]
fn refused(address: SocketAddr, path: &str, calls: &[Value]) {
    refused_as(address, path, Request::post_json, calls);
}

#[track_caller]
fn refused_as(address: SocketAddr, path: &str, form: Form, calls: &[Value]) {
    let faults: Vec<String> = calls
        .iter()
        .flat_map(|call| faults(address, path, form, call))
        .collect();
    assert!(faults.is_empty(), "{path}\n{}", faults.join("\n"));
}

#[test]
fn field_of_another_kind_is_named_and_changes_nothing() {
    let mut cluster = Cluster::start().unwrap();
    let agent = cluster.add_agent().unwrap().address;
    let master = cluster.master.address;
    let agents = http_client::get_json(master, "/slaves").unwrap();
    let id = agents["slaves"][0]["id"].as_str().unwrap().to_owned();
    let before = (
        state(master, &STATE_OF_MASTER),
        state(agent, &STATE_OF_AGENT),
    );

    refused(master, "/api/v1", &templates::to_master(&id));
    refused(master, "/api/v1", &templates::to_cluster());
    refused(master, "/api/v1/scheduler", &templates::of_schedulers());
    refused(master, "/api/v1/scheduler", &[templates::subscription()]);
    refused(agent, "/slave(1)/api/v1", &templates::to_agent());
    refused_as(agent, "/slave(1)/api/v1", as_record, &templates::of_input());
    let of_executors = templates::of_executors();
    refused(agent, "/slave(1)/api/v1/executor", &of_executors);

    let after = (
        state(master, &STATE_OF_MASTER),
        state(agent, &STATE_OF_AGENT),
    );
    assert_eq!(after, before);
}
