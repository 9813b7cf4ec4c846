//! Compares a recorded message with a live one, in structure and values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::ids::Ids;

/// One place where the live message says something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Message and path inside it.
    pub path: String,
    /// What was recorded, with live ids; `None` when the field is new.
    pub recorded: Option<Value>,
    /// What came; `None` when the field is missing.
    pub live: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| {
            value
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), Value::to_string)
        };
        write!(
            out,
            "{}: recorded {}, got {}",
            self.path,
            show(&self.recorded),
            show(&self.live)
        )
    }
}

/// Fields whose value each run chooses: recorded and live form a new pair.
const CHOSEN: [&str; 6] = [
    "uuid",
    "container_id",
    "resource_version_uuid",
    "operation_uuid",
    "status_uuid",
    "status_update_uuid",
];

/// Fields that hold a moment or a process id.
const MOMENTS: [&str; 9] = [
    "unregistered_time",
    "estimated_drain_start_time_seconds",
    "timestamp",
    "start_time",
    "elected_time",
    "registered_time",
    "reregistered_time",
    "executor_pid",
    "nanoseconds",
];

/// Lists whose order says nothing.
const SETS: [&str; 8] = [
    "slave_ids",
    "frameworks",
    "unregistered_frameworks",
    "resources",
    "attributes",
    "capabilities",
    "agent_capabilities",
    "roles",
];

