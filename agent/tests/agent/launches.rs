//! What happens to tasks between their arrival and their executor.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, Sender, channel},
};

use libprocess::{
    Future, Promise, Upid,
    http::{Principal, client::ClientRequest},
    testing::{Held, Pattern},
};
use mesos_agent::secret_generator::SecretGenerator;
use mesos_proto::{
    internal::{ExitedExecutorMessage, StatusUpdateMessage},
    v1::{self, TaskState, executor::event, secret, task_status::Reason},
};
use serde_json::{Value, json};

use crate::{
    harness::{
        Cluster, PATIENCE, command_task, executor_task, framework, framework_id, group_tasks,
        task_id,
    },
    script::Script,
    secrets::rules,
};

/// An agent that asks somebody before it launches a task, and whose containerizer tells the test.
fn asking() -> (Cluster, Script) {
    let (script, replacements) = Script::new();
    let cluster = Cluster::registered_replacing(
        |flags| flags.acls = Some(rules(&json!({ "permissive": true }))),
        replacements,
    );
    (cluster, script)
}

/// Keeps back whatever is asked of an actor of the agent.
fn hold(cluster: &Cluster, actor: &str) -> Held {
    let pid = Upid::new(actor, cluster.pid().address);
    cluster.runtime.hold(Pattern::dispatch().to(&pid))
}

/// Keeps back the answers of the authorizer.
fn hold_authorizer(cluster: &Cluster) -> Held {
    hold(cluster, AUTHORIZER)
}

const AUTHORIZER: &str = "local-authorizer(1)";
const COLLECTOR: &str = "agent-garbage-collector(1)";

/// Keeps back the first few things that are asked of an actor of the agent.
fn hold_first(cluster: &Cluster, count: usize, actor: &str) -> Held {
    let pid = Upid::new(actor, cluster.pid().address);
    let pattern = Pattern::dispatch().to(&pid);
    cluster.runtime.hold_first(count, pattern)
}

/// Waits until what came before was asked and answered: a task that came later is launched.
fn let_a_later_launch_pass(cluster: &Cluster) {
    cluster.run(&framework(), executor_task("later", "other", "sleep 1000"));
    cluster.wait_for_executor("other");
}

/// The executors of the only framework.
fn executors(cluster: &Cluster) -> Vec<String> {
    let state = cluster.state();
    let executors = state["frameworks"][0]["executors"].as_array();
    let id = |executor: &Value| executor["id"].as_str().unwrap_or_default().to_owned();
    executors.expect("a list").iter().map(id).collect()
}

/// Waits until so many questions are held.
fn wait_for_held(cluster: &Cluster, held: &Held, count: usize) {
    cluster.wait_for_state(|_| held.len() >= count);
}

fn expect_killed(cluster: &mut Cluster, task: &str, message: &str) {
    let status = cluster.expect_update();
    assert_eq!(status.task_id, Some(task_id(task)));
    assert_eq!(status.state(), TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::ReasonTaskKilledDuringLaunch);
    assert_eq!(status.message(), message);
}

const BEFORE_DELIVERY: &str = "Killed before delivery to the executor";
const GROUP_BEFORE_DELIVERY: &str =
    "A task within the task group was killed before delivery to the executor";

/// Mirrors: SlaveTest.KillTaskBetweenRunTaskParts
#[test]
fn task_that_is_killed_before_its_turn_is_never_launched() {
    let (mut cluster, script) = asking();
    let held = hold_authorizer(&cluster);
    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));
    wait_for_held(&cluster, &held, 1);

    cluster.kill("t");
    expect_killed(&mut cluster, "t", BEFORE_DELIVERY);
    held.release();

    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}

/// Mirrors: SlaveTest.KillMultiplePendingTasks
#[test]
fn each_of_several_tasks_that_are_killed_before_their_turn_is_reported() {
    let (mut cluster, script) = asking();
    let held = hold_authorizer(&cluster);
    for task in ["a", "b"] {
        cluster.run(&framework(), command_task(task, "echo hi"));
    }
    wait_for_held(&cluster, &held, 2);

    for task in ["a", "b"] {
        cluster.kill(task);
    }
    for task in ["a", "b"] {
        expect_killed(&mut cluster, task, BEFORE_DELIVERY);
    }
    held.release();

    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}

