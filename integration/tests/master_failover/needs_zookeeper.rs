//! Three masters with a replicated log on a real ZooKeeper; each test has its own.

mod detection;
mod scenario;

use std::net::SocketAddr;

use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::{self, Request};
use mesos_integration::master_group::MasterGroup;
use mesos_integration::registry_probe::admitted_agents;
use mesos_integration::workload::framework;
use serde_json::{Value, json};

fn metric(master: SocketAddr, name: &str) -> Option<f64> {
    let all = http_client::get_json(master, "/metrics/snapshot").ok()?;
    all.get(name)?.as_f64()
}

/// Mirrors: FaultToleranceTest.MasterFailover
/// Mirrors: MasterZooKeeperTest.LostZooKeeperCluster
/// Mirrors: FaultToleranceTest.ReregisterCompletedFrameworks
#[test]
fn killed_leader_is_replaced_and_agent_task_and_registry_are_whole() {
    let mut group = MasterGroup::start().expect("three masters start");
    group.add_agent().expect("the agent starts");
    let first = group.leader().expect("a leader");
    let leader = group.address(first).expect("its address");
    let agent = group.registered_agent(leader).expect("it registers");
    let mut scheduler =
        FakeScheduler::subscribe_as(leader, &framework(None)).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");
    scheduler
        .launch(&offer, &[command_task("t1", "sleep 1000", &offer)])
        .expect("it is accepted");
    scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .expect("it runs");

    group.kill_master(first).expect("it dies");
    let second = group.leader().expect("another leads");
    let leader = group.address(second).expect("its address");
    let back = group.registered_agent(leader).expect("it registers again");
    let info = framework(Some(&scheduler.framework_id));
    let mut again = FakeScheduler::subscribe_as(leader, &info).expect("it subscribes again");
    again
        .call("RECONCILE", json!({"reconcile": {"tasks": []}}))
        .expect("it is accepted");

    again
        .wait_for_state("t1", "TASK_RUNNING")
        .expect("the task goes on");
    assert_ne!(second, first);
    assert_eq!(back, agent);
    assert_eq!(admitted_agents(leader).expect("a registry"), [agent]);
    assert_eq!(metric(leader, "registrar/log/recovered"), Some(1.0));
    assert!(metric(leader, "registrar/state_fetch_ms").is_some());
}

/// Mirrors: MasterTest.RecoveredSlaves
#[test]
fn masters_that_all_died_know_the_agent_after_their_restart() {
    let mut group = MasterGroup::start().expect("three masters start");
    group.add_agent().expect("the agent starts");
    let leader = group.leader().expect("a leader");
    let address = group.address(leader).expect("its address");
    let agent = group.registered_agent(address).expect("it registers");
    group.agents.clear_and_kill();

    for index in 0..3 {
        group.kill_master(index).expect("it dies");
    }
    for index in 0..3 {
        group.restart_master(index).expect("it starts again");
    }
    let leader = group.leader().expect("a leader");
    let address = group.address(leader).expect("its address");

    assert_eq!(admitted_agents(address).expect("a registry"), [agent]);
    group
        .wait("the agent among the recovered", |_| {
            let state = http_client::get_json(address, "/master/state").ok()?;
            (state["recovered_slaves"].as_array()?.len() == 1).then_some(())
        })
        .expect("it is waited for");
}

trait ClearAndKill {
    fn clear_and_kill(&mut self);
}

impl ClearAndKill for Vec<mesos_integration::cluster::Daemon> {
    fn clear_and_kill(&mut self) {
        for mut daemon in self.drain(..) {
            daemon.kill().expect("it dies");
        }
    }
}

#[test]
fn followers_send_clients_to_the_leader_without_a_scheme() {
    let group = MasterGroup::start().expect("three masters start");
    let leader = group.leader().expect("a leader");
    let address = group.address(leader).expect("its address");
    let target = "/master/state?x=y";

    for (index, master) in group.masters.iter().enumerate() {
        if index == leader {
            continue;
        }
        let location = group
            .wait("a redirect", |_| {
                let answer = http_client::send(master.address, &Request::get(target)).ok()?;
                let location = answer.head.header("Location")?.to_owned();
                (answer.status() == 307).then_some(location)
            })
            .expect("it redirects");

        assert_eq!(location, format!("//{address}{target}"));
    }
}

/// Mirrors: MasterZooKeeperTest.LostZooKeeperCluster
#[test]
fn leader_ends_when_zookeeper_is_gone_and_followers_go_on() {
    let mut group = MasterGroup::start().expect("three masters start");
    let leader = group.leader().expect("a leader");

    group.zookeeper.kill().expect("it dies");
    let status = group.masters[leader].wait().expect("it ends by itself");
    let log = group.masters[leader].log();
    let followers: Vec<usize> = (0..3).filter(|index| *index != leader).collect();
    for index in &followers {
        let address = group.masters[*index].address;
        group
            .wait("nobody leads", |_| {
                let answer = http_client::send(address, &Request::get("/master/state")).ok()?;
                (answer.status() == 503).then_some(())
            })
            .expect("followers know that nobody leads");
    }
    group.zookeeper.restart().expect("it comes back");
    let next = group.leader().expect("another leads");

    assert_eq!(status.code(), Some(1));
    assert!(
        log.contains("Lost candidacy as a leader") || log.contains("Lost leadership after"),
        "{log}"
    );
    assert!(followers.contains(&next), "{next}");
}

#[test]
fn leader_without_a_quorum_of_replicas_stores_nothing_and_gives_up() {
    let flags = ["--registry_store_timeout=3secs"];
    let mut group = MasterGroup::start_with(&flags).expect("three masters start");
    let leader = group.leader().expect("a leader");
    for index in (0..3).filter(|index| *index != leader) {
        group.kill_master(index).expect("it dies");
    }
    group.add_agent().expect("the agent starts");
    let address = group.address(leader).expect("its address");
    let log = |group: &MasterGroup| group.masters[leader].log();

    let status = group.masters[leader].wait().expect("it gives up");

    assert_eq!(status.code(), Some(1), "{address}");
    assert!(
        log(&group).contains("Failed to perform store within"),
        "{}",
        log(&group)
    );
}
