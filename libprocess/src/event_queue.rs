//! The queue of one actor, which is also its shared identity.
//!
//! Mirrors `3rdparty/libprocess/src/event_queue.hpp`.
//!
//! # Invariants
//! - Events leave in the order in which they entered.
//! - At most one wake-up is on its way to the actor: only the event that finds it resting wakes it.
//! - An event that comes after the end is given back, so that whatever it carries is dropped at once.

mod schedule;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};

use actix::Addr;

pub(crate) use self::schedule::Next;
use self::schedule::Schedule;
use crate::clock::Activity;
use crate::event::{Caused, Event, Message, Termination};
use crate::host::{Host, Wake};
use crate::http::Exchange;
use crate::pid::Upid;
use crate::process::Process;
use crate::trace::{self, Cause};

/// The sending half, shared by every handle of the actor.
pub(crate) struct EventQueue<P: Process> {
    upid: Upid,
    arbiter: usize,
    sender: mpsc::Sender<Event<P>>,
    schedule: Schedule,
    /// Set by an injected termination: events before it are dropped.
    injected: AtomicBool,
    address: OnceLock<Addr<Host<P>>>,
    activity: Arc<Activity>,
}

impl<P: Process> EventQueue<P> {
    /// Makes a queue that counts as scheduled until its actor has started.
    pub(crate) fn new(
        upid: Upid,
        arbiter: usize,
        activity: Arc<Activity>,
    ) -> (Arc<Self>, mpsc::Receiver<Event<P>>) {
        let (sender, receiver) = mpsc::channel();
        activity.enter();
        let queue = Self {
            upid,
            arbiter,
            sender,
            schedule: Schedule::scheduled(),
            injected: AtomicBool::new(false),
            address: OnceLock::new(),
            activity,
        };
        (Arc::new(queue), receiver)
    }

    /// A queue of nobody: everything sent to it is dropped.
    pub(crate) fn dead() -> Arc<Self> {
        let (queue, _receiver) = Self::new(Upid::empty(), 0, Arc::default());
        queue
    }

    pub(crate) const fn upid(&self) -> &Upid {
        &self.upid
    }

    pub(crate) fn set_address(&self, address: Addr<Host<P>>) {
        // Set once, by the host when it starts.
        let _ = self.address.set(address);
    }

    /// Puts an event at the end; false, and the event is dropped, when the actor has ended.
    pub(crate) fn push(&self, event: Event<P>) -> bool {
        let event = if trace::is_on() {
            trace::caused(event)
        } else {
            event
        };
        if self.sender.send(event).is_err() {
            return false;
        }
        if self.schedule.claim() {
            self.activity.enter();
            self.wake();
        }
        true
    }

    /// Tells the actor to look at its queue; the caller has entered its activity.
    pub(crate) fn wake(&self) {
        match self.address.get() {
            Some(address) => address.do_send(Wake),
            None => self.activity.exit(),
        }
    }

    /// Takes the next event for the actor, or lets it rest.
    pub(crate) fn next(&self, take: impl FnMut() -> Option<Event<P>>) -> Next<Event<P>> {
        self.schedule.next(take)
    }

    pub(crate) fn leave(&self) {
        self.activity.exit();
    }

    pub(crate) fn terminate(&self, how: Termination) {
        // The event first: a flag without its event would drop events for ever.
        self.push(Event::Terminate);
        if how == Termination::Inject {
            self.injected.store(true, Ordering::Release);
        }
    }

    pub(crate) fn is_injected(&self) -> bool {
        self.injected.load(Ordering::Relaxed) && self.injected.load(Ordering::Acquire)
    }
}

impl<P: Process> fmt::Debug for EventQueue<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue")
            .field("upid", &self.upid)
            .finish_non_exhaustive()
    }
}

/// An actor as the registry sees it, whatever its type.
pub(crate) trait AnyQueue: Send + Sync {
    fn upid(&self) -> &Upid;
    fn arbiter(&self) -> usize;
    fn message(&self, message: Box<Message>) -> bool;
    /// A message that a peer sent within a span.
    fn traced_message(&self, message: Box<Message>, traceparent: Option<Box<str>>) -> bool;
    fn http(&self, exchange: Box<Exchange>) -> bool;
    fn exited(&self, pid: &Upid) -> bool;
    fn terminate(&self, how: Termination);
    /// Asks the actor to describe its queue.
    fn describe(&self, done: Box<dyn FnOnce(serde_json::Value) + Send>);
}

impl<P: Process> AnyQueue for EventQueue<P> {
    fn upid(&self) -> &Upid {
        &self.upid
    }

    fn arbiter(&self) -> usize {
        self.arbiter
    }

    fn message(&self, message: Box<Message>) -> bool {
        self.push(Event::Message(message))
    }

    fn traced_message(&self, message: Box<Message>, traceparent: Option<Box<str>>) -> bool {
        let event = Event::Message(message);
        self.push(match traceparent {
            Some(text) => Event::Caused(Box::new(Caused {
                cause: Cause::Elsewhere(text),
                event,
            })),
            None => event,
        })
    }

    fn http(&self, exchange: Box<Exchange>) -> bool {
        self.push(Event::Http(exchange))
    }

    fn exited(&self, pid: &Upid) -> bool {
        self.push(Event::Exited(Box::new(pid.clone())))
    }

    fn terminate(&self, how: Termination) {
        Self::terminate(self, how);
    }

    fn describe(&self, done: Box<dyn FnOnce(serde_json::Value) + Send>) {
        self.push(Event::Dispatch(Box::new(move |_process, ctx| {
            done(ctx.describe_queue());
        })));
    }
}
