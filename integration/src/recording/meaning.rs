//! What of a call, an answer or a message has a meaning beyond its run.

use serde_json::Value;

use crate::replay::ids::Ids;

/// The call without the operations of these ids.
pub(crate) fn without(call: &Value, left_out: &[&str]) -> Value {
    let mut call = call.clone();
    let operations = call.pointer_mut("/accept/operations");
    if let Some(operations) = operations.and_then(Value::as_array_mut) {
        operations.retain(|operation| {
            let id = operation.pointer("/id/value").and_then(Value::as_str);
            id.is_none_or(|id| !left_out.contains(&id))
        });
    }
    call
}

/// The type of an operator's call.
pub(crate) fn body_kind(line: &Value) -> &str {
    line.pointer("/body/type")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The headers without those that frame or date the answer, sorted.
pub(crate) fn headers_of_meaning(headers: Option<&Value>) -> Value {
    let mut list: Vec<Value> = headers
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|pair| {
            let name = pair.get(0).and_then(Value::as_str).unwrap_or_default();
            !["Date", "Content-Length", "Mesos-Stream-Id"].contains(&name)
        })
        .cloned()
        .collect();
    list.sort_by_key(Value::to_string);
    Value::from(list)
}

/// Ids that the master chooses are seen first in the message that gives them.
pub(crate) fn learn_master(recorded: &Value, live: &Value, ids: &mut Ids) {
    let text = |value: &Value, path: &str| Some(value.pointer(path)?.as_str()?.to_owned());
    for path in [
        "/subscribed/master_info/id",
        "/subscribed/framework_id/value",
    ] {
        if let (Some(left), Some(right)) = (text(recorded, path), text(live, path)) {
            ids.learn(&left, &right);
        }
    }
    let agent = |value: &Value| {
        let added = text(value, "/agent_added/agent/agent_info/id/value");
        text(value, "/slave_id/value").or(added)
    };
    if let (Some(left), Some(right)) = (agent(recorded), agent(live))
        && let (Some((master, _)), Some((live_master, _))) =
            (left.rsplit_once("-S"), right.rsplit_once("-S"))
        && !ids.knows(master)
    {
        ids.learn(master, live_master);
        ids.learn(&left, &right);
    }
    // An inverse offer, whose number is given as it comes.
    if recorded.get("unavailability").is_some()
        && let (Some(left), Some(right)) = (text(recorded, "/id/value"), text(live, "/id/value"))
    {
        ids.learn(&left, &right);
    }
}
