//! Every v1 JSON answer of the recordings reads and writes back the same.

use std::collections::{BTreeMap, HashMap};

use mesos_proto::Dialect;

use crate::catalog::find;
use crate::golden_wire::api_types;
use crate::recordings::{files, packets, records};

/// Compares two texts and shows only where they part.
#[track_caller]
fn assert_same(what: &str, genuine: &str, ours: &str) {
    let same = genuine
        .bytes()
        .zip(ours.bytes())
        .take_while(|(left, right)| left == right)
        .count();
    let start = same.saturating_sub(120);
    let show = |text: &str| {
        text.get(start..text.len().min(same + 120))
            .map(str::to_owned)
    };
    assert!(
        genuine == ours,
        "{what}:\n genuine {:?}\n ours    {:?}",
        show(genuine),
        show(ours)
    );
}

/// Takes out `"name":[]`.
///
/// C++ writes the answers about tasks, executors and frameworks by hand, empty lists included; that
/// is the business of those handlers, not of the mapping.
fn without_empty_lists(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(end) = text.find("\":[]") {
        let mut start = text[..end].rfind('"').expect("the opening quote");
        let mut end = end + 4;
        if text[end..].starts_with(',') {
            end += 1;
        } else if text[..start].ends_with(',') {
            start -= 1;
        }
        text.replace_range(start..end, "");
    }
    text
}

#[test]
fn every_operator_answer_reads_and_writes_back_equal() {
    let mut count = 0;
    for (path, content) in files("standalone") {
        let file = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let name = if file.starts_with("v1-master") {
            "mesos.v1.master.Response"
        } else if file.starts_with("v1-agent") {
            "mesos.v1.agent.Response"
        } else {
            continue;
        };
        let genuine = as_mapped(&String::from_utf8(content).expect("UTF-8"));
        if genuine.starts_with("Failed to validate") {
            continue;
        }

        let ours = (find(name).json_to_json)(&genuine, Dialect::V1);

        let ours = ours.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_same(&path.display().to_string(), &genuine, &ours);
        count += 1;
    }
    assert!(count > 80, "only {count} answers");
}

/// What the C++ master writes by hand and a v1 message does not have.
fn as_mapped(genuine: &str) -> String {
    // Entries of a map come in the order of a hash table in C++, sorted in ours.
    let mut text = without_empty_lists(genuine).replace(
        r#"{"mem":{"value":1024.0},"cpus":{"value":2.0}}"#,
        r#"{"cpus":{"value":2.0},"mem":{"value":1024.0}}"#,
    );
    if text.contains("\"get_agents\"") {
        text = text.replace(r#","checkpoint":true},"active""#, r#"},"active""#);
    }
    text
}

#[test]
fn every_json_body_of_the_api_reads_and_writes_back_equal() {
    let mut counts = BTreeMap::new();
    let mut answers = HashMap::new();
    for packet in packets("standalone") {
        let (from, to) = packet.ports();
        let path = packet
            .start()
            .strip_prefix("POST ")
            .and_then(|rest| rest.split(' ').next());
        let types = path.and_then(|path| api_types(path, to));
        if let Some((_, answer)) = types {
            answers.insert((to, from), answer);
        } else if !packet.start().starts_with("HTTP/") {
            answers.remove(&(to, from));
        }
        let Some(body) = packet.body() else { continue };
        if packet.header("content-type") != Some("application/json") {
            continue;
        }
        let bodies = match (types, answers.get(&(from, to))) {
            (Some((call, _)), _) => vec![(call, body)],
            (None, Some(_)) if !packet.start().contains(" 200 ") => continue,
            (None, Some(&answer)) if body.first().is_some_and(u8::is_ascii_digit) => {
                let event = answer.replace("master.Response", "master.Event");
                let event = find(&event).v1_name;
                records(&body)
                    .into_iter()
                    .map(|record| (event, record))
                    .collect()
            }
            (None, Some(answer)) => vec![(*answer, body)],
            (None, None) => continue,
        };
        for (name, body) in bodies {
            let genuine = String::from_utf8(body.to_vec()).expect("UTF-8");
            // Calls are written by clients, some of them wrong on purpose.
            let Ok(ours) = (find(name).json_to_json)(&genuine, Dialect::V1) else {
                assert!(types.is_some(), "{name} does not read: {genuine}");
                continue;
            };
            if types.is_none() {
                assert_same(name, &as_mapped(&genuine), &ours);
            }
            *counts.entry(name).or_insert(0) += 1;
        }
    }
    for name in [
        "scheduler.Event",
        "master.Event",
        "master.Response",
        "agent.Response",
    ] {
        assert!(
            counts.contains_key(&*format!("mesos.v1.{name}")),
            "{counts:?}"
        );
    }
}
