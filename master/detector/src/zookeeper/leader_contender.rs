//! Wants to lead: becomes a member and says when it is none any more.
//!
//! Mirrors `LeaderContenderProcess` of `src/zookeeper/contender.cpp`.

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime};

use super::{
    group::{Cancelled, Group, GroupError, JoinRequest, Joined},
    membership::Membership,
};

/// Why somebody does not contend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContenderError {
    /// One contender contends once.
    #[error("Cannot contend more than once")]
    Again,
    /// It was withdrawn before it was a member.
    #[error("withdrawn while contending")]
    Withdrawn,
    /// The group refused.
    #[error(transparent)]
    Group(#[from] GroupError),
}

/// The handle of a contender.
#[derive(Clone, Debug)]
pub struct LeaderContender {
    process: Pid<LeaderContenderProcess>,
}

impl LeaderContender {
    /// Prepares to contend in `group` with what `request` brings.
    #[must_use]
    pub fn start(runtime: &Runtime, group: Group, request: JoinRequest) -> Self {
        let process = LeaderContenderProcess {
            group,
            request,
            state: State::Idle,
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Becomes a candidate; the inner future is ready when it is none any more.
    ///
    /// # Errors
    /// Through the future: [`ContenderError`].
    pub fn contend(&self) -> Future<Result<Future<Cancelled>, ContenderError>> {
        self.process.call_future(LeaderContenderProcess::contend)
    }

    /// Ends the candidacy; false when there was none.
    ///
    /// # Errors
    /// Through the future: the group failed.
    pub fn withdraw(&self) -> Future<Result<bool, ContenderError>> {
        self.process.call_future(LeaderContenderProcess::withdraw)
    }

    /// Ends the contender, and its membership with it.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`LeaderContender`], id `zookeeper-leader-contender(N)`.
pub(crate) struct LeaderContenderProcess {
    group: Group,
    request: JoinRequest,
    state: State,
}

enum State {
    Idle,
    Joining {
        withdrawals: Vec<Promise<Result<bool, ContenderError>>>,
    },
    Candidate {
        membership: Membership,
    },
    Over,
}

type Candidacy = Result<Future<Cancelled>, ContenderError>;

impl LeaderContenderProcess {
    fn contend(&mut self, ctx: &mut Context<Self>) -> Future<Candidacy> {
        if !matches!(self.state, State::Idle) {
            return Future::ready(Err(ContenderError::Again));
        }
        self.state = State::Joining {
            withdrawals: Vec::new(),
        };
        let (promise, future) = Promise::new();
        let joined = self.group.join(self.request.clone());
        ctx.on_ready(joined, move |contender, joined, ctx| {
            contender.on_joined(joined, promise, ctx);
        });
        future
    }

    fn on_joined(
        &mut self,
        joined: Result<Joined, GroupError>,
        promise: Promise<Candidacy>,
        ctx: &mut Context<Self>,
    ) {
        let withdrawals = match std::mem::replace(&mut self.state, State::Over) {
            State::Joining { withdrawals } => withdrawals,
            State::Idle | State::Candidate { .. } | State::Over => Vec::new(),
        };
        match joined {
            Err(error) => {
                for withdrawal in withdrawals {
                    withdrawal.set(Ok(false));
                }
                promise.set(Err(error.into()));
            }
            Ok(Joined {
                membership,
                cancelled,
            }) => {
                if withdrawals.is_empty() {
                    self.state = State::Candidate { membership };
                    promise.set(Ok(cancelled));
                } else {
                    self.cancel(&membership, withdrawals, ctx);
                    promise.set(Err(ContenderError::Withdrawn));
                }
            }
        }
    }

    fn withdraw(&mut self, ctx: &mut Context<Self>) -> Future<Result<bool, ContenderError>> {
        let (promise, future) = Promise::new();
        match &mut self.state {
            State::Idle | State::Over => return Future::ready(Ok(false)),
            State::Joining { withdrawals } => withdrawals.push(promise),
            State::Candidate { membership } => {
                let membership = membership.clone();
                self.state = State::Over;
                self.cancel(&membership, vec![promise], ctx);
            }
        }
        future
    }

    fn cancel(
        &self,
        membership: &Membership,
        withdrawals: Vec<Promise<Result<bool, ContenderError>>>,
        ctx: &mut Context<Self>,
    ) {
        let cancelled = self.group.cancel(membership.clone());
        ctx.on_ready(cancelled, move |_, cancelled, _| {
            for withdrawal in withdrawals {
                withdrawal.set(cancelled.clone().map_err(ContenderError::from));
            }
        });
    }
}

impl Process for LeaderContenderProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("zookeeper-leader-contender")
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        if let State::Candidate { membership } = &self.state {
            drop(self.group.cancel(membership.clone()));
        }
    }
}
