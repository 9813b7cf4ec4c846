//! The one actix actor that every process lives in.
//!
//! Mirrors `ProcessManager::resume` in `3rdparty/libprocess/src/process.cpp`.
//!
//! # Owns
//! The process and its context, which has the receiving half of its queue.
//!
//! # Invariants
//! - `initialize` runs before any event, `finalize` after the last.
//! - At most [`BATCH`] events are handled in one go; then the other actors of the arbiter have a turn.

use std::sync::Arc;

use actix::{Actor, Handler};

use crate::abort::AbortOnPanic;
use crate::context::Context;
use crate::event::{Event, Message};
use crate::event_queue::{EventQueue, Next};
use crate::process::Process;
use crate::testing::filter::{Kind, Verdict};
use crate::trace;

/// How many events an actor handles before it yields.
const BATCH: usize = 64;

/// Tells the host that its queue has events. The events themselves travel in the queue.
#[derive(Debug)]
pub(crate) struct Wake;

impl actix::Message for Wake {
    type Result = ();
}

/// The actix side of a process.
pub(crate) struct Host<P: Process> {
    process: P,
    context: Context<P>,
}

/// What is to be done after a turn.
enum Turn {
    Rest,
    Yield,
    End,
}

impl<P: Process> Host<P> {
    pub(crate) const fn new(process: P, context: Context<P>) -> Self {
        Self { process, context }
    }

    fn queue(&self) -> &Arc<EventQueue<P>> {
        self.context.queue()
    }

    fn turn(&mut self) -> Turn {
        for _ in 0..BATCH {
            let event = match self.context.take_next() {
                Next::Event(event) => event,
                Next::Rest => return Turn::Rest,
                Next::Late(event) => {
                    self.context.put_back(event);
                    return Turn::Rest;
                }
            };
            if self.queue().is_injected() && !matches!(event, Event::Terminate) {
                drop(event);
                continue;
            }
            self.serve(event);
            if self.context.is_ending() {
                return Turn::End;
            }
        }
        Turn::Yield
    }

    fn serve(&mut self, event: Event<P>) {
        if !trace::is_on() {
            return self.serve_untraced(event);
        }
        let (cause, event) = if let Event::Caused(caused) = event {
            (Some(caused.cause), caused.event)
        } else {
            (None, event)
        };
        // What nothing traced has caused is only worth a span when it is a message.
        if cause.is_none() && !matches!(event, Event::Message(_)) {
            return self.serve_untraced(event);
        }
        let actor = &self.queue().upid().id;
        let propagator = self.context.runtime().inner().propagator.as_deref();
        let span = trace::span(actor, &event, cause, propagator);
        span.in_scope(|| self.serve_untraced(event));
    }

    fn serve_untraced(&mut self, event: Event<P>) {
        let event = if self.context.filters().active() {
            match self.filtered(event) {
                Some(event) => event,
                None => return,
            }
        } else {
            event
        };
        let Self { process, context } = self;
        match event {
            Event::Dispatch(f) => f(process, context),
            Event::Message(message) => Self::serve_message(process, context, *message),
            Event::Local => context.run_local(process),
            Event::Http(exchange) => context.serve_http(process, *exchange),
            Event::Exited(pid) => process.exited(&pid, context),
            Event::Terminate => context.terminate(),
            // Tracing was switched off meanwhile.
            Event::Caused(caused) => self.serve_untraced(caused.event),
        }
    }

    fn serve_message(process: &mut P, context: &mut Context<P>, message: Message) {
        if let Some(handler) = context.message_handler(&message.name) {
            handler(process, &message.from, message.body, context);
        } else if let Some(delegate) = context.message_delegate(&message.name) {
            context.runtime().forward(&message, &delegate);
        } else {
            process.message_unhandled(&message, context);
        }
    }

    /// Shows the event to the test filters; none is left when one took it.
    fn filtered(&self, event: Event<P>) -> Option<Event<P>> {
        let upid = self.queue().upid();
        let kind = match &event {
            Event::Message(message) => Kind::Message(message),
            Event::Dispatch(_) | Event::Local => Kind::Dispatch,
            Event::Http(exchange) => Kind::Http(exchange.path()),
            Event::Exited(pid) => Kind::Exited(pid),
            Event::Terminate | Event::Caused(_) => return Some(event),
        };
        match self.context.filters().judge(upid, &kind) {
            Verdict::Deliver => Some(event),
            Verdict::Drop => {
                // A local event stands for a closure that waits beside the queue.
                if matches!(event, Event::Local) {
                    self.context.drop_local();
                }
                None
            }
            Verdict::Hold(held) => {
                if matches!(event, Event::Local) {
                    return Some(event);
                }
                let queue = Arc::clone(self.queue());
                held.keep(Box::new(move || {
                    queue.push(event);
                }));
                None
            }
        }
    }

    fn end(&mut self, actix: &mut actix::Context<Self>) {
        let Self { process, context } = self;
        process.finalize(context);
        context.retire();
        actix::ActorContext::stop(actix);
        self.queue().leave();
    }

    fn work(&mut self, actix: &mut actix::Context<Self>) {
        let _guard = AbortOnPanic;
        match self.turn() {
            Turn::Rest => self.queue().leave(),
            Turn::End => self.end(actix),
            Turn::Yield => {
                let queue = Arc::clone(self.queue());
                actix_rt::spawn(async move {
                    tokio::task::yield_now().await;
                    queue.wake();
                });
            }
        }
    }
}

// The process is moved in once and never pinned.
impl<P: Process> Unpin for Host<P> {}

impl<P: Process> Actor for Host<P> {
    type Context = actix::Context<Self>;

    fn started(&mut self, actix: &mut Self::Context) {
        self.queue()
            .set_address(actix::AsyncContext::address(actix));
        let _guard = AbortOnPanic;
        let Self { process, context } = self;
        process.initialize(context);
        self.work(actix);
    }
}

impl<P: Process> Handler<Wake> for Host<P> {
    type Result = ();

    fn handle(&mut self, _wake: Wake, actix: &mut Self::Context) {
        self.work(actix);
    }
}
