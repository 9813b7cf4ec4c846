//! Browsing and reading files below attached paths.

use std::fs;

use super::*;

struct Fixture {
    runtime: Runtime,
    files: Files,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let runtime = Runtime::builder().start().expect("runtime");
        let files = Files::spawn(&runtime, None);
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::create_dir(directory.path().join("box")).expect("created");
        fs::write(directory.path().join("box/file"), "body").expect("written");
        fs::write(directory.path().join("secret"), "secret").expect("written");
        files.attach(&directory.path().join("box"), "/virtual/box", None);
        Self {
            runtime,
            files,
            directory,
        }
    }

    fn read(&self, path: &str, offset: u64, length: Option<u64>) -> Result<FilePart, FilesError> {
        let read = self.files.read(path, offset, length, None);
        self.runtime.block_on(read).ready().expect("an answer")
    }

    fn browse(&self, path: &str) -> Result<Vec<v1::FileInfo>, FilesError> {
        let listed = self.files.browse(path, None);
        self.runtime.block_on(listed).ready().expect("an answer")
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

/// Mirrors: FilesTest.ReadTest
#[test]
fn piece_of_a_file_comes_with_the_size_of_the_whole() {
    let fixture = Fixture::new();

    let part = |data: &str| FilePart {
        size: 4,
        data: Bytes::from(data.to_owned()),
    };
    assert_eq!(fixture.read("/virtual/box/file", 0, None), Ok(part("body")));
    assert_eq!(
        fixture.read("/virtual/box/file", 1, Some(2)),
        Ok(part("od"))
    );
    assert_eq!(fixture.read("/virtual/box/file", 4, None), Ok(part("")));
    assert_eq!(
        fixture.read("/virtual/box/none", 0, None),
        Err(FilesError::NotFound)
    );
}

/// Mirrors: FilesTest.AttachTest
#[test]
fn detached_path_is_gone() {
    let fixture = Fixture::new();
    assert!(fixture.read("/virtual/box/file", 0, None).is_ok());

    fixture.files.detach("/virtual/box");

    assert_eq!(
        fixture.read("/virtual/box/file", 0, None),
        Err(FilesError::NotFound)
    );
}

#[test]
fn paths_below_a_detached_one_are_gone_with_it() {
    let fixture = Fixture::new();
    let real = fixture.directory.path().join("box");
    fixture.files.attach(&real, "/virtual/box/inner", None);
    assert!(fixture.read("/virtual/box/inner/file", 0, None).is_ok());

    fixture.files.detach_below(Path::new("/virtual/box"));

    assert!(fixture.read("/virtual/box/file", 0, None).is_ok());
    assert_eq!(
        fixture.read("/virtual/box/inner/file", 0, None),
        Err(FilesError::NotFound)
    );
}

/// Mirrors: FilesTest.BrowseTest
#[test]
fn directory_lists_its_members_by_virtual_path() {
    let fixture = Fixture::new();

    let listed = fixture.browse("/virtual/box").expect("listed");

    let paths: Vec<&str> = listed.iter().map(v1::FileInfo::path).collect();
    assert_eq!(paths, ["/virtual/box/file"]);
    assert_eq!(listed[0].size(), 4);
}

/// Mirrors: FilesTest.ResolveTest
#[test]
fn link_out_of_the_attached_path_is_inaccessible() {
    let fixture = Fixture::new();
    let link = fixture.directory.path().join("box/link");
    std::os::unix::fs::symlink("../secret", link).expect("linked");

    let outcome = fixture.read("/virtual/box/link", 0, None);

    assert!(matches!(outcome, Err(FilesError::Invalid(text)) if text.contains("is inaccessible")));
}

#[test]
fn unauthorized_principal_sees_nothing() {
    let fixture = Fixture::new();
    let real = fixture.directory.path().join("box");
    fixture
        .files
        .attach(&real, "/closed", Some(Arc::new(|_| Future::ready(false))));

    assert_eq!(
        fixture.read("/closed/file", 0, None),
        Err(FilesError::Unauthorized)
    );
}
