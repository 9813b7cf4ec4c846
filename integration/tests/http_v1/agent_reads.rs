//! What the endpoints of an agent said in the recording, and say of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::{eventually, within};
use mesos_integration::fake_scheduler::FakeScheduler;
use mesos_integration::golden::Golden;
use mesos_integration::http_client::{self, Request};
use mesos_integration::recording::snapshot::{self, Chance};
use mesos_integration::replay::ids::Ids;
use serde_json::{Value, json};

/// The id of the recorded master, with which the ids of agents and frameworks begin.
const MASTER: &str = "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70";

/// The framework whose task ran when the agent was looked at.
const FRAMEWORK: &str = "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-0005";

/// The container of that task.
const CONTAINER: &str = "3faffc4d-61c8-4497-87b5-a05e4e7c2812";

/// Lists of what had ended before; another test brings such frameworks to their ends.
const ENDED: [&str; 4] = [
    "completed_frameworks",
    "completed_executors",
    "completed_tasks",
    "terminated_tasks",
];

/// What the machine measures.
const MEASURES: [&str; 3] = [
    "cpus_system_time_secs",
    "cpus_user_time_secs",
    "mem_rss_bytes",
];

/// What the resolver of the machine calls the master's address.
const HOST: &str = "master_hostname";

/// Metrics of what our agent does not have yet.
const ABSENT: [(&str, &str); 2] = [
    ("containerizer/mesos/provisioner/", "container images"),
    ("resource_provider_manager/", "resource providers"),
];

/// Flags that say where and how this agent runs.
const ENVIRONMENT: [&str; 6] = [
    "launcher_dir",
    "master",
    "port",
    "runtime_dir",
    "transport",
    "work_dir",
];

/// A cluster in the recorded state.
struct Scene {
    cluster: Cluster,
    golden: Golden,
    ids: Ids,
    agent: SocketAddr,
}

impl Scene {
    fn start() -> Self {
        let mut cluster = Cluster::start().expect("the master starts");
        let agent = cluster
            .add_agent_with(&[
                "--resources=cpus:4;mem:8192;disk:10240;ports:[31000-32000]",
                "--attributes=rack:r1;zone:z1;level:10",
            ])
            .expect("the agent starts")
            .address;
        let state = http_client::get_json(agent, "/state").expect("a state");
        let text = |path: &str| {
            let text = state.pointer(path).and_then(Value::as_str);
            text.expect("a text").to_owned()
        };
        let mut ids = Ids::default();
        ids.learn_port(15050, cluster.master.address.port());
        ids.learn_port(15051, agent.port());
        ids.learn(&format!("{MASTER}-S0"), &text("/id"));
        ids.learn("/var/lib/mesos/agent", &text("/flags/work_dir"));
        ids.learn("/usr/libexec/mesos", &text("/flags/launcher_dir"));
        Self {
            golden: Golden::open("standalone").expect("the recording is there"),
            cluster,
            ids,
            agent,
        }
    }

    /// Runs the task that ran in the recording.
    fn run(&mut self) -> FakeScheduler {
        let info = json!({
            "user": "root", "name": "mesos-execute instance", "checkpoint": true, "role": "*",
            "capabilities": [
                {"type": "RESERVATION_REFINEMENT"}, {"type": "TASK_KILLING_STATE"},
                {"type": "REVOCABLE_RESOURCES"}, {"type": "PARTITION_AWARE"},
            ],
        });
        let mut scheduler =
            FakeScheduler::subscribe_as(self.cluster.master.address, &info).expect("it subscribes");
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        let task = json!({
            "name": "long", "task_id": {"value": "long"}, "agent_id": offer.get("agent_id"),
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 128.0}},
            ],
            "command": {
                "value": "echo start; sleep 70; echo end", "shell": true,
                "environment": {"variables": [{"name": "A", "value": "b"}]},
            },
        });
        scheduler
            .launch(&offer, &[task])
            .expect("the launch is accepted");
        scheduler
            .wait_for_state("long", "TASK_RUNNING")
            .expect("the task runs");
        self.ids.learn(FRAMEWORK, &scheduler.framework_id);
        let container = eventually("the container", || {
            let state = http_client::get_json(self.agent, "/state").ok()?;
            let id = state.pointer("/frameworks/0/executors/0/container")?;
            id.as_str().map(str::to_owned)
        });
        self.ids.learn(CONTAINER, &container.expect("a container"));
        let shown = self.ask(&request("v1-agent-GET_EXECUTORS").expect("a request"));
        let shown: Value = serde_json::from_slice(&shown).expect("JSON");
        let program = "/get_executors/executors/0/executor_info/command/value";
        let program = shown.pointer(program).and_then(Value::as_str);
        self.ids.learn(
            "/usr/libexec/mesos/mesos-executor",
            program.expect("a program"),
        );
        scheduler
    }

    fn ask(&self, request: &Request) -> Vec<u8> {
        let answer = http_client::send(self.agent, request);
        answer.expect("an answer").body
    }

    /// What the endpoints say otherwise than at a stage.
    fn differences(&mut self, stage: &str) -> Vec<String> {
        let prefix = format!("http/{stage}/");
        let files: Vec<String> = self.golden.paths(&prefix).map(str::to_owned).collect();
        let mut found = Vec::new();
        let mut compared = 0;
        for file in files {
            let name = file.trim_start_matches(&prefix).trim_end_matches(".json");
            if let Some(request) = request(name) {
                compared += 1;
                found.extend(self.compare(&file, &request));
            }
        }
        assert_eq!(compared, 11);
        found
    }

    /// Asks until the answer is the recorded one; what differs at the end.
    fn compare(&mut self, file: &str, request: &Request) -> Vec<String> {
        let recorded = self.golden.bytes(file).expect("it is recorded").to_vec();
        let mut found = Vec::new();
        let came = within(Duration::from_secs(10), "the recorded answer", || {
            let mut ids = self.ids.clone();
            found = differences(file, &recorded, &self.ask(request), &mut ids);
            found.is_empty().then_some(ids)
        });
        if let Ok(ids) = came {
            self.ids = ids;
        }
        found
    }
}

