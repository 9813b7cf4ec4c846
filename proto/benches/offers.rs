//! How fast does an event with 200 offers go through the codecs?
//!
//! The same event as C++ sends it to a framework on a large cluster: ids, attributes, and resources
//! with reservations. Reported per byte of the form that is written or read.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mesos_proto::v1::{self, scheduler::Event};
use mesos_proto::{Dialect, from_json, to_json};
use prost::Message;
use prost::bytes::Bytes;

fn resource(name: &str, amount: f64) -> v1::Resource {
    v1::Resource {
        name: Some(name.into()),
        r#type: Some(v1::value::Type::Scalar.into()),
        scalar: Some(
            v1::value::Scalar {
                value: Some(amount),
                ..Default::default()
            }
            .into(),
        ),
        allocation_info: Some(
            v1::resource::AllocationInfo {
                role: Some("engineering/web".into()),
                ..Default::default()
            }
            .into(),
        ),
        reservations: vec![v1::resource::ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Dynamic.into()),
            role: Some("engineering/web".into()),
            principal: Some("operator".into()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn attribute(name: &str, value: &str) -> v1::Attribute {
    v1::Attribute {
        name: Some(name.into()),
        r#type: Some(v1::value::Type::Text.into()),
        text: Some(
            v1::value::Text {
                value: Some(value.into()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

fn offer(number: u32) -> v1::Offer {
    let id = format!("d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-O{number}");
    let agent = format!("d7e46348-4eab-4cb8-8d6c-ca73f85c7a70-S{number}");
    v1::Offer {
        id: Some(
            v1::OfferId {
                value: Some(id),
                ..Default::default()
            }
            .into(),
        ),
        agent_id: Some(
            v1::AgentId {
                value: Some(agent),
                ..Default::default()
            }
            .into(),
        ),
        hostname: Some(format!("node{number}.example.org")),
        resources: vec![
            resource("cpus", 0.1 * f64::from(number)),
            resource("mem", 8192.0),
            resource("disk", 10_240.5),
        ],
        attributes: vec![attribute("rack", "r17"), attribute("zone", "europe-west-1")],
        ..Default::default()
    }
}

fn event() -> Event {
    let offers = v1::scheduler::event::Offers {
        offers: (0..200).map(offer).collect(),
        ..Default::default()
    };
    Event {
        r#type: Some(v1::scheduler::event::Type::Offers.into()),
        offers: Some(offers.into()),
        ..Default::default()
    }
}

fn offers(criterion: &mut Criterion) {
    let event = event();
    let bytes = Bytes::from(event.encode_to_vec());
    let text = to_json(&event, Dialect::V1);

    let mut group = criterion.benchmark_group("offers_200/protobuf");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("encode", |bench| {
        bench.iter(|| black_box(&event).encode_to_vec())
    });
    group.bench_function("decode", |bench| {
        bench.iter(|| Event::decode(bytes.clone()))
    });
    group.finish();

    let mut group = criterion.benchmark_group("offers_200/json");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |bench| {
        bench.iter(|| to_json(black_box(&event), Dialect::V1))
    });
    group.bench_function("read", |bench| {
        bench.iter(|| from_json::<Event>(black_box(&text), Dialect::V1));
    });
    group.finish();
}

criterion_group!(benches, offers);
criterion_main!(benches);
