//! The order of keys in a JSON document, which parsers of maps forget.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The keys of a document in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// A number, a text, true, false or null.
    Leaf,
    /// A list.
    List(Vec<Keys>),
    /// An object.
    Object(Vec<(String, Keys)>),
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
        Ok(Keys::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
        Ok(Keys::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
        Ok(Keys::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
        Ok(Keys::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
        Ok(Keys::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys::Leaf)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Keys, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Keys::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Keys, A::Error> {
        let mut object = Vec::new();
        while let Some((key, keys)) = fields.next_entry()? {
            object.push((key, keys));
        }
        Ok(Keys::Object(object))
    }
}

impl Keys {
    /// Reads the keys of a document.
    ///
    /// # Errors
    /// [`serde_json::Error`] when it is no JSON.
    pub fn of(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Lists the places where the keys that both have stand in another order.
    ///
    /// `is_map` tells by its path that the keys of an object are data, whose order is chance.
    pub fn disorder(&self, live: &Self, path: &str, is_map: fn(&str) -> bool) -> Vec<String> {
        match (self, live) {
            (Self::Object(recorded), Self::Object(live)) => {
                let mut found = Vec::new();
                if !is_map(path) {
                    found.extend(order_of(recorded, live, path));
                }
                for (key, keys) in recorded {
                    if let Some((_, other)) = live.iter().find(|(name, _)| name == key) {
                        found.extend(keys.disorder(other, &format!("{path}.{key}"), is_map));
                    }
                }
                found
            }
            (Self::List(recorded), Self::List(live)) => {
                let pairs = recorded.iter().zip(live);
                pairs
                    .flat_map(|(recorded, live)| {
                        recorded.disorder(live, &format!("{path}[]"), is_map)
                    })
                    .collect()
            }
            (Self::Leaf | Self::List(_) | Self::Object(_), _) => Vec::new(),
        }
    }
}

fn order_of(recorded: &[(String, Keys)], live: &[(String, Keys)], path: &str) -> Option<String> {
    let common = |one: &[(String, Keys)], two: &[(String, Keys)]| -> Vec<String> {
        one.iter()
            .map(|(key, _)| key.clone())
            .filter(|key| two.iter().any(|(other, _)| other == key))
            .collect()
    };
    let (left, right) = (common(recorded, live), common(live, recorded));
    (left != right).then(|| format!("{path}: keys in the order {left:?}, got {right:?}"))
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn keys_in_another_order_are_found_and_missing_ones_left_to_others() {
        let recorded = Keys::of(br#"{"a": 1, "b": {"x": 1, "y": null}, "c": []}"#).unwrap();
        let live = Keys::of(br#"{"a": 1, "b": {"y": 1, "x": "t"}}"#).unwrap();

        let found = recorded.disorder(&live, "D", |_| false);

        assert_eq!(
            found,
            [r#"D.b: keys in the order ["x", "y"], got ["y", "x"]"#]
        );
    }
}
