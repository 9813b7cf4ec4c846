//! What frameworks and agents say of operations when one of them did not hear everything.

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AcknowledgeOperationStatusMessage, AgentReregisteredMessage, ApplyOperationMessage,
    ReconcileOperationsMessage, UpdateOperationStatusMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::OperationState;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::{call, event};
use serde_json::json;

use crate::support::operations::{
    create_disk, holds, named, offered, parsed, provided, reserve, reserved,
};
use crate::support::{Agent, Scheduler, Stage, from_json, mine, provider};

const RESOURCES: &str = "cpus:4;mem:1024";

fn staged() -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent(RESOURCES);
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

/// A raw disk, as a storage provider has it.
fn raw_disk(megabytes: f64) -> Resources {
    let disk: v1::Resource = from_json(&json!({
        "name": "disk",
        "type": "SCALAR",
        "scalar": {"value": megabytes},
        "disk": {"source": {"type": "RAW", "profile": "profile"}},
    }));
    Resources::from_proto(&[disk])
}

/// An agent with a resource provider `rp` that has 200 megabytes.
fn with_provider() -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent(RESOURCES);
    agent.announce(
        &stage,
        vec![],
        Some(vec![provider("rp", &raw_disk(200.0), vec![])]),
    );
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    assert!(holds(&offer, &provided(&raw_disk(200.0), "rp")));
    (stage, agent, scheduler, offer)
}

fn reserved_disk() -> Resources {
    let mut disk = provided(&raw_disk(200.0), "rp").to_proto();
    for resource in &mut disk {
        resource.reservations = reserved("disk:200", "role").to_proto()[0]
            .reservations
            .clone();
    }
    Resources::from_proto(&disk)
}

#[track_caller]
fn told(scheduler: &mut Scheduler, id: &str, state: OperationState) -> v1::OperationStatus {
    let status = scheduler.operation_update();
    assert_eq!(status.operation_id().value(), id);
    assert_eq!(status.state(), state);
    status
}

/// What a framework is told when it asks.
#[track_caller]
fn answered(scheduler: &mut Scheduler, id: &str, state: OperationState) {
    assert!(told(scheduler, id, state).uuid.is_none());
}

/// Mirrors: OperationReconciliationTest.PendingOperation
#[test]
fn operation_that_no_agent_reported_on_is_pending() {
    let (_stage, agent, mut scheduler, offer) = with_provider();
    scheduler.accept(&offer, vec![named(reserve(&reserved_disk()), "operation")]);
    let _apply: ApplyOperationMessage = agent.peer.expect();

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);

    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationPending,
    );
}

/// Mirrors: OperationReconciliationTest.PendingAndFinishedOperations
#[test]
fn one_operation_is_pending_and_the_other_finished() {
    let (stage, agent, mut scheduler, offer) = staged();
    let cpu = reserved("cpus:1", "role");
    scheduler.accept(
        &offer,
        vec![named(reserve(&cpu), "one"), named(reserve(&cpu), "two")],
    );
    let _lost: ApplyOperationMessage = agent.peer.expect();
    agent.perform(&stage);
    told(&mut scheduler, "two", OperationState::OperationFinished);

    scheduler.reconcile_operations(&[
        ("one", Some(&agent.id), None),
        ("two", Some(&agent.id), None),
    ]);

    answered(&mut scheduler, "one", OperationState::OperationPending);
    answered(&mut scheduler, "two", OperationState::OperationFinished);
}

/// Mirrors: OperationReconciliationTest.UnknownOperationRecoveredAgent
#[test]
fn operation_of_an_agent_that_is_not_back_yet_is_recovering() {
    let mut stage = Stage::start();
    let agent = stage.agent(RESOURCES);
    stage.fail_over(|_| {});
    let mut scheduler = stage.subscribe(mine("role"));

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);

    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationRecovering,
    );
}

