//! Log lines are not lost while a collector is configured.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Context, Process, ProcessId, Runtime};
use libprocess_otlp::Otlp;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

const MESSAGES: usize = 100;

/// Logs a line before and after it passes each message on to itself by a dispatch.
struct Talker(mpsc::Sender<()>);

impl Process for Talker {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("talker")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("note", |_, _, body, ctx| {
            let number = String::from_utf8_lossy(&body).into_owned();
            tracing::info!("got {number}");
            ctx.dispatch_self(move |talker, _| {
                tracing::info!("done {number}");
                talker.0.send(()).expect("the test waits");
            });
            tracing::info!("passed on");
        });
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// The layers are those of the programs: a log of INFO and the spans of messages, each with a filter of its own.
#[test]
fn every_line_of_the_log_is_written_beside_the_spans() {
    let lines = Lines::default();
    // Nobody collects: what becomes of the spans is not told here.
    let otlp = Otlp::new("test", Some("http://127.0.0.1:9/v1/traces")).expect("an exporter");
    let log = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    tracing_subscriber::registry()
        .with(
            fmt::layer()
                .with_ansi(false)
                .with_writer(lines.clone())
                .with_filter(log.parse_lossy("")),
        )
        .with(otlp.layer())
        .try_init()
        .expect("the only subscriber");
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .propagator(otlp.propagator())
        .start()
        .expect("a runtime");
    let (tell, told) = mpsc::channel();
    let talker = runtime.spawn(Talker(tell));

    for number in 0..MESSAGES {
        tracing::info!("sending {number}");
        let body = Bytes::from(number.to_string());
        runtime.send(talker.upid(), "note", body);
        tracing::info!("sent {number}");
    }
    for _ in 0..MESSAGES {
        told.recv_timeout(Duration::from_secs(60))
            .expect("every message is handled");
    }
    runtime.shutdown();

    let text = lines.0.lock().expect("a lock");
    let text = String::from_utf8_lossy(&text);
    for words in ["sending ", "sent ", "got ", "passed on", "done "] {
        assert_eq!(text.matches(words).count(), MESSAGES, "{words:?} in {text}");
    }
}
