//! Rules on tasks, as frameworks hear of them.

use mesos_common::resources::Resources;
use mesos_proto::internal::RunTaskMessage;
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::task_status::Reason;
use serde_json::{Value, json};

use crate::support::operations::parsed;
use crate::support::{Agent, Scheduler, Stage, from_json, launch, mine, task, task_with};

fn staged() -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024;disk:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

fn executor(fields: &Value) -> Box<v1::ExecutorInfo> {
    let mut executor = json!({"executor_id": {"value": "default"}});
    for (name, value) in fields.as_object().expect("an object") {
        executor[name] = value.clone();
    }
    from_json::<v1::ExecutorInfo>(&executor).into()
}

fn custom() -> Box<v1::ExecutorInfo> {
    executor(&json!({"command": {"value": "exit 1"}}))
}

/// A task for an executor.
fn for_executor(offer: &v1::Offer, id: &str, executor: Box<v1::ExecutorInfo>) -> v1::TaskInfo {
    let mut task = task(id, offer, "cpus:1;mem:16");
    task.command = None;
    task.executor = Some(executor);
    task
}

/// What the framework hears of an invalid task; the master forgets it and offers on.
#[track_caller]
fn error_of(make: impl FnOnce(&v1::Offer) -> v1::TaskInfo) -> String {
    let (stage, agent, mut scheduler, offer) = staged();
    let task = make(&offer);
    scheduler.accept(&offer, vec![launch(vec![task.clone()])]);
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.reason(), Reason::ReasonTaskInvalid);
    assert_eq!(status.task_id(), task.task_id());
    scheduler.reconcile(&[]);
    assert!(!scheduler.heard_before_answer(event::Type::Update));
    assert!(!agent.peer.has::<RunTaskMessage>());
    assert_eq!(
        Resources::from_proto(&scheduler.next_offer(&stage).resources),
        Resources::from_proto(&offer.resources)
    );
    status.message().to_owned()
}

/// What the framework hears of a command task with a change.
#[track_caller]
fn error_with(change: impl FnOnce(&mut v1::TaskInfo)) -> String {
    error_of(|offer| {
        let mut task = task("1", offer, "cpus:1;mem:16");
        change(&mut task);
        task
    })
}

/// What the framework hears of a task for an executor.
#[track_caller]
fn error_with_executor(executor: Box<v1::ExecutorInfo>) -> String {
    error_of(|offer| for_executor(offer, "1", executor))
}

fn nameless_variable() -> Value {
    json!({"value": "exit 1", "environment": {"variables": [{"name": "ENV_VAR_KEY"}]}})
}

/// Mirrors: TaskValidationTest.ExecutorUsesInvalidFrameworkID
#[test]
fn executor_of_another_framework_is_refused() {
    let other = executor(&json!({
        "command": {"value": "exit 1"},
        "framework_id": {"value": "other"},
    }));

    let text = error_with_executor(other);

    assert!(
        text.starts_with("ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: "),
        "{text}"
    );
}

/// Mirrors: TaskValidationTest.ExecutorEnvironmentInvalid
#[test]
fn environment_of_an_executor_is_checked() {
    assert_eq!(
        error_with_executor(executor(&json!({"command": nameless_variable()}))),
        "Executor's `CommandInfo` is invalid: Environment variable 'ENV_VAR_KEY' of type 'VALUE' \
         must have a value set"
    );
}

/// Mirrors: TaskValidationTest.ExecutorMissingFrameworkID
#[test]
fn master_fills_in_the_framework_of_an_executor() {
    let (stage, agent, mut scheduler, offer) = staged();

    scheduler.accept(
        &offer,
        vec![launch(vec![for_executor(&offer, "1", custom())])],
    );

    let run: RunTaskMessage = agent.peer.expect();
    assert_eq!(run.task().executor().framework_id(), &scheduler.id);
    agent.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
}

/// Mirrors: TaskValidationTest.TaskUsesCommandInfoAndExecutorInfo
#[test]
fn task_has_a_command_or_an_executor() {
    let text =
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";

    assert_eq!(error_with(|task| task.executor = Some(custom())), text);
    assert_eq!(error_with(|task| task.command = None), text);
}

/// Mirrors: TaskValidationTest.TaskUsesExecutorInfoWithoutCommandInfo
#[test]
fn executor_of_a_task_has_a_command() {
    assert_eq!(
        error_with_executor(executor(&json!({}))),
        "'ExecutorInfo.command' must be set"
    );
}

