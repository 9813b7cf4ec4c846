//! An operator who proves who he is on HTTP.

use mesos_common::resources::Resources;
use mesos_proto_codec::{Dialect, to_json};

use crate::support::{ALICE, Agent, Stage, credentials};

/// The form that the old endpoints take.
pub(crate) fn form(agent: &Agent, field: &str, resources: &Resources) -> String {
    format!("slaveId={}&{field}={}", agent.id, list(resources))
}

/// Resources as the old endpoints take them.
pub(crate) fn list(resources: &Resources) -> String {
    let items: Vec<String> = resources
        .to_proto()
        .iter()
        .map(|resource| to_json(resource, Dialect::V0))
        .collect();
    format!("[{}]", items.join(","))
}

impl Stage {
    /// A master that asks operators who they are.
    pub(crate) fn guarded() -> (Self, tempfile::NamedTempFile) {
        let file = credentials();
        let path = file.path().to_owned();
        let stage = Self::start_with(|flags| {
            flags.credentials = Some(path);
            flags.authenticate_http_readwrite = true;
        });
        (stage, file)
    }

    /// What an old endpoint answers to `alice`: status and text.
    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, String) {
        self.post_as(Some(ALICE), path, body)
    }

    /// What an old endpoint answers to somebody: status and text.
    pub(crate) fn post_as(
        &self,
        who: Option<(&str, &str)>,
        path: &str,
        body: &str,
    ) -> (u16, String) {
        let headers: Vec<(&str, &str)> = who.into_iter().collect();
        let answer = self.http("POST", path, &headers, body.as_bytes());
        self.settle();
        (answer.status, answer.text())
    }
}
