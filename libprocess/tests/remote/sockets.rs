//! How long a socket lives, and what the end of a runtime does to it.

use std::io::Read;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use libprocess::{Context, Outcome, Process, ProcessId, Upid};

use crate::support::{Probe, next_body, runtime};

#[test]
fn shutdown_closes_connections_and_refuses_actors() {
    let there = runtime();
    let (pid, _) = Probe::spawn(&there);
    let mut stream = TcpStream::connect(there.address().socket_addr()).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");

    there.shutdown();
    there.shutdown();

    assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    assert!(
        there
            .spawn(Probe {
                tell: mpsc::channel().0
            })
            .upid()
            .is_empty()
    );
    assert_eq!(pid.call(|_, _| 1).now(), Some(Outcome::Abandoned));
}

#[test]
fn what_an_actor_sends_as_it_ends_still_arrives() {
    struct Parting(Upid);
    impl Process for Parting {
        fn id(&self) -> ProcessId {
            ProcessId::fixed("parting")
        }
        fn finalize(&mut self, ctx: &mut Context<Self>) {
            for number in 0..1000_u16 {
                ctx.send(&self.0, "note", number.to_string().into());
            }
        }
    }
    let (here, there) = (runtime(), runtime());
    let (pid, seen) = Probe::spawn(&there);
    here.spawn(Parting(pid.upid().clone()));

    here.shutdown();

    for number in 0..1000_u16 {
        assert_eq!(next_body(&seen), number.to_string());
    }
    there.shutdown();
}
