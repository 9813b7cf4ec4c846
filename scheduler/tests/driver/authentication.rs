//! A driver that proves who it is, as it does by default.

use std::time::Duration;

use libprocess::testing::Pattern;
use libprocess::{Clock, Context, Future, Message, Outcome, Process, ProcessId, Runtime};
use mesos_common::cram_md5::{CramMd5Authenticator, Verdict};
use mesos_common::credentials::Credentials;
use mesos_proto::internal::{AuthenticateMessage, FrameworkRegisteredMessage};
use mesos_proto::v0::scheduler::Call;
use mesos_proto::v1::{self, FrameworkId, MasterInfo};
use mesos_scheduler::driver::{DriverOptions, Failover, MesosSchedulerDriver, Status};
use mesos_scheduler::{Credential, FrameworkBuilder, MasterUrl};
use tokio::sync::mpsc;

use crate::telling::Telling;

/// What a master saw, and what the framework was told.
#[derive(Debug, PartialEq)]
enum Saw {
    Verdict(Verdict),
    Call(String),
    Registered,
}

/// A master that knows `alice` and her secret `rabbit`.
struct Master {
    authenticator: CramMd5Authenticator,
    saw: mpsc::UnboundedSender<Saw>,
}

impl Process for Master {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("master")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(|master: &mut Self, from, _: AuthenticateMessage, ctx| {
            let verdict = master.authenticator.authenticate(from);
            ctx.on_any(verdict, |master, outcome, _| {
                if let Outcome::Ready(verdict) = outcome {
                    // The test may have seen enough.
                    let _ = master.saw.send(Saw::Verdict(verdict));
                }
            });
        });
        ctx.install_protobuf(|master: &mut Self, from, call: Call, ctx| {
            let kind = call.r#type().as_str_name().to_owned();
            // The driver repeats itself; the test may have seen enough.
            let _ = master.saw.send(Saw::Call(kind));
            let info = MasterInfo {
                id: Some("m".to_owned()),
                ip: Some(1),
                port: Some(5050),
                ..Default::default()
            };
            let registered = FrameworkRegisteredMessage {
                framework_id: Some(FrameworkId {
                    value: Some("f".to_owned()),
                    ..Default::default()
                }),
                master_info: Some(info.into()),
                ..Default::default()
            };
            ctx.send_protobuf(from, &registered);
        });
    }
}

/// A master and a driver that has not started, on hosts of their own.
struct Pair {
    clock: Clock,
    home: Runtime,
    away: Runtime,
    driver: MesosSchedulerDriver,
    seen: mpsc::UnboundedReceiver<Saw>,
}

fn runtime(clock: &Clock) -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    let builder = Runtime::builder().ip(loopback).arbiters(1);
    builder.clock(clock.clone()).start().expect("a runtime")
}

impl Pair {
    /// A driver that presents this secret.
    fn new(secret: &str) -> Self {
        let clock = Clock::paused();
        let (home, away) = (runtime(&clock), runtime(&clock));
        let known = v1::Credentials {
            credentials: vec![v1::Credential {
                principal: Some("alice".to_owned()),
                secret: Some("rabbit".to_owned()),
                ..Default::default()
            }],
            ..Default::default()
        };
        let (saw, seen) = mpsc::unbounded_channel();
        let master = home.spawn(Master {
            authenticator: CramMd5Authenticator::new(&home, Credentials::from_message(&known)),
            saw: saw.clone(),
        });
        let framework = FrameworkBuilder::new("guarded").principal("alice").build();
        let options = DriverOptions {
            credential: Some(Credential {
                principal: "alice".to_owned(),
                secret: secret.to_owned(),
            }),
            ..DriverOptions::new(framework, MasterUrl::Address(master.upid().clone()))
        };
        let telling = Telling(move |name: &str, _: &str| {
            if name == "registered" {
                // The test may have seen enough.
                let _ = saw.send(Saw::Registered);
            }
        });
        let driver = MesosSchedulerDriver::new(&away, options, telling);
        Self {
            clock,
            home,
            away,
            driver,
            seen,
        }
    }

    fn next(&mut self) -> Saw {
        let next = self.home.block_on(self.seen.recv());
        next.expect("the master lives")
    }

    /// Starts the driver, lets the time of its first attempt pass once that message is lost, and
    /// waits until it has registered.
    fn registers_after_the_loss_of(&mut self, lost: Future<Message>) {
        self.driver.start();
        self.home.block_on(lost).ready().expect("it is lost");
        // As long as an attempt lasts at most.
        self.clock.advance(Duration::from_secs(60));
        while self.next() != Saw::Registered {}
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.driver.stop(Failover::No);
        self.away.shutdown();
        self.home.shutdown();
    }
}

#[test]
fn driver_with_the_right_secret_registers_after_it_is_known() {
    let mut pair = Pair::new("rabbit");

    pair.driver.start();

    let known = Verdict::Accepted {
        principal: "alice".to_owned(),
    };
    assert_eq!(pair.next(), Saw::Verdict(known));
    assert_eq!(pair.next(), Saw::Call("SUBSCRIBE".to_owned()));
}

#[test]
fn driver_with_a_wrong_secret_is_aborted() {
    let pair = Pair::new("hare");

    pair.driver.start();

    assert_eq!(pair.driver.join(), Status::Aborted);
}

/// Mirrors: AuthenticationTest.RetryFrameworkAuthentication
#[test]
fn driver_tries_again_when_its_first_word_was_lost() {
    let mut pair = Pair::new("rabbit");
    let wanted = Pattern::message().named("mesos.internal.AuthenticateMessage");
    let lost = pair.home.drop_message(wanted);

    pair.registers_after_the_loss_of(lost);
}

/// Mirrors: AuthenticationTest.DropIntermediateSASLMessage
#[test]
fn driver_tries_again_when_the_challenge_was_lost() {
    let mut pair = Pair::new("rabbit");
    let wanted = Pattern::message().named("mesos.internal.AuthenticationStepMessage");
    let lost = pair.away.drop_message(wanted);

    pair.registers_after_the_loss_of(lost);
}

/// Mirrors: AuthenticationTest.DropFinalSASLMessage
#[test]
fn driver_tries_again_when_the_answer_was_lost() {
    let mut pair = Pair::new("rabbit");
    let wanted = Pattern::message().named("mesos.internal.AuthenticationCompletedMessage");
    let lost = pair.away.drop_message(wanted);

    pair.registers_after_the_loss_of(lost);
}
