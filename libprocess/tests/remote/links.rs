//! Links and relinks to actors elsewhere.

use std::net::TcpListener;

use libprocess::Upid;

use crate::support::{Probe, link, next_body, next_exited, pair, relink, runtime, send};

/// Mirrors: ProcessRemoteLinkTest.RemoteLink
#[test]
fn the_end_of_a_peer_exits_every_link_to_it() {
    let (here, there) = (runtime(), runtime());
    let (ours, seen) = Probe::spawn(&here);
    let (first, _) = Probe::spawn(&there);
    let (second, _) = Probe::spawn(&there);
    link(&ours, first.upid());
    link(&ours, second.upid());
    link(&ours, second.upid());
    send(&ours, first.upid(), "ping", "connected");
    next_body(&seen);

    there.shutdown();

    let mut gone = [next_exited(&seen), next_exited(&seen)];
    gone.sort();
    assert_eq!(gone, [first.upid().clone(), second.upid().clone()]);
    here.shutdown();
}

#[test]
fn a_link_to_nobody_at_a_closed_port_exits() {
    let here = runtime();
    let (ours, seen) = Probe::spawn(&here);
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .expect("a port")
        .port();
    let nobody: Upid = format!("nobody@127.0.0.1:{port}").parse().expect("a pid");

    link(&ours, &nobody);
    assert_eq!(next_exited(&seen), nobody);
    relink(&ours, &nobody);
    assert_eq!(next_exited(&seen), nobody);
    here.shutdown();
}

#[test]
fn the_end_of_a_remote_actor_is_not_the_end_of_the_link() {
    let (here, there, clock) = pair();
    let (ours, seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);
    link(&ours, theirs.upid());
    send(&ours, theirs.upid(), "ping", "x");
    clock.settle();
    next_body(&seen);

    theirs.terminate();
    there.block_on(there.wait(theirs.upid()));
    send(&ours, theirs.upid(), "ping", "y");
    clock.settle();

    assert!(seen.try_recv().is_err());
    here.shutdown();
    there.shutdown();
}

/// Mirrors: ProcessRemoteLinkTest.RemoteRelink
/// Mirrors: ProcessRemoteLinkTest.RemoteLinkRelink
/// Mirrors: ProcessRemoteLinkTest.RemoteDoubleLinkRelink
#[test]
fn a_relink_goes_unnoticed_and_keeps_every_linker() {
    let (here, there) = (runtime(), runtime());
    let (one, one_seen) = Probe::spawn(&here);
    let (two, two_seen) = Probe::spawn(&here);
    let (theirs, _) = Probe::spawn(&there);
    relink(&one, theirs.upid());
    link(&two, theirs.upid());
    send(&two, theirs.upid(), "ping", "before");
    assert_eq!(next_body(&two_seen), "before");

    relink(&one, theirs.upid());
    send(&one, theirs.upid(), "ping", "after");
    send(&two, theirs.upid(), "ping", "after");
    assert_eq!(next_body(&one_seen), "after");
    assert_eq!(next_body(&two_seen), "after");

    there.shutdown();
    assert_eq!(&next_exited(&one_seen), theirs.upid());
    assert_eq!(&next_exited(&two_seen), theirs.upid());
    here.shutdown();
}
