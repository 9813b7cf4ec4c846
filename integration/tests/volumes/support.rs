//! An agent with disks of every kind, and a framework that uses them.

use std::path::PathBuf;

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_scheduler::FakeScheduler;
use serde_json::{Value, json};

/// Where the megabytes of a volume come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// The work directory.
    Root,
    /// A folder of another file system, which can be parted.
    Path,
    /// Another file system as a whole.
    Mount,
}

/// An agent with 4096 MB of the first and 2048 MB of each other kind of disk, for `role1`.
pub(crate) struct Disks {
    pub(crate) cluster: Cluster,
    folders: tempfile::TempDir,
}

impl Disks {
    pub(crate) fn start() -> Self {
        let folders = tempfile::tempdir().expect("a folder");
        let mut cluster =
            Cluster::start_with(&["--allocation_interval=100ms"]).expect("the master starts");
        let disks = Self::resources(&folders);
        cluster
            .add_agent_with(&[&format!("--resources={disks}")])
            .expect("the agent registers");
        Self { cluster, folders }
    }

    /// An agent that is as it is.
    pub(crate) fn of(cluster: Cluster) -> Self {
        let folders = tempfile::tempdir().expect("a folder");
        Self { cluster, folders }
    }

    fn resources(folders: &tempfile::TempDir) -> Value {
        let scalar = |name: &str, role: &str, value: f64| json!({"name": name, "type": "SCALAR", "role": role, "scalar": {"value": value}});
        let source = |kind: &str, below: &str| {
            let root = folders.path().join(below);
            std::fs::create_dir(&root).expect("a folder");
            let mut disk = scalar("disk", "role1", 2048.0);
            disk["disk"] = json!({"source": {
                "type": kind, below: {"root": root.display().to_string()},
            }});
            disk
        };
        json!([
            scalar("cpus", "*", 4.0),
            scalar("mem", "*", 2048.0),
            scalar("disk", "role1", 4096.0),
            source("PATH", "path"),
            source("MOUNT", "mount"),
        ])
    }

    /// The source of a disk, as resources name it.
    fn source(&self, disk: Disk) -> Option<Value> {
        let (kind, below) = match disk {
            Disk::Root => return None,
            Disk::Path => ("PATH", "path"),
            Disk::Mount => ("MOUNT", "mount"),
        };
        let root = self.folders.path().join(below).display().to_string();
        Some(json!({"type": kind, below: {"root": root}}))
    }

    /// All of a disk that `role1` has, or a part of it.
    pub(crate) fn disk(&self, disk: Disk, megabytes: f64) -> Value {
        let mut resource = json!({
            "name": "disk", "type": "SCALAR", "scalar": {"value": megabytes},
            "reservations": [{"type": "STATIC", "role": "role1"}],
            "allocation_info": {"role": "role1"},
        });
        if let Some(source) = self.source(disk) {
            resource["disk"] = json!({"source": source});
        }
        resource
    }

    /// Where the files of a volume with the id `id1` are.
    pub(crate) fn folder(&self, disk: Disk, role: &str) -> PathBuf {
        let below = format!("volumes/roles/{role}/id1");
        match disk {
            Disk::Root => self.cluster.agent_work_dir(0).join(below),
            Disk::Path => self.folders.path().join("path").join(below),
            Disk::Mount => self.folders.path().join("mount"),
        }
    }

    pub(crate) fn framework(&self, role: &str) -> FakeScheduler {
        let info = json!({
            "user": "root", "name": "test", "roles": [role], "checkpoint": true,
            "failover_timeout": 60.0,
            "capabilities": [
                {"type": "MULTI_ROLE"},
                {"type": "RESERVATION_REFINEMENT"},
                {"type": "SHARED_RESOURCES"},
            ],
        });
        FakeScheduler::subscribe_as(self.cluster.master.address, &info).expect("it subscribes")
    }
}

/// The disk as a volume that its tasks see at `path1`.
pub(crate) fn volume(disk: &Value) -> Value {
    let mut volume = disk.clone();
    volume["disk"]["persistence"] = json!({"id": "id1"});
    volume["disk"]["volume"] = json!({"container_path": "path1", "mode": "RW"});
    volume
}

/// The disk with a dynamic reservation for a role on top.
pub(crate) fn reserved(disk: &Value, role: &str) -> Value {
    let mut disk = disk.clone();
    let reservations = disk["reservations"].as_array_mut().expect("a list");
    reservations.push(json!({"type": "DYNAMIC", "role": role}));
    disk["allocation_info"]["role"] = json!(role);
    disk
}

/// A task of a role with a cpu, memory, and some disk.
pub(crate) fn task(id: &str, command: &str, offer: &Value, disks: &[&Value]) -> Value {
    let role = offer.pointer("/allocation_info/role");
    let mut resources = vec![
        json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5},
               "allocation_info": {"role": role}}),
        json!({"name": "mem", "type": "SCALAR", "scalar": {"value": 64.0},
               "allocation_info": {"role": role}}),
    ];
    resources.extend(disks.iter().map(|disk| (*disk).clone()));
    json!({
        "name": id, "task_id": {"value": id}, "agent_id": offer.get("agent_id"),
        "command": {"value": command}, "resources": resources,
    })
}

pub(crate) fn operation(kind: &str, member: &str, body: &Value) -> Value {
    json!({"type": kind, member: body})
}

pub(crate) fn create(volume: &Value) -> Value {
    operation("CREATE", "create", &json!({"volumes": [volume]}))
}

pub(crate) fn destroy(volume: &Value) -> Value {
    operation("DESTROY", "destroy", &json!({"volumes": [volume]}))
}

pub(crate) fn reserve(disk: &Value) -> Value {
    operation("RESERVE", "reserve", &json!({"resources": [disk]}))
}

pub(crate) fn launch(tasks: &[Value]) -> Value {
    operation("LAUNCH", "launch", &json!({"task_infos": tasks}))
}

/// Whether an offer has a resource just so.
pub(crate) fn has(offer: &Value, resource: &Value) -> bool {
    let members = ["name", "scalar", "reservations", "disk", "shared"];
    let is_same = |one: &Value| {
        members
            .iter()
            .all(|name| one.get(name) == resource.get(name))
    };
    offer["resources"]
        .as_array()
        .is_some_and(|all| all.iter().any(is_same))
}

/// The next offer with a resource; others are given back.
#[track_caller]
pub(crate) fn offer_with(scheduler: &mut FakeScheduler, resource: &Value) -> Value {
    loop {
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        if has(&offer, resource) {
            return offer;
        }
        scheduler.decline(&offer, 0.0).expect("it is declined");
    }
}
