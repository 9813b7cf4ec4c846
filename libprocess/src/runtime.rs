//! One host: everything that C++ libprocess keeps in statics, as a value.
//!
//! Mirrors `process::initialize` and `process::finalize` in `3rdparty/libprocess/src/process.cpp`.
//!
//! # Owns
//! The advertised address, the arbiters, the registry of actors, the sockets, the clock and the metrics.

mod builder;
mod environment;
mod transport;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix::Actor;
use bytes::Bytes;

pub use builder::{PeerCheck, RuntimeBuilder, StartError};
pub use environment::EnvironmentError;
pub use transport::{ParseTransportError, Transport};

use crate::address::Address;
use crate::arbiters::Arbiters;
use crate::blocking::BlockingPool;
use crate::builtins::Verbosity;
use crate::clock::Clock;
use crate::context::Context;
use crate::event::{Message, Termination};
use crate::event_queue::EventQueue;
use crate::firewall::Firewall;
use crate::future::Future;
use crate::grpc::Services;
use crate::help::HelpPages;
use crate::host::Host as ActorHost;
use crate::http::authentication::{AuthenticationRouter, Authenticator, AuthorizationCallback};
use crate::http::json_aliases::JsonAliases;
use crate::id::ProcessId;
use crate::limits::Limits;
use crate::message::NameTable;
use crate::metrics::Metrics;
use crate::pid::{Pid, Upid};
use crate::polling::Pollers;
use crate::process::Process;
use crate::process_manager::{ProcessManager, Refused};
use crate::reap::Reaper;
use crate::simulation::{self, Host};
use crate::socket_manager::{RemoteConnection, SocketManager};
use crate::testing::filter::Filters;
use crate::tls::Tls;
use crate::trace::Propagator;
use crate::tracked::Tracked;
use crate::transport::{Listener, Listening};

/// Where an actor runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Arbiter {
    /// Anywhere.
    #[default]
    Any,
    /// On the arbiter of this number; numbers beyond the last start over.
    Main(usize),
    /// On the reserved arbiter of this number, which it shares with nobody else;
    /// anywhere when the runtime has fewer ([`RuntimeBuilder::reserved_arbiters`]).
    Reserved(usize),
    /// Where that local actor runs: messages between the two need no other thread.
    Of(Upid),
}

/// A host of actors with an address of its own; clones are the same host.
///
/// Nothing is global, so one operating-system process can hold many.
///
/// # Examples
/// ```
/// use libprocess::{Context, Process, ProcessId, Runtime};
///
/// struct Greeter;
/// impl Process for Greeter {
///     fn id(&self) -> ProcessId {
///         ProcessId::generated("greeter")
///     }
/// }
///
/// let here = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let there = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// assert_ne!(here.address(), there.address());
///
/// let greeter = here.spawn(Greeter);
/// assert_eq!(greeter.upid().to_string(), format!("greeter(1)@{}", here.address()));
/// let greeting = here.block_on(greeter.call(|_, ctx| format!("I am {}", ctx.upid().id)));
/// assert_eq!(greeting.ready().as_deref(), Some("I am greeter(1)"));
///
/// here.shutdown();
/// there.shutdown();
/// # Ok::<(), libprocess::StartError>(())
/// ```
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) address: Address,
    pub(crate) delegate: Option<String>,
    pub(crate) peer_check: PeerCheck,
    pub(crate) transport: Transport,
    pub(crate) incarnation: u64,
    pub(crate) limits: Limits,
    pub(crate) pollers: Pollers,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) arbiters: Arbiters,
    pub(crate) processes: ProcessManager,
    pub(crate) sockets: SocketManager,
    pub(crate) names: NameTable,
    pub(crate) blocking: BlockingPool,
    pub(crate) filters: Arc<Filters>,
    pub(crate) help: HelpPages,
    pub(crate) authentication: AuthenticationRouter,
    pub(crate) firewall: Firewall,
    pub(crate) json_aliases: JsonAliases,
    pub(crate) services: Services,
    pub(crate) verbosity: Verbosity,
    pub(crate) reaper: Reaper,
    pub(crate) listening: Listening,
    /// How many connections were accepted.
    pub(crate) accepted: AtomicU64,
    pub(crate) tls: Option<Tls>,
    pub(crate) network: Option<Host>,
    pub(crate) propagator: Option<Arc<dyn Propagator>>,
}

