//! Requests prove who sends them.

use std::rc::Rc;

use libprocess::{
    Runtime,
    http::client::{ClientRequest, ClientResponse},
};
use mesos_agent::{StartError, flags::Flags};
use mesos_proto::v1::{
    self, TaskState,
    agent::{Call as AgentCall, call as agent_call},
    executor::{Call, call, event},
};
use prost::Message as _;
use serde_json::{Value, json};

use crate::{
    harness::{
        Cluster, FRAMEWORK_ID, Place, checkpointing, command_task, executor_call, framework,
        sandbox_file,
    },
    secrets::{ALICE, KEY, MALLORY, Secrets, rules, token},
};

const PROTOBUF: &str = "application/x-protobuf";

fn status(cluster: &Cluster, path: &str, header: Option<&str>) -> u16 {
    let request = ClientRequest::get(path);
    let request = match header {
        Some(header) => request.with_header("authorization", header),
        None => request,
    };
    cluster.open(request).status
}

/// Mirrors: SlaveTest.HTTPEndpointsBadAuthentication
#[test]
fn closed_endpoints_want_to_know_who_asks() {
    let secrets = Secrets::new();
    let cluster = Cluster::start_with(move |flags| secrets.close_reading(flags));

    for path in ["/state", "/flags"] {
        assert_eq!(status(&cluster, path, Some(MALLORY)), 401, "{path}");
        assert_eq!(status(&cluster, path, None), 401, "{path}");
        assert_ne!(status(&cluster, path, Some(ALICE)), 401, "{path}");
    }
    let refusal = cluster.open(ClientRequest::get("/state"));
    assert_eq!(
        refusal.headers["www-authenticate"],
        "Basic realm=\"mesos-agent-readonly\""
    );
}

/// Mirrors: SlaveTest.ReadonlyHTTPEndpointsNoAuthentication
#[test]
fn endpoints_that_only_show_stay_open_when_only_writing_is_closed() {
    let secrets = Secrets::new();
    let cluster = Cluster::registered_with(move |flags| secrets.close_writing(flags));

    for path in ["/state", "/flags", "/containers"] {
        assert_eq!(status(&cluster, path, None), 200, "{path}");
    }
    let call = ClientRequest::post("/slave(1)/api/v1", "application/json", "{}");
    assert_eq!(cluster.open(call).status, 401);
}

/// Mirrors: SlaveTest.StatisticsEndpointAuthentication
#[test]
fn statistics_are_for_known_principals() {
    let secrets = Secrets::new();
    let mut cluster = Cluster::start_with(move |flags| secrets.close_reading(flags));
    cluster.register();

    assert_eq!(status(&cluster, "/monitor/statistics", None), 401);
    assert_eq!(status(&cluster, "/monitor/statistics", Some(MALLORY)), 401);
    assert_eq!(status(&cluster, "/monitor/statistics", Some(ALICE)), 200);
}

/// Runs a command task whose executor writes its environment down; returns the agent and its token.
fn with_token(change: impl Fn(&mut Flags) + 'static) -> (Cluster, String) {
    let mut cluster = Cluster::registered_with(change);
    cluster
        .place
        .command_executor("env > environment.new; mv environment.new environment; sleep 1000");
    cluster.run(&checkpointing(), command_task("t", "sleep 1000"));
    cluster.wait_for_file("t", "environment");
    let environment = sandbox_file(&cluster.place, "t", "environment");
    let token = environment
        .lines()
        .find_map(|line| line.strip_prefix("MESOS_EXECUTOR_AUTHENTICATION_TOKEN="))
        .expect("a token")
        .to_owned();
    let bearer = format!("Bearer {token}");
    cluster.authorization = Some(bearer.clone());
    (cluster, bearer)
}

fn container_of(cluster: &Cluster, executor: &str) -> String {
    let (_, body) = cluster.ask(ClientRequest::get("/containers"));
    let containers: Value = serde_json::from_slice(&body).expect("JSON");
    let containers = containers.as_array().expect("a list");
    let found = containers.iter().find(|one| one["executor_id"] == executor);
    let id = found.expect("the container")["container_id"].as_str();
    id.expect("an id").to_owned()
}

