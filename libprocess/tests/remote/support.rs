//! Runtimes, probes that tell what happens to them, and peers whose sockets the test handles.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Clock, Context, Pid, Process, ProcessId, Runtime, RuntimeBuilder, Upid};

pub(crate) fn builder() -> RuntimeBuilder {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .transport(crate::TRANSPORT)
}

pub(crate) fn runtime() -> Runtime {
    builder().start().expect("a runtime")
}

/// Two runtimes on one paused clock: `settle` sees the messages between them.
pub(crate) fn pair() -> (Runtime, Runtime, Clock) {
    let clock = Clock::paused();
    let start = || builder().clock(clock.clone()).start().expect("a runtime");
    (start(), start(), clock)
}

pub(crate) enum Seen {
    Message(Upid, Bytes),
    Exited(Upid),
}

/// Tells all that happens to it, and answers `ping` with `pong`.
pub(crate) struct Probe {
    pub(crate) tell: mpsc::Sender<Seen>,
}

impl Probe {
    pub(crate) fn spawn(runtime: &Runtime) -> (Pid<Self>, mpsc::Receiver<Seen>) {
        let (tell, seen) = mpsc::channel();
        (runtime.spawn(Self { tell }), seen)
    }
}

impl Process for Probe {
    fn id(&self) -> ProcessId {
        ProcessId::generated("probe")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("note", |probe, from, body, _| {
            // The test may be over.
            let _ = probe.tell.send(Seen::Message(from.clone(), body));
        });
        ctx.install("ping", |_, from, body, ctx| ctx.send(from, "note", body));
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        let _ = self.tell.send(Seen::Exited(pid.clone()));
    }
}

pub(crate) fn next(seen: &mpsc::Receiver<Seen>) -> Seen {
    seen.recv_timeout(Duration::from_secs(60))
        .expect("something happens")
}

pub(crate) fn next_body(seen: &mpsc::Receiver<Seen>) -> Bytes {
    match next(seen) {
        Seen::Message(_, body) => body,
        Seen::Exited(pid) => panic!("{pid} exited"),
    }
}

pub(crate) fn next_exited(seen: &mpsc::Receiver<Seen>) -> Upid {
    match next(seen) {
        Seen::Exited(pid) => pid,
        Seen::Message(_, body) => panic!("message {body:?}"),
    }
}

pub(crate) fn link(pid: &Pid<Probe>, to: &Upid) {
    let to = to.clone();
    pid.dispatch(move |_, ctx| ctx.link(&to));
}

pub(crate) fn relink(pid: &Pid<Probe>, to: &Upid) {
    let to = to.clone();
    pid.dispatch(move |_, ctx| ctx.relink(&to));
}

pub(crate) fn send(pid: &Pid<Probe>, to: &Upid, name: &'static str, body: impl Into<Bytes>) {
    let (to, body) = (to.clone(), body.into());
    pid.dispatch(move |_, ctx| ctx.send(&to, name, body));
}

/// A peer whose connections the test can handle itself.
pub(crate) struct FakePeer {
    pub(crate) listener: TcpListener,
    pub(crate) upid: Upid,
}

impl FakePeer {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        Self {
            upid: Upid::new("peer", address.into()),
            listener,
        }
    }

    pub(crate) fn accept(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().expect("a connection");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        stream
    }
}

pub(crate) fn read_message(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.ends_with("0\r\n\r\n") {
        let read = stream.read(&mut buffer).expect("more");
        assert_ne!(read, 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}
