//! Rules say who may do what on the agent.

use libprocess::http::client::ClientRequest;
use mesos_agent::flags::Flags;
use mesos_proto::{
    internal::{ExitedExecutorMessage, StatusUpdateMessage},
    v1::{
        self, TaskState,
        executor::event,
        task_status::{Reason, Source},
    },
};
use serde_json::{Value, json};

use crate::{
    harness::{
        Cluster, FRAMEWORK_ID, command_task, executor_task, framework, framework_id, task_id,
    },
    secrets::{ALICE, BOB, Secrets, rules},
};

/// An agent that asks readers who they are and follows rules.
fn ruled(acls: Value) -> impl Fn(&mut Flags) + 'static {
    let secrets = Secrets::new();
    move |flags| {
        secrets.close_reading(flags);
        flags.acls = Some(rules(&acls));
    }
}

fn get(cluster: &Cluster, path: &str, header: &str) -> (u16, Value) {
    let request = ClientRequest::get(path).with_header("authorization", header);
    let (status, body) = cluster.ask(request);
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn call(cluster: &Cluster, kind: &str, header: &str) -> (u16, Value) {
    let request = ClientRequest::post(
        "/slave(1)/api/v1",
        "application/json",
        json!({ "type": kind }).to_string(),
    )
    .with_header("accept", "application/json")
    .with_header("authorization", header);
    let (status, body) = cluster.ask(request);
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// `alice` sees everything of the role `superhero`, `bob` sees frameworks and the role `muggle`.
fn two_views() -> Value {
    let nobody = json!({ "principals": { "type": "ANY" }, "users": { "type": "NONE" } });
    let alice = json!({ "principals": { "values": ["alice"] }, "users": { "type": "ANY" } });
    let bob = json!({ "principals": { "values": ["bob"] }, "users": { "type": "ANY" } });
    let roles =
        |who: &str, role: Value| json!({ "principals": { "values": [who] }, "roles": role });
    json!({
        "view_frameworks": [alice, bob, nobody],
        "view_executors": [alice, nobody],
        "view_tasks": [alice, nobody],
        "view_roles": [
            roles("alice", json!({ "values": ["superhero"] })),
            roles("alice", json!({ "type": "NONE" })),
            roles("bob", json!({ "values": ["muggle"] })),
            roles("bob", json!({ "type": "NONE" })),
        ],
    })
}

/// Runs one task for each of two frameworks, each with an executor of its own.
fn run_for_two_frameworks(cluster: &mut Cluster) {
    for (id, role, user) in [("1", "superhero", "bar"), ("2", "muggle", "foo")] {
        let mut framework = framework();
        framework.id = Some(v1::FrameworkId {
            value: Some(format!("{FRAMEWORK_ID}-{id}")),
            ..Default::default()
        });
        framework.user = Some(user.to_owned());
        let mut task = executor_task(id, &format!("e{id}"), "sleep 1000");
        let mut info = task.executor.take().expect("an executor");
        info.framework_id = framework.id.clone();
        if let Some(command) = &mut info.command {
            command.user = Some(user.to_owned());
        }
        task.executor = Some(info);
        for resource in &mut task.resources {
            resource.reservations = vec![v1::resource::ReservationInfo {
                r#type: Some(v1::resource::reservation_info::Type::Static.into()),
                role: Some(role.to_owned()),
                ..Default::default()
            }];
        }
        cluster.run(&framework, task);
    }
    cluster.authorization = Some(ALICE.to_owned());
    for executor in ["e1", "e2"] {
        cluster.wait_for_executor(executor);
    }
    for (id, executor) in [("1", "e1"), ("2", "e2")] {
        let framework = v1::FrameworkId {
            value: Some(format!("{FRAMEWORK_ID}-{id}")),
            ..Default::default()
        };
        let mut stream = cluster.subscribe_for(&framework, executor);
        stream.expect(cluster, event::Type::Launch);
    }
}

/// Mirrors: SlaveAuthorizerTest.FilterStateEndpoint
#[test]
fn state_shows_what_its_reader_may_see() {
    let ruled = ruled(two_views());
    let mut cluster = Cluster::registered_with(move |flags| {
        ruled(flags);
        flags.resources =
            Some("cpus(superhero):2;cpus(muggle):3;mem(superhero):512;mem(muggle):1024".to_owned());
    });
    run_for_two_frameworks(&mut cluster);

    let (_, alice) = get(&cluster, "/state", ALICE);
    let (_, bob) = get(&cluster, "/state", BOB);

    let frameworks = alice["frameworks"].as_array().expect("a list");
    assert_eq!(frameworks.len(), 2);
    for framework in frameworks {
        let executors = framework["executors"].as_array().expect("a list");
        assert_eq!(executors.len(), 1);
        assert_eq!(executors[0]["tasks"].as_array().map(Vec::len), Some(1));
    }
    let frameworks = bob["frameworks"].as_array().expect("a list");
    assert_eq!(frameworks.len(), 2);
    for framework in frameworks {
        assert_eq!(framework["executors"], json!([]));
    }
    for (state, seen, hidden) in [
        (&alice, "superhero", "muggle"),
        (&bob, "muggle", "superhero"),
    ] {
        for list in [
            "reserved_resources",
            "reserved_resources_full",
            "reserved_resources_allocated",
        ] {
            assert!(!state[list][seen].is_null(), "{list} {seen}");
            assert!(state[list][hidden].is_null(), "{list} {hidden}");
        }
    }
}

#[test]
fn calls_show_what_their_sender_may_see() {
    let secrets = Secrets::new();
    let ruled = ruled(two_views());
    let mut cluster = Cluster::registered_with(move |flags| {
        ruled(flags);
        secrets.close_writing(flags);
        flags.resources =
            Some("cpus(superhero):2;cpus(muggle):3;mem(superhero):512;mem(muggle):1024".to_owned());
    });
    run_for_two_frameworks(&mut cluster);
    let counts = |header: &str| {
        let (_, frameworks) = call(&cluster, "GET_FRAMEWORKS", header);
        let (_, executors) = call(&cluster, "GET_EXECUTORS", header);
        let (_, tasks) = call(&cluster, "GET_TASKS", header);
        let (_, containers) = call(&cluster, "GET_CONTAINERS", header);
        let length = |list: &Value| list.as_array().map_or(0, Vec::len);
        [
            length(&frameworks["get_frameworks"]["frameworks"]),
            length(&executors["get_executors"]["executors"]),
            length(&tasks["get_tasks"]["launched_tasks"]),
            length(&containers["get_containers"]["containers"]),
        ]
    };

    assert_eq!(counts(ALICE), [2, 2, 2, 2]);
    assert_eq!(counts(BOB), [2, 0, 0, 2]);
}

/// Mirrors: SlaveAuthorizerTest.ViewFlags
#[test]
fn flags_are_for_those_who_may_see_them() {
    let secrets = Secrets::new();
    let ruled = ruled(json!({
        "view_flags": [
            { "principals": { "values": ["alice"] }, "flags": { "type": "ANY" } },
            { "principals": { "values": ["bob"] }, "flags": { "type": "NONE" } },
        ],
    }));
    let cluster = Cluster::registered_with(move |flags| {
        ruled(flags);
        secrets.close_writing(flags);
    });

    assert_eq!(get(&cluster, "/flags", ALICE).0, 200);
    assert_eq!(get(&cluster, "/flags", BOB).0, 403);
    assert_eq!(call(&cluster, "GET_FLAGS", ALICE).0, 200);
    assert_eq!(call(&cluster, "GET_FLAGS", BOB).0, 403);
    let (_, alice) = get(&cluster, "/state", ALICE);
    let (status, bob) = get(&cluster, "/state", BOB);
    assert!(alice["flags"].is_object());
    assert_eq!(status, 200);
    assert_eq!(bob.get("flags"), None);
}

/// What `alice` may get and `bob` may not.
fn closed_paths() -> Value {
    let paths = json!({ "values": ["/containers", "/monitor/statistics"] });
    json!({
        "get_endpoints": [
            { "principals": { "values": ["alice"] }, "paths": paths },
            { "principals": { "type": "NONE" }, "paths": paths },
        ],
    })
}

/// Mirrors: SlaveEndpointTest.AuthorizedRequest
/// Mirrors: SlaveEndpointTest.UnauthorizedRequest
#[test]
fn closed_endpoints_are_for_those_whom_a_rule_names() {
    let cluster = Cluster::registered_with(ruled(closed_paths()));

    for path in ["/containers", "/monitor/statistics"] {
        assert_eq!(get(&cluster, path, ALICE).0, 200, "{path}");
        assert_eq!(get(&cluster, path, BOB).0, 403, "{path}");
        let post = ClientRequest::post(path, "text/plain", "").with_header("authorization", ALICE);
        assert_eq!(cluster.open(post).status, 405, "{path}");
    }
}

/// Mirrors: MetricsTest.AgentAuthenticationEnabled
/// Mirrors: MetricsTest.AgentAuthorizationEnabled
#[test]
fn metrics_are_shown_to_those_who_prove_who_they_are_and_may_see_them() {
    let cluster = Cluster::registered_with(ruled(json!({
        "get_endpoints": [{ "principals": { "values": ["alice"] }, "paths": { "type": "NONE" } }],
    })));
    let path = "/metrics/snapshot";

    assert_eq!(cluster.ask(ClientRequest::get(path)).0, 401);
    assert_eq!(get(&cluster, path, ALICE).0, 403);
    assert_eq!(get(&cluster, path, BOB).0, 200);
}

/// Mirrors: SlaveEndpointTest.NoAuthorizer
#[test]
fn without_rules_everybody_gets_every_endpoint() {
    let secrets = Secrets::new();
    let cluster = Cluster::registered_with(move |flags| secrets.close_reading(flags));

    for path in ["/containers", "/monitor/statistics"] {
        assert_eq!(get(&cluster, path, BOB).0, 200, "{path}");
    }
}

/// Only these users may run tasks.
fn only_for(users: &[&str]) -> Value {
    json!({
        "permissive": false,
        "run_tasks": [{ "principals": { "type": "ANY" }, "users": { "values": users } }],
        "view_frameworks": [{ "principals": { "type": "ANY" }, "users": { "type": "ANY" } }],
        "view_executors": [{ "principals": { "type": "ANY" }, "users": { "type": "ANY" } }],
        "view_tasks": [{ "principals": { "type": "ANY" }, "users": { "type": "ANY" } }],
        "view_containers": [{ "principals": { "type": "ANY" }, "users": { "type": "ANY" } }],
        "get_endpoints": [{ "principals": { "type": "ANY" }, "paths": { "type": "ANY" } }],
    })
}

fn as_user(mut task: v1::TaskInfo, user: &str) -> v1::TaskInfo {
    task.command.as_mut().expect("a command").user = Some(user.to_owned());
    task
}

/// Mirrors: SlaveAuthorizerTest.AuthorizeRunTaskOnAgent
#[test]
fn task_runs_only_as_a_user_whom_the_agent_lets_run_tasks() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.acls = Some(rules(&only_for(&["bar"])));
    });
    let mut info = framework();
    info.user = Some("foo".to_owned());

    cluster.run(&info, command_task("1", "sleep 1000"));
    cluster.run(&info, as_user(command_task("2", "sleep 1000"), "bar"));

    let status = cluster.expect_update();
    assert_eq!(status.task_id().value(), "1");
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.source(), Source::SourceAgent);
    assert_eq!(status.reason(), Reason::ReasonTaskUnauthorized);
    let text = format!("Framework {FRAMEWORK_ID} is not authorized to launch task ");
    assert!(status.message().starts_with(&text), "{}", status.message());
    let mut executor = cluster.subscribe_when_launched("2");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("2", "2", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
}

