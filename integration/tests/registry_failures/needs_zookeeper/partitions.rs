//! Hosts that cannot reach each other.

use std::sync::atomic::{AtomicBool, Ordering};

use mesos_integration::eventually::eventually;
use mesos_integration::http_client::{self, Request};
use mesos_integration::master_group::ZOOKEEPER;

use super::Scene;

/// Hosts are numbered from ZooKeeper, masters from zero.
fn host(master: usize) -> usize {
    master + 1
}

#[test]
fn needs_root_any_two_masters_may_be_cut_apart_and_the_registry_goes_on() {
    let mut scene = Scene::start(Scene::on_hosts());
    let leader = scene.leader();

    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let hosts = scene.group.hosts().expect("hosts");
        hosts.cut(host(one), host(other)).expect("cut");
        scene.write(3);
        scene.group.hosts().expect("hosts").heal().expect("healed");
    }

    assert_eq!(scene.leader(), leader);
    scene.kill(leader);
    assert_ne!(scene.leader(), leader);
    scene.check();
}

#[test]
fn needs_root_leader_cut_from_both_followers_acknowledges_nothing_and_is_replaced() {
    let mut scene = Scene::start(Scene::on_hosts());
    let leader = scene.leader();
    let address = scene.group.address(leader).expect("its address");
    let followers = scene.followers(leader).map(host);

    let hosts = scene.group.hosts().expect("hosts");
    hosts.cut_all(host(leader), &followers).expect("cut");
    let acknowledged = scene.writes.try_write(&[address]);
    let status = scene.group.masters[leader].wait().expect("it gives up");
    scene.write(3);
    scene.group.hosts().expect("hosts").heal().expect("healed");
    scene.restart(leader);
    scene.await_vote(leader);

    assert!(!acknowledged);
    assert_eq!(status.code(), Some(1));
    assert_ne!(scene.leader(), leader);
    scene.check();
}

#[test]
fn needs_root_leader_cut_from_zookeeper_ends_while_clients_write() {
    let mut scene = Scene::start(Scene::on_hosts());
    let leader = scene.leader();
    let masters = scene.masters();
    let stop = AtomicBool::new(false);

    let mut writes = std::mem::take(&mut scene.writes);
    std::thread::scope(|scope| {
        scope.spawn(|| writes.write_until(&masters, &stop));
        let hosts = scene.group.hosts().expect("hosts");
        hosts.cut(host(leader), ZOOKEEPER).expect("cut");
        let status = scene.group.masters[leader].wait();
        let next = scene.group.leader();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(status.expect("it ends").code(), Some(1));
        assert_ne!(next.expect("another leads"), leader);
    });
    scene.writes = writes;
    scene.write(3);
    scene.group.hosts().expect("hosts").heal().expect("healed");
    scene.restart(leader);
    scene.await_vote(leader);

    scene.check();
}

#[test]
fn needs_root_follower_cut_from_everybody_comes_back_and_counts_again() {
    let mut scene = Scene::start(Scene::on_hosts());
    let leader = scene.leader();
    let [lost, other] = scene.followers(leader);

    let everybody = [ZOOKEEPER, host(leader), host(other)];
    let hosts = scene.group.hosts().expect("hosts");
    hosts.cut_all(host(lost), &everybody).expect("cut");
    scene.write(3);
    let address = scene.group.address(lost).expect("its address");
    eventually("the follower knows of no leader", || {
        let request = Request::get("/master/state");
        let answer = http_client::send(address, &request).ok()?;
        (answer.status() == 503).then_some(())
    })
    .expect("its session is lost");
    scene.group.hosts().expect("hosts").heal().expect("healed");
    // A round asks whom the log knows when it begins; nobody is asked later.
    scene.await_ensemble(leader, 3.0);
    scene.kill(other);
    scene.await_ensemble(leader, 2.0);
    scene.write(3);
    scene.restart(other);
    scene.await_vote(other);

    assert_eq!(scene.leader(), leader);
    scene.check();
}
