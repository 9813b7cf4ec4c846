//! Rules of the JSON writer.

use mesos_proto::json::JsonWriter;
use mesos_proto::v1::{self, TaskState};
use mesos_proto::{Dialect, internal, to_json};
use prost::bytes::Bytes;

fn agent_id(value: &str) -> v1::AgentId {
    v1::AgentId {
        value: Some(value.to_owned()),
        ..Default::default()
    }
}

fn double(value: f64) -> String {
    let mut writer = JsonWriter::new(Dialect::V1);
    writer.value(&value);
    writer.into_string()
}

fn string(value: &str) -> String {
    let mut writer = JsonWriter::new(Dialect::V1);
    writer.value(value);
    writer.into_string()
}

/// Mirrors: ProtobufTest.Jsonify
#[test]
fn members_come_in_the_order_of_declaration() {
    let task = v1::TaskInfo {
        name: Some("web".into()),
        data: Some(Bytes::from_static(b"\x00\xff")),
        command: Some(v1::CommandInfo::default().into()),
        health_check: Some(v1::HealthCheck::default().into()),
        agent_id: Some(agent_id("a").into()),
        ..Default::default()
    };

    let text = to_json(&task, Dialect::V1);

    let order = ["name", "agent_id", "command", "health_check", "data"];
    let places: Vec<_> = order
        .iter()
        .map(|name| text.find(&format!("\"{name}\":")))
        .collect();
    assert!(
        places.is_sorted() && places.iter().all(Option::is_some),
        "{text}"
    );
}

/// Mirrors: HTTP.AsV1Protobuf
#[test]
fn names_follow_the_dialect() {
    let update = v1::scheduler::call::Shutdown {
        agent_id: Some(agent_id("a").into()),
        ..Default::default()
    };

    assert_eq!(
        to_json(&update, Dialect::V1),
        r#"{"agent_id":{"value":"a"}}"#
    );
    assert_eq!(
        to_json(&update, Dialect::V0),
        r#"{"slave_id":{"value":"a"}}"#
    );
}

#[test]
fn enum_values_follow_the_dialect() {
    let status = v1::TaskStatus {
        reason: Some(v1::task_status::Reason::ReasonAgentRemoved.into()),
        ..Default::default()
    };

    assert_eq!(
        to_json(&status, Dialect::V1),
        r#"{"reason":"REASON_AGENT_REMOVED"}"#
    );
    assert_eq!(
        to_json(&status, Dialect::V0),
        r#"{"reason":"REASON_SLAVE_REMOVED"}"#
    );
}

