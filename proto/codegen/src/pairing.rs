//! Finds the v0 twin of every v1 message and proves that both are the same on the wire.
//!
//! Numbers, types, labels and defaults must agree, and names must agree once *slave* is read as
//! *agent*. What is allowed to differ is listed in [`EXCEPTIONS`]; any other difference fails the
//! build, and so does a listed one that no longer exists.

use std::collections::{BTreeMap, BTreeSet};

use crate::GenerateError;
use crate::model::{EnumValue, Field, Kind, Schema, Spoken};
use crate::names::{modern, v0_path};

/// How a pair may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// Fields mean different things: two Rust types, and two for every message that holds them.
    Split,
    /// v0 has more fields or values; the one type has them all, JSON v1 leaves them out.
    Superset,
    /// A default is declared in v0 only; the one type has the v1 declaration.
    Default,
    /// v0 has no such message.
    V1Only,
}

/// Every v1 message or enum that is not the same as its v0 twin.
pub const EXCEPTIONS: [(&str, Exception); 7] = [
    ("mesos.v1.scheduler.Call.Subscribe", Exception::Split),
    ("mesos.v1.master.Call.DrainAgent", Exception::Split),
    ("mesos.v1.AgentInfo", Exception::Superset),
    ("mesos.v1.quota.QuotaRequest", Exception::Default),
    ("mesos.v1.scheduler.APIResult", Exception::V1Only),
    ("mesos.v1.grpc.Accepted", Exception::V1Only),
    ("mesos.v1.MasterInfo.Capability.Type", Exception::Superset),
];

fn exception(name: &str) -> Option<Exception> {
    EXCEPTIONS
        .iter()
        .find(|(listed, _)| *listed == name)
        .map(|(_, exception)| *exception)
}

/// The v0 name of a v1 message or enum, if v0 has it.
fn twin_of(name: &str, known: impl Fn(&str) -> bool) -> Option<String> {
    let rest = name.strip_prefix("mesos.v1.")?;
    let old = rest.replace("Agent", "Slave").replace("AGENT", "SLAVE");
    let partly = |from: &str, to: &str| format!("mesos.{}", rest.replace(from, to));
    let names = [
        format!("mesos.{rest}"),
        format!("mesos.{old}"),
        partly("AgentI", "SlaveI"),
    ];
    names.into_iter().find(|candidate| known(candidate))
}

/// Merges every pair into one type and records it in [`Schema::twins`].
///
/// # Errors
/// [`GenerateError::Pairs`] lists all unexpected differences.
pub fn pair(mut schema: Schema) -> Result<Schema, GenerateError> {
    let pairs = find_pairs(&schema);
    let split = split_pairs(&schema, &pairs);
    let mut report = Report {
        pairs: &pairs,
        split: &split,
        differences: Vec::new(),
    };
    report.check_exceptions(&schema);
    let mut merged = BTreeMap::new();
    for (new, old) in pairs.iter().filter(|(new, _)| !split.contains(*new)) {
        if let (Some(v1), Some(v0)) = (schema.messages.get(new), schema.messages.get(old)) {
            merged.insert(
                new.clone(),
                report.merge_fields(new, &v1.fields, &v0.fields),
            );
        }
    }
    let mut values = BTreeMap::new();
    for (new, old) in &pairs {
        if let (Some(v1), Some(v0)) = (schema.enums.get(new), schema.enums.get(old)) {
            values.insert(
                new.clone(),
                report.merge_values(new, &v1.values, &v0.values),
            );
        }
    }
    if !report.differences.is_empty() {
        return Err(GenerateError::Pairs {
            differences: report.differences,
        });
    }
    for (new, fields) in merged {
        if let Some(message) = schema.messages.get_mut(&new) {
            message.fields = fields;
        }
    }
    for (new, values) in values {
        if let Some(entry) = schema.enums.get_mut(&new) {
            entry.values = values;
        }
    }
    settle(&mut schema, &pairs, &split);
    Ok(schema)
}

