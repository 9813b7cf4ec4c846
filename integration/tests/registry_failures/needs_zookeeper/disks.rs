//! Disks that are full, and files that are torn or damaged.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use mesos_integration::master_group::Setup;

use super::Scene;

const DISK_BYTES: u64 = 8 * 1024 * 1024;

#[test]
fn needs_root_leader_with_a_full_disk_ends_and_another_goes_on() {
    let mut scene = Scene::start(Setup {
        disk_bytes: Some(DISK_BYTES),
        ..Setup::default()
    });
    let leader = scene.leader();
    let ballast = scene.group.work_dir(leader).join("ballast");

    fill(&ballast);
    let masters = scene.masters();
    // The page that the log ends in may still have room for some.
    let status = mesos_integration::eventually::eventually("the end of the leader", || {
        scene.writes.try_write(&masters);
        let running = scene.group.masters[leader].is_running();
        (!running).then(|| scene.group.masters[leader].wait())
    })
    .expect("it ends")
    .expect("it ends");
    scene.write(3);
    let log = scene.group.masters[leader].log();
    fs::remove_file(&ballast).expect("room again");
    scene.restart(leader);
    scene.await_vote(leader);
    let next = scene.leader();
    let third = 3 - leader - next;
    // A replica votes a moment before the others know that it is back.
    scene.await_ensemble(next, 3.0);
    scene.kill(third);
    scene.write(3);
    scene.restart(third);
    scene.await_vote(third);

    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("No space left on device"), "{log}");
    scene.check();
}

/// Writes until the disk takes no more.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("a file");
    for size in [65_536, 4_096, 1] {
        let block = vec![7; size];
        while file.write_all(&block).is_ok() {}
    }
}

/// The file that the replica in `work_dir` wrote last.
fn last_log(work_dir: &Path) -> PathBuf {
    let folder = fs::read_dir(work_dir.join("replicated_log")).expect("a folder");
    folder
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .max()
        .expect("a log")
}

/// A record of LevelDB is a checksum, a length, a kind and the bytes; here most of them are missing.
#[test]
fn write_that_was_torn_by_a_power_cut_is_forgotten_and_nothing_else() {
    let mut scene = Scene::start(Setup::default());

    for index in 0..3 {
        scene.kill(index);
        let log = last_log(&scene.group.work_dir(index));
        let torn = [0x12, 0x34, 0x56, 0x78, 0xff, 0x00, 0x01, 0x42, 0x42];
        let mut file = fs::File::options().append(true).open(log).expect("opens");
        file.write_all(&torn).expect("writes");
    }
    for index in 0..3 {
        scene.restart(index);
    }

    scene.check();
}

#[test]
fn damaged_record_ends_its_master_which_comes_back_empty_and_learns_everything() {
    let mut scene = Scene::start(Setup::default());
    let leader = scene.leader();
    let [damaged, other] = scene.followers(leader);
    scene.write(5);

    scene.kill(damaged);
    let log = last_log(&scene.group.work_dir(damaged));
    let mut bytes = fs::read(&log).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&log, bytes).expect("writes");
    let refused = match scene.group.restart_master(damaged) {
        Err(error) => error.to_string(),
        Ok(()) => {
            let ended = scene.group.masters[damaged].wait().expect("it ends");
            assert_eq!(ended.code(), Some(1));
            scene.group.masters[damaged].log()
        }
    };
    scene.write(2);
    fs::remove_dir_all(scene.group.work_dir(damaged)).expect("wiped");
    scene.restart(damaged);
    scene.await_vote(damaged);
    let leader = scene.leader();
    scene.await_ensemble(leader, 3.0);
    scene.kill(other);
    scene.write(2);
    scene.restart(other);
    scene.await_vote(other);

    assert!(refused.contains("Failed to recover the log"), "{refused}");
    scene.check();
}
