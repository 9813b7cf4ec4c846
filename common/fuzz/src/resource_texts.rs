//! What is tried on arbitrary texts of resources: nothing panics, and what was read is good.

use mesos_common::resources::Resources;
use mesos_proto_codec::{Dialect, to_json};

/// Reads a text as `--resources`; what comes out is valid and says the same when read again.
pub fn parse_resources(text: &str) {
    let resources = match Resources::parse(text) {
        Ok(resources) => resources,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error without words");
            return;
        }
    };
    let written = resources.to_proto();
    let read = Resources::try_from_proto(&written).expect("only valid resources are read");
    assert_eq!(read, resources, "the wire form says something else");

    let objects: Vec<String> = written
        .iter()
        .map(|resource| to_json(resource, Dialect::V1))
        .collect();
    let json = format!("[{}]", objects.join(","));
    let read = Resources::parse(&json).expect("what was written can be read");
    assert_eq!(read, resources, "the JSON form says something else");
}
