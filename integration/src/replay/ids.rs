//! Which recorded text stands for which live text.

use std::collections::BTreeMap;

use serde_json::Value;

/// Known pairs of recorded and live text: ids, addresses, ports.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    texts: BTreeMap<String, String>,
    ports: BTreeMap<u64, u64>,
}

impl Ids {
    /// Remembers that `recorded` is called `live` in this run.
    pub fn learn(&mut self, recorded: &str, live: &str) {
        if !recorded.is_empty() {
            self.texts.insert(recorded.to_owned(), live.to_owned());
        }
    }

    /// Remembers that a port has another number in this run, alone and behind `127.0.0.1:`.
    pub fn learn_port(&mut self, recorded: u64, live: u16) {
        self.ports.insert(recorded, u64::from(live));
        self.learn(
            &format!("127.0.0.1:{recorded}"),
            &format!("127.0.0.1:{live}"),
        );
    }

    /// Tells whether the live counterpart of a recorded text is known.
    #[must_use]
    pub fn knows(&self, recorded: &str) -> bool {
        self.texts.contains_key(recorded)
    }

    /// Replaces every known recorded text inside `text`, longest first.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        if let Some(live) = self.texts.get(text) {
            return live.clone();
        }
        let mut known: Vec<(&String, &String)> = self.texts.iter().collect();
        known.sort_by_key(|(recorded, _)| std::cmp::Reverse(recorded.len()));
        known
            .into_iter()
            .filter(|(recorded, live)| recorded != live)
            .fold(text.to_owned(), |text, (recorded, live)| {
                text.replace(recorded.as_str(), live)
            })
    }

    /// Replaces every known text and every known port inside a message.
    #[must_use]
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), self.field(key, value)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn field(&self, key: &str, value: &Value) -> Value {
        let port = value
            .as_u64()
            .filter(|_| key == "port")
            .and_then(|port| self.ports.get(&port));
        port.map_or_else(|| self.value(value), |port| Value::from(*port))
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;
    use serde_json::json;

    #[test]
    fn ids_addresses_and_ports_are_replaced_everywhere() {
        let mut ids = Ids::default();
        ids.learn("aaaa", "bbbb");
        ids.learn_port(15051, 7);

        let live = ids.value(&json!({
            "slave_id": {"value": "aaaa-S0"},
            "pid": "slave(1)@127.0.0.1:15051",
            "port": 15051,
            "count": 15051,
        }));

        assert_eq!(
            live,
            json!({
                "slave_id": {"value": "bbbb-S0"},
                "pid": "slave(1)@127.0.0.1:7",
                "port": 7,
                "count": 15051,
            })
        );
    }
}
