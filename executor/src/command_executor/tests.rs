//! The command executor against an agent's side of the API, with real processes.

use std::time::Duration;

use libprocess::{Clock, Outcome};
use mesos_proto::v1::executor::{call, event};
use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    CheckInfo, CommandInfo, DurationInfo, FrameworkInfo, HealthCheck, KillPolicy, TaskState,
    check_info,
};

use super::*;
use crate::fake_agent::{
    FakeAgent, blank, executor_id, framework_id, kill, launch, subscribed, task,
};

/// A pipe with a name, by which a task says how far it is.
struct Announcement {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Announcement {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("announcement");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        Self {
            _folder: folder,
            path,
        }
    }

    /// What the task does to say it.
    fn command(&self) -> String {
        format!("echo > {}", self.path.display())
    }

    /// Waits until the task has said it.
    fn wait(&self) {
        std::fs::read(&self.path).expect("the task says it");
    }
}

/// An agent and the executor of one task.
struct Pair {
    agent: FakeAgent,
    ending: Future<Ending>,
}

fn killing_framework() -> FrameworkInfo {
    let capability = Capability {
        r#type: Some(capability::Type::TaskKillingState.into()),
        ..Default::default()
    };
    FrameworkInfo {
        capabilities: vec![capability],
        ..Default::default()
    }
}

impl Pair {
    fn start() -> Self {
        Self::start_on(&Clock::real(), FrameworkInfo::default())
    }

    fn start_on(clock: &Clock, framework: FrameworkInfo) -> Self {
        let agent = FakeAgent::start(clock);
        let environment = agent.environment(&[]);
        let mut pair = Self::of(agent, environment);
        pair.agent.subscribe(framework);
        pair
    }

    fn of(agent: FakeAgent, environment: ExecutorEnvironment) -> Self {
        let settings = Settings {
            framework_id: framework_id(),
            executor_id: executor_id(),
            environment,
            launch: LaunchSettings {
                environment: std::env::vars().collect(),
                ..Default::default()
            },
        };
        let (process, ending) = CommandExecutorProcess::new(settings);
        agent.runtime.spawn(process);
        Self { agent, ending }
    }

