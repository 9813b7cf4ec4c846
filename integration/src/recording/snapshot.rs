//! The read endpoints of a master, compared with a recorded moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::RecordingError;
use super::order::Keys;
use crate::golden::Golden;
use crate::http_client::{self, Request};
use crate::replay::compare::{self, Difference};
use crate::replay::ids::Ids;

/// What differs from run to run by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// Nothing.
    Nothing,
    /// To which role of a framework an agent is offered: the first agent of a round is drawn.
    Offers,
}

/// Objects whose keys are data, so that their order is chance.
const MAPS: [&str; 8] = [
    "limits",
    "guarantees",
    "attributes",
    "resources",
    "reserved_resources",
    "reserved_resources_full",
    "reserved_resources_allocated",
    "offer_constraints",
];

/// Fields that say where, when and of what the program was built or started.
const ENVIRONMENT: [&str; 13] = [
    "build_date",
    "build_time",
    "build_user",
    "git_branch",
    "git_sha",
    "git_tag",
    "version",
    "flags",
    "log_dir",
    "external_log_file",
    "start_time",
    "elected_time",
    "webui_url",
];

/// Compares every read endpoint that the recorded folder holds.
///
/// # Errors
/// [`RecordingError`] when the master does not answer.
pub fn compare(
    golden: &Golden,
    folder: &str,
    master: SocketAddr,
    chance: Chance,
    ids: &mut Ids,
) -> Result<Vec<(String, Vec<String>)>, RecordingError> {
    let prefix = format!("http/{folder}/");
    let files: Vec<String> = golden.paths(&prefix).map(str::to_owned).collect();
    let mut results = Vec::new();
    for file in files {
        let name = file
            .trim_start_matches(&prefix)
            .trim_end_matches(".json")
            .to_owned();
        let Some(request) = request(&name) else {
            continue;
        };
        let answer = http_client::send(master, &request)?;
        let recorded = golden.bytes(&file)?;
        let place = format!("{folder}/{name}");
        results.push((
            name,
            differences(&place, recorded, &answer.body, chance, ids),
        ));
    }
    Ok(results)
}

fn request(name: &str) -> Option<Request> {
    if let Some(call) = name.strip_prefix("v1-master-") {
        return Some(Request::post_json("/api/v1", &json!({"type": call})));
    }
    let target = match name.strip_prefix("master-")? {
        "metrics-snapshot" => "/metrics/snapshot".to_owned(),
        "registry" => "/registrar(1)/registry".to_owned(),
        "maintenance-schedule" => "/master/maintenance/schedule".to_owned(),
        "maintenance-status" => "/master/maintenance/status".to_owned(),
        other => format!("/master/{other}"),
    };
    Some(Request::get(&target))
}

/// A metric that C++ masters do not have.
const UNREAD_STREAMS: &str = "master/event_streams_unread";

/// Names where the live answer of a read endpoint says something else, or in another order.
#[must_use]
pub fn differences(
    place: &str,
    recorded: &[u8],
    live: &[u8],
    chance: Chance,
    ids: &mut Ids,
) -> Vec<String> {
    let (Ok(left), Ok(right)) = (
        serde_json::from_slice::<Value>(recorded),
        serde_json::from_slice::<Value>(live),
    ) else {
        return vec![format!("{place}: {}", String::from_utf8_lossy(live))];
    };
    let mut found = disorder(place, recorded, live);
    found.extend(value_differences(place, &left, &right, chance, ids));
    found
}

/// Names where the keys of two documents stand in another order.
#[must_use]
pub fn disorder(place: &str, recorded: &[u8], live: &[u8]) -> Vec<String> {
    let (Ok(recorded), Ok(live)) = (Keys::of(recorded), Keys::of(live)) else {
        return Vec::new();
    };
    recorded.disorder(&live, place, is_map)
}

/// Names where the live values are others, those of the environment left out.
#[must_use]
pub fn value_differences(
    place: &str,
    recorded: &Value,
    live: &Value,
    chance: Chance,
    ids: &mut Ids,
) -> Vec<String> {
    learn(recorded, live, ids);
    let (left, right) = (comparable(place, recorded), comparable(place, live));
    let left = live_keys(&left, ids);
    let (left, right) = match chance {
        Chance::Nothing => (left, right),
        Chance::Offers => (without_offers("", &left), without_offers("", &right)),
    };
    let differences = compare::compare(place, &left, &right, ids);
    differences.iter().map(Difference::to_string).collect()
}

fn is_map(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    MAPS.contains(&name) || path.contains("metrics-snapshot")
}

/// The id of a master that took over is seen here first.
fn learn(recorded: &Value, live: &Value, ids: &mut Ids) {
    let id = |value: &Value| Some(value.get("id")?.as_str()?.to_owned());
    if let (Some(recorded), Some(live)) = (id(recorded), id(live)) {
        ids.learn(&recorded, &live);
    }
}

/// Leaves out what is offered, and what is used and offered together.
fn without_offers(key: &str, value: &Value) -> Value {
    let is_offered = |name: &str| {
        let of_all = matches!(key, "frameworks" | "completed_frameworks" | "roles");
        name.starts_with("offer") && name != "offer_constraints" || of_all && name == "resources"
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !is_offered(name))
            .map(|(name, value)| (name.clone(), without_offers(name, value)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| without_offers(key, item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Ids stand in keys too.
fn live_keys(value: &Value, ids: &Ids) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (ids.text(key), live_keys(value, ids)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| live_keys(item, ids)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Leaves out what this run has no part in.
fn comparable(place: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| !ENVIRONMENT.contains(&key.as_str()))
            // Measures of this program alone.
            .filter(|(key, _)| !key.starts_with("libprocess/") && *key != UNREAD_STREAMS)
            .map(|(key, value)| (key.clone(), comparable(place, value)))
            .collect(),
        Value::Array(items) => items.iter().map(|item| comparable(place, item)).collect(),
        // Metrics are compared by their keys.
        Value::Number(_) if place.contains("metrics-snapshot") => json!(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The flags that `/flags` or `GET_FLAGS` answers, by their names, but for those named in `left_out`.
#[must_use]
pub fn flags(answer: &Value, left_out: &[&str]) -> BTreeMap<String, Value> {
    let listed = answer.pointer("/get_flags/flags").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(|flag| {
        let name = flag.get("name")?.as_str()?;
        Some((
            name.to_owned(),
            flag.get("value").cloned().unwrap_or_default(),
        ))
    });
    let named = answer.get("flags").and_then(Value::as_object);
    let named = named.into_iter().flatten();
    let named = named.map(|(name, value)| (name.clone(), value.clone()));
    let all = listed.chain(named);
    all.filter(|(name, _)| !left_out.contains(&name.as_str()))
        .collect()
}
