//! Three masters on a real ZooKeeper, which let nobody in who does not prove who he is.

use std::fs;
use std::time::Duration;

use libprocess::Runtime;
use mesos_integration::master_group::{MasterGroup, Setup};
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkId, MasterInfo, Offer, OfferId, TaskState, TaskStatus,
};
use mesos_scheduler::driver::{DriverOptions, Failover, MesosSchedulerDriver, Scheduler};
use mesos_scheduler::{Credential, FrameworkBuilder, Room, TaskBuilder, resources};
use tokio::sync::mpsc;

/// What a scheduler was told.
#[derive(Debug)]
enum Told {
    Registered(MasterInfo),
    Reregistered(MasterInfo),
    Disconnected,
    Offers(Vec<Offer>),
    Status(TaskStatus),
    Error(String),
}

struct Teller {
    told: mpsc::UnboundedSender<Told>,
}

impl Teller {
    /// The test may have heard enough.
    fn tell(&self, told: Told) {
        let _ = self.told.send(told);
    }
}

impl Scheduler for Teller {
    fn registered(&mut self, _: &MesosSchedulerDriver, _: &FrameworkId, master: &MasterInfo) {
        self.tell(Told::Registered(master.clone()));
    }

    fn reregistered(&mut self, _: &MesosSchedulerDriver, master: &MasterInfo) {
        self.tell(Told::Reregistered(master.clone()));
    }

    fn disconnected(&mut self, _: &MesosSchedulerDriver) {
        self.tell(Told::Disconnected);
    }

    fn resource_offers(&mut self, _: &MesosSchedulerDriver, offers: &[Offer]) {
        self.tell(Told::Offers(offers.to_vec()));
    }

    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}

    fn status_update(&mut self, _: &MesosSchedulerDriver, status: &TaskStatus) {
        self.tell(Told::Status(status.clone()));
    }

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

    fn error(&mut self, _: &MesosSchedulerDriver, message: &str) {
        self.tell(Told::Error(message.to_owned()));
    }
}

/// Masters that know `alice`, and a driver of hers that looks for them in ZooKeeper.
struct Scene {
    group: MasterGroup,
    runtime: Runtime,
    driver: MesosSchedulerDriver,
    told: mpsc::UnboundedReceiver<Told>,
    _secrets: tempfile::TempDir,
}

impl Scene {
    fn start(secret: &str) -> Self {
        let secrets = tempfile::tempdir().expect("a folder");
        let known = secrets.path().join("credentials");
        let text = r#"{"credentials":[{"principal":"alice","secret":"rabbit"}]}"#;
        fs::write(&known, text).expect("writes");
        let group = MasterGroup::start_as(Setup {
            flags: vec![
                "--authenticate_frameworks=true".to_owned(),
                format!("--credentials={}", known.display()),
            ],
            ..Setup::default()
        })
        .expect("three masters start");
        let loopback = "127.0.0.1".parse().expect("an address");
        let runtime = Runtime::builder().ip(loopback).start().expect("a runtime");
        let framework = FrameworkBuilder::new("legacy")
            .principal("alice")
            .failover_timeout(Duration::from_secs(3_600))
            .checkpoint()
            .build();
        let options = DriverOptions {
            credential: Some(Credential {
                principal: "alice".to_owned(),
                secret: secret.to_owned(),
            }),
            ..DriverOptions::new(framework, group.url().parse().expect("an address"))
        };
        let (sender, told) = mpsc::unbounded_channel();
        let driver = MesosSchedulerDriver::new(&runtime, options, Teller { told: sender });
        driver.start();
        Self {
            group,
            runtime,
            driver,
            told,
            _secrets: secrets,
        }
    }