/// Binds every chosen value of a message that is sent as recorded: nobody may change it.
pub fn pin(sent: &Value, ids: &mut Ids) {
    match sent {
        Value::Object(fields) => {
            for (key, value) in fields {
                let inner = value.get("value").unwrap_or(value);
                match inner.as_str() {
                    Some(text) if CHOSEN.contains(&key.as_str()) => {
                        // What the other side chose has a pair already.
                        if !ids.knows(text) {
                            ids.learn(text, text);
                        }
                    }
                    _ => pin(value, ids),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| pin(item, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Compares and learns the pairs that only this message shows.
pub fn compare(name: &str, recorded: &Value, live: &Value, ids: &mut Ids) -> Vec<Difference> {
    let mut differences = Vec::new();
    Walk {
        ids,
        differences: &mut differences,
    }
    .value(name, "", recorded, live);
    differences
}

/// A name with the recorded and the live item of it.
type Pair<'v> = (String, Option<&'v Value>, Option<&'v Value>);

struct Walk<'a> {
    ids: &'a mut Ids,
    differences: &'a mut Vec<Difference>,
}

impl Walk<'_> {
    fn value(&mut self, path: &str, key: &str, recorded: &Value, live: &Value) {
        match (recorded, live) {
            (Value::Object(left), Value::Object(right)) => {
                let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
                for field in keys {
                    let path = format!("{path}.{field}");
                    // A wrapper such as `container_id {value}` hands its name down.
                    let role = if field == "value" { key } else { field };
                    match (left.get(field), right.get(field)) {
                        (Some(left), Some(right)) => self.value(&path, role, left, right),
                        (left, right) => self.differ(&path, left, right),
                    }
                }
            }
            (Value::Array(left), Value::Array(right)) => {
                self.list(path, key, left, right);
            }
            (Value::String(left), Value::String(right))
                if CHOSEN.contains(&key) && !self.ids.knows(left) =>
            {
                self.ids.learn(left, right);
            }
            // How far the task had come when the update left.
            (Value::String(_), Value::String(_)) if key == "latest_state" => {}
            (Value::Number(_), Value::Number(_)) if MOMENTS.contains(&key) => {}
            _ => {
                let (mapped, live) = match key {
                    "port" => (self.ids.value(&serde_json::json!({"port": recorded})), live),
                    _ => (serde_json::json!({"port": self.ids.value(recorded)}), live),
                };
                let mapped = mapped.get("port").cloned().unwrap_or_default();
                if !same(&mapped, live) {
                    self.differ(path, Some(&mapped), Some(live));
                }
            }
        }
    }

    fn list(&mut self, path: &str, key: &str, left: &[Value], right: &[Value]) {
        if let Some(pairs) = self.same_things(left, right) {
            for (name, left, right) in pairs {
                let path = format!("{path}[{name}]");
                match (left, right) {
                    (Some(left), Some(right)) => self.value(&path, key, left, right),
                    (left, right) => self.differ(&path, left, right),
                }
            }
            return;
        }
        let (left, right) = if SETS.contains(&key) || path.contains("resources") {
            (sorted(left), sorted(right))
        } else {
            (left.iter().collect(), right.iter().collect())
        };
        for index in 0..left.len().max(right.len()) {
            let path = format!("{path}[{index}]");
            match (left.get(index), right.get(index)) {
                (Some(left), Some(right)) => self.value(&path, key, left, right),
                (left, right) => self.differ(&path, left.copied(), right.copied()),
            }
        }
    }

    /// Pairs the items of two lists by what they are called, when every item has a name of its own.
    fn same_things<'v>(&self, left: &'v [Value], right: &'v [Value]) -> Option<Vec<Pair<'v>>> {
        let named = |items: &'v [Value], is_recorded: bool| {
            let mut named = BTreeMap::new();
            for item in items {
                let name = identity(item)?;
                let name = if is_recorded {
                    self.ids.text(&name)
                } else {
                    name
                };
                named.insert(name, item);
            }
            (named.len() == items.len()).then_some(named)
        };
        let (left, right) = (named(left, true)?, named(right, false)?);
        let names: BTreeSet<String> = left.keys().chain(right.keys()).cloned().collect();
        let pair = |name: String| {
            let (left, right) = (left.get(&name).copied(), right.get(&name).copied());
            (name, left, right)
        };
        Some(names.into_iter().map(pair).collect())
    }

    fn differ(&mut self, path: &str, recorded: Option<&Value>, live: Option<&Value>) {
        self.differences.push(Difference {
            path: path.to_owned(),
            recorded: recorded.map(|value| self.ids.value(value)),
            live: live.cloned(),
        });
    }
}

/// Paths to what tells one item of a list from the others.
const IDENTITIES: [&str; 10] = [
    "/id",
    "/id/value",
    "/agent_info/id/value",
    "/info/id/value",
    "/framework_info/id/value",
    "/executor_info/executor_id/value",
    "/task_id/value",
    "/executor_id",
    "/role",
    "/name",
];

fn identity(item: &Value) -> Option<String> {
    let texts = IDENTITIES.iter().filter_map(|path| item.pointer(path));
    let text = texts.filter_map(Value::as_str).next().map(str::to_owned);
    // A machine is named by host and address.
    text.or_else(|| item.pointer("/id").map(Value::to_string))
}

fn sorted(items: &[Value]) -> Vec<&Value> {
    let mut items: Vec<&Value> = items.iter().collect();
    items.sort_by_key(|item| {
        let name = item.get("name").or_else(|| item.get("type"));
        (name.map(Value::to_string), item.to_string())
    });
    items
}

/// Numbers are the same when their values are, however they are written.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.total_cmp(&right).is_eq(),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::replay::ids::Ids;
    use serde_json::json;

    #[test]
    fn a_chosen_id_becomes_a_pair_and_binds_later_messages() {
        let mut ids = Ids::default();

        let first = compare("A", &json!({"uuid": "x"}), &json!({"uuid": "y"}), &mut ids);
        let later = compare("B", &json!({"text": "x"}), &json!({"text": "z"}), &mut ids);

        assert_eq!(first, []);
        assert_eq!(later[0].to_string(), "B.text: recorded \"y\", got \"z\"");
    }

    #[test]
    fn moments_and_order_of_resources_do_not_matter() {
        let mut ids = Ids::default();
        let recorded = json!({"timestamp": 1.0, "resources": [{"name": "a"}, {"name": "b"}]});
        let live = json!({"timestamp": 2.0, "resources": [{"name": "b"}, {"name": "a"}]});

        assert_eq!(compare("A", &recorded, &live, &mut ids), []);
    }

    #[test]
    fn missing_and_new_fields_are_differences() {
        let mut ids = Ids::default();

        let found = compare("A", &json!({"a": 1}), &json!({"b": 1}), &mut ids);

        assert_eq!(found[0].to_string(), "A.a: recorded 1, got nothing");
        assert_eq!(found[1].to_string(), "A.b: recorded nothing, got 1");
    }

    #[test]
    fn numbers_compare_by_value() {
        let mut ids = Ids::default();

        assert_eq!(
            compare("A", &json!({"a": 1}), &json!({"a": 1.0}), &mut ids),
            []
        );
        assert_eq!(
            compare("A", &json!({"a": 1}), &json!({"a": 2}), &mut ids).len(),
            1
        );
    }
}
