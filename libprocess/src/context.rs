//! What an actor may do while it handles an event.
//!
//! Mirrors `ProcessBase` and `ProtobufProcess` in `3rdparty/libprocess/include/process/`.
//!
//! # Owns
//! The actor's handlers and routes, and the tasks that were started through it: they end with the actor.

mod counts;
mod http;

pub use counts::QueuedEvents;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use crate::event::{Event, Message};
use crate::event_queue::{EventQueue, Next};
use crate::future::{Future, Outcome};
use crate::http::Exchange;
use crate::pid::{Pid, Upid};
use crate::process::Process;
use crate::runtime::{Arbiter, Runtime};
use crate::socket_manager::RemoteConnection;
use crate::testing::filter::Filters;
use crate::time::Time;
use crate::timer::Timer;
use crate::trace;
use crate::tracked::Tracked;

type MessageHandler<P> = Rc<dyn Fn(&mut P, &Upid, Bytes, &mut Context<P>)>;
type LocalDispatch<P> = Box<dyn FnOnce(&mut P, &mut Context<P>)>;

/// The actor's view of its surroundings, handed to every callback.
pub struct Context<P: Process> {
    queue: Arc<EventQueue<P>>,
    runtime: Runtime,
    handlers: FxHashMap<Arc<str>, MessageHandler<P>>,
    delegates: HashMap<Arc<str>, Upid>,
    http: http::Routes<P>,
    /// Events that were taken from the queue to be looked at, in order.
    pending: VecDeque<Event<P>>,
    local: Rc<RefCell<VecDeque<LocalDispatch<P>>>>,
    receiver: Option<mpsc::Receiver<Event<P>>>,
    tasks: RefCell<JoinSet<()>>,
    ending: bool,
}

impl<P: Process> Context<P> {
    pub(crate) fn new(
        queue: Arc<EventQueue<P>>,
        receiver: mpsc::Receiver<Event<P>>,
        runtime: Runtime,
    ) -> Self {
        Self {
            queue,
            runtime,
            handlers: FxHashMap::default(),
            delegates: HashMap::new(),
            http: http::Routes::default(),
            pending: VecDeque::new(),
            local: Rc::default(),
            receiver: Some(receiver),
            tasks: RefCell::default(),
            ending: false,
        }
    }

    pub(crate) const fn queue(&self) -> &Arc<EventQueue<P>> {
        &self.queue
    }

    /// The handle of this actor.
    #[must_use]
    pub fn pid(&self) -> Pid<P> {
        Pid::new(Arc::clone(&self.queue))
    }

    /// The name of this actor.
    #[must_use]
    pub fn upid(&self) -> &Upid {
        self.queue.upid()
    }

    /// The runtime this actor lives in.
    #[must_use]
    pub const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The present time on the actor clock.
    #[must_use]
    pub fn now(&self) -> Time {
        self.runtime.clock().now()
    }

    // ---- messages ----------------------------------------------------------------------------

    /// Handles messages of this name with `f`, in place of an earlier handler.
    pub fn install(
        &mut self,
        name: &str,
        f: impl Fn(&mut P, &Upid, Bytes, &mut Self) + Send + 'static,
    ) {
        self.delegates.remove(name);
        self.handlers.insert(Arc::from(name), Rc::new(f));
    }

    /// Passes messages of this name that have no handler to another actor, with their sender unchanged.
    pub fn delegate_message(&mut self, name: &str, to: Upid) {
        self.delegates.insert(Arc::from(name), to);
    }

    /// Sends a message from this actor; nothing tells whether it arrives.
    pub fn send(&self, to: &Upid, name: &str, body: Bytes) {
        self.runtime.send_from(self.upid().clone(), to, name, body);
    }

    /// Asks to be told, by [`Process::exited`], when that actor is gone or the connection to it breaks.
    ///
    /// Linking twice is linking once. After a notification the link is gone.
    pub fn link(&self, to: &Upid) {
        self.runtime.link(self.upid(), to, RemoteConnection::Reuse);
    }

    /// As [`Context::link`], over a fresh connection that takes the place of the present one unnoticed.
    pub fn relink(&self, to: &Upid) {
        self.runtime
            .link(self.upid(), to, RemoteConnection::Reconnect);
    }

    pub(crate) fn message_handler(&self, name: &str) -> Option<MessageHandler<P>> {
        self.handlers.get(name).cloned()
    }

    pub(crate) fn message_delegate(&self, name: &str) -> Option<Upid> {
        self.delegates.get(name).cloned()
    }

    // ---- waiting by re-entering --------------------------------------------------------------

