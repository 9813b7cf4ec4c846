//! Rules of the JSON reader.

use mesos_proto::v1::{self, TaskState};
use mesos_proto::{Dialect, Json, from_json, to_json};

#[track_caller]
fn read<M: Json>(text: &str) -> M {
    from_json(text, Dialect::V1).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn duration(text: &str) -> Option<i64> {
    read::<v1::DurationInfo>(text).nanoseconds
}

fn scalar(text: &str) -> Option<f64> {
    read::<v1::value::Scalar>(text).value
}

#[test]
fn unknown_members_are_ignored_whatever_they_hold() {
    let id: v1::TaskId = read(r#" {"x":{"y":[1,{"z":null}],"w":"\u0041"},"value":"t","v":-1e5} "#);

    assert_eq!(id.value(), "t");
}

#[test]
fn names_of_the_other_dialect_are_unknown() {
    let text = r#"{"slave_id":{"value":"old"},"task_id":{"value":"t"}}"#;

    let kill: v1::scheduler::call::Kill = read(text);
    let old = from_json::<v1::scheduler::call::Kill>(text, Dialect::V0).expect("v0 is read");

    assert_eq!(kill.agent_id, None);
    assert_eq!(old.agent_id().value(), "old");
}

#[test]
fn camel_case_names_are_unknown() {
    let kill: v1::scheduler::call::Kill =
        read(r#"{"task_id":{"value":"t"},"agentId":{"value":"a"}}"#);

    assert_eq!(kill.agent_id, None);
}

/// Mirrors: ProtobufTest.JSON
#[test]
fn a_message_survives_json_quoted_numbers_and_all() {
    let text = r#"{"name":"disk","type":"SCALAR","scalar":{"value":1.5},"disk":{"persistence":
        {"id":"p"},"volume":{"mode":"RW","container_path":"c","source":{"type":"SECRET","secret":
        {"type":"VALUE","value":{"data":"+/8AYQ=="}}}}},"shared":{}}"#;
    let quoted = text.replace("1.5", "\"1.5\"");

    let resource: v1::Resource = read(text);

    let written = to_json(&resource, Dialect::V1);
    assert_eq!(written, text.replace(['\n', ' '], ""));
    assert_eq!(read::<v1::Resource>(&written), resource);
    assert_eq!(read::<v1::Resource>(&quoted), resource);
}

/// Mirrors: ProtobufTest.SimpleMessageEquals
#[test]
fn messages_are_equal_when_all_fields_are() {
    let ranges = |text: &str| read::<v1::value::Ranges>(text);
    let one = ranges(r#"{"range":[{"begin":1,"end":2},{"begin":4,"end":5}]}"#);

    assert_eq!(
        one,
        ranges(r#"{"range":[{"end":2,"begin":1},{"begin":4,"end":5}]}"#)
    );
    assert_ne!(one, ranges(r#"{"range":[{"begin":1,"end":2}]}"#));
    assert_ne!(
        one,
        ranges(r#"{"range":[{"begin":4,"end":5},{"begin":1,"end":2}]}"#)
    );
}

/// Mirrors: ProtobufTest.ParseJSONNull
#[test]
fn null_means_unset() {
    let task: v1::scheduler::call::Kill =
        read(r#"{"task_id":{"value":"t"},"agent_id":null,"kill_policy":null}"#);

    assert_eq!((task.agent_id, task.kill_policy), (None, None));
    let error = from_json::<v1::TaskId>(r#"{"value":null}"#, Dialect::V1);
    assert!(error.is_err(), "a required field is still required");
}

#[test]
fn null_in_a_list_is_no_element() {
    let roles: v1::Role = read(r#"{"name":"r","weight":1,"frameworks":[null,{"value":"f"},null]}"#);

    assert_eq!(roles.frameworks.len(), 1);
}

#[test]
fn the_last_of_equal_names_wins() {
    let kill: v1::scheduler::call::Kill = read(
        r#"{"task_id":{"value":"a"},"agent_id":{"value":"x"},"task_id":{"value":"b"},"agent_id":null}"#,
    );

    assert_eq!(kill.task_id().value(), "b");
    assert_eq!(kill.agent_id, None);
}

#[test]
fn a_single_value_is_a_list_of_one() {
    let framework: v1::FrameworkInfo =
        read(r#"{"user":"u","name":"n","roles":"eng","capabilities":{"type":"MULTI_ROLE"}}"#);

    assert_eq!(framework.roles, ["eng"]);
    assert_eq!(framework.capabilities.len(), 1);
}

#[test]
fn numbers_and_booleans_may_be_quoted() {
    assert_eq!(duration(r#"{"nanoseconds":"-12"}"#), Some(-12));
    assert_eq!(scalar(r#"{"value":"0.5"}"#), Some(0.5));
    let uri: v1::command_info::Uri = read(r#"{"value":"u","extract":"false","cache":"true"}"#);
    assert_eq!((uri.extract, uri.cache), (Some(false), Some(true)));
}

/// Mirrors: ProtobufTest.JsonInfinity
#[test]
fn infinities_are_strings() {
    assert_eq!(scalar(r#"{"value":"Infinity"}"#), Some(f64::INFINITY));
    assert_eq!(scalar(r#"{"value":"-Infinity"}"#), Some(f64::NEG_INFINITY));
    let endless = v1::value::Scalar {
        value: Some(f64::INFINITY),
        ..Default::default()
    };
    assert_eq!(
        read::<v1::value::Scalar>(&to_json(&endless, Dialect::V1)),
        endless
    );
}

#[test]
fn numbers_for_integer_fields_are_truncated() {
    assert_eq!(duration(r#"{"nanoseconds":3.9}"#), Some(3));
    assert_eq!(duration(r#"{"nanoseconds":-3.9}"#), Some(-3));
    assert_eq!(duration(r#"{"nanoseconds":1e3}"#), Some(1000));
    assert_eq!(duration(r#"{"nanoseconds":007}"#), Some(7));
}

#[test]
fn wide_integers_keep_every_digit() {
    let range: v1::value::Range = read(r#"{"begin":9007199254740993,"end":18446744073709551615}"#);

    assert_eq!(
        (range.begin, range.end),
        (Some(9_007_199_254_740_993), Some(u64::MAX))
    );
    assert_eq!(
        duration(r#"{"nanoseconds":-9223372036854775808}"#),
        Some(i64::MIN)
    );
}

#[test]
fn a_negative_number_wraps_in_an_unsigned_field() {
    let range: v1::value::Range = read(r#"{"begin":-1,"end":0}"#);

    assert_eq!(range.begin, Some(u64::MAX));
}

/// Mirrors: ProtobufTest.ParseJSONUnrecognizedEnum
#[test]
fn unknown_enum_names_are_dropped_unless_required() {
    let call: v1::scheduler::Call = read(r#"{"type":"NO_SUCH_CALL"}"#);
    let info: v1::CapabilityInfo = read(r#"{"capabilities":["CHOWN","XXX","","SETPCAP"]}"#);

    assert_eq!(call.r#type, None);
    assert_eq!(call.r#type(), v1::scheduler::call::Type::Unknown);
    assert_eq!(info.capabilities, [1000, 1008]);
}

#[test]
fn enum_names_follow_the_dialect() {
    let text = r#"{"task_id":{"value":"t"},"state":"TASK_LOST","reason":"REASON_SLAVE_REMOVED"}"#;

    let v1: v1::TaskStatus = read(text);
    let v0 = from_json::<v1::TaskStatus>(text, Dialect::V0).expect("v0 is read");

    assert_eq!(v1.state(), TaskState::TaskLost);
    assert_eq!(v1.reason, None);
    assert_eq!(v0.reason(), v1::task_status::Reason::ReasonAgentRemoved);
}

#[test]
fn base64_is_read_leniently() {
    let data = |text: &str| {
        let text = format!(
            r#"{{"agent_id":{{"value":"a"}},"executor_id":{{"value":"e"}},"data":"{text}"}}"#
        );
        read::<v1::scheduler::call::Message>(&text).data().to_vec()
    };

    assert_eq!(data("aGk="), b"hi");
    assert_eq!(data("aGk"), b"hi");
    assert_eq!(data("aG\\n k=garbage"), b"hi");
    assert_eq!(data(""), b"");
}

#[test]
fn escapes_in_strings_are_undone() {
    let id: v1::TaskId = read(r#"{"val\u0075e":"\"\\\/\b\f\n\r\t\u00e9\u2603\ud83d\ude00"}"#);

    assert_eq!(id.value(), "\"\\/\u{8}\u{c}\n\r\té☃😀");
}

#[test]
fn maps_are_read_from_objects() {
    let config: v1::quota::QuotaConfig =
        read(r#"{"role":"r","limits":{"cpus":{"value":1},"mem":{"value":2}}}"#);

    assert_eq!(config.limits.len(), 2);
    assert_eq!(
        config.limits.get("cpus").map(v1::value::Scalar::value),
        Some(1.0)
    );
}

#[test]
fn the_last_member_of_a_oneof_wins() {
    let selector: v1::scheduler::attribute_constraint::Selector =
        read(r#"{"attribute_name":"rack","pseudoattribute_type":"HOSTNAME"}"#);

    assert_eq!(selector.attribute_name, None);
    assert!(selector.pseudoattribute_type.is_some());
}

/// Mirrors: JsonTest.NestingDepth
#[test]
fn two_hundred_levels_are_read_and_one_more_is_not() {
    let nested = |levels: usize| {
        format!(
            r#"{{"value":"t","x":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };

    assert!(from_json::<v1::TaskId>(&nested(200), Dialect::V1).is_ok());
    assert!(from_json::<v1::TaskId>(&nested(201), Dialect::V1).is_err());
}

/// Mirrors: ProtobufTest.ParseJSONArray
#[test]
fn a_list_of_messages_is_read() {
    let ids: Vec<v1::TaskId> =
        mesos_proto::from_json_list(br#"[{"value":"a"},{"value":"b"}]"#, Dialect::V1)
            .expect("a list");

    assert_eq!(
        ids.iter().map(v1::TaskId::value).collect::<Vec<_>>(),
        ["a", "b"]
    );
}

#[test]
fn messages_nest_as_deep_as_the_text_may() {
    let depth = 200;
    let text = format!(
        r#"{}{{"value":"top"}}{}"#,
        r#"{"value":"c","parent":"#.repeat(depth - 1),
        "}".repeat(depth - 1)
    );

    let mut id = &read::<v1::ContainerId>(&text);

    let mut levels = 1;
    while let Some(parent) = id.parent.as_deref() {
        id = parent;
        levels += 1;
    }
    assert_eq!((levels, id.value()), (depth, "top"));
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    let id = v1::TaskId::read_json(Dialect::V1, b"{\"value\":\"a\xffb\"}").expect("it is read");

    assert_eq!(id.value(), "a\u{fffd}b");
}
