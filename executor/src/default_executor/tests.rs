//! The default executor against an agent's side of both APIs.

use libprocess::{Clock, Outcome};
use mesos_proto::v1::agent::{self, call::Type};
use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::resource::AllocationInfo;
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    CheckInfo, CommandInfo, DurationInfo, Resource, TaskGroupInfo, TaskInfo, check_info,
};

use super::*;
use crate::fake_agent::{FakeAgent, blank, executor_id, framework_id, kill, subscribed, task};

/// An agent and the executor of a group.
struct Pair {
    agent: FakeAgent,
    ending: Future<Ending>,
    _sandbox: tempfile::TempDir,
}

fn framework() -> FrameworkInfo {
    let capability = |kind: capability::Type| Capability {
        r#type: Some(kind.into()),
        ..Default::default()
    };
    FrameworkInfo {
        capabilities: vec![capability(capability::Type::TaskKillingState)],
        ..Default::default()
    }
}

impl Pair {
    fn start(clock: &Clock) -> Self {
        let agent = FakeAgent::start(clock);
        let sandbox = tempfile::tempdir().unwrap();
        let settings = Settings {
            framework_id: framework_id(),
            executor_id: executor_id(),
            environment: agent.checkpointing(),
            sandbox: sandbox.path().to_owned(),
            variables: std::env::vars().collect(),
        };
        let (process, ending) = DefaultExecutorProcess::new(settings);
        agent.runtime.spawn(process);
        let mut pair = Self {
            agent,
            ending,
            _sandbox: sandbox,
        };
        pair.agent.subscribe(framework());
        pair
    }

    fn launch(&self, tasks: Vec<TaskInfo>) {
        let task_group = TaskGroupInfo {
            tasks,
            ..Default::default()
        };
        let launch = event::LaunchGroup {
            task_group: Some(task_group),
            ..Default::default()
        };
        let launch_group = Some(launch);
        self.agent.send(Event {
            launch_group,
            ..blank(event::Type::LaunchGroup)
        });
    }

    /// Launches tasks and returns their containers once all of them run.
    fn run(&mut self, tasks: Vec<TaskInfo>) -> Vec<String> {
        let count = tasks.len();
        self.launch(tasks);
        for _ in 0..count {
            self.agent.expect_status(TaskState::TaskStarting);
        }
        let running = (0..count).map(|_| self.agent.expect_status(TaskState::TaskRunning));
        let containers: Vec<_> = running
            .map(|status| status.container_status().container_id().value().to_owned())
            .collect();
        for _ in 0..count {
            self.agent.next_operator_call(Type::WaitNestedContainer);
        }
        containers
    }

    fn next_signal(&mut self) -> (String, i32) {
        let call = self.agent.next_operator_call(Type::KillNestedContainer);
        let kill = call.kill_nested_container();
        (kill.container_id().value().to_owned(), kill.signal())
    }

    fn ending(self) -> Ending {
        match self.agent.wait(self.ending) {
            Outcome::Ready(ending) => ending,
            other @ (Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned) => {
                panic!("{other:?}")
            }
        }
    }
}

/// Mirrors: DefaultExecutorTest.TaskRunning
#[test]
fn group_runs_in_containers_and_the_executor_ends_with_the_last_of_them() {
    let mut pair = Pair::start(&Clock::real());
    let containers = pair.run(vec![task("a", "true"), task("b", "true")]);

    pair.agent.end_container(&containers[0], 0);
    let first = pair.agent.expect_status(TaskState::TaskFinished);
    pair.agent.end_container(&containers[1], 0);
    let second = pair.agent.expect_status(TaskState::TaskFinished);

    assert_eq!(
        (first.task_id().value(), second.task_id().value()),
        ("a", "b")
    );
    assert_eq!(first.message(), "Command exited with status 0");
    assert_eq!(
        first.container_status().container_id().value(),
        containers[0]
    );
    assert_eq!(pair.ending(), Ending::Done);
}