    /// Launches a task and waits until it runs.
    fn run(&mut self, task: TaskInfo) {
        self.agent.send(launch(task));
        self.agent.expect_status(TaskState::TaskStarting);
        self.agent.expect_status(TaskState::TaskRunning);
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

/// Mirrors: HTTPCommandExecutorTest.TerminateWithACK
#[test]
fn executor_ends_when_the_terminal_update_is_acknowledged() {
    let mut pair = Pair::start();
    pair.run(task("t", "exit 0"));

    let status = pair.agent.expect_status(TaskState::TaskFinished);

    assert_eq!(status.message(), "Command exited with status 0");
    assert_eq!(status.reason, None);
    assert_eq!(status.executor_id().value(), "e");
    assert_eq!(pair.ending(), Ending::Done);
}

#[test]
fn failure_tells_how_the_command_ended() {
    for (command, message) in [
        ("exit 3", "Command exited with status 3"),
        ("kill -KILL $$", "Command terminated with signal Killed"),
    ] {
        let mut pair = Pair::start();
        pair.run(task("t", command));

        let status = pair.agent.expect_status(TaskState::TaskFailed);

        assert_eq!(status.message(), message);
    }
}

#[test]
fn missing_executable_fails_the_task_and_not_the_executor() {
    let mut pair = Pair::start();
    let command = CommandInfo {
        shell: Some(false),
        value: Some("/nonexistent/program".into()),
        ..Default::default()
    };
    let task = TaskInfo {
        command: Some(command.into()),
        ..task("t", "")
    };

    pair.run(task);

    let status = pair.agent.expect_status(TaskState::TaskFailed);
    assert_eq!(status.message(), "Command exited with status 1");
    assert_eq!(pair.ending(), Ending::Done);
}

/// Mirrors: CommandExecutorTest.TaskKillingCapability
#[test]
fn framework_that_knows_killing_is_told() {
    let mut pair = Pair::start_on(&Clock::real(), killing_framework());
    pair.run(task("t", "sleep 1000"));

    pair.agent.send(kill("t"));

    pair.agent.expect_status(TaskState::TaskKilling);
    let status = pair.agent.expect_status(TaskState::TaskKilled);
    assert_eq!(
        status.message(),
        "Command terminated with signal Terminated"
    );
}

/// Mirrors: CommandExecutorTest.NoTaskKillingCapability
#[test]
fn framework_that_does_not_know_killing_sees_the_end_only() {
    let mut pair = Pair::start();
    pair.run(task("t", "sleep 1000"));

    pair.agent.send(kill("t"));

    pair.agent.expect_status(TaskState::TaskKilled);
}

#[test]
fn task_that_ignores_sigterm_is_killed_after_its_grace_period() {
    let clock = Clock::paused();
    let mut pair = Pair::start_on(&clock, killing_framework());
    let period = DurationInfo {
        nanoseconds: Some(60_000_000_000),
        ..Default::default()
    };
    let policy = KillPolicy {
        grace_period: Some(period),
        ..Default::default()
    };
    let trapped = Announcement::new();
    let stubborn = format!(
        "trap '' TERM; {}; while :; do sleep 1000 & wait; done",
        trapped.command()
    );
    pair.run(TaskInfo {
        kill_policy: Some(policy),
        ..task("t", &stubborn)
    });
    trapped.wait();

    pair.agent.send(kill("t"));
    pair.agent.expect_status(TaskState::TaskKilling);
    clock.settle();
    clock.advance(Duration::from_secs(59));
    assert_eq!(pair.agent.call_soon(), None);
    clock.advance(Duration::from_secs(1));

    let status = pair.agent.expect_status(TaskState::TaskKilled);
    assert_eq!(status.message(), "Command terminated with signal Killed");
}

/// Mirrors: CommandExecutorTest.MaxCompletionTime
#[test]
fn task_that_takes_too_long_fails_without_grace() {
    let clock = Clock::paused();
    let mut pair = Pair::start_on(&clock, killing_framework());
    let limit = DurationInfo {
        nanoseconds: Some(2_000_000_000),
        ..Default::default()
    };
    let task = TaskInfo {
        max_completion_time: Some(limit),
        ..task("t", "sleep 1000")
    };
    pair.run(task);
    clock.settle();

    clock.advance(Duration::from_secs(2));

    let status = pair.agent.expect_status(TaskState::TaskFailed);
    assert_eq!(status.reason(), Reason::ReasonMaxCompletionTimeReached);
    assert!(
        status
            .message()
            .starts_with("Command terminated with signal ")
    );
}

#[test]
fn second_task_is_refused() {
    let mut pair = Pair::start();
    pair.run(task("one", "sleep 1000"));

    pair.agent.send(launch(task("two", "true")));

    let status = pair.agent.expect_status(TaskState::TaskFailed);
    assert_eq!(status.task_id().value(), "two");
    assert_eq!(
        status.message(),
        "Attempted to run multiple tasks using a \"command\" executor"
    );
    pair.agent.send(kill("one"));
    pair.agent.expect_status(TaskState::TaskKilled);
}

#[test]
fn shutdown_kills_the_task_and_ends_an_executor_without_one() {
    let mut pair = Pair::start();
    pair.run(task("t", "sleep 1000"));
    pair.agent.send(blank(event::Type::Shutdown));
    pair.agent.expect_status(TaskState::TaskKilled);
    assert_eq!(pair.ending(), Ending::Done);

    let idle = Pair::start();
    idle.agent.send(blank(event::Type::Shutdown));
    assert_eq!(idle.ending(), Ending::Done);
}

#[test]
fn executor_gives_up_without_the_last_acknowledgement() {
    let clock = Clock::paused();
    let mut pair = Pair::start_on(&clock, FrameworkInfo::default());
    pair.run(task("t", "true"));
    assert_eq!(pair.agent.next_status().state(), TaskState::TaskFinished);
    clock.settle();

    clock.advance(Duration::from_secs(60));

    assert_eq!(pair.ending(), Ending::NoAcknowledgement);
}

#[test]
fn agent_that_comes_back_is_told_what_it_has_not_acknowledged() {
    let agent = FakeAgent::start(&Clock::real());
    let environment = agent.checkpointing();
    let mut pair = Pair::of(agent, environment);
    let first = pair.agent.subscribe(FrameworkInfo::default());
    assert!(first.subscribe().unacknowledged_tasks.is_empty());
    pair.agent.send(launch(task("t", "sleep 1000")));
    let starting = pair.agent.next_status();
    let running = pair.agent.next_status();

    pair.agent.end_stream();
    let again = pair.agent.subscribe(FrameworkInfo::default());

    let subscribe = again.subscribe();
    assert_eq!(subscribe.unacknowledged_tasks[0].task_id().value(), "t");
    let uuids: Vec<_> = subscribe
        .unacknowledged_updates
        .iter()
        .map(|update| update.status().uuid())
        .collect();
    assert_eq!(uuids, [starting.uuid(), running.uuid()]);
    pair.agent.send(kill("t"));
    pair.agent.expect_status(TaskState::TaskKilled);
}

#[test]
fn subscribe_is_repeated_each_second_until_it_is_answered() {
    let clock = Clock::paused();
    let agent = FakeAgent::start(&clock);
    let unavailable = || libprocess::http::Response::service_unavailable("recovering");
    agent.refuse(unavailable());
    let environment = agent.environment(&[]);
    let mut pair = Pair::of(agent, environment);
    assert_eq!(pair.agent.next_call().r#type(), call::Type::Subscribe);

    let again = loop {
        clock.settle();
        clock.advance(Duration::from_secs(1));
        if let Some(call) = pair.agent.call_soon() {
            break call;
        }
    };

    assert_eq!(again.r#type(), call::Type::Subscribe);
    pair.agent.send(subscribed(FrameworkInfo::default()));
    pair.agent.send(blank(event::Type::Shutdown));
    assert_eq!(pair.ending(), Ending::Done);
}

/// Mirrors: HealthCheckTest.ConsecutiveFailures
#[test]
fn unhealthy_task_is_killed_and_marked() {
    let mut pair = Pair::start_on(&Clock::real(), killing_framework());
    let command = CommandInfo {
        value: Some("exit 1".into()),
        ..Default::default()
    };
    let check = HealthCheck {
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.0),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(2),
        command: Some(command.into()),
        ..Default::default()
    };
    pair.run(TaskInfo {
        health_check: Some(check.into()),
        ..task("t", "sleep 1000")
    });

    let first = pair.agent.expect_status(TaskState::TaskRunning);
    let second = pair.agent.expect_status(TaskState::TaskRunning);
    let killing = pair.agent.expect_status(TaskState::TaskKilling);
    let killed = pair.agent.expect_status(TaskState::TaskKilled);

    assert_eq!((first.healthy, second.healthy), (Some(false), Some(false)));
    assert_eq!(first.reason(), Reason::ReasonTaskHealthCheckStatusUpdated);
    assert_eq!(killing.healthy, None);
    assert_eq!(killed.healthy, Some(false));
}

/// Mirrors: CommandExecutorCheckTest.CommandCheckDeliveredAndReconciled
#[test]
fn check_result_is_delivered_and_every_status_carries_the_type() {
    let mut pair = Pair::start();
    let command = CommandInfo {
        value: Some("exit 7".into()),
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
        interval_seconds: Some(1000.0),
        ..Default::default()
    };
    let task = TaskInfo {
        check: Some(check.into()),
        ..task("t", "sleep 1000")
    };
    pair.agent.send(launch(task));
    let starting = pair.agent.expect_status(TaskState::TaskStarting);
    pair.agent.expect_status(TaskState::TaskRunning);

    let checked = pair.agent.expect_status(TaskState::TaskRunning);

    assert_eq!(starting.check_status().r#type(), check_info::Type::Command);
    assert_eq!(starting.check_status().command().exit_code, None);
    assert_eq!(checked.reason(), Reason::ReasonTaskCheckStatusUpdated);
    assert_eq!(checked.check_status().command().exit_code, Some(7));
    pair.agent.send(kill("t"));
    pair.agent.expect_status(TaskState::TaskKilled);
}

/// Mirrors: CommandExecutorTest.NoTransitionFromKillingToRunning
#[test]
fn task_that_is_being_killed_never_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let dying = folder.path().join("dying").display().to_string();
    let mut pair = Pair::start_on(&Clock::real(), killing_framework());
    // Once the task is told to end the check would fail.
    let command = CommandInfo {
        value: Some(format!("test ! -e {dying}")),
        ..Default::default()
    };
    let check = HealthCheck {
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.0),
        grace_period_seconds: Some(0.0),
        command: Some(command.into()),
        ..Default::default()
    };
    let trapped = Announcement::new();
    let command = format!(
        "trap 'touch {dying}; sleep 0.5; exit 0' TERM; {}; while true; do sleep 0.1; done",
        trapped.command()
    );
    pair.run(TaskInfo {
        health_check: Some(check.into()),
        ..task("t", &command)
    });
    let healthy = pair.agent.expect_status(TaskState::TaskRunning);
    trapped.wait();

    pair.agent.send(kill("t"));
    pair.agent.expect_status(TaskState::TaskKilling);
    let killed = pair.agent.expect_status(TaskState::TaskKilled);

    assert_eq!(healthy.healthy, Some(true));
    assert_eq!(killed.message(), "Command exited with status 0");
    assert_eq!(pair.ending(), Ending::Done);
}

#[test]
fn group_is_not_for_this_executor() {
    let pair = Pair::start();

    pair.agent.send(blank(event::Type::LaunchGroup));

    assert_eq!(pair.ending(), Ending::Done);
}

#[test]
fn kill_before_the_launch_is_a_fault_of_the_agent() {
    let pair = Pair::start();

    pair.agent.send(kill("t"));

    assert!(matches!(pair.ending(), Ending::Failed(_)));
}
