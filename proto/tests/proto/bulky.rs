//! Messages that make room for megabytes at once are encoded as all others are.

use mesos_proto::codec::wire;
use mesos_proto::internal::{log, state};
use prost::bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};

fn delimited(tag: u32, payload: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(tag, WireType::LengthDelimited, &mut out);
    encode_varint(payload.len() as u64, &mut out);
    out.extend_from_slice(payload);
    out.extend_from_slice(rest);
    out
}

/// Lengths around those where the length itself takes one more byte, at every level of nesting.
fn lengths() -> impl Iterator<Item = usize> {
    [0, 0x80, 0x4000, 0x20_0000]
        .into_iter()
        .flat_map(|limit: usize| limit.saturating_sub(60)..limit + 4)
}

#[test]
fn an_entry_of_the_state_is_encoded_as_its_fields_are() {
    for length in lengths() {
        let value = Bytes::from(vec![7; length]);
        let entry = state::Entry {
            name: Some("n".into()),
            uuid: Some(Bytes::from_static(b"u")),
            value: Some(value.clone()),
            ..Default::default()
        };
        let operation = state::Operation {
            r#type: Some(state::operation::Type::Snapshot.into()),
            snapshot: Some(state::operation::Snapshot {
                entry: Some(entry.into()),
                ..Default::default()
            }),
            ..Default::default()
        };

        let encoded = wire::to_vec(&operation);

        let entry = [
            delimited(1, b"n", b""),
            delimited(2, b"u", b""),
            delimited(3, &value, b""),
        ];
        let snapshot = delimited(1, &entry.concat(), b"");
        let expected = [vec![8, 1], delimited(2, &snapshot, b"")].concat();
        assert!(encoded == expected, "{length} bytes");
    }
}

#[test]
fn a_record_of_the_log_is_encoded_as_its_fields_are() {
    for length in lengths() {
        let bytes = Bytes::from(vec![7; length]);
        let action = log::Action {
            position: Some(1),
            promised: Some(2),
            append: Some(
                log::action::Append {
                    bytes: Some(bytes.clone()),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        };
        let record = log::Record {
            r#type: Some(log::record::Type::Action.into()),
            action: Some(action.into()),
            ..Default::default()
        };

        let encoded = wire::to_vec(&record);

        let append = delimited(1, &bytes, b"");
        let action = [vec![8, 1, 16, 2], delimited(7, &append, b"")].concat();
        let expected = [vec![8, 2], delimited(3, &action, b"")].concat();
        assert!(encoded == expected, "{length} bytes");
    }
}
