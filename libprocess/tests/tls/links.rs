//! Messages and links over TLS.

use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::tls::Tls;
use libprocess::{Context, Pid, Process, ProcessId, Runtime, Upid};

use crate::support::{Certificates, DOWNGRADE, Log, Owner, REQUIRE, VERIFY, runtime};

pub(crate) enum Seen {
    Message(Bytes),
    Exited(Upid),
}

/// Tells all that happens to it.
pub(crate) struct Probe(mpsc::Sender<Seen>);

impl Probe {
    pub(crate) fn spawn(runtime: &Runtime) -> (Pid<Self>, mpsc::Receiver<Seen>) {
        let (tell, seen) = mpsc::channel();
        (runtime.spawn(Self(tell)), seen)
    }
}

impl Process for Probe {
    fn id(&self) -> ProcessId {
        ProcessId::generated("probe")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("note", |probe, _, body, _| {
            // The test may be over.
            let _ = probe.0.send(Seen::Message(body));
        });
        ctx.install("ping", |_, from, body, ctx| ctx.send(from, "note", body));
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        let _ = self.0.send(Seen::Exited(pid.clone()));
    }
}

pub(crate) fn next(seen: &mpsc::Receiver<Seen>) -> Seen {
    let next = seen.recv_timeout(Duration::from_secs(60));
    next.expect("something happens")
}

/// Links two runtimes, sends a large message there and gets it back.
fn ping(here: Option<Tls>, there: Option<Tls>) -> Option<usize> {
    let (here, there) = (runtime(here), runtime(there));
    let (probe, seen) = Probe::spawn(&here);
    let (other, _heard) = Probe::spawn(&there);
    let to = other.upid().clone();
    probe.dispatch(move |_, ctx| {
        ctx.link(&to);
        ctx.send(&to, "ping", Bytes::from(vec![7; 300_000]));
    });
    let got = match next(&seen) {
        Seen::Message(body) => Some(body.len()),
        Seen::Exited(pid) => {
            assert_eq!(pid, *other.upid());
            None
        }
    };
    here.shutdown();
    there.shutdown();
    got
}

#[test]
fn messages_pass_links_over_tls_both_ways() {
    let files = Certificates::new();
    let tls = || Some(files.tls(Owner::Host, &[REQUIRE]));

    assert_eq!(ping(tls(), tls()), Some(300_000));
}

#[test]
fn a_link_to_a_plain_peer_is_an_exit_without_downgrade_and_works_with_it() {
    let files = Certificates::new();

    assert_eq!(ping(Some(files.tls(Owner::Host, &[])), None), None);

    // The plain peer answers on a connection of its own, so both sides need it.
    let both = files.tls(Owner::Host, &[DOWNGRADE]);
    assert_eq!(ping(Some(both), None), Some(300_000));
}

#[test]
fn a_link_to_a_server_that_is_not_trusted_is_an_exit_and_one_line() {
    let log = Log::capture();
    let files = Certificates::new();
    let here = files.tls(Owner::Host, &[VERIFY]);
    let there = files.tls(Owner::Scrap, &[]);

    assert_eq!(ping(Some(here), Some(there)), None);

    let lines = log.lines("connection broken");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("no TLS: invalid peer certificate"),
        "{lines:?}"
    );
}

#[test]
fn the_end_of_a_peer_is_told_over_tls() {
    let files = Certificates::new();
    let here = runtime(Some(files.tls(Owner::Host, &[])));
    let there = runtime(Some(files.tls(Owner::Host, &[])));
    let (probe, seen) = Probe::spawn(&here);
    let (other, _heard) = Probe::spawn(&there);
    let to = other.upid().clone();
    probe.dispatch(move |_, ctx| {
        ctx.link(&to);
        ctx.send(&to, "ping", Bytes::from_static(b"there"));
    });
    assert!(matches!(next(&seen), Seen::Message(_)));

    there.shutdown();

    assert!(matches!(next(&seen), Seen::Exited(pid) if pid == *other.upid()));
    here.shutdown();
}