fn subscribe_call() -> Call {
    Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe::default()),
        ..executor_call("t")
    }
}

fn executor_request(call: &Call, header: &str) -> ClientRequest {
    ClientRequest::post("/slave(1)/api/v1/executor", PROTOBUF, call.encode_to_vec())
        .with_header("accept", PROTOBUF)
        .with_header("authorization", header)
}

fn nested_id(container: &str) -> v1::ContainerId {
    v1::ContainerId {
        value: Some("child".to_owned()),
        parent: Some(
            v1::ContainerId {
                value: Some(container.to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

fn launch_nested(cluster: &Cluster, container: &str, header: &str) -> ClientResponse {
    let call = AgentCall {
        r#type: Some(agent_call::Type::LaunchNestedContainer.into()),
        launch_nested_container: Some(
            agent_call::LaunchNestedContainer {
                container_id: Some(nested_id(container)),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    };
    cluster.open(agent_request(&call, header))
}

fn agent_request(call: &AgentCall, header: &str) -> ClientRequest {
    ClientRequest::post("/slave(1)/api/v1", PROTOBUF, call.encode_to_vec())
        .with_header("accept", PROTOBUF)
        .with_header("authorization", header)
}

#[test]
fn executor_gets_a_token_with_which_it_is_let_in() {
    let secrets = Secrets::new();
    let (mut cluster, _) = with_token(move |flags| secrets.ask_executors(flags));

    let mut executor = cluster.subscribe("t");

    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
}

/// Mirrors: SlaveTest.HTTPExecutorBadAuthentication
#[test]
fn token_that_somebody_else_signed_is_refused() {
    let secrets = Secrets::new();
    let (cluster, _) = with_token(move |flags| secrets.ask_executors(flags));
    let container = container_of(&cluster, "t");
    let claims = json!({ "fid": FRAMEWORK_ID, "eid": "t", "cid": container });
    let forged = token(&claims, "incorrect_key");

    let subscription = cluster.open(executor_request(&subscribe_call(), &forged));
    let launch = launch_nested(&cluster, &container, &forged);

    assert_eq!(subscription.status, 401);
    assert_eq!(launch.status, 401);
    let challenge = launch.headers["www-authenticate"].to_str().expect("text");
    assert!(
        challenge.contains("Invalid JWT: Token signature does not match"),
        "{challenge}"
    );
}

/// Mirrors: ExecutorAuthorizationTest.FailedSubscribe
#[test]
fn token_of_another_container_does_not_subscribe() {
    let secrets = Secrets::new();
    let (cluster, own) = with_token(move |flags| {
        secrets.ask_executors(flags);
        flags.acls = Some(rules(&json!({ "permissive": true })));
    });
    let claims = |framework: &str, executor: &str| json!({ "fid": framework, "eid": executor, "cid": "other" });
    let refusal = |claims: &Value| {
        let request = executor_request(&subscribe_call(), &token(claims, KEY));
        let (status, body) = cluster.ask(request);
        (status, String::from_utf8_lossy(&body).into_owned())
    };

    let other_container = refusal(&claims(FRAMEWORK_ID, "t"));
    let other_executor = refusal(&claims(FRAMEWORK_ID, "other"));
    let other_framework = refusal(&claims("other", "t"));

    assert_eq!(
        other_container,
        (
            403,
            format!(
                "Authenticated principal '{{\"claims\":{{\"cid\":\"other\",\"eid\":\"t\",\
                 \"fid\":\"{FRAMEWORK_ID}\"}}}}' does not contain a 'cid' claim with the correct \
                 active ContainerID"
            )
        )
    );
    assert_eq!(other_executor.0, 403);
    assert!(
        other_executor
            .1
            .ends_with("an 'eid' claim with the executor ID t, which is set in the call")
    );
    assert_eq!(other_framework.0, 403);
    assert!(other_framework.1.ends_with(&format!(
        "an 'fid' claim with the framework ID {FRAMEWORK_ID}, which is set in the call"
    )));
    let owner = cluster.open(executor_request(&subscribe_call(), &own));
    assert_eq!(owner.status, 200);
}

/// Calls about a nested container, one of each kind.
fn nested_calls(container: &str) -> Vec<AgentCall> {
    let id = || Some(nested_id(container));
    let session = agent_call::LaunchNestedContainerSession {
        container_id: id(),
        command: Some(v1::CommandInfo::default().into()),
        ..Default::default()
    };
    let launch = agent_call::LaunchNestedContainer {
        container_id: id(),
        ..Default::default()
    };
    let wait = agent_call::WaitNestedContainer {
        container_id: id(),
        ..Default::default()
    };
    let kill = agent_call::KillNestedContainer {
        container_id: id(),
        ..Default::default()
    };
    let remove = agent_call::RemoveNestedContainer {
        container_id: id(),
        ..Default::default()
    };
    let attach = agent_call::AttachContainerOutput {
        container_id: id(),
        ..Default::default()
    };
    vec![
        AgentCall {
            r#type: Some(agent_call::Type::LaunchNestedContainer.into()),
            launch_nested_container: Some(launch.into()),
            ..Default::default()
        },
        AgentCall {
            r#type: Some(agent_call::Type::LaunchNestedContainerSession.into()),
            launch_nested_container_session: Some(session.into()),
            ..Default::default()
        },
        AgentCall {
            r#type: Some(agent_call::Type::WaitNestedContainer.into()),
            wait_nested_container: Some(wait),
            ..Default::default()
        },
        AgentCall {
            r#type: Some(agent_call::Type::KillNestedContainer.into()),
            kill_nested_container: Some(kill),
            ..Default::default()
        },
        AgentCall {
            r#type: Some(agent_call::Type::RemoveNestedContainer.into()),
            remove_nested_container: Some(remove),
            ..Default::default()
        },
        AgentCall {
            r#type: Some(agent_call::Type::AttachContainerOutput.into()),
            attach_container_output: Some(attach),
            ..Default::default()
        },
    ]
}

/// Mirrors: ExecutorAuthorizationTest.FailedApiCalls
#[test]
fn token_of_another_container_makes_no_call_about_this_one() {
    let secrets = Secrets::new();
    let (cluster, own) = with_token(move |flags| {
        secrets.ask_executors(flags);
        flags.acls = Some(rules(&json!({ "permissive": true })));
    });
    let container = container_of(&cluster, "t");
    let mut executor = cluster.subscribe("t");
    executor.expect(&cluster, event::Type::Launch);
    let other = json!({ "fid": FRAMEWORK_ID, "eid": "t", "cid": "other" });
    let other = token(&other, KEY);

    for call in nested_calls(&container) {
        let kind = call.r#type().as_str_name();
        let status = |header: &str| cluster.open(agent_request(&call, header)).status;
        assert_eq!(status(&other), 403, "{kind}");
        assert_ne!(status(&own), 403, "{kind}");
    }
    let message = Call {
        r#type: Some(call::Type::Message.into()),
        message: Some(call::Message {
            data: Some(b"executor message".as_slice().into()),
            ..Default::default()
        }),
        ..executor_call("t")
    };
    let uuid = uuid::Uuid::new_v4();
    let update = Call {
        r#type: Some(call::Type::Update.into()),
        update: Some(call::Update {
            status: Some(
                v1::TaskStatus {
                    task_id: Some(crate::harness::task_id("t")),
                    state: Some(TaskState::TaskRunning.into()),
                    source: Some(v1::task_status::Source::SourceExecutor.into()),
                    uuid: Some(uuid.as_bytes().to_vec().into()),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        }),
        ..executor_call("t")
    };
    for call in [message, update] {
        let (status, body) = cluster.ask(executor_request(&call, &other));
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, 403);
        assert!(
            text.ends_with("a 'cid' claim with the correct active ContainerID"),
            "{text}"
        );
    }
}

/// Mirrors: SlaveTest.RestartSlaveRequireExecutorAuthentication
#[test]
fn executor_with_a_token_comes_back_to_an_agent_that_asks_for_it() {
    let secrets = Secrets::new();
    let lax = Rc::clone(&secrets);
    let (mut cluster, own) = with_token(move |flags| lax.give_tokens(flags));
    let mut executor = cluster.subscribe("t");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("t", "t", TaskState::TaskRunning);
    cluster.expect_update_to(TaskState::TaskRunning);

    cluster.setup = Box::new(move |flags| secrets.ask_executors(flags));
    cluster.restart();
    let executor = cluster.subscribe_when_open("t");
    cluster.reregister();

    drop(executor);
    assert!(!container_of(&cluster, "t").is_empty());
    let anonymous = executor_request(&subscribe_call(), MALLORY);
    assert_eq!(cluster.open(anonymous).status, 401);
    let again = executor_request(&subscribe_call(), &own);
    assert_eq!(cluster.open(again).status, 200);
}

fn refused(change: impl Fn(&mut Flags)) -> StartError {
    let place = Place::new();
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .start()
        .expect("runtime");
    let mut flags = place.flags(&"master@127.0.0.1:1".parse().expect("an address"));
    change(&mut flags);
    let error = mesos_agent::start(&runtime, flags).expect_err("refused");
    runtime.shutdown();
    error
}

#[test]
fn realm_without_anybody_who_may_enter_is_refused_at_start() {
    let secrets = Secrets::new();
    let text = |change: &dyn Fn(&mut Flags)| refused(change).to_string();

    assert_eq!(
        text(&|flags| flags.authenticate_http_executors = true),
        "--jwt_secret_key must be specified when --authenticate_http_executors is set to true"
    );
    assert_eq!(
        text(&|flags| flags.authenticate_http_readonly = true),
        "Failed to create HTTP authenticator module 'basic': No credentials provided for the \
         default 'basic' HTTP authenticator for realm 'mesos-agent-readonly'"
    );
    assert_eq!(
        text(&|flags| {
            flags.authenticate_http_readwrite = true;
            flags.http_authenticators = Some("jwt".to_owned());
        }),
        "Failed to create HTTP authenticator module 'jwt': No secret key provided for the \
         default 'jwt' HTTP authenticator for realm 'mesos-agent-readwrite'"
    );
    assert!(
        text(&|flags| {
            secrets.close_reading(flags);
            flags.http_authenticators = Some("kerberos".to_owned());
        })
        .contains("'kerberos' not found")
    );
    assert_eq!(
        text(&|flags| flags.jwt_secret_key = Some("/nowhere/key".into())),
        "Failed to read the file specified by --jwt_secret_key"
    );
    assert!(
        text(&|flags| flags.authorizer = "other".to_owned()).starts_with("Authorizer 'other' not")
    );
}

#[test]
fn executor_is_told_of_the_socket_and_reaches_the_agent_by_it() {
    let secrets = Secrets::new();
    let (cluster, _) = with_token(move |flags| {
        secrets.give_tokens(flags);
        flags.http_executor_domain_sockets = true;
    });
    let environment = sandbox_file(&cluster.place, "t", "environment");
    let socket = environment
        .lines()
        .find_map(|line| line.strip_prefix("MESOS_DOMAIN_SOCKET="))
        .expect("a socket");

    let url = format!("http+unix://{}", socket.replace('/', "%2F"));
    let answer = libprocess::http::client::request(&url, executor_request(&subscribe_call(), ""));
    let answer = cluster.master.runtime.block_on(answer).expect("an answer");

    assert!(socket.ends_with("/run/agent.sock"), "{socket}");
    assert_eq!(answer.status, 200);
    drop(framework());
}