fn find_pairs(schema: &Schema) -> BTreeMap<String, String> {
    let messages = schema.messages.keys().filter_map(|name| {
        let twin = twin_of(name, |candidate| schema.messages.contains_key(candidate));
        Some((name.clone(), twin?))
    });
    let enums = schema.enums.keys().filter_map(|name| {
        let twin = twin_of(name, |candidate| schema.enums.contains_key(candidate));
        Some((name.clone(), twin?))
    });
    messages.chain(enums).collect()
}

/// The v1 messages that cannot share a type: those listed, and all that hold one of them.
fn split_pairs(schema: &Schema, pairs: &BTreeMap<String, String>) -> BTreeSet<String> {
    let listed = EXCEPTIONS
        .iter()
        .filter(|(_, exception)| *exception == Exception::Split);
    let mut split: BTreeSet<String> = listed.map(|(name, _)| (*name).to_owned()).collect();
    loop {
        let holds = |name: &&String| {
            schema.messages.get(*name).is_some_and(|message| {
                message.fields.iter().any(
                    |field| matches!(&field.kind, Kind::Message(inner) if split.contains(inner)),
                )
            })
        };
        let more: Vec<String> = pairs
            .keys()
            .filter(|name| !split.contains(*name))
            .filter(holds)
            .cloned()
            .collect();
        if more.is_empty() {
            return split;
        }
        split.extend(more);
    }
}

/// Removes v0 messages that now share a type, and moves those that do not into `v0`.
fn settle(schema: &mut Schema, pairs: &BTreeMap<String, String>, split: &BTreeSet<String>) {
    for (new, old) in pairs {
        if split.contains(new) {
            if let Some(message) = schema.messages.get_mut(old) {
                let package: Vec<&str> = old.split('.').collect();
                let lower = package
                    .iter()
                    .take_while(|part| part.starts_with(char::is_lowercase));
                let lower: Vec<&str> = lower.copied().collect();
                let outer = package
                    .get(lower.len()..package.len() - 1)
                    .unwrap_or_default();
                let mut path = v0_path(&lower.join("."));
                path.extend(outer.iter().map(|part| crate::names::module_name(part)));
                message.place.path = path;
            }
            continue;
        }
        schema.twins.insert(old.clone(), new.clone());
        if schema.messages.remove(old).is_some()
            && let Some(message) = schema.messages.get_mut(new)
        {
            message.place.wire_name.clone_from(old);
        }
        if schema.enums.remove(old).is_some()
            && let Some(entry) = schema.enums.get_mut(new)
        {
            entry.place.wire_name.clone_from(old);
        }
    }
}

struct Report<'a> {
    pairs: &'a BTreeMap<String, String>,
    split: &'a BTreeSet<String>,
    differences: Vec<String>,
}

