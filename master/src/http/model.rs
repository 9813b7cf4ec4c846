//! How resources, tasks, executors and offers look in the older JSON documents.
//!
//! Mirrors the `json` overloads of `src/common/http.cpp`.

use std::borrow::Cow;

use mesos_common::ranges::Ranges;
use mesos_common::resource::ResourceValue;
use mesos_common::resource_quantities::{ResourceLimits, ResourceQuantities};
use mesos_common::resources::Resources;
use mesos_common::value_set::ValueSet;
use mesos_common::wire;
use mesos_proto::v1;
use mesos_proto_codec::json::JsonWriter;
use smallvec::SmallVec;

/// Names that are always there, in the order in which they are written.
const ALWAYS: [&str; 4] = ["disk", "mem", "gpus", "cpus"];

/// What is known of one name so far.
enum Sum<'a> {
    Scalar(f64),
    Ranges(Cow<'a, Ranges>),
    Set(Cow<'a, ValueSet>),
}

impl<'a> Sum<'a> {
    fn of(value: &'a ResourceValue) -> Self {
        match value {
            ResourceValue::Scalar(amount) => Self::Scalar(amount.to_f64()),
            ResourceValue::Ranges(part) => Self::Ranges(Cow::Borrowed(part)),
            ResourceValue::Set(part) => Self::Set(Cow::Borrowed(part)),
        }
    }

    /// Adds another resource of the name; false when that is of another type.
    fn add(&mut self, value: &ResourceValue) -> bool {
        match (self, value) {
            (Self::Scalar(sum), ResourceValue::Scalar(amount)) => *sum += amount.to_f64(),
            (Self::Ranges(sum), ResourceValue::Ranges(part)) => *sum = Cow::Owned(sum.union(part)),
            (Self::Set(sum), ResourceValue::Set(part)) => *sum = Cow::Owned(sum.union(part)),
            (Self::Scalar(_) | Self::Ranges(_) | Self::Set(_), _) => return false,
        }
        true
    }

    /// Numbers are written first, then ranges, then sets.
    const fn rank(&self) -> u8 {
        match self {
            Self::Scalar(_) => 0,
            Self::Ranges(_) => 1,
            Self::Set(_) => 2,
        }
    }
}

/// Resources as one flat object: numbers, and ranges and sets as texts.
pub(crate) fn resources(w: &mut JsonWriter, resources: &Resources) {
    // They are few, and this is what a state consists of: a list is quicker than a map.
    let mut sums: SmallVec<[(Cow<'_, str>, Sum<'_>); 8]> = SmallVec::new();
    for resource in resources.iter() {
        let name = match resource.name() {
            name if resource.is_revocable() => Cow::Owned(format!("{name}_revocable")),
            name => Cow::Borrowed(name),
        };
        let value = resource.value();
        let mut known = sums.iter_mut().filter(|(known, _)| *known == name);
        if !known.any(|(_, sum)| sum.add(value)) {
            sums.push((name, Sum::of(value)));
        }
    }
    sums.sort_unstable_by(|(left, one), (right, other)| {
        one.rank().cmp(&other.rank()).then_with(|| left.cmp(right))
    });
    w.object(|w| {
        for name in ALWAYS {
            let amount = sums.iter().find_map(|(known, sum)| match sum {
                Sum::Scalar(amount) if known == name => Some(*amount),
                Sum::Scalar(_) | Sum::Ranges(_) | Sum::Set(_) => None,
            });
            w.field(name, &amount.unwrap_or_default());
        }
        for (name, sum) in &sums {
            match sum {
                Sum::Scalar(_) if ALWAYS.contains(&name.as_ref()) => {}
                Sum::Scalar(amount) => w.field(name, amount),
                Sum::Ranges(part) => w.field(name, &part.to_string()),
                Sum::Set(part) => w.field(name, &part.to_string()),
            }
        }
    });
}

/// Quantities as an object of numbers.
pub(crate) fn quantities(w: &mut JsonWriter, quantities: &ResourceQuantities) {
    w.object(|w| {
        for (name, amount) in quantities.iter() {
            w.field(name, &amount.to_f64());
        }
    });
}

/// Limits as an object of numbers.
pub(crate) fn limits(w: &mut JsonWriter, limits: &ResourceLimits) {
    w.object(|w| {
        for (name, amount) in limits.iter() {
            w.field(name, &amount.to_f64());
        }
    });
}

/// Attributes as one flat object; the last of a name wins for readers.
pub(crate) fn attributes(w: &mut JsonWriter, attributes: &[v1::Attribute]) {
    w.object(|w| {
        for attribute in attributes {
            match attribute.r#type() {
                v1::value::Type::Scalar => w.field(attribute.name(), &attribute.scalar().value()),
                v1::value::Type::Text => w.field(attribute.name(), attribute.text().value()),
                v1::value::Type::Ranges => {
                    let parts: Vec<String> = attribute
                        .ranges()
                        .range
                        .iter()
                        .map(|range| format!("{}-{}", range.begin(), range.end()))
                        .collect();
                    w.field(attribute.name(), &format!("[{}]", parts.join(", ")));
                }
                v1::value::Type::Set => {
                    let items = attribute.set().item.join(", ");
                    w.field(attribute.name(), &format!("{{{items}}}"));
                }
            }
        }
    });
}

