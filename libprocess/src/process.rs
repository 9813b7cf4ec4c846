//! What an actor is: a value with an id and callbacks.
//!
//! Mirrors `3rdparty/libprocess/include/process/process.hpp`.

use crate::context::Context;
use crate::event::Message;
use crate::id::ProcessId;
use crate::pid::Upid;

/// An actor: handled by one thread at a time, one event after the other.
///
/// # Examples
/// ```
/// use libprocess::{Context, Process, ProcessId, Runtime, Upid};
/// use bytes::Bytes;
///
/// /// Answers every `ping` with a `pong`.
/// struct Echo;
///
/// impl Process for Echo {
///     fn id(&self) -> ProcessId {
///         ProcessId::generated("echo")
///     }
///
///     fn initialize(&mut self, ctx: &mut Context<Self>) {
///         ctx.install("ping", |_echo, from, body, ctx| ctx.send(from, "pong", body));
///     }
/// }
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let echo = runtime.spawn(Echo);
/// assert_eq!(&*echo.upid().id, "echo(1)");
/// runtime.send(echo.upid(), "ping", Bytes::new());
/// runtime.shutdown();
/// # Ok::<(), libprocess::StartError>(())
/// ```
pub trait Process: Sized + Send + 'static {
    /// The id it is spawned under.
    fn id(&self) -> ProcessId;

    /// Runs before any event: install handlers and routes here.
    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let _ = ctx;
    }

    /// Runs last; messages sent from here still leave.
    fn finalize(&mut self, ctx: &mut Context<Self>) {
        let _ = ctx;
    }

    /// A linked actor has ended, or the connection to it broke.
    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        let _ = (pid, ctx);
    }

    /// A message came whose name has no handler; it is dropped unless this does something.
    fn message_unhandled(&mut self, message: &Message, ctx: &mut Context<Self>) {
        let _ = (message, ctx);
    }
}
