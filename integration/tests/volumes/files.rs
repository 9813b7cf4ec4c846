//! What tasks write into volumes.

use std::fs;

use mesos_integration::eventually::eventually;
use mesos_integration::http_client::{self, Request, get_json};
use serde_json::{Value, json};

use crate::support::{Disk, Disks, create, destroy, launch, offer_with, reserve, task, volume};

/// A file as soon as it has content.
#[track_caller]
fn content(path: &std::path::Path) -> String {
    let what = format!("content of {}", path.display());
    eventually(&what, || {
        fs::read_to_string(path)
            .ok()
            .filter(|text| !text.is_empty())
    })
    .expect("it is written")
}

/// Mirrors: PersistentVolumeTest.AccessPersistentVolume
#[test]
fn file_in_a_volume_outlives_its_task_until_the_volume_is_destroyed() {
    let disks = Disks::start();
    let mut scheduler = disks.framework("role1");

    for (id, disk, megabytes) in [
        ("t1", Disk::Root, 2048.0),
        ("t2", Disk::Path, 1024.0),
        ("t3", Disk::Mount, 2048.0),
    ] {
        let whole = if disk == Disk::Root { 4096.0 } else { 2048.0 };
        let offer = offer_with(&mut scheduler, &disks.disk(disk, whole));
        let volume = volume(&disks.disk(disk, megabytes));
        let writer = task(id, "echo abc > path1/file", &offer, &[&volume]);
        scheduler
            .accept(&offer, &[create(&volume), launch(&[writer])])
            .expect("it is accepted");
        let mut states = Vec::new();
        for _ in 0..3 {
            let status = scheduler.wait_for_update().expect("an update comes");
            assert_eq!(status.pointer("/task_id/value"), Some(&json!(id)));
            states.push(status["state"].clone());
        }
        assert_eq!(
            states,
            ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"],
            "{disk:?}"
        );

        let folder = disks.folder(disk, "role1");
        assert_eq!(content(&folder.join("file")), "abc\n");
        let sandbox = disks.cluster.agent_work_dir(0).join(format!(
            "slaves/{}/frameworks/{}/executors/{id}/runs/latest",
            offer
                .pointer("/agent_id/value")
                .and_then(Value::as_str)
                .expect("an id"),
            scheduler.framework_id,
        ));
        assert!(sandbox.join("stdout").is_file());
        assert!(
            fs::symlink_metadata(sandbox.join("path1")).is_err(),
            "it is unlinked"
        );
        let offer = offer_with(&mut scheduler, &volume);
        scheduler
            .accept(&offer, &[destroy(&volume)])
            .expect("it is accepted");
        eventually("the end of the file", || {
            (!folder.join("file").is_file()).then_some(())
        })
        .expect("it is removed");
        let is_left = || folder.is_dir();
        if disk == Disk::Mount {
            assert!(is_left());
            assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
        } else {
            eventually("the end of the folder", || (!is_left()).then_some(()))
                .expect("it is removed");
        }
    }
}

/// Mirrors: PersistentVolumeTest.SharedPersistentVolumeMultipleTasks
#[test]
fn two_tasks_write_into_a_shared_volume() {
    let disks = Disks::start();
    let mut scheduler = disks.framework("role1");
    let offer = offer_with(&mut scheduler, &disks.disk(Disk::Root, 4096.0));
    let mut shared = volume(&disks.disk(Disk::Root, 64.0));
    shared["shared"] = json!({});
    let tasks = [("t1", 32.0), ("t2", 64.0)].map(|(id, megabytes)| {
        let own = disks.disk(Disk::Root, megabytes);
        let command = format!("echo {id} > path1/{id}");
        task(id, &command, &offer, &[&own, &shared])
    });

    scheduler
        .accept(&offer, &[create(&shared), launch(&tasks)])
        .expect("it is accepted");

    let folder = disks.folder(Disk::Root, "role1");
    assert_eq!(content(&folder.join("t1")), "t1\n");
    assert_eq!(content(&folder.join("t2")), "t2\n");
    let mut finished = 0;
    while finished < 2 {
        let status = scheduler.wait_for_update().expect("an update comes");
        assert_ne!(status["state"], "TASK_FAILED", "{status}");
        finished += i32::from(status["state"] == "TASK_FINISHED");
    }
}

