//! Containers whose output is kept small by the real `logrotate`.

use std::{collections::BTreeMap, fs, os::fd::AsFd, path::Path, sync::Arc};

use mesos_containerizer::{ContainerId, container_logger::logrotate::LogrotateContainerLogger};

use crate::lone_containerizer::{Containers, SIGKILLED, exited, with_variable};

fn containers() -> Containers {
    Containers::with(|runtime, launcher_dir| {
        let parameters = BTreeMap::from([
            ("max_stdout_size".to_owned(), "2MB".to_owned()),
            ("logrotate_stdout_options".to_owned(), "rotate 4".to_owned()),
            (
                "logrotate_path".to_owned(),
                "PATH=$PATH:/usr/sbin logrotate".to_owned(),
            ),
        ]);
        let logger = LogrotateContainerLogger::new(runtime, launcher_dir, &parameters);
        Arc::new(logger.expect("a logger"))
    })
}

fn kilobytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len() / 1024)
}

/// Mirrors: ContainerLoggerTest.LOGROTATE_RotateInSandbox
#[test]
fn needs_logrotate_old_output_makes_room_for_new() {
    let containers = containers();
    let id = ContainerId::random();
    let command = "i=0; while [ $i -lt 11264 ]; do printf '%-1024d\\n' $i; i=$((i+1)); done";
    let file = |name: &str| containers.sandbox(&id).join(name);

    let end = containers.run(&id, containers.root_config(&id, command));
    assert_eq!(end.status, exited(0));
    containers.eventually("the last of the output", || {
        file("stdout.4").is_file() && kilobytes(&file("stdout")) >= 1024
    });

    assert!(kilobytes(&file("stdout")) <= 1050);
    assert!(!file("stdout.5").is_file());
    for number in 1..5 {
        let size = kilobytes(&file(&format!("stdout.{number}")));
        assert!((2040..=2048).contains(&size), "{number}: {size}");
    }
}

/// Mirrors: ContainerLoggerTest.LOGROTATE_CustomRotateOptions
#[test]
fn needs_logrotate_container_has_options_of_its_own() {
    let containers = containers();
    let id = ContainerId::random();
    let mark = containers.place.directory.path().join("rotated");
    let config = containers.root_config(
        &id,
        "i=0; while [ $i -lt 2048 ]; do printf '%-1024d\\n' $i; i=$((i+1)); done",
    );
    let options = format!("postrotate\n touch {}\nendscript", mark.display());

    containers.launch(
        &id,
        with_variable(
            config,
            "CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS",
            &options,
        ),
    );

    assert_eq!(containers.end(&id).status, exited(0));
    containers.eventually("the mark", || mark.is_file());
    assert!(
        containers
            .sandbox(&id)
            .join("stdout.logrotate.conf")
            .is_file()
    );
}

/// Mirrors: ContainerLoggerTest.LOGROTATE_ModuleFDOwnership
#[test]
fn needs_logrotate_descriptors_of_others_stay_open() {
    let containers = containers();
    let id = containers.launch_root("sleep 100");
    let files: Vec<fs::File> = (0..50)
        .map(|_| fs::File::open("/dev/null").expect("opened"))
        .collect();

    assert_eq!(containers.destroy(&id).status, SIGKILLED);

    for file in &files {
        assert!(file.as_fd().try_clone_to_owned().is_ok());
    }
}
