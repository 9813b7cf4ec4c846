//! The replicas that take part, as their process ids.
//!
//! Mirrors `src/log/network.hpp`.
//!
//! # Owns
//! The set of member ids and who waits for it to reach a size.
//!
//! # Invariants
//! - The ids of the base set (the own replica) are always members.
//! - Every member is linked; a member that is added again is linked anew.
//! - Whoever has asked all members can learn that somebody joined since.

use std::collections::BTreeSet;

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime, Upid, req_res};
use mesos_proto::internal::log::{Action, LearnedMessage};
use mesos_proto_codec::WireMessage;

/// Which sizes of the network a watcher waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeRule {
    /// Exactly this many members.
    Exactly(usize),
    /// Any other number of members.
    Not(usize),
    /// Fewer members.
    Below(usize),
    /// At most this many.
    AtMost(usize),
    /// More members.
    Above(usize),
    /// At least this many.
    AtLeast(usize),
}

impl SizeRule {
    /// Whether a network of `size` members satisfies the rule.
    #[must_use]
    pub fn admits(self, size: usize) -> bool {
        match self {
            Self::Exactly(wanted) => size == wanted,
            Self::Not(unwanted) => size != unwanted,
            Self::Below(limit) => size < limit,
            Self::AtMost(limit) => size <= limit,
            Self::Above(limit) => size > limit,
            Self::AtLeast(limit) => size >= limit,
        }
    }
}

/// Why the network does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The network was shut down while somebody waited.
    #[error("network is being terminated")]
    Terminated,
}

/// The handle of a network of replicas.
#[derive(Clone, Debug)]
pub struct Network {
    process: Pid<NetworkProcess>,
}

impl Network {
    /// Starts a network that always holds `base`.
    pub fn start(runtime: &Runtime, base: BTreeSet<Upid>) -> Self {
        let process = NetworkProcess {
            members: BTreeSet::new(),
            base,
            watches: Vec::new(),
            joins: 0,
            awaiting_joins: Vec::new(),
            runtime: runtime.clone(),
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Makes the members exactly `members` and the base set, and links them all anew.
    pub fn set(&self, members: BTreeSet<Upid>) {
        self.process
            .dispatch(move |network, ctx| network.set(members, ctx));
    }

    /// Adds one member.
    pub fn add(&self, member: Upid) {
        self.process
            .dispatch(move |network, ctx| network.add(member, ctx));
    }

    /// Removes one member; base members stay.
    pub fn remove(&self, member: Upid) {
        self.process
            .dispatch(move |network, _| network.remove(&member));
    }

    /// Ready with the current size as soon as the rule holds.
    pub fn watch(&self, rule: SizeRule) -> Future<Result<usize, NetworkError>> {
        self.process
            .call_future(move |network, ctx| network.watch(rule, ctx))
    }

    /// Sends a request to all members of this moment; one answer is to be expected from each,
    /// but a member that dies never answers.
    pub(crate) fn broadcast<Q: WireMessage, R: WireMessage>(&self, request: Q) -> Future<Asked<R>> {
        self.process
            .call(move |network, _| network.broadcast(&request))
    }

    /// Ready as soon as somebody joined after that many had.
    ///
    /// A member that comes back under its old id joins again: what it was asked before it may
    /// never have read.
    pub(crate) fn joined(&self, after: u64) -> Future<Result<(), NetworkError>> {
        self.process
            .call_future(move |network, ctx| network.joined(after, ctx))
    }

    /// Tells all members an agreed action; ready when it was handed to the transport.
    pub(crate) fn tell_learned(&self, action: Action) -> Future<()> {
        self.process
            .call(move |network, ctx| network.tell_learned(action, ctx))
    }

    /// Ends the network; whoever waits for a size is told so.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// What comes of asking all members.
pub(crate) struct Asked<R: Send + 'static> {
    /// One answer a member.
    pub(crate) answers: Vec<Future<R>>,
    /// How often somebody had joined by then.
    pub(crate) joins: u64,
}

/// The actor behind [`Network`].
pub(crate) struct NetworkProcess {
    runtime: Runtime,
    base: BTreeSet<Upid>,
    members: BTreeSet<Upid>,
    watches: Vec<Watch>,
    /// How often somebody joined.
    joins: u64,
    awaiting_joins: Vec<Promise<Result<(), NetworkError>>>,
}

struct Watch {
    rule: SizeRule,
    promise: Promise<Result<usize, NetworkError>>,
}

impl NetworkProcess {
    fn set(&mut self, members: BTreeSet<Upid>, ctx: &Context<Self>) {
        self.members = members;
        self.members.extend(self.base.iter().cloned());
        for member in &self.members {
            ctx.relink(member);
        }
        self.notify();
        self.note_joined();
    }

    fn add(&mut self, member: Upid, ctx: &Context<Self>) {
        ctx.relink(&member);
        self.members.insert(member);
        self.notify();
        self.note_joined();
    }

    fn remove(&mut self, member: &Upid) {
        if !self.base.contains(member) && self.members.remove(member) {
            self.notify();
        }
    }

    fn watch(
        &mut self,
        rule: SizeRule,
        ctx: &Context<Self>,
    ) -> Future<Result<usize, NetworkError>> {
        let size = self.members.len();
        if rule.admits(size) {
            return Future::ready(Ok(size));
        }
        let (promise, future) = Promise::new();
        let pid = ctx.pid();
        promise.on_discard(move || pid.dispatch(|network, _| network.forget_watches()));
        self.watches.push(Watch { rule, promise });
        future
    }

    fn joined(&mut self, after: u64, ctx: &Context<Self>) -> Future<Result<(), NetworkError>> {
        if self.joins > after {
            return Future::ready(Ok(()));
        }
        let (promise, future) = Promise::new();
        let pid = ctx.pid();
        promise.on_discard(move || pid.dispatch(|network, _| network.forget_watches()));
        self.awaiting_joins.push(promise);
        future
    }

    fn note_joined(&mut self) {
        self.joins += 1;
        for promise in std::mem::take(&mut self.awaiting_joins) {
            promise.set(Ok(()));
        }
    }

    /// Drops the watches that nobody waits for any more.
    fn forget_watches(&mut self) {
        self.watches
            .retain(|watch| !watch.promise.discard_requested());
        self.awaiting_joins
            .retain(|promise| !promise.discard_requested());
    }

    fn notify(&mut self) {
        let size = self.members.len();
        let (due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.watches)
            .into_iter()
            .partition(|watch| watch.rule.admits(size));
        self.watches = waiting;
        for watch in due {
            watch.promise.set(Ok(size));
        }
    }

    fn broadcast<Q: WireMessage, R: WireMessage>(&self, request: &Q) -> Asked<R> {
        let members = self.members.iter();
        Asked {
            answers: members
                .map(|member| req_res::request::<Q, R>(&self.runtime, member, request))
                .collect(),
            joins: self.joins,
        }
    }

    fn tell_learned(&self, mut action: Action, ctx: &Context<Self>) {
        action.learned = Some(true);
        let message = LearnedMessage {
            action: Some(action.into()),
            ..LearnedMessage::default()
        };
        for member in &self.members {
            ctx.send_protobuf(member, &message);
        }
    }
}

impl Process for NetworkProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-network")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.set(BTreeSet::new(), ctx);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        for watch in std::mem::take(&mut self.watches) {
            watch.promise.set(Err(NetworkError::Terminated));
        }
        for promise in std::mem::take(&mut self.awaiting_joins) {
            promise.set(Err(NetworkError::Terminated));
        }
    }
}
