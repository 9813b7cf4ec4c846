//! Reservations as the agent itself shows them.

use std::io::Write as _;
use std::net::SocketAddr;

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::FakeScheduler;
use mesos_integration::http_client::{self, Request, get_json};
use serde_json::{Value, json};

/// Reserved by an operator who proves to be `alice`.
fn of_alice(name: &str, value: f64) -> Value {
    json!({
        "name": name, "type": "SCALAR", "scalar": {"value": value}, "role": "role1",
        "reservation": {"principal": "alice"},
        "reservations": [{"type": "DYNAMIC", "role": "role1", "principal": "alice"}],
    })
}

fn static_for_role(name: &str, value: f64) -> Value {
    json!({
        "name": name, "type": "SCALAR", "scalar": {"value": value}, "role": "role",
        "reservations": [{"type": "STATIC", "role": "role"}],
    })
}

fn free(name: &str, value: f64) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": value}, "role": "*"})
}

fn allocated(name: &str, value: f64, is_reserved: &Value) -> Value {
    json!({
        "name": name, "type": "SCALAR", "scalar": {"value": value},
        "allocation_info": {"role": "role"}, "reservations": is_reserved,
    })
}

/// A master that asks operators who they are, and an agent with reservations of both kinds.
fn with_reservations() -> (Cluster, SocketAddr) {
    let mut credentials = tempfile::NamedTempFile::new().expect("a file");
    let text = br#"{"credentials":[{"principal":"alice","secret":"rabbit"}]}"#;
    credentials.write_all(text).expect("it is written");
    let flag = format!("--credentials={}", credentials.path().display());
    let mut cluster =
        Cluster::start_with(&[&flag, "--authenticate_http_readwrite"]).expect("the master starts");
    let resources = "--resources=cpus:4;mem:2048;disk:4096;ports:[31000-32000];\
                     cpus(role):2;mem(role):512";
    let agent = cluster.add_agent_with(&[resources]).expect("it registers");
    let agent = agent.address;
    let slaves = get_json(cluster.master.address, "/master/slaves").expect("a document");
    let wanted: Value = [("cpus", 1.0), ("mem", 512.0), ("disk", 1024.0)]
        .into_iter()
        .map(|(name, value)| {
            let mut resource = of_alice(name, value);
            let object = resource.as_object_mut().expect("an object");
            object.remove("reservation");
            object.remove("role");
            resource
        })
        .collect();
    let id = slaves["slaves"][0]["id"].as_str().expect("an id");
    let request = Request::new("POST", "/master/reserve")
        .header("Authorization", "Basic YWxpY2U6cmFiYml0")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("slaveId={id}&resources={wanted}"));
    let answer = http_client::send(cluster.master.address, &request).expect("an answer");
    assert_eq!(answer.status(), 202, "{}", answer.text());
    eventually("the reservation on the agent", || {
        let state = get_json(agent, "/state").ok()?;
        state.pointer("/reserved_resources/role1").map(|_| ())
    })
    .expect("it is reserved");
    (cluster, agent)
}

/// A task of `role` that uses what is reserved for it, and more.
fn run_task(master: SocketAddr) -> FakeScheduler {
    let info = json!({
        "user": "root", "name": "test", "roles": ["role"],
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}],
    });
    let mut scheduler = FakeScheduler::subscribe_as(master, &info).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    let reserved = json!([{"type": "STATIC", "role": "role"}]);
    let task = json!({
        "name": "t1", "task_id": {"value": "t1"}, "agent_id": offer["agent_id"],
        "command": {"value": "sleep 1000"},
        "resources": [
            allocated("cpus", 2.0, &reserved),
            allocated("mem", 512.0, &reserved),
            allocated("cpus", 2.0, &json!([])),
            allocated("mem", 1024.0, &json!([])),
        ],
    });
    scheduler.launch(&offer, &[task]).expect("it is accepted");
    scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .expect("it runs");
    scheduler
}

/// Mirrors: ReservationEndpointsTest.AgentStateEndpointResources
#[test]
fn state_of_an_agent_tells_what_is_reserved_and_what_is_used() {
    let (cluster, agent) = with_reservations();
    let _scheduler = run_task(cluster.master.address);

    let state = get_json(agent, "/state").expect("a document");

    let role = json!({"cpus": 2.0, "disk": 0.0, "gpus": 0.0, "mem": 512.0});
    assert_eq!(
        state["reserved_resources"],
        json!({
            "role": role,
            "role1": {"cpus": 1.0, "disk": 1024.0, "gpus": 0.0, "mem": 512.0},
        })
    );
    assert_eq!(state["reserved_resources_allocated"], json!({"role": role}));
    assert_eq!(
        state["unreserved_resources"],
        json!({
            "cpus": 3.0, "disk": 3072.0, "gpus": 0.0, "mem": 1536.0,
            "ports": "[31000-32000]",
        })
    );
    // The executor of the command takes a tenth of a processor and 32 megabytes besides.
    assert_eq!(
        state["unreserved_resources_allocated"],
        json!({"cpus": 2.1, "disk": 0.0, "gpus": 0.0, "mem": 1056.0})
    );
    let full = &state["reserved_resources_full"];
    same_items(
        &full["role"],
        &[static_for_role("cpus", 2.0), static_for_role("mem", 512.0)],
    );
    same_items(
        &full["role1"],
        &[
            of_alice("cpus", 1.0),
            of_alice("mem", 512.0),
            of_alice("disk", 1024.0),
        ],
    );
    let ports = json!({
        "name": "ports", "type": "RANGES", "role": "*",
        "ranges": {"range": [{"begin": 31000, "end": 32000}]},
    });
    same_items(
        &state["unreserved_resources_full"],
        &[
            free("cpus", 3.0),
            free("mem", 1536.0),
            free("disk", 3072.0),
            ports,
        ],
    );
}

/// The same elements in any order.
#[track_caller]
fn same_items(list: &Value, expected: &[Value]) {
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), expected.len(), "{list:?}");
    for item in expected {
        assert!(list.contains(item), "{item} is not in {list:?}");
    }
}
