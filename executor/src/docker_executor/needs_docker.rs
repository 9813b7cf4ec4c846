//! The executor against a real Docker engine, which each test starts for itself, and an agent's
//! side of the API.

use std::time::Duration;

use libprocess::{Clock, Outcome};
use mesos_integration::docker_daemon::DockerDaemon;
use mesos_proto::v1::container_info::{DockerInfo, docker_info};
use mesos_proto::v1::executor::event;
use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{
    CheckInfo, CommandInfo, ContainerInfo, DurationInfo, FrameworkInfo, HealthCheck, KillPolicy,
    TaskInfo, TaskState, TaskStatus, check_info, container_info, health_check,
};
use serde_json::Value;

use super::*;
use crate::fake_agent::{FakeAgent, executor_id, framework_id, kill, launch, task as command_task};

/// Made by the tests of programs of this machine.
const IMAGE: &str = "local/shell:1";

/// A daemon, an agent and the executor of one task.
struct Trio {
    docker: DockerDaemon,
    agent: FakeAgent,
    ending: Future<Ending>,
}

impl Trio {
    fn start() -> Self {
        let docker = DockerDaemon::start(IMAGE).unwrap();
        let agent = FakeAgent::start(&Clock::real());
        let sandbox = docker.path().join("sandbox");
        std::fs::create_dir(&sandbox).unwrap();
        let settings = Settings {
            framework_id: framework_id(),
            executor_id: executor_id(),
            environment: agent.environment(&[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "1secs")]),
            engine: Engine {
                program: "docker".into(),
                socket: docker.socket().display().to_string(),
            },
            container: ContainerSettings {
                name: "mesos-test".into(),
                sandbox_directory: sandbox.display().to_string(),
                mapped_directory: "/mnt/mesos/sandbox".into(),
                total_memory: 1 << 34,
                ..Default::default()
            },
            stop_timeout: Duration::ZERO,
            variables: std::env::vars().collect(),
        };
        let (process, ending) = DockerExecutorProcess::new(settings);
        agent.runtime.spawn(process);
        let mut trio = Self {
            docker,
            agent,
            ending,
        };
        let capability = Capability {
            r#type: Some(capability::Type::TaskKillingState.into()),
            ..Default::default()
        };
        trio.agent.subscribe(FrameworkInfo {
            capabilities: vec![capability],
            ..Default::default()
        });
        trio
    }

    /// Launches a task and waits until it runs.
    fn run(&mut self, task: TaskInfo) -> TaskStatus {
        self.agent.send(launch(task));
        self.agent.expect_status(TaskState::TaskStarting);
        self.agent.expect_status(TaskState::TaskRunning)
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

fn task(command: &str) -> TaskInfo {
    let docker = DockerInfo {
        image: Some(IMAGE.into()),
        network: Some(docker_info::Network::Host.into()),
        ..Default::default()
    };
    let container = ContainerInfo {
        r#type: Some(container_info::Type::Docker.into()),
        docker: Some(docker.into()),
        ..Default::default()
    };
    TaskInfo {
        container: Some(container.into()),
        ..command_task("t", command)
    }
}

/// A task that does not end when it is asked to.
fn stubborn() -> TaskInfo {
    task("trap '' TERM; while true; do sleep 0.1; done")
}

#[test]
fn task_runs_in_a_container_and_ends_with_it() {
    let mut trio = Trio::start();

    let running = trio.run(task("echo made > $MESOS_SANDBOX/file; sleep 1; exit 3"));
    let failed = trio.agent.expect_status(TaskState::TaskFailed);

    let inspection: Value = serde_json::from_slice(running.data()).unwrap();
    assert_eq!(inspection[0]["Name"], "/mesos-test");
    assert_eq!(failed.message(), "Container exited with status 3");
    assert_eq!(failed.reason, None);
    let file = trio.docker.path().join("sandbox/file");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "made\n");
    assert_eq!(trio.ending(), Ending::Done);
}

#[test]
fn container_that_ends_at_once_has_run() {
    let mut trio = Trio::start();

    trio.run(task("exit 0"));
    let finished = trio.agent.expect_status(TaskState::TaskFinished);

    assert_eq!(finished.message(), "Container exited with status 0");
}

#[test]
fn killed_container_has_its_grace_period() {
    let mut trio = Trio::start();
    let grace = DurationInfo {
        nanoseconds: Some(2_000_000_000),
        ..Default::default()
    };
    let policy = KillPolicy {
        grace_period: Some(grace),
        ..Default::default()
    };
    trio.run(TaskInfo {
        kill_policy: Some(policy),
        ..stubborn()
    });

    trio.agent.send(kill("t"));

    trio.agent.expect_status(TaskState::TaskKilling);
    let killed = trio.agent.expect_status(TaskState::TaskKilled);
    assert_eq!(killed.message(), "Container exited with status 137");
    assert_eq!(killed.healthy, None);
}

#[test]
fn late_container_is_killed_without_grace() {
    let mut trio = Trio::start();
    let limit = DurationInfo {
        nanoseconds: Some(2_000_000_000),
        ..Default::default()
    };
    trio.run(TaskInfo {
        max_completion_time: Some(limit),
        ..stubborn()
    });

    let failed = trio.agent.expect_status(TaskState::TaskFailed);

    assert_eq!(failed.reason(), Reason::ReasonMaxCompletionTimeReached);
    assert_eq!(failed.message(), "Container exited with status 137");
}

