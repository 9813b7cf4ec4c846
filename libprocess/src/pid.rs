//! Names of actors: `Upid` for any actor anywhere, `Pid` for a local one of known type.
//!
//! Mirrors `3rdparty/libprocess/include/process/pid.hpp`.

use std::fmt;
use std::net::ToSocketAddrs;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::address::{Address, leading_port};
use crate::context::Context;
use crate::event::{Event, Termination};
use crate::event_queue::EventQueue;
use crate::future::Future;
use crate::process::Process;
use crate::promise::Promise;

/// The name of an actor in any runtime: `id@ip:port`.
///
/// # Examples
/// ```
/// use libprocess::Upid;
///
/// let master: Upid = "master@127.0.0.1:5050".parse()?;
/// assert_eq!(&*master.id, "master");
/// assert_eq!(master.address.port, 5050);
/// assert_eq!(master.to_string(), "master@127.0.0.1:5050");
/// # Ok::<(), libprocess::ParseUpidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upid {
    /// The id within its runtime, such as `slave(1)`.
    pub id: Arc<str>,
    /// The advertised address of its runtime.
    pub address: Address,
}

impl Upid {
    /// Joins an id and an address.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, address: Address) -> Self {
        Self {
            id: id.into(),
            address,
        }
    }

    /// The name of nobody, printed `@0.0.0.0:0`.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            id: Arc::from(""),
            address: Address::NONE,
        }
    }

    /// Whether id, ip and port are all empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id.is_empty() && self.address.is_none()
    }

    /// Whether id, ip and port are all there: the actor can be reached.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.id.is_empty() && !self.address.ip.is_unspecified() && self.address.port != 0
    }

    /// Reads `id@host:port` where the host may be a name, which is looked up (blocking).
    ///
    /// # Errors
    /// When the text has not that form, or the name has no IPv4 address.
    pub fn resolve(text: &str) -> Result<Self, ParseUpidError> {
        if let Ok(upid) = text.parse() {
            return Ok(upid);
        }
        let malformed = || ParseUpidError {
            text: text.to_owned(),
        };
        let word = text.split_whitespace().next().ok_or_else(malformed)?;
        let (id, rest) = word.split_once('@').ok_or_else(malformed)?;
        let (host, port) = rest.split_once(':').ok_or_else(malformed)?;
        let port = leading_port(port).ok_or_else(malformed)?;
        let found = (host, port)
            .to_socket_addrs()
            .map_err(|_error| malformed())?
            .find(std::net::SocketAddr::is_ipv4)
            .ok_or_else(malformed)?;
        Ok(Self::new(id, found.into()))
    }
}

impl Default for Upid {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.id, self.address)
    }
}

/// The text is not `id@ip:port`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("'{text}' is not of the form id@ip:port")]
pub struct ParseUpidError {
    /// The text that was given.
    pub text: String,
}

impl FromStr for Upid {
    type Err = ParseUpidError;

    /// Reads up to the first blank; host names are not looked up (see [`Upid::resolve`]).
    fn from_str(text: &str) -> Result<Self, ParseUpidError> {
        let malformed = || ParseUpidError {
            text: text.to_owned(),
        };
        let word = text.split_whitespace().next().ok_or_else(malformed)?;
        let (id, address) = word.split_once('@').ok_or_else(malformed)?;
        let address = address.parse().map_err(|_error| malformed())?;
        Ok(Self::new(id, address))
    }
}

/// The handle of a local actor whose type is known: what one dispatches to.
///
/// A handle does not keep its actor alive; events for an actor that has ended are dropped.
///
/// # Examples
/// ```
/// use libprocess::{Context, Process, ProcessId, Runtime};
///
/// struct Counter(u64);
/// impl Process for Counter {
///     fn id(&self) -> ProcessId {
///         ProcessId::fixed("counter")
///     }
/// }
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let counter = runtime.spawn(Counter(0));
/// counter.dispatch(|counter, _| counter.0 += 1);
/// let value = runtime.block_on(counter.call(|counter, _| counter.0));
/// assert_eq!(value.ready(), Some(1));
/// runtime.shutdown();
/// # Ok::<(), libprocess::StartError>(())
/// ```
pub struct Pid<P: Process> {
    queue: Arc<EventQueue<P>>,
}

impl<P: Process> Pid<P> {
    pub(crate) const fn new(queue: Arc<EventQueue<P>>) -> Self {
        Self { queue }
    }

    /// The untyped name.
    #[must_use]
    pub fn upid(&self) -> &Upid {
        self.queue.upid()
    }

    /// Runs `f` inside the actor, after everything sent to it before.
    ///
    /// When the actor has ended, `f` is dropped.
    pub fn dispatch(&self, f: impl FnOnce(&mut P, &mut Context<P>) + Send + 'static) {
        self.queue.push(Event::Dispatch(Box::new(f)));
    }

    /// Runs `f` inside the actor and tells what it returned.
    ///
    /// When the actor has ended the future is abandoned.
    pub fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut P, &mut Context<P>) -> R + Send + 'static,
    ) -> Future<R> {
        let (promise, future) = Promise::new();
        self.dispatch(move |process, ctx| promise.set(f(process, ctx)));
        future
    }

    /// Runs `f` inside the actor and tells the outcome of the future it returned.
    ///
    /// A discard of the result reaches that future once `f` has run.
    pub fn call_future<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut P, &mut Context<P>) -> Future<R> + Send + 'static,
    ) -> Future<R> {
        let (promise, future) = Promise::new();
        self.dispatch(move |process, ctx| promise.associate(f(process, ctx)));
        future
    }

    /// Ends the actor after the event it is handling; what is queued is dropped.
    pub fn terminate(&self) {
        self.queue.terminate(Termination::Inject);
    }
}

impl<P: Process> Clone for Pid<P> {
    fn clone(&self) -> Self {
        Self {
            queue: Arc::clone(&self.queue),
        }
    }
}

impl<P: Process> fmt::Debug for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pid").field(self.upid()).finish()
    }
}

impl<P: Process> fmt::Display for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.upid().fmt(f)
    }
}

impl<P: Process> From<&Pid<P>> for Upid {
    fn from(pid: &Pid<P>) -> Self {
        pid.upid().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mirrors: ProcessTest.Pid
    #[test]
    fn text_round_trips() {
        for text in [
            "master@127.0.0.1:5050",
            "slave(1)@10.0.0.1:5051",
            "@0.0.0.0:0",
            "a@[::1]:80",
        ] {
            assert_eq!(text.parse::<Upid>().expect("a pid").to_string(), text);
        }
    }

    #[test]
    fn only_wholly_empty_is_empty_and_only_whole_is_complete() {
        let half: Upid = "@127.0.0.1:5050".parse().expect("a pid without id");

        assert!(Upid::empty().is_empty());
        assert!(!half.is_empty());
        assert!(!half.is_complete());
    }

    #[test]
    fn reading_stops_at_the_first_blank() {
        let upid: Upid = "a@1.2.3.4:80 trailing".parse().expect("a pid");

        assert_eq!(upid.to_string(), "a@1.2.3.4:80");
        assert!("no-at-sign".parse::<Upid>().is_err());
        assert!("a@b".parse::<Upid>().is_err());
    }
}
