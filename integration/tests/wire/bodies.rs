//! Every recorded protobuf body fits the `.proto` files, to the last byte.

use mesos_integration::descriptors;
use mesos_integration::golden::Golden;
use mesos_integration::replay::wire::{self, Frame};

fn known_frames(set: &str) -> Vec<Frame> {
    let golden = Golden::open(set).expect("the recording fits");
    let mut frames = wire::frames(&golden).expect("the recording fits");
    frames.retain(|frame| frame.message.is_some());
    frames
}

#[track_caller]
fn assert_bodies_survive(set: &str, least: usize) {
    let frames = known_frames(set);

    for frame in &frames {
        let name = frame.message.as_deref().expect("the recording fits");
        let json = descriptors::to_json(name, &frame.body).expect("the recording fits");
        let bytes = descriptors::to_bytes(name, &json).expect("the recording fits");
        assert_eq!(
            bytes, frame.body,
            "{set}, frame {}: {name} {json}",
            frame.number
        );
    }

    assert!(
        frames.len() >= least,
        "only {} bodies in {set}",
        frames.len()
    );
}

#[test]
fn standalone_bodies_decode_and_encode_to_the_same_bytes() {
    assert_bodies_survive("standalone", 200);
}

#[test]
fn ha_bodies_decode_and_encode_to_the_same_bytes() {
    assert_bodies_survive("ha", 1000);
}

#[test]
fn every_recorded_legacy_message_is_declared() {
    let golden = Golden::open("standalone").expect("the recording fits");

    for frame in wire::frames(&golden).expect("the recording fits") {
        let Some((_, name)) = frame.legacy() else {
            continue;
        };
        let is_known = descriptors::knows(name);
        assert_eq!(
            is_known,
            name != "mesos.internal.Nope",
            "frame {}: {name}",
            frame.number
        );
    }
}
