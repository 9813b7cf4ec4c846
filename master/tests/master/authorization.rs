//! What principals may do under `--acls`.

use mesos_common::flags::JsonMessage;
use mesos_proto::acls::AcLs;
use mesos_proto::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, RegisterAgentMessage, ReregisterAgentMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation::{LaunchGroup, Type};
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::task_status::Reason;
use mesos_proto_codec::{Dialect, Json as _};

use crate::support::{
    ALICE, Peer, Scheduler, Stage, agent_capabilities, agent_info, credentials, framework, launch,
    run_one, task, uuid_message,
};

fn rules(text: &str) -> Option<JsonMessage<AcLs>> {
    let acls = AcLs::read_json(Dialect::V0, text.as_bytes()).expect("rules");
    Some(JsonMessage::new(acls))
}

pub(crate) fn under(text: &str) -> Stage {
    Stage::start_with(|flags| flags.acls = rules(text))
}

/// A master that wants to know who asks on HTTP.
pub(crate) fn asking(text: &str) -> (Stage, tempfile::NamedTempFile) {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.acls = rules(text);
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
        flags.authenticate_http_readwrite = true;
    });
    (stage, file)
}

fn by(principal: &str, role: &str) -> v1::FrameworkInfo {
    let mut info = framework(role);
    info.principal = Some(principal.to_owned());
    info
}

const ONLY_USER: &str = r#"{"run_tasks": [
    {"principals": {"values": ["good"]}, "users": {"values": ["user"]}},
    {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}"#;

/// Mirrors: MasterAuthorizationTest.AuthorizedTask
#[test]
fn allowed_task_is_launched() {
    let stage = under(ONLY_USER);
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(by("good", "eng"));

    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");

    assert_eq!(run.task().task_id().value(), "t");
}

/// Mirrors: MasterAuthorizationTest.UnauthorizedTask
#[test]
fn task_that_is_not_allowed_ends_with_the_reason() {
    let stage = under(ONLY_USER);
    let _agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(by("bad", "eng"));
    let offers = scheduler.offers();

    scheduler.accept(
        &offers[0],
        vec![launch(vec![task("t", &offers[0], "cpus:1;mem:32")])],
    );

    let status = scheduler.update();
    let id = scheduler.id.value();
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.reason(), Reason::ReasonTaskUnauthorized);
    assert_eq!(
        status.message(),
        format!(
            "Principal 'bad' no authorized to launch task t of framework {id} under user 'user'"
        )
    );
    let key = "master/task_error/source_master/reason_task_unauthorized";
    assert!((stage.metric(key) - 1.0).abs() < 1e-9);
    assert!((stage.metric("master/tasks_error") - 1.0).abs() < 1e-9);
}

fn executor(scheduler: &Scheduler) -> v1::ExecutorInfo {
    let resources = mesos_common::resources::Resources::parse("cpus:0.1;mem:32;disk:32");
    let mut resources = resources.expect("resources");
    resources.allocate(&"eng".into());
    v1::ExecutorInfo {
        r#type: Some(v1::executor_info::Type::Default.into()),
        executor_id: Some(v1::ExecutorId {
            value: Some("e".to_owned()),
            ..Default::default()
        }),
        framework_id: Some(scheduler.id.clone()),
        resources: resources.to_proto(),
        ..Default::default()
    }
}

