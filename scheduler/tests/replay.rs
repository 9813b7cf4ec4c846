//! The recorded master against our driver, used as the frameworks of the recording used theirs.

use std::time::Duration;

use libprocess::Runtime;
use mesos_integration::golden::Golden;
use mesos_integration::replay::driver::Player;
use mesos_integration::replay::{Outcome, wire};
use mesos_proto::v1::framework_info::capability;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkId, FrameworkInfo, MasterInfo, Offer, OfferId, Resource,
    TaskInfo, TaskState, TaskStatus,
};
use mesos_scheduler::driver::{DriverOptions, Failover, MesosSchedulerDriver, Scheduler, Status};
use mesos_scheduler::{
    Credential, ExecutorBuilder, FrameworkBuilder, Room, TaskBuilder, operations, refuse_for,
    resources,
};

const TASKS: usize = 5;

/// What a framework does with an offer.
type React = fn(&mut Framework, &MesosSchedulerDriver, &Offer);

/// A framework that ends when its tasks have ended.
struct Framework {
    react: React,
    stops_when_finished: bool,
    launched: usize,
    finished: usize,
}

impl Scheduler for Framework {
    fn registered(&mut self, _: &MesosSchedulerDriver, _: &FrameworkId, _: &MasterInfo) {}
    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}
    fn resource_offers(&mut self, driver: &MesosSchedulerDriver, offers: &[Offer]) {
        for offer in offers {
            (self.react)(self, driver, offer);
        }
    }
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}
    fn status_update(&mut self, driver: &MesosSchedulerDriver, status: &TaskStatus) {
        self.finished += usize::from(status.state() == TaskState::TaskFinished);
        if self.finished == TASKS && self.stops_when_finished {
            driver.stop(Failover::No);
        }
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
    fn error(&mut self, _: &MesosSchedulerDriver, _: &str) {}
}

fn allocate(resources: &mut [Resource], role: &str) {
    for resource in resources {
        resource.allocation_info.get_or_insert_default().role = Some(role.to_owned());
    }
}

/// As the framework that launches what fits, on an executor of its own.
fn launch_what_fits(framework: &mut Framework, driver: &MesosSchedulerDriver, offer: &Offer) {
    let mut executor = ExecutorBuilder::command("default", "/usr/libexec/mesos/test-executor")
        .name("Test Executor (C++)")
        .build();
    // Older than the type, as the resources of this framework say whom they are allocated to.
    executor.r#type = None;
    let (mut room, mut tasks) = (Room::of(offer), Vec::new());
    while framework.launched < TASKS {
        let id = framework.launched.to_string();
        let task = TaskBuilder::executor(&id, executor.clone())
            .name(format!("Task {id}"))
            .resources(resources::cpus_mem(1.0, 128.0));
        let Some(mut task) = room.place(task) else {
            break;
        };
        allocate(&mut task.resources, "*");
        tasks.push(task);
        framework.launched += 1;
    }
    driver.launch_tasks(vec![offer.id().clone()], tasks, Filters::default());
}

/// The resources of an offer that this framework has reserved.
fn reserved(offer: &Offer) -> Vec<Resource> {
    let all = offer.resources.iter();
    all.filter(|resource| !resource.reservations.is_empty())
        .cloned()
        .collect()
}

/// As the framework that reserves first, then launches one task after the other.
fn reserve_and_launch(framework: &mut Framework, driver: &MesosSchedulerDriver, offer: &Offer) {
    let ours = reserved(offer);
    let accept = |operation: Operation| {
        let two_weeks = refuse_for(Duration::from_secs(14 * 24 * 60 * 60));
        driver.accept_offers(vec![offer.id().clone()], vec![operation], two_weeks);
    };
    if ours.is_empty() && framework.finished == TASKS {
        driver.stop(Failover::No);
    } else if ours.is_empty() {
        let mut allocated = resources::cpus_mem(1.0, 128.0);
        allocate(&mut allocated, "test");
        accept(operations::reserve(resources::reserved(
            allocated,
            "test",
            Some("test"),
        )));
    } else if framework.launched == TASKS {
        accept(operations::unreserve(ours));
    } else {
        let id = framework.launched.to_string();
        framework.launched += 1;
        let mut task: TaskInfo = TaskBuilder::command(&id, "echo hello")
            .name(format!("Task {id}: echo hello"))
            .resources(ours)
            .on(offer.agent_id());
        task.command.get_or_insert_default().shell = Some(true);
        accept(mesos_scheduler::launch(vec![task]));
    }
}

