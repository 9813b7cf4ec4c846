//! Processes that are killed or stand still, and come back.

use mesos_integration::http_client::{self, Request};
use mesos_integration::master_group::Setup;
use rustix::process::Signal;

use super::Scene;

#[test]
fn killed_quorum_comes_back_and_knows_everything() {
    let flags = vec!["--registry_store_timeout=3secs".to_owned()];
    let mut scene = Scene::start(Setup {
        flags,
        ..Setup::default()
    });
    let leader = scene.leader();
    let [dead, alone] = scene.followers(leader);
    let address = scene.group.address(alone).expect("its address");

    scene.kill(leader);
    scene.kill(dead);
    let acknowledged = scene.writes.try_write(&[address]);
    scene.restart(leader);
    scene.restart(dead);
    scene.await_vote(leader);
    scene.await_vote(dead);
    // Alone it may have been elected, without a quorum to store anything, and given up.
    if !scene.group.masters[alone].is_running() {
        scene.restart(alone);
    }

    assert!(!acknowledged);
    scene.check();
}

#[test]
fn killed_zookeeper_comes_back_and_another_master_knows_everything() {
    let mut scene = Scene::start(Setup::default());
    let leader = scene.leader();

    scene.group.zookeeper.kill().expect("it dies");
    scene.group.masters[leader].wait().expect("the leader ends");
    let acknowledged = scene.writes.try_write(&scene.masters());
    scene.group.zookeeper.restart().expect("it comes back");
    let next = scene.leader();
    scene.write(3);
    scene.restart(leader);
    scene.await_vote(leader);

    assert!(!acknowledged);
    assert_ne!(next, leader);
    scene.check();
}

/// As a machine whose virtual processor was taken away for longer than its session lasts.
#[test]
fn leader_that_stood_still_writes_no_more_when_it_goes_on() {
    let mut scene = Scene::start(Setup::default());
    let leader = scene.leader();
    let followers = scene.followers(leader);
    let others = followers.map(|index| scene.group.masters[index].address);
    let address = scene.group.address(leader).expect("its address");

    scene.group.masters[leader]
        .signal(Signal::STOP)
        .expect("it stands still");
    scene.writes.write(&others).expect("another leads");
    scene.group.masters[leader]
        .signal(Signal::CONT)
        .expect("it goes on");
    let acknowledged = scene.writes.try_write(&[address]);
    let status = scene.group.masters[leader].wait().expect("it ends");
    let answer = http_client::send(others[0], &Request::get("/health"));
    scene.restart(leader);
    scene.await_vote(leader);

    assert!(!acknowledged);
    assert_eq!(status.code(), Some(1));
    assert!(answer.is_ok());
    scene.check();
}
