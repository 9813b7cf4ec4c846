//! The contender and the detector of a master that has no others beside it.

use libprocess::{Future, Outcome, Runtime, Upid};
use mesos_detector::{Contender, Detector, StandaloneContender, StandaloneDetector, master_info};
use mesos_proto::v1::MasterInfo;

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn wait<T: Send + 'static>(runtime: &Runtime, future: Future<T>) -> T {
    runtime.block_on(future).ready().expect("an answer")
}

fn master() -> MasterInfo {
    let pid: Upid = "master@10.10.1.105:8088".parse().expect("a process id");
    master_info("m", &pid, "host", Some("1.11.0"))
}

/// Mirrors: BasicMasterContenderDetectorTest.Contender
#[test]
fn the_only_candidate_loses_nothing_until_it_is_gone() {
    let runtime = runtime();
    let mut contender = StandaloneContender::default();
    contender.initialize(&master());

    let candidacy = wait(&runtime, contender.contend()).expect("contends");
    assert!(candidacy.is_pending());
    drop(contender);

    assert_eq!(wait(&runtime, candidacy), Ok(()));
    runtime.shutdown();
}

/// Mirrors: BasicMasterContenderDetectorTest.Detector
/// Mirrors: BasicMasterContenderDetectorTest.MasterInfo
#[test]
fn who_waits_for_an_appointment_may_leave_and_come_back() {
    let runtime = runtime();
    let detector = StandaloneDetector::start(&runtime, None);

    let first = detector.detect(None);
    assert!(first.is_pending());
    first.discard();
    let outcome = runtime.block_on(first);
    let second = detector.detect(None);
    assert!(second.is_pending());
    detector.appoint(Some(master()));
    let leader = wait(&runtime, second).expect("detects").expect("a leader");

    assert!(matches!(outcome, Outcome::Discarded), "{outcome:?}");
    assert_eq!(leader.address().ip(), "10.10.1.105");
    assert_eq!(leader.address().port(), 8088);
    runtime.shutdown();
}
