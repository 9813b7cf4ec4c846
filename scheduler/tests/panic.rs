//! A callback that panics ends its program, at once and in every build.

#![expect(clippy::panic, reason = "the callback has to panic")]

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use libprocess::Runtime;
use mesos_proto::v1::scheduler::Event;
use mesos_scheduler::{Callbacks, Mesos, Options};

/// Set in the program that is to end.
const VARIABLE: &str = "CALLBACK_PANICS";

struct Panicking;

impl Callbacks for Panicking {
    fn connected(&mut self) {
        panic!("the callback gives up");
    }
    fn disconnected(&mut self) {}
    fn received(&mut self, _: Event) {}
}

/// Connects to a master, which makes the callback panic.
fn panic_in_a_callback() {
    let master = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = master.local_addr().expect("it has an address").to_string();
    let loopback = "127.0.0.1".parse().expect("an address");
    let runtime = Runtime::builder().ip(loopback).start().expect("a runtime");
    let options = Options::new(address.parse().expect("a master"));
    let mesos = Mesos::with_callbacks(&runtime, options, Panicking);
    runtime.block_on(std::future::pending::<()>());
    drop(mesos);
}

#[test]
fn program_is_aborted_with_the_words_of_the_panic() {
    if std::env::var_os(VARIABLE).is_some() {
        return panic_in_a_callback();
    }
    let this = std::env::current_exe().expect("a path");
    let name = "program_is_aborted_with_the_words_of_the_panic";

    let output = Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env(VARIABLE, "yes")
        .output()
        .expect("the program starts");

    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(6), "{errors}");
    assert!(errors.contains("the callback gives up"), "{errors}");
}
