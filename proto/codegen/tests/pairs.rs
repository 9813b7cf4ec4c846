//! A difference between v0 and v1 that nobody listed fails the build.

use std::fs;
use std::path::Path;

use mesos_proto_codegen::{GenerateError, generate};

/// Copies the `.proto` files of the project.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            fs::create_dir_all(to).expect("a folder is made");
            fs::copy(&path, &target).expect("a file is copied");
        }
    }
}

/// Generates from the project's files with one text in one of them replaced.
fn generate_with(file: &str, old: &str, new: &str) -> Result<usize, GenerateError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let scratch = tempfile::tempdir().expect("a folder");
    for folder in [
        "mesos",
        "csi",
        "grpc",
        "master",
        "messages",
        "resource_provider",
        "slave",
    ] {
        copy(&root.join(folder), &scratch.path().join(folder));
    }
    let path = scratch.path().join(file);
    let text = fs::read_to_string(&path).expect("the file is there");
    assert!(text.contains(old), "{file} does not hold {old}");
    fs::write(&path, text.replacen(old, new, 1)).expect("the file is written");
    let out = tempfile::tempdir().expect("a folder");
    generate(scratch.path(), out.path()).map(|files| files.len())
}

/// The differences that are reported.
#[track_caller]
fn differences(file: &str, old: &str, new: &str) -> Vec<String> {
    match generate_with(file, old, new) {
        Err(GenerateError::Pairs { differences }) => differences,
        other => vec![format!("expected differences, got {other:?}")],
    }
}

#[test]
fn the_files_of_the_project_pass() {
    let files = generate_with("mesos/v1/mesos.proto", "message TaskID", "message TaskID");

    assert!(files.expect("they pass") > 50);
}

#[test]
fn another_label_is_reported() {
    let found = differences(
        "mesos/v1/mesos.proto",
        "message TaskID {\n  required",
        "message TaskID {\n  optional",
    );

    assert_eq!(found, ["mesos.v1.TaskID.value: the labels differ"]);
}

#[test]
fn another_type_is_reported() {
    let found = differences(
        "mesos/v1/mesos.proto",
        "message Port {\n  required uint32",
        "message Port {\n  required uint64",
    );

    assert_eq!(found, ["mesos.v1.Port.number: the types differ"]);
}

#[test]
fn another_default_is_reported() {
    let found = differences("mesos/mesos.proto", "[default = 5051]", "[default = 5052]");

    assert_eq!(found, ["mesos.v1.AgentInfo.port: the defaults differ"]);
}

#[test]
fn another_name_is_reported() {
    let found = differences(
        "mesos/v1/mesos.proto",
        "message TaskID {\n  required string value",
        "message TaskID {\n  required string text",
    );

    assert_eq!(
        found,
        ["mesos.v1.TaskID.value: the names differ".replace("value", "text")]
    );
}

#[test]
fn a_field_of_one_version_is_reported() {
    let found = differences(
        "mesos/v1/mesos.proto",
        "message TaskID {\n",
        "message TaskID {\n  optional string more = 2;\n",
    );

    assert_eq!(found, ["mesos.v1.TaskID.more: only v1 has it"]);
}

#[test]
fn a_message_of_one_version_is_reported() {
    let found = differences(
        "mesos/v1/mesos.proto",
        "message TaskID",
        "message More {}\nmessage TaskID",
    );

    assert_eq!(found, ["mesos.v1.More has no v0 twin"]);
}

#[test]
fn an_enum_value_of_one_version_is_reported() {
    let found = differences(
        "mesos/v1/mesos.proto",
        "TASK_STAGING = 6;",
        "TASK_STAGING = 6;\n  TASK_MORE = 99;",
    );

    assert_eq!(found, ["mesos.v1.TaskState.TASK_MORE: only v1 has it"]);
}

#[test]
fn a_listed_exception_that_is_gone_is_reported() {
    let found = differences(
        "mesos/quota/quota.proto",
        "optional bool force = 1 [default = false]",
        "optional bool force = 1",
    );

    assert_eq!(
        found,
        ["mesos.v1.quota.QuotaRequest.*: is listed as an exception, but is none"]
    );
}

#[test]
fn a_fault_in_a_file_names_the_place() {
    let error = generate_with(
        "mesos/v1/mesos.proto",
        "message TaskID {",
        "message TaskID [",
    )
    .expect_err("it does not compile");

    assert!(matches!(error, GenerateError::Compile(_)), "{error}");
}
