//! Traces that follow a message across actors, processes and machines.
//!
//! Every message, and every dispatch that something traced has caused, is handled within a span of the target
//! [`TARGET`] at level TRACE. Nobody asks for it by default: then a message pays one look at the level in force, and
//! not even that in a program built with the feature `max_level_debug` of the crate `tracing`, which leaves them out.
//!
//! Within a runtime a span's parent is the span in which the message was sent. To other machines the parent travels
//! as a `traceparent` of W3C: a header on the legacy wire, which C++ libprocess ignores, and field 5 of the envelope
//! of the gRPC transport. What that text means is up to a [`Propagator`]; `libprocess-otlp` has the one of
//! OpenTelemetry.

use std::fmt;

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Level, Span};

use crate::event::{Caused, Event};
use crate::process::Process;

/// The target of the spans.
pub const TARGET: &str = "libprocess::message";

/// The header of the legacy wire.
pub(crate) const HEADER: &str = "traceparent";

/// The longest text that is taken from a peer: longer than all that W3C knows.
const LONGEST: usize = 128;

/// Turns spans into texts for other machines, and back.
pub trait Propagator: Send + Sync {
    /// The `traceparent` of a span, if it belongs to a trace that is recorded.
    fn inject(&self, span: &Span) -> Option<String>;

    /// Makes a new span the child of the one that a peer has named; what makes no sense is ignored.
    fn extract(&self, span: &Span, traceparent: &str);
}

/// Where an event comes from.
pub(crate) enum Cause {
    /// A span of this program.
    Here(Span),
    /// A span of another one.
    Elsewhere(Box<str>),
}

/// Whether somebody may want the spans.
///
/// Only the level is looked at: to ask the subscriber without making a span would confuse its filters for each layer,
/// which then drop the log line that follows.
#[inline]
pub(crate) fn is_on() -> bool {
    STATIC_MAX_LEVEL >= Level::TRACE && LevelFilter::current() >= Level::TRACE
}

/// Ties an event to the span in which it is sent, if there is one.
pub(crate) fn caused<P: Process>(event: Event<P>) -> Event<P> {
    match event {
        Event::Message(_) | Event::Dispatch(_) | Event::Local => {
            let span = Span::current();
            if span.is_none() {
                event
            } else {
                let cause = Cause::Here(span);
                Event::Caused(Box::new(Caused { cause, event }))
            }
        }
        Event::Http(_) | Event::Exited(_) | Event::Terminate | Event::Caused(_) => event,
    }
}

/// The text that a peer sent, if it can be one.
pub(crate) fn received(text: &[u8]) -> Option<Box<str>> {
    if text.is_empty() || text.len() > LONGEST || !is_on() {
        return None;
    }
    std::str::from_utf8(text).ok().map(Box::from)
}

/// The span in which an actor handles an event.
pub(crate) fn span<P: Process>(
    actor: &str,
    event: &Event<P>,
    cause: Option<Cause>,
    propagator: Option<&dyn Propagator>,
) -> Span {
    let (name, from) = match event {
        Event::Message(message) => (&*message.name, Some(&message.from)),
        Event::Dispatch(_)
        | Event::Local
        | Event::Http(_)
        | Event::Exited(_)
        | Event::Terminate
        | Event::Caused(_) => ("dispatch", None),
    };
    let from = from.map(tracing::field::display);
    match cause {
        Some(Cause::Here(parent)) => tracing::trace_span!(
            target: TARGET, parent: &parent, "message", otel.name = name, actor, from
        ),
        Some(Cause::Elsewhere(traceparent)) => {
            let span = tracing::trace_span!(
                target: TARGET, parent: None, "message", otel.name = name, actor, from
            );
            if let Some(propagator) = propagator {
                propagator.extract(&span, &traceparent);
            }
            span
        }
        None => tracing::trace_span!(
            target: TARGET, parent: None, "message", otel.name = name, actor, from
        ),
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(span) => f.debug_tuple("Here").field(span).finish(),
            Self::Elsewhere(text) => f.debug_tuple("Elsewhere").field(text).finish(),
        }
    }
}
