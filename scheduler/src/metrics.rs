//! What driver and library tell about themselves at `/metrics/snapshot`.

use libprocess::{Context, Process, QueuedEvents};

type Count = fn(QueuedEvents) -> usize;

const GAUGES: [(&str, Count); 2] = [
    ("scheduler/event_queue_messages", |queued| queued.messages),
    ("scheduler/event_queue_dispatches", |queued| {
        queued.dispatches
    }),
];

/// Registers the gauges, in place of those of an earlier scheduler of the same runtime.
pub(crate) fn install<P: Process>(ctx: &Context<P>) {
    let registry = ctx.runtime().metrics();
    for (key, count) in GAUGES {
        let pid = ctx.pid();
        registry.pull_gauge(key, move || {
            pid.call(move |_, ctx| number(count(ctx.queued_events())))
        });
    }
}

/// Takes the gauges back.
pub(crate) fn remove<P: Process>(ctx: &Context<P>) {
    let registry = ctx.runtime().metrics();
    for (key, _) in GAUGES {
        registry.remove(key);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}
