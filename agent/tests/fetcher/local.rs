//! Artifacts on this machine.

use std::{fs, process::Command};

use mesos_containerizer::fetcher::FetchError;
use mesos_proto::v1::{CommandInfo, command_info::Uri};

use crate::scene::{Scene, command, executable, extracted, file, uri};

/// Mirrors: FetcherTest.LogSuccessToStderr
#[test]
fn sandbox_tells_what_was_fetched() {
    let scene = Scene::start();
    let source = scene.source("test", "data");

    scene.fetch("c", vec![file(&source)]).expect("fetched");

    let stderr = scene.read("c", "stderr");
    assert_eq!(scene.read("c", "test"), "data");
    assert!(
        stderr.contains("directly into the sandbox directory"),
        "{stderr}"
    );
    assert!(
        stderr.contains("Successfully fetched all URIs into"),
        "{stderr}"
    );
    scene.assert_counts(1.0, 0.0);
}

/// Mirrors: FetcherTest.LogFailureToStderr
#[test]
fn sandbox_tells_what_could_not_be_fetched() {
    let scene = Scene::start();
    let missing = scene.directory.path().join("test");

    let failed = scene.fetch("c", vec![file(&missing)]);

    let stderr = scene.read("c", "stderr");
    assert!(
        matches!(failed, Err(FetchError::Failed { .. })),
        "{failed:?}"
    );
    assert!(stderr.contains("Failed to fetch"), "{stderr}");
    assert!(!scene.sandbox("c").join("test").is_file());
    scene.assert_counts(0.0, 1.0);
}

/// Mirrors: FetcherTest.InvalidUser
#[test]
fn sandbox_cannot_belong_to_a_user_who_does_not_exist() {
    let scene = Scene::start();
    let source = scene.source("test", "data");
    let command = command(vec![file(&source)]);

    let fetch = scene.begin_as(Some("nobody-has-this-name"), "c", command);
    let failed = scene.wait(fetch).expect_err("refused");

    assert!(failed.to_string().contains("chown"), "{failed}");
    assert!(!scene.sandbox("c").join("test").is_file());
    scene.assert_counts(0.0, 1.0);
}

/// The agent tells whose container it is; it may not have been asked to switch users.
#[test]
fn user_of_a_command_owns_nothing_that_is_fetched() {
    let scene = Scene::start();
    let source = scene.source("test", "data");
    let command = CommandInfo {
        user: Some("nobody-has-this-name".to_owned()),
        ..command(vec![file(&source)])
    };

    scene.wait(scene.begin("c", command)).expect("fetched");

    assert_eq!(scene.read("c", "test"), "data");
}

/// Mirrors: FetcherTest.DuplicateFileURI
#[test]
fn artifact_that_is_named_three_times_is_cached_once() {
    let scene = Scene::start();
    let source = scene.source("test", "data");
    let named = |name: &str| Uri {
        cache: Some(true),
        output_file: Some(name.to_owned()),
        ..file(&source)
    };

    scene
        .fetch("c", vec![named("one"), named("two"), named("three")])
        .expect("fetched");

    for name in ["one", "two", "three"] {
        assert_eq!(scene.read("c", name), "data");
    }
    scene.assert_counts(1.0, 0.0);
    scene.assert_cached_bytes(4);
}

/// Mirrors: FetcherTest.ExtractTar
#[test]
fn archive_is_opened() {
    let scene = Scene::start();
    let member = scene.source("hello", "hello tar");
    let archive = scene.archive("hello.tar", &member);

    scene
        .fetch("c", vec![extracted(&archive)])
        .expect("fetched");

    assert_eq!(scene.read("c", "hello"), "hello tar");
    scene.assert_counts(1.0, 0.0);
}

/// Mirrors: FetcherTest.UseCustomOutputFile
#[test]
fn file_that_is_no_archive_gets_its_name() {
    let scene = Scene::start();
    let source = scene.source("renamed", "hello renamed file");
    let artifact = Uri {
        output_file: Some("custom.txt".to_owned()),
        ..extracted(&source)
    };

    scene.fetch("c", vec![artifact]).expect("fetched");

    assert_eq!(scene.read("c", "custom.txt"), "hello renamed file");
    scene.assert_counts(1.0, 0.0);
}

/// Compresses a file and returns the path of what comes out.
fn gzip(path: &std::path::Path) -> std::path::PathBuf {
    let status = Command::new("gzip").arg(path).status();
    assert!(status.expect("gzip").success());
    path.with_extension("gz")
}

/// Mirrors: FetcherTest.CustomGzipOutputFile
#[test]
fn compressed_file_gets_its_name() {
    let scene = Scene::start();
    let packed = gzip(&scene.source("renamed", "hello renamed gzip file"));
    let artifact = Uri {
        output_file: Some("custom.gz".to_owned()),
        ..extracted(&packed)
    };

    scene.fetch("c", vec![artifact]).expect("fetched");

    assert_eq!(scene.read("c", "custom"), "hello renamed gzip file");
    scene.assert_counts(1.0, 0.0);
}

/// Says which variables of the agent the program sees; run by the test below, which sets some.
#[test]
fn program_runs_without_the_variables_of_the_agent() {
    let scene = Scene::start();
    let seen = scene.directory.path().join("seen");
    scene.wrap_program(&format!("env > {}", seen.display()));
    let packed = gzip(&scene.source("hello", "hello world"));

    scene.fetch("c", vec![extracted(&packed)]).expect("fetched");

    assert_eq!(scene.read("c", "hello"), "hello world");
    let seen = fs::read_to_string(seen).expect("variables");
    assert!(!seen.contains("LIBPROCESS_SSL_"), "{seen}");
}

/// Mirrors: FetcherTest.SSLEnvironmentSpillover
#[test]
fn tls_of_the_agent_is_not_that_of_its_program() {
    let test = std::env::current_exe().expect("this test");
    let name = "local::program_runs_without_the_variables_of_the_agent";

    let output = Command::new(test)
        .args(["--exact", name])
        .env("LIBPROCESS_SSL_ENABLED", "true")
        .env_remove("LIBPROCESS_SSL_KEY_FILE")
        .output()
        .expect("runs");

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

/// Mirrors: FetcherTest.HdfsURI
#[test]
fn other_file_systems_are_read_by_their_client() {
    let scene = Scene::start_with(|directory, options| {
        options.hadoop_home = Some(directory.join("hadoop").display().to_string());
    });
    let home = scene.directory.path().join("hadoop");
    fs::create_dir_all(home.join("bin")).expect("created");
    let script = format!(
        "#!/bin/sh\ntouch {}/proof\necho 'WARN util.NativeCodeLoader' >&2\n\
         if [ \"$1 $2\" = 'fs -copyToLocal' ]; then cp \"/${{3#hdfs://localhost/}}\" \"$4\"; fi\n",
        home.display()
    );
    executable(&home.join("bin/hadoop"), &script);
    let source = scene.source("test", "data");

    scene
        .fetch(
            "c",
            vec![uri(format!("hdfs://localhost{}", source.display()))],
        )
        .expect("fetched");

    assert_eq!(scene.read("c", "test"), "data");
    assert!(home.join("proof").is_file());
    scene.assert_counts(1.0, 0.0);
}