/// Mirrors: OperationReconciliationTest.UnknownOperationUnreachableAgent
#[test]
fn operation_of_an_unreachable_agent_is_unreachable() {
    let (stage, agent, mut scheduler, _offer) = staged();
    for _ in 0..6 {
        stage.advance(std::time::Duration::from_secs(15));
    }
    scheduler.expect(event::Type::Failure);

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);

    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationUnreachable,
    );
}

#[track_caller]
fn mark_gone(stage: &Stage, agent: &Agent) {
    let call = json!({
        "type": "MARK_AGENT_GONE",
        "mark_agent_gone": {"agent_id": {"value": agent.id}},
    });
    assert_eq!(stage.call(&call.to_string()).status, 200);
}

/// Mirrors: OperationReconciliationTest.UnknownOperationAgentMarkedGone
#[test]
fn operation_of_an_agent_that_is_gone_is_gone() {
    let (stage, agent, mut scheduler, _offer) = staged();
    mark_gone(&stage, &agent);

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);

    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationGoneByOperator,
    );
}

/// Mirrors: OperationReconciliationTest.ReconcileUnackedAgentOperation
/// Mirrors: AgentOperationFeedbackTest.OperationUpdateContainsAgentID
/// Mirrors: AgentOperationFeedbackTest.CleanupAcknowledgedTerminalOperation
#[test]
fn finished_operation_is_kept_until_its_framework_acknowledges_it() {
    let (stage, agent, mut scheduler, offer) = staged();
    let operation = named(reserve(&reserved("cpus:1", "role")), "operation");
    scheduler.accept(&offer, vec![operation]);
    agent.perform(&stage);
    let status = told(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );
    assert_eq!(status.agent_id().value(), agent.id);
    assert!((stage.metric("master/operations/finished") - 1.0).abs() < 1e-9);

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);
    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );
    scheduler.reconcile_operations(&[]);
    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );
    let listed = stage.call(r#"{"type":"GET_OPERATIONS"}"#).json();
    let listed = &listed["get_operations"]["operations"][0];
    assert_eq!(listed["info"]["id"]["value"], "operation");
    assert_eq!(listed["latest_status"]["state"], "OPERATION_FINISHED");
    assert_eq!(
        listed["latest_status"]["agent_id"]["value"],
        agent.id.as_str()
    );
    scheduler.acknowledge_operation(&status);

    let _acknowledged: AcknowledgeOperationStatusMessage = agent.peer.expect();
    let listed = stage.call(r#"{"type":"GET_OPERATIONS"}"#).json();
    assert_eq!(listed["get_operations"], json!({}));
}

/// Mirrors: OperationReconciliationTest.UnackedAgentOperationAfterMasterFailover
#[test]
fn next_master_learns_of_an_operation_that_nobody_acknowledged() {
    let (stage, agent, scheduler, offer) = staged();
    let operation = named(reserve(&reserved("cpus:1", "role")), "operation");
    scheduler.accept(&offer, vec![operation]);
    let apply: ApplyOperationMessage = agent.peer.expect();
    let next = failed_over(stage, &agent, &reserved("cpus:1", "role"));
    let finished = agent.operation(&apply, OperationState::OperationFinished);
    agent.announce(&next, vec![finished], None);
    let mut scheduler = resubscribed(&next, &scheduler);
    agent.report(&next, &apply, OperationState::OperationFinished, Some(9));
    told(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);
    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );
    scheduler.reconcile_operations(&[]);
    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );
}

/// The next master, at which the agent is back.
fn failed_over(mut stage: Stage, agent: &Agent, checkpointed: &Resources) -> Stage {
    stage.fail_over(|_| {});
    stage.send(&agent.peer, &agent.reregistration_storing(checkpointed));
    let _back: AgentReregisteredMessage = agent.peer.expect();
    stage
}

fn resubscribed(next: &Stage, scheduler: &Scheduler) -> Scheduler {
    let mut info = mine("role");
    info.id = Some(scheduler.id.clone());
    next.subscribe(info)
}

