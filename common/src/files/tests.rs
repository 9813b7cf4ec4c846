//! Browsing and reading files below attached paths.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use libprocess::http::authentication::basic::BasicAuthenticator;
use libprocess::http::client::{ClientRequest, request};

use super::*;

struct Fixture {
    runtime: Runtime,
    files: Files,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::in_realm(None)
    }

    fn in_realm(realm: Option<&str>) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .start()
            .expect("runtime");
        let files = Files::spawn(&runtime, realm);
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

    /// Asks over HTTP: status, media type or challenge, body.
    fn get(&self, path: &str) -> (u16, String, Bytes) {
        let url = format!("http://{}", self.runtime.address());
        self.runtime.block_on(async {
            let response = request(&url, ClientRequest::get(format!("/files/{path}")))
                .await
                .expect("an answer");
            let header = response
                .header("www-authenticate")
                .or_else(|| response.header("content-type"))
                .unwrap_or_default()
                .to_owned();
            let status = response.status;
            (status, header, response.bytes().await.expect("a body"))
        })
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

/// Mirrors: FilesTest.DetachTest
#[test]
fn path_can_be_detached_twice() {
    let fixture = Fixture::new();

    fixture.files.detach("/virtual/box");
    fixture.files.detach("/virtual/box");

    assert_eq!(
        fixture.read("/virtual/box/file", 0, None),
        Err(FilesError::NotFound)
    );
}

/// Mirrors: FilesTest.QueryWithEncodedSequence
#[test]
fn name_that_looks_encoded_is_found() {
    let fixture = Fixture::new();
    fs::write(fixture.directory.path().join("box/foo%3Abar"), "body").expect("written");
    let real = fixture.directory.path().join("box");
    fixture.files.attach(&real, "/", None);

    let (status, _, body) = fixture.get("read?path=/foo%253Abar&offset=0");

    assert_eq!(status, 200);
    assert_eq!(body, r#"{"data":"body","offset":0}"#);
}

/// Mirrors: FilesTest.DownloadTest
#[test]
fn file_is_downloaded_with_its_media_type_by_those_who_may() {
    let fixture = Fixture::new();
    let image = [b"GIF87a".as_slice(), &[0x01, 0x00, 0xff, 0x00, 0x3b]].concat();
    fs::write(fixture.directory.path().join("black.gif"), &image).expect("written");
    let allowed = Arc::new(AtomicBool::new(true));
    let asked = allowed.clone();
    let authorize: AuthorizeFile = Arc::new(move |_| Future::ready(asked.load(Ordering::Relaxed)));
    let real = |name: &str| fixture.directory.path().join(name);
    fixture.files.attach(&real("box/file"), "binary", None);
    fixture.files.attach(&real("black.gif"), "black.gif", None);
    fixture
        .files
        .attach(&real("black.gif"), "authorized.gif", Some(authorize));

    let plain = fixture.get("download?path=binary");
    let known = fixture.get("download?path=black.gif");
    let authorized = fixture.get("download?path=authorized.gif");
    allowed.store(false, Ordering::Relaxed);
    let (forbidden, _, _) = fixture.get("download?path=authorized.gif");

    let octets = "application/octet-stream".to_owned();
    assert_eq!(plain, (200, octets, Bytes::from_static(b"body")));
    let gif = (200, "image/gif".to_owned(), Bytes::from(image));
    assert_eq!(known, gif);
    assert_eq!(authorized, gif);
    assert_eq!(forbidden, 403);
}

/// Mirrors: FilesTest.AuthenticationTest
#[test]
fn every_endpoint_asks_who_is_there() {
    let fixture = Fixture::in_realm(Some("realm"));
    let known = HashMap::from([("principal".to_owned(), "secret".to_owned())]);
    let authenticator = Arc::new(BasicAuthenticator::new("realm", known));
    fixture.runtime.set_authenticator("realm", authenticator);

    for endpoint in ["browse", "read", "download", "debug"] {
        let (status, challenge, _) = fixture.get(endpoint);

        assert_eq!((status, challenge.as_str()), (401, "Basic realm=\"realm\""));
    }
}
