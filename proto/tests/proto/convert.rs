//! Conversions between the messages that v0 and v1 do not share.

use mesos_proto::google::protobuf::Duration;
use mesos_proto::{v0, v1};

fn subscribe() -> v1::scheduler::Call {
    let subscribe = v1::scheduler::call::Subscribe {
        framework_info: Some(
            v1::FrameworkInfo {
                user: Some("u".into()),
                ..Default::default()
            }
            .into(),
        ),
        suppressed_roles: vec!["eng".into()],
        offer_constraints: Some(v1::scheduler::OfferConstraints::default().into()),
        ..Default::default()
    };
    v1::scheduler::Call {
        r#type: Some(v1::scheduler::call::Type::Subscribe.into()),
        subscribe: Some(subscribe.into()),
        ..Default::default()
    }
}

#[test]
fn a_subscription_passes_between_the_versions_unharmed() {
    let v0 = v0::scheduler::Call::from(subscribe());

    assert_eq!(v0.subscribe().suppressed_roles, ["eng"]);
    assert_eq!(v1::scheduler::Call::from(v0), subscribe());
}

#[test]
fn a_drain_keeps_its_grace_period() {
    let period = |seconds, nanos| {
        let drain = v1::master::call::DrainAgent {
            max_grace_period: Some(
                Duration {
                    seconds: Some(seconds),
                    nanos: Some(nanos),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        };
        v0::master::call::DrainAgent::from(drain)
            .max_grace_period()
            .nanoseconds()
    };

    assert_eq!(period(4, 5), 4_000_000_005);
    assert_eq!(period(-1, -5), -1_000_000_005);
    assert_eq!(period(i64::MAX, 0), i64::MAX);
}
