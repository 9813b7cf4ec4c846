//! A group: who is a member, kept up to date over broken connections and expired sessions.
//!
//! Mirrors `GroupProcess` of `src/zookeeper/group.cpp`.
//!
//! # Owns
//! One session, the members as last seen, and what waits for a connection.
//!
//! # Invariants
//! - Requests are carried out in the order joins, cancels, reads.
//! - After an expired session nobody is a member: watchers see the empty set, and own memberships
//!   are reported as cancelled. They are not renewed.
//!
//! # Timers
//! - A failed call is tried again after 2 s, doubled up to 60 s.
//! - A failed connection is tried again after 1 s.
//! - A connection that is away for the session's timeout counts as an expired session, without
//!   waiting for the server to say so.

mod calls;
mod members;
mod requests;

use std::{collections::BTreeSet, time::Duration};

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime, Timer};
use zookeeper_client::{Error, SessionInfo, SessionState, StateWatcher};

use self::requests::{Cancel, Data, Join, Pending, Request};
use super::{
    membership::Membership,
    session::{Failure, Session, failure_of},
    url::ZooKeeperUrl,
};

const RETRY_INTERVAL: Duration = Duration::from_secs(2);
const LONGEST_RETRY_INTERVAL: Duration = Duration::from_secs(60);
const CONNECT_INTERVAL: Duration = Duration::from_secs(1);

/// Where a group is and how long its sessions live without contact.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    /// Servers, path and credentials.
    pub url: ZooKeeperUrl,
    /// Asked of the server, which may decide on another.
    pub session_timeout: Duration,
}

/// Why a group answers no more, or could not do one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct GroupError {
    operation: String,
    cause: String,
}

impl GroupError {
    fn new(operation: impl Into<String>, cause: &Error) -> Self {
        Self {
            operation: operation.into(),
            cause: cause.to_string(),
        }
    }
}

/// How a membership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Its owner asked for it.
    Requested,
    /// The session expired, or somebody removed the node.
    Lost,
}

/// What a new member brings.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The content of its node.
    pub data: Vec<u8>,
    /// What stands before its number.
    pub label: Option<String>,
}

/// A membership of one's own.
#[derive(Debug)]
pub struct Joined {
    /// The member.
    pub membership: Membership,
    /// Ready when the membership has ended.
    pub cancelled: Future<Cancelled>,
}

/// The handle of a group.
#[derive(Clone, Debug)]
pub struct Group {
    process: Pid<GroupProcess>,
}