impl Runtime {
    /// Starts to describe a runtime.
    #[must_use]
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The advertised address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.inner.address
    }

    /// The clock of the actors.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The metrics that `/metrics/snapshot` shows.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The actor that answers for paths without an actor's id.
    #[must_use]
    pub fn delegate(&self) -> Option<&str> {
        self.inner.delegate.as_deref()
    }

    /// The bounds on what peers may send.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// What speaks TLS here, when the port and the links do.
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.inner.tls.as_ref()
    }

    /// The scheme of this runtime's own URLs, and of its peers': `https` with TLS, else `http`.
    #[must_use]
    pub fn http_scheme(&self) -> &'static str {
        match self.inner.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The next of `prefix(1)`, `prefix(2)`, …
    #[must_use]
    pub fn unique_id(&self, prefix: &str) -> String {
        self.inner.processes.ids.next(prefix)
    }

    /// The name of a local actor, whether it lives or not.
    #[must_use]
    pub fn upid(&self, id: &str) -> Upid {
        Upid::new(id, self.inner.address)
    }

    // ---- actors ------------------------------------------------------------------------------

    /// Starts an actor on some arbiter.
    ///
    /// When its id is taken or the runtime is shutting down, the actor is dropped with a warning and the handle is
    /// that of nobody: its name is empty.
    pub fn spawn<P: Process>(&self, process: P) -> Pid<P> {
        self.spawn_on(Arbiter::Any, process)
    }

    /// Starts an actor on a chosen arbiter; see [`Runtime::spawn`].
    pub fn spawn_on<P: Process>(&self, arbiter: Arbiter, process: P) -> Pid<P> {
        let id = ProcessId::into_text(process.id(), &self.inner.processes.ids);
        let index = match arbiter {
            Arbiter::Any => self.inner.arbiters.pick(),
            Arbiter::Main(number) => self.inner.arbiters.shared_at(number),
            Arbiter::Reserved(number) => {
                let reserved = self.inner.arbiters.reserved_at(number);
                reserved.unwrap_or_else(|| self.inner.arbiters.pick())
            }
            Arbiter::Of(upid) => self
                .inner
                .processes
                .get(&upid.id)
                .map_or_else(|| self.inner.arbiters.pick(), |queue| queue.arbiter()),
        };
        let upid = self.upid(&id);
        let activity = Arc::clone(self.inner.clock.activity());
        let (queue, receiver) = EventQueue::<P>::new(upid, index, activity);
        let entered: Result<(), Refused> = self
            .inner
            .processes
            .insert(Arc::<EventQueue<P>>::clone(&queue));
        if let Err(refused) = entered {
            tracing::warn!(%id, ?refused, "failed to spawn an actor");
            queue.leave();
            return Pid::new(EventQueue::dead());
        }
        let runtime = self.clone();
        let hosted = Arc::clone(&queue);
        let started = self.inner.arbiters.actor(index).is_some_and(|arbiter| {
            arbiter.spawn_fn(move || {
                let context = Context::new(hosted, receiver, runtime);
                // The registry keeps the address, by way of the queue.
                let _address = ActorHost::new(process, context).start();
            })
        });
        if !started {
            self.inner.processes.remove(&id).wake_waiters();
            queue.leave();
        }
        Pid::new(queue)
    }

    /// Ends a local actor; unknown ones are ignored.
    pub fn terminate(&self, pid: &Upid, how: Termination) {
        if let Some(queue) = self.local(pid) {
            queue.terminate(how);
        }
    }

    /// Ready when that local actor has ended; at once when there is none.
    pub fn wait(&self, pid: &Upid) -> Future<()> {
        if pid.address == self.inner.address {
            self.inner.processes.wait(&pid.id)
        } else {
            Future::ready(())
        }
    }

    /// Whether that local actor is there.
    #[must_use]
    pub fn exists(&self, pid: &Upid) -> bool {
        pid.address == self.inner.address && self.inner.processes.contains(&pid.id)
    }

    fn local(&self, pid: &Upid) -> Option<Arc<dyn crate::event_queue::AnyQueue>> {
        if pid.address != self.inner.address {
            return None;
        }
        self.inner.processes.get(&pid.id)
    }

    // ---- messages ----------------------------------------------------------------------------

    /// Sends a message without a sender; nothing tells whether it arrives.
    pub fn send(&self, to: &Upid, name: &str, body: Bytes) {
        self.send_from(Upid::empty(), to, name, body);
    }

    pub(crate) fn send_from(&self, from: Upid, to: &Upid, name: &str, body: Bytes) {
        if to.is_empty() {
            return;
        }
        if to.address == self.inner.address {
            if let Some(queue) = self.inner.processes.get(&to.id) {
                let name = self.inner.names.intern(name);
                queue.message(Box::new(Message {
                    from,
                    to: to.clone(),
                    name,
                    body,
                }));
            }
        } else {
            self.inner.sockets.send(self, &from, to, name, &body);
        }
    }

    /// Sends a message on to another actor, with its sender unchanged.
    pub(crate) fn forward(&self, message: &Message, to: &Upid) {
        self.send_from(
            message.from.clone(),
            to,
            &message.name,
            message.body.clone(),
        );
    }

    pub(crate) fn link(&self, linker: &Upid, to: &Upid, how: RemoteConnection) {
        self.inner.sockets.link(self, linker, to, how);
    }

    /// Tells a local actor that another one is gone.
    pub(crate) fn notify_exited(&self, linker: &Upid, gone: &Upid) {
        if let Some(queue) = self.local(linker) {
            queue.exited(gone);
        }
    }

    /// What is left to do when an actor has handled its last event.
    pub(crate) fn process_ended(&self, pid: &Upid) {
        self.inner.help.ended(&pid.id);
        let leave = || self.inner.processes.remove(&pid.id);
        let removed = self.inner.sockets.process_ended(self, pid, leave);
        removed.wake_waiters();
    }

    /// Whether its sockets are simulated.
    pub(crate) fn is_simulated(&self) -> bool {
        self.inner.network.is_some()
    }

    /// A task of a connection: on the simulated network the clock waits for it.
    pub(crate) fn observed<F: std::future::Future>(
        &self,
        task: F,
    ) -> futures::future::Either<Tracked<F>, F> {
        let activity = self.is_simulated().then(|| self.inner.clock.activity());
        simulation::observed(activity, task)
    }

    // ---- surroundings ------------------------------------------------------------------------

    pub(crate) fn spawn_blocking(&self, job: impl FnOnce() + Send + 'static) {
        self.inner.blocking.spawn(Box::new(job));
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.inner.filters
    }

    pub(crate) fn filters_handle(&self) -> Arc<Filters> {
        Arc::clone(&self.inner.filters)
    }

    pub(crate) fn help_pages(&self) -> &HelpPages {
        &self.inner.help
    }

    pub(crate) fn authentication(&self) -> &AuthenticationRouter {
        &self.inner.authentication
    }

    /// Lets this authenticator decide who gets into a realm.
    pub fn set_authenticator(&self, realm: &str, authenticator: Arc<dyn Authenticator>) {
        self.inner.authentication.set(realm, authenticator);
    }

    /// Opens a realm to everybody; false when it was open.
    pub fn unset_authenticator(&self, realm: &str) -> bool {
        self.inner.authentication.unset(realm)
    }

    /// Asks `callback` before requests to exactly this route, such as `/metrics/snapshot`; none removes it.
    pub fn set_authorization(&self, path: &str, callback: Option<AuthorizationCallback>) {
        self.inner.authentication.authorize(path, callback);
    }

    /// How talkative the log is: 0 is normal.
    #[must_use]
    pub fn log_level(&self) -> u32 {
        self.inner.verbosity.level()
    }

    /// Sets how talkative the log is; the hook is told.
    pub fn set_log_level(&self, level: u32) {
        self.inner.verbosity.set(level);
    }

    pub(crate) fn verbosity(&self) -> &Verbosity {
        &self.inner.verbosity
    }

    /// Sets how talkative the log is for a while, as `/logging/toggle` does; ready once it is set.
    pub fn raise_log_level(&self, level: u32, duration: Duration) -> Future<()> {
        self.inner.verbosity.raise(level, duration)
    }

    /// Calls `hook` whenever the log's level is set, as `/logging/toggle` does.
    pub fn on_log_level(&self, hook: impl Fn(u32) + Send + Sync + 'static) {
        self.inner.verbosity.set_hook(Arc::new(hook));
    }

    /// Lets endpoints answer under their old names too, which end with `.json`, from now on.
    ///
    /// A route of exactly that name comes first.
    pub fn serve_json_aliases(&self) {
        self.inner.json_aliases.serve();
    }

    /// Refuses requests for exactly these paths with 403, from now on; an empty list refuses none.
    pub fn set_disabled_endpoints(&self, paths: impl IntoIterator<Item = String>) {
        self.inner.firewall.set(paths);
    }

    /// Serves the port's HTTP also on a unix socket that is made at this path.
    ///
    /// # Errors
    /// When the socket cannot be made, or the runtime has been shut down.
    pub fn listen_unix(&self, path: &Path) -> io::Result<()> {
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        self.inner.listening.start(self, Listener::Unix(listener))
    }

    /// Runs a future on the calling thread, which must not be one of an arbiter.
    ///
    /// Its sockets and timers belong to the runtime; after [`Runtime::shutdown`] there are none.
    ///
    /// # Panics
    /// From within another executor.
    pub fn block_on<F: std::future::Future>(&self, future: F) -> F::Output {
        self.inner
            .arbiters
            .block_on(tokio::task::LocalSet::new().run_until(future))
    }

    /// Ends every actor, closes all connections and joins the threads. Only the first call does anything.
    ///
    /// Actors handle what is queued before they end, one after the other.
    /// From within an actor this returns at once and the rest happens behind its back.
    pub fn shutdown(&self) {
        if !self.inner.processes.close() {
            return;
        }
        if actix_rt::Arbiter::try_current().is_some() {
            let runtime = self.clone();
            let spawned = std::thread::Builder::new()
                .name("libprocess-shutdown".to_owned())
                .spawn(move || runtime.finish());
            if let Err(error) = spawned {
                tracing::error!(%error, "failed to start the thread that shuts down");
            }
            return;
        }
        self.finish();
    }

    fn finish(&self) {
        self.inner.listening.close();
        for queue in self.inner.processes.all() {
            let (ended, end) = std::sync::mpsc::channel();
            let pid = queue.upid().clone();
            queue.terminate(Termination::Queued);
            self.wait(&pid).on_any(move |_outcome| {
                // The receiver waits below.
                let _ = ended.send(());
            });
            let _ = end.recv();
        }
        self.inner
            .clock
            .activity()
            .remove_runtime(self.inner.address);
        self.inner.sockets.close_all();
        self.inner.blocking.close();
        self.inner.arbiters.join();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("address", &self.inner.address)
            .field("actors", &self.inner.processes.len())
            .finish_non_exhaustive()
    }
}
