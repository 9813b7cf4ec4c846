//! Tasks that are killed, alone or with their framework.

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::leftovers;
use serde_json::Value;

fn with_sleeping_task() -> (Cluster, FakeScheduler) {
    let mut cluster = Cluster::start().expect("the master starts");
    cluster.add_agent().expect("the agent registers");
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    let task = command_task("t1", "sleep 4711", &offer);
    scheduler
        .launch(&offer, &[task])
        .expect("the launch is accepted");
    scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .expect("the task runs");
    (cluster, scheduler)
}

#[track_caller]
fn assert_gone(cluster: &Cluster) {
    let of_task = |process: &leftovers::Process| {
        process.command.contains("4711") || process.command.contains("executor")
    };
    let living = || {
        let mut living = leftovers::processes(cluster.mark(), cluster.folder());
        living.retain(of_task);
        living
    };
    let gone = eventually("the end of the task and its executor", || {
        living().is_empty().then_some(())
    });
    assert!(gone.is_ok(), "{:#?}\n{}", living(), cluster.logs());
}

#[test]
fn killed_task_ends_with_its_process() {
    let (cluster, mut scheduler) = with_sleeping_task();

    scheduler.kill("t1").unwrap();
    let status = scheduler.wait_for_state("t1", "TASK_KILLED").unwrap();

    assert_eq!(
        status["message"],
        "Command terminated with signal Terminated"
    );
    assert_gone(&cluster);
}

#[test]
fn teardown_ends_the_tasks_of_the_framework() {
    let (cluster, scheduler) = with_sleeping_task();

    scheduler.teardown().unwrap();

    assert_gone(&cluster);
}

#[test]
fn framework_that_hangs_up_without_failover_timeout_loses_its_tasks() {
    let (cluster, scheduler) = with_sleeping_task();

    drop(scheduler);

    assert_gone(&cluster);
}

#[test]
fn resources_of_a_killed_task_are_offered_again() {
    let (_cluster, mut scheduler) = with_sleeping_task();

    scheduler.kill("t1").unwrap();
    scheduler.wait_for_state("t1", "TASK_KILLED").unwrap();

    // The first offer was used up; what was offered since makes the agent whole again.
    let cpus = |event: &Value| -> f64 {
        let offers = event.pointer("/offers/offers").and_then(Value::as_array);
        let resources = offers
            .into_iter()
            .flatten()
            .filter_map(|offer| offer["resources"].as_array());
        let cpus = resources
            .flatten()
            .filter(|resource| resource["name"] == "cpus");
        cpus.filter_map(|cpus| cpus.pointer("/scalar/value")?.as_f64())
            .sum()
    };
    loop {
        let offered: f64 = scheduler.events.iter().map(cpus).sum();
        if offered > 7.99 {
            break;
        }
        scheduler.wait_for("OFFERS").unwrap();
    }
}