    /// Goes on with `then` inside this actor when the value comes, and never when it does not.
    pub fn on_ready<T: Send + 'static>(
        &self,
        future: Future<T>,
        then: impl FnOnce(&mut P, T, &mut Self) + Send + 'static,
    ) {
        let pid = self.pid();
        future.on_any(move |outcome| {
            if let Outcome::Ready(value) = outcome {
                pid.dispatch(move |process, ctx| then(process, value, ctx));
            }
        });
    }

    /// Goes on with `then` inside this actor however the future ends.
    pub fn on_any<T: Send + 'static>(
        &self,
        future: Future<T>,
        then: impl FnOnce(&mut P, Outcome<T>, &mut Self) + Send + 'static,
    ) {
        let pid = self.pid();
        future.on_any(move |outcome| {
            pid.dispatch(move |process, ctx| then(process, outcome, ctx));
        });
    }

    /// Runs an asynchronous task beside this actor and goes on with `then` when it has finished.
    ///
    /// The task runs on this actor's thread and must not block. It is dropped when the actor ends.
    pub fn perform<T: 'static>(
        &self,
        work: impl std::future::Future<Output = T> + 'static,
        then: impl FnOnce(&mut P, T, &mut Self) + 'static,
    ) {
        let mut tasks = self.tasks.borrow_mut();
        while tasks.try_join_next().is_some() {}
        let queue = Arc::clone(&self.queue);
        let local = Rc::clone(&self.local);
        let activity = Arc::clone(self.runtime.clock().activity());
        let work = Tracked::new(activity, async move {
            let result = work.await;
            local
                .borrow_mut()
                .push_back(Box::new(move |process, ctx| then(process, result, ctx)));
            queue.push(Event::Local);
        });
        if trace::is_on() {
            tasks.spawn_local(work.in_current_span());
        } else {
            tasks.spawn_local(work);
        }
    }

    /// Runs `work` on a thread that may block and goes on with `then` when it has returned.
    pub fn perform_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut P, T, &mut Self) + Send + 'static,
    ) {
        let pid = self.pid();
        self.runtime.spawn_blocking(move || {
            let result = work();
            pid.dispatch(move |process, ctx| then(process, result, ctx));
        });
    }

    /// Runs `then` inside this actor once `after` has passed on the actor clock.
    pub fn delay(
        &self,
        after: Duration,
        then: impl FnOnce(&mut P, &mut Self) + Send + 'static,
    ) -> Timer {
        let pid = self.pid();
        let span = trace::is_on().then(Span::current);
        self.runtime.clock().timer(after, move || match span {
            Some(span) => span.in_scope(|| pid.dispatch(then)),
            None => pid.dispatch(then),
        })
    }

    /// Runs `f` inside this actor after everything that is queued now.
    pub fn dispatch_self(&self, f: impl FnOnce(&mut P, &mut Self) + Send + 'static) {
        self.queue.push(Event::Dispatch(Box::new(f)));
    }

    /// The next event to handle, or that there is none.
    pub(crate) fn take_next(&mut self) -> Next<Event<P>> {
        let Self {
            queue,
            pending,
            receiver,
            ..
        } = self;
        queue.next(|| {
            let waiting = pending.pop_front();
            waiting.or_else(|| receiver.as_ref()?.try_recv().ok())
        })
    }

    /// Puts an event back to the front.
    pub(crate) fn put_back(&mut self, event: Event<P>) {
        self.pending.push_front(event);
    }

    pub(crate) fn run_local(&mut self, process: &mut P) {
        let next = self.local.borrow_mut().pop_front();
        if let Some(f) = next {
            f(process, self);
        }
    }

    pub(crate) fn drop_local(&self) {
        let dropped = self.local.borrow_mut().pop_front();
        drop(dropped);
    }

    // ---- life --------------------------------------------------------------------------------

    /// Starts another actor on this actor's thread.
    pub fn spawn<Q: Process>(&self, process: Q) -> Pid<Q> {
        self.runtime
            .spawn_on(Arbiter::Of(self.upid().clone()), process)
    }

    /// Ends this actor after the event it is handling.
    pub const fn terminate(&mut self) {
        self.ending = true;
    }

    pub(crate) const fn is_ending(&self) -> bool {
        self.ending
    }

    pub(crate) fn filters(&self) -> &Filters {
        self.runtime.filters()
    }

    /// The last words: answers what was queued, leaves the registry, tells the linkers.
    pub(crate) fn retire(&mut self) {
        let mut left = std::mem::take(&mut self.pending);
        if let Some(receiver) = self.receiver.take() {
            left.extend(receiver.try_iter());
        }
        self.tasks.borrow_mut().abort_all();
        for event in left {
            if let Event::Http(exchange) = event {
                Exchange::fail(*exchange);
            }
        }
        self.local.borrow_mut().clear();
        self.http = http::Routes::default();
        self.runtime.process_ended(self.upid());
    }

    /// The queue's entry in `/__processes__`: takes what is queued, to look at it.
    pub(crate) fn describe_queue(&mut self) -> serde_json::Value {
        if let Some(receiver) = &self.receiver {
            self.pending.extend(receiver.try_iter());
        }
        let events: Vec<_> = self.pending.iter().map(describe::<P>).collect();
        serde_json::json!({ "events": events, "id": &*self.upid().id })
    }
}

fn describe<P: Process>(event: &Event<P>) -> serde_json::Value {
    match event {
        Event::Caused(caused) => describe(&caused.event),
        Event::Message(message) => describe_message(message),
        Event::Http(exchange) => serde_json::json!({
            "method": exchange.method(), "type": "HTTP", "url": exchange.url(),
        }),
        Event::Dispatch(_) | Event::Local | Event::Exited(_) | Event::Terminate => {
            serde_json::json!({ "type": format!("{event:?}") })
        }
    }
}

fn describe_message(message: &Message) -> serde_json::Value {
    serde_json::json!({
        "body": String::from_utf8_lossy(&message.body),
        "from": message.from.to_string(),
        "name": &*message.name,
        "to": message.to.to_string(),
        "type": "MESSAGE",
    })
}

impl<P: Process> fmt::Debug for Context<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("upid", self.upid())
            .finish_non_exhaustive()
    }
}
