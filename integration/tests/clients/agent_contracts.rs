//! Undocumented behaviour of agents and executors that real clients break without, one test each.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_executor::FakeExecutor;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task, resources};
use mesos_integration::http_client::{self, Request, get_json};
use mesos_integration::record_stream::RecordStream;
use serde_json::{Value, json};

/// A master, an agent that runs processes, and a framework with one task on it.
struct Running {
    cluster: Cluster,
    scheduler: FakeScheduler,
}

impl Running {
    fn start(info: &Value, fields: &Value) -> Self {
        let mut cluster = Cluster::start().expect("the master starts");
        cluster.add_agent().expect("the agent registers");
        let mut scheduler =
            FakeScheduler::subscribe_as(cluster.master.address, info).expect("it subscribes");
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        let mut task = json!({
            "name": "t1", "task_id": {"value": "t1"}, "agent_id": offer.get("agent_id"),
            "resources": resources(0.1, 16.0),
        });
        let (Some(object), Some(fields)) = (task.as_object_mut(), fields.as_object()) else {
            panic!("a task is an object");
        };
        object.extend(fields.clone());
        scheduler
            .launch(&offer, &[task])
            .expect("the launch is accepted");
        Self { cluster, scheduler }
    }

    fn command(command: &str) -> Self {
        Self::start(
            &framework(&json!(false)),
            &json!({"command": {"value": command}}),
        )
    }

    fn agent(&self) -> std::net::SocketAddr {
        self.cluster.agents[0].address
    }

    /// The sandbox of the only executor, as the agent tells it.
    fn sandbox(&self) -> PathBuf {
        eventually("that the agent shows the executor", || {
            let state = get_json(self.agent(), "/state").ok()?;
            let folder = state.pointer("/frameworks/0/executors/0/directory")?;
            Some(PathBuf::from(folder.as_str()?))
        })
        .expect("it is waited for")
    }
}

fn framework(checkpoint: &Value) -> Value {
    json!({"user": "root", "name": "test", "roles": ["*"], "checkpoint": checkpoint,
        "failover_timeout": 60.0, "capabilities": [{"type": "MULTI_ROLE"}]})
}

fn custom_executor(command: &str) -> Value {
    json!({"executor": {"executor_id": {"value": "custom"}, "command": {"value": command}}})
}

/// pymesos compares these objects, not their values.
#[test]
fn ids_in_the_first_event_of_an_executor_are_bare_objects() {
    let running = Running::start(
        &framework(&json!(false)),
        &custom_executor("exec sleep 1000"),
    );

    let executor = eventually("that the agent expects the executor", || {
        FakeExecutor::subscribe(running.agent(), &running.scheduler.framework_id, "custom").ok()
    })
    .unwrap();

    let framework_id = json!({"value": running.scheduler.framework_id});
    for (place, wanted) in [
        (
            "/subscribed/executor_info/executor_id",
            json!({"value": "custom"}),
        ),
        (
            "/subscribed/executor_info/framework_id",
            framework_id.clone(),
        ),
        ("/subscribed/framework_info/id", framework_id),
    ] {
        assert_eq!(executor.subscribed.pointer(place), Some(&wanted), "{place}");
    }
}

/// cook-executor reads an integer, pymesos takes any text for true; durations are C++ texts.
#[test]
fn environment_of_an_executor_has_a_digit_for_checkpoint_and_durations_with_units() {
    for (checkpoint, digit, recovery) in [(false, "0", None), (true, "1", Some("15mins"))] {
        let running = Running::start(
            &framework(&json!(checkpoint)),
            &custom_executor("env > env.part; mv env.part env.txt; exec sleep 1000"),
        );
        let file = running.sandbox().join("env.txt");

        let text = eventually("the environment in the sandbox", || {
            std::fs::read_to_string(&file).ok()
        })
        .unwrap();

        let value = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        assert_eq!(value("MESOS_CHECKPOINT"), Some(digit), "{text}");
        assert_eq!(
            value("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"),
            Some("5secs"),
            "{text}"
        );
        assert_eq!(value("MESOS_RECOVERY_TIMEOUT"), recovery, "{text}");
    }
}

