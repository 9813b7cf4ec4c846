//! The rules, each as its test in Mesos states it, with the texts that clients see.

mod calls;
mod create;
mod destroy;
mod disks;
mod executors;
mod registrations;
mod reserve;
mod resources;
mod tasks;
mod volumes;

use std::sync::Arc;

use libprocess::{Time, Upid};
use mesos_common::ids::FrameworkId;
use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json};
use serde_json::{Value, json};

use super::Check;
use crate::metrics::FrameworkMetrics;
use crate::state::agent::{Agent, NewAgent};
use crate::state::framework::{Connection, Framework, HistoryLimits};

/// A message from its JSON.
#[track_caller]
fn from<M: Json>(value: &Value) -> M {
    M::read_json(Dialect::V1, value.to_string().as_bytes()).expect("a message")
}

/// The only resource of a text like `cpus(role):8`.
#[track_caller]
fn resource(text: &str) -> v1::Resource {
    let mut parsed = Resources::parse(text).expect("resources").to_proto();
    assert_eq!(parsed.len(), 1, "{text}");
    parsed.remove(0)
}

/// The resource with a dynamic reservation on top.
fn reserved(text: &str, role: &str, principal: Option<&str>) -> v1::Resource {
    let mut resource = resource(text);
    let mut reservation = json!({"type": "DYNAMIC", "role": role});
    if let Some(principal) = principal {
        reservation["principal"] = json!(principal);
    }
    resource.reservations.push(from(&reservation));
    resource
}

/// A persistent volume on a disk.
fn volume(text: &str, id: &str, path: &str) -> v1::Resource {
    let mut volume = resource(text);
    let disk = json!({
        "persistence": {"id": id},
        "volume": {"container_path": path, "mode": "RW"},
    });
    volume.disk = Some(from::<v1::resource::DiskInfo>(&disk).into());
    volume
}

/// The resource, allocated to a role.
fn allocated(mut resource: v1::Resource, role: &str) -> v1::Resource {
    resource.allocation_info = Some(from(&json!({"role": role})));
    resource
}

/// The resource, of a resource provider.
fn provided(mut resource: v1::Resource, provider: &str) -> v1::Resource {
    resource.provider_id = Some(from(&json!({"value": provider})));
    resource
}

/// The resource, shared.
fn shared(mut resource: v1::Resource) -> v1::Resource {
    resource.shared = Some(v1::resource::SharedInfo::default());
    resource
}

/// The resource, revocable.
fn revocable(mut resource: v1::Resource) -> v1::Resource {
    resource.revocable = Some(v1::resource::RevocableInfo::default());
    resource
}

/// An agent named `a` with much of everything, these capabilities and these volumes.
#[track_caller]
fn agent(capabilities: &[&str], checkpointed: &[v1::Resource]) -> Agent {
    let resources = "cpus:16;mem:16384;disk:10000;disk(role1):1000;disk(role):1000";
    let capabilities: Vec<Value> = capabilities
        .iter()
        .map(|kind| json!({"type": kind}))
        .collect();
    let info = v1::AgentInfo {
        hostname: Some("host".to_owned()),
        id: Some(from(&json!({"value": "a"}))),
        resources: Resources::parse(resources).expect("resources").to_proto(),
        ..Default::default()
    };
    let new = NewAgent {
        info: Arc::new(info),
        pid: Upid::empty(),
        version: "1.11.0".to_owned(),
        capabilities: capabilities.iter().map(from).collect(),
        checkpointed: Resources::from_proto(checkpointed),
        resource_version: None,
    };
    Agent::new(new, Time::EPOCH).expect("volumes that fit")
}

/// A framework named `f`.
#[track_caller]
fn framework(info: &Value) -> Framework {
    let mut info = info.clone();
    info["user"] = json!("user");
    info["name"] = json!("name");
    let info: v1::FrameworkInfo = from(&info);
    let limits = HistoryLimits {
        completed: 10,
        unreachable: 10,
    };
    Framework::new(
        FrameworkId::from("f"),
        Arc::new(info),
        Connection::Recovered,
        Time::EPOCH,
        limits,
        FrameworkMetrics::default(),
    )
}

/// A framework in one role, with a principal.
fn framework_in(role: &str) -> Framework {
    framework(&json!({"role": role, "principal": "principal"}))
}

/// A framework in two roles, with a principal.
fn framework_in_two_roles() -> Framework {
    framework(&json!({
        "roles": ["role1", "role2"],
        "principal": "principal",
        "capabilities": [{"type": "MULTI_ROLE"}],
    }))
}

#[track_caller]
fn refused(check: Check, text: &str) {
    let error = check.expect_err(text);
    assert_eq!(error.text(), text);
}

#[track_caller]
fn refused_with(check: Check, part: &str) {
    let error = check.expect_err(part);
    assert!(error.text().contains(part), "{error}");
}
