//! Decides what the command finds in its environment.

use std::collections::BTreeMap;

use mesos_proto::v1::{self, environment::variable::Type};

/// Where programs are looked for when the container says nothing about it.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Returns the variables of a launch, later ones winning, with a `PATH` in any case.
pub(super) fn variables(environment: &v1::Environment) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([("PATH".to_owned(), DEFAULT_PATH.to_owned())]);
    for variable in &environment.variables {
        let value = match variable.r#type() {
            Type::Secret => match &variable.secret {
                Some(secret) => String::from_utf8_lossy(secret.value().data()).into_owned(),
                None => continue,
            },
            Type::Value | Type::Unknown => variable.value().to_owned(),
        };
        variables.insert(variable.name().to_owned(), value);
    }
    variables
}
