//! Undocumented behaviour of the legacy wire that real clients break without, one test each.

use std::net::SocketAddr;

use mesos_integration::cluster::Cluster;
use mesos_integration::descriptors::to_bytes;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::fake_executor::FakeExecutor;
use mesos_integration::fake_scheduler::FakeScheduler;
use mesos_integration::http_client::{self, Connection, Request, get_json};
use mesos_integration::legacy_peer::LegacyPeer;
use serde_json::{Value, json};

/// A framework on the oldest messages, as libraries of Mesos 0.x and Spark's jar speak.
struct OldScheduler {
    peer: LegacyPeer,
    master: String,
    framework_id: Value,
}

impl OldScheduler {
    fn register(master: SocketAddr) -> Self {
        let mut peer = LegacyPeer::listen("scheduler(1)").expect("a port is free");
        let master = format!("master@{master}");
        let info = json!({"framework": {"user": "root", "name": "old"}});
        peer.send_json(&master, "mesos.internal.RegisterFrameworkMessage", &info)
            .expect("the master takes it");
        let registered = peer
            .wait_for("mesos.internal.FrameworkRegisteredMessage")
            .expect("it is registered")
            .json()
            .expect("it can be read");
        Self {
            peer,
            master,
            framework_id: registered["framework_id"].clone(),
        }
    }

    fn id(&self) -> &str {
        self.framework_id["value"].as_str().expect("an id")
    }

    fn send(&mut self, name: &str, mut body: Value) {
        body["framework_id"] = self.framework_id.clone();
        let name = format!("mesos.internal.{name}");
        self.peer
            .send_json(&self.master, &name, &body)
            .expect("the master takes it");
    }

    fn wait_for(&mut self, name: &str) -> Value {
        let name = format!("mesos.internal.{name}");
        let message = self.peer.wait_for(&name).expect("it comes");
        message.json().expect("it can be read")
    }

    fn wait_for_offer(&mut self) -> Value {
        self.wait_for("ResourceOffersMessage")["offers"][0].clone()
    }

    /// Launches one task with 0.1 cpus and 16 MB on an offer.
    fn launch(&mut self, id: &str, offer: &Value, fields: &Value) {
        let mut task = json!({
            "name": id, "task_id": {"value": id}, "slave_id": offer["slave_id"],
            "resources": [
                {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                {"name": "mem", "type": "SCALAR", "scalar": {"value": 16.0}},
            ],
        });
        let fields = fields.as_object().cloned().unwrap_or_default();
        task.as_object_mut().expect("an object").extend(fields);
        self.send(
            "LaunchTasksMessage",
            json!({"tasks": [task], "filters": {"refuse_seconds": 0.0}, "offer_ids": [offer["id"]]}),
        );
    }

    /// Waits for the state of a task, acknowledging all on the way.
    fn wait_for_state(&mut self, state: &str) -> Value {
        loop {
            let update = self.wait_for("StatusUpdateMessage")["update"].clone();
            if update.get("uuid").is_some_and(|uuid| uuid != "") {
                self.send(
                    "StatusUpdateAcknowledgementMessage",
                    json!({"slave_id": update["slave_id"], "uuid": update["uuid"],
                        "task_id": update["status"]["task_id"]}),
                );
            }
            if update["status"]["state"] == state {
                return update["status"].clone();
            }
        }
    }
}

/// The pure Python library keeps HTTP/1.0 connections open and names itself in one header.
#[test]
fn messages_on_http_1_0_with_keep_alive_are_taken() {
    let cluster = Cluster::start().unwrap();
    let mut peer = LegacyPeer::listen("scheduler(1)").unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();
    let mut send = |name: &str, body: &Value| {
        let body = to_bytes(name, body).unwrap();
        let mut bytes = format!(
            "POST /master/{name} HTTP/1.0\r\nConnection: Keep-Alive\r\nLibprocess-From: {}\r\n\
             Content-Length: {}\r\n\r\n",
            peer.upid(),
            body.len()
        )
        .into_bytes();
        bytes.extend(body);
        connection.write(&bytes).unwrap();
        connection.read_answer().unwrap().status()
    };

    let info = json!({"framework": {"user": "u", "name": "old"}});
    let first = send("mesos.internal.RegisterFrameworkMessage", &info);
    let second = send("mesos.internal.RegisterFrameworkMessage", &info);

    assert_eq!((first, second), (202, 202));
    let registered = peer
        .wait_for("mesos.internal.FrameworkRegisteredMessage")
        .unwrap();
    let id = registered.json().unwrap()["framework_id"]["value"].clone();
    let state = get_json(cluster.master.address, "/master/state").unwrap();
    assert_eq!(state.pointer("/frameworks/0/id"), Some(&id));
    assert_eq!(
        state.pointer("/frameworks/0/pid"),
        Some(&json!(peer.upid()))
    );
}

/// Who reads `executor_id` of a status relies on the executor, not on the master.
#[test]
fn status_names_an_executor_only_when_the_executor_did() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = OldScheduler::register(cluster.master.address);
    let offer = scheduler.wait_for_offer();
    scheduler.launch("t1", &offer, &json!({"command": {"value": "true"}}));
    let run = agent.wait_for_task().unwrap();
    let named = json!({"value": "t1"});

