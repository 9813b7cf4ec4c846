//! Masters that contend, and those who look for the leader.

use libprocess::Outcome;
use mesos_detector::zookeeper::LeaderContender;
use mesos_proto::v1::MasterInfo;
use zookeeper_client::{Acl, Acls, AuthId, CreateMode, Permission};

use super::*;

fn master(port: &str) -> MasterInfo {
    let pid: Upid = format!("master@10.0.0.1:{port}")
        .parse()
        .expect("a process id");
    master_info(port, &pid, "localhost", Some("1.11.0"))
}

/// A candidate whose session can be ended.
struct Contestant {
    info: MasterInfo,
    group: Group,
    contender: ZooKeeperContender,
    lost: mesos_detector::contender::Candidacy,
}

fn contestant(runtime: &Runtime, server: &ZooKeeperServer, port: &str) -> Contestant {
    let group = Group::start(runtime, options(server, ""));
    let mut contender = ZooKeeperContender::in_group(runtime, group.clone());
    let info = master(port);
    contender.initialize(&info);
    let lost = wait(runtime, contender.contend()).expect("contends");
    Contestant {
        info,
        group,
        contender,
        lost,
    }
}

fn detected(
    runtime: &Runtime,
    detector: &ZooKeeperDetector,
    previous: Option<MasterInfo>,
) -> Option<MasterInfo> {
    wait(runtime, detector.detect(previous)).expect("detects")
}

