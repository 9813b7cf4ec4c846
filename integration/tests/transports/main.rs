//! Master and agent over each wire, and over a pair of settings that differ.
#![expect(
    clippy::indexing_slicing,
    reason = "a test that misses a key fails where it looks for it"
)]

mod flows;
mod mixed;

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::get_json;

/// A master and an agent with these settings.
fn cluster(master: &str, agent: &str) -> Cluster {
    cluster_with(&[], master, agent)
}

/// The same with further flags of the master.
fn cluster_with(flags: &[&str], master: &str, agent: &str) -> Cluster {
    let transport = format!("--transport={master}");
    let flags: Vec<&str> = flags.iter().copied().chain([transport.as_str()]).collect();
    let mut cluster = Cluster::start_with(&flags).expect("the master starts");
    cluster
        .add_agent_with(&[&format!("--transport={agent}")])
        .expect("the agent registers");
    cluster
}

/// How many connections of the master carry messages over this wire.
fn connections(cluster: &Cluster, wire: &str) -> f64 {
    let metrics = get_json(cluster.master.address, "/metrics/snapshot").expect("metrics");
    metrics[&format!("libprocess/{wire}_connections")]
        .as_f64()
        .expect("a number")
}

/// Runs a command to its end as one task of a new framework.
fn runs_to_its_end(cluster: &Cluster) {
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer");
    scheduler
        .launch(&offer, &[command_task("t", "true", &offer)])
        .expect("accepted");
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        scheduler.wait_for_state("t", state).expect(state);
    }
    scheduler.teardown().expect("torn down");
}