/// Mirrors: TaskValidationTest.TaskUsesDefaultExecutor
#[test]
fn default_executor_is_for_groups() {
    assert_eq!(
        error_with_executor(executor(&json!({"type": "DEFAULT"}))),
        "'ExecutorInfo.type' must be 'CUSTOM'"
    );
}

/// Mirrors: TaskValidationTest.TaskUsesNoResources
#[test]
fn task_uses_something() {
    assert_eq!(
        error_with(|task| task.resources.clear()),
        "Task uses no resources"
    );
}

/// Mirrors: TaskValidationTest.DuplicatedTaskID
#[test]
fn second_task_with_an_id_is_refused() {
    let (_stage, agent, mut scheduler, offer) = staged();
    let twin = || for_executor(&offer, "1", custom());

    scheduler.accept(&offer, vec![launch(vec![twin(), twin()])]);

    let run: RunTaskMessage = agent.peer.expect();
    assert_eq!(run.task().task_id().value(), "1");
    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.reason(), Reason::ReasonTaskInvalid);
    assert_eq!(status.message(), "Task has duplicate ID: 1");
    assert!(!agent.peer.has::<RunTaskMessage>());
}

/// Mirrors: TaskValidationTest.ExecutorInfoDiffersOnSameSlave
#[test]
fn two_executors_with_one_id_on_an_agent_are_refused() {
    let (_stage, agent, mut scheduler, offer) = staged();
    let other = executor(&json!({"command": {"value": "exit 2"}}));
    let first = for_executor(&offer, "1", custom());
    let second = for_executor(&offer, "2", other);

    scheduler.accept(&offer, vec![launch(vec![first, second])]);

    let run: RunTaskMessage = agent.peer.expect();
    assert_eq!(run.task().task_id().value(), "1");
    let status = scheduler.update();
    assert_eq!(status.task_id().value(), "2");
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(status.reason(), Reason::ReasonTaskInvalid);
    assert!(
        status
            .message()
            .contains("ExecutorInfo is not compatible with existing ExecutorInfo"),
        "{}",
        status.message()
    );
}

/// Mirrors: TaskValidationTest.ExecutorInfoDiffersOnDifferentSlaves
#[test]
fn two_executors_with_one_id_run_on_two_agents() {
    let (stage, one, mut scheduler, offer) = staged();
    let first = for_executor(&offer, "1", custom());
    scheduler.accept(&offer, vec![launch(vec![first])]);
    let run: RunTaskMessage = one.peer.expect();
    one.update(&stage, &run, TaskState::TaskRunning, 1);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
    let two = stage.agent("cpus:2;mem:1024;disk:1024");
    let mut offer = scheduler.next_offer(&stage);
    while offer.agent_id().value() != two.id {
        offer = scheduler.next_offer(&stage);
    }

    let other = executor(&json!({"command": {"value": "exit 2"}}));
    let second = for_executor(&offer, "2", other);
    scheduler.accept(&offer, vec![launch(vec![second])]);

    let run: RunTaskMessage = two.peer.expect();
    two.update(&stage, &run, TaskState::TaskRunning, 2);
    assert_eq!(scheduler.update().state(), TaskState::TaskRunning);
}

/// Mirrors: TaskValidationTest.TaskReusesUnreachableTaskID
#[test]
fn id_of_an_unreachable_task_cannot_be_used_again() {
    let (stage, agent, mut scheduler, offer) = staged();
    scheduler.accept(
        &offer,
        vec![launch(vec![task("1", &offer, "cpus:1;mem:16")])],
    );
    let _run: RunTaskMessage = agent.peer.expect();
    for _ in 0..6 {
        stage.advance(std::time::Duration::from_secs(15));
    }
    let lost = scheduler.update();
    assert_eq!(lost.state(), TaskState::TaskUnreachable);
    assert_eq!(lost.reason(), Reason::ReasonAgentRemoved);
    assert_eq!(lost.agent_id().value(), agent.id);
    let other = stage.agent("cpus:2;mem:1024");
    let mut offer = scheduler.next_offer(&stage);
    while offer.agent_id().value() != other.id {
        offer = scheduler.next_offer(&stage);
    }

    scheduler.accept(
        &offer,
        vec![launch(vec![task("1", &offer, "cpus:1;mem:16")])],
    );

    let status = scheduler.update();
    assert_eq!(status.state(), TaskState::TaskError);
    assert_eq!(
        status.message(),
        "Task reuses the ID of an unreachable task: 1"
    );
}

