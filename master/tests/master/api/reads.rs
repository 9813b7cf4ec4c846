//! Calls that read.

use std::time::Duration;

use mesos_common::resources::Resources;
use mesos_proto::internal::ApplyOperationMessage;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::response;
use serde_json::json;

use crate::support::api::{in_both_forms, plain, with};
use crate::support::operations::{create_disk, provided};
use crate::support::{
    ALICE, Agent, BOB, Driver, Scheduler, Stage, from_json, launch, provider, ruled, task,
};

/// Mirrors: MasterAPITest.GetFlags
/// Mirrors: MasterAPITest.GetHealth
/// Mirrors: MasterAPITest.GetVersion
/// Mirrors: MasterAPITest.GetTasksNoRunningTask
#[test]
fn fresh_master_tells_of_itself() {
    let stage = Stage::start();

    in_both_forms(|form| {
        assert!(stage.shown(form, Type::GetHealth).get_health().healthy());
        let version = stage.shown(form, Type::GetVersion);
        assert_eq!(version.get_version().version_info().version(), "1.11.0");
        let flags = stage.shown(form, Type::GetFlags);
        let names = flags.get_flags().flags.iter().map(v1::Flag::name);
        assert!(names.into_iter().any(|name| name == "registry"));
        let tasks = stage.shown(form, Type::GetTasks);
        let tasks = tasks.get_tasks();
        assert!(tasks.pending_tasks.is_empty() && tasks.tasks.is_empty());
        assert!(tasks.completed_tasks.is_empty() && tasks.orphan_tasks.is_empty());
    });
}

/// Mirrors: MasterAPITest.GetMetrics
#[test]
fn metrics_come_within_their_timeout() {
    let stage = Stage::start();
    let call = with(
        Type::GetMetrics,
        &json!({"timeout": {"nanoseconds": 5_000_000_000_i64}}),
    );

    in_both_forms(|form| {
        let answer = stage.asked(form, None, &call);

        let metrics = &answer.get_metrics().metrics;
        assert!(metrics.iter().all(|metric| metric.value.is_some()));
        let elected = metrics.iter().find(|one| one.name() == "master/elected");
        assert!(elected.is_some_and(|one| (one.value() - 1.0).abs() < 1e-9));
    });
}

/// Mirrors: MasterAPITest.GetFrameworks
#[test]
fn framework_is_shown_as_it_is() {
    let stage = Stage::start();
    let mut info = crate::support::framework("*");
    info.name = Some("default".to_owned());
    info.checkpoint = Some(false);
    let driver = Driver::subscribe(&stage, info);

    in_both_forms(|form| {
        let answer = stage.shown(form, Type::GetFrameworks);

        let [framework] = answer.get_frameworks().frameworks.as_slice() else {
            panic!("one framework")
        };
        let info = framework.framework_info();
        assert_eq!(info.id(), &driver.id);
        assert_eq!(info.name(), "default");
        assert_eq!(info.roles, ["*"]);
        assert!(!info.checkpoint());
        assert!(framework.active() && framework.connected() && !framework.recovered());
    });
}

/// A task with an executor of its own and a health check.
fn checked_task(offer: &v1::Offer) -> v1::TaskInfo {
    let mut info = task("1", offer, "cpus:1;mem:32");
    info.name = Some("test".to_owned());
    info.command = None;
    info.executor = Some(
        from_json::<v1::ExecutorInfo>(&json!({
            "executor_id": {"value": "default"},
            "command": {"value": "exit 1"},
        }))
        .into(),
    );
    info.health_check = Some(
        from_json::<v1::HealthCheck>(&json!({
            "type": "COMMAND",
            "command": {"value": "exit 0"},
            "delay_seconds": 1,
            "interval_seconds": 1,
            "timeout_seconds": 1,
            "consecutive_failures": 1,
            "grace_period_seconds": 1,
        }))
        .into(),
    );
    info
}

fn finished(tasks: &response::GetTasks) {
    assert!(tasks.tasks.is_empty());
    let [task] = tasks.completed_tasks.as_slice() else {
        panic!("one completed task")
    };
    assert_eq!(task.state(), TaskState::TaskFinished);
    assert_eq!((task.name(), task.task_id().value()), ("test", "1"));
}

