//! The check of required fields.

use mesos_proto::codec::wire;
use mesos_proto::{Dialect, WireError, WireMessage, decode, internal, v1};
use prost::bytes::Bytes;

#[test]
fn own_fields_come_in_the_order_of_declaration_then_those_within() {
    let task = v1::TaskInfo {
        resources: vec![v1::Resource::default()],
        executor: Some(v1::ExecutorInfo::default().into()),
        ..Default::default()
    };

    assert_eq!(
        task.missing_required(),
        [
            "name",
            "task_id",
            "agent_id",
            "resources[0].name",
            "resources[0].type",
            "executor.executor_id",
        ]
    );
}

#[test]
fn elements_are_counted() {
    let launch = v1::offer::operation::Launch {
        task_infos: vec![
            v1::TaskInfo {
                name: Some("a".into()),
                task_id: Some(
                    v1::TaskId {
                        value: Some("a".into()),
                        ..Default::default()
                    }
                    .into(),
                ),
                agent_id: Some(
                    v1::AgentId {
                        value: Some("a".into()),
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            },
            v1::TaskInfo {
                name: Some("b".into()),
                ..Default::default()
            },
        ],
        ..Default::default()
    };

    assert_eq!(
        launch.missing_required_in(Dialect::V0),
        ["task_infos[1].task_id", "task_infos[1].slave_id"]
    );
}

#[test]
fn decoding_reports_missing_fields() {
    let empty = internal::RegisterAgentMessage::default();

    let error = decode::<internal::RegisterAgentMessage>(wire::to_vec(&empty).into());

    assert_eq!(
        error,
        Err(WireError::MissingRequired {
            message: "mesos.internal.RegisterSlaveMessage",
            fields: vec!["slave".into()],
        })
    );
}

#[test]
fn an_unknown_value_of_a_required_enum_counts_as_missing() {
    let resource = v1::Resource {
        name: Some("cpus".into()),
        r#type: Some(77),
        ..Default::default()
    };

    let error = decode::<v1::Resource>(wire::to_vec(&resource).into());

    assert!(matches!(error, Err(WireError::MissingRequired { fields, .. }) if fields == ["type"]));
}

#[test]
fn a_complete_message_passes() {
    let id = decode::<v1::TaskId>(Bytes::from_static(b"\n\x01t"));

    assert_eq!(id.as_ref().map(v1::TaskId::value), Ok("t"));
}

#[test]
fn large_messages_within_others_are_boxed() {
    let size = |name: &str, size: usize, limit: usize| {
        assert!(size <= limit, "{name} has {size} bytes");
    };

    size("TaskId", size_of::<v1::TaskId>(), 32);
    size("Resource", size_of::<v1::Resource>(), 288);
    size("Offer", size_of::<v1::Offer>(), 400);
    size("TaskInfo", size_of::<v1::TaskInfo>(), 400);
    size("TaskStatus", size_of::<v1::TaskStatus>(), 400);
}