/// Mirrors: OperationReconciliationTest.DISABLED_AgentPendingOperationAfterMasterFailover
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
#[test]
fn next_master_holds_back_what_a_pending_operation_takes() {
    let (stage, agent, scheduler, offer) = with_provider();
    let disk = provided(&raw_disk(200.0), "rp");
    let operation = named(create_disk(&disk, None), "operation");
    scheduler.accept(&offer, vec![operation]);
    let apply: ApplyOperationMessage = agent.peer.expect();
    assert_eq!(apply.operation_info().r#type(), Type::CreateDisk);
    let next = failed_over(stage, &agent, &Resources::new());
    let mut scheduler = resubscribed(&next, &scheduler);
    let pending = agent.operation(&apply, OperationState::OperationPending);
    let provider = provider("rp", &raw_disk(200.0), vec![pending]);
    agent.announce(&next, vec![], Some(vec![provider]));

    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);
    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationPending,
    );
    scheduler.reconcile_operations(&[]);
    answered(
        &mut scheduler,
        "operation",
        OperationState::OperationPending,
    );
    next.advance(std::time::Duration::from_secs(2));
    scheduler.say(call::Type::Revive);
    next.advance(std::time::Duration::from_secs(2));
    let state = next.get("/state");
    let offered = state["slaves"][0]["offered_resources"]["disk"].as_f64();
    assert_eq!(offered, Some(0.0), "the disk is being created");
}

/// Mirrors: OperationReconciliationTest.ReconcileAgentOperationOnGoneAgent
#[test]
fn framework_is_told_that_an_operation_went_with_its_agent() {
    let (stage, agent, mut scheduler, offer) = staged();
    let operation = named(reserve(&reserved("cpus:1", "role")), "operation");
    scheduler.accept(&offer, vec![operation]);
    agent.perform(&stage);
    told(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );

    mark_gone(&stage, &agent);

    let gone = OperationState::OperationGoneByOperator;
    let status = told(&mut scheduler, "operation", gone);
    assert_eq!(status.agent_id().value(), agent.id);
    assert!((stage.metric("master/operations/gone_by_operator") - 1.0).abs() < 1e-9);
    scheduler.reconcile_operations(&[("operation", Some(&agent.id), None)]);
    answered(&mut scheduler, "operation", gone);
    scheduler.reconcile_operations(&[]);
    assert!(!scheduler.heard_before_answer(event::Type::UpdateOperationStatus));
}

/// Asks of an operation of a provider that the master does not know; the agent answers.
fn agent_answers(stage: &Stage, agent: &Agent, scheduler: &mut Scheduler, state: OperationState) {
    scheduler.reconcile_operations(&[("operation", Some(&agent.id), Some("rp"))]);
    let asked: ReconcileOperationsMessage = agent.peer.expect();
    let asked = &asked.operations[0];
    assert_eq!(asked.operation_id().value(), "operation");
    assert_eq!(asked.resource_provider_id().value(), "rp");
    let status = v1::OperationStatus {
        operation_id: asked.operation_id.clone(),
        state: Some(state.into()),
        agent_id: Some(agent.proto_id()),
        resource_provider_id: asked.resource_provider_id.clone(),
        ..Default::default()
    };
    let message = UpdateOperationStatusMessage {
        framework_id: Some(scheduler.id.clone()),
        agent_id: Some(agent.proto_id()),
        status: Some(status.into()),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);
    answered(scheduler, "operation", state);
}

