//! Each test has a server of its own.

mod client;
mod election;
mod group;

use std::{collections::BTreeSet, time::Duration};

use libprocess::{Future, Runtime, Upid};
use mesos_detector::{
    Contender, Detector, ZooKeeperContender, ZooKeeperDetector, master_info, same_master,
    zookeeper::{Cancelled, Group, GroupOptions, JoinRequest, Joined, Membership},
};
use mesos_integration::zookeeper_server::ZooKeeperServer;
use zookeeper_client::{Client, Error};

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn options(server: &ZooKeeperServer, credentials: &str) -> GroupOptions {
    let url = format!("zk://{credentials}{}/mesos/test", server.address());
    GroupOptions {
        url: url.parse().expect("an address of ZooKeeper"),
        session_timeout: Duration::from_secs(2),
    }
}

fn wait<T: Send + 'static>(runtime: &Runtime, future: Future<T>) -> T {
    runtime.block_on(future).ready().expect("an answer")
}

/// Ends a session as ZooKeeper does when it expires: whoever holds its secret may close it.
fn expire(runtime: &Runtime, server: &ZooKeeperServer, group: &Group) {
    let address = server.address().to_string();
    // Its owner wants to keep the session, so it may take more than one attempt to take it over.
    let over = mesos_integration::eventually::eventually("the end of the session", || {
        let session = wait(runtime, group.session())?;
        let taken = runtime.block_on(async {
            let twin = Client::connector()
                .with_session_timeout(Duration::from_secs(2))
                .with_session(session);
            twin.connect(&address).await.map(drop)
        });
        matches!(taken, Ok(()) | Err(Error::SessionExpired)).then_some(())
    });
    over.expect("the session is taken over");
}

fn join(runtime: &Runtime, group: &Group, data: &str) -> Joined {
    let request = JoinRequest {
        data: data.as_bytes().to_vec(),
        label: None,
    };
    wait(runtime, group.join(request)).expect("joins")
}

fn members(runtime: &Runtime, group: &Group, expected: &[&Membership]) -> BTreeSet<Membership> {
    let expected = expected.iter().map(|member| (*member).clone()).collect();
    wait(runtime, group.watch(expected)).expect("members")
}

/// Mirrors: GroupTest.Group
#[test]
fn a_member_is_seen_read_and_removed() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));

    let joined = join(&runtime, &group, "hello world");
    let seen = members(&runtime, &group, &[]);
    let data = wait(&runtime, group.data(joined.membership.clone()));
    let cancelled = wait(&runtime, group.cancel(joined.membership.clone()));

    assert_eq!(seen.first(), Some(&joined.membership));
    assert_eq!(data, Ok(Some(b"hello world".to_vec())));
    assert_eq!(cancelled, Ok(true));
    assert_eq!(wait(&runtime, joined.cancelled), Cancelled::Requested);
    assert!(members(&runtime, &group, &[&joined.membership]).is_empty());
    runtime.shutdown();
}

/// Mirrors: GroupTest.GroupJoinWithDisconnect
#[test]
fn a_join_waits_for_a_server_that_comes_later() {
    let mut server = ZooKeeperServer::start().expect("a server");
    server.kill().expect("dies");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let joining = group.join(JoinRequest {
        data: Vec::new(),
        label: None,
    });

    server.restart().expect("comes back");

    assert!(wait(&runtime, joining).is_ok());
    runtime.shutdown();
}

/// Mirrors: GroupTest.GroupWatchWithSessionExpiration
#[test]
fn an_expired_session_empties_the_group_and_ends_the_membership() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let joined = join(&runtime, &group, "gone");
    let member = joined.membership.clone();
    assert_eq!(members(&runtime, &group, &[]).len(), 1);

    server.freeze().expect("freezes");
    let seen = members(&runtime, &group, &[&member]);

    assert!(seen.is_empty());
    assert_eq!(wait(&runtime, joined.cancelled), Cancelled::Lost);
    server.thaw().expect("goes on");
    runtime.shutdown();
}

/// Mirrors: GroupTest.MultipleGroups
#[test]
fn two_sessions_see_each_other() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let one = Group::start(&runtime, options(&server, ""));
    let other = Group::start(&runtime, options(&server, ""));

    let first = join(&runtime, &one, "1");
    let second = join(&runtime, &other, "2");
    let both = members(&runtime, &one, &[&first.membership]);

    assert_eq!(both, BTreeSet::from([first.membership, second.membership]));
    runtime.shutdown();
}

/// Mirrors: GroupTest.GroupPathWithRestrictivePerms
#[test]
fn a_stranger_cannot_join_a_protected_group() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let owner = Group::start(&runtime, options(&server, "creator:creator@"));
    let member = join(&runtime, &owner, "mine");
    let stranger = Group::start(&runtime, options(&server, "other:other@"));

    let refused = stranger.join(JoinRequest {
        data: Vec::new(),
        label: None,
    });
    let read = stranger.data(member.membership);

    assert!(wait(&runtime, refused).is_err());
    assert_eq!(wait(&runtime, read), Ok(Some(b"mine".to_vec())));
    runtime.shutdown();
}

fn candidate(runtime: &Runtime, server: &ZooKeeperServer, name: &str) -> Candidate {
    let pid: Upid = format!("master@127.0.0.1:{name}")
        .parse()
        .expect("a process id");
    let info = master_info(name, &pid, "localhost", Some("1.11.0"));
    let mut contender = ZooKeeperContender::start(runtime, options(server, ""));
    contender.initialize(&info);
    let lost = wait(runtime, contender.contend()).expect("contends");
    Candidate {
        info,
        contender,
        lost,
    }
}

struct Candidate {
    info: mesos_proto::v1::MasterInfo,
    contender: ZooKeeperContender,
    lost: mesos_detector::contender::Candidacy,
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.ContenderDetectorShutdownNetwork
#[test]
fn the_first_candidate_leads_until_it_is_gone() {
    let server = ZooKeeperServer::start().expect("a server");
    let (hosts, watcher) = ([runtime(), runtime()], runtime());
    let first = candidate(&hosts[0], &server, "5050");
    let second = candidate(&hosts[1], &server, "5051");
    let detector = ZooKeeperDetector::start(&watcher, options(&server, ""));

    let leader = wait(&watcher, detector.detect(None))
        .expect("detects")
        .expect("a leader");
    assert!(same_master(&leader, &first.info), "{leader:?}");
    drop(first.contender);
    hosts[0].shutdown();
    let mut next = wait(&watcher, detector.detect(Some(leader))).expect("detects");
    while next.is_none() {
        next = wait(&watcher, detector.detect(None)).expect("detects");
    }

    assert!(same_master(&next.expect("a leader"), &second.info));
    assert!(second.lost.is_pending());
    drop(second.contender);
    hosts[1].shutdown();
    watcher.shutdown();
}
