//! After our appends Google's LevelDB still reads every file, and finds what we appended.

use std::path::Path;

use libprocess::Runtime;
use mesos_integration::google_leveldb as google;
use mesos_proto::internal::log::{Record, record};
use mesos_proto::internal::state::{Operation, operation};
use mesos_state::State;
use prost::Message;

use super::folder::{Folder, fetched};
use super::{cluster, host, runtime};

/// Stores other bytes instead of the registry.
fn append(runtime: &Runtime, state: &State, value: &'static str) {
    let changed = fetched(runtime, state).mutate(value.into());
    let stored = runtime.block_on(state.store(&changed)).ready();
    assert!(matches!(stored, Some(Ok(Some(_)))), "{stored:?}");
}

/// The value that Google's library finds last in the log: that of the highest position.
fn last_value(folder: &Path) -> Option<Vec<u8>> {
    let content = google::read(folder).expect("sound files");
    let snapshots = content.values().filter_map(|value| {
        let bytes: Vec<u8> = (0..value.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&value[at..at + 2], 16).expect("hexadecimal"))
            .collect();
        let record = Record::decode(bytes.as_slice()).expect("a record");
        let action = match record.r#type() {
            record::Type::Action => record.action?,
            record::Type::Metadata | record::Type::Promise => return None,
        };
        let appended = action.append.as_ref()?.bytes().clone();
        let operation = Operation::decode(appended).expect("an operation");
        assert_eq!(operation.r#type(), operation::Type::Snapshot);
        let entry = operation.snapshot().entry();
        Some((action.position(), entry.value().to_vec()))
    });
    snapshots.max().map(|(_, value)| value)
}

#[test]
fn google_finds_what_we_appended_to_the_log_of_a_lone_master() {
    let folder = Folder::with_recorded_logs();
    let path = "replicated-logs/standalone/master/replicated_log";
    let recorded = last_value(&folder.path().join(path));
    let host = host(runtime(), &folder, path, 1, &[]);
    let before = fetched(&host.runtime, &host.state).value().to_vec();

    append(&host.runtime, &host.state, "ours");
    host.runtime.shutdown();

    assert_eq!(recorded, Some(before));
    assert_eq!(
        last_value(&folder.path().join(path)),
        Some(b"ours".to_vec())
    );
}

#[test]
fn google_finds_what_we_appended_in_each_replica_of_three_masters() {
    let folder = Folder::with_recorded_logs();
    let paths = ["m1", "m2", "m3"].map(|name| format!("replicated-logs/ha/{name}/replicated_log"));
    let hosts = cluster(&folder, [&paths[0], &paths[1], &paths[2]]);

    append(&hosts[0].runtime, &hosts[0].state, "ours");
    // Each reads the log up to its end, which brings what it lacks to its own files.
    for host in &hosts[1..] {
        assert_eq!(fetched(&host.runtime, &host.state).value(), "ours");
    }
    for host in hosts {
        host.runtime.shutdown();
    }

    for path in &paths {
        let found = last_value(&folder.path().join(path));
        assert_eq!(found, Some(b"ours".to_vec()), "{path}");
    }
}

#[test]
fn google_finds_what_we_appended_to_a_log_that_we_made() {
    let folder = Folder::empty();
    let host = host(runtime(), &folder, "new", 1, &[]);

    append(&host.runtime, &host.state, "first");
    append(&host.runtime, &host.state, "second");
    host.runtime.shutdown();

    assert_eq!(
        last_value(&folder.path().join("new")),
        Some(b"second".to_vec())
    );
}