/// Mirrors: TaskValidationTest.ExecutorShutdownGracePeriodIsNonNegative
#[test]
fn grace_period_of_an_executor_is_not_negative() {
    let hasty = executor(&json!({
        "command": {"value": "exit 1"},
        "shutdown_grace_period": {"nanoseconds": -1_000_000_000},
    }));

    assert_eq!(
        error_with_executor(hasty),
        "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
    );
}

/// Mirrors: TaskValidationTest.KillPolicyGracePeriodIsNonNegative
#[test]
fn grace_period_of_a_kill_is_not_negative() {
    assert_eq!(
        error_with(|task| {
            let policy = json!({"grace_period": {"nanoseconds": -1_000_000_000}});
            task.kill_policy = Some(from_json(&policy));
        }),
        "Task's 'kill_policy.grace_period' must be non-negative"
    );
}

/// Mirrors: TaskValidationTest.TaskEnvironmentInvalid
#[test]
fn environment_of_a_task_is_checked() {
    assert_eq!(
        error_with(|task| {
            task.command = Some(from_json::<v1::CommandInfo>(&nameless_variable()).into());
        }),
        "Task's `CommandInfo` is invalid: Environment variable 'ENV_VAR_KEY' of type 'VALUE' must \
         have a value set"
    );
}

fn in_container(container: &Value) -> impl FnOnce(&mut v1::TaskInfo) {
    let container: v1::ContainerInfo = from_json(container);
    move |task| task.container = Some(container.into())
}

/// Mirrors: TaskValidationTest.TaskMissingDockerInfo
#[test]
fn docker_container_says_what_docker_needs() {
    assert_eq!(
        error_with(in_container(&json!({"type": "DOCKER"}))),
        "Task's `ContainerInfo` is invalid: DockerInfo 'docker' is not set for DOCKER typed \
         ContainerInfo"
    );
}

/// Mirrors: TaskValidationTest.TaskSettingDockerParameterName
#[test]
fn docker_container_is_named_by_its_agent() {
    assert_eq!(
        error_with(in_container(&json!({
            "type": "DOCKER",
            "docker": {"image": "alpine", "parameters": [{"key": "name", "value": "test"}]},
        }))),
        "Task's `ContainerInfo` is invalid: Parameter in DockerInfo must not be 'name'"
    );
}

fn limited(name: &str, amount: f64) -> impl FnOnce(&mut v1::TaskInfo) {
    let scalar: v1::value::Scalar = from_json(&json!({"value": amount}));
    let name = name.to_owned();
    move |task| {
        task.limits.insert(name, scalar);
    }
}

/// Mirrors: TaskValidationTest.ResourceLimitLessThanRequest
#[test]
fn limit_is_at_least_the_request() {
    assert_eq!(
        error_with(limited("cpus", 0.01)),
        "The cpu limit must be greater than or equal to the cpu request"
    );
    assert_eq!(
        error_with(limited("mem", 1.0)),
        "The memory limit must be greater than or equal to the memory request"
    );
}

/// Mirrors: TaskValidationTest.LimitOtherThanCpuOrMem
#[test]
fn only_cpus_and_memory_have_limits() {
    assert_eq!(
        error_with(limited("disk", 128.0)),
        "Only cpus and mem may be included in a task's resource limits"
    );
}

/// Mirrors: TaskValidationTest.NestedCgroupInLaunchOperation
#[test]
fn own_cgroup_is_for_tasks_of_groups() {
    assert_eq!(
        error_with(in_container(
            &json!({"type": "MESOS", "linux_info": {"share_cgroups": false}})
        )),
        "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    );
}

/// Mirrors: TaskValidationTest.SharedCgroupOnExecutor
#[test]
fn executor_has_its_own_cgroup() {
    assert_eq!(
        error_with_executor(executor(&json!({
            "command": {"value": "exit 1"},
            "container": {"type": "MESOS", "linux_info": {"share_cgroups": true}},
        }))),
        "The 'share_cgroups' field cannot be set to 'true' on executor containers"
    );
}

#[test]
fn limit_without_request_is_refused() {
    assert_eq!(
        error_of(|offer| {
            let mut task = task_with("1", offer, parsed("cpus:1"));
            limited("mem", 64.0)(&mut task);
            task
        }),
        "When a memory limit is specified, a memory request must also be specified"
    );
}