/// Mirrors: SlaveTest.KillTaskGroupBetweenRunTaskParts
#[test]
fn kill_of_one_member_before_its_turn_kills_the_group() {
    let (mut cluster, script) = asking();
    let held = hold_authorizer(&cluster);
    cluster.run_group("e", group_tasks(&["a", "b"]));
    wait_for_held(&cluster, &held, 2);

    cluster.kill("a");
    for task in ["a", "b"] {
        expect_killed(&mut cluster, task, GROUP_BEFORE_DELIVERY);
    }
    held.release();

    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}

/// Runs a group on an executor that is expected to be there.
fn run_second_group(cluster: &Cluster, ids: &[&str]) {
    cluster.send_group("e", group_tasks(ids), Some(false));
}

/// Two groups of one executor wait for their turn.
fn two_pending_groups() -> (Cluster, Script, Held) {
    let (cluster, script) = asking();
    let held = hold_authorizer(&cluster);
    cluster.run_group("e", group_tasks(&["a"]));
    run_second_group(&cluster, &["b"]);
    wait_for_held(&cluster, &held, 2);
    (cluster, script, held)
}

/// Mirrors: SlaveTest.LaunchTaskGroupsUsingSameExecutorKillFirstTaskGroup
#[test]
fn group_whose_executor_was_killed_with_the_group_before_it_is_dropped() {
    let (mut cluster, script, held) = two_pending_groups();

    cluster.kill("a");
    expect_killed(&mut cluster, "a", GROUP_BEFORE_DELIVERY);
    held.release();

    let status = cluster.expect_update();
    assert_eq!(status.task_id().value(), "b");
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    assert_eq!(
        status.message(),
        "No executor is expected to launch and there is none running"
    );
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}

/// Mirrors: SlaveTest.LaunchTaskGroupsUsingSameExecutorKillLaterTaskGroup
#[test]
fn group_is_launched_though_the_one_behind_it_was_killed() {
    let (mut cluster, _script, held) = two_pending_groups();

    cluster.kill("b");
    expect_killed(&mut cluster, "b", GROUP_BEFORE_DELIVERY);
    held.release();

    let mut executor = cluster.subscribe_when_launched("e");
    let launch = executor.expect(&cluster, event::Type::LaunchGroup);
    let tasks = &launch.launch_group().task_group().tasks;
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].task_id().value(), "a");
    cluster.report("e", "a", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
}

/// The groups of an executor in the order in which it gets them.
fn delivered_groups(cluster: &Cluster, count: usize) -> Vec<String> {
    let mut executor = cluster.subscribe_when_launched("e");
    let mut delivered = Vec::new();
    while delivered.len() < count {
        let launch = executor.expect(cluster, event::Type::LaunchGroup);
        let tasks = &launch.launch_group().task_group().tasks;
        delivered.extend(tasks.iter().map(|task| task.task_id().value().to_owned()));
    }
    delivered
}

/// Mirrors: SlaveTest.LaunchTasksReorderTaskAuthorization
#[test]
fn groups_of_one_executor_keep_their_order_when_answers_come_in_another() {
    let (cluster, _script) = asking();
    let first = hold_first(&cluster, 1, AUTHORIZER);
    cluster.run_group("e", group_tasks(&["a"]));
    wait_for_held(&cluster, &first, 1);
    run_second_group(&cluster, &["b"]);
    let_a_later_launch_pass(&cluster);
    assert_eq!(executors(&cluster), ["other"]);

    first.release();

    assert_eq!(delivered_groups(&cluster, 2), ["a", "b"]);
}

/// Mirrors: SlaveTest.LaunchTasksReorderUnscheduleGC
#[test]
fn groups_of_one_executor_keep_their_order_when_a_directory_is_freed_late() {
    let cluster = Cluster::registered();
    // The directories of the framework and of the executor are freed for the first group.
    let first = hold_first(&cluster, 4, COLLECTOR);
    cluster.run_group("e", group_tasks(&["a"]));
    wait_for_held(&cluster, &first, 4);
    run_second_group(&cluster, &["b"]);
    let_a_later_launch_pass(&cluster);
    assert_eq!(executors(&cluster), ["other"]);

    first.release();

    assert_eq!(delivered_groups(&cluster, 2), ["a", "b"]);
}

