//! Registration of frameworks.

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::{Request, get_json, send};
use mesos_integration::record_stream::{RecordStream, StreamError};
use mesos_integration::stage::Stage;
use serde_json::{Value, json};

fn state(cluster: &Cluster) -> Value {
    get_json(cluster.master.address, "/master/state").expect("it answers")
}

fn length(value: &Value, key: &str) -> usize {
    value.get(key).and_then(Value::as_array).map_or(0, Vec::len)
}

/// Subscribes with `info` and returns the text of the error that must come.
fn rejection(cluster: &Cluster, info: &Value) -> String {
    let call = json!({"type": "SUBSCRIBE", "framework_id": info.get("id"),
        "subscribe": {"framework_info": info}});
    let request = Request::post_json("/api/v1/scheduler", &call);
    let mut stream = match RecordStream::open(cluster.master.address, &request) {
        Ok(stream) => stream,
        Err(StreamError::Refused(answer)) => return answer.text(),
        Err(error) => return error.to_string(),
    };
    let event = stream.next_json().expect("an event comes");
    event
        .pointer("/error/message")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Mirrors: MasterTest.FrameworksEndpointWithoutFrameworks
#[test]
fn master_without_frameworks_lists_none() {
    let cluster = Cluster::start().unwrap();

    let answer = get_json(cluster.master.address, "/master/frameworks").unwrap();

    assert_eq!(
        answer,
        json!({"frameworks": [], "completed_frameworks": [], "unregistered_frameworks": []})
    );
}

/// Mirrors: MasterTest.FrameworksEndpointMultipleFrameworks
#[test]
fn frameworks_are_listed_and_one_can_be_asked_for_alive_or_ended() {
    let cluster = Cluster::start().unwrap();
    let first = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let second = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let all = get_json(cluster.master.address, "/master/frameworks").unwrap();
    assert_eq!(length(&all, "frameworks"), 2);

    let path = |id: &str| format!("/master/frameworks?framework_id={id}");
    let one = get_json(cluster.master.address, &path(&first.framework_id)).unwrap();
    second.teardown().unwrap();
    let ended = eventually("the end of the second framework", || {
        let answer = get_json(cluster.master.address, &path(&second.framework_id)).ok()?;
        (length(&answer, "completed_frameworks") == 1).then_some(answer)
    })
    .unwrap();

    assert_eq!(length(&one, "frameworks"), 1);
    assert_eq!(
        one.pointer("/frameworks/0/id"),
        Some(&json!(first.framework_id))
    );
    assert_eq!(
        ended.pointer("/completed_frameworks/0/id"),
        Some(&json!(second.framework_id))
    );
    assert_eq!(length(&ended, "frameworks"), 0);
}

/// Mirrors: MasterTest.UnregisteredFrameworksAfterTearDown
#[test]
fn framework_that_was_torn_down_is_completed_not_unregistered() {
    let cluster = Cluster::start().unwrap();
    let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    scheduler.teardown().unwrap();

    let state = state(&cluster);
    assert_eq!(length(&state, "frameworks"), 0);
    assert_eq!(length(&state, "completed_frameworks"), 1);
    assert_eq!(state["unregistered_frameworks"], json!([]));
}

/// Mirrors: MasterTest.RejectFrameworkWithInvalidRole
#[test]
fn role_that_is_no_role_is_rejected() {
    let cluster = Cluster::start().unwrap();

    let text = rejection(
        &cluster,
        &json!({"user": "u", "name": "n", "role": "/test/test1"}),
    );

    assert!(text.contains("/test/test1"), "{text}");
}

/// Mirrors: MasterTest.RejectFrameworkWithInvalidFailoverTimeout
#[test]
fn failover_timeout_that_no_clock_can_hold_is_rejected() {
    let cluster = Cluster::start().unwrap();

    let text = rejection(
        &cluster,
        &json!({"user": "u", "name": "n", "failover_timeout": 1e17}),
    );

    assert!(text.to_lowercase().contains("failover_timeout"), "{text}");
}

/// Mirrors: MasterTest.FrameworkSubscribeEmptyId
#[test]
fn empty_id_counts_as_none() {
    let cluster = Cluster::start().unwrap();
    let info = json!({"user": "u", "name": "n", "id": {"value": ""}});

    let scheduler = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    assert!(
        scheduler.framework_id.ends_with("-0000"),
        "{}",
        scheduler.framework_id
    );
}

/// Mirrors: MasterTest.FrameworkInfoLabels
#[test]
fn labels_of_a_framework_are_shown() {
    let cluster = Cluster::start().unwrap();
    let labels = json!([{"key": "foo", "value": "bar"}, {"key": "bar", "value": "baz"},
        {"key": "bar", "value": "qux"}]);
    let info = json!({"user": "u", "name": "n", "labels": {"labels": labels}});

    let _scheduler = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    assert_eq!(
        state(&cluster).pointer("/frameworks/0/labels"),
        Some(&labels)
    );
}

/// Mirrors: MasterTest.StateEndpointFrameworkInfo
#[test]
fn description_of_a_framework_is_shown() {
    let cluster = Cluster::start().unwrap();
    let info = json!({"user": "u", "name": "n", "roles": ["a", "b"], "webui_url": "http://a:1/",
        "failover_timeout": 60.0, "hostname": "host", "checkpoint": true,
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "REVOCABLE_RESOURCES"},
            {"type": "TASK_KILLING_STATE"}, {"type": "GPU_RESOURCES"}]});

    let _scheduler = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    let state = state(&cluster);
    let shown = state.pointer("/frameworks/0").unwrap();
    assert_eq!(shown["webui_url"], "http://a:1/");
    assert_eq!(shown["user"], "u");
    assert_eq!(shown["hostname"], "host");
    assert_eq!(shown["checkpoint"], true);
    assert_eq!(shown["failover_timeout"], 60.0);
    assert_eq!(shown["roles"], json!(["a", "b"]));
    let names = json!([
        "MULTI_ROLE",
        "REVOCABLE_RESOURCES",
        "TASK_KILLING_STATE",
        "GPU_RESOURCES"
    ]);
    assert_eq!(shown["capabilities"], names);
}

