//! Files of the master.

use std::path::Path;

use mesos_common::flags::HasLogging as _;
use mesos_proto::v1::master::call::Type;
use serde_json::json;

use crate::support::Stage;
use crate::support::api::{in_both_forms, with};

/// A master that offers this as its log.
fn offering(path: &Path) -> Stage {
    let path = path.display().to_string();
    Stage::start_with(|flags| flags.logging_mut().external_log_file = Some(path))
}

/// Mirrors: MasterAPITest.ListFiles
#[test]
fn files_are_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["2", "3"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    std::fs::write(folder.path().join("two"), "two").expect("a file");
    let stage = offering(folder.path());

    in_both_forms(|form| {
        let call = with(Type::ListFiles, &json!({"path": "/master/log/"}));
        let answer = stage.asked(form, None, &call);

        let [_, _, file] = answer.list_files().file_infos.as_slice() else {
            panic!("three files")
        };
        assert_eq!(file.path(), "/master/log/two");
        assert_eq!((file.size(), file.nlink()), (3, 1));
        assert_eq!(file.mode() & 0o170_000, 0o100_000);
    });
}

/// Mirrors: MasterAPITest.ReadFile
#[test]
fn pieces_of_files_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "body").expect("a file");
    let stage = offering(&file);

    in_both_forms(|form| {
        let read = |offset: u64, length: Option<u64>| {
            let mut part = json!({"path": "/master/log", "offset": offset});
            if let Some(length) = length {
                part["length"] = json!(length);
            }
            let answer = stage.asked(form, None, &with(Type::ReadFile, &part));
            assert_eq!(answer.read_file().size(), 4);
            String::from_utf8(answer.read_file().data().to_vec()).expect("a text")
        };
        assert_eq!(read(1, Some(2)), "od");
        assert_eq!(read(5, Some(2)), "");
        assert_eq!(read(0, None), "body");
        assert_eq!(read(1, Some(6)), "ody");
    });
}

/// Mirrors: MasterAPITest.ListFilesInvalidPath
/// Mirrors: MasterAPITest.ReadFileInvalidPath
#[test]
fn paths_that_are_not_offered_are_not_found() {
    let stage = Stage::start();

    in_both_forms(|form| {
        let list = with(Type::ListFiles, &json!({"path": "five/"}));
        stage.told(form, None, &list, 404);
        let read = json!({"path": "invalid_file", "offset": 1, "length": 2});
        stage.told(form, None, &with(Type::ReadFile, &read), 404);
    });
}