/// Mirrors: OperationReconciliationTest.OperationOnUnsubscribedProvider
#[test]
fn agent_answers_for_a_provider_that_vanished() {
    let (stage, agent, mut scheduler, offer) = with_provider();
    scheduler.accept(&offer, vec![named(reserve(&reserved_disk()), "operation")]);
    let _apply: ApplyOperationMessage = agent.peer.expect();
    agent.announce(&stage, vec![], Some(vec![]));
    let listed = stage.call(r#"{"type":"GET_OPERATIONS"}"#).json();
    assert_eq!(listed["get_operations"], json!({}));

    agent_answers(
        &stage,
        &agent,
        &mut scheduler,
        OperationState::OperationRecovering,
    );
}

/// Mirrors: OperationReconciliationTest.FrameworkReconciliationRaceWithUpdateSlaveMessage
#[test]
fn agent_answers_for_a_provider_that_the_next_master_has_not_heard_of() {
    let (stage, agent, mut scheduler, offer) = with_provider();
    scheduler.accept(&offer, vec![named(reserve(&reserved_disk()), "operation")]);
    agent.perform(&stage);
    told(
        &mut scheduler,
        "operation",
        OperationState::OperationFinished,
    );
    let next = failed_over(stage, &agent, &Resources::new());
    let mut scheduler = resubscribed(&next, &scheduler);

    agent_answers(
        &next,
        &agent,
        &mut scheduler,
        OperationState::OperationFinished,
    );
}

/// Mirrors: MasterSlaveReconciliationTest.ReconcileDroppedOperation
/// Mirrors: AgentOperationFeedbackTest.DroppedOperationStatusUpdate
/// Mirrors: AgentOperationFeedbackTest.DroppedOperationDuplicateStatusUpdate
#[test]
fn operation_that_never_reached_its_agent_is_dropped() {
    let (stage, agent, mut scheduler, offer) = staged();
    let operation = named(reserve(&reserved("cpus:1", "role")), "operation");
    scheduler.accept(&offer, vec![operation]);
    let lost: ApplyOperationMessage = agent.peer.expect();

    stage.send(
        &agent.peer,
        &agent.reregistration_storing(&Resources::new()),
    );
    let _back: AgentReregisteredMessage = agent.peer.expect();
    agent.announce(&stage, vec![], None);
    let asked: ReconcileOperationsMessage = agent.peer.expect();
    assert_eq!(asked.operations.len(), 1);
    assert_eq!(asked.operations[0].operation_uuid(), lost.operation_uuid());
    agent.report(&stage, &lost, OperationState::OperationDropped, None);

    let status = told(
        &mut scheduler,
        "operation",
        OperationState::OperationDropped,
    );
    assert!(status.uuid.is_none() && status.resource_provider_id.is_none());
    assert_eq!(status.agent_id().value(), agent.id);
    assert!((stage.metric("master/operations/dropped") - 1.0).abs() < 1e-9);
    agent.report(&stage, &lost, OperationState::OperationDropped, None);
    told(
        &mut scheduler,
        "operation",
        OperationState::OperationDropped,
    );
    assert!((stage.metric("master/operations/dropped") - 1.0).abs() < 1e-9);
}

/// Mirrors: MasterSlaveReconciliationTest.ForwardOperationDroppedAfterExplicitReconciliation
#[test]
fn operation_that_never_reached_its_provider_is_dropped() {
    let (stage, agent, mut scheduler, offer) = with_provider();
    scheduler.accept(&offer, vec![named(reserve(&reserved_disk()), "operation")]);
    let lost: ApplyOperationMessage = agent.peer.expect();

    let unchanged = provider("rp", &raw_disk(200.0), vec![]);
    agent.announce(&stage, vec![], Some(vec![unchanged]));

    let asked: ReconcileOperationsMessage = agent.peer.expect();
    assert_eq!(asked.operations.len(), 1);
    assert_eq!(asked.operations[0].operation_uuid(), lost.operation_uuid());
    assert_eq!(asked.operations[0].resource_provider_id().value(), "rp");
    let offer = scheduler.next_offer(&stage);
    assert!(
        offered(&offer).contains(&provided(&raw_disk(200.0), "rp")),
        "the reservation was taken on trust and is undone: {}",
        offered(&offer)
    );
    assert!(holds(&offer, &parsed("cpus:4")));
    agent.report(&stage, &lost, OperationState::OperationDropped, None);
    told(
        &mut scheduler,
        "operation",
        OperationState::OperationDropped,
    );
    assert!((stage.metric("master/operations/dropped") - 1.0).abs() < 1e-9);
}