/// Mirrors: MasterAuthorizationTest.UnauthorizedTaskGroup
#[test]
fn one_task_that_is_not_allowed_ends_its_group() {
    let stage = under(
        r#"{"run_tasks": [{"principals": {"values": ["some"]}, "users": {"values": ["user"]}},
            {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}"#,
    );
    let _agent = stage.agent("cpus:4;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(by("some", "eng"));
    let offers = scheduler.offers();
    let allowed = task("allowed", &offers[0], "cpus:1;mem:32");
    let mut other = task("other", &offers[0], "cpus:1;mem:32");
    other.command.get_or_insert_default().user = Some("root".to_owned());
    let group = v1::offer::Operation {
        r#type: Some(Type::LaunchGroup.into()),
        launch_group: Some(LaunchGroup {
            executor: Some(executor(&scheduler).into()),
            task_group: Some(v1::TaskGroupInfo {
                tasks: vec![allowed, other],
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };

    scheduler.accept(&offers[0], vec![group]);

    for _ in 0..2 {
        let status = scheduler.update();
        assert_eq!(status.state(), TaskState::TaskError);
        assert_eq!(status.reason(), Reason::ReasonTaskGroupUnauthorized);
        let text = status.message().to_owned();
        assert!(
            text.starts_with("Task 'other' is not authorized tolaunch task other"),
            "{text}"
        );
    }
}

const ONLY_ENG: &str = r#"{"register_frameworks": [
    {"principals": {"values": ["good"]}, "roles": {"values": ["eng"]}},
    {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}"#;

/// Mirrors: MasterAuthorizationTest.AuthorizedRole
#[test]
fn framework_subscribes_with_an_allowed_role() {
    let stage = under(ONLY_ENG);

    let scheduler = stage.subscribe(by("good", "eng"));

    assert!(!scheduler.id.value().is_empty());
}

/// Mirrors: MasterAuthorizationTest.UnauthorizedRole
#[test]
fn framework_with_another_role_is_refused() {
    let stage = under(ONLY_ENG);

    let mut scheduler = Scheduler::open(&stage, by("good", "ops"));

    let error = scheduler.expect(event::Type::Error);
    assert_eq!(
        error.error().message(),
        "Not authorized to register framework  with roles { ops }"
    );
}

fn registration(info: v1::AgentInfo) -> RegisterAgentMessage {
    RegisterAgentMessage {
        agent: Some(info.into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    }
}

/// Whether an agent with these resources may register.
fn may_register(stage: &Stage, resources: &str) -> bool {
    let peer = Peer::start(&stage.runtime, "slave");
    stage.send(&peer, &registration(agent_info(resources)));
    stage.settle();
    peer.has::<AgentRegisteredMessage>()
}

const NO_AGENTS: &str = r#"{"register_agents": [
    {"principals": {"type": "ANY"}, "agents": {"type": "NONE"}}]}"#;

/// Mirrors: MasterAuthorizationTest.UnauthorizedToRegisterAgent
#[test]
fn agent_that_may_not_register_hears_nothing() {
    let stage = under(NO_AGENTS);

    assert!(!may_register(&stage, "cpus:4;mem:1024"));
    assert!((stage.metric("master/slaves_active")).abs() < 1e-9);
}

fn return_of(agent: &crate::support::Agent) -> ReregisterAgentMessage {
    ReregisterAgentMessage {
        agent: Some(agent.info.clone().into()),
        version: Some("1.11.0".to_owned()),
        agent_capabilities: agent_capabilities(),
        resource_version_uuid: Some(uuid_message(1)),
        ..Default::default()
    }
}

/// Mirrors: MasterAuthorizationTest.UnauthorizedToReregisterAgent
#[test]
fn agent_that_may_not_register_any_more_does_not_return() {
    let mut stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    stage.fail_over(|flags| flags.acls = rules(NO_AGENTS));

    stage.send(&agent.peer, &return_of(&agent));
    stage.settle();

    assert!(!agent.peer.has::<AgentReregisteredMessage>());
}

/// Mirrors: MasterAuthorizationTest.AuthorizedToRegisterAndReregisterAgent
#[test]
fn agent_that_may_register_may_return() {
    let allowed = r#"{"permissive": false, "register_agents": [
        {"principals": {"type": "ANY"}, "agents": {"type": "ANY"}}]}"#;
    let mut stage = under(allowed);
    let agent = stage.agent("cpus:4;mem:1024");
    stage.fail_over(|flags| flags.acls = rules(allowed));

    stage.send(&agent.peer, &return_of(&agent));
    stage.settle();

    assert!(agent.peer.has::<AgentReregisteredMessage>());
}

/// Mirrors: MasterAuthorizationTest.UnauthorizedToStaticallyReserveResources
#[test]
fn agent_that_may_not_reserve_does_not_register_with_reservations() {
    let stage = under(
        r#"{"reserve_resources": [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}"#,
    );

    assert!(!may_register(&stage, "cpus(eng):1;mem:1024"));
}

/// Mirrors: MasterAuthorizationTest.UnauthorizedToStaticallyReserveRole
/// Mirrors: MasterAuthorizationTest.AuthorizedToStaticallyReserveRole
/// Mirrors: MasterAuthorizationTest.AuthorizedToRegisterNoStaticReservations
#[test]
fn agent_registers_with_reservations_for_allowed_roles_only() {
    let stage = under(
        r#"{"reserve_resources": [
            {"principals": {"type": "ANY"}, "roles": {"values": ["high"]}},
            {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}"#,
    );

    assert!(!may_register(&stage, "cpus(low):1;mem:1024"));
    assert!(may_register(&stage, "cpus(high):1;mem(high):1024"));
    assert!(may_register(&stage, "cpus:1;mem:1024"));
}

fn reserve(agent_id: &str, role: &str) -> String {
    format!(
        r#"{{"type":"RESERVE_RESOURCES","reserve_resources":{{"agent_id":{{"value":"{agent_id}"}},
        "resources":[{{"name":"cpus","type":"SCALAR","scalar":{{"value":1}},
        "reservations":[{{"type":"DYNAMIC","role":"{role}","principal":"alice"}}]}}]}}}}"#
    )
}