/// Labels as a list.
pub(crate) fn labels(w: &mut JsonWriter, labels: &v1::Labels) {
    w.array(|w| {
        for label in &labels.labels {
            w.message(label);
        }
    });
}

/// A task.
#[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
pub(crate) fn task(w: &mut JsonWriter, task: &crate::state::task::Task) {
    let info = task.info();
    w.object(|w| {
        w.field("id", info.task_id().value());
        w.field("name", info.name());
        w.field("framework_id", info.framework_id().value());
        w.field("executor_id", info.executor_id().value());
        w.field(wire::AGENT_ID, info.agent_id().value());
        w.field("state", info.state().as_str_name());
        w.field_with("resources", |w| resources(w, task.resources()));
        if !info.limits.is_empty() {
            w.field_with("limits", |w| {
                w.object(|w| {
                    for (name, amount) in &info.limits {
                        w.field(name, &amount.value());
                    }
                });
            });
        }
        if let Some(first) = info.resources.first() {
            w.field("role", first.allocation_info().role());
        }
        w.field_with("statuses", |w| {
            w.array(|w| info.statuses.iter().for_each(|one| status(w, one)));
        });
        if let Some(user) = &info.user {
            w.field("user", user);
        }
        if info.labels.is_some() {
            w.field_with("labels", |w| labels(w, info.labels()));
        }
        if info.discovery.is_some() {
            w.field("discovery", info.discovery());
        }
        if info.container.is_some() {
            w.field("container", info.container());
        }
        if info.health_check.is_some() {
            w.field("health_check", info.health_check());
        }
    });
}

fn status(w: &mut JsonWriter, status: &v1::TaskStatus) {
    w.object(|w| {
        w.field("state", status.state().as_str_name());
        w.field("timestamp", &status.timestamp());
        if status.labels.is_some() {
            w.field_with("labels", |w| labels(w, status.labels()));
        }
        if status.container_status.is_some() {
            w.field_with("container_status", |w| {
                container_status(w, status.container_status());
            });
        }
        if let Some(healthy) = &status.healthy {
            w.field("healthy", healthy);
        }
    });
}

fn container_status(w: &mut JsonWriter, status: &v1::ContainerStatus) {
    w.object(|w| {
        if status.container_id.is_some() {
            w.field("container_id", status.container_id());
        }
        if !status.network_infos.is_empty() {
            w.field_with("network_infos", |w| {
                w.array(|w| status.network_infos.iter().for_each(|info| w.message(info)));
            });
        }
        if status.cgroup_info.is_some() {
            w.field("cgroup_info", status.cgroup_info());
        }
    });
}

/// The members of an executor, without the object around them.
pub(crate) fn executor(w: &mut JsonWriter, executor: &v1::ExecutorInfo) {
    w.field("executor_id", executor.executor_id().value());
    w.field("name", executor.name());
    w.field("framework_id", executor.framework_id().value());
    w.field_with("command", |w| command(w, executor.command()));
    w.field_with("resources", |w| {
        resources(w, &Resources::from_proto(&executor.resources));
    });
    if let Some(first) = executor.resources.first() {
        w.field("role", first.allocation_info().role());
    }
    if executor.labels.is_some() {
        w.field_with("labels", |w| labels(w, executor.labels()));
    }
    if executor.r#type.is_some() {
        w.field("type", executor.r#type().as_str_name());
    }
}

#[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
fn command(w: &mut JsonWriter, command: &v1::CommandInfo) {
    w.object(|w| {
        if let Some(shell) = &command.shell {
            w.field("shell", shell);
        }
        if let Some(value) = &command.value {
            w.field("value", value);
        }
        w.field_with("argv", |w| {
            w.array(|w| {
                command
                    .arguments
                    .iter()
                    .for_each(|argument| w.value(argument));
            });
        });
        if command.environment.is_some() {
            w.field("environment", command.environment());
        }
        w.field_with("uris", |w| {
            w.array(|w| {
                for uri in &command.uris {
                    w.object(|w| {
                        w.field("value", uri.value());
                        w.field("executable", &uri.executable());
                    });
                }
            });
        });
    });
}

/// An offer.
pub(crate) fn offer(w: &mut JsonWriter, offer: &v1::Offer) {
    w.object(|w| {
        w.field("id", offer.id().value());
        w.field("framework_id", offer.framework_id().value());
        w.field("allocation_info", offer.allocation_info());
        w.field(wire::AGENT_ID, offer.agent_id().value());
        w.field_with("resources", |w| {
            resources(w, &Resources::from_proto(&offer.resources));
        });
    });
}

/// A fault domain.
pub(crate) fn domain(w: &mut JsonWriter, domain: &v1::DomainInfo) {
    w.object(|w| {
        if domain.fault_domain.is_some() {
            w.field("fault_domain", domain.fault_domain());
        }
    });
}

#[cfg(test)]
mod tests;
