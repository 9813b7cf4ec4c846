//! What must not depend on the wire.

use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use serde_json::json;

use super::{cluster, cluster_with, connections, runs_to_its_end};

/// Makes a test of each function for each wire.
macro_rules! over_each_wire {
    ($($claim:ident),* $(,)?) => {
        mod legacy { $(#[test] fn $claim() { super::$claim("legacy"); })* }
        mod grpc { $(#[test] fn $claim() { super::$claim("grpc"); })* }
    };
}

over_each_wire! {
    messages_take_the_wire_that_was_chosen,
    task_runs_to_its_end,
    task_is_killed,
    dead_agent_is_noticed,
    task_survives_the_restart_of_its_agent,
    agent_returns_to_a_master_that_was_restarted,
}

fn messages_take_the_wire_that_was_chosen(wire: &str) {
    let cluster = cluster(wire, wire);

    let other = if wire == "grpc" { "legacy" } else { "grpc" };
    assert!(connections(&cluster, wire) > 0.0);
    assert!(connections(&cluster, other) < 1.0);
}

fn task_runs_to_its_end(wire: &str) {
    runs_to_its_end(&cluster(wire, wire));
}

/// A framework with a task that runs until it is killed.
fn running(cluster: &mesos_integration::cluster::Cluster) -> FakeScheduler {
    let info = json!({"user": "root", "name": "n", "checkpoint": true, "failover_timeout": 600.0});
    let mut scheduler =
        FakeScheduler::subscribe_as(cluster.master.address, &info).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer");
    scheduler
        .launch(&offer, &[command_task("t", "sleep 1000", &offer)])
        .expect("accepted");
    scheduler
        .wait_for_state("t", "TASK_RUNNING")
        .expect("it runs");
    scheduler
}

fn task_is_killed(wire: &str) {
    let cluster = cluster(wire, wire);
    let mut scheduler = running(&cluster);

    scheduler.kill("t").expect("taken");

    scheduler
        .wait_for_state("t", "TASK_KILLED")
        .expect("it is killed");
}

fn dead_agent_is_noticed(wire: &str) {
    let mut cluster = cluster(wire, wire);
    assert_eq!(cluster.active_agents(), Some(1));

    cluster.agents[0].kill().expect("killed");

    eventually("the end of the agent", || {
        (cluster.active_agents() == Some(0)).then_some(())
    })
    .expect("noticed");
}

fn task_survives_the_restart_of_its_agent(wire: &str) {
    let mut cluster = cluster(wire, wire);
    let mut scheduler = running(&cluster);

    cluster.agents[0].kill().expect("killed");
    cluster.restart_agent(0).expect("it comes back");
    eventually("the return of the agent", || {
        (cluster.active_agents() == Some(1)).then_some(())
    })
    .expect("it registers again");
    scheduler.kill("t").expect("taken");

    scheduler
        .wait_for_state("t", "TASK_KILLED")
        .expect("it was there to be killed");
}

fn agent_returns_to_a_master_that_was_restarted(wire: &str) {
    // An agent that was told where its master is looks for it again when no ping comes.
    let soon = ["--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=3"];
    let mut cluster = cluster_with(&soon, wire, wire);

    cluster.restart_master().expect("it comes back");

    eventually("the return of the agent", || {
        (cluster.active_agents() == Some(1)).then_some(())
    })
    .expect("it registers again");
    runs_to_its_end(&cluster);
}