    for (state, executor_id) in [("TASK_STARTING", Value::Null), ("TASK_RUNNING", named)] {
        let uuid = "AAECAwQFRgeICQoLDA0ODw==";
        let agent_id = json!({"value": agent.agent_id});
        let status = json!({"task_id": run["task"]["task_id"], "state": state, "uuid": uuid,
            "executor_id": executor_id, "slave_id": agent_id, "timestamp": 1.0});
        let update = json!({"framework_id": scheduler.framework_id, "status": status,
            "executor_id": {"value": "t1"}, "slave_id": agent_id, "timestamp": 1.0, "uuid": uuid});
        let pid = agent.peer.upid();
        let message = json!({"update": update, "pid": pid});
        agent
            .send("mesos.internal.StatusUpdateMessage", &message)
            .unwrap();

        let came = scheduler.wait_for_state(state);

        let came = came.get("executor_id").cloned().unwrap_or_default();
        assert_eq!(came, executor_id, "{state}");
    }
}

/// Old libraries send a message of its own for each thing that is a call today.
#[test]
fn oldest_messages_register_request_launch_revive_and_kill() {
    let cluster = Cluster::start().unwrap();
    let mut agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = OldScheduler::register(cluster.master.address);
    let offer = scheduler.wait_for_offer();

    scheduler.send("ResourceRequestMessage", json!({"requests": []}));
    scheduler.launch("t1", &offer, &json!({"command": {"value": "true"}}));
    let run = agent.wait_for_task().unwrap();
    agent.update(&run, "TASK_RUNNING").unwrap();
    scheduler.wait_for_state("TASK_RUNNING");
    let rest = scheduler.wait_for_offer();
    scheduler.send(
        "LaunchTasksMessage",
        json!({"tasks": [], "filters": {"refuse_seconds": 3600.0}, "offer_ids": [rest["id"]]}),
    );
    scheduler.send("ReviveOffersMessage", json!({}));
    let again = scheduler.wait_for_offer();
    scheduler.send("KillTaskMessage", json!({"task_id": {"value": "t1"}}));
    let kill = agent.wait_for("mesos.internal.KillTaskMessage").unwrap();

    assert_eq!(run["task"]["task_id"]["value"], "t1");
    assert_ne!(again["id"], rest["id"]);
    assert_eq!(kill["task_id"]["value"], "t1");
    assert_eq!(kill["framework_id"], scheduler.framework_id);
}

/// Each of them was replaced by a call, and is still understood.
#[test]
fn oldest_messages_reregister_reconcile_deactivate_and_unregister() {
    let cluster = Cluster::start().unwrap();
    let master = cluster.master.address;
    let mut scheduler = OldScheduler::register(master);
    let first = |list: &str| {
        let answer = get_json(master, "/master/frameworks").unwrap();
        answer[list][0].clone()
    };

    let again = json!({
        "framework": {"user": "root", "name": "old", "id": scheduler.framework_id},
        "failover": true,
    });
    let name = "mesos.internal.ReregisterFrameworkMessage";
    scheduler
        .peer
        .send_json(&scheduler.master, name, &again)
        .unwrap();
    let registered = scheduler.wait_for("FrameworkRegisteredMessage");
    assert_eq!(registered["framework_id"], scheduler.framework_id);

    let status = json!({"task_id": {"value": "unknown"}, "state": "TASK_RUNNING"});
    scheduler.send("ReconcileTasksMessage", json!({"statuses": [status]}));
    let lost = scheduler.wait_for_state("TASK_LOST");
    assert_eq!(lost["task_id"]["value"], "unknown");

    assert_eq!(first("frameworks")["active"], true);
    scheduler.send("DeactivateFrameworkMessage", json!({}));
    eventually("the framework to be inactive", || {
        (first("frameworks")["active"] == false).then_some(())
    })
    .unwrap();

    scheduler.send("UnregisterFrameworkMessage", json!({}));
    eventually("the framework to be gone", || {
        (first("completed_frameworks")["id"] == scheduler.id()).then_some(())
    })
    .unwrap();
}

/// One framework has one way to talk.
#[test]
fn call_over_http_for_a_framework_with_a_pid_is_forbidden() {
    let cluster = Cluster::start().unwrap();
    let scheduler = OldScheduler::register(cluster.master.address);
    let call = json!({"type": "REVIVE", "framework_id": scheduler.framework_id});

    let request = Request::post_json("/api/v1/scheduler", &call).header("Mesos-Stream-Id", "any");
    let answer = http_client::send(cluster.master.address, &request).unwrap();

    assert_eq!(
        (answer.status(), answer.text().as_str()),
        (403, "Framework is not connected via HTTP")
    );
}