/// Mirrors: PersistentVolumeTest.SlaveRecovery
#[test]
fn volume_stays_where_it_is_while_the_agent_restarts() {
    let mut disks = Disks::start();
    let mut scheduler = disks.framework("role1");
    let offer = offer_with(&mut scheduler, &disks.disk(Disk::Root, 4096.0));
    let volume = volume(&disks.disk(Disk::Root, 2048.0));
    let watcher = "while test -d path1; do sleep 0.1; done; exit 1";
    let watcher = task("t1", watcher, &offer, &[&volume]);
    scheduler
        .accept(&offer, &[create(&volume), launch(&[watcher])])
        .expect("it is accepted");
    scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .expect("it runs");
    let agent = &mut disks.cluster.agents[0];
    agent.kill().expect("it is killed");

    disks.cluster.restart_agent(0).expect("it starts");

    let master = disks.cluster.master.address;
    eventually("the agent's return", || {
        let metrics = get_json(master, "/metrics/snapshot").ok()?;
        let back = metrics.get("master/slave_reregistrations")?.as_f64()?;
        (back > 0.5).then_some(())
    })
    .expect("it is back");
    scheduler.kill("t1").expect("it is accepted");
    loop {
        let status = scheduler.wait_for_update().expect("an update comes");
        if status["state"] == "TASK_KILLED" {
            break;
        }
        assert_eq!(status["state"], "TASK_RUNNING", "{status}");
    }
}

/// Mirrors: RoleTest.VolumesInOverlappingHierarchies
#[test]
fn volumes_of_roles_that_contain_each_other_lie_apart() {
    let mut cluster = mesos_integration::cluster::Cluster::start().expect("the master starts");
    cluster.add_agent().expect("the agent registers");
    let disks = Disks::of(cluster);
    let disk_of = |role: &str, id: &str| {
        let reserved = json!({
            "name": "disk", "type": "SCALAR", "scalar": {"value": 1.0},
            "reservations": [{"type": "DYNAMIC", "role": role}],
            "allocation_info": {"role": role},
        });
        let mut volume = volume(&reserved);
        volume["disk"]["persistence"]["id"] = json!(id);
        (reserved, volume)
    };

    for (role, id) in [("a/b/c/d", "id"), ("a/b/c", "d")] {
        let mut scheduler = disks.framework(role);
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        let (reserved, volume) = disk_of(role, id);
        let looker = "test -d path1 && ! (ls -Av path1 | grep -q .)";
        let looker = task("t1", looker, &offer, &[&volume]);
        scheduler
            .accept(
                &offer,
                &[reserve(&reserved), create(&volume), launch(&[looker])],
            )
            .expect("it is accepted");
        for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
            let status = scheduler.wait_for_update().expect("an update comes");
            assert_eq!(status["state"], state, "{role}: {status}");
        }
        scheduler.teardown().expect("it ends");
    }

    let state = get_json(disks.cluster.master.address, "/master/slaves").expect("a document");
    for (role, id) in [("a/b/c", "d"), ("a/b/c/d", "id")] {
        let (_reserved, mut volume) = disk_of(role, id);
        volume
            .as_object_mut()
            .expect("an object")
            .remove("allocation_info");
        let call = json!({"type": "DESTROY_VOLUMES", "destroy_volumes": {
            "agent_id": {"value": state["slaves"][0]["id"]},
            "volumes": [volume],
        }});
        let request = Request::post_json("/api/v1", &call);
        let master = disks.cluster.master.address;
        let answer = http_client::send(master, &request).expect("an answer");
        assert_eq!(answer.status(), 202, "{role}: {}", answer.text());
    }
}
