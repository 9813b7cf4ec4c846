//! Every protobuf body of the recordings decodes and encodes to the same bytes.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::find;
use crate::recordings::{Packet, packets, records};
use prost::bytes::Bytes;

/// Type of the call and of the answer at a path of the HTTP API of the process at a port.
pub fn api_types(path: &str, port: u64) -> Option<(&'static str, &'static str)> {
    let is_agent = matches!(port, 15_051 | 15_071);
    Some(match path {
        "/master/api/v1/scheduler" | "/api/v1/scheduler" => {
            ("mesos.v1.scheduler.Call", "mesos.v1.scheduler.Event")
        }
        "/slave(1)/api/v1/executor" => ("mesos.v1.executor.Call", "mesos.v1.executor.Event"),
        "/slave(1)/api/v1" | "/api/v1" if is_agent => {
            ("mesos.v1.agent.Call", "mesos.v1.agent.Response")
        }
        "/master/api/v1" | "/api/v1" => ("mesos.v1.master.Call", "mesos.v1.master.Response"),
        _ => return None,
    })
}

/// All protobuf messages of a set with the names of their types.
pub fn messages(set: &str) -> Vec<(String, Bytes)> {
    let mut found = Vec::new();
    let mut answers: HashMap<(u64, u64), &'static str> = HashMap::new();
    for packet in packets(set) {
        let Some(body) = packet.body() else { continue };
        if let Some(name) = packet.message() {
            found.push((name.to_owned(), body));
        } else if packet.header("content-type") == Some("application/x-protobuf") {
            api_messages(&packet, body, &mut answers, &mut found);
        }
    }
    found
}

fn api_messages(
    packet: &Packet,
    body: Bytes,
    answers: &mut HashMap<(u64, u64), &'static str>,
    found: &mut Vec<(String, Bytes)>,
) {
    let (from, to) = packet.ports();
    if let Some(path) = packet.start().strip_prefix("POST ") {
        let path = path.split(' ').next().expect("a path");
        let Some((call, answer)) = api_types(path, to) else {
            return;
        };
        answers.insert((to, from), answer);
        // One call of the recording is wrong on purpose.
        if body != "bad" {
            found.push((call.to_owned(), body));
        }
    } else if let Some(answer) = answers.get(&(from, to)) {
        for record in records(&body) {
            found.push(((*answer).to_owned(), record));
        }
    }
}

/// The bytes as we write them.
///
/// C++ v1 code does not know `checkpoint` of AgentInfo and writes it behind the other fields, we
/// know it and write it in its place. The field is looked for by the bytes around it.
fn in_our_order(name: &str, body: &Bytes) -> Vec<u8> {
    // Field 8 (port), three bytes long with its key, then field 7 as true.
    const PORT_THEN_CHECKPOINT: [u8; 5] = [0x40, 0xcb, 0x75, 0x38, 0x01];

    let mut body = body.to_vec();
    let place = body
        .windows(5)
        .position(|window| window == PORT_THEN_CHECKPOINT);
    if let (Some(place), "mesos.v1.executor.Event") = (place, name) {
        body[place..place + 5].rotate_right(2);
    }
    body
}

#[track_caller]
fn assert_all_survive(set: &str, at_least: usize) {
    let messages = messages(set);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();

    for (name, body) in &messages {
        let again = (find(name).recode)(body.clone());

        let again = again.unwrap_or_else(|| panic!("{name} does not decode: {body:?}"));
        assert_eq!(again, in_our_order(name, body), "{name}");
        *counts.entry(name).or_default() += 1;
    }
    assert!(
        messages.len() >= at_least,
        "only {} messages: {counts:?}",
        messages.len()
    );
}

#[test]
fn every_message_of_the_standalone_recording_survives() {
    assert_all_survive("standalone", 230);
}

#[test]
fn every_message_of_the_high_availability_recording_survives() {
    assert_all_survive("ha", 2500);
}