/// The request of a recorded answer of an agent.
fn request(name: &str) -> Option<Request> {
    if let Some(call) = name.strip_prefix("v1-agent-") {
        let call = match call {
            "GET_METRICS" => json!({
                "type": call, "get_metrics": {"timeout": {"nanoseconds": 5_000_000_000_u64}},
            }),
            _ => json!({"type": call}),
        };
        return Some(Request::post_json("/api/v1", &call));
    }
    let target = match name.strip_prefix("agent-")? {
        "metrics-snapshot" => "/metrics/snapshot".to_owned(),
        "files-debug" => "/files/debug".to_owned(),
        "monitor-statistics" => "/monitor/statistics".to_owned(),
        "logging-toggle" => "/logging/toggle".to_owned(),
        other => format!("/{other}"),
    };
    Some(Request::get(&target).header("User-Agent", "curl/7.88.1"))
}

fn differences(place: &str, recorded: &[u8], live: &[u8], ids: &mut Ids) -> Vec<String> {
    let json = |text: &[u8]| serde_json::from_slice::<Value>(text).ok();
    let (Some(left), Some(right)) = (json(recorded), json(live)) else {
        let text = |text: &[u8]| String::from_utf8_lossy(text).trim_end().to_owned();
        let (recorded, live) = (text(recorded), text(live));
        let differs = recorded != live;
        return Vec::from_iter(
            differs.then(|| format!("{place}: recorded {recorded}, got {live}")),
        );
    };
    let mut found = snapshot::disorder(place, recorded, live);
    let (left, right) = (comparable(&left), comparable(&right));
    found.extend(snapshot::value_differences(
        place,
        &left,
        &right,
        Chance::Nothing,
        ids,
    ));
    found
}

/// Leaves out what had ended, and what the machine measures.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !ENDED.contains(&name.as_str()) && *name != HOST)
            .filter(|(name, _)| ABSENT.iter().all(|(start, _)| !name.starts_with(start)))
            .map(|(name, value)| {
                let is_measure = MEASURES.contains(&name.as_str());
                let value = if is_measure {
                    json!(0)
                } else {
                    comparable(value)
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(comparable).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[test]
fn endpoints_of_an_idle_agent_say_what_they_said() {
    let mut scene = Scene::start();

    let found = scene.differences("00-empty");

    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn endpoints_of_an_agent_with_a_task_say_what_they_said() {
    let mut scene = Scene::start();
    let _scheduler = scene.run();

    let mut found = scene.differences("02-running");
    for name in [
        "agent-version",
        "agent-help",
        "agent-logging-toggle",
        "agent-metrics-snapshot",
        "v1-agent-GET_HEALTH",
        "v1-agent-GET_LOGGING_LEVEL",
        "v1-agent-GET_MASTER",
        "v1-agent-GET_VERSION",
    ] {
        let request = request(name).expect("a request");
        found.extend(scene.compare(&format!("http/{name}.json"), &request));
    }

    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn sandboxes_are_attached_under_the_recorded_paths() {
    let mut scene = Scene::start();
    let _scheduler = scene.run();
    let recorded = scene.golden.json("http/agent-files-debug.json").unwrap();
    let recorded: BTreeMap<String, Value> = recorded
        .as_object()
        .unwrap()
        .iter()
        .filter(|(path, _)| path.contains(FRAMEWORK))
        .map(|(path, place)| (scene.ids.text(path), scene.ids.value(place)))
        .collect();

    let live = scene.ask(&request("agent-files-debug").unwrap());

    let live: BTreeMap<String, Value> = serde_json::from_slice(&live).unwrap();
    assert_eq!(recorded.len(), 3);
    assert_eq!(live, recorded);
}

#[test]
fn flags_of_an_agent_are_the_recorded_ones() {
    let scene = Scene::start();

    for name in ["agent-flags", "v1-agent-GET_FLAGS"] {
        let recorded = scene.golden.json(&format!("http/{name}.json")).unwrap();
        let recorded = snapshot::flags(&recorded, &ENVIRONMENT);
        let live = scene.ask(&request(name).unwrap());
        let live = serde_json::from_slice(&live).unwrap();
        let live = snapshot::flags(&live, &ENVIRONMENT);
        let names: BTreeSet<&String> = recorded.keys().chain(live.keys()).collect();
        let differing: Vec<_> = names
            .into_iter()
            .filter(|flag| recorded.get(*flag) != live.get(*flag))
            .map(|flag| (flag, recorded.get(flag), live.get(flag)))
            .collect();

        assert!(!recorded.is_empty());
        assert!(differing.is_empty(), "{name}: {differing:#?}");
    }
}
