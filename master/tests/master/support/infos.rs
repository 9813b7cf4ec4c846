//! What agents, frameworks and tasks say of themselves.

use mesos_common::resources::Resources;
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::framework_info::capability::Type as FrameworkCapability;
use mesos_proto_codec::{Dialect, Json};
use serde_json::Value;

use crate::support::operations::PRINCIPAL;

/// A message from its JSON.
#[track_caller]
pub(crate) fn from_json<M: Json>(json: &Value) -> M {
    M::read_json(Dialect::V1, json.to_string().as_bytes()).expect("a message")
}

pub(crate) fn uuid_message(byte: u8) -> v1::Uuid {
    let mut bytes = [byte; 16];
    bytes[6] = 0x40;
    bytes[8] = 0x80;
    v1::Uuid {
        value: Some(bytes.to_vec().into()),
        ..Default::default()
    }
}

pub(crate) fn agent_info(resources: &str) -> v1::AgentInfo {
    let resources = Resources::parse(resources).expect("resources");
    v1::AgentInfo {
        hostname: Some("host".to_owned()),
        port: Some(5051),
        resources: resources.to_proto(),
        checkpoint: Some(true),
        ..Default::default()
    }
}

pub(crate) fn agent_capabilities() -> Vec<v1::agent_info::Capability> {
    [
        AgentCapability::MultiRole,
        AgentCapability::HierarchicalRole,
        AgentCapability::ReservationRefinement,
        AgentCapability::ResourceProvider,
        AgentCapability::ResizeVolume,
        AgentCapability::AgentOperationFeedback,
        AgentCapability::AgentDraining,
        AgentCapability::TaskResourceLimits,
    ]
    .iter()
    .map(|kind| v1::agent_info::Capability {
        r#type: Some((*kind).into()),
        ..Default::default()
    })
    .collect()
}

/// A framework in one role that learns of partitions.
pub(crate) fn framework(role: &str) -> v1::FrameworkInfo {
    let capabilities = [
        FrameworkCapability::MultiRole,
        FrameworkCapability::PartitionAware,
        FrameworkCapability::ReservationRefinement,
    ];
    v1::FrameworkInfo {
        user: Some("user".to_owned()),
        name: Some("test".to_owned()),
        roles: vec![role.to_owned()],
        failover_timeout: Some(3600.0),
        checkpoint: Some(true),
        capabilities: capabilities
            .iter()
            .map(|kind| v1::framework_info::Capability {
                r#type: Some((*kind).into()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// A framework in one role, of the principal of these tests.
pub(crate) fn mine(role: &str) -> v1::FrameworkInfo {
    let mut info = framework(role);
    info.principal = Some(PRINCIPAL.to_owned());
    info
}

/// A framework that learns nothing of partitions.
pub(crate) fn unaware(mut info: v1::FrameworkInfo) -> v1::FrameworkInfo {
    info.capabilities
        .retain(|one| one.r#type() != FrameworkCapability::PartitionAware);
    info
}

/// A framework that can share volumes.
pub(crate) fn sharing(mut info: v1::FrameworkInfo) -> v1::FrameworkInfo {
    info.capabilities.push(v1::framework_info::Capability {
        r#type: Some(FrameworkCapability::SharedResources.into()),
        ..Default::default()
    });
    info
}

/// A command task that takes what is given of an offer.
pub(crate) fn task(id: &str, offer: &v1::Offer, resources: &str) -> v1::TaskInfo {
    let parsed = Resources::parse(resources).expect("resources");
    task_with(id, offer, parsed)
}

/// A command task that takes resources of an offer.
pub(crate) fn task_with(id: &str, offer: &v1::Offer, mut parsed: Resources) -> v1::TaskInfo {
    if offer.allocation_info.is_some() {
        parsed.allocate(&offer.allocation_info().role().into());
    }
    v1::TaskInfo {
        name: Some(id.to_owned()),
        task_id: Some(v1::TaskId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        agent_id: offer.agent_id.clone(),
        resources: parsed.to_proto(),
        command: Some(
            v1::CommandInfo {
                value: Some("true".to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

/// A task that an executor of this id runs.
pub(crate) fn executor_task(
    id: &str,
    executor_id: &str,
    offer: &v1::Offer,
    resources: &str,
) -> v1::TaskInfo {
    let executor: v1::ExecutorInfo = from_json(&serde_json::json!({
        "executor_id": {"value": executor_id},
        "command": {"value": "exit 1"},
    }));
    let mut task = task(id, offer, resources);
    task.command = None;
    task.executor = Some(executor.into());
    task
}

/// A `LAUNCH` of tasks.
pub(crate) fn launch(task_infos: Vec<v1::TaskInfo>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch.into()),
        launch: Some(v1::offer::operation::Launch {
            task_infos,
            ..Default::default()
        }),
        ..Default::default()
    }
}
