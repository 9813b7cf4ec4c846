//! Texts that clients see when their JSON is at fault.

use mesos_proto::v1;
use mesos_proto::{Dialect, Json, from_json};

#[track_caller]
fn assert_fails<M: Json>(text: &str, expected: &str) {
    let error = from_json::<M>(text, Dialect::V1)
        .map(|_| ())
        .expect_err("it must fail");

    assert_eq!(error.to_string(), expected, "{text}");
}

/// Mirrors: JsonTest.ParseError
#[test]
fn a_text_that_is_no_json_is_a_syntax_error() {
    for (text, expected) in [
        ("", "syntax error at line 1 near: "),
        ("bad", "syntax error at line 1 near: bad"),
        ("{\"value\":}", "syntax error at line 1 near: }"),
        (
            "{\n\"value\" \"a\"\n}",
            "syntax error at line 2 near: \"a\"",
        ),
        ("{\"value\":\"a\"", "syntax error at line 1 near: "),
        ("{\"a\":\"b\" ", "syntax error at line 1 near: "),
        (
            "{\"a\": 12E1\r\n\r\n12}",
            "syntax error at line 3 near: 12}",
        ),
        ("{value:1}", "syntax error at line 1 near: value:1}"),
        ("{\"value\":'a'}", "syntax error at line 1 near: 'a'}"),
    ] {
        assert_fails::<v1::TaskId>(text, expected);
    }
}

#[test]
fn something_behind_the_value_is_named() {
    assert_fails::<v1::TaskId>(
        "{\"value\":\"a\"} x y \n",
        "Parsed JSON included non-whitespace trailing characters:  x y",
    );
}

#[test]
fn another_kind_of_text_is_no_message() {
    assert_fails::<v1::TaskId>("[]", "Expecting a JSON object");
    assert_fails::<v1::TaskId>("3", "Expecting a JSON object");
    assert_fails::<v1::TaskId>("null", "Expecting a JSON object");
    let error = mesos_proto::from_json_list::<v1::TaskId>(b"{}", Dialect::V1).expect_err("no list");
    assert_eq!(error.to_string(), "Expecting a JSON array");
}

/// Mirrors: ProtobufTest.ParseJSONNestedError
#[test]
fn a_value_of_the_wrong_kind_names_the_field() {
    let not = |kind: &str, field: &str| format!("Not expecting a JSON {kind} for field '{field}'");
    assert_fails::<v1::TaskId>(r#"{"value":1}"#, &not("number", "value"));
    assert_fails::<v1::TaskId>(r#"{"value":true}"#, &not("boolean", "value"));
    assert_fails::<v1::TaskId>(r#"{"value":{}}"#, &not("object", "value"));
    assert_fails::<v1::TaskId>(r#"{"value":["a"]}"#, &not("array", "value"));
    assert_fails::<v1::scheduler::Call>(r#"{"framework_id":"f"}"#, &not("string", "framework_id"));
    assert_fails::<v1::scheduler::Call>(
        r#"{"kill":{"task_id":{"value":1.0}}}"#,
        &not("number", "value"),
    );
    assert_fails::<v1::scheduler::Call>(r#"{"type":5}"#, &not("number", "type"));
    assert_fails::<v1::command_info::Uri>(r#"{"extract":1}"#, &not("number", "extract"));
    assert_fails::<v1::DurationInfo>(r#"{"nanoseconds":true}"#, &not("boolean", "nanoseconds"));
    assert_fails::<v1::quota::QuotaConfig>(r#"{"limits":"x"}"#, &not("string", "limits"));
    assert_fails::<v1::quota::QuotaConfig>(r#"{"limits":{"cpus":1}}"#, &not("number", "value"));
}

#[test]
fn a_quoted_number_that_is_none_is_shown() {
    assert_fails::<v1::DurationInfo>(
        r#"{"nanoseconds":"1x"}"#,
        "Failed to parse '1x' as a JSON number for field 'nanoseconds': \
         Parsed JSON included non-whitespace trailing characters: x",
    );
    assert_fails::<v1::DurationInfo>(
        r#"{"nanoseconds":"true"}"#,
        "Failed to parse 'true' as a JSON number for field 'nanoseconds': \
         Unexpected JSON type parsed",
    );
    assert_fails::<v1::command_info::Uri>(
        r#"{"extract":"yes"}"#,
        "Failed to parse 'yes' as a JSON boolean for field 'extract': \
         syntax error at line 1 near: yes",
    );
}

#[test]
fn base64_names_the_wrong_character() {
    assert_fails::<v1::scheduler::call::Message>(
        r#"{"data":"a*b"}"#,
        "Failed to base64 decode bytes field 'data': Invalid character '*'",
    );
}

#[test]
fn an_unknown_name_in_a_required_enum_is_shown() {
    assert_fails::<v1::TaskStatus>(
        r#"{"task_id":{"value":"t"},"state":"TASK_DANCING"}"#,
        "Failed to find enum for 'TASK_DANCING'",
    );
}

#[test]
fn a_number_beyond_a_double_is_out_of_range() {
    assert_fails::<v1::value::Scalar>(r#"{"value":1e999}"#, "Value out of range");
}

#[test]
fn missing_required_fields_are_listed_with_their_paths() {
    assert_fails::<v1::scheduler::Call>(
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u"}},"kill":{}}"#,
        "Missing required fields: subscribe.framework_info.name, kill.task_id",
    );
}

#[test]
fn missing_required_fields_follow_the_dialect() {
    let text = r#"{"executor_id":{"value":"e"},"data":""}"#;

    let v1 = from_json::<v1::scheduler::call::Message>(text, Dialect::V1).expect_err("v1");
    let v0 = from_json::<v1::scheduler::call::Message>(text, Dialect::V0).expect_err("v0");

    assert_eq!(v1.to_string(), "Missing required fields: agent_id");
    assert_eq!(v0.to_string(), "Missing required fields: slave_id");
}

#[test]
fn syntax_comes_before_content_and_content_before_required() {
    assert_fails::<v1::TaskId>(
        r#"{"value":1} x"#,
        "Parsed JSON included non-whitespace trailing characters:  x",
    );
    assert_fails::<v1::TaskStatus>(
        r#"{"message":1}"#,
        "Not expecting a JSON number for field 'message'",
    );
}