/// Mirrors: SlaveTest.ShutdownExecutorWhileTaskLaunching
#[test]
fn task_for_an_executor_that_was_shut_down_meanwhile_is_dropped() {
    let (mut cluster, _script) = asking();
    cluster.run_group("e", group_tasks(&["a"]));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::LaunchGroup);
    cluster.report("e", "a", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    let held = hold_authorizer(&cluster);
    run_second_group(&cluster, &["b"]);
    wait_for_held(&cluster, &held, 1);

    cluster.shut_down_executor("e");
    executor.expect(&cluster, event::Type::Shutdown);
    held.release();

    let status = cluster.expect_update();
    assert_eq!(status.task_id().value(), "b");
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
}

/// Mirrors: SlaveTest.DrainAgentKillsPendingTask
#[test]
fn draining_kills_a_task_before_its_turn() {
    let (mut cluster, script) = asking();
    let held = hold_authorizer(&cluster);
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    wait_for_held(&cluster, &held, 1);

    cluster.drain(v1::DrainConfig {
        max_grace_period: Some(v1::DurationInfo {
            nanoseconds: Some(0),
            ..Default::default()
        }),
        mark_gone: Some(true),
        ..Default::default()
    });

    let (_, message) = cluster.master.expect::<StatusUpdateMessage>();
    let status = message.update().status();
    assert_eq!(status.state(), TaskState::TaskGoneByOperator);
    assert_eq!(status.reason(), Reason::ReasonAgentDraining);
    held.release();
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}

fn call(cluster: &Cluster, kind: &str) -> Value {
    let body = json!({ "type": kind }).to_string();
    let request = ClientRequest::post("/slave(1)/api/v1", "application/json", body)
        .with_header("accept", "application/json");
    let (status, body) = cluster.ask(request);
    assert_eq!(status, 200);
    serde_json::from_slice(&body).expect("JSON")
}

/// Mirrors: SlaveTest.GetStateTaskGroupPending
#[test]
fn group_before_its_turn_is_shown_as_pending() {
    let (cluster, _script) = asking();
    let held = hold_authorizer(&cluster);
    cluster.run_group("e", group_tasks(&["a", "b"]));
    wait_for_held(&cluster, &held, 2);

    let state = call(&cluster, "GET_STATE");
    let pending = &state["get_state"]["get_tasks"]["pending_tasks"];

    let ids: Vec<&Value> = pending
        .as_array()
        .expect("a list")
        .iter()
        .map(|task| &task["task_id"]["value"])
        .collect();
    assert_eq!(ids, [&json!("a"), &json!("b")]);
    let framework = &state["get_state"]["get_frameworks"]["frameworks"][0];
    assert_eq!(
        framework["framework_info"]["id"]["value"],
        json!(framework_id().value())
    );
    drop(held);
}

