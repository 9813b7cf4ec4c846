//! Artifacts that not everybody may read.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::scene::{Scene, command, file};

/// Mirrors: FetcherTest.ROOT_UNPRIVILEGED_USER_RootProtectedFileURI
#[test]
fn user_fetches_only_what_that_user_may_read() {
    let scene = Scene::start();
    let source = scene.source("test", "data");
    let as_nobody = |id: &str| {
        let command = command(vec![file(&source)]);
        fs::set_permissions(scene.sandbox(id), fs::Permissions::from_mode(0o777)).expect("opened");
        scene.wait(scene.begin_as(Some("nobody"), id, command))
    };

    let readable = as_nobody("0");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o600)).expect("closed");
    let protected = as_nobody("1");

    readable.expect("fetched");
    assert!(protected.is_err());
    assert!(!scene.sandbox("1").join("test").is_file());
}