/// The command line asks for the size first, then for pages; Toil looks for its folder by its ids.
#[test]
fn files_tell_their_size_at_offset_minus_one_and_debug_maps_them() {
    let mut running = Running::command("seq 1 20000 > long; sleep 1000");
    running
        .scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .unwrap();
    let sandbox = running.sandbox();
    let long: String = (1..=20000).map(|number| format!("{number}\n")).collect();
    eventually("the whole file", || {
        let text = std::fs::read_to_string(sandbox.join("long")).ok()?;
        (text == long).then_some(())
    })
    .unwrap();
    let read = |query: &str| {
        let path = sandbox.join("long");
        let target = format!("/files/read?path={}&{query}", path.display());
        get_json(running.agent(), &target).unwrap()
    };

    assert_eq!(read("offset=-1"), json!({"data": "", "offset": long.len()}));
    let page = read("offset=5&length=-1");
    assert_eq!(page["data"].as_str(), long.get(5..5 + 65536));
    let page = read("offset=0&length=70000");
    assert_eq!(page["data"].as_str(), long.get(..65536));
    let debug = get_json(running.agent(), "/files/debug").unwrap();
    let known = debug.as_object().unwrap();
    let state = get_json(running.agent(), "/state").unwrap();
    let agent_id = state["id"].as_str().unwrap();
    assert!(
        known.iter().any(|(virtual_path, real)| {
            virtual_path.contains(&running.scheduler.framework_id)
                && virtual_path.contains(agent_id)
                && real.as_str().is_some_and(|real| sandbox.starts_with(real))
        }),
        "{debug}"
    );
}

/// `mesos task exec` takes the first status, the web UI the last.
#[test]
fn every_status_in_the_state_names_the_container() {
    let mut running = Running::command("sleep 1000");
    running
        .scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .unwrap();

    let state = get_json(running.cluster.master.address, "/master/state").unwrap();

    let statuses = state
        .pointer("/frameworks/0/tasks/0/statuses")
        .and_then(Value::as_array)
        .unwrap();
    assert!(!statuses.is_empty());
    let folder = running.sandbox();
    let container = folder.file_name().unwrap().to_str().unwrap();
    for status in statuses {
        assert_eq!(
            status.pointer("/container_status/container_id/value"),
            Some(&json!(container)),
            "{status}"
        );
    }
}

/// Clients take a reason for trouble of the cluster.
#[test]
fn exit_status_three_is_a_failure_without_reason() {
    let mut running = Running::command("exit 3");

    let status = running
        .scheduler
        .wait_for_state("t1", "TASK_FAILED")
        .unwrap();

    assert_eq!(status.get("reason"), None, "{status}");
    assert_eq!(status["source"], "SOURCE_EXECUTOR");
    assert_eq!(status["message"], "Command exited with status 3");
}

/// Clients of nested containers read the status as `wait` gives it.
#[test]
fn exit_status_of_a_nested_container_is_a_wait_status() {
    let mut running = Running::command("sleep 1000");
    let status = running
        .scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .unwrap();
    let parent = status
        .pointer("/container_status/container_id")
        .cloned()
        .unwrap();
    let call = |body: &Value| {
        http_client::send(running.agent(), &Request::post_json("/api/v1", body)).unwrap()
    };

    for (id, command, wanted) in [("n1", "exit 4", 4 << 8), ("n2", "kill -9 $$", 9)] {
        let container = json!({"value": id, "parent": parent});
        let launched = call(&json!({"type": "LAUNCH_NESTED_CONTAINER",
            "launch_nested_container": {
                "container_id": container, "command": {"value": command}}}));
        assert_eq!(launched.status(), 200, "{}", launched.text());
        let waited = call(&json!({"type": "WAIT_NESTED_CONTAINER",
            "wait_nested_container": {"container_id": container}}));

        let answer = waited.json().unwrap();
        assert_eq!(
            answer.pointer("/wait_nested_container/exit_status"),
            Some(&json!(wanted)),
            "{answer}"
        );
    }
}

