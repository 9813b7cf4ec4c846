use mesos_proto::internal::log::action;

use super::*;

fn append(position: u64, text: &str) -> Action {
    Action {
        position: Some(position),
        promised: Some(1),
        performed: Some(1),
        learned: Some(true),
        r#type: Some(action::Type::Append.into()),
        append: Some(
            action::Append {
                bytes: Some(text.to_owned().into()),
                ..Default::default()
            }
            .into(),
        ),
        ..Action::default()
    }
}

fn truncate(position: u64, to: u64) -> Action {
    Action {
        r#type: Some(action::Type::Truncate.into()),
        append: None,
        truncate: Some(action::Truncate {
            to: Some(to),
            ..Default::default()
        }),
        ..append(position, "")
    }
}

#[test]
fn what_was_stored_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    let metadata = Metadata {
        status: Some(metadata::Status::Voting.into()),
        promised: Some(7),
        ..Metadata::default()
    };
    storage.persist_metadata(&metadata).expect("stores");
    storage.persist_action(&append(1, "one")).expect("stores");
    drop(storage);

    let mut storage = LevelDbStorage::open(folder.path()).expect("opens again");
    let scan = storage.restore().expect("scans");

    assert_eq!((scan.status, scan.promised), (metadata::Status::Voting, 7));
    assert_eq!((scan.begin, scan.end), (0, 1));
    assert_eq!(storage.read(1).expect("reads"), append(1, "one"));
}

/// Mirrors: LevelDBStorageTest.Truncate
#[test]
fn a_learned_truncation_deletes_what_lies_before_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    for position in 1..=4 {
        storage
            .persist_action(&append(position, "x"))
            .expect("stores");
    }

    storage.persist_action(&truncate(5, 3)).expect("stores");

    assert!(matches!(
        storage.read(2),
        Err(StorageError::NotFound { position: 2 })
    ));
    assert_eq!(storage.restore().expect("scans").begin, 3);
}

#[test]
fn a_second_opener_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _first = LevelDbStorage::open(folder.path()).expect("opens");

    let second = LevelDbStorage::open(folder.path());

    assert!(matches!(second, Err(StorageError::Database { .. })));
}

#[test]
fn keys_sort_as_positions_do() {
    let positions = [0, 1, 9_999_999_997, 9_999_999_998, 9_999_999_999, u64::MAX];

    let keys: Vec<String> = positions.into_iter().map(key_of).collect();

    assert_eq!(keys.first().map(String::as_str), Some("0000000001"));
    assert!(keys.is_sorted());
}