fn is(leader: Option<&MasterInfo>, expected: &MasterInfo) -> bool {
    leader.is_some_and(|leader| same_master(leader, expected))
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterContender
#[test]
fn a_lone_candidate_leads_until_its_session_ends() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let candidate = contestant(&runtime, &server, "1");
    let detector = ZooKeeperDetector::start(&runtime, options(&server, ""));

    let leader = detected(&runtime, &detector, None);
    assert!(is(leader.as_ref(), &candidate.info), "{leader:?}");
    let waiting = detector.detect(leader);
    assert!(waiting.is_pending());
    waiting.discard();
    assert!(matches!(runtime.block_on(waiting), Outcome::Discarded));
    let leader = detected(&runtime, &detector, None);
    assert!(is(leader.as_ref(), &candidate.info), "{leader:?}");
    let next = detector.detect(leader);
    expire(&runtime, &server, &candidate.group);

    assert_eq!(wait(&runtime, candidate.lost), Ok(()));
    assert_eq!(wait(&runtime, next), Ok(None));
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.ContenderPendingElection
#[test]
fn who_contends_twice_before_the_server_answers_joins_once() {
    let mut server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    server.kill().expect("dies");
    let mut contender = ZooKeeperContender::start(&runtime, options(&server, ""));
    contender.initialize(&master("1"));
    let (first, second) = (contender.contend(), contender.contend());
    assert!(first.is_pending() && second.is_pending());

    server.restart().expect("comes back");
    let candidacies = [
        wait(&runtime, first).expect("contends"),
        wait(&runtime, second).expect("contends"),
    ];
    let watcher = Group::start(&runtime, options(&server, ""));
    let joined = members(&runtime, &watcher, &[]);

    assert_eq!(joined.len(), 1);
    assert!(candidacies.iter().all(Future::is_pending));
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterContenders
#[test]
fn the_second_candidate_leads_when_the_first_is_gone() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let first = contestant(&runtime, &server, "1");
    let (near, far) = (
        ZooKeeperDetector::start(&runtime, options(&server, "")),
        ZooKeeperDetector::start(&runtime, options(&server, "")),
    );
    assert!(is(detected(&runtime, &near, None).as_ref(), &first.info));
    let second = contestant(&runtime, &server, "2");
    assert!(is(detected(&runtime, &far, None).as_ref(), &first.info));

    drop(first.contender);
    let next = detected(&runtime, &far, Some(first.info));

    assert!(is(next.as_ref(), &second.info), "{next:?}");
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.NonRetryableFrrors
#[test]
fn a_wrong_password_fails_candidates_and_a_closed_folder_fails_detectors() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let owner = Group::start(&runtime, options(&server, "member:member@"));
    join(&runtime, &owner, "data");
    let stranger = options(&server, "member:wrongpass@");
    let mut contender = ZooKeeperContender::start(&runtime, stranger);
    contender.initialize(&master("1"));
    for _ in 0..2 {
        assert!(wait(&runtime, contender.contend()).is_err());
    }
    let address = server.address().to_string();
    runtime.block_on(async {
        let creator = Client::connector()
            .with_server_version(3, 4, 0)
            .with_auth("digest", b"creator:creator")
            .connect(&address)
            .await
            .expect("connects");
        let closed = [Acl::new(Permission::ALL, AuthId::authed())];
        let options = CreateMode::Persistent.with_acls(Acls::new(&closed));
        creator
            .create("/closed", b"", &options)
            .await
            .expect("creates");
    });
    let url = format!("zk://{address}/closed");
    let options = GroupOptions {
        url: url.parse().expect("an address of ZooKeeper"),
        session_timeout: Duration::from_secs(2),
    };
    let detector = ZooKeeperDetector::start(&runtime, options);

    for _ in 0..2 {
        assert!(wait(&runtime, detector.detect(None)).is_err());
    }
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterDetectorTimedoutSession
#[test]
fn a_silent_server_takes_the_leader_from_everybody() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let leader = contestant(&runtime, &server, "1");
    let follower = contestant(&runtime, &server, "2");
    let groups = [
        leader.group.clone(),
        follower.group.clone(),
        Group::start(&runtime, options(&server, "")),
    ];
    let detectors = groups.map(|group| ZooKeeperDetector::in_group(&runtime, group));
    for detector in &detectors {
        let known = detected(&runtime, detector, None);
        assert!(is(known.as_ref(), &leader.info), "{known:?}");
    }

    let waiting = detectors
        .each_ref()
        .map(|detector| detector.detect(Some(leader.info.clone())));
    server.freeze().expect("freezes");

    for waiting in waiting {
        assert_eq!(wait(&runtime, waiting), Ok(None));
    }
    assert_eq!(wait(&runtime, leader.lost), Ok(()));
    assert_eq!(wait(&runtime, follower.lost), Ok(()));
    server.thaw().expect("goes on");
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterDetectorExpireMasterZKSession
#[test]
fn a_leader_whose_session_expires_sees_the_follower_lead() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let leader = contestant(&runtime, &server, "1");
    let detector = ZooKeeperDetector::start(&runtime, options(&server, ""));
    let known = detected(&runtime, &detector, None);
    assert!(is(known.as_ref(), &leader.info), "{known:?}");
    let next = detector.detect(known);
    let follower = contestant(&runtime, &server, "2");

    expire(&runtime, &server, &leader.group);

    assert_eq!(wait(&runtime, leader.lost), Ok(()));
    let next = wait(&runtime, next).expect("detects");
    assert!(is(next.as_ref(), &follower.info), "{next:?}");
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterDetectorExpireSlaveZKSession
#[test]
fn a_detector_whose_session_expires_finds_the_same_leader_again() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let leader = contestant(&runtime, &server, "1");
    let group = Group::start(&runtime, options(&server, ""));
    let detector = ZooKeeperDetector::in_group(&runtime, group.clone());
    let known = detected(&runtime, &detector, None);
    assert!(is(known.as_ref(), &leader.info), "{known:?}");

    let next = detector.detect(known);
    expire(&runtime, &server, &group);

    assert_eq!(wait(&runtime, next), Ok(None));
    let again = detected(&runtime, &detector, None);
    assert!(is(again.as_ref(), &leader.info), "{again:?}");
    assert!(leader.lost.is_pending());
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterDetectorExpireSlaveZKSessionNewMaster
#[test]
fn a_detector_and_a_leader_that_expire_together_end_with_the_follower_leading() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let leader = contestant(&runtime, &server, "1");
    let follower = contestant(&runtime, &server, "2");
    let group = Group::start(&runtime, options(&server, ""));
    let detector = ZooKeeperDetector::in_group(&runtime, group.clone());
    let known = detected(&runtime, &detector, None);
    assert!(is(known.as_ref(), &leader.info), "{known:?}");

    let next = detector.detect(known);
    expire(&runtime, &server, &leader.group);
    expire(&runtime, &server, &group);
    let mut now = wait(&runtime, next).expect("detects");
    while !is(now.as_ref(), &follower.info) {
        now = detected(&runtime, &detector, now);
    }

    assert!(follower.lost.is_pending());
    runtime.shutdown();
}

/// Mirrors: ZooKeeperMasterContenderDetectorTest.MasterDetectorUsesJson
#[test]
fn a_detector_reads_the_json_of_any_candidate() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let info = master("8080");
    let group = Group::start(&runtime, options(&server, ""));
    let text = r#"{"address":{"hostname":"localhost","ip":"10.0.0.1","port":8080},
        "hostname":"localhost","id":"8080","ip":16777226,"pid":"master@10.0.0.1:8080",
        "port":8080,"version":"1.11.0"}"#;
    let request = JoinRequest {
        data: text.as_bytes().to_vec(),
        label: Some("json.info".to_owned()),
    };
    let contender = LeaderContender::start(&runtime, group, request);
    let _lost = wait(&runtime, contender.contend()).expect("contends");

    let detector = ZooKeeperDetector::start(&runtime, options(&server, ""));
    let leader = detected(&runtime, &detector, None);

    assert!(is(leader.as_ref(), &info), "{leader:?}");
    runtime.shutdown();
}
