//! The cable between master and agent is pulled and plugged in again.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_scheduler::command_task;
use mesos_integration::hosts::Hosts;
use mesos_integration::http_client::get_json;
use serde_json::{Value, json};

use crate::scene::{Scene, framework, partition_aware};

/// The host of the agent; that of the master is before it.
const AGENT: usize = 1;

/// A running task on an agent at the other end of a cable.
fn at_the_end_of_a_cable(flags: &[&str], info: &Value) -> Scene {
    let hosts = Hosts::start(2).expect("hosts");
    let cluster = Cluster::start_on(hosts, flags).expect("the master starts");
    let mut scene = Scene::start_in(cluster, &[], info);
    scene.run_on_all();
    scene
}

impl Scene {
    fn unplug(&self) {
        let hosts = self.cluster.hosts.as_ref().expect("hosts");
        hosts.unplug(AGENT).expect("the link goes down");
    }

    fn plug(&self) {
        let hosts = self.cluster.hosts.as_ref().expect("hosts");
        hosts.plug(AGENT).expect("the link comes up");
    }

    /// The process that the task has become.
    fn sleeper(&self) -> Option<i32> {
        let workers = self.workers();
        let sleeper = workers
            .iter()
            .find(|worker| worker.command == "sleep 1000")?;
        Some(sleeper.pid)
    }
}

const QUICK: [&str; 2] = ["--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2"];

/// Cuts the agent off until its task is `away`, then lets it come back.
fn task_comes_back(info: &Value, away: &str) {
    let mut scene = at_the_end_of_a_cable(&QUICK, info);
    let before = scene.eventually("the command", || scene.sleeper());

    scene.unplug();
    let gone = scene.wait_for(away);
    let during = scene.sleeper();
    scene.plug();
    let back = scene.wait_for("TASK_RUNNING");

    assert_eq!(gone["source"], "SOURCE_MASTER");
    assert_eq!(gone["reason"], "REASON_AGENT_REMOVED");
    assert_eq!(back["reason"], "REASON_AGENT_REREGISTERED");
    assert_eq!(during, Some(before), "the task was touched");
    assert_eq!(scene.sleeper(), Some(before), "the task was started again");
    let state = get_json(scene.cluster.master.address, "/master/state").unwrap();
    assert_eq!(state["slaves"][0]["id"], scene.agent_id());
    scene.scheduler.kill("t").unwrap();
    scene.wait_for("TASK_KILLED");
    scene.wait_for_the_same_offer();
}

#[test]
fn task_that_was_unreachable_runs_on_when_the_network_is_back() {
    task_comes_back(&partition_aware(), "TASK_UNREACHABLE");
}

#[test]
fn task_that_counted_as_lost_runs_on_when_the_network_is_back() {
    task_comes_back(&framework(), "TASK_LOST");
}

#[test]
fn short_cut_of_the_network_is_not_noticed_by_the_framework() {
    let hosts = Hosts::start(2).expect("hosts");
    let cluster = Cluster::start_on(hosts, &[]).expect("the master starts");
    let mut scene = Scene::start_in(cluster, &[], &partition_aware());
    // The task ends when the test says so, while nobody can hear of it.
    let signal = scene.cluster.folder().join("end");
    let wait = format!("while [ ! -e {} ]; do sleep 0.1; done", signal.display());
    let task = command_task("t", &wait, &scene.offer);
    scene.scheduler.launch(&scene.offer, &[task]).unwrap();
    scene.wait_for("TASK_RUNNING");
    let seen = scene.scheduler.events.len();

    scene.unplug();
    std::fs::write(&signal, "").unwrap();
    scene.await_no_workers();
    scene.plug();
    let status = scene.wait_for("TASK_FINISHED");

    assert_eq!(status["source"], "SOURCE_EXECUTOR");
    let updates: Vec<&Value> = scene.scheduler.events[seen..]
        .iter()
        .filter(|event| event["type"] == "UPDATE")
        .map(|event| &event["update"]["status"]["state"])
        .collect();
    assert_eq!(updates, [&json!("TASK_FINISHED")]);
    assert_eq!(
        scene.metrics()["master/slave_reregistrations"].as_f64(),
        Some(0.0)
    );
}
