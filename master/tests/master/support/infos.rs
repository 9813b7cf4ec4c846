//! What agents, frameworks and tasks say of themselves.

use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::framework_info::capability::Type as FrameworkCapability;

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
    let resources = mesos_common::resources::Resources::parse(resources).expect("resources");
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

/// A command task that takes what is given of an offer.
pub(crate) fn task(id: &str, offer: &v1::Offer, resources: &str) -> v1::TaskInfo {
    let mut parsed = mesos_common::resources::Resources::parse(resources).expect("resources");
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