/// Mirrors: SlaveTest.RemoveExecutorUponFailedTaskAuthorization
#[test]
fn master_hears_that_the_executor_of_a_refused_task_was_not_launched() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.acls = Some(rules(&only_for(&["bar"])));
    });

    cluster.run(&framework(), executor_task("t", "e", "sleep 1000"));

    let (_, update) = cluster.master.expect::<StatusUpdateMessage>();
    assert_eq!(update.update().status().state(), TaskState::TaskError);
    assert_eq!(
        update.update().status().reason(),
        Reason::ReasonTaskUnauthorized
    );
    let (_, exited) = cluster.master.expect::<ExitedExecutorMessage>();
    assert_eq!(exited.framework_id, Some(framework_id()));
    assert_eq!(exited.executor_id().value(), "e");
    assert_eq!(cluster.state()["frameworks"], json!([]));
}

#[test]
fn one_refused_task_refuses_its_whole_group() {
    let mut cluster = Cluster::registered_with(|flags| {
        flags.acls = Some(rules(&only_for(&["bar"])));
    });
    let tasks = vec![
        as_user(command_task("a", "sleep 1000"), "bar"),
        as_user(command_task("b", "sleep 1000"), "foo"),
    ];

    cluster.run_group("e", tasks);

    for task in ["a", "b"] {
        let status = cluster.expect_update();
        assert_eq!(status.task_id, Some(task_id(task)));
        assert_eq!(status.state(), TaskState::TaskError);
        assert_eq!(status.reason(), Reason::ReasonTaskGroupUnauthorized);
    }
}

#[test]
fn sandbox_is_for_those_who_may_see_it() {
    let ruled = ruled(json!({
        "access_sandboxes": [
            { "principals": { "values": ["alice"] }, "users": { "type": "ANY" } },
            { "principals": { "type": "ANY" }, "users": { "type": "NONE" } },
        ],
    }));
    let mut cluster = Cluster::registered_with(ruled);
    cluster.authorization = Some(ALICE.to_owned());
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");
    let path = format!("/files/browse?path=/frameworks/{FRAMEWORK_ID}/executors/t/runs/latest");

    assert_eq!(get(&cluster, &path, ALICE).0, 200);
    assert_eq!(get(&cluster, &path, BOB).0, 403);
}
