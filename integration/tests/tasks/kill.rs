//! Tasks that are killed, alone or with their framework.

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::leftovers;

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
    eventually("the end of the task and its executor", || {
        let living = leftovers::processes(cluster.mark(), cluster.folder());
        let is_task = |command: &str| command.contains("4711") || command.contains("executor");
        (!living.iter().any(|process| is_task(&process.command))).then_some(())
    })
    .expect("nothing of the task goes on");
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

    loop {
        let offer = scheduler.wait_for_offer().unwrap();
        let cpus = offer["resources"]
            .as_array()
            .unwrap()
            .iter()
            .find(|resource| resource["name"] == "cpus")
            .and_then(|cpus| cpus.pointer("/scalar/value")?.as_f64());
        if cpus == Some(4.0) {
            break;
        }
        scheduler.decline(&offer, 0.0).unwrap();
    }
}
