//! What `docker inspect` says about a container.
//!
//! Mirrors `Docker::Container::create` of `src/docker/docker.cpp`.

use serde_json::Value;

/// When a container that was never started was started.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// What Docker said cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MalformedInspection {
    #[error("failed to parse the output of docker inspect: {0}")]
    Json(String),
    #[error("expected one container, got {0}")]
    Count(usize),
    #[error("Unable to find {0} in container")]
    Missing(&'static str),
}

/// A container as Docker sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// Everything that Docker said.
    pub(crate) output: String,
    /// The process of the container; none when it has ended.
    pub(crate) pid: Option<i32>,
    pub(crate) progress: Progress,
    /// The addresses in the network of the container.
    pub(crate) ipv4: Option<String>,
    pub(crate) ipv6: Option<String>,
}

/// How far a container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Created,
    Started,
}

impl Inspection {
    pub(crate) fn read(output: String) -> Result<Self, MalformedInspection> {
        let all: Vec<Value> = serde_json::from_str(&output)
            .map_err(|error| MalformedInspection::Json(error.to_string()))?;
        let [container] = all.as_slice() else {
            return Err(MalformedInspection::Count(all.len()));
        };
        let pid = container.pointer("/State/Pid").and_then(Value::as_i64);
        let pid = pid.ok_or(MalformedInspection::Missing("Pid"))?;
        let started = text(container, "/State/StartedAt");
        let started = started.ok_or(MalformedInspection::Missing("StartedAt"))?;
        let mode = text(container, "/HostConfig/NetworkMode");
        let mode = mode.ok_or(MalformedInspection::Missing("NetworkMode"))?;
        let network = container
            .pointer("/NetworkSettings/Networks")
            .and_then(|networks| networks.get(if mode == "default" { "bridge" } else { mode }));
        let address = |name: &str| {
            let found = network
                .and_then(|network| network.get(name))
                .and_then(Value::as_str);
            found
                .filter(|address| !address.is_empty())
                .map(str::to_owned)
        };
        let old = text(container, "/NetworkSettings/IPAddress").filter(|ip| !ip.is_empty());
        Ok(Self {
            pid: i32::try_from(pid).ok().filter(|pid| *pid != 0),
            progress: if started == NEVER {
                Progress::Created
            } else {
                Progress::Started
            },
            ipv4: address("IPAddress").or_else(|| old.map(str::to_owned)),
            ipv6: address("GlobalIPv6Address"),
            output,
        })
    }
}

fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.pointer(path)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(pid: i32, started: &str, mode: &str) -> String {
        format!(
            r#"[{{"State": {{"Pid": {pid}, "StartedAt": "{started}"}},
                "HostConfig": {{"NetworkMode": "{mode}"}},
                "NetworkSettings": {{"IPAddress": "", "Networks": {{
                    "bridge": {{"IPAddress": "172.17.0.2", "GlobalIPv6Address": "fd00::2"}},
                    "host": {{"IPAddress": "", "GlobalIPv6Address": ""}}}}}}}}]"#
        )
    }

    #[test]
    fn running_container_has_a_process_and_the_addresses_of_its_network() {
        let text = container(42, "2026-11-20T05:10:01Z", "bridge");

        let inspection = Inspection::read(text.clone()).unwrap();

        assert_eq!(inspection.output, text);
        assert_eq!(inspection.pid, Some(42));
        assert_eq!(inspection.progress, Progress::Started);
        assert_eq!(inspection.ipv4.as_deref(), Some("172.17.0.2"));
        assert_eq!(inspection.ipv6.as_deref(), Some("fd00::2"));
    }

    #[test]
    fn container_on_the_network_of_the_host_has_no_address() {
        let inspection = Inspection::read(container(42, "2026-11-20T05:10:01Z", "host")).unwrap();

        assert_eq!((inspection.ipv4, inspection.ipv6), (None, None));
    }

    #[test]
    fn container_that_was_made_is_not_started() {
        let inspection = Inspection::read(container(0, NEVER, "host")).unwrap();

        assert_eq!(inspection.pid, None);
        assert_eq!(inspection.progress, Progress::Created);
    }

    #[test]
    fn garbage_is_named() {
        let read = |text: &str| Inspection::read(text.to_owned()).unwrap_err();

        assert!(matches!(read("docker: oops"), MalformedInspection::Json(_)));
        assert_eq!(read("[]"), MalformedInspection::Count(0));
        assert_eq!(read("[{}]"), MalformedInspection::Missing("Pid"));
    }
}