/// Frameworks and their executors move to the HTTP API one after the other.
#[test]
fn old_scheduler_may_have_an_executor_on_the_http_api() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let agent = cluster.agents[0].address;
    let mut scheduler = OldScheduler::register(cluster.master.address);
    let offer = scheduler.wait_for_offer();
    let executor = json!({"executor_id": {"value": "custom"}, "framework_id": scheduler.framework_id,
        "command": {"value": "exec sleep 1000"}});
    scheduler.launch("t1", &offer, &json!({"executor": executor}));
    let mut executor = eventually("that the agent expects the executor", || {
        FakeExecutor::subscribe(agent, scheduler.id(), "custom").ok()
    })
    .unwrap();
    executor.wait_for("LAUNCH").unwrap();

    executor.update("t1", "TASK_RUNNING").unwrap();

    let status = scheduler.wait_for_state("TASK_RUNNING");
    assert_eq!(status["executor_id"]["value"], "custom");
    executor.wait_for("ACKNOWLEDGED").unwrap();
}

/// The reverse of the one before.
#[test]
fn scheduler_on_the_http_api_may_have_an_old_executor() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let agent = format!("slave(1)@{}", cluster.agents[0].address);
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    let task = json!({
        "name": "t1", "task_id": {"value": "t1"}, "agent_id": offer.get("agent_id"),
        "resources": mesos_integration::fake_scheduler::resources(0.1, 16.0),
        "executor": {"executor_id": {"value": "custom"}, "command": {"value": "exec sleep 1000"}},
    });
    scheduler.launch(&offer, &[task]).unwrap();
    eventually("that the agent expects the executor", || {
        let state = get_json(cluster.agents[0].address, "/state").ok()?;
        state.pointer("/frameworks/0/executors/0").map(|_| ())
    })
    .unwrap();
    let mut executor = LegacyPeer::listen("executor(1)").unwrap();
    let ids = json!({"framework_id": {"value": scheduler.framework_id},
        "executor_id": {"value": "custom"}});

    executor
        .send_json(&agent, "mesos.internal.RegisterExecutorMessage", &ids)
        .unwrap();
    executor
        .wait_for("mesos.internal.ExecutorRegisteredMessage")
        .unwrap();
    let run = executor
        .wait_for("mesos.internal.RunTaskMessage")
        .unwrap()
        .json()
        .unwrap();
    let update = json!({
        "framework_id": ids["framework_id"], "executor_id": ids["executor_id"],
        "slave_id": run["task"]["slave_id"], "timestamp": 1.0, "uuid": "AAECAwQFRgeICQoLDA0ODw==",
        "status": {"task_id": run["task"]["task_id"], "state": "TASK_RUNNING",
            "slave_id": run["task"]["slave_id"]},
    });
    let pid = executor.upid();
    executor
        .send_json(
            &agent,
            "mesos.internal.StatusUpdateMessage",
            &json!({"update": update, "pid": pid}),
        )
        .unwrap();

    let status = scheduler.wait_for_state("t1", "TASK_RUNNING").unwrap();
    assert_eq!(status["executor_id"], json!({"value": "custom"}));
    executor
        .wait_for("mesos.internal.StatusUpdateAcknowledgementMessage")
        .unwrap();
}

/// Spark's dispatcher finds its drivers by labels and per framework; the jar comes by URI.
#[test]
fn old_scheduler_runs_a_labelled_task_with_environment_and_file() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let jar = cluster.folder().join("spark.txt");
    std::fs::write(&jar, "fetched").unwrap();
    let mut scheduler = OldScheduler::register(cluster.master.address);
    let offer = scheduler.wait_for_offer();
    let command = json!({
        "value": "test \"$SPARK_HOME\" = here && test \"$(cat spark.txt)\" = fetched && sleep 1000",
        "uris": [{"value": jar.display().to_string()}],
        "environment": {"variables": [{"name": "SPARK_HOME", "value": "here"}]},
    });
    let labels = json!({"labels": [{"key": "driver", "value": "d1"}]});

    scheduler.launch("t1", &offer, &json!({"command": command, "labels": labels}));
    scheduler.wait_for_state("TASK_RUNNING");
    let state = get_json(cluster.master.address, "/master/state").unwrap();
    scheduler.send("KillTaskMessage", json!({"task_id": {"value": "t1"}}));
    scheduler.wait_for_state("TASK_KILLED");

    let framework = state.pointer("/frameworks/0").unwrap();
    assert_eq!(framework["id"], json!(scheduler.id()));
    assert_eq!(framework["tasks"][0]["id"], "t1");
    assert_eq!(
        framework["tasks"][0]["labels"],
        json!([{"key": "driver", "value": "d1"}])
    );
}
