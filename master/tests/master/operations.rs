//! Operations on resources that frameworks ask for.

use mesos_proto::internal::{
    AcknowledgeOperationStatusMessage, ApplyOperationMessage, UpdateOperationStatusMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::OperationState;
use mesos_proto::v1::offer::operation;
use mesos_proto::v1::scheduler::{Call, call, event};

use crate::support::{Agent, Scheduler, Stage, framework, launch, task, uuid_message};

fn reserved(offer: &v1::Offer, text: &str) -> Vec<v1::Resource> {
    let mut resources = task("x", offer, text).resources;
    for resource in &mut resources {
        resource.reservations.push(v1::resource::ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
            role: Some(offer.allocation_info().role().to_owned()),
            ..Default::default()
        });
    }
    resources
}

pub(crate) fn reserve(offer: &v1::Offer, text: &str, id: Option<&str>) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(operation::Type::Reserve.into()),
        id: id.map(|id| v1::OperationId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        reserve: Some(operation::Reserve {
            resources: reserved(offer, text),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn volume(offer: &v1::Offer, text: &str) -> Vec<v1::Resource> {
    let mut volumes = reserved(offer, text);
    for volume in &mut volumes {
        volume.disk = Some(
            v1::resource::DiskInfo {
                persistence: Some(v1::resource::disk_info::Persistence {
                    id: Some("vol".to_owned()),
                    ..Default::default()
                }),
                volume: Some(
                    v1::Volume {
                        container_path: Some("data".to_owned()),
                        mode: Some(v1::volume::Mode::Rw.into()),
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            }
            .into(),
        );
    }
    volumes
}

pub(crate) fn create(offer: &v1::Offer, text: &str) -> v1::offer::Operation {
    v1::offer::Operation {
        r#type: Some(operation::Type::Create.into()),
        create: Some(operation::Create {
            volumes: volume(offer, text),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn staged() -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

fn next_offer(stage: &Stage, scheduler: &mut Scheduler) -> v1::Offer {
    stage.settle();
    stage.advance(std::time::Duration::from_secs(2));
    scheduler.offers().first().expect("an offer").clone()
}

fn is_reserved(offer: &v1::Offer, name: &str) -> bool {
    offer
        .resources
        .iter()
        .any(|one| one.name() == name && !one.reservations.is_empty())
}

/// Mirrors: ReservationTest.ReserveThenUnreserve
#[test]
fn reserved_resources_are_offered_again_and_can_be_unreserved() {
    let (stage, agent, mut scheduler, offer) = staged();

    scheduler.accept(&offer, vec![reserve(&offer, "cpus:1", None)]);
    let apply: ApplyOperationMessage = agent.peer.expect();
    assert_eq!(apply.operation_info().r#type(), operation::Type::Reserve);
    assert_eq!(apply.framework_id().value(), scheduler.id.value());
    let offer = next_offer(&stage, &mut scheduler);
    assert!(is_reserved(&offer, "cpus"));

    let unreserve = v1::offer::Operation {
        r#type: Some(operation::Type::Unreserve.into()),
        unreserve: Some(operation::Unreserve {
            resources: reserved(&offer, "cpus:1"),
            ..Default::default()
        }),
        ..Default::default()
    };
    scheduler.accept(&offer, vec![unreserve]);

    let offer = next_offer(&stage, &mut scheduler);
    assert!(!is_reserved(&offer, "cpus"));
}

/// Mirrors: ReservationTest.ReserveAndLaunchThenUnreserve
#[test]
fn one_accept_reserves_and_launches_on_the_reservation() {
    let (stage, agent, mut scheduler, offer) = staged();
    let mut on_reserved = task("t", &offer, "mem:32");
    on_reserved.resources.extend(reserved(&offer, "cpus:1"));

    scheduler.accept(
        &offer,
        vec![reserve(&offer, "cpus:1", None), launch(vec![on_reserved])],
    );

    let run: mesos_proto::internal::RunTaskMessage = agent.peer.expect();
    assert_eq!(run.task().task_id().value(), "t");
    let slaves = stage.get("/slaves");
    let used = slaves["slaves"][0]["used_resources_full"].to_string();
    assert!(used.contains("\"reservations\""), "{used}");
    let offer = next_offer(&stage, &mut scheduler);
    assert!(!is_reserved(&offer, "cpus"));
}

/// Mirrors: PersistentVolumeTest.CreateAndDestroyPersistentVolumes
#[test]
fn volume_is_created_and_destroyed() {
    let (stage, agent, mut scheduler, offer) = staged();
    scheduler.accept(
        &offer,
        vec![reserve(&offer, "disk:64", None), create(&offer, "disk:64")],
    );
    let _reserve: ApplyOperationMessage = agent.peer.expect();
    let _create: ApplyOperationMessage = agent.peer.expect();
    let offer = next_offer(&stage, &mut scheduler);
    let has_volume = |offer: &v1::Offer| {
        offer
            .resources
            .iter()
            .any(|one| one.disk().persistence.is_some())
    };
    assert!(has_volume(&offer));

    let destroy = v1::offer::Operation {
        r#type: Some(operation::Type::Destroy.into()),
        destroy: Some(operation::Destroy {
            volumes: volume(&offer, "disk:64"),
            ..Default::default()
        }),
        ..Default::default()
    };
    scheduler.accept(&offer, vec![destroy]);

    let offer = next_offer(&stage, &mut scheduler);
    assert!(!has_volume(&offer) && is_reserved(&offer, "disk"));
}

fn report(stage: &Stage, agent: &Agent, apply: &ApplyOperationMessage, state: OperationState) {
    let status = v1::OperationStatus {
        operation_id: apply.operation_info().id.clone(),
        state: Some(state.into()),
        uuid: Some(uuid_message(9)),
        agent_id: Some(agent.proto_id()),
        ..Default::default()
    };
    let message = UpdateOperationStatusMessage {
        framework_id: apply.framework_id.clone(),
        agent_id: Some(agent.proto_id()),
        status: Some(status.clone().into()),
        latest_status: Some(status.into()),
        operation_uuid: apply.operation_uuid.clone(),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);
}

/// Mirrors: MasterTest.OperationUpdateDuringFailover
#[test]
fn framework_follows_an_operation_that_it_named() {
    let (stage, agent, mut scheduler, offer) = staged();
    scheduler.accept(&offer, vec![reserve(&offer, "cpus:1", Some("op"))]);
    let apply: ApplyOperationMessage = agent.peer.expect();

    report(&stage, &agent, &apply, OperationState::OperationFinished);

    let update = scheduler.expect(event::Type::UpdateOperationStatus);
    let status = update.update_operation_status().status();
    assert_eq!(status.state(), OperationState::OperationFinished);
    assert_eq!(status.operation_id().value(), "op");
    let acknowledge = call::AcknowledgeOperationStatus {
        agent_id: Some(agent.proto_id()),
        uuid: status.uuid().value.clone(),
        operation_id: status.operation_id.clone(),
        ..Default::default()
    };
    scheduler.call(Call {
        r#type: Some(call::Type::AcknowledgeOperationStatus.into()),
        acknowledge_operation_status: Some(acknowledge.into()),
        ..Default::default()
    });
    let acknowledged: AcknowledgeOperationStatusMessage = agent.peer.expect();
    assert_eq!(acknowledged.operation_uuid(), apply.operation_uuid());
    let operations = stage.call(r#"{"type":"GET_OPERATIONS"}"#).json();
    assert_eq!(operations["get_operations"], serde_json::json!({}));
}

#[test]
fn master_acknowledges_what_nobody_named() {
    let (stage, agent, scheduler, offer) = staged();
    scheduler.accept(&offer, vec![reserve(&offer, "cpus:1", None)]);
    let apply: ApplyOperationMessage = agent.peer.expect();

    report(&stage, &agent, &apply, OperationState::OperationFinished);

    let acknowledged: AcknowledgeOperationStatusMessage = agent.peer.expect();
    assert_eq!(acknowledged.operation_uuid(), apply.operation_uuid());
    assert!((stage.metric("master/operations/finished") - 1.0).abs() < 1e-9);
}

/// Mirrors: ReserveOperationValidationTest.StaticReservation
#[test]
fn invalid_operation_is_an_error_and_others_go_on() {
    let (_stage, agent, mut scheduler, offer) = staged();
    let mut bad = reserve(&offer, "cpus:1", Some("bad"));
    bad.reserve.get_or_insert_default().resources[0].reservations[0].role = Some("ops".to_owned());

    scheduler.accept(
        &offer,
        vec![bad, launch(vec![task("t", &offer, "cpus:1;mem:32")])],
    );

    let update = scheduler.expect(event::Type::UpdateOperationStatus);
    let status = update.update_operation_status().status();
    assert_eq!(status.state(), OperationState::OperationError);
    assert!(
        status.message().starts_with(
            "A reserve operation was attempted for a resource with role 'ops', but the resource \
             was allocated to role 'eng'"
        ),
        "{}",
        status.message()
    );
    let _run: mesos_proto::internal::RunTaskMessage = agent.peer.expect();
}

/// Mirrors: OperationReconciliationTest.UnknownOperationKnownAgent
/// Mirrors: OperationReconciliationTest.UnknownOperationUnknownAgent
#[test]
fn unknown_operations_are_answered_by_what_is_known_of_the_agent() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let asked = |agent_id: Option<&str>| call::reconcile_operations::Operation {
        operation_id: Some(v1::OperationId {
            value: Some("op".to_owned()),
            ..Default::default()
        }),
        agent_id: agent_id.map(|id| v1::AgentId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let operations = vec![asked(Some(&agent.id)), asked(Some("x")), asked(None)];

    scheduler.call(Call {
        r#type: Some(call::Type::ReconcileOperations.into()),
        reconcile_operations: Some(call::ReconcileOperations {
            operations,
            ..Default::default()
        }),
        ..Default::default()
    });

    let texts: Vec<String> = (0..3)
        .map(|_| {
            let update = scheduler.expect(event::Type::UpdateOperationStatus);
            update
                .update_operation_status()
                .status()
                .message()
                .to_owned()
        })
        .collect();
    assert_eq!(
        texts,
        [
            "Reconciliation: Operation is unknown",
            "Reconciliation: Both operation and agent are unknown",
            "Reconciliation: Operation is unknown and no 'agent_id' was provided",
        ]
    );
}

#[test]
fn reservation_of_nothing_is_an_error_that_names_it() {
    let (_stage, _agent, mut scheduler, offer) = staged();
    let mut nothing = reserve(&offer, "cpus:1", Some("op"));
    let resource = &mut nothing.reserve.get_or_insert_default().resources[0];
    resource.scalar = Some(v1::value::Scalar {
        value: Some(0.0),
        ..Default::default()
    });

    scheduler.accept(&offer, vec![nothing]);

    let update = scheduler.expect(event::Type::UpdateOperationStatus);
    let status = update.update_operation_status().status();
    assert_eq!(status.state(), OperationState::OperationError);
    assert!(
        status.message().starts_with("Resource cpus"),
        "{}",
        status.message()
    );
}