/// Mirrors: MasterTest.MaxCompletedFrameworksFlag
#[test]
fn only_so_many_completed_frameworks_are_kept() {
    for kept in [0, 1, 2] {
        let flag = format!("--max_completed_frameworks={kept}");
        let cluster = Cluster::start_with(&[&flag]).unwrap();
        for _ in 0..3 {
            let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
            scheduler.teardown().unwrap();
        }

        assert_eq!(length(&state(&cluster), "completed_frameworks"), kept);
    }
}

/// Mirrors: HttpFaultToleranceTest.SchedulerSubscribeAfterTeardown
#[test]
fn framework_that_was_torn_down_cannot_come_back() {
    let cluster = Cluster::start().unwrap();
    let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    scheduler.teardown().unwrap();

    let info = json!({"user": "root", "name": "test", "id": {"value": scheduler.framework_id}});
    let text = rejection(&cluster, &info);

    assert_eq!(text, "Framework has been removed");
}

/// Mirrors: TeardownTest.Success
#[test]
fn operator_can_tear_a_framework_down() {
    let cluster = Cluster::start().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let request = Request::new("POST", "/master/teardown")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("frameworkId={}", scheduler.framework_id));
    let answer = send(cluster.master.address, &request).unwrap();

    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(length(&state(&cluster), "completed_frameworks"), 1);
    while scheduler.next_event().is_ok() {}
}

/// Mirrors: TeardownTest.NoFrameworkId
#[test]
fn teardown_wants_an_id() {
    let cluster = Cluster::start().unwrap();

    let request = Request::new("POST", "/master/teardown");
    let answer = send(cluster.master.address, &request).unwrap();

    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.text(),
        "Missing 'frameworkId' query parameter in the request body"
    );
}

