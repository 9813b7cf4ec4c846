//! Bytes that are no message are errors, never panics.

use mesos_proto::codec::{MalformedMessage, wire};
use mesos_proto::v1;
use prost::bytes::Bytes;

#[track_caller]
fn assert_fails(bytes: &[u8], expected: MalformedMessage) {
    let outcome = wire::parse::<v1::ContainerId>(&Bytes::copy_from_slice(bytes));

    assert_eq!(outcome.map(|_| ()), Err(expected));
}

/// A ContainerId within a ContainerId, so many levels deep.
fn nested(levels: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..levels {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.append(&mut bytes);
        bytes = outer;
    }
    bytes
}

#[test]
fn a_message_that_ends_early_is_truncated() {
    assert_fails(b"\x0a", MalformedMessage::Truncated);
    assert_fails(b"\x0a\x05ab", MalformedMessage::Truncated);
    assert_fails(
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        MalformedMessage::Truncated,
    );
    assert_fails(b"\x12\x04\x0a\x03ab", MalformedMessage::Truncated);
    assert_fails(b"\x79\x01", MalformedMessage::Truncated);
    assert_fails(b"\x80", MalformedMessage::Truncated);
}

#[test]
fn a_number_of_more_than_ten_bytes_is_invalid() {
    assert_fails(&[0xff; 11], MalformedMessage::InvalidVarint);
}

#[test]
fn impossible_keys_are_invalid() {
    assert_fails(b"\x02\x00", MalformedMessage::InvalidKey { key: 2 });
    assert_fails(b"\x7e\x00", MalformedMessage::InvalidKey { key: 126 });
}

#[test]
fn groups_must_end_as_they_began() {
    assert_fails(b"\x7c", MalformedMessage::UnexpectedEndGroup { tag: 15 });
    assert_fails(
        b"\x7b\x74",
        MalformedMessage::UnexpectedEndGroup { tag: 14 },
    );
    assert_fails(b"\x7b", MalformedMessage::Truncated);
}

#[test]
fn a_hundred_levels_are_read_and_one_more_is_not() {
    assert!(wire::parse::<v1::ContainerId>(&nested(100).into()).is_ok());
    assert_fails(&nested(101), MalformedMessage::TooDeep);
    assert_fails(&[0x7b; 101], MalformedMessage::TooDeep);
}

#[test]
fn text_that_is_not_utf8_is_replaced() {
    let id = wire::parse::<v1::ContainerId>(&Bytes::from_static(b"\n\x03a\xffb"));

    assert_eq!(id.as_ref().map(v1::ContainerId::value), Ok("a\u{fffd}b"));
}
