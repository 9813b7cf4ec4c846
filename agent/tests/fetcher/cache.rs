//! Artifacts that are kept for others.

use std::fs;

use mesos_proto::v1::command_info::Uri;

use crate::scene::{SCRIPT, Scene, executable, extracted, file, is_executable};

/// A script named `command`, in the directory of sources.
fn script(scene: &Scene) -> std::path::PathBuf {
    let path = scene.source("command", "");
    executable(&path, SCRIPT);
    path
}

/// Mirrors: FetcherCacheTest.LocalUncachedExtract
#[test]
fn archive_that_is_not_cached_stays_in_the_sandbox() {
    let scene = Scene::start();
    let archive = scene.archive("archive.tgz", &script(&scene));

    scene
        .fetch("0", vec![extracted(&archive)])
        .expect("fetched");

    scene.run("0", "command");
    let copy = scene.sandbox("0").join("archive.tgz");
    assert!(copy.is_file() && !is_executable(&copy));
    assert!(is_executable(&scene.sandbox("0").join("command")));
    assert_eq!(scene.cached_files(), 0);
    scene.assert_cached_bytes(0);
}

/// Mirrors: FetcherCacheTest.LocalCachedExtract
#[test]
fn archive_that_is_cached_does_not_come_into_the_sandbox() {
    let scene = Scene::start();
    let archive = scene.archive("archive.tgz", &script(&scene));
    let size = fs::read(&archive).expect("an archive").len();
    let artifact = Uri {
        cache: Some(true),
        ..extracted(&archive)
    };

    for id in ["0", "1"] {
        scene.fetch(id, vec![artifact.clone()]).expect("fetched");

        scene.run(id, "command");
        assert!(!scene.sandbox(id).join("archive.tgz").is_file());
        assert!(is_executable(&scene.sandbox(id).join("command")));
        assert_eq!(scene.cached_files(), 1);
        scene.assert_cached_bytes(size);
    }
}

fn named(scene: &Scene, name: &str) -> Uri {
    Uri {
        executable: Some(true),
        cache: Some(true),
        output_file: Some(name.to_owned()),
        ..file(&script(scene))
    }
}

/// Mirrors: FetcherCacheTest.CachedCustomFilename
#[test]
fn cached_artifact_gets_its_name() {
    let scene = Scene::start();

    scene
        .fetch("0", vec![named(&scene, "my-command")])
        .expect("fetched");

    scene.run("0", "my-command");
    assert!(is_executable(&scene.sandbox("0").join("my-command")));
    assert_eq!(scene.cached_files(), 1);
    scene.assert_cached_bytes(SCRIPT.len());
}

/// Mirrors: FetcherCacheTest.CachedCustomOutputFileWithSubdirectory
#[test]
fn cached_artifact_gets_its_directory() {
    let scene = Scene::start();

    scene
        .fetch("0", vec![named(&scene, "subdir/my-command")])
        .expect("fetched");

    scene.run("0", "subdir/my-command");
    assert!(is_executable(&scene.sandbox("0").join("subdir/my-command")));
    assert_eq!(scene.cached_files(), 1);
    scene.assert_cached_bytes(SCRIPT.len());
}

/// The artifact is not there when its size is asked for, and it is when it is fetched.
///
/// Mirrors: FetcherCacheTest.CachedFallback
#[test]
fn artifact_whose_size_is_unknown_is_fetched_past_the_cache() {
    let scene = Scene::start();
    let source = script(&scene);
    let hidden = source.with_extension("hidden");
    fs::rename(&source, &hidden).expect("hidden");
    let told = scene.directory.path().join("told");
    scene.wrap_program(&format!(
        "mv {} {}; echo \"$MESOS_FETCHER_INFO\" > {}",
        hidden.display(),
        source.display(),
        told.display()
    ));
    let artifact = Uri {
        executable: Some(true),
        cache: Some(true),
        ..file(&source)
    };

    scene.fetch("0", vec![artifact]).expect("fetched");

    scene.run("0", "command");
    let told = fs::read_to_string(told).expect("what the program was told");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["items"][0]["action"], "BYPASS_CACHE", "{told}");
    assert_eq!(told["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(scene.cached_files(), 0);
    scene.assert_cached_bytes(0);
}
