//! How long a registry of 100,000 agents takes to recover, and to change by one batch.
//!
//! `cargo bench -p mesos-master --bench registry`; with `-- --check` it exits 1 when a row takes
//! longer than its goal. The registry lies in a log of one replica that syncs.
//! Answers `RegistrarBENCHMARK_Test` of Mesos.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real time and fails by panicking"
)]

use std::{
    collections::BTreeSet,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use libprocess::{Future, Runtime};
use mesos_log::{Initialization, Log, LogOptions};
use mesos_master::registrar::{Registrar, RegistrarOptions};
use mesos_master::registry::admit_agent::AdmitAgent;
use mesos_master::registry::mark_unreachable::MarkUnreachable;
use mesos_proto::v1;
use mesos_state::{LogStorage, State};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AGENTS: usize = 100_000;
const BATCH: usize = 1_000;
const RECOVERY: Duration = Duration::from_secs(2);
const UPDATE: Duration = Duration::from_millis(150);

fn runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    Runtime::builder().ip(loopback).start().expect("a runtime")
}

fn wait<T: Send + 'static>(runtime: &Runtime, future: Future<T>) -> T {
    runtime.block_on(future).ready().expect("an answer")
}

fn agent(number: usize) -> v1::AgentInfo {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: Some(name.to_owned()),
        r#type: Some(v1::value::Type::Scalar.into()),
        scalar: Some(v1::value::Scalar {
            value: Some(value),
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::AgentInfo {
        hostname: Some(format!("host{number}.example.com")),
        port: Some(5051),
        resources: vec![
            scalar("cpus", 16.0),
            scalar("mem", 65_536.0),
            scalar("disk", 1_000_000.0),
        ],
        id: Some(v1::AgentId {
            value: Some(id(number)),
            ..Default::default()
        }),
        checkpoint: Some(true),
        ..Default::default()
    }
}

fn id(number: usize) -> String {
    format!("c3d1b0f6-9f5a-4a55-b1e4-6d5f4b1f0c11-S{number}")
}

fn start(runtime: &Runtime, folder: &Path) -> Registrar {
    let options = LogOptions {
        quorum: 1,
        path: folder.to_owned(),
        peers: BTreeSet::new(),
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: "registrar/".to_owned(),
    };
    let log = Log::start(runtime, options);
    let state = State::new(LogStorage::start(runtime, &log));
    let limit = Duration::from_secs(600);
    let options = RegistrarOptions {
        fetch_timeout: limit,
        store_timeout: limit,
    };
    Registrar::start(runtime, state, options)
}

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = runtime();
    let registrar = start(&host, folder.path());
    wait(&host, registrar.recover(v1::MasterInfo::default())).expect("recovers");
    let admitted: Vec<_> = (0..AGENTS)
        .map(|number| {
            registrar.apply(AdmitAgent {
                info: agent(number),
            })
        })
        .collect();
    for admitted in admitted {
        wait(&host, admitted).expect("admits");
    }
    host.shutdown();

    let host = runtime();
    let begin = Instant::now();
    let registrar = start(&host, folder.path());
    wait(&host, registrar.recover(v1::MasterInfo::default())).expect("recovers");
    let recovery = begin.elapsed();
    let begin = Instant::now();
    let marked: Vec<_> = (0..BATCH)
        .map(|number| {
            let agent_id = id(number * 7);
            let time = v1::TimeInfo {
                nanoseconds: Some(1),
                ..Default::default()
            };
            registrar.apply(MarkUnreachable { agent_id, time })
        })
        .collect();
    for marked in marked {
        wait(&host, marked).expect("marks");
    }
    // The first store takes what was queued by then, the second the rest.
    let update = begin.elapsed() / 2;
    host.shutdown();

    let recovers = row("recovery", recovery, RECOVERY);
    let updates = row("one update", update, UPDATE);
    let check = std::env::args().any(|argument| argument == "--check");
    ExitCode::from(u8::from(check && !(recovers && updates)))
}

fn row(name: &str, took: Duration, goal: Duration) -> bool {
    let (took_ms, goal_ms) = (took.as_millis(), goal.as_millis());
    println!("{AGENTS} agents, {name:<12}{took_ms:>8} ms, goal {goal_ms} ms");
    took <= goal
}
