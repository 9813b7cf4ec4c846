//! What the master's documents and metrics show of masters, tasks and executors.

use mesos_proto::internal::{
    ExecutorToFrameworkMessage, FrameworkToExecutorMessage, RunTaskMessage,
    ShutdownFrameworkMessage, StatusUpdate, StatusUpdateMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::{Call, call, event};
use serde_json::{Value, json};

use crate::support::{
    Agent, Scheduler, Stage, at, executor_task, from_json, launch, mine, run_one, task,
    uuid_message,
};

fn labels(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// A task that the executor `default` runs.
fn launched(
    scheduler: &mut Scheduler,
    agent: &Agent,
    id: &str,
    change: impl FnOnce(&mut v1::TaskInfo),
) -> RunTaskMessage {
    let offer = scheduler.offers()[0].clone();
    let mut task = executor_task(id, "default", &offer, "cpus:1;mem:32");
    change(&mut task);
    scheduler.accept(&offer, vec![launch(vec![task])]);
    agent.peer.expect()
}

fn staged() -> (Stage, Agent, Scheduler) {
    let stage = Stage::start_with(|flags| {
        flags.hostname = Some("localhost".to_owned());
        flags.cluster = Some("test-cluster".to_owned());
    });
    let agent = stage.agent("cpus:2;mem:1024");
    let scheduler = stage.subscribe(mine("foo"));
    (stage, agent, scheduler)
}

/// An executor's update with further fields.
fn update_with(
    stage: &Stage,
    agent: &Agent,
    run: &RunTaskMessage,
    state: TaskState,
    change: impl FnOnce(&mut v1::TaskStatus),
) {
    let uuid = uuid_message(7).value;
    let mut status = v1::TaskStatus {
        task_id: run.task().task_id.clone(),
        state: Some(state.into()),
        source: Some(v1::task_status::Source::SourceExecutor.into()),
        agent_id: Some(agent.proto_id()),
        timestamp: Some(1.0),
        uuid: uuid.clone(),
        ..Default::default()
    };
    change(&mut status);
    let update = StatusUpdate {
        framework_id: run.framework().id.clone(),
        agent_id: Some(agent.proto_id()),
        status: Some(status.into()),
        timestamp: Some(1.0),
        uuid,
        latest_state: Some(state.into()),
        ..Default::default()
    };
    let message = StatusUpdateMessage {
        update: Some(update.into()),
        pid: Some(agent.peer.upid().to_string()),
        ..Default::default()
    };
    stage.send(&agent.peer, &message);
}

/// Mirrors: MasterTest.ExecutorLabels
/// Mirrors: MasterTest.StateEndpointAllocationRole
#[test]
fn executor_is_shown_with_its_labels_and_role() {
    let (stage, agent, mut scheduler) = staged();
    let given = labels(&[("key1", "value1"), ("key2", "value2"), ("key1", "value3")]);
    let run = launched(&mut scheduler, &agent, "1", |task| {
        let mut resources =
            mesos_common::resources::Resources::parse("cpus:0.1;mem:32").expect("resources");
        resources.allocate(&"foo".into());
        let executor = task.executor.get_or_insert_default();
        executor.labels = Some(from_json(&json!({"labels": given})));
        executor.resources = resources.to_proto();
    });
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);

    let framework = &stage.get("/state")["frameworks"][0];

    assert_eq!(framework["executors"][0]["labels"], given);
    assert_eq!(framework["executors"][0]["role"], "foo");
    assert_eq!(framework["tasks"][0]["role"], "foo");
}

/// Mirrors: MasterTest.TaskStatusLabels
#[test]
fn labels_of_a_status_are_shown() {
    let (stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1", |_| {});
    let given = labels(&[("foo", "bar"), ("bar", "baz"), ("bar", "qux")]);

    update_with(&stage, &agent, &run, TaskState::TaskRunning, |status| {
        status.labels = Some(from_json(&json!({"labels": given})));
    });

    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    let state = stage.get("/state");
    assert_eq!(at(&state, "/frameworks/0/tasks/0/statuses/0/labels"), given);
}

/// Mirrors: MasterTest.TaskStatusContainerStatus
#[test]
fn address_of_a_container_is_told_shown_and_told_again_on_request() {
    let (stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1", |_| {});
    let of = |status: &v1::TaskStatus| {
        let infos = &status.container_status().network_infos;
        assert_eq!((infos.len(), infos[0].ip_addresses.len()), (1, 1));
        infos[0].ip_addresses[0].ip_address().to_owned()
    };

    update_with(&stage, &agent, &run, TaskState::TaskRunning, |status| {
        let container: v1::ContainerStatus = from_json(&json!({
            "network_infos": [{"ip_addresses": [{"ip_address": "10.1.2.3"}]}],
        }));
        status.container_status = Some(container.into());
    });

    let status = scheduler.update();
    assert_eq!(of(&status), "10.1.2.3");
    let state = stage.get("/state");
    let pointer = "/frameworks/0/tasks/0/statuses/0/container_status/network_infos/0\
                   /ip_addresses/0/ip_address";
    assert_eq!(at(&state, pointer), "10.1.2.3");
    scheduler.reconcile(&[("1", None)]);
    let answer = scheduler.update();
    assert_eq!(answer.state(), TaskState::TaskRunning);
    assert_eq!(of(&answer), "10.1.2.3");
    scheduler.reconcile(&[]);
    let answer = scheduler.update();
    assert_eq!(answer.state(), TaskState::TaskRunning);
    assert_eq!(of(&answer), "10.1.2.3");
}

/// Mirrors: MasterTest.StateSummaryEndpoint
#[test]
fn summary_counts_the_tasks_of_agents_and_frameworks() {
    let (stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1", |_| {});
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);

    agent.update(&stage, &run, TaskState::TaskKilled, 2);
    assert_eq!(scheduler.update().state(), TaskState::TaskKilled);

    let summary = stage.get("/state-summary");
    assert_eq!(summary["hostname"], "localhost");
    assert_eq!(summary["cluster"], "test-cluster");
    for list in ["slaves", "frameworks"] {
        assert_eq!(summary[list].as_array().map(Vec::len), Some(1));
        assert_eq!(summary[list][0]["TASK_RUNNING"], 0, "{list}");
        assert_eq!(summary[list][0]["TASK_KILLED"], 1, "{list}");
    }
}

/// Mirrors: MasterTest.TaskStateMetrics
#[test]
fn task_states_are_counted_once_although_the_agent_tells_them_again() {
    let (stage, mut agent, mut scheduler) = staged();
    let one = run_one(&mut scheduler, &agent, "1", "cpus:0.1;mem:64");
    for (uuid, state) in [(1, TaskState::TaskStarting), (2, TaskState::TaskRunning)] {
        agent.update(&stage, &one, state, uuid);
        let status = scheduler.update();
        scheduler.acknowledge(&status);
    }
    let offer = scheduler.next_offer(&stage);
    let task = task("2", &offer, "cpus:0.1;mem:64");
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let two: RunTaskMessage = agent.peer.expect();
    agent.update(&stage, &two, TaskState::TaskFinished, 3);
    assert_eq!(scheduler.update().state(), TaskState::TaskFinished);
    let counted = |stage: &Stage| {
        stage.counts("tasks_running", 1.0);
        stage.counts("tasks_finished", 1.0);
        stage.counts_of(&scheduler.id, "tasks/active/task_running", 1.0);
        stage.counts_of(&scheduler.id, "tasks/terminal/task_finished", 1.0);
    };
    counted(&stage);

    agent.come_back(
        &stage,
        &[
            (&one, TaskState::TaskRunning),
            (&two, TaskState::TaskFinished),
        ],
    );

    counted(&stage);
}

/// Mirrors: MasterTest.MaxCompletedTasksPerFrameworkFlag
#[test]
fn only_so_many_ended_tasks_of_a_framework_are_kept() {
    for kept in 0..=2 {
        let stage = Stage::start_with(|flags| flags.max_completed_tasks_per_framework = kept);
        let agent = stage.agent("cpus:2;mem:1024");
        let mut scheduler = stage.subscribe(mine("role"));
        for id in ["0", "1"] {
            let offer = scheduler.next_offer(&stage);
            let task = executor_task(id, "default", &offer, "cpus:2;mem:1024");
            scheduler.accept(&offer, vec![launch(vec![task])]);
            let run: RunTaskMessage = agent.peer.expect();
            agent.update(&stage, &run, TaskState::TaskFinished, 1);
            let status = scheduler.update();
            assert_eq!(status.state(), TaskState::TaskFinished);
            scheduler.acknowledge(&status);
        }
        scheduler.tear_down();

        let state = stage.get("/state");

        let completed = state["completed_frameworks"].as_array().expect("a list");
        assert_eq!(completed.len(), 1);
        let tasks = completed[0]["completed_tasks"].as_array().expect("a list");
        assert_eq!(tasks.len(), kept);
    }
}

/// Mirrors: MasterTest.ShutdownFrameworkWhileTaskRunning
#[test]
fn running_task_of_a_framework_that_ends_counts_as_killed() {
    let (stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1", |_| {});
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);

    scheduler.tear_down();

    let shutdown: ShutdownFrameworkMessage = agent.peer.expect();
    assert_eq!(shutdown.framework_id(), &scheduler.id);
    let state = stage.get("/state");
    let pointer = "/completed_frameworks/0/completed_tasks/0/state";
    assert_eq!(at(&state, pointer), "TASK_KILLED");
}

/// Mirrors: MasterTest.FrameworkMessage
#[test]
fn messages_pass_between_framework_and_executor() {
    let (stage, agent, mut scheduler) = staged();
    let run = launched(&mut scheduler, &agent, "1", |_| {});
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);

    let answer = scheduler.call(Call {
        r#type: Some(call::Type::Message.into()),
        message: Some(
            from_json::<call::Message>(&json!({
                "agent_id": {"value": agent.id},
                "executor_id": {"value": "default"},
                "data": "aGVsbG8=",
            }))
            .into(),
        ),
        ..Default::default()
    });
    assert_eq!(answer.status, 202);
    let heard: FrameworkToExecutorMessage = agent.peer.expect();
    assert_eq!(heard.data().as_ref(), b"hello");
    stage.send(
        &agent.peer,
        &ExecutorToFrameworkMessage {
            agent_id: Some(agent.proto_id()),
            framework_id: Some(scheduler.id.clone()),
            executor_id: Some(from_json(&json!({"value": "default"}))),
            data: Some(b"world".to_vec().into()),
            ..Default::default()
        },
    );

    let event = scheduler.expect(event::Type::Message);
    assert_eq!(event.message().data().as_ref(), b"world");
    assert_eq!(event.message().executor_id().value(), "default");
}
