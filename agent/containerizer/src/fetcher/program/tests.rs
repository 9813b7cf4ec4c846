//! Artifacts of every kind are fetched from this machine.

use std::process::Command;

use super::*;

fn job(directory: &Path) -> Job {
    let sandbox = directory.join("sandbox");
    fs::create_dir_all(&sandbox).expect("sandbox");
    fs::create_dir_all(directory.join("cache")).expect("cache");
    Job {
        sandbox,
        cache: Some(directory.join("cache")),
        home: None,
        stall_timeout: None,
    }
}

fn item(value: &str) -> Item {
    Item {
        uri: Some(Uri {
            value: Some(value.to_owned()),
            ..Default::default()
        }),
        action: Some(Action::BypassCache.into()),
        ..Default::default()
    }
}

fn uri(item: &mut Item) -> &mut Uri {
    item.uri.as_mut().expect("an address")
}

fn source(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("written");
    path.display().to_string()
}

fn read(job: &Job, name: &str) -> String {
    fs::read_to_string(job.sandbox.join(name)).expect("fetched")
}

/// Mirrors: FetcherTest.FileURI
#[test]
fn local_file_is_copied() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let path = source(directory.path(), "data", "content");

    job.fetch(&item(&format!("file://{path}")))
        .expect("fetched");

    assert_eq!(read(&job, "data"), "content");
}

/// Mirrors: FetcherTest.FileLocalhostURI
#[test]
fn localhost_is_this_machine() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let path = source(directory.path(), "data", "content");

    job.fetch(&item(&format!("file://localhost{path}")))
        .expect("fetched");

    assert_eq!(read(&job, "data"), "content");
}

/// Mirrors: FetcherTest.AbsoluteFilePath
/// Mirrors: FetcherTest.CustomOutputFileSubdirectory
#[test]
fn output_file_names_the_place_in_the_sandbox() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let mut item = item(&source(directory.path(), "data", "content"));
    uri(&mut item).output_file = Some("a/b/other".to_owned());

    job.fetch(&item).expect("fetched");

    assert_eq!(read(&job, "a/b/other"), "content");
}

/// Mirrors: FetcherTest.RelativeFilePath
#[test]
fn relative_path_needs_a_home() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let mut job = job(directory.path());
    source(directory.path(), "data", "content");

    assert!(matches!(
        job.fetch(&item("data")),
        Err(ProgramError::NoHome)
    ));
    job.home = Some(directory.path().display().to_string());
    job.fetch(&item("data")).expect("fetched");

    assert_eq!(read(&job, "data"), "content");
}

/// Mirrors: FetcherTest.NonExistingFile
#[test]
fn missing_file_is_a_failure() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());

    let error = job
        .fetch(&item("file:///there/is/nothing"))
        .expect_err("a failure");

    assert!(
        error
            .to_string()
            .starts_with("Failed to copy '/there/is/nothing'")
    );
}

/// Mirrors: FetcherTest.NoExtractExecutable
#[test]
fn executable_can_be_run() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let mut item = item(&source(directory.path(), "run.sh", "#!/bin/sh\nexit 7\n"));
    uri(&mut item).executable = Some(true);

    job.fetch(&item).expect("fetched");

    let status = Command::new(job.sandbox.join("run.sh"))
        .status()
        .expect("started");
    assert_eq!(status.code(), Some(7));
}

fn archive(directory: &Path) -> String {
    source(directory, "inner", "packed");
    let path = directory.join("archive.tar.gz");
    let packed = Command::new("tar")
        .arg("-C")
        .arg(directory)
        .arg("-czf")
        .arg(&path)
        .arg("inner")
        .status()
        .expect("tar");
    assert!(packed.success());
    path.display().to_string()
}

/// Mirrors: FetcherTest.ExtractNotExecutable
#[test]
fn archive_is_opened_beside_itself() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());

    job.fetch(&item(&archive(directory.path())))
        .expect("fetched");

    assert_eq!(read(&job, "inner"), "packed");
    assert!(job.sandbox.join("archive.tar.gz").is_file());
}

/// Mirrors: FetcherTest.NoExtractNotExecutable
#[test]
fn archive_stays_closed_when_it_shall() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let mut item = item(&archive(directory.path()));
    uri(&mut item).extract = Some(false);

    job.fetch(&item).expect("fetched");

    assert!(!job.sandbox.join("inner").is_file());
}

/// Mirrors: FetcherTest.ExtractGzipFile
#[test]
fn compressed_file_is_opened_under_its_plain_name() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let plain = source(directory.path(), "text", "content");
    assert!(
        Command::new("gzip")
            .arg(&plain)
            .status()
            .expect("gzip")
            .success()
    );

    job.fetch(&item(&format!("{plain}.gz"))).expect("fetched");

    assert_eq!(read(&job, "text"), "content");
}

#[test]
fn damaged_archive_is_a_failure() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());

    let error = job
        .fetch(&item(&source(directory.path(), "bad.gz", "not gzip")))
        .expect_err("a failure");

    assert!(error.to_string().contains("'gunzip' failed"), "{error}");
}

#[test]
fn cached_artifact_is_downloaded_once() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let job = job(directory.path());
    let path = source(directory.path(), "data", "first");
    let mut item = item(&path);
    item.action = Some(Action::DownloadAndCache.into());
    item.cache_filename = Some("c00000000001-data".to_owned());

    job.fetch(&item).expect("fetched");
    fs::write(&path, "second").expect("written");
    item.action = Some(Action::RetrieveFromCache.into());
    job.fetch(&item).expect("fetched");

    assert_eq!(read(&job, "data"), "first");
}
