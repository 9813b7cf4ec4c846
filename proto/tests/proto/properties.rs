//! Every message with arbitrary content, v0 and v1, against an independent codec.

use mesos_proto::Dialect;
use prost::Message;
use prost::bytes::Bytes;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use crate::catalog::{Entry, find};
use crate::noise::Noise;
use crate::oracle::{Maker, POOL};

/// Calls `check` with arbitrary messages of every type, under both names where there are two.
fn for_every_message(check: impl Fn(&Entry, &MessageDescriptor, &DynamicMessage)) {
    let mut maker = Maker::new(Noise::new(42));
    let unused = |name: &str| name.starts_with("google.protobuf.");
    let mut count = 0;
    for descriptor in POOL.all_messages() {
        if descriptor.is_map_entry() || unused(descriptor.full_name()) {
            continue;
        }
        let entry = find(descriptor.full_name());
        for _ in 0..4 {
            check(entry, &descriptor, &maker.message(&descriptor, 0));
        }
        count += 1;
    }
    assert!(count > 1000, "only {count} messages");
}

fn dialect_of(descriptor: &MessageDescriptor) -> Dialect {
    if descriptor.full_name().starts_with("mesos.v1.") {
        Dialect::V1
    } else {
        Dialect::V0
    }
}

#[test]
fn what_we_encode_the_oracle_decodes() {
    for_every_message(|entry, descriptor, message| {
        let bytes = Bytes::from(message.encode_to_vec());
        let parse = |bytes: &[u8]| DynamicMessage::decode(descriptor.clone(), bytes);

        let again = (entry.recode)(bytes.clone()).expect("we decode what the oracle encodes");

        let same = parse(&again).expect("it decodes") == parse(&bytes).expect("it decodes");
        assert!(
            same,
            "{}: {bytes:?} became {again:?}",
            descriptor.full_name()
        );
    });
}

#[test]
fn json_is_read_back_and_written_the_same() {
    for_every_message(|entry, descriptor, message| {
        let dialect = dialect_of(descriptor);
        let text = (entry.to_json)(message.encode_to_vec().into(), dialect).expect("it decodes");

        let again = (entry.json_to_json)(&text, dialect);

        let again = again.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(again, text, "{}", descriptor.full_name());
    });
}

#[test]
fn json_holds_what_the_oracle_writes() {
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(true);
    for_every_message(|entry, descriptor, message| {
        let text = (entry.to_json)(message.encode_to_vec().into(), dialect_of(descriptor));
        let ours: Value = serde_json::from_str(&text.expect("it decodes")).expect("JSON");

        let theirs = message.serialize_with_options(serde_json::value::Serializer, &options);

        let theirs = theirs.expect("the oracle writes");
        assert_within(descriptor.full_name(), &theirs, &ours);
    });
}

/// Everything on the left is on the right; the right may have declared defaults besides.
#[track_caller]
fn assert_within(name: &str, left: &Value, right: &Value) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                let other = right.get(key);
                // Well-known types have a form of their own in the oracle.
                let special =
                    matches!(key.as_str(), "creation_time" | "ready" | "max_grace_period");
                if !special {
                    let other = other.unwrap_or_else(|| panic!("{name}: {key} is missing"));
                    assert_within(name, value, other);
                }
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{name}");
            left.iter()
                .zip(right)
                .for_each(|(left, right)| assert_within(name, left, right));
        }
        (Value::Number(left), Value::Number(right)) if left.is_f64() || right.is_f64() => {
            // The parser of serde_json may be off by the last digit.
            let [left, right] = [left, right].map(|number| number.as_f64().unwrap_or(f64::NAN));
            assert!(
                (left - right).abs() <= left.abs() * 1e-15,
                "{name}: {left} {right}"
            );
        }
        _ => assert_eq!(left, right, "{name}"),
    }
}

#[test]
fn json_becomes_the_same_message() {
    for_every_message(|entry, descriptor, message| {
        let dialect = dialect_of(descriptor);
        let text = (entry.to_json)(message.encode_to_vec().into(), dialect).expect("it decodes");

        let bytes = (entry.json_to_wire)(&text, dialect).expect("it reads");

        // Declared defaults are written, so they are set after reading; nothing else may change.
        let again = (entry.to_json)(bytes.into(), dialect).expect("it decodes");
        assert_eq!(again, text, "{}", descriptor.full_name());
    });
}
