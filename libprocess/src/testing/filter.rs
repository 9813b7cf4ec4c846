//! Filters: rules that see every event just before an actor handles it.
//!
//! # Invariants
//! - Without rules the message path pays one relaxed load per event.
//! - Termination is never filtered.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::Message;
use crate::future::Future;
use crate::pid::Upid;
use crate::promise::Promise;

/// An event as the rules see it.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Message(&'a Message),
    Dispatch,
    Http(&'a str),
    Exited(&'a Upid),
}

/// What is to become of an event.
pub(crate) enum Verdict {
    Deliver,
    Drop,
    Hold(Arc<Store>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Message,
    Dispatch,
    Http,
    Exited,
}

/// Which events a rule is about. What is not named matches all.
///
/// # Examples
/// ```
/// use libprocess::testing::Pattern;
///
/// let pings = Pattern::message().named("ping");
/// ```
#[derive(Clone, Debug)]
pub struct Pattern {
    wanted: Wanted,
    name: Option<String>,
    from: Option<Upid>,
    to: Option<Upid>,
}

impl Pattern {
    const fn of(wanted: Wanted) -> Self {
        Self {
            wanted,
            name: None,
            from: None,
            to: None,
        }
    }

    /// Messages.
    #[must_use]
    pub const fn message() -> Self {
        Self::of(Wanted::Message)
    }

    /// Dispatches, timers and continuations.
    #[must_use]
    pub const fn dispatch() -> Self {
        Self::of(Wanted::Dispatch)
    }

    /// HTTP requests.
    #[must_use]
    pub const fn http() -> Self {
        Self::of(Wanted::Http)
    }

    /// Exited events.
    #[must_use]
    pub const fn exited() -> Self {
        Self::of(Wanted::Exited)
    }

    /// Messages of this name, or requests to this path.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Messages by this sender, or exited events about this actor.
    #[must_use]
    pub fn from(mut self, from: &Upid) -> Self {
        self.from = Some(from.clone());
        self
    }

    /// Events for this actor.
    #[must_use]
    pub fn to(mut self, to: &Upid) -> Self {
        self.to = Some(to.clone());
        self
    }

    fn matches(&self, to: &Upid, kind: &Kind<'_>) -> bool {
        let (wanted, name, from) = match kind {
            Kind::Message(message) => (Wanted::Message, Some(&*message.name), Some(&message.from)),
            Kind::Dispatch => (Wanted::Dispatch, None, None),
            Kind::Http(path) => (Wanted::Http, Some(*path), None),
            Kind::Exited(pid) => (Wanted::Exited, None, Some(*pid)),
        };
        self.wanted == wanted
            && self.to.as_ref().is_none_or(|wanted| wanted == to)
            && self
                .name
                .as_deref()
                .is_none_or(|wanted| Some(wanted) == name)
            && self.from.as_ref().is_none_or(|wanted| Some(wanted) == from)
    }
}

/// Events that a rule keeps back, each as the closure that delivers it.
#[derive(Default)]
pub(crate) struct Store {
    kept: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl Store {
    pub(crate) fn keep(&self, deliver: Box<dyn FnOnce() + Send>) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(deliver);
    }

    fn take(&self) -> Vec<Box<dyn FnOnce() + Send>> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

enum Action {
    /// Tells of the first match and lets it pass.
    Expect(Option<Promise<Seen>>),
    /// Tells of the first match and drops it.
    DropOne(Option<Promise<Seen>>),
    DropAll(Arc<AtomicUsize>),
    Hold(Arc<Store>),
    /// Holds so many matches and lets the others pass.
    HoldFirst(Arc<Store>, usize),
}

/// An event that a rule saw: for a message the message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The message, if it was one.
    pub message: Option<Message>,
}

struct Rule {
    id: usize,
    pattern: Pattern,
    action: Action,
}

/// The rules of one runtime.
#[derive(Default)]
pub(crate) struct Filters {
    active: AtomicBool,
    next: AtomicUsize,
    rules: Mutex<Vec<Rule>>,
}

impl Filters {
    pub(crate) fn active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, pattern: Pattern, action: Action) -> usize {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock().push(Rule {
            id,
            pattern,
            action,
        });
        self.active.store(true, Ordering::SeqCst);
        id
    }

    fn remove(&self, id: usize) {
        let mut rules = self.lock();
        rules.retain(|rule| rule.id != id);
        self.active.store(!rules.is_empty(), Ordering::SeqCst);
    }

    /// Asks the rules, the newest first. Expectations look on; the first other rule that matches decides.
    pub(crate) fn judge(&self, to: &Upid, kind: &Kind<'_>) -> Verdict {
        let mut rules = self.lock();
        let mut verdict = Verdict::Deliver;
        let mut told = Vec::new();
        let mut spent = Vec::new();
        for rule in rules.iter_mut().rev() {
            if !rule.pattern.matches(to, kind) {
                continue;
            }
            match &mut rule.action {
                Action::Expect(promise) => {
                    told.extend(promise.take());
                    spent.push(rule.id);
                    continue;
                }
                Action::DropOne(promise) => {
                    told.extend(promise.take());
                    spent.push(rule.id);
                    verdict = Verdict::Drop;
                }
                Action::DropAll(count) => {
                    count.fetch_add(1, Ordering::SeqCst);
                    verdict = Verdict::Drop;
                }
                Action::Hold(store) => verdict = Verdict::Hold(Arc::clone(store)),
                Action::HoldFirst(_, 0) => continue,
                Action::HoldFirst(store, left) => {
                    *left -= 1;
                    verdict = Verdict::Hold(Arc::clone(store));
                }
            }
            break;
        }
        rules.retain(|rule| !spent.contains(&rule.id));
        self.active.store(!rules.is_empty(), Ordering::SeqCst);
        drop(rules);
        let seen = Seen {
            message: match kind {
                Kind::Message(message) => Some((*message).clone()),
                Kind::Dispatch | Kind::Http(_) | Kind::Exited(_) => None,
            },
        };
        for promise in told {
            promise.set(seen.clone());
        }
        verdict
    }
}

/// A rule that lasts until its guard is dropped.
#[must_use = "the rule ends when the guard is dropped"]
pub struct FilterGuard {
    filters: Arc<Filters>,
    id: usize,
    count: Arc<AtomicUsize>,
}

impl FilterGuard {
    /// How many events the rule has dropped.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Drop for FilterGuard {
    fn drop(&mut self) {
        self.filters.remove(self.id);
    }
}

impl fmt::Debug for FilterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilterGuard")
            .field("count", &self.count())
            .finish()
    }
}

