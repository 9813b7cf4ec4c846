//! Fields of newer peers survive.

use mesos_proto::codec::wire;
use mesos_proto::{v0, v1};
use prost::Message;
use prost::bytes::Bytes;

fn recode<M: mesos_proto::WireMessage>(bytes: &'static [u8]) -> (M, Vec<u8>) {
    let message: M = wire::parse(&Bytes::from_static(bytes)).expect("it decodes");
    let again = wire::to_vec(&message);
    (message, again)
}

#[test]
fn every_wire_type_is_kept() {
    // Fields 100 (varint), 101 (64 bit), 102 (bytes), 103 (group with a varint), 104 (32 bit).
    const UNKNOWN: &[u8] = b"\n\x01t\xa0\x06\x01\xa9\x0612345678\xb2\x06\x02hi\
        \xbb\x06\x08\x05\xbc\x06\xc5\x061234";

    let (id, again) = recode::<v1::TaskId>(UNKNOWN);

    assert_eq!(again, UNKNOWN);
    assert_eq!(id.unknown.as_bytes(), &UNKNOWN[3..]);
}

#[test]
fn unknown_fields_are_kept_at_every_level() {
    let bytes: &[u8] = b"\x0a\x05\n\x01f\x78\x01\x78\x02";

    let (_, again) = recode::<v1::scheduler::Call>(bytes);

    assert_eq!(again, bytes);
}

#[test]
fn unknown_enum_values_are_kept_and_leave_the_field_unset() {
    let (call, again) = recode::<v1::scheduler::Call>(b"\x10\x63");

    assert_eq!(call.r#type, None);
    assert_eq!(call.r#type(), v1::scheduler::call::Type::Unknown);
    assert_eq!(again, b"\x10\x63");
}

#[test]
fn a_known_field_of_another_wire_type_is_kept_as_unknown() {
    let (id, again) = recode::<v1::TaskId>(b"\x08\x05");

    assert_eq!(id.value, None);
    assert_eq!(again, b"\x08\x05");
}

#[test]
fn unknown_fields_take_part_in_equality() {
    let (with, _) = recode::<v1::TaskId>(b"\n\x01t\x78\x01");
    let (without, _) = recode::<v1::TaskId>(b"\n\x01t");

    assert_ne!(with, without);
}

#[test]
fn packed_numbers_are_read() {
    let (check, again) =
        recode::<v1::health_check::HttpCheckInfo>(b"\x08\x50\x22\x03\xc8\x01\x05\x20\x07");

    assert_eq!(check.statuses, [200, 5, 7]);
    assert_eq!(again, b"\x08\x50\x20\xc8\x01\x20\x05\x20\x07");
}

#[test]
fn unknown_values_among_packed_enums_are_kept() {
    let (info, again) = recode::<v1::CapabilityInfo>(b"\x0a\x05\xe8\x07\x63\xe9\x07");

    assert_eq!(info.capabilities, [1000, 1001]);
    assert_eq!(again, b"\x08\xe8\x07\x08\xe9\x07\x08\x63");
}

#[test]
fn prost_sees_the_same_bytes_through_any_buffer() {
    let bytes = b"\n\x05\n\x01f\x78\x01\x10\x01\xbb\x06\x08\x05\xbc\x06\x78\x02";
    let whole: v1::scheduler::Call = wire::parse(&Bytes::from_static(bytes)).expect("it decodes");

    let mut by_field = v1::scheduler::Call::default();
    let mut buffer: &[u8] = bytes;
    while !buffer.is_empty() {
        let (tag, wire_type) = prost::encoding::decode_key(&mut buffer).expect("a key");
        let context = prost::encoding::DecodeContext::default();
        by_field
            .merge_field(tag, wire_type, &mut buffer, context)
            .expect("a field");
    }

    assert_eq!(by_field, whole);
    assert_eq!(whole.encoded_len(), bytes.len());
    assert_eq!(v1::scheduler::Call::decode(&bytes[..]).as_ref(), Ok(&whole));
}

#[test]
fn the_two_calls_that_differ_between_versions_are_two_types() {
    // Field 2 of Subscribe is `force` in v0 and `suppressed_roles` in v1.
    let v0 = v0::scheduler::call::Subscribe {
        force: Some(true),
        ..Default::default()
    };
    let v1 = v1::scheduler::call::Subscribe {
        suppressed_roles: vec!["eng".into()],
        ..Default::default()
    };

    assert_eq!(wire::to_vec(&v0), b"\x10\x01");
    assert_eq!(wire::to_vec(&v1), b"\x12\x03eng");
}

/// Mirrors: ProtobufUtilTest.LargeMessageEvolve
#[test]
fn seventy_megabytes_pass_through() {
    let data = Bytes::from(vec![b'x'; 70 << 20]);
    let executor = v1::ExecutorInfo {
        data: Some(data.clone()),
        ..Default::default()
    };

    let again: v1::ExecutorInfo = wire::parse(&wire::to_vec(&executor).into()).expect("it decodes");

    assert_eq!(again.data, Some(data));
}
