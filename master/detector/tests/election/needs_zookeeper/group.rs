//! Members of a group while sessions break, and who leads it.

use mesos_detector::zookeeper::{LeaderContender, LeaderDetector};

use super::*;

fn labelled(data: &str, label: &str) -> JoinRequest {
    JoinRequest {
        data: data.as_bytes().to_vec(),
        label: Some(label.to_owned()),
    }
}

/// Mirrors: GroupTest.GroupDataWithDisconnect
#[test]
fn a_read_waits_until_the_server_answers_again() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let joined = join(&runtime, &group, "hello world");
    assert_eq!(members(&runtime, &group, &[]).len(), 1);

    server.freeze().expect("freezes");
    let data = group.data(joined.membership);
    assert!(data.is_pending());
    server.thaw().expect("goes on");

    assert_eq!(wait(&runtime, data), Ok(Some(b"hello world".to_vec())));
    runtime.shutdown();
}

/// Mirrors: GroupTest.GroupDataWithRemovedMembership
#[test]
fn a_member_that_is_gone_has_no_data() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let joined = join(&runtime, &group, "hello world");
    assert_eq!(members(&runtime, &group, &[]).len(), 1);

    let cancelled = wait(&runtime, group.cancel(joined.membership.clone()));
    let data = wait(&runtime, group.data(joined.membership));

    assert_eq!((cancelled, data), (Ok(true), Ok(None)));
    runtime.shutdown();
}

/// Mirrors: GroupTest.GroupCancelWithDisconnect
#[test]
fn a_cancellation_waits_until_the_server_answers_again() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let joined = join(&runtime, &group, "hello world");
    let member = joined.membership.clone();
    assert_eq!(members(&runtime, &group, &[]).len(), 1);
    let data = wait(&runtime, group.data(member.clone()));

    server.freeze().expect("freezes");
    let cancelled = group.cancel(member.clone());
    assert!(cancelled.is_pending());
    server.thaw().expect("goes on");

    assert_eq!(data, Ok(Some(b"hello world".to_vec())));
    assert_eq!(wait(&runtime, cancelled), Ok(true));
    assert!(members(&runtime, &group, &[&member]).is_empty());
    assert_eq!(wait(&runtime, joined.cancelled), Cancelled::Requested);
    runtime.shutdown();
}

/// Mirrors: GroupTest.LabelledGroup
#[test]
fn a_member_with_a_label_is_a_member() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));

    let request = labelled("hello world", "testlabel");
    let joined = wait(&runtime, group.join(request)).expect("joins");
    let member = joined.membership.clone();
    let seen = members(&runtime, &group, &[]);
    let data = wait(&runtime, group.data(member.clone()));
    let cancelled = wait(&runtime, group.cancel(member.clone()));

    assert_eq!(seen, BTreeSet::from([member.clone()]));
    assert_eq!(member.label(), Some("testlabel"));
    assert_eq!(data, Ok(Some(b"hello world".to_vec())));
    assert_eq!(cancelled, Ok(true));
    assert!(members(&runtime, &group, &[&member]).is_empty());
    assert_eq!(wait(&runtime, joined.cancelled), Cancelled::Requested);
    runtime.shutdown();
}

/// Mirrors: GroupTest.RetryableErrors
#[test]
fn sessions_that_expire_again_and_again_only_delay_what_is_asked() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, "creator:creator@"));

    expire(&runtime, &server, &group);
    let joining = group.join(JoinRequest {
        data: b"hello world".to_vec(),
        label: None,
    });
    expire(&runtime, &server, &group);
    let joined = wait(&runtime, joining).expect("joins");
    expire(&runtime, &server, &group);
    let cancelled = wait(&runtime, group.cancel(joined.membership));

    // Whether it was still a member depends on which came first.
    assert!(cancelled.is_ok(), "{cancelled:?}");
    runtime.shutdown();
}

/// Mirrors: ZooKeeperTest.LeaderDetector
/// Mirrors: ZooKeeperTest.LeaderDetectorCancellationHandling
#[test]
fn the_member_that_came_first_leads() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let (first, second) = (join(&runtime, &group, "1"), join(&runtime, &group, "2"));
    let detector = LeaderDetector::start(&runtime, group.clone());
    let cancel = |member: &Membership| wait(&runtime, group.cancel(member.clone()));

    let leader = wait(&runtime, detector.detect(None)).expect("detects");
    assert_eq!(leader, Some(first.membership.clone()));
    let next = detector.detect(leader);
    assert_eq!(cancel(&second.membership), Ok(true));
    assert!(next.is_pending());
    let third = join(&runtime, &group, "2");
    assert!(next.is_pending());
    assert_eq!(cancel(&first.membership), Ok(true));
    let leader = wait(&runtime, next).expect("detects");
    assert_eq!(leader, Some(third.membership.clone()));
    let nobody = detector.detect(leader);
    assert!(nobody.is_pending());
    assert_eq!(cancel(&third.membership), Ok(true));
    assert_eq!(wait(&runtime, nobody), Ok(None));
    let last = join(&runtime, &group, "3");

    let leader = wait(&runtime, detector.detect(None));
    assert_eq!(leader, Ok(Some(last.membership)));
    runtime.shutdown();
}

/// Mirrors: ZooKeeperTest.LeaderDetectorTimeoutHandling
#[test]
fn a_lost_session_has_no_leader() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let detector = LeaderDetector::start(&runtime, group.clone());
    let joined = join(&runtime, &group, "1");
    let leader = wait(&runtime, detector.detect(None)).expect("detects");
    assert_eq!(leader, Some(joined.membership));

    let next = detector.detect(leader);
    server.freeze().expect("freezes");

    assert_eq!(wait(&runtime, next), Ok(None));
    server.thaw().expect("goes on");
    runtime.shutdown();
}

/// Mirrors: ZooKeeperTest.LeaderContender
#[test]
fn a_candidacy_ends_when_it_is_withdrawn_or_its_session_ends() {
    let server = ZooKeeperServer::start().expect("a server");
    let runtime = runtime();
    let group = Group::start(&runtime, options(&server, ""));
    let contender =
        || LeaderContender::start(&runtime, group.clone(), labelled("candidate 1", "info"));

    let early = contender();
    assert_eq!(wait(&runtime, early.withdraw()), Ok(false));
    let early = contender();
    let _contending = early.contend();
    assert_eq!(wait(&runtime, early.withdraw()), Ok(true));
    let candidate = contender();
    let lost = wait(&runtime, candidate.contend()).expect("contends");
    assert!(lost.is_pending());
    expire(&runtime, &server, &group);
    assert_eq!(wait(&runtime, lost), Cancelled::Lost);
    assert_eq!(wait(&runtime, candidate.withdraw()), Ok(false));
    let again = contender();
    let contending = again.contend();
    expire(&runtime, &server, &group);
    let _survived = wait(&runtime, contending).expect("contends after all");
    wait(&runtime, again.withdraw()).expect("withdraws");
    let last = contender();
    let lost = wait(&runtime, last.contend()).expect("contends");
    server.freeze().expect("freezes");
    assert_eq!(wait(&runtime, lost), Cancelled::Lost);
    server.thaw().expect("goes on");

    assert!(wait(&runtime, contender().contend()).is_ok());
    runtime.shutdown();
}
