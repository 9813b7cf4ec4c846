//! Hostile bytes on the port of a master process: a proper answer or a closed connection,
//! never a crash, never unbounded memory.

mod bytes;
mod calls;
mod legacy;
mod slow;

use std::fs;
use std::net::SocketAddr;

use mesos_integration::http_client::{self, Request};

/// Checks that the daemon still serves others.
#[track_caller]
fn assert_serves(address: SocketAddr) {
    let answer = http_client::send(address, &Request::get("/health")).expect("it answers");
    assert_eq!(answer.status(), 200);
}

/// Memory of a process in KiB as the kernel counts it.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    status
        .lines()
        .find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .trim()
                .strip_suffix(" kB")?
                .parse()
                .ok()
        })
        .expect("the kernel tells the memory")
}