#[test]
fn health_is_asked_inside_the_container() {
    let mut trio = Trio::start();
    let command = CommandInfo {
        value: Some("cat /well".into()),
        ..Default::default()
    };
    let check = HealthCheck {
        r#type: Some(health_check::Type::Command.into()),
        command: Some(command.into()),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.2),
        grace_period_seconds: Some(30.0),
        consecutive_failures: Some(1),
        ..Default::default()
    };
    trio.run(TaskInfo {
        health_check: Some(check.into()),
        ..task("echo yes > /well; sleep 4; rm /well; sleep 1000")
    });

    let well = trio.agent.expect_status(TaskState::TaskRunning);
    let sick = trio.agent.expect_status(TaskState::TaskRunning);
    trio.agent.expect_status(TaskState::TaskKilling);
    let killed = trio.agent.expect_status(TaskState::TaskKilled);

    assert_eq!(well.healthy, Some(true));
    assert_eq!(well.reason(), Reason::ReasonTaskHealthCheckStatusUpdated);
    assert_eq!(sick.healthy, Some(false));
    assert_eq!(killed.healthy, Some(false));
}

/// A task that lasts, whose health is asked by this command without pause or grace.
fn asked_by(command: String) -> TaskInfo {
    let command = CommandInfo {
        value: Some(command),
        ..Default::default()
    };
    let check = HealthCheck {
        r#type: Some(health_check::Type::Command.into()),
        command: Some(command.into()),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.0),
        grace_period_seconds: Some(0.0),
        ..Default::default()
    };
    TaskInfo {
        health_check: Some(check.into()),
        ..task("sleep 120")
    }
}

/// The next update, which must tell the health of a running task.
#[track_caller]
fn health(trio: &mut Trio) -> Option<bool> {
    let told = trio.agent.expect_status(TaskState::TaskRunning);
    assert_eq!(told.reason(), Reason::ReasonTaskHealthCheckStatusUpdated);
    told.healthy
}

/// Ends the executor and waits until its container is gone.
fn end(trio: &Trio) {
    trio.agent
        .send(crate::fake_agent::blank(event::Type::Shutdown));
    let docker = &trio.docker;
    mesos_integration::eventually::eventually("the end of the container", || {
        let running = docker.docker(&["ps", "-q"]).unwrap();
        running.is_empty().then_some(())
    })
    .unwrap();
}

/// Mirrors: DockerContainerizerHealthCheckTest.ROOT_DOCKER_DockerHealthyTask
#[test]
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
fn healthy_container_is_told() {
    let mut trio = Trio::start();

    trio.run(asked_by("exit 0".to_owned()));

    assert_eq!(health(&mut trio), Some(true));
    end(&trio);
}

/// Mirrors: DockerContainerizerHealthCheckTest.ROOT_DOCKER_DockerHealthyTaskWithQuotedCommand
#[test]
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
fn quotes_of_a_command_reach_the_container() {
    let mut trio = Trio::start();

    trio.run(asked_by("echo '\"'".to_owned()));

    assert_eq!(health(&mut trio), Some(true));
    end(&trio);
}

/// Mirrors: DockerContainerizerHealthCheckTest.ROOT_DOCKER_DockerHealthStatusChange
#[test]
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
fn changing_health_is_told_each_time_and_asked_inside_the_container() {
    let mut trio = Trio::start();
    let folder = trio.docker.path().display().to_string();
    let file = trio.docker.path().join("foobar");
    std::fs::write(&file, "bar").unwrap();
    let path = file.display();

    // Fails each other time.
    trio.run(asked_by(format!(
        "rm {path} || (mkdir -p {folder} && echo foo > {path} && exit 1)"
    )));

    let told = [(); 3].map(|()| health(&mut trio));
    assert_eq!(told, [Some(false), Some(true), Some(false)]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "bar");
    end(&trio);
}

#[test]
fn check_tells_the_exit_code_from_inside_the_container() {
    let mut trio = Trio::start();
    let command = CommandInfo {
        value: Some("exit 7".into()),
        ..Default::default()
    };
    let check = CheckInfo {
        r#type: Some(check_info::Type::Command.into()),
        command: Some(check_info::Command {
            command: Some(command.into()),
            ..Default::default()
        }),
        delay_seconds: Some(0.0),
        interval_seconds: Some(1.0),
        ..Default::default()
    };
    trio.run(TaskInfo {
        check: Some(check.into()),
        ..task("sleep 1000")
    });

    let checked = trio.agent.expect_status(TaskState::TaskRunning);

    assert_eq!(checked.check_status().command().exit_code, Some(7));
    assert_eq!(checked.reason(), Reason::ReasonTaskCheckStatusUpdated);
}

#[test]
fn task_that_docker_cannot_run_has_failed() {
    let mut trio = Trio::start();
    let mut bad = task("true");
    if let Some(container) = &mut bad.container {
        container.hostname = Some("name".into());
    }

    trio.agent.send(launch(bad));

    trio.agent.expect_status(TaskState::TaskStarting);
    let failed = trio.agent.expect_status(TaskState::TaskFailed);
    assert_eq!(
        failed.message(),
        "Failed to create docker run options: Unable to set hostname with host network mode"
    );
    assert_eq!(trio.docker.docker(&["ps", "-a", "-q"]).unwrap(), "");
    assert_eq!(trio.ending(), Ending::Done);
}

#[test]
fn shutdown_ends_the_container_and_the_executor() {
    let mut trio = Trio::start();
    trio.run(stubborn());

    trio.agent
        .send(crate::fake_agent::blank(event::Type::Shutdown));

    trio.agent.expect_status(TaskState::TaskKilling);
    trio.agent.expect_status(TaskState::TaskKilled);
    assert_eq!(trio.ending(), Ending::Done);
}
