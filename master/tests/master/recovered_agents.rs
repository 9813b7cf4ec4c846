//! Agents that the registry of a former master knows, and agents whose programs start again.

use std::time::Duration;

use libprocess::testing::Pattern;
use mesos_proto::internal::{AgentReregisteredMessage, PingAgentMessage, PongAgentMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Call, call, event};
use mesos_proto::v1::task_status::Reason;
use serde_json::json;

use crate::support::{Agent, Peer, Scheduler, Stage, from_json, mine, run_one, unaware};

/// How long an agent may take until it is back.
const REREGISTER_TIMEOUT: Duration = Duration::from_secs(600);

/// A registry that may take as long as it likes.
const FOREVER: Duration = Duration::from_secs(100_000);

/// A master that knows an agent from the registry only.
fn recovered() -> (Stage, Agent) {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    agent.peer.disappear();
    stage.fail_over(|flags| flags.registry_store_timeout = FOREVER);
    (stage, agent)
}

/// The program of the agent starts again; its pid is another one.
fn start_again(stage: &Stage, agent: &mut Agent) {
    agent.peer = Peer::start(&stage.runtime, "slave");
}

/// The agent wants to come back with another attribute, which the registry has to know first.
fn start_again_changed(stage: &Stage, agent: &mut Agent) {
    agent.info.attributes.push(from_json(&json!({
        "name": "rack",
        "type": "TEXT",
        "text": {"value": "a"},
    })));
    start_again(stage, agent);
    stage.send(&agent.peer, &agent.reregistration(&[]));
    stage.settle();
}

#[track_caller]
fn back(stage: &Stage, agent: &Agent) {
    stage.send(&agent.peer, &agent.reregistration(&[]));
    let back: AgentReregisteredMessage = agent.peer.expect();
    assert_eq!(back.agent_id().value(), agent.id);
}

/// Mirrors: MasterTest.RecoveredSlaveCanReregister
#[test]
fn agent_that_was_given_up_after_a_failover_may_come_back() {
    let (stage, mut agent) = recovered();
    let mut scheduler = stage.subscribe(mine("role"));

    stage.advance(REREGISTER_TIMEOUT);

    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().agent_id().value(), agent.id);
    stage.counts("recovery_slave_removals", 1.0);
    stage.counts("slave_removals", 1.0);
    stage.counts("slave_removals/reason_unhealthy", 1.0);
    stage.counts("slave_removals/reason_unregistered", 0.0);
    stage.counts("slave_unreachable_completed", 1.0);
    stage.counts("slave_unreachable_scheduled", 1.0);
    start_again(&stage, &mut agent);
    back(&stage, &agent);
    assert_eq!(scheduler.next_offer(&stage).agent_id(), &agent.proto_id());
}

/// Mirrors: MasterTest.RecoveredSlaveReregisters
#[test]
fn agent_that_came_back_in_time_is_not_given_up() {
    let (stage, mut agent) = recovered();
    let mut scheduler = stage.subscribe(mine("role"));
    start_again(&stage, &mut agent);
    back(&stage, &agent);
    let observer = stage.runtime.upid("slave-observer(1)");

    // Pings are answered all the time until the end of the timeout.
    for _ in 0..41 {
        agent.peer.send(&observer, &PongAgentMessage::default());
        stage.settle();
        stage.advance(Duration::from_secs(15));
    }

    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    stage.counts("recovery_slave_removals", 0.0);
    stage.counts("slaves_active", 1.0);
}

/// Mirrors: MasterTest.RecoveredSlaveReregisterThenUnreachableRace
#[test]
fn agent_that_is_about_to_be_back_is_not_given_up() {
    let (stage, mut agent) = recovered();
    let registry = stage.hold_registry();
    start_again_changed(&stage, &mut agent);
    assert_eq!(registry.len(), 1, "it is stored as it is now");

    stage.advance(REREGISTER_TIMEOUT);

    assert_eq!(registry.len(), 1, "and not as unreachable");
    stage.counts("slave_unreachable_scheduled", 0.0);
    registry.release();
    let back: AgentReregisteredMessage = agent.peer.expect();
    assert_eq!(back.agent_id().value(), agent.id);
}

