//! Disks that take nothing: full ones, and read-only ones.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use mesos_agent::checkpoint::{self, Strictness};
use mesos_proto::v1::{TaskState, executor::event, task_status::Reason};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::harness::{Cluster, checkpointing, command_task, executor_task, task_id};
use crate::messages::run_dir;

/// A small disk for the agent's work directory.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self {
            folder: tempfile::tempdir().expect("temporary directory"),
        };
        disk.mount(MsFlags::empty());
        disk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn mount(&self, flags: MsFlags) {
        let kind = Some("tmpfs");
        mount(
            kind,
            self.path(),
            kind,
            flags,
            Some("size=2m,nr_inodes=500"),
        )
        .expect("mounted");
    }

    /// Leaves no room at all: neither for content nor for a name.
    fn fill(&self) {
        let filler = self.filler();
        fs::create_dir(&filler).expect("made");
        let mut file = File::create(filler.join("content")).expect("created");
        let full = until_error(|_| file.write_all(&[0; 4096]));
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let full = until_error(|count| File::create(filler.join(count.to_string())).map(drop));
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    fn make_room(&self) {
        fs::remove_dir_all(self.filler()).expect("removed");
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// An agent that works on this disk.
    fn agent(&self) -> Cluster {
        let work_dir = self.path().join("work").display().to_string();
        Cluster::registered_with(move |flags| flags.work_dir.clone_from(&work_dir))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        umount2(self.path(), MntFlags::MNT_DETACH).expect("unmounted");
    }
}

fn until_error(mut step: impl FnMut(u32) -> io::Result<()>) -> io::Error {
    let error = (0..).find_map(|count| step(count).err());
    error.expect("the disk is small")
}

/// The task cannot even be written down; the agent says so and stays.
#[track_caller]
fn expect_dropped(cluster: &mut Cluster, task: &str, reason: &str) {
    cluster.run(&checkpointing(), command_task(task, "true"));
    let status = cluster.expect_update();
    assert_eq!(status.task_id, Some(task_id(task)));
    assert_eq!(status.state(), TaskState::TaskDropped);
    assert_eq!(status.reason(), Reason::ReasonExecutorTerminated);
    assert!(status.message().contains(reason), "{}", status.message());
}

#[test]
fn needs_root_full_disk_drops_new_tasks_and_loses_no_update_of_others() {
    let disk = Disk::new();
    let mut cluster = disk.agent();
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    let mut executor = cluster.subscribe_when_launched("e");
    executor.expect(&cluster, event::Type::Launch);
    cluster.report("e", "t", TaskState::TaskRunning);
    assert_eq!(cluster.expect_update().state(), TaskState::TaskRunning);
    executor.expect(&cluster, event::Type::Acknowledged);
    disk.fill();

    // Two updates: a part of the first may find room, no part of which may stay.
    let mut uuids = Vec::new();
    for state in [TaskState::TaskRunning, TaskState::TaskFinished] {
        let mut call = Cluster::update_call("e", "t", state);
        let status = call
            .update
            .as_mut()
            .and_then(|update| update.status.as_mut());
        let status = status.expect("a status");
        status.data = Some(vec![7; 64 * 1024].into());
        uuids.push(status.uuid.clone());
        assert_eq!(cluster.call(&call).0, 202);
    }
    expect_dropped(&mut cluster, "u", "No space left on device");
    disk.make_room();

    for (state, uuid) in [TaskState::TaskRunning, TaskState::TaskFinished]
        .into_iter()
        .zip(uuids)
    {
        let acknowledged = executor.expect(&cluster, event::Type::Acknowledged);
        assert_eq!(acknowledged.acknowledged().uuid, uuid);
        let status = cluster.expect_update();
        assert_eq!(status.task_id, Some(task_id("t")));
        assert_eq!(status.state(), state);
        assert_eq!(status.data.map(|data| data.len()), Some(64 * 1024));
    }
    cluster.run(&checkpointing(), command_task("v", "true"));
    cluster.subscribe_when_launched("v");
    let meta = disk.path().join("work/meta");
    checkpoint::read(&meta, Strictness::Strict, None).expect("a sound checkpoint");
}

#[test]
fn needs_root_read_only_disk_drops_new_tasks_until_it_is_writable() {
    let disk = Disk::new();
    let mut cluster = disk.agent();
    disk.mount(MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY);

    expect_dropped(&mut cluster, "t", "Read-only file system");

    disk.mount(MsFlags::MS_REMOUNT);
    cluster.run(&checkpointing(), command_task("u", "true"));
    cluster.subscribe_when_launched("u");
}

#[test]
fn needs_root_executor_that_subscribes_on_a_full_disk_is_found_again_once_there_is_room() {
    let disk = Disk::new();
    let cluster = disk.agent();
    cluster.run(&checkpointing(), executor_task("t", "e", "sleep 1000"));
    cluster.wait_for_executor("e");
    disk.fill();

    let mut executor = cluster.subscribe("e");
    executor.expect(&cluster, event::Type::Subscribed);
    executor.expect(&cluster, event::Type::Launch);
    let marker = run_dir(&disk.path().join("work/meta"), "e").join("http.marker");
    assert!(!marker.try_exists().expect("it can be told"));
    disk.make_room();
    cluster.runtime.clock().pause();
    cluster.runtime.clock().advance(Duration::from_secs(10));

    cluster.wait_for_state(|_| marker.try_exists().expect("it can be told"));
}