#[test]
fn operator_reserves_for_allowed_roles_only() {
    let (stage, _file) = asking(
        r#"{"reserve_resources": [
            {"principals": {"values": ["alice"]}, "roles": {"values": ["eng/%"]}},
            {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}]}"#,
    );
    let agent = stage.agent("cpus:4;mem:1024");

    let good = stage.http_as(
        ALICE,
        "POST",
        "/api/v1",
        reserve(&agent.id, "eng/a").as_bytes(),
    );
    let bad = stage.http_as(
        ALICE,
        "POST",
        "/api/v1",
        reserve(&agent.id, "ops").as_bytes(),
    );

    assert_eq!(good.status, 202, "{}", good.text());
    assert_eq!((bad.status, bad.text().as_str()), (403, "403 Forbidden."));
}

/// Mirrors: TeardownTest.GoodACLs
/// Mirrors: TeardownTest.BadACLs
#[test]
fn operator_removes_frameworks_of_allowed_principals_only() {
    let (stage, _file) = asking(
        r#"{"teardown_frameworks": [
            {"principals": {"values": ["alice"]}, "framework_principals": {"values": ["good"]}},
            {"principals": {"type": "ANY"}, "framework_principals": {"type": "NONE"}}]}"#,
    );
    let (good, bad) = (
        stage.subscribe(by("good", "eng")),
        stage.subscribe(by("bad", "eng")),
    );
    let tear_down = |scheduler: &Scheduler| {
        let body = format!("frameworkId={}", scheduler.id.value());
        stage
            .http_as(ALICE, "POST", "/master/teardown", body.as_bytes())
            .status
    };

    assert_eq!(tear_down(&bad), 403);
    assert_eq!(tear_down(&good), 200);
}

/// Calls that need a permission of their own.
const CALLS: [(&str, &str); 13] = [
    (
        "set_log_level",
        r#"{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":1}}}"#,
    ),
    ("view_flags", r#"{"type":"GET_FLAGS"}"#),
    (
        "update_weights",
        r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"a","weight":2}]}}"#,
    ),
    (
        "update_quotas",
        r#"{"type":"UPDATE_QUOTA","update_quota":{"quota_configs":[{"role":"a"}]}}"#,
    ),
    (
        "update_quotas",
        r#"{"type":"REMOVE_QUOTA","remove_quota":{"role":"a"}}"#,
    ),
    (
        "update_quotas",
        r#"{"type":"SET_QUOTA","set_quota":{"quota_request":{"role":"a","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}}}"#,
    ),
    (
        "update_maintenance_schedules",
        r#"{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[{"machine_ids":[{"hostname":"h"}],"unavailability":{"start":{"nanoseconds":1}}}]}}}"#,
    ),
    (
        "start_maintenances",
        r#"{"type":"START_MAINTENANCE","start_maintenance":{"machines":[{"hostname":"h"}]}}"#,
    ),
    (
        "stop_maintenances",
        r#"{"type":"STOP_MAINTENANCE","stop_maintenance":{"machines":[{"hostname":"h"}]}}"#,
    ),
    (
        "drain_agents",
        r#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"x"}}}"#,
    ),
    (
        "deactivate_agents",
        r#"{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"x"}}}"#,
    ),
    (
        "reactivate_agents",
        r#"{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"x"}}}"#,
    ),
    (
        "mark_agents_gone",
        r#"{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"x"}}}"#,
    ),
];

fn objects_of(rule: &str) -> &'static str {
    match rule {
        "set_log_level" => "level",
        "view_flags" => "flags",
        "update_weights" | "update_quotas" => "roles",
        name if name.contains("maintenance") => "machines",
        _ => "agents",
    }
}

#[test]
fn call_that_nobody_may_make_is_forbidden_and_changes_nothing() {
    let parts: std::collections::BTreeSet<String> = CALLS
        .iter()
        .map(|(rule, _)| {
            let objects = objects_of(rule);
            format!(r#""{rule}":[{{"principals":{{"type":"ANY"}},"{objects}":{{"type":"NONE"}}}}]"#)
        })
        .collect();
    let parts: Vec<String> = parts.into_iter().collect();
    let stage = under(&format!("{{{}}}", parts.join(",")));

    for (_, call) in CALLS {
        let answer = stage.call(call);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, "403 Forbidden."),
            "{call}"
        );
    }
    assert_eq!(stage.get("/weights"), serde_json::json!([]));
}
