//! Masters that do what no master should do.

use super::*;

#[test]
fn redirects_in_a_circle_end_once_a_master_leads() {
    let clock = Clock::real();
    let master = FakeMaster::start(&clock, ContentType::Protobuf);
    let MasterUrl::Address(target) = master.url() else {
        unreachable!()
    };
    let location = format!("//{}/master/api/v1/scheduler", target.address);
    // More than are followed in a row: the search starts anew, and again.
    for _ in 0..12 {
        master.refuse(Response::temporary_redirect(&location));
    }
    let mut pair = Pair::of(master, &clock, |options| {
        options.subscribe = Subscribe::Automatic(Box::new(framework()));
    });

    for _ in 0..12 {
        assert_eq!(pair.master.next().call.r#type(), call::Type::Subscribe);
    }
    pair.master.subscribe();

    let subscribed = loop {
        if let Delivery::Event(event) = pair.next() {
            break event;
        }
    };
    assert_eq!(subscribed.r#type(), event::Type::Subscribed);
}

#[test]
fn redirect_to_nowhere_leads_to_another_search() {
    let clock = Clock::real();
    let master = FakeMaster::start(&clock, ContentType::Protobuf);
    master.refuse(Response::temporary_redirect("/nowhere"));
    let mut pair = Pair::of(master, &clock, |options| {
        options.subscribe = Subscribe::Automatic(Box::new(framework()));
    });

    assert_eq!(pair.next(), Delivery::Connected);
    assert_eq!(pair.next(), Delivery::Disconnected);

    assert_eq!(pair.next(), Delivery::Connected);
}

#[test]
fn half_a_record_is_not_an_event() {
    let mut pair = Pair::start();
    pair.subscribe();
    let event = ContentType::Protobuf.encode(&blank(event::Type::Heartbeat));
    let record = mesos_common::recordio::encode(&event);

    pair.master
        .send_raw(record.slice(..record.len().saturating_sub(1)));
    pair.master.end_stream();

    assert_eq!(pair.next(), Delivery::Disconnected);
    assert_eq!(pair.next(), Delivery::Connected);
}

#[test]
fn subscription_without_a_stream_id_is_not_trusted() {
    let clock = Clock::real();
    let master = FakeMaster::start(&clock, ContentType::Protobuf);
    master.refuse(Response::ok());
    let mut pair = Pair::of(master, &clock, |_| {});
    assert_eq!(pair.next(), Delivery::Connected);

    pair.mesos.send(Calls::subscribe(framework()));
    assert_eq!(pair.master.next().call.r#type(), call::Type::Subscribe);

    assert_eq!(pair.next(), Delivery::Disconnected);
    pair.subscribe();
}
