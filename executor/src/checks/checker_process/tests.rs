//! The rhythm of checks, with real helpers.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use libprocess::Clock;
use mesos_proto::v1::CommandInfo;
use tokio::sync::mpsc;

use super::*;
use crate::checks::probe::{Probe, Rhythm};

/// A checker and what it has told.
struct Checked {
    runtime: Runtime,
    handle: CheckerHandle,
    results: mpsc::UnboundedReceiver<ProbeResult>,
}

impl Checked {
    fn start(clock: Clock, probe: Probe, rhythm: Rhythm) -> Self {
        let builder = Runtime::builder()
            .ip(Ipv4Addr::LOCALHOST.into())
            .arbiters(1)
            .clock(clock);
        let runtime = builder.start().unwrap();
        let (sender, results) = mpsc::unbounded_channel();
        let observer: Observer = Box::new(move |result, _| sender.send(result).unwrap());
        let task = CheckedTask {
            pid: 0,
            namespaces: Vec::new(),
            helper: "/nonexistent".into(),
            environment: std::env::vars().collect(),
        };
        let plan = Plan { probe, rhythm };
        let handle = CheckerHandle::start(&runtime, plan, Prober::Plain(task), observer);
        Self {
            runtime,
            handle,
            results,
        }
    }

    fn next(&mut self) -> ProbeResult {
        let Self {
            runtime, results, ..
        } = self;
        let waiting = async { tokio::time::timeout(Duration::from_secs(20), results.recv()).await };
        runtime
            .block_on(waiting)
            .expect("a result comes")
            .expect("the checker lives")
    }

    /// Whether there is a result already.
    fn has_result(&mut self) -> bool {
        !self.results.is_empty()
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

fn shell(text: &str) -> Probe {
    Probe::Command(Box::new(CommandInfo {
        value: Some(text.into()),
        ..Default::default()
    }))
}

fn rhythm(delay: u64, interval: u64, timeout: Option<u64>) -> Rhythm {
    Rhythm {
        delay: Duration::from_secs(delay),
        interval: Duration::from_secs(interval),
        timeout: timeout.map(Duration::from_secs),
    }
}

#[test]
fn first_question_comes_after_the_delay_and_the_next_after_the_interval() {
    let clock = Clock::paused();
    let mut checked = Checked::start(clock.clone(), shell("exit 3"), rhythm(15, 10, None));
    clock.settle();

    clock.advance(Duration::from_secs(14));
    clock.settle();
    assert!(!checked.has_result());
    clock.advance(Duration::from_secs(1));
    assert_eq!(checked.next(), Ok(Probed::Exit(3)));

    clock.settle();
    clock.advance(Duration::from_secs(10));
    assert_eq!(checked.next(), Ok(Probed::Exit(3)));
}

/// Mirrors: CommandExecutorCheckTest.CommandCheckTimeout
/// Mirrors: HealthCheckTest.CheckCommandTimeout
#[test]
fn command_that_takes_too_long_is_an_error() {
    let clock = Clock::paused();
    let mut checked = Checked::start(clock.clone(), shell("sleep 1000"), rhythm(0, 10, Some(1)));
    clock.settle();

    let result = loop {
        clock.advance(Duration::from_secs(1));
        clock.settle();
        if checked.has_result() {
            break checked.next();
        }
    };

    assert_eq!(
        result,
        Err(ProbeError::TimedOut {
            helper: "Command",
            limit: "1secs".into()
        })
    );
}

#[test]
fn command_that_is_killed_is_an_error() {
    let mut checked = Checked::start(Clock::real(), shell("kill -KILL $$"), rhythm(0, 1000, None));

    assert!(matches!(
        checked.next(),
        Err(ProbeError::Ended {
            helper: "Command",
            ..
        })
    ));
}

/// Mirrors: HealthCheckTest.EnvironmentSetup
#[test]
fn command_sees_its_own_variables_over_those_of_the_executor() {
    use mesos_proto::v1::Environment;
    use mesos_proto::v1::environment::Variable;
    let variable = |value: &str| Variable {
        name: Some("PATH_OF_CHECK".into()),
        value: Some(value.into()),
        ..Default::default()
    };
    let environment = Environment {
        variables: vec![variable("5")],
        ..Default::default()
    };
    let command = CommandInfo {
        value: Some("test -n \"$PATH\" && exit $PATH_OF_CHECK".into()),
        environment: Some(environment),
        ..Default::default()
    };

    let probe = Probe::Command(Box::new(command));
    let mut checked = Checked::start(Clock::real(), probe, rhythm(0, 1000, None));

    assert_eq!(checked.next(), Ok(Probed::Exit(5)));
}

/// Mirrors: HealthCheckTest.HealthyTaskNonShell
#[test]
fn executable_is_run_with_its_arguments() {
    let command = CommandInfo {
        shell: Some(false),
        value: Some("/bin/sh".into()),
        arguments: vec!["sh".into(), "-c".into(), "exit 4".into()],
        ..Default::default()
    };

    let probe = Probe::Command(Box::new(command));
    let mut checked = Checked::start(Clock::real(), probe, rhythm(0, 1000, None));

    assert_eq!(checked.next(), Ok(Probed::Exit(4)));
}

/// Mirrors: CommandExecutorCheckTest.TCPCheckDelivered
/// Mirrors: HealthCheckTest.HealthyTaskViaTCP
#[test]
fn connection_tells_whether_somebody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();

    let mut open = Checked::start(Clock::real(), Probe::Tcp { address }, rhythm(0, 1000, None));
    assert_eq!(open.next(), Ok(Probed::Connected(true)));

    drop(listener);
    let mut closed = Checked::start(Clock::real(), Probe::Tcp { address }, rhythm(0, 1000, None));
    assert_eq!(closed.next(), Ok(Probed::Connected(false)));
}

#[test]
fn paused_checker_is_silent_until_it_is_resumed() {
    let clock = Clock::paused();
    let mut checked = Checked::start(clock.clone(), shell("true"), rhythm(5, 10, None));
    checked.handle.pause();
    clock.settle();

    clock.advance(Duration::from_secs(100));
    clock.settle();
    assert!(!checked.has_result());

    checked.handle.resume();
    assert_eq!(checked.next(), Ok(Probed::Exit(0)));
}
