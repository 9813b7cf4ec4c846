//! The registry in a recorded log, beside what the master that wrote it showed to operators.

use std::collections::BTreeMap;

use base64::Engine as _;
use mesos_integration::golden::Golden;
use mesos_proto::internal::Registry;
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json, to_json};
use serde_json::{Value, json};

use super::folder::{Folder, registry_of};
use super::{cluster, host, runtime};

fn shown<M: Json>(message: &M) -> Value {
    serde_json::from_str(&to_json(message, Dialect::V0)).expect("JSON")
}

/// Resources as `/state` sums them up.
fn resources_of(info: &v1::AgentInfo) -> Value {
    let mut sums = BTreeMap::from(["cpus", "disk", "gpus", "mem"].map(|name| (name, 0.0)));
    let mut fields = serde_json::Map::new();
    for resource in &info.resources {
        match resource.r#type() {
            v1::value::Type::Scalar => {
                *sums.entry(resource.name()).or_default() += resource.scalar().value();
            }
            v1::value::Type::Ranges => {
                let ranges: Vec<String> = resource
                    .ranges()
                    .range
                    .iter()
                    .map(|range| format!("{}-{}", range.begin(), range.end()))
                    .collect();
                let text = format!("[{}]", ranges.join(", "));
                fields.insert(resource.name().to_owned(), text.into());
            }
            // None is recorded; it would not be equal to anything.
            v1::value::Type::Set | v1::value::Type::Text => {
                fields.insert(resource.name().to_owned(), Value::Null);
            }
        }
    }
    let sums = sums.into_iter();
    fields.extend(sums.map(|(name, sum)| (name.to_owned(), sum.into())));
    fields.into()
}

/// Attributes as `/state` shows them.
fn attributes_of(info: &v1::AgentInfo) -> Value {
    let attributes = info.attributes.iter().map(|attribute| {
        let value = match attribute.r#type() {
            v1::value::Type::Text => attribute.text().value().into(),
            v1::value::Type::Scalar => attribute.scalar().value().into(),
            v1::value::Type::Ranges | v1::value::Type::Set => Value::Null,
        };
        (attribute.name().to_owned(), value)
    });
    Value::Object(attributes.collect())
}

/// What the registry says of its agents, in the words of `/state`.
fn agents_of(registry: &Registry) -> Vec<Value> {
    let agents = &registry.agents().agents;
    let agent = |entry: &mesos_proto::internal::registry::Agent| {
        let info = entry.info();
        json!({
            "id": info.id().value(),
            "hostname": info.hostname(),
            "port": info.port(),
            "attributes": attributes_of(info),
            "resources": resources_of(info),
            "deactivated": entry.deactivated(),
        })
    };
    agents.iter().map(agent).collect()
}

/// The same fields of the agents in a recorded `/state`.
fn agents_in(state: &Value) -> Vec<Value> {
    let agents = state["slaves"].as_array().expect("agents");
    let fields = [
        "id",
        "hostname",
        "port",
        "attributes",
        "resources",
        "deactivated",
    ];
    let agent = |shown: &Value| {
        let field = |name: &str| (name.to_owned(), shown[name].clone());
        Value::Object(fields.map(field).into_iter().collect())
    };
    agents.iter().map(agent).collect()
}

/// What the registry says of its leader, in the words of `/state`.
fn leader_of(registry: &Registry) -> Value {
    let info = registry.master().info();
    json!({
        "id": info.id(),
        "pid": info.pid(),
        "port": info.port(),
        "hostname": info.hostname(),
    })
}

fn by_role(values: &Value) -> BTreeMap<String, Value> {
    let values = values.as_array().expect("a list");
    let role = |value: &Value| value["role"].as_str().expect("a role").to_owned();
    values
        .iter()
        .map(|value| (role(value), value.clone()))
        .collect()
}

fn list<'a, M: Json + 'a>(messages: impl IntoIterator<Item = &'a M>) -> Value {
    messages.into_iter().map(shown).collect()
}

#[test]
fn the_registry_of_a_lone_master_is_what_its_endpoints_showed_last() {
    let golden = Golden::open("standalone").expect("the recording");
    let last = |name: &str| {
        let path = format!("http/05-gone/master-{name}.json");
        golden.json(&path).expect("an answer")
    };
    let before = golden.json("http/04-after-failover/master-state.json");
    let gone_agent = agents_in(&before.expect("a state")).remove(0);
    let folder = Folder::with_recorded_logs();
    let path = "replicated-logs/standalone/master/replicated_log";
    let host = host(runtime(), &folder, path, 1, &[]);

    let registry = registry_of(&host.runtime, &host.state);

    let state = last("state");
    assert_eq!(leader_of(&registry), state["leader_info"]);
    assert_eq!(agents_of(&registry), agents_in(&state));
    assert_eq!(
        f64::from(u32::try_from(registry.unreachable().agents.len()).expect("few")).to_string(),
        state["unreachable_slaves"]
            .as_f64()
            .expect("a count")
            .to_string()
    );
    let gone: Vec<&str> = registry
        .gone()
        .agents
        .iter()
        .map(|agent| agent.id().value())
        .collect();
    assert_eq!(gone, [gone_agent["id"].as_str().expect("an id")]);
    assert_eq!(
        by_role(&list(&registry.quota_configs)),
        by_role(&last("quota")["configs"])
    );
    let weights = registry.weights.iter().map(|weight| weight.info());
    assert_eq!(by_role(&list(weights)), by_role(&last("weights")));
    assert_eq!(last("maintenance-schedule"), json!({}));
    assert!(registry.schedules.is_empty());
    assert!(registry.machines().machines.is_empty());
    host.runtime.shutdown();
}

/// The answer to the one `GET /master/state` that the leader of the recording got.
fn state_of_the_leader() -> Value {
    let golden = Golden::open("ha").expect("the recording");
    let messages: Vec<Value> = golden
        .text("wire.jsonl")
        .expect("its messages")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a message"))
        .collect();
    let asked = messages.iter().find(|message| {
        message["to_port"] == 15061 && message["start"] == "GET /master/state HTTP/1.1"
    });
    let client = &asked.expect("the question")["from_port"];
    let answer = messages
        .iter()
        .find(|message| message["from_port"] == 15061 && message["to_port"] == *client);
    let body = answer.expect("the answer")["body_b64"].as_str();
    let body = base64::engine::general_purpose::STANDARD.decode(body.expect("a body"));
    serde_json::from_slice(&body.expect("base64")).expect("a state")
}

#[test]
fn the_registry_of_three_masters_is_what_their_leader_showed() {
    let folder = Folder::with_recorded_logs();
    let paths = ["m1", "m2", "m3"].map(|name| format!("replicated-logs/ha/{name}/replicated_log"));
    let hosts = cluster(&folder, [&paths[0], &paths[1], &paths[2]]);
    let state = state_of_the_leader();

    for host in &hosts {
        let registry = registry_of(&host.runtime, &host.state);

        assert_eq!(leader_of(&registry), state["leader_info"]);
        assert_eq!(agents_of(&registry), agents_in(&state));
        assert!(registry.unreachable().agents.is_empty());
        assert!(registry.gone().agents.is_empty());
        assert!(registry.quota_configs.is_empty());
        assert!(registry.weights.is_empty());
    }
    for host in hosts {
        host.runtime.shutdown();
    }
}
