//! Each test has a server of its own.

use std::{collections::BTreeSet, path::Path, time::Duration};

use libprocess::{Future, Runtime};
use mesos_detector::zookeeper::GroupOptions;
use mesos_integration::zookeeper_server::ZooKeeperServer;
use mesos_log::{
    Entry, Initialization, LevelDbStorage, Log, LogOptions, LogReader, LogWriter, Storage as _,
};
use mesos_proto::internal::log::{Metadata, metadata::Status};

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn wait<T: Send + 'static, E: std::fmt::Debug + Send + 'static>(
    runtime: &Runtime,
    future: Future<Result<T, E>>,
) -> T {
    let outcome = runtime.block_on(future).ready();
    outcome.expect("an answer").expect("no failure")
}

/// What `mesos-log initialize` does.
fn initialize(path: &Path) {
    let voting = Metadata {
        status: Some(Status::Voting.into()),
        promised: Some(0),
        ..Metadata::default()
    };
    let mut storage = LevelDbStorage::open(path).expect("opens");
    storage.persist_metadata(&voting).expect("stores");
}

fn log(runtime: &Runtime, server: &ZooKeeperServer, quorum: usize, path: &Path) -> Log {
    let url = format!("zk://{}/log", server.address());
    let group = GroupOptions {
        url: url.parse().expect("an address of ZooKeeper"),
        session_timeout: Duration::from_secs(4),
    };
    let options = LogOptions {
        quorum,
        path: path.to_owned(),
        peers: BTreeSet::new(),
        group: Some(group),
        initialization: Initialization::Automatic,
        metrics_prefix: String::new(),
    };
    Log::start(runtime, options)
}

fn elected(runtime: &Runtime, log: &Log) -> LogWriter {
    let writer = LogWriter::start(runtime, log);
    // Two replicas that have promised nothing alike need a second election.
    while wait(runtime, writer.start_writing()).is_none() {}
    writer
}

fn read(runtime: &Runtime, log: &Log, position: u64) -> Vec<Entry> {
    let reader = LogReader::start(runtime, log);
    wait(runtime, reader.read(position, position))
}

/// Mirrors: LogZooKeeperTest.WriteRead
#[test]
fn two_replicas_that_meet_in_zookeeper_agree_on_what_one_appends() {
    let server = ZooKeeperServer::start().expect("a server");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hosts = ["log1", "log2"].map(|name| {
        let path = folder.path().join(name);
        initialize(&path);
        let host = runtime();
        let log = log(&host, &server, 2, &path);
        (host, log)
    });
    let (host, second) = &hosts[1];

    let writer = elected(host, second);
    let position = wait(host, writer.append("hello world".into())).expect("it leads");

    let entries = read(host, second, position);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].position, position);
    assert_eq!(entries[0].data, "hello world");
    for (host, _) in &hosts {
        host.shutdown();
    }
}

/// Mirrors: LogZooKeeperTest.LostZooKeeper
#[test]
fn a_log_of_one_replica_is_written_without_zookeeper() {
    let mut server = ZooKeeperServer::start().expect("a server");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = runtime();
    let log = log(&host, &server, 1, folder.path());
    let writer = elected(&host, &log);

    server.kill().expect("it dies");
    let position = wait(&host, writer.append("hello world".into())).expect("it leads");

    let entries = read(&host, &log, position);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].position, position);
    assert_eq!(entries[0].data, "hello world");
    host.shutdown();
}
