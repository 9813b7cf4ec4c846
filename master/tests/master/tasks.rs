//! Tasks from the offer to the acknowledged end.

use mesos_proto::internal::{
    KillTaskMessage, RunTaskGroupMessage, RunTaskMessage, StatusUpdateAcknowledgementMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation;
use mesos_proto::v1::scheduler::{Call, call, event};
use mesos_proto::v1::task_status::Reason;

use crate::support::{Stage, framework, launch, run_one, task};

fn cpus(value: &serde_json::Value) -> f64 {
    value["cpus"].as_f64().expect("a number")
}

/// Mirrors: MasterTest.TaskRunning
#[test]
fn task_runs_and_ends_and_is_acknowledged() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    assert!(run.launch_executor());
    assert_eq!(run.pid(), "@0.0.0.0:0", "as Mesos writes the pid of nobody");
    assert_eq!(run.resource_version_uuids.len(), 1);

    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let running = scheduler.update();
    assert_eq!(running.state(), TaskState::TaskRunning);
    scheduler.acknowledge(&running);
    let acknowledged: StatusUpdateAcknowledgementMessage = agent.peer.expect();
    assert_eq!(acknowledged.uuid(), running.uuid());
    assert!((cpus(&stage.get("/slaves")["slaves"][0]["used_resources"]) - 1.0).abs() < 1e-9);

    agent.update(&stage, &run, TaskState::TaskFinished, 2);
    let finished = scheduler.update();
    scheduler.acknowledge(&finished);
    let _acknowledged: StatusUpdateAcknowledgementMessage = agent.peer.expect();

    let state = stage.get("/frameworks");
    assert_eq!(
        state["frameworks"][0]["tasks"]
            .as_array()
            .expect("a list")
            .len(),
        0
    );
    assert_eq!(
        state["frameworks"][0]["completed_tasks"][0]["state"],
        "TASK_FINISHED"
    );
    assert!(cpus(&stage.get("/slaves")["slaves"][0]["used_resources"]).abs() < 1e-9);
    assert!((stage.metric("master/tasks_finished") - 1.0).abs() < 1e-9);
}

/// Mirrors: TaskStatusUpdateManagerTest.DuplicatedTerminalStatusUpdate
#[test]
fn second_end_of_a_task_is_told_and_changes_nothing() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    agent.update(&stage, &run, TaskState::TaskFinished, 1);
    let finished = scheduler.update();
    scheduler.acknowledge(&finished);
    let _acknowledged: StatusUpdateAcknowledgementMessage = agent.peer.expect();

    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    let killed = scheduler.update();
    scheduler.acknowledge(&killed);
    let acknowledged: StatusUpdateAcknowledgementMessage = agent.peer.expect();

    assert_eq!(killed.state(), TaskState::TaskKilled);
    assert_eq!(acknowledged.uuid(), killed.uuid());
    assert_eq!(stage.get("/tasks")["tasks"][0]["state"], "TASK_FINISHED");
}

/// Mirrors: MasterTest.OfferTimeout
#[test]
fn offer_that_nobody_takes_is_rescinded() {
    let stage = Stage::start_with(|flags| {
        flags.offer_timeout = Some(std::time::Duration::from_secs(30));
    });
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();

    stage.advance(std::time::Duration::from_secs(31));

    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offers[0].id());
}

/// Mirrors: TaskValidationTest.TaskUsesMoreResourcesThanOffered
#[test]
fn task_that_wants_too_much_is_an_error_and_others_run() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();
    let big = task("big", &offers[0], "cpus:8;mem:32");
    let small = task("small", &offers[0], "cpus:1;mem:32");

    scheduler.accept(&offers[0], vec![launch(vec![big, small])]);

    let error = scheduler.update();
    assert_eq!(error.task_id().value(), "big");
    assert_eq!(error.state(), TaskState::TaskError);
    assert_eq!(error.reason(), Reason::ReasonTaskInvalid);
    assert!(
        error.message().contains("is more than available"),
        "{}",
        error.message()
    );
    let run: RunTaskMessage = agent.peer.expect();
    assert_eq!(run.task().task_id().value(), "small");
}

#[test]
fn task_with_a_bad_id_is_an_error() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();

    scheduler.accept(
        &offers[0],
        vec![launch(vec![task("a/b", &offers[0], "cpus:1;mem:32")])],
    );

    let error = scheduler.update();
    assert_eq!(error.message(), "'a/b' contains invalid characters");
}

#[test]
fn task_on_a_void_offer_is_dropped() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let mut offer = scheduler.offers()[0].clone();
    offer.id = Some(mesos_common::ids::OfferId::from("nope").to_proto());

    scheduler.accept(
        &offer,
        vec![launch(vec![task("t", &offer, "cpus:1;mem:32")])],
    );

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonInvalidOffers);
    assert_eq!(
        status.message(),
        "Task launched with invalid offers: Offer nope is no longer valid"
    );
}

/// Mirrors: MasterTest.KillTask
#[test]
fn kill_goes_to_the_agent() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");

    let kill = call::Kill {
        task_id: run.task().task_id.clone(),
        ..Default::default()
    };
    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(kill.into()),
        ..Default::default()
    });

    assert_eq!(answer.status, 202);
    let message: KillTaskMessage = agent.peer.expect();
    assert_eq!(message.task_id().value(), "t");
}

