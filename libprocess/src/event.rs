//! What an actor's queue holds.
//!
//! Mirrors `3rdparty/libprocess/include/process/event.hpp`.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::context::Context;
use crate::http::Exchange;
use crate::pid::Upid;
use crate::process::Process;
use crate::trace::Cause;

/// A named message from one actor to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender; empty for a message without one.
    pub from: Upid,
    /// The receiver.
    pub to: Upid,
    /// The name that picks the handler, for protobuf the full message name.
    pub name: Arc<str>,
    /// The body, for protobuf the serialized message.
    pub body: Bytes,
}

/// Which events an actor that is told to end still handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// None: what is queued is dropped.
    Inject,
    /// All that were queued before.
    Queued,
}

/// A closure that runs inside the actor.
pub(crate) type Dispatch<P> = Box<dyn FnOnce(&mut P, &mut Context<P>) + Send>;

/// One entry of an actor's queue.
pub(crate) enum Event<P: Process> {
    Message(Box<Message>),
    Dispatch(Dispatch<P>),
    /// Stands for the oldest closure in the context's local queue, which may not leave the thread.
    Local,
    Http(Box<Exchange>),
    Exited(Box<Upid>),
    Terminate,
    /// One of the others, and the span it comes from.
    Caused(Box<Caused<P>>),
}

/// An event, and the span it comes from.
pub(crate) struct Caused<P: Process> {
    pub(crate) cause: Cause,
    pub(crate) event: Event<P>,
}

impl<P: Process> fmt::Debug for Event<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message(_) => "MESSAGE",
            Self::Dispatch(_) | Self::Local => "DISPATCH",
            Self::Http(_) => "HTTP",
            Self::Exited(_) => "EXITED",
            Self::Terminate => "TERMINATE",
            Self::Caused(caused) => return caused.event.fmt(f),
        })
    }
}
