//! How groups and their executors end.

use mesos_integration::eventually::eventually;
use mesos_integration::http_client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{Stage, launch_group, scalars};

fn nothing() -> Value {
    json!({})
}

/// The first process of the only container of the agent that is not nested.
fn executor_pid(stage: &Stage) -> Pid {
    let agent = stage.cluster.agents.first().expect("an agent was started");
    let containers = http_client::get_json(agent.address, "/containers").expect("an answer");
    let pid = containers.pointer("/0/status/executor_pid");
    let pid = pid.and_then(Value::as_i64).expect("a process");
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.expect("an id of a process")
}

/// Mirrors: `DefaultExecutorTest.ROOT_ContainerStatusForTask`
#[test]
fn tasks_of_a_group_have_containers_below_the_same_one() {
    let mut stage = Stage::start();
    stage.launch_group(&[
        stage.task("a", "sleep 1000", &nothing()),
        stage.task("b", "sleep 1000", &nothing()),
    ]);

    let ids = [stage.running(None), stage.running(None)]
        .map(|status| status["container_status"]["container_id"].clone());

    let [one, other] = ids;
    assert_ne!(one, other);
    assert!(one["parent"]["value"].is_string(), "{one}");
    assert_eq!(one["parent"], other["parent"]);
}

/// Mirrors: DefaultExecutorTest.SigkillExecutor
#[test]
fn executor_that_is_killed_ends_its_container() {
    let mut stage = Stage::start();
    stage.launch_group(&[stage.task("t", "sleep 1000", &nothing())]);
    let running = stage.running(None);
    assert!(running.get("timestamp").is_some(), "{running}");
    let container = &running["container_status"]["container_id"];
    assert!(container["parent"]["value"].is_string(), "{running}");

    kill_process(executor_pid(&stage), Signal::KILL).unwrap();

    let failure = stage.scheduler.wait_for("FAILURE").unwrap();
    let failure = &failure["failure"];
    assert_eq!(failure["executor_id"]["value"], "default", "{failure}");
    assert!(failure["status"].is_number(), "{failure}");
}

/// Mirrors: `DefaultExecutorTest.ROOT_NoTransitionFromKillingToFinished`
#[test]
fn task_that_ends_well_when_killed_was_killed() {
    let capabilities = json!([
        {"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}, {"type": "TASK_KILLING_STATE"},
    ]);
    let mut stage = Stage::start_with(&json!({"capabilities": capabilities}), &[]);
    let flag = stage.cluster.folder().join("started");
    let command = format!(
        "trap 'exit 0' TERM; touch {}; while true; do sleep 0.1; done",
        flag.display()
    );
    stage.launch_group(&[stage.task("t", &command, &nothing())]);
    stage.running(None);
    eventually("the start of the task", || flag.is_file().then_some(())).unwrap();

    stage.scheduler.kill("t").unwrap();

    let states = [(); 2].map(|()| stage.scheduler.wait_for_update().unwrap()["state"].clone());
    assert_eq!(states, ["TASK_KILLING", "TASK_KILLED"]);
    let failure = stage.scheduler.wait_for("FAILURE").unwrap();
    assert_eq!(failure["failure"]["status"], 0, "{failure}");
}

/// Mirrors: `DefaultExecutorTest.ROOT_LaunchGroupFailure`
#[test]
fn group_of_a_task_that_cannot_be_launched_is_killed_and_no_other() {
    let mut stage = Stage::start();
    let image = json!({
        "type": "MESOS",
        "mesos": {"image": {"type": "APPC", "appc": {"name": "foobar"}}},
    });
    let failing = stage.task("failing", "sleep 1000", &json!({"container": image}));
    let sleeping = ["one", "two"].map(|id| stage.task(id, "sleep 1000", &nothing()));
    let executor = stage.executor(&scalars(&nothing()));
    let [one, two] = sleeping;
    stage.accept(&[
        launch_group(&executor, &[one]),
        launch_group(&executor, &[two, failing]),
    ]);

    let mut told: Vec<(String, String)> = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    while !["failing TASK_FAILED", "two TASK_KILLED", "one TASK_RUNNING"]
        .iter()
        .all(|wanted| {
            told.iter()
                .any(|(task, state)| format!("{task} {state}") == **wanted)
        })
    {
        let status = stage.scheduler.wait_for_update().unwrap();
        told.push((text(&status["task_id"]["value"]), text(&status["state"])));
    }
    stage.scheduler.kill("one").unwrap();

    let killed = stage
        .scheduler
        .wait_for_state("one", "TASK_KILLED")
        .unwrap();
    let of = |wanted: &str| -> Vec<&str> {
        let of_task = told.iter().filter(|(task, _)| task == wanted);
        of_task.map(|(_, state)| state.as_str()).collect()
    };
    assert_eq!(of("failing"), ["TASK_STARTING", "TASK_FAILED"]);
    assert_eq!(of("two"), ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLED"]);
    assert_eq!(of("one"), ["TASK_STARTING", "TASK_RUNNING"], "{killed}");
    stage.scheduler.wait_for("FAILURE").unwrap();
}

/// Mirrors: `DefaultExecutorTest.ROOT_SlaveRecoveryWithoutMetadataCheckpointed`
#[test]
fn agent_comes_back_when_nothing_of_the_group_was_checkpointed() {
    let mut stage = Stage::start_with(&json!({"checkpoint": false}), &[]);
    stage.launch_group(&[stage.task("t", "sleep 1000", &nothing())]);
    let running = stage.running(None);
    assert!(running.get("container_status").is_some(), "{running}");

    stage.cluster.agents.first_mut().unwrap().kill().unwrap();
    stage.cluster.restart_agent(0).unwrap();

    eventually("recovery", || {
        let agent = stage.cluster.agents.first()?.address;
        let state = http_client::get_json(agent, "/state").ok()?;
        let is_known = state["id"].as_str().is_some_and(|id| !id.is_empty());
        is_known.then_some(())
    })
    .unwrap();
}
