//! Recordings of a genuine cluster, out of `integration/golden`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::bytes::Bytes;
use serde_json::Value;

/// All files of one set, path and content.
pub fn files(set: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../integration/golden");
    let archive = File::open(folder.join(format!("{set}.tar.gz"))).expect("the archive is there");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut files = Vec::new();
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("a sound entry");
        let path = entry.path().expect("a path").into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("a sound entry");
        files.push((path, content));
    }
    files
}

/// One HTTP message on the wire.
pub struct Packet {
    line: Value,
}

/// All HTTP messages of one set in time order.
pub fn packets(set: &str) -> Vec<Packet> {
    let files = files(set);
    let (_, text) = files
        .iter()
        .find(|(path, _)| path.ends_with("wire.jsonl"))
        .expect("wire.jsonl is there");
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| Packet {
            line: serde_json::from_slice(line).expect("JSON"),
        })
        .collect()
}

impl Packet {
    /// First line of the head.
    pub fn start(&self) -> &str {
        self.line["start"].as_str().expect("a first line")
    }

    /// Full name of the message in the body, for messages between actors.
    pub fn message(&self) -> Option<&str> {
        self.line["message"].as_str()
    }

    /// The body, if there is one.
    pub fn body(&self) -> Option<Bytes> {
        let text = self.line["body_b64"].as_str()?;
        Some(STANDARD.decode(text).expect("base64").into())
    }

    /// Value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.line["headers"].as_array().expect("headers");
        let found = headers.iter().find(|header| {
            header[0]
                .as_str()
                .is_some_and(|key| key.eq_ignore_ascii_case(name))
        });
        found.and_then(|header| header[1].as_str())
    }

    /// Ports of sender and receiver.
    pub fn ports(&self) -> (u64, u64) {
        let port = |key: &str| self.line[key].as_u64().expect("a port");
        (port("from_port"), port("to_port"))
    }
}

/// Splits a RecordIO stream; a record that is cut off at the end is left out.
pub fn records(mut stream: &[u8]) -> Vec<Bytes> {
    let mut records = Vec::new();
    while let Some(end) = stream.iter().position(|byte| *byte == b'\n') {
        let length: usize = std::str::from_utf8(&stream[..end])
            .expect("digits")
            .parse()
            .expect("a length");
        let Some(record) = stream.get(end + 1..end + 1 + length) else {
            break;
        };
        records.push(Bytes::copy_from_slice(record));
        stream = &stream[end + 1 + length..];
    }
    records
}
