//! Rounds that overtake each other.

use std::{collections::BTreeSet, path::PathBuf};

use libprocess::{Clock, testing::Pattern};

use super::*;
use crate::storage::MemoryStorage;

fn paused_runtime() -> Runtime {
    let loopback = "127.0.0.1".parse().expect("an address");
    let builder = Runtime::builder().ip(loopback).clock(Clock::paused());
    builder.start().expect("a runtime")
}

fn empty_replica(runtime: &Runtime) -> Replica {
    let storage = MemoryStorage::default();
    let started = Replica::start(runtime, PathBuf::from("memory"), move || Ok(storage));
    let started = runtime.block_on(started).ready().expect("an answer");
    started.expect("a replica")
}

#[test]
fn members_that_are_found_too_late_do_not_end_the_present_round() {
    let runtime = paused_runtime();
    let replica = empty_replica(&runtime);
    let network = Network::start(&runtime, BTreeSet::from([replica.upid().clone()]));
    let asks = || Pattern::message().named("mesos.internal.log.RecoverRequest");
    let first = runtime.drop_one(asks());
    let (process, recovered) =
        RecoverProcess::new(1, &replica, &network, Initialization::Automatic);
    let recovering = runtime.spawn(process);
    assert!(runtime.block_on(first).is_ready());

    recovering.dispatch(|recover, ctx| recover.on_asked(0, Vec::new(), ctx));
    runtime.clock().settle();
    let again = runtime.expect(asks());
    runtime.clock().advance(ROUND_TIMEOUT);

    assert!(runtime.block_on(again).is_ready());
    assert!(recovered.is_pending());
    runtime.shutdown();
}
