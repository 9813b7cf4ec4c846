//! Artifacts on other machines.

use std::fs;

use mesos_proto::v1::command_info::Uri;

use crate::{
    scene::{SCRIPT, Scene, command, executable, is_executable, uri},
    server::Server,
};

/// Mirrors: FetcherTest.OSNetUriTest
#[test]
fn artifact_is_downloaded() {
    let scene = Scene::start();
    let server = Server::start(&[("test", b"data".to_vec())]);

    scene
        .fetch("c", vec![uri(server.url("test"))])
        .expect("fetched");

    assert_eq!(scene.read("c", "test"), "data");
    scene.assert_counts(1.0, 0.0);
}

/// Mirrors: FetcherTest.OSNetUriSpaceTest
#[test]
fn white_space_before_an_address_is_ignored() {
    let scene = Scene::start();
    let server = Server::start(&[("test", b"data".to_vec())]);

    scene
        .fetch("c", vec![uri(format!("\r\n\t {}", server.url("test")))])
        .expect("fetched");

    assert_eq!(scene.read("c", "test"), "data");
    scene.assert_counts(1.0, 0.0);
}

#[test]
fn answer_that_is_no_success_is_a_failure() {
    let scene = Scene::start();
    let server = Server::start(&[]);

    let failed = scene.fetch("c", vec![uri(server.url("test"))]);

    let stderr = scene.read("c", "stderr");
    assert!(failed.is_err());
    assert!(stderr.contains("received HTTP return code 404"), "{stderr}");
    scene.assert_counts(0.0, 1.0);
}

/// A server with a script and with an archive that holds a script.
fn serve(scene: &Scene) -> Server {
    let member = scene.source("archived", "");
    executable(&member, SCRIPT);
    let archive = scene.archive("archive.tgz", &member);
    let archive = fs::read(archive).expect("an archive");
    Server::start(&[
        ("command", SCRIPT.as_bytes().to_vec()),
        ("archive.tgz", archive),
    ])
}

fn cached(artifact: Uri) -> Uri {
    Uri {
        cache: Some(true),
        ..artifact
    }
}

fn runnable(artifact: Uri) -> Uri {
    Uri {
        executable: Some(true),
        ..artifact
    }
}

fn opened(artifact: Uri) -> Uri {
    Uri {
        extract: Some(true),
        ..artifact
    }
}

/// Mirrors: FetcherCacheHttpTest.HttpCachedSerialized
#[test]
fn cached_download_is_made_once() {
    let scene = Scene::start();
    let server = serve(&scene);

    for id in ["0", "1", "2"] {
        let artifact = cached(runnable(uri(server.url("command"))));
        scene.fetch(id, vec![artifact]).expect("fetched");

        scene.run(id, "command");
        assert!(is_executable(&scene.sandbox(id).join("command")));
        assert_eq!(scene.cached_files(), 1);
        scene.assert_cached_bytes(SCRIPT.len());
        // One for the size and one for the content.
        assert_eq!(server.requests("command"), 2);
    }
}

/// Mirrors: FetcherCacheHttpTest.HttpCachedConcurrent
#[test]
fn containers_that_want_the_same_share_one_download() {
    let scene = Scene::start();
    let server = serve(&scene);
    let ids = ["0", "1", "2", "3", "4"];
    let wants_archive = |id: &str| matches!(id, "1" | "3");

    server.hold();
    let fetches = ids.map(|id| {
        let mut uris = vec![cached(runnable(uri(server.url("command"))))];
        if wants_archive(id) {
            uris.push(uri(server.url("archive.tgz")));
        }
        scene.begin(id, command(uris))
    });
    // The fetcher answers after it has planned all of them.
    scene.assert_counts(0.0, 0.0);
    scene.assert_cached_bytes(0);
    server.release();
    for fetch in fetches {
        scene.wait(fetch).expect("fetched");
    }

    assert_eq!(scene.cached_files(), 1);
    scene.assert_cached_bytes(SCRIPT.len());
    assert_eq!(server.requests("command"), 2);
    assert_eq!(server.requests("archive.tgz"), 2);
    for id in ids {
        let archive = scene.sandbox(id).join("archive.tgz");
        assert_eq!(archive.is_file(), wants_archive(id), "{id}");
        scene.run(id, "command");
    }
}

/// Mirrors: FetcherCacheHttpTest.HttpMixed
#[test]
fn cached_and_other_downloads_do_not_disturb_each_other() {
    let scene = Scene::start();
    let server = serve(&scene);
    let (program, archive) = (
        || uri(server.url("command")),
        || uri(server.url("archive.tgz")),
    );

    server.hold();
    let fetches = [
        ("0", vec![cached(archive()), runnable(program())]),
        ("1", vec![opened(archive()), opened(program())]),
        ("2", vec![cached(opened(archive())), program()]),
    ]
    .map(|(id, uris)| scene.begin(id, command(uris)));
    scene.assert_cached_bytes(0);
    server.release();
    for fetch in fetches {
        scene.wait(fetch).expect("fetched");
    }

    assert_eq!(scene.cached_files(), 1);
    assert_eq!(server.requests("command"), 3);
    // One for the size and two for the content, one of them for the cache.
    assert_eq!(server.requests("archive.tgz"), 3);
    let there = |id: &str, name: &str| scene.sandbox(id).join(name).is_file();
    assert!(there("0", "archive.tgz") && !there("0", "archived"));
    scene.run("0", "command");
    assert!(there("1", "archive.tgz"));
    assert!(!is_executable(&scene.sandbox("1").join("command")));
    scene.run("1", "archived");
    assert!(!there("2", "archive.tgz"));
    assert!(!is_executable(&scene.sandbox("2").join("command")));
    scene.run("2", "archived");
}
