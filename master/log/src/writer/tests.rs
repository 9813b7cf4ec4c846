//! Answers that come after the next election.

use std::{collections::BTreeSet, path::PathBuf};

use super::*;
use crate::{log::LogOptions, recover::Initialization, storage::MemoryStorage};

#[test]
fn an_error_of_an_older_coordinator_does_not_stop_the_present_one() {
    let loopback = "127.0.0.1".parse().expect("an address");
    let runtime = Runtime::builder().ip(loopback).start().expect("a runtime");
    let options = LogOptions {
        quorum: 1,
        path: PathBuf::from("memory"),
        peers: BTreeSet::new(),
        group: None,
        initialization: Initialization::Automatic,
        metrics_prefix: String::new(),
    };
    let log = Log::start_with(&runtime, options, || Ok(MemoryStorage::default()));
    let writer = LogWriter::start(&runtime, &log);
    let start = || runtime.block_on(writer.start_writing()).ready();
    assert_eq!(start(), Some(Ok(Some(0))));
    assert_eq!(start(), Some(Ok(Some(0))));

    let late = WriteError::Append(CoordinatorError::Writing);
    writer
        .process
        .dispatch(move |writer, _| writer.note(1, Some(&late)));
    let appended = runtime.block_on(writer.append("x".into())).ready();

    assert_eq!(appended, Some(Ok(Some(1))));
    runtime.shutdown();
}
