//! A driver that proves who it is, as it does by default.

use libprocess::{Context, Outcome, Process, ProcessId, Runtime};
use mesos_common::cram_md5::{CramMd5Authenticator, Verdict};
use mesos_common::credentials::Credentials;
use mesos_proto::internal::AuthenticateMessage;
use mesos_proto::v0::scheduler::Call;
use mesos_proto::v1::{
    self, AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskStatus,
};
use mesos_scheduler::driver::{DriverOptions, Failover, MesosSchedulerDriver, Scheduler, Status};
use mesos_scheduler::{Credential, FrameworkBuilder, MasterUrl};
use tokio::sync::mpsc;

/// What a master saw.
#[derive(Debug, PartialEq)]
enum Saw {
    Verdict(Verdict),
    Call(String),
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
                    master
                        .saw
                        .send(Saw::Verdict(verdict))
                        .expect("the test listens");
                }
            });
        });
        ctx.install_protobuf(|master: &mut Self, _, call: Call, _| {
            let kind = call.r#type().as_str_name().to_owned();
            // The driver repeats itself; the test may have seen enough.
            let _ = master.saw.send(Saw::Call(kind));
        });
    }
}

struct Silent;

impl Scheduler for Silent {
    fn registered(&mut self, _: &MesosSchedulerDriver, _: &FrameworkId, _: &MasterInfo) {}
    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}
    fn resource_offers(&mut self, _: &MesosSchedulerDriver, _: &[Offer]) {}
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}
    fn status_update(&mut self, _: &MesosSchedulerDriver, _: &TaskStatus) {}
    fn framework_message(
        &mut self,
        _: &MesosSchedulerDriver,
        _: &ExecutorId,
        _: &AgentId,
        _: &[u8],
    ) {
    }
    fn agent_lost(&mut self, _: &MesosSchedulerDriver, _: &AgentId) {}
    fn executor_lost(&mut self, _: &MesosSchedulerDriver, _: &ExecutorId, _: &AgentId, _: i32) {}
    fn error(&mut self, _: &MesosSchedulerDriver, _: &str) {}
}

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder()
        .ip(loopback)
        .arbiters(1)
        .start()
        .expect("a runtime")
}

/// Starts a driver with this secret; returns the first things that its master saw, and the driver.
fn drive(secret: &str, count: usize) -> (Vec<Saw>, MesosSchedulerDriver, [Runtime; 2]) {
    let (home, away) = (runtime(), runtime());
    let known = v1::Credentials {
        credentials: vec![v1::Credential {
            principal: Some("alice".to_owned()),
            secret: Some("rabbit".to_owned()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let (saw, mut seen) = mpsc::unbounded_channel();
    let master = home.spawn(Master {
        authenticator: CramMd5Authenticator::new(&home, Credentials::from_message(&known)),
        saw,
    });
    let framework = FrameworkBuilder::new("guarded").principal("alice").build();
    let options = DriverOptions {
        credential: Some(Credential {
            principal: "alice".to_owned(),
            secret: secret.to_owned(),
        }),
        ..DriverOptions::new(framework, MasterUrl::Address(master.upid().clone()))
    };
    let driver = MesosSchedulerDriver::new(&away, options, Silent);
    driver.start();
    let all = home.block_on(async {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(seen.recv().await.expect("the master lives"));
        }
        all
    });
    (all, driver, [home, away])
}

#[test]
fn driver_with_the_right_secret_registers_after_it_is_known() {
    let (saw, driver, runtimes) = drive("rabbit", 2);

    let known = Verdict::Accepted {
        principal: "alice".to_owned(),
    };
    assert_eq!(
        saw,
        [Saw::Verdict(known), Saw::Call("SUBSCRIBE".to_owned())]
    );
    driver.stop(Failover::No);
    runtimes.iter().for_each(Runtime::shutdown);
}

#[test]
fn driver_with_a_wrong_secret_is_aborted() {
    let (_, driver, runtimes) = drive("hare", 1);

    assert_eq!(driver.join(), Status::Aborted);
    runtimes.iter().for_each(Runtime::shutdown);
}
