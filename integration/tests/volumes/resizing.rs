//! Volumes that grow and shrink with what is in them.

use std::fs;

use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::FakeScheduler;
use serde_json::{Value, json};

use crate::support::{
    Disk, Disks, create, destroy, has, launch, offer_with, operation, reserve, reserved, task,
    volume,
};

const ROLE: &str = "role1/foo";

/// A disk, reserved for the role of the framework.
fn part(disks: &Disks, disk: Disk, megabytes: f64) -> Value {
    reserved(&disks.disk(disk, megabytes), ROLE)
}

/// All of a disk reserved, and a volume with a file on the first megabytes of it.
fn with_file(disks: &Disks, scheduler: &mut FakeScheduler, disk: Disk, megabytes: f64) -> Value {
    let whole = if disk == Disk::Root { 4096.0 } else { 2048.0 };
    let mut free = disks.disk(disk, whole);
    free["allocation_info"]["role"] = json!(ROLE);
    let offer = offer_with(scheduler, &free);
    let volume = volume(&part(disks, disk, megabytes));
    let operations = [reserve(&part(disks, disk, whole)), create(&volume)];
    scheduler
        .accept(&offer, &operations)
        .expect("it is accepted");
    let folder = disks.folder(disk, "role1 foo");
    let made = eventually("the volume's folder", || folder.is_dir().then_some(()));
    assert!(made.is_ok(), "{made:?}\n{}", disks.cluster.logs());
    fs::write(folder.join("file"), "abc").expect("a file");
    volume
}

/// Whether a task finds the file on all that an offer has.
#[track_caller]
fn finds_the_file(scheduler: &mut FakeScheduler, offer: &Value, id: &str, disks: &[&Value]) {
    let reader = task(id, "test `cat path1/file` = abc", offer, disks);
    scheduler
        .accept(offer, &[launch(&[reader])])
        .expect("it is accepted");
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        let status = scheduler.wait_for_update().expect("an update comes");
        assert_eq!(status.pointer("/task_id/value"), Some(&json!(id)));
        assert_eq!(status["state"], state, "{status}");
    }
}

/// Mirrors: PersistentVolumeTest.GrowVolume
/// Mirrors: PersistentVolumeTest.ShrinkVolume
#[test]
fn volume_that_grows_and_shrinks_keeps_its_files() {
    let disks = Disks::start();
    let mut scheduler = disks.framework(ROLE);

    for (disk, small, big) in [(Disk::Root, 3584.0, 4096.0), (Disk::Path, 1536.0, 2048.0)] {
        let before = with_file(&disks, &mut scheduler, disk, small);
        let (after, rest) = (volume(&part(&disks, disk, big)), part(&disks, disk, 512.0));
        let offer = offer_with(&mut scheduler, &before);
        assert!(has(&offer, &rest), "{offer}");
        let body = json!({"volume": before, "addition": rest});
        scheduler
            .accept(&offer, &[operation("GROW_VOLUME", "grow_volume", &body)])
            .expect("it is accepted");
        let offer = offer_with(&mut scheduler, &after);
        assert!(!has(&offer, &rest), "{offer}");
        finds_the_file(
            &mut scheduler,
            &offer,
            &format!("{disk:?}-grown"),
            &[&after],
        );

        let offer = offer_with(&mut scheduler, &after);
        let body = json!({"volume": after, "subtract": {"value": 512.0}});
        scheduler
            .accept(
                &offer,
                &[operation("SHRINK_VOLUME", "shrink_volume", &body)],
            )
            .expect("it is accepted");
        let offer = offer_with(&mut scheduler, &before);

        assert!(has(&offer, &rest), "{offer}");
        let id = format!("{disk:?}-shrunk");
        finds_the_file(&mut scheduler, &offer, &id, &[&before, &rest]);
        // Two volumes of a role have two ids.
        let offer = offer_with(&mut scheduler, &before);
        scheduler
            .accept(&offer, &[destroy(&before)])
            .expect("it is accepted");
    }
}

#[test]
fn volume_that_is_a_whole_file_system_does_not_shrink() {
    let disks = Disks::start();
    let mut scheduler = disks.framework(ROLE);
    let volume = with_file(&disks, &mut scheduler, Disk::Mount, 2048.0);
    let offer = offer_with(&mut scheduler, &volume);
    let body = json!({"volume": volume, "subtract": {"value": 512.0}});

    scheduler
        .accept(
            &offer,
            &[operation("SHRINK_VOLUME", "shrink_volume", &body)],
        )
        .expect("it is accepted");

    let offer = offer_with(&mut scheduler, &volume);
    assert!(!has(&offer, &part(&disks, Disk::Mount, 512.0)));
    finds_the_file(&mut scheduler, &offer, "t1", &[&volume]);
}
