//! Limits on the messages of drivers.

use mesos_common::flags::JsonMessage;
use mesos_proto::internal::FrameworkRegisteredMessage;
use mesos_proto::v1;
use serde_json::{Value, json};

use crate::support::{Driver, Peer, Stage, framework, from_json};

fn limited(limits: &Value) -> Stage {
    let limits: v1::RateLimits = from_json(limits);
    Stage::start_with(|flags| flags.rate_limits = Some(JsonMessage::new(limits)))
}

fn of(principal: &str) -> v1::FrameworkInfo {
    let mut info = framework("eng");
    info.principal = Some(principal.to_owned());
    info
}

/// How many messages of a principal came, and how many were handled; none when uncounted.
fn counted(stage: &Stage, principal: &str) -> Option<(f64, f64)> {
    let of = |name: &str| stage.find_metric(&format!("frameworks/{principal}/messages_{name}"));
    Some((of("received")?, of("processed")?))
}

/// Says again who it is, which the master would answer.
fn repeat(stage: &Stage, driver: &Driver, info: &v1::FrameworkInfo) {
    stage.send(&driver.peer, &Driver::subscription(info.clone()));
    stage.settle();
}

/// Mirrors: RateLimitingTest.NoRateLimiting
#[test]
fn principal_without_a_rate_is_counted_while_it_has_a_framework() {
    let stage = limited(&json!({"limits": [{"principal": "p"}]}));
    assert_eq!(counted(&stage, "p"), None);
    let mut info = of("p");
    info.failover_timeout = Some(0.0);
    let driver = Driver::subscribe(&stage, info.clone());

    repeat(&stage, &driver, &info);

    let _again: FrameworkRegisteredMessage = driver.peer.expect();
    assert_eq!(counted(&stage, "p"), Some((1.0, 1.0)));
    driver.peer.disappear();
    stage.settle();
    stage.advance(std::time::Duration::from_millis(1));
    assert_eq!(counted(&stage, "p"), None);
}

/// Mirrors: RateLimitingTest.RateLimitingEnabled
#[test]
fn second_message_within_a_second_waits() {
    let stage = limited(&json!({"limits": [{"principal": "p", "qps": 1}]}));
    let driver = Driver::subscribe(&stage, of("p"));
    repeat(&stage, &driver, &of("p"));
    let _first: FrameworkRegisteredMessage = driver.peer.expect();
    assert_eq!(counted(&stage, "p"), Some((1.0, 1.0)));

    repeat(&stage, &driver, &of("p"));

    assert!(!driver.peer.has::<FrameworkRegisteredMessage>());
    assert_eq!(counted(&stage, "p"), Some((2.0, 1.0)));
    stage.advance(std::time::Duration::from_secs(1));
    let _second: FrameworkRegisteredMessage = driver.peer.expect();
    assert_eq!(counted(&stage, "p"), Some((2.0, 2.0)));
}

/// Mirrors: RateLimitingTest.DifferentPrincipalFrameworks
#[test]
fn each_principal_has_its_own_rate() {
    let stage = limited(&json!({"limits": [
        {"principal": "p1", "qps": 1},
        {"principal": "p2", "qps": 0.5},
    ]}));
    let one = Driver::subscribe(&stage, of("p1"));
    let two = Driver::subscribe(&stage, of("p2"));
    for (driver, info) in [(&one, of("p1")), (&two, of("p2"))] {
        repeat(&stage, driver, &info);
        repeat(&stage, driver, &info);
    }
    assert_eq!(counted(&stage, "p1"), Some((2.0, 1.0)));
    assert_eq!(counted(&stage, "p2"), Some((2.0, 1.0)));

    stage.advance(std::time::Duration::from_secs(1));
    assert_eq!(counted(&stage, "p1"), Some((2.0, 2.0)));
    assert_eq!(counted(&stage, "p2"), Some((2.0, 1.0)));
    stage.advance(std::time::Duration::from_secs(1));
    assert_eq!(counted(&stage, "p2"), Some((2.0, 2.0)));
}

/// Mirrors: RateLimitingTest.SamePrincipalFrameworks
#[test]
fn frameworks_of_a_principal_share_its_rate() {
    let stage = limited(&json!({"limits": [{"principal": "p", "qps": 1}]}));
    let one = Driver::subscribe(&stage, of("p"));
    let two = Driver::subscribe(&stage, of("p"));

    repeat(&stage, &one, &of("p"));
    repeat(&stage, &two, &of("p"));

    assert_eq!(counted(&stage, "p"), Some((2.0, 1.0)));
    assert!(!two.peer.has::<FrameworkRegisteredMessage>());
    stage.advance(std::time::Duration::from_secs(1));
    let _again: FrameworkRegisteredMessage = two.peer.expect();
    assert_eq!(counted(&stage, "p"), Some((2.0, 2.0)));
    one.peer.disappear();
    stage.settle();
    assert_eq!(counted(&stage, "p"), Some((2.0, 2.0)));
}

/// Mirrors: RateLimitingTest.SchedulerFailover
#[test]
fn driver_that_takes_over_goes_on_under_the_same_rate() {
    let stage = limited(&json!({"limits": [{"principal": "p", "qps": 1}]}));
    let one = Driver::subscribe(&stage, of("p"));
    repeat(&stage, &one, &of("p"));
    let _again: FrameworkRegisteredMessage = one.peer.expect();
    assert_eq!(counted(&stage, "p"), Some((1.0, 1.0)));
    let mut info = of("p");
    info.id = Some(one.id.clone());
    let peer = Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(info.clone()));
    let registered: FrameworkRegisteredMessage = peer.expect();
    let two = Driver {
        id: registered.framework_id().clone(),
        peer,
    };
    assert_eq!(two.id, one.id);

    repeat(&stage, &two, &info);

    assert_eq!(counted(&stage, "p"), Some((2.0, 1.0)));
    assert!(!two.peer.has::<FrameworkRegisteredMessage>());
    stage.advance(std::time::Duration::from_secs(1));
    let _again: FrameworkRegisteredMessage = two.peer.expect();
    assert_eq!(counted(&stage, "p"), Some((2.0, 2.0)));
}
