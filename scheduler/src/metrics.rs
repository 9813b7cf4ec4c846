//! What the driver tells about itself at `/metrics/snapshot`.

use libprocess::{Context, QueuedEvents};

use super::process::SchedulerProcess;

type Count = fn(QueuedEvents) -> usize;

const GAUGES: [(&str, Count); 2] = [
    ("scheduler/event_queue_messages", |queued| queued.messages),
    ("scheduler/event_queue_dispatches", |queued| {
        queued.dispatches
    }),
];

/// Registers the gauges, in place of those of an earlier driver of the same runtime.
pub(super) fn install(ctx: &Context<SchedulerProcess>) {
    let registry = ctx.runtime().metrics();
    for (key, count) in GAUGES {
        let pid = ctx.pid();
        registry.pull_gauge(key, move || {
            pid.call(move |_, ctx| number(count(ctx.queued_events())))
        });
    }
}

/// Takes the gauges back.
pub(super) fn remove(ctx: &Context<SchedulerProcess>) {
    let registry = ctx.runtime().metrics();
    for (key, _) in GAUGES {
        registry.remove(key);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}
