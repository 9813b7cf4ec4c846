//! How answers of the v1 API look in JSON.
//!
//! # Wire
//! The lists of tasks, executors and frameworks are there even when they are empty, unlike those of other messages.

use mesos_proto::v1::agent::{
    Response as Answer,
    response::{GetExecutors, GetFrameworks, GetTasks},
};
use mesos_proto_codec::{
    Dialect, Json,
    json::{JsonValue, JsonWriter},
};
use serde_json::Value;

/// Writes an answer.
pub(super) fn write(answer: &Answer) -> Vec<u8> {
    let mut json = JsonWriter::new(Dialect::V1);
    if let Some(state) = &answer.get_state {
        in_envelope(&mut json, answer, "get_state", |json| {
            json.field_with("get_tasks", |json| tasks(json, state.get_tasks()));
            json.field_with("get_executors", |json| {
                executors(json, state.get_executors());
            });
            json.field_with("get_frameworks", |json| {
                frameworks(json, state.get_frameworks());
            });
        });
    } else if let Some(shown) = &answer.get_tasks {
        envelope(&mut json, answer, "get_tasks", |json| tasks(json, shown));
    } else if let Some(shown) = &answer.get_executors {
        envelope(&mut json, answer, "get_executors", |json| {
            executors(json, shown);
        });
    } else if let Some(shown) = &answer.get_frameworks {
        envelope(&mut json, answer, "get_frameworks", |json| {
            frameworks(json, shown);
        });
    } else {
        json.message(answer);
    }
    json.into_vec()
}

fn envelope(
    json: &mut JsonWriter,
    answer: &Answer,
    name: &str,
    write: impl FnOnce(&mut JsonWriter),
) {
    json.object(|json| {
        json.field("type", answer.r#type().as_str_name());
        json.field_with(name, write);
    });
}

fn in_envelope(
    json: &mut JsonWriter,
    answer: &Answer,
    name: &str,
    write: impl FnOnce(&mut JsonWriter),
) {
    envelope(json, answer, name, |json| json.object(write));
}

fn list<T: JsonValue>(json: &mut JsonWriter, name: &str, items: &[T]) {
    json.field_with(name, |json| {
        json.array(|json| items.iter().for_each(|item| json.value(item)));
    });
}

fn tasks(json: &mut JsonWriter, shown: &GetTasks) {
    json.object(|json| {
        list(json, "pending_tasks", &shown.pending_tasks);
        list(json, "queued_tasks", &shown.queued_tasks);
        list(json, "launched_tasks", &shown.launched_tasks);
        list(json, "terminated_tasks", &shown.terminated_tasks);
        list(json, "completed_tasks", &shown.completed_tasks);
    });
}

fn executors(json: &mut JsonWriter, shown: &GetExecutors) {
    json.object(|json| {
        list(json, "executors", &shown.executors);
        list(json, "completed_executors", &shown.completed_executors);
    });
}

fn frameworks(json: &mut JsonWriter, shown: &GetFrameworks) {
    json.object(|json| {
        list(json, "frameworks", &shown.frameworks);
        list(json, "completed_frameworks", &shown.completed_frameworks);
    });
}

/// Writes a message with its fields sorted by name, as the endpoints about containers do.
pub(super) fn write_sorted<M: Json>(json: &mut JsonWriter, message: &M) {
    let text = mesos_proto_codec::to_json(message, Dialect::V0);
    // What this program wrote is JSON.
    let value = serde_json::from_str(&text).unwrap_or_default();
    write_value(json, &value);
}

fn write_value(json: &mut JsonWriter, value: &Value) {
    match value {
        Value::Null => json.null(),
        Value::Bool(truth) => json.value(truth),
        Value::Number(number) => {
            if let Some(number) = number.as_i64() {
                json.value(&number);
            } else if let Some(number) = number.as_u64() {
                json.value(&number);
            } else {
                json.value(&number.as_f64().unwrap_or_default());
            }
        }
        Value::String(text) => json.value(text.as_str()),
        Value::Array(items) => {
            json.array(|json| items.iter().for_each(|item| write_value(json, item)));
        }
        Value::Object(fields) => json.object(|json| {
            for (name, value) in fields {
                json.field_with(name, |json| write_value(json, value));
            }
        }),
    }
}