impl Report<'_> {
    fn check_exceptions(&mut self, schema: &Schema) {
        for name in schema.messages.keys().chain(schema.enums.keys()) {
            let alone = name.starts_with("mesos.v1.") && !self.pairs.contains_key(name);
            if alone && exception(name) != Some(Exception::V1Only) {
                self.differences.push(format!("{name} has no v0 twin"));
            }
        }
        for (name, listed) in EXCEPTIONS {
            let found = self.pairs.get(name);
            let wrong = match listed {
                Exception::V1Only => found.is_some() || !schema.messages.contains_key(name),
                Exception::Split => found.is_none_or(|old| self.equal(schema, name, old)),
                Exception::Superset | Exception::Default => found.is_none(),
            };
            if wrong {
                self.differences
                    .push(format!("{name} is listed as {listed:?}, but is not"));
            }
        }
    }

    fn equal(&self, schema: &Schema, new: &str, old: &str) -> bool {
        let (Some(v1), Some(v0)) = (schema.messages.get(new), schema.messages.get(old)) else {
            return false;
        };
        let mut trial = Report {
            pairs: self.pairs,
            split: self.split,
            differences: Vec::new(),
        };
        trial.merge_fields("", &v1.fields, &v0.fields);
        trial.differences.is_empty()
    }

    fn differ(&mut self, name: &str, field: &str, what: &str) {
        self.differences.push(format!("{name}.{field}: {what}"));
    }

    /// The fields of v1 with the v0 spellings, and those that only v0 has.
    fn merge_fields(&mut self, name: &str, v1: &[Field], v0: &[Field]) -> Vec<Field> {
        let allowed = exception(name);
        let mut merged = Vec::new();
        let mut used = false;
        for old in v0 {
            let Some(new) = v1.iter().find(|new| new.number == old.number) else {
                if allowed == Some(Exception::Superset) {
                    used = true;
                    merged.push(Field {
                        spoken: Spoken::V0,
                        ..old.clone()
                    });
                } else {
                    self.differ(name, &old.name, "only v0 has it");
                }
                continue;
            };
            if new.default != old.default && allowed == Some(Exception::Default) {
                used = true;
            } else if new.default != old.default {
                self.differ(name, &new.name, "the defaults differ");
            }
            self.compare(name, new, old);
            merged.push(Field {
                name_v0: old.name.clone(),
                ..new.clone()
            });
        }
        for new in v1
            .iter()
            .filter(|new| v0.iter().all(|old| old.number != new.number))
        {
            self.differ(name, &new.name, "only v1 has it");
        }
        if allowed.is_some() && !used {
            self.differ(name, "*", "is listed as an exception, but is none");
        }
        self.compare_order(name, v1, v0);
        merged
    }

    /// JSON follows the order of declaration, so that has to be the same too.
    fn compare_order(&mut self, name: &str, v1: &[Field], v0: &[Field]) {
        let shared = |fields: &[Field], others: &[Field]| -> Vec<u32> {
            let numbers = fields.iter().map(|field| field.number);
            numbers
                .filter(|number| others.iter().any(|other| other.number == *number))
                .collect()
        };
        if shared(v1, v0) != shared(v0, v1) {
            self.differ(name, "*", "the order of declaration differs");
        }
    }

    fn compare(&mut self, name: &str, new: &Field, old: &Field) {
        let label = new.label == old.label && new.oneof == old.oneof;
        let same_names = modern(&old.name) == modern(&new.name);
        for (same, what) in [
            (label, "the labels differ"),
            (same_names, "the names differ"),
            // The mark matters only where it decides whether JSON shows the default.
            (
                new.default.is_none() || new.deprecated == old.deprecated,
                "one is deprecated",
            ),
            (self.same_kind(&new.kind, &old.kind), "the types differ"),
        ] {
            if !same {
                self.differ(name, &new.name, what);
            }
        }
    }

    fn same_kind(&self, new: &Kind, old: &Kind) -> bool {
        match (new, old) {
            (Kind::Message(new), Kind::Message(old)) => {
                new == old || (self.pairs.get(new) == Some(old) && !self.split.contains(new))
            }
            (Kind::Enum { name: new, .. }, Kind::Enum { name: old, .. }) => {
                new == old || self.pairs.get(new) == Some(old)
            }
            _ => new == old,
        }
    }

    fn merge_values(&mut self, name: &str, v1: &[EnumValue], v0: &[EnumValue]) -> Vec<EnumValue> {
        let mut merged = Vec::new();
        for old in v0 {
            let twin = v1
                .iter()
                .find(|new| new.number == old.number && modern(&old.name) == modern(&new.name));
            match twin {
                Some(new) => {
                    merged.push(EnumValue {
                        name_v0: old.name.clone(),
                        ..new.clone()
                    });
                }
                None if exception(name) == Some(Exception::Superset) => {
                    merged.push(EnumValue {
                        name: String::new(),
                        ..old.clone()
                    });
                }
                None => self.differ(name, &old.name, "only v0 has it"),
            }
        }
        for new in v1
            .iter()
            .filter(|new| v0.iter().all(|old| old.number != new.number))
        {
            self.differ(name, &new.name, "only v1 has it");
        }
        merged
    }
}
