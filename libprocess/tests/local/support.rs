//! A runtime with virtual time and an actor that writes down all that happens to it.

use std::sync::{Arc, Mutex};

use libprocess::{Clock, Context, Process, ProcessId, Runtime, Upid};

pub(crate) fn runtime() -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(2)
        .clock(Clock::paused())
        .start()
        .expect("a runtime")
}

pub(crate) type Log = Arc<Mutex<Vec<String>>>;

pub(crate) fn entries(log: &Log) -> Vec<String> {
    log.lock().expect("the log").clone()
}

/// Writes down all that happens to it.
pub(crate) struct Recorder {
    pub(crate) id: ProcessId,
    pub(crate) log: Log,
}

impl Recorder {
    pub(crate) fn new(id: &'static str) -> (Self, Log) {
        let log = Log::default();
        (
            Self {
                id: ProcessId::fixed(id),
                log: Arc::clone(&log),
            },
            log,
        )
    }

    pub(crate) fn note(&self, entry: impl Into<String>) {
        self.log.lock().expect("the log").push(entry.into());
    }
}

impl Process for Recorder {
    fn id(&self) -> ProcessId {
        self.id.clone()
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.note("initialize");
        ctx.install("note", |recorder, from, body, _| {
            recorder.note(format!("{}:{}", from.id, String::from_utf8_lossy(&body)));
        });
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.note("finalize");
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        self.note(format!("exited {}", pid.id));
    }
}
