//! plyvel is Google's LevelDB behind Python: it reads what we wrote, and we read what it wrote.

use mesos_integration::google_leveldb::{self as google, Content, hex};
use mesos_log::{Database, LevelDbStorage, Storage, Write as Change};
use mesos_proto::internal::log::{Action, Metadata, Record, action, metadata, record};
use prost::Message;

fn append(position: u64, size: usize) -> Action {
    Action {
        position: Some(position),
        promised: Some(1),
        performed: Some(1),
        learned: Some(true),
        r#type: Some(action::Type::Append.into()),
        append: Some(
            action::Append {
                bytes: Some(vec![u8::try_from(position % 251).expect("small"); size].into()),
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
        ..append(position, 0)
    }
}

fn record_of(action: &Action) -> Record {
    Record {
        r#type: Some(record::Type::Action.into()),
        action: Some(action.clone().into()),
        ..Record::default()
    }
}

fn voting() -> Metadata {
    Metadata {
        status: Some(metadata::Status::Voting.into()),
        promised: Some(7),
        ..Metadata::default()
    }
}

/// Some ten megabytes: several tables, compactions and a journal that is not yet in a table.
#[test]
fn google_reads_every_record_that_we_wrote() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    storage.restore().expect("scans");
    storage.persist_metadata(&voting()).expect("stores");
    for position in 1..=120 {
        storage
            .persist_action(&append(position, 90_000))
            .expect("stores");
    }
    storage.persist_action(&truncate(121, 31)).expect("stores");
    drop(storage);

    let content = google::read(folder.path()).expect("sound files");

    let positions: Vec<u64> = (31..=121).collect();
    assert_eq!(content.len(), positions.len() + 1);
    for position in positions {
        let action = match position {
            121 => truncate(121, 31),
            _ => append(position, 90_000),
        };
        let stored = content.get(&hex(format!("{:010}", position + 1).as_bytes()));
        let ours = hex(&record_of(&action).encode_to_vec());
        assert!(stored == Some(&ours), "position {position}");
    }
    assert!(content.contains_key(&hex(b"0000000000")));
}

#[test]
fn we_read_and_continue_what_google_wrote_and_google_reads_that_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let metadata = Record {
        r#type: Some(record::Type::Metadata.into()),
        metadata: Some(voting()),
        ..Record::default()
    };
    let mut content = Content::new();
    content.insert(hex(b"0000000000"), hex(&metadata.encode_to_vec()));
    for position in 1..=60 {
        let key = format!("{:010}", position + 1);
        let value = record_of(&append(position, 90_000)).encode_to_vec();
        content.insert(hex(key.as_bytes()), hex(&value));
    }
    let written = google::write(folder.path(), &content).expect("writes");
    assert_eq!(written, content);

    let mut storage = LevelDbStorage::open(folder.path()).expect("opens");
    let scan = storage.restore().expect("scans");
    let read: Vec<Action> = (1..=60)
        .map(|position| storage.read(position).expect("reads"))
        .collect();
    storage.persist_action(&append(61, 100)).expect("stores");
    drop(storage);
    let after = google::read(folder.path()).expect("sound files");

    assert_eq!((scan.status, scan.promised), (metadata::Status::Voting, 7));
    assert_eq!((scan.begin, scan.end), (0, 60));
    for (action, position) in read.iter().zip(1..) {
        assert!(*action == append(position, 90_000), "position {position}");
    }
    assert_eq!(after.len(), content.len() + 1);
}

/// Keys of any kind, deleted and written over, as the state's own LevelDB storage may have them.
#[test]
fn google_sees_what_we_deleted_and_wrote_over() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut database = Database::open(folder.path()).expect("opens");
    let put = |key: &str, value: &str| Change::Put(key.into(), value.into());
    let first = [put("a", "1"), put("b", "2"), put("c", "3")];
    database.write(first, "write").expect("writes");
    let second = [put("b", "4"), Change::Delete("c".into())];
    database.write(second, "write").expect("writes");
    drop(database);

    let content = google::read(folder.path()).expect("sound files");

    let expected =
        [("a", "1"), ("b", "4")].map(|(key, value)| (hex(key.as_bytes()), hex(value.as_bytes())));
    assert_eq!(content, expected.into());
}