/// Mirrors: DefaultExecutorTest.AllocationRoleEnvironmentVariable
#[test]
fn container_gets_the_task_with_its_role_and_address() {
    let mut pair = Pair::start(&Clock::real());
    let allocation = AllocationInfo {
        role: Some("eng".into()),
        ..Default::default()
    };
    let resource = Resource {
        name: Some("cpus".into()),
        r#type: Some(mesos_proto::v1::value::Type::Scalar.into()),
        allocation_info: Some(allocation),
        ..Default::default()
    };

    pair.launch(vec![TaskInfo {
        resources: vec![resource.clone()],
        ..task("a", "true")
    }]);

    let call = pair.agent.next_operator_call(Type::LaunchContainer);
    let launch = call.launch_container();
    assert_eq!(launch.resources, [resource]);
    assert_eq!(launch.command().value(), "true");
    let variables: Vec<_> = launch
        .command()
        .environment()
        .variables
        .iter()
        .map(|variable| (variable.name(), variable.value()))
        .collect();
    assert_eq!(
        variables,
        [
            ("MESOS_CONTAINER_IP", "127.0.0.1"),
            ("MESOS_ALLOCATION_ROLE", "eng")
        ]
    );
}

/// Mirrors: DefaultExecutorTest.KillTask
#[test]
fn killed_task_takes_its_group_along() {
    let mut pair = Pair::start(&Clock::real());
    let containers = pair.run(vec![task("a", "sleep 1000"), task("b", "sleep 1000")]);

    pair.agent.send(kill("a"));
    pair.agent.expect_status(TaskState::TaskKilling);
    assert_eq!(pair.next_signal(), (containers[0].clone(), 15));
    pair.agent.end_container(&containers[0], 15);
    let killed = pair.agent.expect_status(TaskState::TaskKilled);
    pair.agent.expect_status(TaskState::TaskKilling);
    assert_eq!(pair.next_signal(), (containers[1].clone(), 15));
    pair.agent.end_container(&containers[1], 15);
    pair.agent.expect_status(TaskState::TaskKilled);

    assert_eq!(
        killed.message(),
        "Command terminated with signal Terminated"
    );
    assert_eq!(pair.ending(), Ending::Done);
}

/// Mirrors: DefaultExecutorTest.KillTaskGroupOnTaskFailure
#[test]
fn failed_task_takes_its_group_along_and_a_finished_one_does_not() {
    let mut pair = Pair::start(&Clock::real());
    let tasks = vec![
        task("a", "true"),
        task("b", "false"),
        task("c", "sleep 1000"),
    ];
    let containers = pair.run(tasks);

    pair.agent.end_container(&containers[0], 0);
    pair.agent.expect_status(TaskState::TaskFinished);
    pair.agent.end_container(&containers[1], 1 << 8);
    pair.agent.expect_status(TaskState::TaskFailed);

    let killing = pair.agent.expect_status(TaskState::TaskKilling);
    assert_eq!(killing.task_id().value(), "c");
}

/// Mirrors: DefaultExecutorTest.KillMultipleTasks
#[test]
fn other_groups_stay_untouched() {
    let mut pair = Pair::start(&Clock::real());
    let first = pair.run(vec![task("a", "sleep 1000")]);
    let second = pair.run(vec![task("b", "sleep 1000")]);

    pair.agent.end_container(&first[0], 1 << 8);
    pair.agent.expect_status(TaskState::TaskFailed);
    pair.agent.send(kill("b"));
    pair.agent.expect_status(TaskState::TaskKilling);

    assert_eq!(pair.next_signal(), (second[0].clone(), 15));
}

/// Mirrors: DefaultExecutorTest.MaxCompletionTime
#[test]
fn late_task_is_killed_without_grace_and_fails() {
    let clock = Clock::paused();
    let mut pair = Pair::start(&clock);
    let limit = DurationInfo {
        nanoseconds: Some(2_000_000_000),
        ..Default::default()
    };
    let late = TaskInfo {
        max_completion_time: Some(limit),
        ..task("a", "sleep 1000")
    };
    let containers = pair.run(vec![late]);
    clock.settle();

    clock.advance(Duration::from_secs(2));
    assert_eq!(pair.next_signal(), (containers[0].clone(), 15));
    clock.settle();
    clock.advance(Duration::from_millis(1));
    assert_eq!(pair.next_signal(), (containers[0].clone(), 9));
    pair.agent.end_container(&containers[0], 9);

    let status = pair.agent.expect_status(TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonMaxCompletionTimeReached);
}

