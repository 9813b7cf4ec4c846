//! pymesos 0.3.15 and mesoshttp 0.4.2 from the Python index: clients that nobody here wrote.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, resources};
use mesos_integration::http_client::get_json;
use mesos_integration::leftovers;
use serde_json::{Value, json};

/// The interpreter of the environment that `./test` made, with the clients in it.
fn python() -> String {
    std::env::var("MESOS_TEST_PYTHON").expect("./test sets MESOS_TEST_PYTHON")
}

/// Runs a script with the interpreter that `./test` prepared: it is told the master and the agents.
fn run_script(cluster: &Cluster, script: &str) -> (Value, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let output = Command::new(python())
        .arg(script)
        .arg(cluster.master.address.to_string())
        .args(cluster.agents.iter().map(|agent| agent.address.to_string()))
        .stdin(Stdio::null())
        .output()
        .expect("the interpreter runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let result = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{error}\n{}", cluster.logs()));
    (result, error)
}

fn last_state(result: &Value, task: &str) -> Option<Value> {
    result["states"][task].as_array()?.last().cloned()
}

#[test]
fn pymesos_runs_twenty_tasks_to_their_end_and_kills_one() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();

    let (result, error) = run_script(&cluster, "pymesos_twenty.py");

    assert_eq!(
        result["in_time"],
        Value::from(true),
        "{result}\n{error}\n{}",
        cluster.logs()
    );
    assert_eq!(result["errors"], Value::Array(Vec::new()));
    assert_eq!(result["version"], "1.11.0");
    for number in 0..20 {
        assert_eq!(
            last_state(&result, &format!("task-{number}")),
            Some("TASK_FINISHED".into()),
            "{result}"
        );
    }
    assert_eq!(
        last_state(&result, "task-20"),
        Some("TASK_KILLED".into()),
        "{result}"
    );
    eventually("the end of the framework", || {
        let state = get_json(cluster.master.address, "/master/state").ok()?;
        (state["completed_frameworks"].as_array()?.len() == 1).then_some(())
    })
    .unwrap();
    eventually("the end of the task that sleeps", || {
        let running = leftovers::processes(cluster.mark(), cluster.folder());
        running
            .iter()
            .all(|process| !process.command.contains("sleep 1000"))
            .then_some(())
    })
    .unwrap();
}

/// The executor of pymesos, which nobody here wrote, under our agent.
#[test]
fn pymesos_executor_runs_two_tasks_and_greets() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/pymesos_executor.py");
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    let executor = json!({
        "executor_id": {"value": "pymesos"},
        "command": {"value": format!("exec {} {}", python(), script.display())},
    });
    let task = |id: &str| {
        json!({
            "name": id, "task_id": {"value": id}, "agent_id": offer.get("agent_id"),
            "resources": resources(0.1, 16.0), "executor": executor,
        })
    };

    scheduler.launch(&offer, &[task("a"), task("b")]).unwrap();

    for id in ["a", "b"] {
        scheduler
            .wait_for_state(id, "TASK_FINISHED")
            .unwrap_or_else(|error| panic!("{error}\n{}", cluster.logs()));
    }
    let message = scheduler.wait_for("MESSAGE").unwrap();
    let data = message.pointer("/message/data").and_then(Value::as_str);
    let data = data.and_then(|text| STANDARD.decode(text).ok());
    let text = String::from_utf8(data.unwrap_or_default()).unwrap();
    assert!(text.starts_with("hello from "), "{message}");
}

/// mesoshttp reads lines, so it sees each event when the next one comes.
#[test]
fn mesoshttp_runs_four_tasks_to_their_end_and_kills_one() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();

    let (result, error) = run_script(&cluster, "mesoshttp_tasks.py");

    assert_eq!(
        result["in_time"],
        Value::from(true),
        "{result}\n{error}\n{}",
        cluster.logs()
    );
    assert_eq!(result["errors"], Value::Array(Vec::new()));
    assert_eq!(result["master"], "1.11.0");
    assert!(result["heartbeats"].as_u64() > Some(0), "{result}");
    for number in 0..4 {
        assert_eq!(
            last_state(&result, &format!("task-{number}")),
            Some("TASK_FINISHED".into()),
            "{result}"
        );
    }
    assert_eq!(last_state(&result, "task-4"), Some("TASK_KILLED".into()));
    eventually("the end of the framework", || {
        let state = get_json(cluster.master.address, "/master/state").ok()?;
        (state["completed_frameworks"].as_array()?.len() == 1).then_some(())
    })
    .unwrap();
}

/// grpcio from the Python index, with nothing of ours: the messages come from the server's reflection.
#[test]
fn grpcio_schedules_by_what_reflection_tells() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();

    let (result, _) = run_script(&cluster, "grpc_scheduler.py");

    // 1 is SERVING.
    assert_eq!(result["health"], 1);
    assert_eq!(result["version"], "1.11.0");
    let services = result["services"].to_string();
    for service in ["mesos.v1.grpc.Master", "mesos.v1.grpc.Scheduler"] {
        assert!(services.contains(service), "{services}");
    }
    assert_eq!(
        result["refused"],
        serde_json::json!([
            "INVALID_ARGUMENT",
            "All non-subscribe calls should include the 'Mesos-Stream-Id' header"
        ])
    );
    assert_eq!(
        result["states"],
        serde_json::json!(["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"])
    );
}

/// As `grpcurl` does it: the methods, the calls and the events are all known by reflection.
#[test]
fn grpcio_operates_master_and_agent_by_what_reflection_tells() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();

    let (result, _) = run_script(&cluster, "grpc_operator.py");

    let [of_master, of_agent] = [0, 1].map(|index| result["services"][index].to_string());
    assert!(of_master.contains("mesos.v1.grpc.Master"), "{of_master}");
    for service in ["mesos.v1.grpc.Agent", "mesos.v1.grpc.Executor"] {
        assert!(of_agent.contains(service), "{of_agent}");
    }
    assert_eq!(
        result["master"],
        json!({
            "methods": {"Invoke": "unary", "Subscribe": "stream"},
            "agents": ["localhost"],
            "events": ["SUBSCRIBED", "HEARTBEAT"],
            "subscribed": ["localhost"],
            "weights": [["eng", 2.5]],
            "refused": [
                "INVALID_ARGUMENT",
                "Failed to validate master::Call: Expecting 'read_file' to be present",
            ],
        })
    );
    assert_eq!(
        result["agent"],
        json!({
            "methods": {
                "Invoke": "unary",
                "LaunchSession": "stream",
                "AttachOutput": "stream",
                "AttachInput": "unary",
            },
            "hostname": "localhost",
        })
    );
}
