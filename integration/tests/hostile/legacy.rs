//! Legacy messages that no honest peer sends.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::http_client::{Connection, get_json};
use mesos_integration::legacy_peer::{LegacyPeer, encode};
use serde_json::Value;

use crate::assert_serves;

/// Every message that the master handles.
const HANDLED: [&str; 22] = [
    "mesos.scheduler.Call",
    "mesos.internal.SubmitSchedulerRequest",
    "mesos.internal.RegisterFrameworkMessage",
    "mesos.internal.ReregisterFrameworkMessage",
    "mesos.internal.UnregisterFrameworkMessage",
    "mesos.internal.DeactivateFrameworkMessage",
    "mesos.internal.ResourceRequestMessage",
    "mesos.internal.LaunchTasksMessage",
    "mesos.internal.ReviveOffersMessage",
    "mesos.internal.KillTaskMessage",
    "mesos.internal.StatusUpdateAcknowledgementMessage",
    "mesos.internal.FrameworkToExecutorMessage",
    "mesos.internal.RegisterSlaveMessage",
    "mesos.internal.ReregisterSlaveMessage",
    "mesos.internal.UnregisterSlaveMessage",
    "mesos.internal.StatusUpdateMessage",
    "mesos.internal.ExecutorToFrameworkMessage",
    "mesos.internal.ReconcileTasksMessage",
    "mesos.internal.UpdateOperationStatusMessage",
    "mesos.internal.ExitedExecutorMessage",
    "mesos.internal.UpdateSlaveMessage",
    "mesos.internal.AuthenticateMessage",
];

#[test]
fn broken_bodies_are_taken_and_dropped() {
    let mut cluster = Cluster::start().unwrap();
    let mut peer = LegacyPeer::listen("hostile").unwrap();
    let master = format!("master@{}", cluster.master.address);

    for name in HANDLED {
        for body in [
            b"".as_slice(),
            b"\xff",
            b"\x0a\xff\xff\xff\xff\x0f",
            &[0x80; 64],
        ] {
            peer.send(&master, name, body).unwrap();
        }
    }

    assert_serves(cluster.master.address);
    assert!(cluster.master.is_running());
}

#[test]
fn honest_agent_registers_beside_broken_ones() {
    let cluster = Cluster::start().unwrap();
    let mut peer = LegacyPeer::listen("slave(1)").unwrap();
    let master = format!("master@{}", cluster.master.address);
    peer.send(
        &master,
        "mesos.internal.RegisterSlaveMessage",
        b"\x0a\x02\x12",
    )
    .unwrap();

    let agent = FakeAgent::register(cluster.master.address).unwrap();

    assert!(agent.agent_id.ends_with("-S0"), "{}", agent.agent_id);
}

#[test]
fn senders_that_are_no_addresses_do_no_harm() {
    let mut cluster = Cluster::start().unwrap();
    let long = "x".repeat(5000);

    for from in [
        "",
        "@",
        "a@",
        "@1:1",
        "a@b:c",
        "a@1.2.3.4:99999",
        "a@[::1]:5",
        "\u{1F980}@1.2.3.4:5",
        &long,
    ] {
        let mut connection = Connection::open(cluster.master.address).unwrap();
        let message = encode("master", from, "mesos.internal.RegisterSlaveMessage", b"x");
        connection.write(&message).unwrap();
        if let Ok(answer) = connection.read_answer() {
            let start = &answer.head.start;
            assert!(
                answer.status() < 500 || start.contains("500"),
                "{from}: {start}"
            );
        }
    }

    assert_serves(cluster.master.address);
    assert!(cluster.master.is_running());
}

#[test]
fn messages_to_nobody_are_not_found() {
    let cluster = Cluster::start().unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();

    connection
        .write(&encode(
            "nobody",
            "a@127.0.0.1:1",
            "mesos.internal.Nope",
            b"x",
        ))
        .unwrap();
    let answer = connection.read_answer().unwrap();

    assert_eq!(answer.status(), 404);
    assert_eq!(answer.text(), "404 Not Found.");
}

#[test]
fn ten_thousand_unknown_messages_leave_nothing_behind() {
    let cluster = Cluster::start().unwrap();
    let mut connection = Connection::open(cluster.master.address).unwrap();

    for _ in 0..100 {
        let burst: Vec<u8> = (0..100)
            .flat_map(|_| encode("master", "a@127.0.0.1:1", "mesos.internal.Nope", b"x"))
            .collect();
        connection.write(&burst).unwrap();
        for _ in 0..100 {
            assert_eq!(connection.read_answer().unwrap().status(), 202);
        }
    }

    let processes = get_json(cluster.master.address, "/__processes__").unwrap();
    let waiting: usize = processes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|process| process.get("events").and_then(Value::as_array))
        .map(Vec::len)
        .sum();
    assert!(waiting < 100, "{waiting} events wait");
}