/// Mirrors: MasterTest.CancelRecoveredSlaveRemoval
#[test]
fn agent_that_comes_back_while_it_waits_to_be_given_up_stays() {
    let mut stage = Stage::start();
    let mut agents = [
        stage.agent("cpus:2;mem:1024"),
        stage.agent("cpus:2;mem:1024"),
    ];
    for agent in &agents {
        agent.peer.disappear();
    }
    stage.fail_over(|flags| {
        flags.agent_removal_rate_limit = Some("1/30secs".to_owned());
        flags.recovery_agent_removal_limit = "100%".to_owned();
    });
    let mut scheduler = stage.subscribe(mine("role"));

    stage.advance(REREGISTER_TIMEOUT);

    // The first takes the permit, the other has to wait for the next one.
    let failure = scheduler.expect(event::Type::Failure);
    let lost = failure.failure().agent_id().value().to_owned();
    stage.counts("slave_unreachable_scheduled", 2.0);
    stage.counts("slave_unreachable_completed", 1.0);
    let waiting = agents
        .iter_mut()
        .find(|agent| agent.id != lost)
        .expect("the other");
    start_again(&stage, waiting);
    back(&stage, waiting);
    stage.advance(Duration::from_secs(31));
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    stage.counts("slave_unreachable_completed", 1.0);
    stage.counts("slaves_active", 1.0);
}

/// Mirrors: MasterTest.KillUnknownTaskSlaveInTransition
/// Mirrors: ReconciliationTest.RecoveredAgentReregistrationInProgress
#[test]
fn nothing_is_said_of_tasks_while_their_agent_is_in_transition() {
    let (stage, mut agent) = recovered();
    let mut scheduler = stage.subscribe(mine("role"));
    let registry = stage.hold_registry();
    start_again_changed(&stage, &mut agent);
    assert_eq!(registry.len(), 1);

    scheduler.reconcile(&[("unknown", Some(&agent.id))]);
    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(
            from_json::<call::Kill>(&json!({
                "task_id": {"value": "unknown"},
                "agent_id": {"value": agent.id},
            }))
            .into(),
        ),
        ..Default::default()
    });

    assert_eq!(answer.status, 202);
    assert!(!scheduler.heard_before_answer(event::Type::Update));
}

/// The agent's program ends, is there again and answers pings, but does not register.
fn silent_restart(stage: &Stage, agent: &mut Agent) {
    stage
        .runtime
        .inject_exited(stage.master.upid(), agent.peer.upid());
    stage.settle();
    assert_eq!(stage.get("/slaves")["slaves"][0]["active"], false);
}

/// Lets this much time pass while an agent answers pings.
fn answering(stage: &Stage, agent: &Agent, time: Duration) {
    let observer = stage.runtime.upid("slave-observer(1)");
    let interval = Duration::from_secs(15);
    for _ in 0..time.as_secs() / interval.as_secs() {
        stage.advance(interval);
        agent.peer.send(&observer, &PongAgentMessage::default());
        stage.settle();
    }
}

/// The agent of a task is unreachable since now.
#[track_caller]
fn is_now(stage: &Stage, lost: &v1::TaskStatus) {
    let now = i64::try_from(stage.runtime.clock().now().as_nanos()).expect("a time");
    let since = lost.unreachable_time().nanoseconds();
    assert!(now.abs_diff(since) < 1000, "{now} {since}");
}

/// Mirrors: MasterTest.AgentRestartNoReregister
#[test]
fn agent_that_started_again_and_does_not_register_is_given_up() {
    let stage = Stage::start();
    let mut agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let run = run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    scheduler.acknowledge(&status);
    silent_restart(&stage, &mut agent);

    answering(&stage, &agent, Duration::from_secs(15));
    let ping: PingAgentMessage = agent.peer.expect();
    assert!(!ping.connected());
    answering(&stage, &agent, REREGISTER_TIMEOUT - Duration::from_secs(15));

    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskUnreachable);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    assert_eq!(lost.agent_id().value(), agent.id);
    is_now(&stage, &lost);
    scheduler.expect(event::Type::Failure);
    stage.send(
        &agent.peer,
        &agent.reregistration(&[(&run, TaskState::TaskRunning)]),
    );
    let running = scheduler.update();
    assert_eq!(running.state(), TaskState::TaskRunning);
    assert_eq!(running.reason(), Reason::ReasonAgentReregistered);
    stage.counts("recovery_slave_removals", 0.0);
    stage.counts("slave_removals", 1.0);
    stage.counts("slave_removals/reason_unhealthy", 1.0);
    stage.counts("slave_removals/reason_unregistered", 0.0);
    stage.counts("slave_unreachable_completed", 1.0);
    stage.counts("slave_unreachable_scheduled", 1.0);
}