    /// Waits until the driver tells what is wanted.
    fn wait<T>(&mut self, mut wanted: impl FnMut(Told) -> Option<T>) -> T {
        self.runtime.block_on(async {
            loop {
                let told = self.told.recv().await.expect("the driver lives");
                if let Told::Error(message) = &told {
                    assert_eq!(message, "", "the driver failed");
                }
                if let Some(found) = wanted(told) {
                    return found;
                }
            }
        })
    }

    fn registered(&mut self) -> MasterInfo {
        self.wait(|told| match told {
            Told::Registered(master) => Some(master),
            Told::Reregistered(_)
            | Told::Disconnected
            | Told::Offers(_)
            | Told::Status(_)
            | Told::Error(_) => None,
        })
    }

    /// The master that takes over, after the driver lost the one before.
    ///
    /// For a master that heard of the framework from an agent it registers again, for one that
    /// did not it registers.
    fn taken_over(&mut self) -> MasterInfo {
        let mut lost = false;
        self.wait(|told| match told {
            Told::Disconnected => {
                lost = true;
                None
            }
            Told::Registered(master) | Told::Reregistered(master) => lost.then_some(master),
            Told::Offers(_) | Told::Status(_) | Told::Error(_) => None,
        })
    }

    fn offer(&mut self) -> Offer {
        self.wait(|told| match told {
            Told::Offers(offers) => offers.into_iter().next(),
            Told::Registered(_)
            | Told::Reregistered(_)
            | Told::Disconnected
            | Told::Status(_)
            | Told::Error(_) => None,
        })
    }

    fn runs(&mut self) -> TaskStatus {
        self.wait(|told| match told {
            Told::Status(status) => (status.state() == TaskState::TaskRunning).then_some(status),
            Told::Registered(_)
            | Told::Reregistered(_)
            | Told::Disconnected
            | Told::Offers(_)
            | Told::Error(_) => None,
        })
    }

    fn end(self) {
        self.driver.stop(Failover::No);
        self.runtime.shutdown();
    }
}

/// Mirrors: RegistrarZooKeeperTest.TaskRunning
#[test]
fn task_of_a_driver_that_proved_who_it_is_outlives_the_leader() {
    let mut scene = Scene::start("rabbit");
    scene.group.add_agent().expect("the agent starts");
    let first = scene.registered();
    let offer = scene.offer();
    let task = TaskBuilder::command("t1", "sleep 1000").resources(resources::cpus_mem(0.1, 32.0));
    let task = Room::of(&offer).place(task).expect("room");
    scene
        .driver
        .launch_tasks(vec![offer.id().clone()], vec![task], Filters::default());
    let started = scene.runs();

    let leader = scene.group.leader().expect("a leader");
    scene.group.kill_master(leader).expect("it dies");
    let second = scene.taken_over();
    let status = TaskStatus {
        task_id: started.task_id.clone(),
        state: started.state,
        agent_id: started.agent_id.clone(),
        ..TaskStatus::default()
    };
    let next = scene.group.leader().expect("another leads");
    let address = scene.group.address(next).expect("its address");
    scene
        .group
        .registered_agent(address)
        .expect("it comes back");
    scene.driver.reconcile_tasks(vec![status]);
    let again = scene.runs();

    assert_eq!(started.task_id().value(), "t1");
    assert_ne!(first.id(), second.id());
    assert_eq!(second.port(), u32::from(address.port()));
    assert_eq!(again.task_id, started.task_id);
    scene.end();
}

/// Mirrors: MasterZooKeeperTest.MasterInfoAddress
#[test]
fn a_driver_is_told_the_address_of_the_master_that_zookeeper_elected() {
    let mut scene = Scene::start("rabbit");
    let leader = scene.group.leader().expect("a leader");
    let expected = scene.group.address(leader).expect("its address");

    let master = scene.registered();

    let address = master.address();
    assert_eq!(address.ip(), expected.ip().to_string());
    assert_eq!(address.port(), i32::from(expected.port()));
    assert_eq!(address.hostname(), expected.ip().to_string());
    scene.end();
}