#[test]
fn a_field_that_only_v0_has_is_left_out_of_v1() {
    let agent = v1::AgentInfo {
        checkpoint: Some(true),
        ..Default::default()
    };

    assert_eq!(
        to_json(&agent, Dialect::V0),
        r#"{"port":5051,"checkpoint":true}"#
    );
    assert_eq!(to_json(&agent, Dialect::V1), r#"{"port":5051}"#);
}

#[test]
fn a_writer_can_be_told_to_show_v0_fields_in_v1() {
    let agent = v1::AgentInfo {
        checkpoint: Some(true),
        ..Default::default()
    };
    let mut writer = JsonWriter::new(Dialect::V1);

    writer.message_with_v0_fields(&agent);

    assert_eq!(writer.into_string(), r#"{"port":5051,"checkpoint":true}"#);
}

#[test]
fn an_enum_value_that_only_v0_has_is_left_out_of_v1() {
    let kind = v1::master_info::capability::Type::QuotaV2;
    let capability = v1::master_info::Capability {
        r#type: Some(kind.into()),
        ..Default::default()
    };

    assert_eq!(to_json(&capability, Dialect::V0), r#"{"type":"QUOTA_V2"}"#);
    assert_eq!(to_json(&capability, Dialect::V1), "{}");
}

#[test]
fn declared_defaults_are_shown_and_other_unset_fields_are_not() {
    let text = to_json(&v1::command_info::Uri::default(), Dialect::V1);

    assert_eq!(text, r#"{"extract":true}"#);
}

#[test]
fn deprecated_defaults_are_shown_only_when_set() {
    let unset = v1::Resource::default();
    let set = v1::Resource {
        role: Some("*".into()),
        ..Default::default()
    };

    assert_eq!(to_json(&unset, Dialect::V1), "{}");
    assert_eq!(to_json(&set, Dialect::V1), r#"{"role":"*"}"#);
}

/// Mirrors: ProtobufTest.JsonifyLargeIntegers
/// Mirrors: ProtobufTest.JsonLargeIntegers
#[test]
fn wide_integers_are_numbers() {
    let range = v1::value::Range {
        begin: Some(0),
        end: Some(u64::MAX),
        ..Default::default()
    };
    let duration = v1::DurationInfo {
        nanoseconds: Some(i64::MIN),
        ..Default::default()
    };

    assert_eq!(
        to_json(&range, Dialect::V1),
        r#"{"begin":0,"end":18446744073709551615}"#
    );
    assert_eq!(
        to_json(&duration, Dialect::V1),
        r#"{"nanoseconds":-9223372036854775808}"#
    );
}

/// Mirrors: ProtobufTest.JsonifyMap
#[test]
fn maps_are_objects_sorted_by_key() {
    let config = v1::quota::QuotaConfig {
        role: Some("eng".into()),
        limits: [("mem", 2.0), ("cpus", 1.5)]
            .map(|(name, value)| {
                let value = v1::value::Scalar {
                    value: Some(value),
                    ..Default::default()
                };
                (name.to_owned(), value)
            })
            .into(),
        ..Default::default()
    };

    let text = to_json(&config, Dialect::V1);

    assert_eq!(
        text,
        r#"{"role":"eng","limits":{"cpus":{"value":1.5},"mem":{"value":2.0}}}"#
    );
}

#[test]
fn bytes_are_base64_with_padding() {
    let message = internal::AuthenticationStepMessage {
        data: Some(Bytes::from_static(b"\xfb\xff\x00a")),
        ..Default::default()
    };

    assert_eq!(to_json(&message, Dialect::V0), r#"{"data":"+/8AYQ=="}"#);
}

#[test]
fn an_enum_number_without_a_name_is_left_out() {
    let status = v1::TaskStatus {
        state: Some(9999),
        ..Default::default()
    };

    assert_eq!(to_json(&status, Dialect::V1), "{}");
    assert_eq!(status.state(), TaskState::TaskStaging);
}

/// Mirrors: JsonTest.NumberFormat
/// Mirrors: JsonifyTest.Number
#[test]
fn doubles_are_spelled_as_rapidjson_spells_them() {
    for (value, spelled) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-1.0, "-1.0"),
        (123_456_789.0, "123456789.0"),
        (1_234_567_890.123_45, "1234567890.12345"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-7"),
        (1e-7, "1e-7"),
        (1e20, "100000000000000000000.0"),
        (1e21, "1e21"),
        (1.5e300, "1.5e300"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e308"),
        (1_795_146_901.855_811, "1795146901.8558112"),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
        (f64::NAN, "\"NaN\""),
    ] {
        assert_eq!(double(value), spelled);
    }
}

/// Mirrors: JsonTest.UTF8
/// Mirrors: JsonifyTest.String
#[test]
fn strings_escape_quotes_backslashes_and_control_characters_only() {
    let text = string("a\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é☃");

    assert_eq!(text, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\u{7f}é☃\"");
}

#[test]
fn empty_lists_are_left_out() {
    assert_eq!(
        to_json(&v1::scheduler::event::Offers::default(), Dialect::V1),
        "{}"
    );
}

/// Mirrors: ProtobufTest.JSONArray
/// Mirrors: ProtobufTest.JsonifyArray
#[test]
fn messages_stand_in_arrays() {
    let mut writer = JsonWriter::new(Dialect::V1);

    writer.array(|w| {
        w.message(&agent_id("a"));
        w.value(&agent_id("b"));
    });

    assert_eq!(writer.into_string(), r#"[{"value":"a"},{"value":"b"}]"#);
}

/// Mirrors: JsonTest.BooleanFormat
/// Mirrors: JsonifyTest.Boolean
/// Mirrors: JsonifyTest.Array
#[test]
fn commas_stand_between_elements_only() {
    let mut writer = JsonWriter::new(Dialect::V1);

    writer.array(|w| {
        w.array(|_| {});
        w.array(|w| [true, false].iter().for_each(|value| w.value(value)));
        w.array(|w| [1u64, 2, 3].iter().for_each(|value| w.value(value)));
        w.null();
        w.raw(b"{}");
    });

    assert_eq!(writer.into_string(), "[[],[true,false],[1,2,3],null,{}]");
}

/// Mirrors: JsonifyTest.Object
#[test]
fn members_are_written_in_the_order_they_come() {
    let mut writer = JsonWriter::new(Dialect::V1);

    writer.object(|w| {
        w.field("last", "park");
        w.field("first", "michael");
        w.field("age", &-25i64);
        w.field_with("address", |w| w.object(|w| w.field("street \"x\"", "")));
    });

    assert_eq!(
        writer.into_string(),
        r#"{"last":"park","first":"michael","age":-25,"address":{"street \"x\"":""}}"#
    );
}

#[test]
fn a_long_text_is_taken_in_pieces() {
    let mut writer = JsonWriter::new(Dialect::V1);
    let mut pieces = Vec::new();

    writer.begin_array();
    for number in 0..3u32 {
        writer.value(&number);
        pieces.push(writer.take());
    }
    writer.end_array();
    pieces.push(writer.take());

    let pieces: Vec<_> = pieces
        .iter()
        .map(|piece| String::from_utf8_lossy(piece))
        .collect();
    assert_eq!(pieces, ["[0", ",1", ",2", "]"]);
}