impl Group {
    /// Starts a group; it connects at once and for as long as it lives.
    #[must_use]
    pub fn start(runtime: &Runtime, options: GroupOptions) -> Self {
        let process = GroupProcess {
            options,
            phase: Phase::Connecting,
            epoch: 0,
            loads: 0,
            members: None,
            owned: Vec::new(),
            pending: Pending::default(),
            watches: Vec::new(),
            retry: None,
            expiry: None,
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Becomes a member.
    ///
    /// # Errors
    /// Through the future: a failure that would happen again.
    pub fn join(&self, request: JoinRequest) -> Future<Result<Joined, GroupError>> {
        self.process.call_future(move |group, ctx| {
            let (promise, future) = Promise::new();
            group.ask(Request::Join(Join { request, promise }), ctx);
            future
        })
    }

    /// Ends a membership of one's own; false when it was none, or is gone already.
    ///
    /// # Errors
    /// Through the future: a failure that would happen again.
    pub fn cancel(&self, membership: Membership) -> Future<Result<bool, GroupError>> {
        self.process.call_future(move |group, ctx| {
            if !group
                .owned
                .iter()
                .any(|owned| owned.membership == membership)
            {
                return Future::ready(Ok(false));
            }
            let (promise, future) = Promise::new();
            group.ask(
                Request::Cancel(Cancel {
                    membership,
                    promise,
                }),
                ctx,
            );
            future
        })
    }

    /// Reads the content of a member's node; none when it is gone.
    ///
    /// # Errors
    /// Through the future: a failure that would happen again.
    pub fn data(&self, membership: Membership) -> Future<Result<Option<Vec<u8>>, GroupError>> {
        self.process.call_future(move |group, ctx| {
            let (promise, future) = Promise::new();
            group.ask(
                Request::Data(Data {
                    membership,
                    promise,
                }),
                ctx,
            );
            future
        })
    }

    /// Ready with the members as soon as they differ from `expected`.
    ///
    /// # Errors
    /// Through the future: the group is of no more use.
    pub fn watch(
        &self,
        expected: BTreeSet<Membership>,
    ) -> Future<Result<BTreeSet<Membership>, GroupError>> {
        self.process
            .call_future(move |group, _| group.watch(expected))
    }

    /// The session, while there is one: whoever has it can take it over, or end it.
    pub fn session(&self) -> Future<Option<SessionInfo>> {
        self.process.call(|group, _| match &group.phase {
            Phase::Ready { session } | Phase::Busy { session } => {
                Some(session.client.session().clone())
            }
            Phase::Connecting | Phase::Aborted { .. } => None,
        })
    }

    /// Ends the group and its session, and with it all own memberships.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`Group`], id `zookeeper-group(N)`.
pub(crate) struct GroupProcess {
    options: GroupOptions,
    phase: Phase,
    /// Counts sessions; whatever belongs to an older one is dropped.
    epoch: u64,
    /// Counts reads of the members; only the newest goes on to watch.
    loads: u64,
    members: Option<BTreeSet<Membership>>,
    owned: Vec<Owned>,
    pending: Pending,
    watches: Vec<Watch>,
    retry: Option<Duration>,
    expiry: Option<Timer>,
}

enum Phase {
    Connecting,
    Ready {
        session: Session,
    },
    /// A call runs; the next waits for it.
    Busy {
        session: Session,
    },
    Aborted {
        error: GroupError,
    },
}

/// One read of the members, and the watch that follows it.
#[derive(Clone, Copy)]
struct Load {
    epoch: u64,
    number: u64,
}

struct Owned {
    membership: Membership,
    cancelled: Promise<Cancelled>,
}

struct Watch {
    expected: BTreeSet<Membership>,
    promise: Promise<Result<BTreeSet<Membership>, GroupError>>,
}

impl GroupProcess {
    fn ask(&mut self, request: Request, ctx: &mut Context<Self>) {
        if let Phase::Aborted { error } = &self.phase {
            request.fail(error);
            return;
        }
        self.pending.push(request);
        self.serve(ctx);
    }

    fn watch(
        &mut self,
        expected: BTreeSet<Membership>,
    ) -> Future<Result<BTreeSet<Membership>, GroupError>> {
        if let Phase::Aborted { error } = &self.phase {
            return Future::ready(Err(error.clone()));
        }
        if let Some(members) = &self.members
            && *members != expected
        {
            return Future::ready(Ok(members.clone()));
        }
        let (promise, future) = Promise::new();
        self.watches.push(Watch { expected, promise });
        future
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        self.phase = Phase::Connecting;
        self.epoch += 1;
        let epoch = self.epoch;
        let options = self.options.clone();
        ctx.perform(Session::connect(options), move |group, connected, ctx| {
            if group.epoch == epoch {
                group.on_connected(connected, ctx);
            }
        });
    }

    fn on_connected(
        &mut self,
        connected: Result<Session, (Error, &'static str)>,
        ctx: &mut Context<Self>,
    ) {
        match connected {
            Ok(session) => {
                self.retry = None;
                let states = session.client.state_watcher();
                let state = states.peek_state();
                self.phase = Phase::Ready { session };
                // It may have broken again already.
                self.on_session_state(self.epoch, state, states, ctx);
                self.serve(ctx);
                self.load_members(ctx);
            }
            Err((error, operation)) if failure_of(&error) == Failure::Final => {
                self.abort(GroupError::new(operation, &error));
            }
            Err((error, _)) => {
                tracing::warn!(%error, servers = %self.options.url.servers, "no connection to ZooKeeper yet");
                let epoch = self.epoch;
                ctx.delay(CONNECT_INTERVAL, move |group, ctx| {
                    if group.epoch == epoch {
                        group.connect(ctx);
                    }
                });
            }
        }
    }

    /// Waits for the next state of the session.
    ///
    /// The watcher is the same for the whole session: a new one would not tell what happened
    /// between the two.
    fn watch_session(mut states: StateWatcher, epoch: u64, ctx: &mut Context<Self>) {
        ctx.perform(
            async move {
                let state = states.changed().await;
                (states, state)
            },
            move |group, (states, state), ctx| group.on_session_state(epoch, state, states, ctx),
        );
    }

    fn on_session_state(
        &mut self,
        epoch: u64,
        state: SessionState,
        states: StateWatcher,
        ctx: &mut Context<Self>,
    ) {
        if epoch != self.epoch {
            return;
        }
        match state {
            SessionState::Disconnected => self.arm_expiry(ctx),
            SessionState::SyncConnected | SessionState::ConnectedReadOnly => self.disarm_expiry(),
            SessionState::Expired | SessionState::Closed | SessionState::AuthFailed => {
                self.expired(ctx);
                return;
            }
        }
        Self::watch_session(states, epoch, ctx);
    }

    fn arm_expiry(&mut self, ctx: &mut Context<Self>) {
        let (Phase::Ready { session } | Phase::Busy { session }) = &self.phase else {
            return;
        };
        let (epoch, timeout) = (self.epoch, session.timeout());
        tracing::info!("lost the connection to ZooKeeper");
        self.disarm_expiry();
        self.expiry = Some(ctx.delay(timeout, move |group, ctx| {
            if group.epoch == epoch && group.expiry.take().is_some() {
                group.expired(ctx);
            }
        }));
    }

    fn disarm_expiry(&mut self) {
        if let Some(timer) = self.expiry.take() {
            timer.cancel();
        }
    }

    /// Forgets everything that lived in the session, and begins a new one.
    fn expired(&mut self, ctx: &mut Context<Self>) {
        tracing::warn!("the ZooKeeper session has expired");
        self.disarm_expiry();
        for owned in std::mem::take(&mut self.owned) {
            owned.cancelled.set(Cancelled::Lost);
        }
        self.set_members(BTreeSet::new());
        self.members = None;
        self.connect(ctx);
    }

    fn later(
        &mut self,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, &mut Context<Self>) + Send + 'static,
    ) {
        let pause = self.retry.unwrap_or(RETRY_INTERVAL);
        self.retry = Some((pause * 2).min(LONGEST_RETRY_INTERVAL));
        let epoch = self.epoch;
        ctx.delay(pause, move |group, ctx| {
            if group.epoch == epoch {
                then(group, ctx);
            }
        });
    }

    /// Gives up for good.
    fn abort(&mut self, error: GroupError) {
        tracing::error!(%error, "the ZooKeeper group is of no more use");
        self.epoch += 1;
        for owned in std::mem::take(&mut self.owned) {
            owned.cancelled.set(Cancelled::Lost);
        }
        while let Some(request) = self.pending.pop() {
            request.fail(&error);
        }
        for watch in std::mem::take(&mut self.watches) {
            watch.promise.set(Err(error.clone()));
        }
        self.phase = Phase::Aborted { error };
    }
}

impl Process for GroupProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("zookeeper-group")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.connect(ctx);
    }
}
