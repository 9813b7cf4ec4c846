//! How resources and attributes look in hand-made JSON.

use std::collections::BTreeMap;

use mesos_common::{
    attributes::{AttributeValue, Attributes},
    resource::ResourceValue,
    resources::Resources,
};
use mesos_proto::v1;
use mesos_proto_codec::json::JsonWriter;

/// Names that are always there, in the order in which they are written.
const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

/// Writes sums by name: numbers for scalars, texts for the rest, and zero for the four that everybody expects.
pub(crate) fn write_summary(json: &mut JsonWriter, resources: &Resources) {
    let mut names: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut scalars: BTreeMap<String, f64> = BTreeMap::new();
    for (part, suffix) in [
        (resources.non_revocable(), ""),
        (resources.revocable(), "_revocable"),
    ] {
        for resource in &part {
            let key = format!("{}{suffix}", resource.name());
            match resource.value() {
                ResourceValue::Scalar(_) => {
                    let sum = part.scalar(resource.name()).map_or(0.0, |sum| sum.to_f64());
                    scalars.insert(key, sum);
                }
                ResourceValue::Ranges(_) => {
                    names.insert(
                        key,
                        part.ranges(resource.name())
                            .map(|ranges| ranges.to_string()),
                    );
                }
                ResourceValue::Set(_) => {
                    names.insert(key, part.set(resource.name()).map(|set| set.to_string()));
                }
            }
        }
    }
    json.object(|json| {
        for name in ALWAYS {
            json.field(name, &scalars.remove(name).unwrap_or_default());
        }
        for (name, sum) in &scalars {
            json.field(name, sum);
        }
        for (name, text) in &names {
            json.field(name, text.as_deref().unwrap_or_default());
        }
    });
}

/// Writes the reservations of the roles that may be seen, each as a summary.
pub(crate) fn write_reserved(
    json: &mut JsonWriter,
    resources: &Resources,
    may_see: &dyn Fn(&str) -> bool,
) {
    json.object(|json| {
        let reserved = resources.reservations().into_iter();
        for (role, reserved) in reserved.filter(|(role, _)| may_see(role)) {
            json.field_with(&role, |json| write_summary(json, &reserved));
        }
    });
}

/// Writes resources in full, in the format that shows old and new fields.
pub(crate) fn write_full(json: &mut JsonWriter, resources: &Resources) {
    json.array(|json| {
        for resource in resources.to_proto_endpoint() {
            json.message_with_v0_fields(&resource);
        }
    });
}

/// Writes the reservations of the roles that may be seen in full, by role.
pub(crate) fn write_reserved_full(
    json: &mut JsonWriter,
    resources: &Resources,
    may_see: &dyn Fn(&str) -> bool,
) {
    json.object(|json| {
        let reserved = resources.reservations().into_iter();
        for (role, reserved) in reserved.filter(|(role, _)| may_see(role)) {
            json.field_with(&role, |json| write_full(json, &reserved));
        }
    });
}

/// Writes attributes as numbers and texts by name.
pub(crate) fn write_attributes(json: &mut JsonWriter, attributes: &[v1::Attribute]) {
    let attributes = Attributes::from_proto(attributes).unwrap_or_default();
    json.object(|json| {
        for attribute in attributes.iter() {
            match attribute.value() {
                AttributeValue::Scalar(number) => json.field(attribute.name(), number),
                AttributeValue::Ranges(ranges) => {
                    json.field(attribute.name(), ranges.to_string().as_str());
                }
                AttributeValue::Text(text) => json.field(attribute.name(), text.as_str()),
            }
        }
    });
}