fn running(tasks: &response::GetTasks) {
    assert!(tasks.completed_tasks.is_empty());
    let [task] = tasks.tasks.as_slice() else {
        panic!("one task")
    };
    assert_eq!(task.state(), TaskState::TaskRunning);
    assert_eq!((task.name(), task.task_id().value()), ("test", "1"));
    let check = task.health_check();
    assert_eq!(check.r#type(), v1::health_check::Type::Command);
    assert_eq!(check.command().value(), "exit 0");
    let seconds = [
        check.delay_seconds(),
        check.interval_seconds(),
        check.timeout_seconds(),
        check.grace_period_seconds(),
    ];
    assert!(seconds.iter().all(|one| (one - 1.0).abs() < 1e-9));
    assert_eq!(check.consecutive_failures(), 1);
}

fn nothing_runs(stage: &Stage) {
    in_both_forms(|form| {
        let state = stage.shown(form, Type::GetState);
        let state = state.get_state();
        assert_eq!(state.get_frameworks().frameworks.len(), 1);
        assert_eq!(state.get_agents().agents.len(), 1);
        assert!(state.get_tasks().tasks.is_empty());
        assert!(state.get_executors().executors.is_empty());
    });
}

/// Mirrors: MasterAPITest.GetExecutors
/// Mirrors: MasterAPITest.GetState
/// Mirrors: MasterAPITest.GetTasks
#[test]
fn task_and_executor_are_shown_through_their_life() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:4;mem:1024");
    let mut scheduler = stage.subscribe(crate::support::framework("eng"));
    let offers = scheduler.offers();
    nothing_runs(&stage);

    scheduler.accept(&offers[0], vec![launch(vec![checked_task(&offers[0])])]);
    let run = agent.peer.expect();
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let status = scheduler.update();
    scheduler.acknowledge(&status);
    in_both_forms(|form| {
        running(stage.shown(form, Type::GetTasks).get_tasks());
        running(stage.shown(form, Type::GetState).get_state().get_tasks());
        let executors = stage.shown(form, Type::GetExecutors);
        let [executor] = executors.get_executors().executors.as_slice() else {
            panic!("one executor")
        };
        assert_eq!(executor.agent_id(), &agent.proto_id());
        assert_eq!(executor.executor_info().executor_id().value(), "default");
    });
    agent.update(&stage, &run, TaskState::TaskFinished, 2);
    let status = scheduler.update();
    scheduler.acknowledge(&status);
    stage.settle();

    in_both_forms(|form| {
        finished(stage.shown(form, Type::GetTasks).get_tasks());
        finished(stage.shown(form, Type::GetState).get_state().get_tasks());
    });
}

/// Mirrors: MasterAPITest.GetLoggingLevel
#[test]
fn level_of_the_log_is_told() {
    let stage = Stage::start();

    in_both_forms(|form| {
        let answer = stage.shown(form, Type::GetLoggingLevel);

        let level = answer.get_logging_level().level();
        assert_eq!(level, stage.runtime.log_level());
    });
}

/// Mirrors: MasterAPITest.SetLoggingLevel
#[test]
fn level_of_the_log_is_raised_for_a_while_by_whom_it_may_be() {
    let (stage, _file) = ruled(&json!({"set_log_level": [
        {"principals": {"values": ["bob"]}, "level": {"type": "NONE"}}]}));
    let before = stage.runtime.log_level();
    let call = with(
        Type::SetLoggingLevel,
        &json!({"level": before + 1, "duration": {"nanoseconds": 60_000_000_000_i64}}),
    );

    in_both_forms(|form| {
        stage.told(form, Some(BOB), &call, 403);
        assert_eq!(stage.runtime.log_level(), before);
        stage.told(form, Some(ALICE), &call, 200);
        assert_eq!(stage.runtime.log_level(), before + 1);

        stage.advance(Duration::from_secs(60));

        assert_eq!(stage.runtime.log_level(), before);
    });
}

