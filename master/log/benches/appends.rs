//! How many appends per second, and how long one takes, with 1, 3 and 5 replicas that sync.
//!
//! `cargo bench -p mesos-log` prints the table beside what the disk itself can sync.
//! Each replica has a runtime of its own; they talk over sockets on the loopback address.
//! An append costs each replica two synced writes, one for the value and one for its being learned;
//! the answer waits for both of the local replica and the first of a quorum.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the real time and fails by panicking"
)]

use std::{
    collections::BTreeSet,
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use libprocess::{Future, Runtime};
use mesos_log::{Initialization, Log, LogOptions, LogWriter};

const SIZE: usize = 1_000;
const APPENDS: usize = 400;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("appends of {SIZE} bytes, {APPENDS} one after the other\n");
    println!(
        "{:<28}{:>12}{:>12}{:>12}",
        "", "per second", "median ms", "p99 ms"
    );
    row("disk: one synced write", disk(folder.path()));
    for replicas in [1, 3, 5] {
        let folder = folder.path().join(format!("{replicas}"));
        row(&format!("log of {replicas}"), log(&folder, replicas));
    }
}

fn row(name: &str, mut durations: Vec<Duration>) {
    let total: Duration = durations.iter().sum();
    let count = u32::try_from(durations.len()).expect("few");
    durations.sort();
    let at = |percent: usize| {
        let index = durations.len() * percent / 100;
        durations.get(index).map_or(0.0, Duration::as_secs_f64) * 1e3
    };
    let rate = f64::from(count) / total.as_secs_f64();
    println!("{name:<28}{rate:>12.0}{:>12.2}{:>12.2}", at(50), at(99));
}

fn timed(mut work: impl FnMut()) -> Vec<Duration> {
    (0..APPENDS)
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .collect()
}

fn disk(folder: &Path) -> Vec<Duration> {
    let mut file = File::create(folder.join("file")).expect("a file");
    let block = vec![7; SIZE];
    timed(|| {
        file.write_all(&block).expect("writes");
        file.sync_data().expect("syncs");
    })
}

fn wait<T: Send + 'static>(runtime: &Runtime, future: Future<T>) -> T {
    runtime.block_on(future).ready().expect("an answer")
}

fn log(folder: &Path, replicas: usize) -> Vec<Duration> {
    let loopback = "127.0.0.1".parse().expect("an address");
    let hosts: Vec<Runtime> = (0..replicas)
        .map(|_| {
            let builder = Runtime::builder().ip(loopback).arbiters(1);
            builder.start().expect("a runtime")
        })
        .collect();
    let peers: BTreeSet<_> = hosts
        .iter()
        .map(|host| host.upid("log-replica(1)"))
        .collect();
    let logs: Vec<Log> = hosts
        .iter()
        .enumerate()
        .map(|(number, host)| {
            let options = LogOptions {
                quorum: replicas / 2 + 1,
                path: folder.join(number.to_string()),
                peers: peers.clone(),
                group: None,
                initialization: Initialization::Automatic,
                metrics_prefix: String::new(),
            };
            std::fs::create_dir_all(&options.path).expect("a folder");
            Log::start(host, options)
        })
        .collect();
    for (host, log) in hosts.iter().zip(&logs) {
        wait(host, log.recovered()).expect("recovers");
    }
    let (host, log) = hosts.iter().zip(&logs).next().expect("one");
    let writer = LogWriter::start(host, log);
    while wait(host, writer.start_writing()).expect("runs").is_none() {}
    let value = bytes::Bytes::from(vec![7; SIZE]);
    let durations = timed(|| {
        let position = wait(host, writer.append(value.clone())).expect("appends");
        assert!(position.is_some(), "the leadership is lost");
    });
    for host in &hosts {
        host.shutdown();
    }
    durations
}
