//! What of a stored log survives reopening, sudden ends and damage.

use std::path::Path;

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

/// Copies the files as a power cut would leave them: nothing is closed.
fn cut_off(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_name() != "LOCK" {
            let to = copy.path().join(entry.file_name());
            std::fs::copy(entry.path(), to).expect("copies");
        }
    }
    copy
}

fn file_of(folder: &Path, extension: &str) -> std::path::PathBuf {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|is| is == extension))
        .collect();
    found.sort();
    found.pop().expect("a file")
}

fn three_appends() -> (tempfile::TempDir, LevelDbStorage) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    for position in 1..=3 {
        storage
            .persist_action(&append(position, "some value"))
            .expect("stores");
    }
    (folder, storage)
}

fn restored(folder: &Path) -> Result<Scan, StorageError> {
    LevelDbStorage::open(folder)?.restore()
}

#[test]
fn what_was_acknowledged_survives_a_sudden_end() {
    let (folder, _running) = three_appends();

    let scan = restored(cut_off(folder.path()).path()).expect("opens");

    assert_eq!((scan.begin, scan.end), (0, 3));
}

#[test]
fn a_torn_last_write_is_as_if_it_had_not_been() {
    let (folder, _running) = three_appends();
    let copy = cut_off(folder.path());
    let journal = file_of(copy.path(), "log");
    let bytes = std::fs::read(&journal).expect("reads");

    std::fs::write(&journal, &bytes[..bytes.len() - 5]).expect("cuts");
    let scan = restored(copy.path()).expect("opens");

    assert_eq!(scan.end, 2);
}

#[test]
fn a_damaged_record_in_the_journal_refuses_to_open() {
    let (folder, _running) = three_appends();
    let copy = cut_off(folder.path());
    let journal = file_of(copy.path(), "log");
    let mut bytes = std::fs::read(&journal).expect("reads");

    bytes[20] ^= 1;
    std::fs::write(&journal, &bytes).expect("damages");
    let error = restored(copy.path()).expect_err("must not forget what it promised");

    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn a_damaged_table_refuses_to_open() {
    let (folder, running) = three_appends();
    drop(running);
    restored(folder.path()).expect("the journal becomes a table");
    let table = file_of(folder.path(), "ldb");
    let mut bytes = std::fs::read(&table).expect("reads");

    bytes[10] ^= 1;
    std::fs::write(&table, &bytes).expect("damages");
    let error = restored(folder.path()).expect_err("must not forget what it promised");

    assert!(error.to_string().contains("bad block"), "{error}");
}

#[test]
fn a_journal_may_end_anywhere_in_its_block() {
    for rest in 0..16 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
        let value = "x".repeat(32 * 1024 - 110 + rest);
        storage.persist_action(&append(1, &value)).expect("stores");
        storage.persist_action(&append(2, "y")).expect("stores");

        let scan = restored(cut_off(folder.path()).path()).expect("opens");

        assert_eq!(scan.end, 2, "{rest}");
    }
}

#[test]
fn a_truncation_far_ahead_takes_no_longer_than_what_is_stored() {
    let (_folder, mut storage) = three_appends();

    storage
        .persist_action(&truncate(u64::MAX - 1, u64::MAX - 1))
        .expect("stores");

    assert_eq!(storage.restore().expect("scans").begin, u64::MAX - 1);
    assert!(storage.read(3).is_err());
}

