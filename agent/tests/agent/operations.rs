//! Reservations and volumes on the agent's own resources.

use mesos_common::resources::Resources;
use mesos_proto::{
    internal::{
        AcknowledgeOperationStatusMessage, ApplyOperationMessage, ReconcileOperationsMessage,
        ResourceVersionUuid, UpdateOperationStatusMessage, reconcile_operations_message,
    },
    v1::{
        self, OperationState,
        offer::{
            Operation,
            operation::{self, Type},
        },
    },
};
use uuid::Uuid;

use crate::harness::{Cluster, framework_id, resource};

fn uuid_message(uuid: Uuid) -> v1::Uuid {
    v1::Uuid {
        value: Some(uuid.as_bytes().to_vec().into()),
        ..Default::default()
    }
}

pub(crate) fn reserved(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        allocation_info: None,
        reservations: vec![v1::resource::ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
            role: Some("eng".to_owned()),
            ..Default::default()
        }],
        ..resource(name, value)
    }
}

pub(crate) fn volume() -> v1::Resource {
    v1::Resource {
        disk: Some(
            v1::resource::DiskInfo {
                persistence: Some(v1::resource::disk_info::Persistence {
                    id: Some("p1".to_owned()),
                    ..Default::default()
                }),
                volume: Some(
                    v1::Volume {
                        mode: Some(v1::volume::Mode::Rw.into()),
                        container_path: Some("data".to_owned()),
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            }
            .into(),
        ),
        ..reserved("disk", 10.0)
    }
}

pub(crate) fn reserve(resource: v1::Resource) -> Operation {
    Operation {
        r#type: Some(Type::Reserve.into()),
        id: Some(v1::OperationId {
            value: Some("op".to_owned()),
            ..Default::default()
        }),
        reserve: Some(operation::Reserve {
            resources: vec![resource],
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn create(volume: v1::Resource) -> Operation {
    Operation {
        r#type: Some(Type::Create.into()),
        create: Some(operation::Create {
            volumes: vec![volume],
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn destroy(volume: v1::Resource) -> Operation {
    Operation {
        r#type: Some(Type::Destroy.into()),
        destroy: Some(operation::Destroy {
            volumes: vec![volume],
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn apply(cluster: &Cluster, info: Operation) -> Uuid {
    let uuid = Uuid::new_v4();
    cluster.master.send(
        &cluster.pid(),
        &ApplyOperationMessage {
            framework_id: Some(framework_id()),
            operation_info: Some(info.into()),
            operation_uuid: Some(uuid_message(uuid)),
            resource_version_uuid: Some(
                ResourceVersionUuid {
                    uuid: Some(uuid_message(Uuid::new_v4())),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        },
    );
    uuid
}

/// Waits for the status of an operation and acknowledges it.
pub(crate) fn expect_status(cluster: &mut Cluster) -> v1::OperationStatus {
    let (_, message) = cluster.master.expect::<UpdateOperationStatusMessage>();
    acknowledge(cluster, &message);
    message.status().clone()
}

pub(crate) fn acknowledge(cluster: &Cluster, message: &UpdateOperationStatusMessage) {
    cluster.master.send(
        &cluster.pid(),
        &AcknowledgeOperationStatusMessage {
            status_uuid: message.status().uuid.clone(),
            operation_uuid: message.operation_uuid.clone(),
            ..Default::default()
        },
    );
}

#[test]
fn reservation_is_made_reported_and_written_down() {
    let mut cluster = Cluster::registered();

    apply(&cluster, reserve(reserved("cpus", 1.0)));
    let status = expect_status(&mut cluster);

    assert_eq!(status.state(), OperationState::OperationFinished);
    assert_eq!(status.operation_id().value(), "op");
    cluster.wait_for_state(|state| state["reserved_resources"]["eng"]["cpus"] == 1.0);
    cluster.restart();
    let message = cluster.reregister();
    assert_eq!(message.checkpointed_resources.len(), 1);
    assert!(
        (cluster.state()["unreserved_resources"]["cpus"]
            .as_f64()
            .expect("cpus")
            - 3.0)
            .abs()
            < 1e-9
    );
}

/// Mirrors: SlaveTest.CheckpointedResourcesIncludedInUsage
#[test]
fn usage_tells_reservations_and_volumes() {
    let mut cluster = Cluster::registered();
    apply(&cluster, reserve(reserved("cpus", 1.0)));
    expect_status(&mut cluster);
    apply(&cluster, reserve(reserved("disk", 10.0)));
    expect_status(&mut cluster);
    apply(&cluster, create(volume()));
    expect_status(&mut cluster);

    let total = Resources::from_proto(&cluster.usage().total);

    let expected = |resource: v1::Resource| Resources::from_proto(&[resource]);
    assert_eq!(total.persistent_volumes(), expected(volume()));
    assert!(total.contains(&expected(reserved("cpus", 1.0))));
}

/// Mirrors: PersistentVolumeTest.CreateAndDestroyPersistentVolumes
/// Mirrors: PersistentVolumeTest.PreparePersistentVolume
#[test]
fn volume_is_made_and_removed() {
    let mut cluster = Cluster::registered();
    let directory = cluster.place.work_dir().join("volumes/roles/eng/p1");

    apply(&cluster, reserve(reserved("disk", 10.0)));
    expect_status(&mut cluster);
    apply(&cluster, create(volume()));
    let created = expect_status(&mut cluster);
    std::fs::write(directory.join("file"), "data").expect("the volume is there");
    apply(&cluster, destroy(volume()));
    let destroyed = expect_status(&mut cluster);

    assert_eq!(created.state(), OperationState::OperationFinished);
    assert_eq!(destroyed.state(), OperationState::OperationFinished);
    assert!(!directory.is_dir());
}

/// Mirrors: SlaveTest.RetryOperationStatusUpdateAfterRecovery
#[test]
fn unacknowledged_status_is_sent_by_the_next_agent() {
    let mut cluster = Cluster::registered();
    let uuid = apply(&cluster, reserve(reserved("cpus", 1.0)));
    let (_, first) = cluster.master.expect::<UpdateOperationStatusMessage>();

    cluster.restart();
    cluster.reregister();
    let (_, again) = cluster.master.expect::<UpdateOperationStatusMessage>();

    assert_eq!(again.operation_uuid().value().as_ref(), uuid.as_bytes());
    assert_eq!(again.status().uuid(), first.status().uuid());
    acknowledge(&cluster, &again);
}

#[test]
fn operation_that_nobody_knows_was_dropped() {
    let mut cluster = Cluster::registered();
    let uuid = Uuid::new_v4();

    cluster.master.send(
        &cluster.pid(),
        &ReconcileOperationsMessage {
            operations: vec![reconcile_operations_message::Operation {
                operation_uuid: Some(uuid_message(uuid)),
                ..Default::default()
            }],
            ..Default::default()
        },
    );

    let (_, message) = cluster.master.expect::<UpdateOperationStatusMessage>();
    assert_eq!(message.status().state(), OperationState::OperationDropped);
    assert_eq!(message.operation_uuid().value().as_ref(), uuid.as_bytes());
}

#[test]
fn operation_of_an_unknown_resource_provider_is_unknown() {
    let mut cluster = Cluster::registered();
    let provider = v1::ResourceProviderId {
        value: Some("rp".to_owned()),
        ..Default::default()
    };
    let operation = v1::OperationId {
        value: Some("never".to_owned()),
        ..Default::default()
    };

    cluster.master.send(
        &cluster.pid(),
        &ReconcileOperationsMessage {
            framework_id: Some(framework_id()),
            operations: vec![reconcile_operations_message::Operation {
                operation_id: Some(operation.clone()),
                resource_provider_id: Some(provider.clone()),
                ..Default::default()
            }],
            ..Default::default()
        },
    );

    let (_, message) = cluster.master.expect::<UpdateOperationStatusMessage>();
    assert_eq!(message.framework_id, Some(framework_id()));
    let status = message.status();
    assert_eq!(status.state(), OperationState::OperationUnknown);
    assert_eq!(status.operation_id, Some(operation));
    assert_eq!(status.resource_provider_id, Some(provider));
    assert_eq!((&status.uuid, &message.operation_uuid), (&None, &None));
}

#[test]
fn impossible_operation_ends_in_an_error() {
    let mut cluster = Cluster::registered();

    apply(&cluster, reserve(reserved("cpus", 1000.0)));

    assert_eq!(
        expect_status(&mut cluster).state(),
        OperationState::OperationError
    );
    assert!(
        (cluster.state()["unreserved_resources"]["cpus"]
            .as_f64()
            .expect("cpus")
            - 4.0)
            .abs()
            < 1e-9
    );
}