fn info(name: &str, role: &str) -> FrameworkInfo {
    let mut info = FrameworkBuilder::new(name)
        .role(role)
        .capability(capability::Type::ReservationRefinement)
        .principal("test")
        .build();
    info.checkpoint = Some(false);
    info
}

/// Plays the recorded life of a framework, whose id is given, against a driver of ours.
#[track_caller]
fn play(
    set: &str,
    id: &str,
    framework: Framework,
    info: FrameworkInfo,
    credential: Option<Credential>,
) -> Outcome {
    let golden = Golden::open(set).expect("the recording is there");
    let frames = wire::frames(&golden).expect("the recording is whole");
    let player = Player::listen().expect("a port is free");
    let master = format!("{}", player.address());
    let loopback = "127.0.0.1".parse().expect("an address");
    let runtime = Runtime::builder().ip(loopback).arbiters(1);
    let runtime = runtime.start().expect("a runtime");
    let options = DriverOptions {
        credential,
        ..DriverOptions::new(info, master.parse().expect("an address"))
    };
    let driver = MesosSchedulerDriver::new(&runtime, options, framework);
    driver.start();

    let outcome = player.play(&frames, id);

    let outcome = outcome.expect("the conversation goes to its end");
    assert_eq!(driver.join(), Status::Stopped);
    runtime.shutdown();
    let differences: Vec<_> = outcome
        .differences
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(differences, [""; 0]);
    assert_eq!(outcome.count("SUBSCRIBE"), 1);
    assert_eq!(outcome.count("TEARDOWN"), 1);
    outcome
}

fn test_framework() -> Framework {
    Framework {
        react: launch_what_fits,
        stops_when_finished: true,
        launched: 0,
        finished: 0,
    }
}

#[test]
fn recorded_master_finds_in_our_driver_the_one_it_knew() {
    let outcome = play(
        "standalone",
        "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-0000",
        test_framework(),
        info("Test Framework (C++)", "*"),
        None,
    );

    assert_eq!(outcome.count("ACCEPT"), 2);
    // The tenth update stops the driver.
    assert_eq!(outcome.count("ACKNOWLEDGE"), 9);
}

#[test]
fn recorded_master_finds_in_our_driver_the_one_that_reserved() {
    let framework = Framework {
        react: reserve_and_launch,
        stops_when_finished: false,
        ..test_framework()
    };

    let outcome = play(
        "standalone",
        "d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-0004",
        framework,
        info("Dynamic Reservation Framework (C++)", "test"),
        None,
    );

    assert_eq!(outcome.count("ACCEPT"), 7);
    assert_eq!(outcome.count("ACKNOWLEDGE"), 15);
}

#[test]
fn recorded_master_finds_in_our_driver_the_one_that_proved_who_it_is() {
    let credential = Credential {
        principal: "test".to_owned(),
        secret: "secret".to_owned(),
    };

    let outcome = play(
        "ha",
        "3d13f6f2-5c73-4174-9b84-167c2a626615-0000",
        test_framework(),
        info("Test Framework (C++)", "*"),
        Some(credential),
    );

    for message in [
        "AuthenticateMessage",
        "AuthenticationStartMessage",
        "AuthenticationStepMessage",
    ] {
        assert_eq!(
            outcome.count(&format!("mesos.internal.{message}")),
            1,
            "{message}"
        );
    }
    assert_eq!(outcome.count("ACKNOWLEDGE"), 9);
}