#[test]
fn task_that_does_not_end_is_killed_after_three_seconds() {
    let clock = Clock::paused();
    let mut pair = Pair::start(&clock);
    let containers = pair.run(vec![task("a", "sleep 1000")]);
    pair.agent.send(kill("a"));
    pair.agent.expect_status(TaskState::TaskKilling);
    assert_eq!(pair.next_signal(), (containers[0].clone(), 15));
    clock.settle();

    clock.advance(Duration::from_secs(3));

    assert_eq!(pair.next_signal(), (containers[0].clone(), 9));
}

/// Mirrors: DefaultExecutorTest.CommitSuicideOnTaskFailure
#[test]
fn executor_ends_with_its_only_task() {
    let mut pair = Pair::start(&Clock::real());
    let containers = pair.run(vec![task("a", "false")]);

    pair.agent.end_container(&containers[0], 1 << 8);
    pair.agent.expect_status(TaskState::TaskFailed);

    assert_eq!(pair.ending(), Ending::Done);
}

/// Mirrors: DefaultExecutorTest.CommitSuicideOnKillTask
#[test]
fn executor_ends_when_its_only_task_is_killed() {
    let mut pair = Pair::start(&Clock::real());
    let containers = pair.run(vec![task("a", "sleep 1000")]);

    pair.agent.send(kill("a"));
    pair.agent.expect_status(TaskState::TaskKilling);
    pair.agent.end_container(&containers[0], 15);
    pair.agent.expect_status(TaskState::TaskKilled);

    assert_eq!(pair.ending(), Ending::Done);
}

#[test]
fn refused_container_fails_its_task_with_the_agents_words() {
    let mut pair = Pair::start(&Clock::real());
    pair.agent.refuse_launches("no such image");
    pair.launch(vec![task("a", "true")]);
    pair.agent.expect_status(TaskState::TaskStarting);

    let wait = pair.agent.next_operator_call(Type::WaitNestedContainer);
    let id = wait
        .wait_nested_container()
        .container_id()
        .value()
        .to_owned();
    pair.agent.forget_container(&id);

    let status = pair.agent.expect_status(TaskState::TaskFailed);
    assert_eq!(status.message(), "no such image");
}

/// Mirrors: DefaultExecutorTest.SlaveRecoveryWithMetadataCheckpointed
#[test]
fn waits_are_renewed_when_the_agent_is_back() {
    let mut pair = Pair::start(&Clock::real());
    let containers = pair.run(vec![task("a", "sleep 1000")]);

    pair.agent.end_stream();
    pair.agent.subscribe(framework());
    let wait = pair.agent.next_operator_call(Type::WaitNestedContainer);
    pair.agent.end_container(&containers[0], 0);

    assert_eq!(
        wait.wait_nested_container().container_id().value(),
        containers[0]
    );
    pair.agent.expect_status(TaskState::TaskFinished);
}

#[test]
fn shutdown_kills_all_containers_and_an_idle_executor_ends_at_once() {
    let mut pair = Pair::start(&Clock::real());
    let containers = pair.run(vec![task("a", "sleep 1000"), task("b", "sleep 1000")]);
    pair.agent.send(blank(event::Type::Shutdown));
    for container in &containers {
        pair.agent.expect_status(TaskState::TaskKilling);
        assert_eq!(pair.next_signal(), (container.clone(), 15));
    }
    for container in &containers {
        pair.agent.end_container(container, 15);
        pair.agent.expect_status(TaskState::TaskKilled);
    }
    assert_eq!(pair.ending(), Ending::Done);

    let idle = Pair::start(&Clock::real());
    idle.agent.send(blank(event::Type::Shutdown));
    assert_eq!(idle.ending(), Ending::Done);
}