/// Events that are held back until they are released; dropping it releases them.
#[must_use = "the events are released when this is dropped"]
pub struct Held {
    filters: Arc<Filters>,
    id: usize,
    store: Arc<Store>,
}

impl Held {
    /// How many events are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the rule and puts the events, in their order, at the end of their queues.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.filters.remove(self.id);
        for deliver in self.store.take() {
            deliver();
        }
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("len", &self.len()).finish()
    }
}

impl crate::runtime::Runtime {
    /// Ready when an event that matches is about to be handled; it is handled.
    pub fn expect(&self, pattern: Pattern) -> Future<Seen> {
        let (promise, future) = Promise::new();
        self.filters().add(pattern, Action::Expect(Some(promise)));
        future
    }

    /// As [`Runtime::expect`](crate::Runtime::expect) for messages: ready with the message.
    pub fn expect_message(&self, pattern: Pattern) -> Future<Message> {
        first_message(self.expect(pattern))
    }

    /// Drops the next message that matches, and tells it.
    pub fn drop_message(&self, pattern: Pattern) -> Future<Message> {
        first_message(self.drop_one(pattern))
    }

    /// Drops the next event that matches; ready when that has happened.
    pub fn drop_one(&self, pattern: Pattern) -> Future<Seen> {
        let (promise, future) = Promise::new();
        self.filters().add(pattern, Action::DropOne(Some(promise)));
        future
    }

    /// Drops every event that matches while the guard lives.
    pub fn drop_all(&self, pattern: Pattern) -> FilterGuard {
        let count = Arc::new(AtomicUsize::new(0));
        let filters = self.filters_handle();
        let id = filters.add(pattern, Action::DropAll(Arc::clone(&count)));
        FilterGuard { filters, id, count }
    }

    /// Makes an actor believe that another one is gone, whether it is linked to it or not.
    pub fn inject_exited(&self, to: &Upid, gone: &Upid) {
        self.notify_exited(to, gone);
    }

    /// Holds every event that matches until it is released.
    ///
    /// Closures that may not leave their thread (continuations of `ctx.perform`) are not held.
    pub fn hold(&self, pattern: Pattern) -> Held {
        let store = Arc::new(Store::default());
        let filters = self.filters_handle();
        let id = filters.add(pattern, Action::Hold(Arc::clone(&store)));
        Held { filters, id, store }
    }

    /// Holds the first `count` events that match until they are released; later ones pass.
    pub fn hold_first(&self, count: usize, pattern: Pattern) -> Held {
        let store = Arc::new(Store::default());
        let filters = self.filters_handle();
        let id = filters.add(pattern, Action::HoldFirst(Arc::clone(&store), count));
        Held { filters, id, store }
    }
}

fn first_message(seen: Future<Seen>) -> Future<Message> {
    seen.then(|seen| {
        seen.message.map_or_else(
            || Future::failed("the event was not a message"),
            Future::ready,
        )
    })
}