/// Mirrors: MasterTest.AgentRestartNoReregisterRateLimit
#[test]
fn agents_that_do_not_register_again_are_given_up_at_the_rate_that_is_allowed() {
    let stage = Stage::start_with(|flags| {
        flags.agent_removal_rate_limit = Some("1/20mins".to_owned());
    });
    let _other = stage.agent("cpus:2;mem:1024");
    stage.lose_agents();
    stage.counts("slave_unreachable_completed", 1.0);
    let mut agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();
    let rescinded_and_not_lost = |scheduler: &mut Scheduler| {
        let rescind = scheduler.expect(event::Type::Rescind);
        assert_eq!(rescind.rescind().offer_id(), offer.id());
    };
    silent_restart(&stage, &mut agent);
    rescinded_and_not_lost(&mut scheduler);
    let observer = stage.runtime.upid("slave-observer(1)");
    let answered = |span: u64| {
        for _ in 0..span / 15 {
            stage.advance(Duration::from_secs(15));
            agent.peer.send(&observer, &PongAgentMessage::default());
            stage.settle();
        }
    };

    answered(600);

    stage.counts("slave_unreachable_scheduled", 2.0);
    stage.counts("slave_unreachable_completed", 1.0);
    assert!(!scheduler.heard_before_answer(event::Type::Failure));
    answered(600);
    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().agent_id().value(), agent.id);
    stage.counts("slave_unreachable_completed", 2.0);
}

/// Mirrors: MasterTest.EndpointsForHalfRemovedSlave
#[test]
fn agent_is_shown_until_the_registry_says_that_it_is_unreachable() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    stage.settle();
    for _ in 0..4 {
        stage.advance(Duration::from_secs(15));
    }
    let registry = stage.hold_registry();
    stage.advance(Duration::from_secs(15));
    agent.peer.disappear();
    stage.settle();
    assert_eq!(registry.len(), 1);
    let counted = |expected: f64| {
        stage.counts("slave_unreachable_scheduled", 1.0);
        stage.counts("slave_unreachable_completed", 1.0);
        stage.counts("slave_removals", expected);
        stage.counts("slave_removals/reason_unhealthy", expected);
        stage.counts("slave_removals/reason_unregistered", 0.0);
    };
    let shown = || stage.get("/state")["slaves"].as_array().map(Vec::len);
    counted(0.0);
    assert_eq!(shown(), Some(1));

    registry.release();
    stage.settle();

    counted(1.0);
    assert_eq!(shown(), Some(0));
}

/// Mirrors: MasterTest.UnreachableTaskAfterFailover
#[test]
fn task_of_an_agent_that_did_not_come_back_after_a_failover_is_lost_when_asked_for() {
    let mut stage = Stage::start();
    let mut agent = stage.agent("cpus:2;mem:1024");
    let info = unaware(mine("role"));
    let mut scheduler = stage.subscribe(info.clone());
    let run = run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    scheduler.acknowledge(&status);
    stage.fail_over(|_| {});
    let mut again = info;
    again.id = Some(scheduler.id.clone());
    let mut scheduler = stage.subscribe(again);

    stage.advance(REREGISTER_TIMEOUT);

    scheduler.expect(event::Type::Failure);
    assert!(!scheduler.heard_before_answer(event::Type::Update));
    scheduler.reconcile(&[("1", Some(&agent.id))]);
    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskLost);
    assert_eq!(lost.reason(), Reason::ReasonReconciliation);
    is_now(&stage, &lost);
    agent.come_back(&stage, &[(&run, TaskState::TaskRunning)]);
    let running = scheduler.update();
    assert_eq!(running.state(), TaskState::TaskRunning);
    assert_eq!(running.reason(), Reason::ReasonAgentReregistered);
    stage.counts("tasks_lost", 0.0);
    stage.counts("tasks_unreachable", 0.0);
    stage.counts("tasks_running", 1.0);
    stage.counts("slave_unreachable_scheduled", 1.0);
    stage.counts("slave_unreachable_completed", 1.0);
    stage.counts("slave_removals", 1.0);
    stage.counts("slave_removals/reason_unhealthy", 1.0);
    stage.counts("slave_removals/reason_unregistered", 0.0);
    stage.counts("recovery_slave_removals", 1.0);
}

/// The agent registers with twice the processors, and both views of it show that.
fn grows(stage: &Stage, agent: &mut Agent) {
    agent.info.resources = mesos_common::resources::Resources::parse("cpus:200")
        .expect("resources")
        .to_proto();
    start_again(stage, agent);
    back(stage, agent);
    stage.settle();

    let slaves = stage.get(&format!("/slaves?slave_id={}", agent.id));
    assert_eq!(slaves["slaves"].as_array().map(Vec::len), Some(1));
    assert_eq!(slaves["slaves"][0]["resources"]["cpus"], json!(200.0));
    let registry = stage.get("/registrar(1)/registry");
    let known = &registry["slaves"]["slaves"];
    assert_eq!(known.as_array().map(Vec::len), Some(1));
    assert_eq!(known[0]["info"]["id"]["value"], agent.id.as_str());
    let cpus = &known[0]["info"]["resources"][0];
    assert_eq!(cpus["name"], "cpus");
    assert_eq!(cpus["scalar"]["value"], json!(200.0));
}