/// Waits for a helper of the operating system.
fn run(program: &str, arguments: &[&str]) -> bool {
    std::process::Command::new(program)
        .args(arguments)
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn needs_root_a_full_disk_fails_the_write_and_keeps_what_was_acknowledged() {
    let disk = tempfile::tempdir().expect("a temporary folder");
    let path = disk.path().to_str().expect("a plain path").to_owned();
    assert!(run(
        "mount",
        &["-t", "tmpfs", "-o", "size=2m", "tmpfs", &path]
    ));
    let folder = disk.path().join("log");
    let mut storage = LevelDbStorage::open(&folder).expect("opens");
    let value = "v".repeat(30_000);

    let mut stored = 0;
    let error = loop {
        match storage.persist_action(&append(stored + 1, &value)) {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    let again = storage.persist_action(&append(stored + 1, "small"));
    drop(storage);
    let larger = run("mount", &["-o", "remount,size=16m", &path]);
    let scan = restored(&folder);
    let unmounted = run("umount", &[&path]);

    assert!(larger && unmounted);
    assert!(matches!(error, StorageError::Database { .. }), "{error}");
    assert!(matches!(again, Err(StorageError::Poisoned { .. })));
    let scan = scan.expect("opens with room");
    assert!(
        stored > 10 && scan.end >= stored,
        "{stored} of {}",
        scan.end
    );
    assert!(scan.learned.contains(stored) && scan.learned.contains(1));
}

/// Mirrors: LogStorageTest.Truncate
#[test]
fn truncations_forget_what_lies_before_them_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    let scan = storage.restore().expect("scans");
    assert_eq!(scan, Scan::default());
    for position in 0..10 {
        let action = append(position, &position.to_string());
        storage.persist_action(&action).expect("stores");
    }

    let (first, second) = (truncate(10, 3), truncate(11, 10));
    storage.persist_action(&first).expect("stores");
    for position in 0..10 {
        let read = storage.read(position).ok();
        let stored = (position >= 3).then(|| append(position, &position.to_string()));
        assert_eq!(read, stored);
    }
    storage.persist_action(&second).expect("stores");

    for position in 0..10 {
        assert!(storage.read(position).is_err(), "{position} is still there");
    }
    assert_eq!(storage.read(10).expect("reads"), first);
    assert_eq!(storage.read(11).expect("reads"), second);
}

/// Mirrors: LogStorageTest.TruncateWithEmptyLog
#[test]
fn a_log_without_positions_can_be_truncated() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    storage.restore().expect("scans");

    storage.persist_action(&truncate(1, 0)).expect("stores");

    assert!(storage.read(0).is_err());
    assert_eq!(storage.read(1).expect("reads"), truncate(1, 0));
}

/// Mirrors: LogStorageTest.TruncateWithManyHoles
#[test]
fn a_truncation_over_six_hundred_million_holes_costs_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    storage.restore().expect("scans");
    let action = truncate(600_020_000, 600_000_000);
    let watch = mesos_integration::eventually::Stopwatch::start();

    storage.persist_action(&action).expect("stores");

    assert!(watch.elapsed() < std::time::Duration::from_secs(1));
    assert_eq!(storage.read(600_020_000).expect("reads"), action);
}

/// The value and its being learned are two writes; the second is the newest of all, and as large
/// as this it ends a block of the table that the journal becomes.
#[test]
fn the_newest_value_is_read_after_reopening_however_large_it_is() {
    for size in [10, 3_000, 5_000, 70_000, 200_000] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let learned = append(1, &"x".repeat(size));
        let mut written = learned.clone();
        written.learned = None;
        let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
        storage.persist_action(&written).expect("stores");
        storage.persist_action(&learned).expect("stores");
        drop(storage);

        let mut storage = LevelDbStorage::open(folder.path()).expect("opens again");
        storage.restore().expect("scans");

        assert!(
            matches!(storage.read(1), Ok(read) if read == learned),
            "{size} bytes"
        );
    }
}

fn open_with_buffer(folder: &Path, buffer: usize) -> LevelDbStorage {
    let database = Database::open_with_buffer(folder, buffer).expect("opens");
    LevelDbStorage {
        database,
        first: None,
    }
}

/// rusty-leveldb puts the table with the learned value below the one with the written value.
#[test]
fn the_newest_value_is_read_whatever_table_it_is_in() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    storage.persist_action(&append(1, "x")).expect("stores");
    drop(storage);
    let learned = append(2, &"x".repeat(5_000));
    let mut written = learned.clone();
    written.learned = None;

    let mut storage = open_with_buffer(folder.path(), 4_096);
    storage.restore().expect("scans");
    storage
        .persist_metadata(&Metadata::default())
        .expect("stores");
    storage.persist_action(&written).expect("stores");
    storage.persist_action(&learned).expect("stores");
    storage.persist_action(&append(3, "x")).expect("stores");
    let before = storage.read(2).expect("reads");
    drop(storage);
    let mut storage = open_with_buffer(folder.path(), 4_096);
    let scan = storage.restore().expect("scans");
    let after = storage.read(2).expect("reads");

    assert!(scan.learned.contains(2));
    assert_eq!(before, learned);
    assert_eq!(after, learned);
}
