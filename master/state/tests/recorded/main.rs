//! Logs that genuine Mesos 1.11 masters wrote.

mod folder;
mod needs_python;
mod shown;

use std::collections::BTreeSet;

use folder::{Folder, fetched, registry_of};
use libprocess::{Runtime, Upid};
use mesos_log::{Initialization, Log, LogOptions};
use mesos_proto::internal::Registry;
use mesos_state::{LogStorage, State};
use prost::Message;

/// A host with one replica; its peers are the replicas of the other hosts.
struct Host {
    runtime: Runtime,
    log: Log,
    state: State,
}

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn host(runtime: Runtime, folder: &Folder, path: &str, quorum: usize, peers: &[Upid]) -> Host {
    let options = LogOptions {
        quorum,
        path: folder.path().join(path),
        peers: peers.iter().cloned().collect::<BTreeSet<_>>(),
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: "registrar/".to_owned(),
    };
    let log = Log::start(&runtime, options);
    let state = State::new(LogStorage::start(&runtime, &log));
    Host {
        runtime,
        log,
        state,
    }
}

fn cluster(folder: &Folder, paths: [&str; 3]) -> Vec<Host> {
    let runtimes: Vec<Runtime> = paths.iter().map(|_| runtime()).collect();
    let replicas: Vec<Upid> = runtimes
        .iter()
        .map(|runtime| runtime.upid("log-replica(1)"))
        .collect();
    let mut hosts = Vec::new();
    for (runtime, path) in runtimes.into_iter().zip(paths) {
        hosts.push(host(runtime, folder, path, 2, &replicas));
    }
    hosts
}

#[test]
fn the_registry_of_a_lone_master_is_read() {
    let folder = Folder::with_recorded_logs();
    let path = "replicated-logs/standalone/master/replicated_log";
    let host = host(runtime(), &folder, path, 1, &[]);

    let registry = registry_of(&host.runtime, &host.state);

    assert_eq!(registry.master().info().pid(), "master@127.0.0.1:15050");
    assert_eq!(registry.gone().agents.len(), 1);
    host.runtime.shutdown();
}

#[test]
fn what_is_appended_to_a_recorded_log_is_there_after_reopening() {
    let folder = Folder::with_recorded_logs();
    let path = "replicated-logs/standalone/master/replicated_log";
    let first = host(runtime(), &folder, path, 1, &[]);
    let before = fetched(&first.runtime, &first.state);
    let mut registry = Registry::decode(before.value().clone()).expect("a registry");
    registry.weights.clear();
    let changed = before.mutate(registry.encode_to_vec().into());
    let stored = first.runtime.block_on(first.state.store(&changed)).ready();
    assert!(matches!(stored, Some(Ok(Some(_)))), "{stored:?}");
    first.runtime.shutdown();

    let second = host(runtime(), &folder, path, 1, &[]);

    assert_eq!(registry_of(&second.runtime, &second.state), registry);
    second.runtime.shutdown();
}

#[test]
fn the_three_recorded_replicas_form_a_cluster_and_agree() {
    let folder = Folder::with_recorded_logs();
    let paths = ["m1", "m2", "m3"].map(|name| format!("replicated-logs/ha/{name}/replicated_log"));
    let hosts = cluster(&folder, [&paths[0], &paths[1], &paths[2]]);

    let leader = &hosts[2];
    let registry = registry_of(&leader.runtime, &leader.state);

    assert_eq!(registry.agents().agents.len(), 1);
    for host in &hosts {
        assert!(matches!(
            host.runtime.block_on(host.log.recovered()).ready(),
            Some(Ok(()))
        ));
    }
    for host in hosts {
        host.runtime.shutdown();
    }
}

#[test]
fn empty_replicas_start_themselves_and_a_quorum_outlives_the_third() {
    let folder = Folder::empty();
    let mut hosts = cluster(&folder, ["a", "b", "c"]);
    let variable = fetched(&hosts[0].runtime, &hosts[0].state);
    let stored = hosts[0].state.store(&variable.mutate("one".into()));
    assert!(matches!(
        hosts[0].runtime.block_on(stored).ready(),
        Some(Ok(Some(_)))
    ));

    for host in &hosts {
        assert!(matches!(
            host.runtime.block_on(host.log.recovered()).ready(),
            Some(Ok(()))
        ));
    }

    let lost = hosts.remove(0);
    lost.runtime.shutdown();
    let found = fetched(&hosts[1].runtime, &hosts[1].state);

    assert_eq!(found.value().as_ref(), b"one");
    for host in hosts {
        host.runtime.shutdown();
    }
}