/// Mirrors: MasterAPITest.GetRoles
#[test]
fn roles_are_shown_with_weight_and_resources() {
    let stage = Stage::start_with(|flags| {
        flags.roles = Some("role1".to_owned());
        flags.weights = Some("role1=2.5".to_owned());
    });
    let _agent = stage.agent(
        "cpus(role1):0.5;mem(role1):512;ports(role1):[31000-31001];disk(role1):1024;gpus(role1):0",
    );
    let mut scheduler = stage.subscribe(crate::support::framework("role1"));
    scheduler.offers();

    in_both_forms(|form| {
        let answer = stage.shown(form, Type::GetRoles);

        let [_, role] = answer.get_roles().roles.as_slice() else {
            panic!("two roles")
        };
        assert_eq!(role.name(), "role1");
        assert!((role.weight() - 2.5).abs() < 1e-9);
        let expected = Resources::parse("cpus:0.5;disk:1024;mem:512").expect("resources");
        assert_eq!(Resources::from_proto(&role.resources), expected);
    });
}

/// An agent whose provider has a disk, and an operation on it under way.
fn creating_a_disk(stage: &Stage) -> (Agent, Scheduler, ApplyOperationMessage) {
    let disk: v1::Resource = from_json(&json!({
        "name": "disk", "type": "SCALAR", "scalar": {"value": 200},
        "disk": {"source": {"type": "RAW", "profile": "profile"}},
    }));
    let disk = Resources::from_proto(&[disk]);
    let agent = stage.agent("cpus:4;mem:1024");
    agent.announce(stage, vec![], Some(vec![provider("rp", &disk, vec![])]));
    let mut scheduler = stage.subscribe(crate::support::mine("role"));
    let offers = scheduler.offers();
    let mut offered = provided(&disk, "rp");
    offered.allocate(&"role".into());

    scheduler.accept(&offers[0], vec![create_disk(&offered, None)]);

    let apply = agent.peer.expect();
    (agent, scheduler, apply)
}

/// Mirrors: MasterAPITest.GetOperations
#[test]
fn operations_are_shown_to_those_who_may_see_their_roles() {
    let (stage, _file) = ruled(&json!({"view_roles": [
        {"principals": {"values": ["bob"]}, "roles": {"type": "NONE"}}]}));
    in_both_forms(|form| {
        let answer = stage.asked(form, Some(ALICE), &plain(Type::GetOperations));
        assert!(answer.get_operations().operations.is_empty());
    });

    let (agent, scheduler, apply) = creating_a_disk(&stage);

    in_both_forms(|form| {
        let answer = stage.asked(form, Some(ALICE), &plain(Type::GetOperations));
        let [operation] = answer.get_operations().operations.as_slice() else {
            panic!("one operation")
        };
        assert_eq!(operation.framework_id(), &scheduler.id);
        assert_eq!(operation.agent_id(), &agent.proto_id());
        assert_eq!(operation.info(), apply.operation_info());
        assert_eq!(operation.uuid(), apply.operation_uuid());
        let answer = stage.asked(form, Some(BOB), &plain(Type::GetOperations));
        assert!(answer.get_operations().operations.is_empty());
    });
}

/// Mirrors: MasterAPITest.GetMaster
#[test]
fn master_tells_where_it_is_and_since_when() {
    let domain = from_json::<v1::DomainInfo>(&json!({
        "fault_domain": {"region": {"name": "region-abc"}, "zone": {"name": "zone-123"}}}));
    let given = domain.clone();
    let stage = Stage::start_with(move |flags| {
        flags.domain = Some(mesos_common::flags::JsonMessage::new(given));
    });
    stage.advance(Duration::from_secs(1));
    let now = stage.runtime.clock().now().as_secs_f64();

    in_both_forms(|form| {
        let answer = stage.shown(form, Type::GetMaster);

        let master = answer.get_master();
        assert_eq!(master.master_info().domain(), &domain);
        assert_eq!(master.master_info().ip(), stage.master.info().ip());
        assert!(master.start_time.is_some_and(|time| time < now));
        assert!(master.elected_time.is_some_and(|time| time < now));
    });
}