/// `mesos task exec` tells the end of its input by data that is there and empty.
#[test]
fn empty_data_ends_the_input_of_a_container() {
    let mut running = Running::command("sleep 1000");
    let status = running
        .scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .unwrap();
    let parent = status.pointer("/container_status/container_id");
    let container = json!({"value": "n1", "parent": parent});
    let launch = json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION",
        "launch_nested_container_session": {
            "container_id": container, "command": {"value": "cat; echo over"}}});
    let launch = Request::new("POST", "/api/v1")
        .header("Content-Type", "application/json")
        .header("Accept", "application/recordio")
        .header("Message-Accept", "application/json")
        .body(launch.to_string());
    let mut session = RecordStream::open(running.agent(), &launch).unwrap();
    let data = |data: &str| {
        json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {
            "type": "PROCESS_IO",
            "process_io": {"type": "DATA", "data": {"type": "STDIN", "data": data}}}})
    };
    let first = json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {
        "type": "CONTAINER_ID", "container_id": container}});
    let records = [first, data("aGVsbG8K"), data("")].map(|record| record.to_string());
    let body: String = records
        .iter()
        .map(|record| format!("{}\n{record}", record.len()))
        .collect();
    let attach = Request::new("POST", "/api/v1")
        .header("Content-Type", "application/recordio")
        .header("Message-Content-Type", "application/json")
        .header("Accept", "application/json")
        .body(body);

    let attached = http_client::send(running.agent(), &attach).unwrap();

    assert_eq!(attached.status(), 200, "{}", attached.text());
    let mut output = Vec::new();
    while let Ok(record) = session.next_json() {
        let data = record.pointer("/data/data").and_then(Value::as_str);
        output.extend(STANDARD.decode(data.unwrap_or_default()).unwrap());
    }
    assert_eq!(String::from_utf8_lossy(&output), "hello\nover\n");
}

/// The command lines ask for `order=asc&limit=-1`, which is cast to the largest number.
#[test]
fn tasks_have_no_limit_at_minus_one_and_descend_unless_told_otherwise() {
    let mut running = Running::command("sleep 1000");
    running
        .scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .unwrap();
    for id in ["t2", "t3"] {
        let offer = running.scheduler.wait_for_offer().unwrap();
        let task = command_task(id, "sleep 1000", &offer);
        running.scheduler.launch(&offer, &[task]).unwrap();
        running
            .scheduler
            .wait_for_state(id, "TASK_RUNNING")
            .unwrap();
    }
    let ids = |query: &str| -> Vec<String> {
        let target = format!("/master/tasks{query}");
        let answer = get_json(running.cluster.master.address, &target).unwrap();
        let ids = answer["tasks"].as_array().unwrap().iter();
        ids.map(|task| task["id"].as_str().unwrap().to_owned())
            .collect()
    };

    assert_eq!(ids("?order=asc&limit=-1"), ["t1", "t2", "t3"]);
    assert_eq!(ids("?order=dsc"), ["t3", "t2", "t1"]);
    assert_eq!(ids("?order=anything"), ["t3", "t2", "t1"]);
    assert_eq!(ids("?limit=2"), ["t3", "t2"]);
    assert_eq!(ids("?offset=2"), ["t1"]);
    // Frameworks know neither.
    let frameworks = |query: &str| {
        let target = format!("/master/frameworks{query}");
        let answer = get_json(running.cluster.master.address, &target).unwrap();
        answer["frameworks"].as_array().map(Vec::len)
    };
    assert_eq!(frameworks("?limit=0&order=asc"), Some(1));
    assert_eq!(frameworks("?offset=1"), Some(1));
    // Below the path of an endpoint there is the endpoint.
    let agent = running.cluster.agents[0].address;
    for path in ["/containers", "/containers/", "/containers/some-container"] {
        let containers = get_json(agent, path).unwrap();
        assert_eq!(containers.as_array().map(Vec::len), Some(3), "{path}");
    }
}
