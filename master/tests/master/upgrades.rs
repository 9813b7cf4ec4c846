//! Agents of older releases that become new ones: what they can do changes when they register again.

use std::time::Duration;

use mesos_common::resources::Resources;
use mesos_proto::internal::{
    AgentReregisteredMessage, ApplyOperationMessage, CheckpointResourcesMessage,
    ReregisterAgentMessage, RunTaskMessage,
};
use mesos_proto::v1::agent_info::capability::Type as AgentCapability;
use mesos_proto::v1::framework_info::capability::Type as FrameworkCapability;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::{self, TaskState};
use mesos_proto_codec::WireMessage;

use crate::support::operations::{PRINCIPAL, offered, parsed, reserve, reserved_by};
use crate::support::{
    Agent, Scheduler, Stage, agent_capabilities, agent_info, executor_task, launch, mine, task_with,
};

/// An agent of a release that does not know this yet.
fn older_agent(stage: &Stage, resources: &str, unknown: AgentCapability) -> Agent {
    stage.agent_that_can(agent_info(resources), without(unknown))
}

fn without(unknown: AgentCapability) -> Vec<v1::agent_info::Capability> {
    let mut capabilities = agent_capabilities();
    capabilities.retain(|one| one.r#type() != unknown);
    capabilities
}

/// The agent is of this release now, and registers again.
fn upgrade(stage: &Stage, agent: &Agent) {
    stage.send(
        &agent.peer,
        &agent.reregistration_storing(&Resources::new()),
    );
    let _back: AgentReregisteredMessage = agent.peer.expect();
}

/// Whether an offer has come after another allocation.
fn is_offered(stage: &Stage, scheduler: &mut Scheduler) -> bool {
    stage.advance(Duration::from_secs(2));
    scheduler.heard_before_answer(event::Type::Offers)
}

/// Mirrors: UpgradeTest.UpgradeSlaveIntoMultiRole
#[test]
fn agent_is_offered_to_frameworks_of_many_roles_once_it_knows_them() {
    let stage = Stage::start();
    let agent = older_agent(&stage, "cpus:2;mem:1024", AgentCapability::MultiRole);
    let mut scheduler = stage.subscribe(mine("foo"));
    assert!(!is_offered(&stage, &mut scheduler));

    upgrade(&stage, &agent);

    let offer = scheduler.next_offer(&stage);
    assert_eq!(offer.agent_id().value(), agent.id);
}

/// Mirrors: UpgradeTest.UpgradeAgentIntoHierarchicalRoleForNonHierarchicalRole
#[test]
fn agent_that_learns_of_role_trees_is_offered_to_plain_roles_before_and_after() {
    let stage = Stage::start();
    let agent = older_agent(&stage, "cpus:2;mem:1024", AgentCapability::HierarchicalRole);
    let mut scheduler = stage.subscribe(mine("foo"));
    let offer = scheduler.next_offer(&stage);
    assert_eq!(offer.agent_id().value(), agent.id);
    scheduler.decline(&[offer], 0.0);

    upgrade(&stage, &agent);

    let offer = scheduler.next_offer(&stage);
    assert_eq!(offer.agent_id().value(), agent.id);
}

/// Mirrors: UpgradeTest.UpgradeAgentIntoHierarchicalRoleForHierarchicalRole
#[test]
fn agent_is_offered_to_nested_roles_once_it_knows_them() {
    let stage = Stage::start();
    let agent = older_agent(&stage, "cpus:2;mem:1024", AgentCapability::HierarchicalRole);
    let mut scheduler = stage.subscribe(mine("foo/bar"));
    assert!(!is_offered(&stage, &mut scheduler));

    upgrade(&stage, &agent);

    let offer = scheduler.next_offer(&stage);
    assert_eq!(offer.agent_id().value(), agent.id);
}

/// A framework of one role, which it names in the old way.
fn of_one_role(role: &str) -> v1::FrameworkInfo {
    let mut info = mine(role);
    info.roles.clear();
    info.role = Some(role.to_owned());
    info.capabilities
        .retain(|one| one.r#type() == FrameworkCapability::ReservationRefinement);
    info
}

/// What an agent says that knows of no allocation: neither of its tasks nor of its executors.
fn old_reregistration(agent: &Agent, run: &RunTaskMessage) -> ReregisterAgentMessage {
    let unallocated = |resources: &[v1::Resource]| {
        let mut resources = resources.to_vec();
        for resource in &mut resources {
            resource.allocation_info = None;
        }
        resources
    };
    let mut message = agent.reregistration(&[(run, TaskState::TaskRunning)]);
    message.agent_capabilities = without(AgentCapability::MultiRole);
    let mut executor = run.task().executor().clone();
    executor.framework_id = run.framework().id.clone();
    executor.resources = unallocated(&executor.resources);
    for task in &mut message.tasks {
        task.executor_id = executor.executor_id.clone();
        task.resources = unallocated(&task.resources);
    }
    message.executor_infos.push(executor);
    message
}

/// Mirrors: UpgradeTest.ReregisterOldAgentWithMultiRoleMaster
#[test]
fn next_master_says_the_role_of_tasks_and_executors_for_an_older_agent() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut info = of_one_role("foo");
    let mut scheduler = stage.subscribe(info.clone());
    let offer = scheduler.next_offer(&stage);
    let mut task = executor_task("1", "default", &offer, "cpus:1;mem:64");
    if let Some(executor) = task.executor.as_mut() {
        executor.resources = parsed("cpus:0.1").to_proto();
    }
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    info.id = Some(scheduler.id.clone());

    stage.fail_over(|_flags| {});
    let _scheduler = stage.subscribe(info);
    stage.send(&agent.peer, &old_reregistration(&agent, &run));
    let _back: AgentReregisteredMessage = agent.peer.expect();

    let state = stage.get("/state");
    let frameworks = state["frameworks"].as_array().expect("a list");
    assert_eq!(frameworks.len(), 1);
    assert_eq!(frameworks[0]["tasks"][0]["role"], "foo");
    assert_eq!(frameworks[0]["executors"][0]["role"], "foo");
}

/// Mirrors: UpgradeTest.RefineResourceOnOldAgent
#[test]
fn reservation_cannot_be_refined_on_an_older_agent() {
    let stage = Stage::start();
    let resources = "cpus:1;mem:512;disk(role1):1024";
    let agent = older_agent(&stage, resources, AgentCapability::ReservationRefinement);
    let mut scheduler = stage.subscribe(mine("role1/xyz"));
    let base = parsed("disk(role1):1024");
    let refined = reserved_by("disk(role1):1024", "role1/xyz", Some(PRINCIPAL));
    let offer = scheduler.next_offer(&stage);
    assert!(offered(&offer).contains(&base));

    let offer = scheduler.after(&stage, &offer, vec![reserve(&refined)]);

    assert!(offered(&offer).contains(&base));
    let task = task_with("1", &offer, refined.clone());
    scheduler.accept(&offer, vec![reserve(&refined), launch(vec![task])]);
    let status = scheduler.update();
    assert_eq!(status.task_id().value(), "1");
    assert_eq!(status.state(), TaskState::TaskError);
    let offer = scheduler.next_offer(&stage);
    assert!(offered(&offer).contains(&base));
    let told = agent.peer.names();
    for name in [
        CheckpointResourcesMessage::FULL_NAME,
        ApplyOperationMessage::FULL_NAME,
        RunTaskMessage::FULL_NAME,
    ] {
        assert!(!told.iter().any(|one| one == name), "{told:?}");
    }
}
