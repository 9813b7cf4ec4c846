//! Operations of agents that lost a capability, and of frameworks that are gone.

use mesos_proto::internal::{
    AcknowledgeOperationStatusMessage, AgentReregisteredMessage, ApplyOperationMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::agent_info::capability::Type as Capability;
use mesos_proto::v1::offer::operation;
use mesos_proto::v1::{OperationState, TaskState};
use serde_json::{Value, json};

use crate::support::operations::{named, reserve, reserved};
use crate::support::{
    Agent, Peer, Scheduler, Stage, agent_capabilities, agent_info, from_json, launch, mine, task,
};

fn without(capability: Capability) -> Vec<v1::agent_info::Capability> {
    let mut capabilities = agent_capabilities();
    capabilities.retain(|one| one.r#type() != capability);
    capabilities
}

/// A reservation that its agent reported and its framework did not acknowledge.
fn unacknowledged() -> (Stage, Agent, Scheduler, v1::Operation, v1::OperationStatus) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let operation = named(reserve(&reserved("cpus:1", "role")), "operation");
    scheduler.accept(&offer, vec![operation]);
    let apply: ApplyOperationMessage = agent.peer.expect();
    agent.report(&stage, &apply, OperationState::OperationFinished, Some(9));
    let status = scheduler.operation_update();
    assert_eq!(status.operation_id().value(), "operation");
    assert_eq!(status.state(), OperationState::OperationFinished);
    let operation = agent.operation(&apply, OperationState::OperationFinished);
    (stage, agent, scheduler, operation, status)
}

fn operations(stage: &Stage) -> Vec<Value> {
    let answer = stage.call(r#"{"type":"GET_OPERATIONS"}"#).json();
    let list = answer["get_operations"]["operations"].as_array();
    list.cloned().unwrap_or_default()
}

/// The agent's program starts again with other capabilities.
fn restart(stage: &Stage, agent: &mut Agent, capabilities: Vec<v1::agent_info::Capability>) {
    agent.peer.disappear();
    agent.peer = Peer::start(&stage.runtime, "slave");
    let mut message = agent.reregistration_storing(&reserved("cpus:1", "role"));
    message.agent_capabilities = capabilities;
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();
}

/// Mirrors: MasterTest.AckOperationsAfterAgentCapabilityChange
#[test]
fn operation_can_be_acknowledged_although_its_agent_knows_providers_no_more() {
    let (stage, mut agent, scheduler, operation, status) = unacknowledged();

    restart(&stage, &mut agent, without(Capability::ResourceProvider));
    agent.announce(&stage, vec![operation], None);

    let shown = operations(&stage);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["latest_status"]["state"], "OPERATION_FINISHED");
    assert_eq!(shown[0]["info"]["id"]["value"], "operation");
    scheduler.acknowledge_operation(&status);
    let acknowledged: AcknowledgeOperationStatusMessage = agent.peer.expect();
    assert_eq!(acknowledged.status_uuid(), status.uuid());
}

/// Mirrors: MasterTest.CleanupOperationsAfterAgentDowngrade
#[test]
fn operation_is_forgotten_when_its_agent_gives_no_feedback_any_more() {
    let (stage, mut agent, _scheduler, _operation, _status) = unacknowledged();
    let shown = operations(&stage);
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["latest_status"]["state"], "OPERATION_FINISHED");
    assert_eq!(shown[0]["info"]["id"]["value"], "operation");

    restart(
        &stage,
        &mut agent,
        without(Capability::AgentOperationFeedback),
    );

    assert_eq!(operations(&stage), Vec::<Value>::new());
}

/// Mirrors: MasterTest.OperationUpdateCompletedFramework
#[test]
fn master_acknowledges_for_a_framework_that_is_gone() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let operation = named(reserve(&reserved("cpus:1", "role")), "operation");
    scheduler.accept(&offer, vec![operation]);
    let apply: ApplyOperationMessage = agent.peer.expect();
    scheduler.tear_down();
    let _shutdown: mesos_proto::internal::ShutdownFrameworkMessage = agent.peer.expect();

    agent.report(&stage, &apply, OperationState::OperationFinished, Some(9));

    let acknowledged: AcknowledgeOperationStatusMessage = agent.peer.expect();
    assert_eq!(acknowledged.operation_uuid(), apply.operation_uuid());
}

/// Mirrors: SchedulerTest.OperationFeedbackValidationNoResourceProviderCapability
#[test]
fn operation_with_an_id_is_refused_on_an_agent_without_feedback() {
    let stage = Stage::start();
    let capabilities = without(Capability::ResourceProvider);
    let agent = stage.agent_that_can(agent_info("cpus:4;mem:1024"), capabilities);
    let mut info = mine("role");
    info.roles.push("framework-role".to_owned());
    let mut scheduler = stage.subscribe(info);
    let offer = scheduler.offers()[0].clone();
    let taken = reserved("cpus:0.1", "framework-role");

    scheduler.accept(&offer, vec![named(reserve(&taken), "RESERVE_OPERATION")]);

    let status = scheduler.operation_update();
    assert_eq!(status.state(), OperationState::OperationError);
    assert_eq!(status.operation_id().value(), "RESERVE_OPERATION");
    stage.counts("operations/error", 1.0);
    assert!(!agent.peer.has::<ApplyOperationMessage>());
}

/// Mirrors: SchedulerTest.OperationFeedbackValidationWithResourceProviderCapability
#[test]
fn launches_have_no_operation_id() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:4;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let one = launch(vec![task("1", &offer, "cpus:0.1;mem:32;disk:32")]);
    let mut executor: v1::ExecutorInfo = from_json(&json!({
        "type": "DEFAULT",
        "executor_id": {"value": "default"},
        "framework_id": {"value": scheduler.id.value()},
    }));
    executor.resources = task("x", &offer, "cpus:0.1;mem:32;disk:32").resources;
    let group = v1::offer::Operation {
        r#type: Some(operation::Type::LaunchGroup.into()),
        launch_group: Some(operation::LaunchGroup {
            executor: Some(executor.into()),
            task_group: Some(v1::TaskGroupInfo {
                tasks: vec![task("2", &offer, "cpus:0.1;mem:32;disk:32")],
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };

    scheduler.accept(
        &offer,
        vec![
            named(one, "LAUNCH_OPERATION"),
            named(group, "LAUNCH_GROUP_OPERATION"),
        ],
    );

    for id in ["1", "2"] {
        let status = scheduler.update();
        assert_eq!(status.task_id().value(), id);
        assert_eq!(status.state(), TaskState::TaskError);
    }
}