/// Mirrors: MasterTest.TaskLabels
#[test]
fn labels_of_a_task_reach_the_agent_and_the_state() {
    let mut stage = Stage::start().unwrap();
    let labels = json!([{"key": "foo", "value": "bar"}, {"key": "bar", "value": "baz"},
        {"key": "bar", "value": "qux"}]);

    let run = stage
        .launch_with("t1", &json!({"labels": {"labels": labels}}))
        .unwrap();

    assert_eq!(run.pointer("/task/labels/labels"), Some(&labels));
    assert_eq!(
        state(&stage.cluster).pointer("/frameworks/0/tasks/0/labels"),
        Some(&labels)
    );
}

/// Mirrors: MasterTest.TaskDiscoveryInfo
#[test]
fn discovery_information_of_a_task_is_shown() {
    let mut stage = Stage::start().unwrap();
    let discovery = json!({"visibility": "EXTERNAL", "name": "name", "environment": "env",
        "location": "location", "version": "version",
        "ports": {"ports": [{"number": 8888, "name": "myport1", "protocol": "tcp"},
            {"number": 9999, "name": "myport2", "protocol": "udp"}]},
        "labels": {"labels": [{"key": "clearance", "value": "high"}]}});

    let run = stage
        .launch_with("t1", &json!({"discovery": discovery}))
        .unwrap();

    assert_eq!(run.pointer("/task/discovery"), Some(&discovery));
    assert_eq!(
        state(&stage.cluster).pointer("/frameworks/0/tasks/0/discovery"),
        Some(&discovery)
    );
}

/// Mirrors: MasterTest.MasterInfo
#[test]
fn framework_learns_who_the_master_is() {
    let cluster = Cluster::start().unwrap();

    let scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();

    let master = scheduler
        .subscribed
        .pointer("/subscribed/master_info")
        .unwrap();
    assert_eq!(master["port"], json!(cluster.master.address.port()));
    assert_eq!(master.pointer("/address/ip"), Some(&json!("127.0.0.1")));
    assert_eq!(master["ip"], json!(16_777_343));
}

/// A framework of one role, which it names in the old way.
fn of_one_role() -> Value {
    json!({"user": "root", "name": "test", "role": "foo", "checkpoint": true, "failover_timeout": 600.0})
}

/// Mirrors: UpgradeTest.MultiRoleSchedulerUpgrade
#[test]
fn framework_that_learns_of_many_roles_keeps_its_task() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let mut old = FakeScheduler::subscribe_as(cluster.master.address, &of_one_role()).unwrap();
    let offer = old.wait_for_offer().unwrap();
    let mut task = command_task("foo", "sleep 1000", &offer);
    task["resources"] = offer["resources"].clone();
    old.launch(&offer, &[task]).unwrap();
    let status = old.wait_for_state("foo", "TASK_RUNNING").unwrap();
    let mut info = of_one_role();
    info["id"] = json!({"value": old.framework_id});
    info["roles"] = json!([info["role"]]);
    info["capabilities"] = json!([{"type": "MULTI_ROLE"}]);
    if let Some(info) = info.as_object_mut() {
        info.remove("role");
    }

    let mut new = FakeScheduler::subscribe_as(cluster.master.address, &info).unwrap();

    let error = old.wait_for("ERROR").unwrap();
    assert_eq!(error["error"]["message"], "Framework failed over");
    for (address, path) in [
        (cluster.master.address, "/master/state"),
        (cluster.agents[0].address, "/state"),
    ] {
        let framework = eventually("the framework's roles", || {
            let state = get_json(address, path).ok()?;
            let framework = state["frameworks"][0].clone();
            (framework["roles"] == json!(["foo"])).then_some(framework)
        });
        assert_eq!(framework.unwrap().get("role"), None, "{path}");
    }
    let asked = json!({"task_id": status["task_id"], "agent_id": status["agent_id"]});
    new.call("RECONCILE", json!({"reconcile": {"tasks": [asked]}}))
        .unwrap();
    new.wait_for_state("foo", "TASK_RUNNING").unwrap();
}