/// Mirrors: MasterTest.KillUnknownTask
#[test]
fn kill_of_an_unknown_task_is_answered() {
    let stage = Stage::start();
    let mut scheduler = stage.subscribe(framework("eng"));

    let id = v1::TaskId {
        value: Some("x".to_owned()),
        ..Default::default()
    };
    scheduler.call(Call {
        r#type: Some(call::Type::Kill.into()),
        kill: Some(
            call::Kill {
                task_id: Some(id),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    });

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskUnknown);
    assert_eq!(status.reason(), Reason::ReasonReconciliation);
}

fn reconcile(tasks: &[(&str, Option<&str>)]) -> Call {
    let tasks = tasks
        .iter()
        .map(|(task_id, agent_id)| call::reconcile::Task {
            task_id: Some(mesos_common::ids::TaskId::from(*task_id).to_proto()),
            agent_id: agent_id.map(|id| mesos_common::ids::AgentId::from(id).to_proto()),
            ..Default::default()
        })
        .collect();
    Call {
        r#type: Some(call::Type::Reconcile.into()),
        reconcile: Some(call::Reconcile {
            tasks,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Mirrors: ReconciliationTest.TaskStateMatch
/// Mirrors: ReconciliationTest.ImplicitNonTerminalTask
#[test]
fn implicit_reconciliation_tells_every_task() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let run = run_one(&mut scheduler, &agent, "t", "cpus:1;mem:32");
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    let running = scheduler.update();
    scheduler.acknowledge(&running);

    scheduler.call(reconcile(&[]));

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskRunning);
    assert_eq!(status.message(), "Reconciliation: Latest task state");
    assert!(status.uuid.is_none());
}

/// Mirrors: ReconciliationTest.UnknownTask
/// Mirrors: ReconciliationTest.UnknownTaskPartitionAware
/// Mirrors: ReconciliationTest.UnknownSlave
#[test]
fn explicit_reconciliation_answers_by_what_is_known_of_the_agent() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));

    scheduler.call(reconcile(&[
        ("x", Some(&agent.id)),
        ("x", Some("nowhere")),
        ("x", None),
    ]));

    let answers: Vec<(TaskState, String)> = (0..3)
        .map(|_| {
            let status = scheduler.update();
            (status.state(), status.message().to_owned())
        })
        .collect();
    assert_eq!(
        answers,
        [
            (
                TaskState::TaskGone,
                "Reconciliation: Task is unknown to the agent".to_owned()
            ),
            (
                TaskState::TaskUnknown,
                "Reconciliation: Task is unknown".to_owned()
            ),
            (
                TaskState::TaskUnknown,
                "Reconciliation: Task is unknown".to_owned()
            ),
        ]
    );
}

/// Mirrors: ReconciliationTest.UnknownTask
#[test]
fn framework_that_knows_no_partitions_hears_of_lost_tasks() {
    let stage = Stage::start();
    let mut info = framework("eng");
    info.capabilities
        .retain(|one| one.r#type() != v1::framework_info::capability::Type::PartitionAware);
    let mut scheduler = stage.subscribe(info);

    scheduler.call(reconcile(&[("x", Some("nowhere"))]));

    assert_eq!(scheduler.update().state(), TaskState::TaskLost);
}

/// Mirrors: MasterTest.LaunchCombinedOfferTest
#[test]
fn declined_resources_come_back_when_the_filter_ends() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();
    let decline = call::Decline {
        offer_ids: vec![offers[0].id().clone()],
        filters: Some(v1::Filters {
            refuse_seconds: Some(10.0),
            ..Default::default()
        }),
        ..Default::default()
    };
    scheduler.call(Call {
        r#type: Some(call::Type::Decline.into()),
        decline: Some(decline),
        ..Default::default()
    });
    stage.settle();

    for _ in 0..15 {
        stage.advance(std::time::Duration::from_secs(1));
    }

    assert_eq!(scheduler.offers()[0].agent_id(), offers[0].agent_id());
}

fn group(offer: &v1::Offer, framework_id: &v1::FrameworkId) -> v1::offer::Operation {
    let mut executor = v1::ExecutorInfo {
        executor_id: Some(v1::ExecutorId {
            value: Some("e".to_owned()),
            ..Default::default()
        }),
        r#type: Some(v1::executor_info::Type::Default.into()),
        framework_id: Some(framework_id.clone()),
        ..Default::default()
    };
    executor.resources = task("x", offer, "cpus:0.1;mem:32;disk:32").resources;
    let group = operation::LaunchGroup {
        executor: Some(executor.into()),
        task_group: Some(v1::TaskGroupInfo {
            tasks: vec![
                task("one", offer, "cpus:0.5;mem:32"),
                task("two", offer, "cpus:0.5;mem:32"),
            ],
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::offer::Operation {
        r#type: Some(operation::Type::LaunchGroup.into()),
        launch_group: Some(group),
        ..Default::default()
    }
}

#[test]
fn task_group_goes_to_the_agent_as_one() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();

    scheduler.accept(&offers[0], vec![group(&offers[0], &scheduler.id)]);

    let run: RunTaskGroupMessage = agent.peer.expect();
    assert_eq!(run.task_group().tasks.len(), 2);
    assert!(run.launch_executor());
    assert!(
        run.task_group()
            .tasks
            .iter()
            .all(|task| task.executor.is_some())
    );
    let used = stage.get("/slaves")["slaves"][0]["used_resources"].clone();
    assert!((cpus(&used) - 1.1).abs() < 1e-9);
}

#[test]
fn invalid_task_group_starts_nothing() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:1;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(framework("eng"));
    let offers = scheduler.offers();

    scheduler.accept(&offers[0], vec![group(&offers[0], &scheduler.id)]);

    for _ in 0..2 {
        let status = scheduler.update();
        assert_eq!(status.state(), TaskState::TaskError);
        assert_eq!(status.reason(), Reason::ReasonTaskGroupInvalid);
    }
}
