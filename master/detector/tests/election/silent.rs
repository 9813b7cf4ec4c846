//! A server that takes connections and never says a word.

use std::{io::ErrorKind, net::TcpListener, time::Duration};

use libprocess::{Runtime, Upid};
use mesos_detector::zookeeper::{Group, GroupOptions};

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn listener() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).expect("a port")
}

fn group(runtime: &Runtime, server: &TcpListener) -> Group {
    let address = server.local_addr().expect("an address");
    let url = format!("zk://{address}/test");
    let options = GroupOptions {
        url: url.parse().expect("an address of ZooKeeper"),
        session_timeout: Duration::from_millis(300),
    };
    Group::start(runtime, options)
}

/// The one group of the runtime.
fn process(runtime: &Runtime) -> Upid {
    runtime.upid("zookeeper-group(1)")
}

/// Mirrors: GroupTest.ConnectTimer
#[test]
fn an_attempt_to_connect_that_hangs_is_given_up_and_made_again() {
    let runtime = runtime();
    let server = listener();
    let group = group(&runtime, &server);

    let (first, _) = server.accept().expect("it connects");
    let (second, _) = server.accept().expect("it connects again");

    let ports = [first, second].map(|stream| stream.peer_addr().expect("an address").port());
    assert_ne!(ports[0], ports[1]);
    let session = runtime.block_on(group.session()).ready();
    assert!(matches!(session, Some(None)), "{session:?}");
    runtime.shutdown();
}

/// Mirrors: GroupTest.TimerCleanup
#[test]
fn a_group_that_ended_while_it_connected_does_not_try_again() {
    let runtime = runtime();
    let server = listener();
    let group = group(&runtime, &server);
    let (_first, _) = server.accept().expect("it connects");
    assert!(runtime.exists(&process(&runtime)));

    group.terminate();
    let ended = runtime.block_on(runtime.wait(&process(&runtime))).ready();
    // A group that lives has tried again by now, several times over.
    let other = listener();
    let witness = self::group(&runtime, &other);
    for _ in 0..2 {
        other.accept().expect("it connects");
    }

    server.set_nonblocking(true).expect("a listener");
    let again = server.accept().map(drop).map_err(|error| error.kind());
    assert!(ended.is_some());
    assert_eq!(again, Err(ErrorKind::WouldBlock));
    witness.terminate();
    runtime.shutdown();
}