/// Mirrors: MasterTest.RegistryUpdateAfterReconfiguration
#[test]
fn agent_that_grew_is_stored_anew() {
    let stage = Stage::start();
    let mut agent = stage.agent("cpus:100");
    agent.peer.disappear();
    stage.settle();

    grows(&stage, &mut agent);
}

/// Mirrors: MasterTest.RegistryUpdateAfterMasterFailover
#[test]
fn agent_that_grew_while_there_was_no_master_is_stored_anew() {
    let mut stage = Stage::start();
    let mut agent = stage.agent("cpus:100");
    agent.peer.disappear();
    stage.fail_over(|_| {});

    grows(&stage, &mut agent);
}

/// Mirrors: MasterTest.IgnoreOldAgentReregistration
#[test]
fn agent_of_an_old_version_does_not_come_back() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let registry = stage.hold_registry();
    let mut message = agent.reregistration(&[]);
    message.version = Some("0.28.1-rc1".to_owned());

    stage.send(&agent.peer, &message);
    stage.settle();

    stage.counts("messages_reregister_slave", 1.0);
    assert!(registry.is_empty());
    assert!(!agent.peer.has::<AgentReregisteredMessage>());
}

fn mark_gone(stage: &Stage, agent: &Agent) {
    let call = json!({
        "type": "MARK_AGENT_GONE",
        "mark_agent_gone": {"agent_id": {"value": agent.id}},
    });
    assert_eq!(stage.call(&call.to_string()).status, 200);
}

/// Mirrors: MasterTest.RegistryGcByCount
#[test]
fn only_so_many_agents_that_are_gone_are_remembered() {
    let stage = Stage::start_with(|flags| flags.registry_max_agent_count = 1);
    let old = stage.agent("cpus:2;mem:1024");
    mark_gone(&stage, &old);
    let young = stage.agent("cpus:2;mem:1024");
    mark_gone(&stage, &young);

    stage.advance(Duration::from_secs(15 * 60));

    let mut scheduler = stage.subscribe(mine("role"));
    scheduler.reconcile(&[("x", Some(&old.id)), ("y", Some(&young.id))]);
    assert_eq!(scheduler.update().state(), TaskState::TaskUnknown);
    assert_eq!(scheduler.update().state(), TaskState::TaskGoneByOperator);
}

/// Mirrors: ReconciliationTest.ReconcileStatusUpdateTaskState
#[test]
fn task_that_ended_is_told_as_its_last_update_said() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let run = run_one(&mut scheduler, &agent, "1", "cpus:1;mem:32");
    stage.fail_over(|_| {});
    let mut info = mine("role");
    info.id = Some(scheduler.id.clone());
    let mut scheduler = stage.subscribe(info);
    let mut message = agent.reregistration(&[(&run, TaskState::TaskFinished)]);
    let mut task: v1::Task = message.tasks.remove(0);
    task.status_update_state = Some(TaskState::TaskRunning.into());
    task.status_update_uuid = crate::support::uuid_message(1).value;
    message.tasks.push(task);
    stage.send(&agent.peer, &message);
    let _back: AgentReregisteredMessage = agent.peer.expect();

    scheduler.reconcile(&[]);

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
}

/// Mirrors: FaultToleranceTest.SlaveReliableRegistration
#[test]
fn lost_answer_to_a_registration_is_sent_again() {
    let stage = Stage::start();
    let lost = stage
        .runtime
        .drop_message(Pattern::message().named("mesos.internal.SlaveRegisteredMessage"));
    let peer = Peer::start(&stage.runtime, "slave");
    let message = mesos_proto::internal::RegisterAgentMessage {
        agent: Some(crate::support::agent_info("cpus:2;mem:1024").into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: crate::support::agent_capabilities(),
        ..Default::default()
    };
    stage.send(&peer, &message);
    assert!(stage.runtime.block_on(lost).ready().is_some());
    let mut scheduler = stage.subscribe(mine("role"));

    stage.send(&peer, &message);

    let registered: mesos_proto::internal::AgentRegisteredMessage = peer.expect();
    assert_eq!(scheduler.offers()[0].agent_id(), registered.agent_id());
    stage.counts("slaves_active", 1.0);
}

/// Mirrors: FaultToleranceTest.SlaveReregisterOnZKExpiration
#[test]
fn agent_that_found_the_same_master_again_is_answered() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    scheduler.offers();

    back(&stage, &agent);

    stage.counts("slaves_active", 1.0);
    stage.counts("slave_reregistrations", 1.0);
}