#[test]
fn single_task_is_not_for_this_executor() {
    let pair = Pair::start(&Clock::real());

    pair.agent.send(blank(event::Type::Launch));

    assert_eq!(pair.ending(), Ending::Done);
}

fn checked_task(command: &str) -> TaskInfo {
    let command = CommandInfo {
        value: Some(command.into()),
        ..Default::default()
    };
    let check = check_info::Command {
        command: Some(command.into()),
        ..Default::default()
    };
    let check = CheckInfo {
        r#type: Some(check_info::Type::Command.into()),
        command: Some(check),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.0),
        ..Default::default()
    };
    TaskInfo {
        check: Some(check.into()),
        ..task("a", "sleep 1000")
    }
}

fn container_of_session(call: &agent::Call) -> String {
    call.launch_nested_container_session()
        .container_id()
        .value()
        .to_owned()
}

/// Mirrors: DefaultExecutorCheckTest.CommandCheckDeliveredAndReconciled
/// Mirrors: DefaultExecutorCheckTest.CommandCheckStatusChange
#[test]
fn command_check_runs_in_a_session_below_the_task_and_its_changes_are_told() {
    let mut pair = Pair::start(&Clock::real());
    pair.launch(vec![checked_task("test -f ready")]);
    pair.agent.expect_status(TaskState::TaskStarting);
    let running = pair.agent.expect_status(TaskState::TaskRunning);

    let session = pair
        .agent
        .next_operator_call(Type::LaunchNestedContainerSession);
    let first = container_of_session(&session);
    let parent = session
        .launch_nested_container_session()
        .container_id()
        .parent();
    assert!(first.starts_with("check-"));
    assert_eq!(
        parent.value(),
        running.container_status().container_id().value()
    );
    pair.agent.end_container(&first, 1 << 8);
    let checked = pair.agent.expect_status(TaskState::TaskRunning);
    assert_eq!(checked.check_status().command().exit_code, Some(1));
    assert_eq!(checked.reason(), Reason::ReasonTaskCheckStatusUpdated);

    let removed = pair.agent.next_operator_call(Type::RemoveNestedContainer);
    assert_eq!(
        removed.remove_nested_container().container_id().value(),
        first
    );
    let session = pair
        .agent
        .next_operator_call(Type::LaunchNestedContainerSession);
    pair.agent.end_container(&container_of_session(&session), 0);
    let checked = pair.agent.expect_status(TaskState::TaskRunning);
    assert_eq!(checked.check_status().command().exit_code, Some(0));
}

#[test]
fn check_that_the_agent_killed_does_not_count() {
    let mut pair = Pair::start(&Clock::real());
    pair.launch(vec![checked_task("true")]);
    pair.agent.expect_status(TaskState::TaskStarting);
    pair.agent.expect_status(TaskState::TaskRunning);

    let session = pair
        .agent
        .next_operator_call(Type::LaunchNestedContainerSession);
    pair.agent.end_container(&container_of_session(&session), 9);
    let session = pair
        .agent
        .next_operator_call(Type::LaunchNestedContainerSession);
    pair.agent
        .end_container(&container_of_session(&session), 3 << 8);

    let checked = pair.agent.expect_status(TaskState::TaskRunning);
    assert_eq!(checked.check_status().command().exit_code, Some(3));
}

#[test]
fn reconnecting_executor_tells_the_agent_about_its_tasks() {
    let mut pair = Pair::start(&Clock::real());
    pair.launch(vec![task("a", "sleep 1000")]);
    let starting = pair.agent.next_status();
    let running = pair.agent.next_status();

    pair.agent.end_stream();
    let call = pair.agent.next_call();
    pair.agent.send(subscribed(framework()));

    assert_eq!(call.subscribe().unacknowledged_tasks.len(), 1);
    let updates = &call.subscribe().unacknowledged_updates;
    let uuids: Vec<_> = updates
        .iter()
        .map(|update| update.status().uuid())
        .collect();
    assert_eq!(uuids, [starting.uuid(), running.uuid()]);
}
