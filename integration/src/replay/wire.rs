//! The lines of a recorded `wire.jsonl`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{ReplayError, in_frame};
use crate::descriptors;
use crate::golden::{Golden, GoldenError};

/// How a v1 message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`
    Json,
    /// `application/x-protobuf`
    Protobuf,
}

/// One HTTP message of a recording.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Line of the recording, from 1.
    pub number: usize,
    /// Seconds since the first message.
    pub time: f64,
    /// Port of the sender.
    pub from_port: u64,
    /// Port of the receiver.
    pub to_port: u64,
    /// First line.
    pub start: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body without chunk framing.
    pub body: Vec<u8>,
    /// Full name of the message in the body, for known protobuf bodies.
    pub message: Option<String>,
    /// When each record of a streamed answer came; empty in the sets that do not tell.
    pub record_times: Vec<f64>,
}

impl Frame {
    /// Returns the first header of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Returns the request path, empty for an answer.
    #[must_use]
    pub fn path(&self) -> &str {
        if self.start.starts_with("HTTP/") {
            return "";
        }
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Returns receiver id and name when this is a libprocess message.
    #[must_use]
    pub fn legacy(&self) -> Option<(&str, &str)> {
        self.header("Libprocess-From")?;
        self.path().trim_start_matches('/').split_once('/')
    }

    /// Decodes the body of a libprocess message.
    ///
    /// # Errors
    /// [`ReplayError::Frame`] when it does not decode.
    pub fn legacy_json(&self) -> Result<Value, ReplayError> {
        let name = self.legacy().map_or("", |(_, name)| name);
        descriptors::to_json(name, &self.body).map_err(in_frame(self.number))
    }

    /// Decodes the body of a v1 call by its content type.
    ///
    /// # Errors
    /// [`ReplayError`] when it does not decode.
    pub fn call_json(&self, message: &str) -> Result<Value, ReplayError> {
        decode(self.number, message, self.encoding(), &self.body)
    }

    /// Splits the body into `RecordIO` records and decodes each.
    ///
    /// # Errors
    /// [`ReplayError`] when a record does not decode.
    pub fn records(&self, message: &str) -> Result<Vec<Value>, ReplayError> {
        let mut rest = self.body.as_slice();
        let mut records = Vec::new();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(end);
            let length = std::str::from_utf8(head)
                .ok()
                .and_then(|text| text.parse().ok());
            // The recording may end in the middle of a record.
            let Some(record) = length.and_then(|length: usize| tail.get(1..=length)) else {
                break;
            };
            records.push(decode(self.number, message, self.encoding(), record)?);
            rest = tail.get(record.len() + 1..).unwrap_or_default();
        }
        Ok(records)
    }

    /// Tells how the body is written, by its content type.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        if self.header("Content-Type") == Some("application/json") {
            Encoding::Json
        } else {
            Encoding::Protobuf
        }
    }
}

/// Decodes JSON or protobuf bytes of a v1 message.
///
/// # Errors
/// [`ReplayError`] when the bytes are not such a message.
pub fn decode(
    frame: usize,
    message: &str,
    encoding: Encoding,
    bytes: &[u8],
) -> Result<Value, ReplayError> {
    if encoding == Encoding::Json {
        return serde_json::from_slice(bytes).map_err(in_frame(frame));
    }
    descriptors::to_json(message, bytes).map_err(in_frame(frame))
}

/// Reads the frames of a set.
///
/// # Errors
/// [`ReplayError::Golden`] when the recording is missing or malformed.
pub fn frames(golden: &Golden) -> Result<Vec<Frame>, ReplayError> {
    let mut frames = Vec::new();
    for (index, line) in golden.text("wire.jsonl")?.lines().enumerate() {
        let frame = parse(index + 1, line).ok_or_else(|| GoldenError::Malformed {
            file: "wire.jsonl".to_owned(),
            detail: format!("line {} is no frame", index + 1),
        })?;
        frames.push(frame);
    }
    Ok(frames)
}

/// Leaves out the requests that got no answer: nobody was there any more to take them.
pub fn answered(frames: &[Frame]) -> impl Iterator<Item = &Frame> {
    let mut open: BTreeMap<(u64, u64), VecDeque<usize>> = BTreeMap::new();
    for frame in frames {
        if frame.path().is_empty() {
            let asked = open.get_mut(&(frame.to_port, frame.from_port));
            let _answered = asked.and_then(VecDeque::pop_front);
        } else {
            let asked = open.entry((frame.from_port, frame.to_port)).or_default();
            asked.push_back(frame.number);
        }
    }
    let unanswered: BTreeSet<usize> = open.into_values().flatten().collect();
    frames
        .iter()
        .filter(move |frame| !unanswered.contains(&frame.number))
}

fn parse(number: usize, line: &str) -> Option<Frame> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let headers = value.get("headers")?.as_array()?.iter().filter_map(|pair| {
        Some((
            pair.get(0)?.as_str()?.to_owned(),
            pair.get(1)?.as_str()?.to_owned(),
        ))
    });
    Some(Frame {
        number,
        time: value.get("t")?.as_f64()?,
        from_port: value.get("from_port")?.as_u64()?,
        to_port: value.get("to_port")?.as_u64()?,
        start: text("start")?,
        headers: headers.collect(),
        body: STANDARD.decode(text("body_b64").unwrap_or_default()).ok()?,
        message: text("message"),
        record_times: value.get("records").map_or_else(Vec::new, record_times),
    })
}

fn record_times(records: &Value) -> Vec<f64> {
    let records = records.as_array().into_iter().flatten();
    records
        .filter_map(|record| record.get("t")?.as_f64())
        .collect()
}
