//! The agent takes the place of a genuine one, on its recorded work directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use mesos_containerizer::state_file::{read_message, write_message};
use mesos_proto::{
    internal::{AgentReregisteredMessage, ReregisterAgentMessage, UpdateOperationStatusMessage},
    v1::{self, TaskState},
};

use crate::harness::{Cluster, Peer, Place, launch_at};

/// Unpacks a recording into a work directory.
///
/// The machine counts as booted since: the recorded processes are not ours to touch.
fn unpack(name: &str, place: &Place) -> PathBuf {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/{name}.tar.gz"));
    let unpacked = place.directory.path().join("recorded");
    let file = fs::File::open(archive).expect("archive");
    tar::Archive::new(GzDecoder::new(file))
        .unpack(&unpacked)
        .expect("unpacked");
    let root = fs::read_dir(&unpacked)
        .expect("root")
        .next()
        .expect("entry")
        .expect("entry");
    fs::create_dir_all(place.work_dir()).expect("created");
    let meta = place.work_dir().join("meta");
    fs::rename(root.path().join("meta"), &meta).expect("moved");
    repair_links(&meta, &meta);
    fs::write(meta.join("boot_id"), "the boot of the recording").expect("written");
    meta
}

fn repair_links(directory: &Path, meta: &Path) {
    for entry in fs::read_dir(directory).expect("directory").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("type");
        if kind.is_dir() {
            repair_links(&path, meta);
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).expect("link").display().to_string();
            let (_, below) = target.split_once("/meta/").expect("a link below meta");
            fs::remove_file(&path).expect("removed");
            std::os::unix::fs::symlink(meta.join(below), &path).expect("linked");
        }
    }
}

/// Starts an agent that describes itself as the recorded one did, but for its port.
fn take_over(name: &str) -> (Cluster, ReregisterAgentMessage, v1::AgentInfo) {
    let mut master = Peer::start("master");
    let place = Place::new();
    let meta = unpack(name, &place);
    let file = meta.join("slaves/latest/slave.info");
    let mut info: v1::AgentInfo = read_message(&file).expect("readable").expect("there");
    // A port that is free now; the recorded one may be taken.
    let probe = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = probe.local_addr().expect("an address").port();
    drop(probe);
    info.port = Some(i32::from(port));
    write_message(&file, &info).expect("written");
    let (resources, attributes) = texts(&info);
    let mut flags = place.flags(&master.pid);
    flags.hostname = info.hostname.clone();
    flags.resources = Some(resources);
    flags.attributes = Some(attributes);
    flags.reconfiguration_policy = "additive".to_owned();
    let (runtime, agent) = launch_at(port, flags);
    let (from, message) = master.expect::<ReregisterAgentMessage>();
    master.send(
        &from,
        &AgentReregisteredMessage {
            agent_id: info.id.clone(),
            ..Default::default()
        },
    );
    (
        Cluster {
            master,
            place,
            runtime,
            agent,
            setup: Box::new(|_| {}),
            change: |_| {},
            authorization: None,
        },
        message,
        info,
    )
}

/// What the flags of the recorded agent were.
fn texts(info: &v1::AgentInfo) -> (String, String) {
    let resources = mesos_common::resources::Resources::from_proto(&info.resources);
    let json: Vec<String> = resources
        .to_proto()
        .iter()
        .map(|resource| mesos_proto_codec::to_json(resource, mesos_proto_codec::Dialect::V0))
        .collect();
    let attributes: Vec<String> = info
        .attributes
        .iter()
        .map(|attribute| match attribute.scalar.is_some() {
            true => format!("{}:{}", attribute.name(), attribute.scalar().value()),
            false => format!("{}:{}", attribute.name(), attribute.text().value()),
        })
        .collect();
    (format!("[{}]", json.join(",")), attributes.join(";"))
}

#[test]
fn recorded_task_is_reported_with_its_framework() {
    let (_cluster, message, info) = take_over("standalone-agent-meta-live");

    assert_eq!(message.agent().id(), info.id());
    let [framework] = message.frameworks.as_slice() else {
        panic!("one framework")
    };
    assert_eq!(framework.name(), "mesos-execute instance");
    let [task] = message.tasks.as_slice() else {
        panic!("one task")
    };
    assert_eq!(task.task_id().value(), "long");
    // The machine was booted, so the task has ended.
    assert_eq!(task.state(), TaskState::TaskFailed);
}

#[test]
fn recorded_operation_is_reported_with_its_resources() {
    let (mut cluster, message, _) = take_over("volumes-operations-agent-meta-live");

    assert!(!message.checkpointed_resources.is_empty());
    let (_, update) = cluster.master.expect::<UpdateOperationStatusMessage>();
    assert_eq!(
        update.status().state(),
        v1::OperationState::OperationFinished
    );
    assert_eq!(update.status().uuid().value().len(), 16);
}