/// Mirrors: SlaveTest.StateEndpointUnavailableDuringRecovery
#[test]
fn state_cannot_be_had_before_the_checkpoint_is_read() {
    let mut cluster = Cluster::registered();
    cluster.stop();
    // The agent that is started cannot read what an earlier one wrote as long as this is a pipe.
    let boot_id = cluster.place.work_dir().join("meta/boot_id");
    std::fs::remove_file(&boot_id).expect("removed");
    nix::unistd::mkfifo(&boot_id, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");

    cluster.start_again();
    let (status, text) = cluster.ask(ClientRequest::get("/state"));
    let (health, _) = cluster.ask(ClientRequest::get("/health"));

    assert_eq!(status, 503);
    assert_eq!(text.as_ref(), b"Agent has not finished recovery");
    assert_eq!(health, 200);
    let current = std::fs::read("/proc/sys/kernel/random/boot_id").expect("the boot id");
    std::fs::write(&boot_id, current).expect("written");
    cluster.reregister();
}

/// Gives what the test says, and tells for whom it was asked.
struct Scripted {
    answers: Mutex<Vec<Future<v1::Secret>>>,
    asked: Mutex<Sender<Principal>>,
}

impl SecretGenerator for Scripted {
    fn generate(&self, principal: &Principal) -> Future<v1::Secret> {
        let answer = self.answers.lock().expect("a lock").pop();
        let asked = self.asked.lock().expect("a lock").send(principal.clone());
        asked.expect("the test listens");
        answer.expect("an answer")
    }
}

/// An agent whose tokens are made by the test, and whose containerizer tells the test.
fn with_secret(answer: Future<v1::Secret>) -> (Cluster, Script, Receiver<Principal>) {
    let (script, mut replacements) = Script::new();
    let (sender, asked) = channel();
    replacements.secret_generator = Some(Arc::new(Scripted {
        answers: Mutex::new(vec![answer]),
        asked: Mutex::new(sender),
    }));
    let cluster = Cluster::registered_replacing(|_| {}, replacements);
    (cluster, script, asked)
}

/// Runs a group whose executor does not get this secret; both tasks must tell why.
#[track_caller]
fn check_unusable(answer: Future<v1::Secret>, why: &str) {
    let (mut cluster, script, _asked) = with_secret(answer);

    cluster.run_group("e", group_tasks(&["a", "b"]));

    for task in ["a", "b"] {
        let status = cluster.expect_update();
        assert_eq!(status.task_id().value(), task);
        assert_eq!(status.state(), TaskState::TaskFailed);
        assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
        assert_eq!(status.message(), format!("Secret generation failed: {why}"));
    }
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.executor_id().value(), "e");
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}

fn secret_of(kind: secret::Type) -> v1::Secret {
    v1::Secret {
        r#type: Some(kind.into()),
        reference: Some(secret::Reference {
            name: Some("secret_name".to_owned()),
            key: Some("secret_key".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Mirrors: SlaveTest.RunTaskGroupFailedSecretGeneration
#[test]
fn executor_for_which_no_secret_is_made_is_not_launched() {
    check_unusable(
        Future::failed("Mock secret generator failed"),
        "Mock secret generator failed",
    );
}

/// Mirrors: SlaveTest.RunTaskGroupInvalidExecutorSecret
#[test]
fn executor_with_a_broken_secret_is_not_launched() {
    check_unusable(
        Future::ready(secret_of(secret::Type::Value)),
        "Failed to validate generated secret: Secret of type VALUE must have the 'value' field set",
    );
}

/// Mirrors: SlaveTest.RunTaskGroupReferenceTypeSecret
#[test]
fn executor_with_a_secret_that_lies_elsewhere_is_not_launched() {
    check_unusable(
        Future::ready(secret_of(secret::Type::Reference)),
        "Expecting generated secret to be of VALUE type instead of REFERENCE type; only VALUE \
         type secrets are supported at this time",
    );
}

/// Mirrors: SlaveTest.RunTaskGroupGenerateSecretAfterShutdown
#[test]
fn executor_that_was_shut_down_before_its_secret_came_is_not_launched() {
    let (promise, answer) = Promise::new();
    let (mut cluster, script, asked) = with_secret(answer);
    cluster.run_group("e", group_tasks(&["a", "b"]));
    let principal = asked.recv_timeout(PATIENCE).expect("a question");

    cluster.shut_down_executor("e");
    cluster.wait_until_handled();
    promise.set(v1::Secret {
        r#type: Some(secret::Type::Value.into()),
        value: Some(secret::Value {
            data: Some("late".into()),
            ..Default::default()
        }),
        ..Default::default()
    });

    assert_eq!(principal.value, None);
    assert_eq!(principal.claims["fid"], framework_id().value());
    assert_eq!(principal.claims["eid"], "e");
    assert!(principal.claims.contains_key("cid"));
    for task in ["a", "b"] {
        let status = cluster.expect_update();
        assert_eq!(status.task_id().value(), task);
        assert_eq!(status.state(), TaskState::TaskFailed);
        assert_eq!(status.reason(), Reason::ReasonContainerLaunchFailed);
        assert_eq!(status.message(), "Executor terminating");
    }
    cluster.wait_for_state(|state| state["frameworks"] == json!([]));
    assert!(!script.has_launched());
}
