//! Knows who leads: the member with the smallest number.
//!
//! Mirrors `LeaderDetectorProcess` of `src/zookeeper/detector.cpp`.

use std::collections::BTreeSet;

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime};

use super::{
    group::{Group, GroupError},
    membership::Membership,
};

/// The handle of a detector.
#[derive(Clone, Debug)]
pub struct LeaderDetector {
    process: Pid<LeaderDetectorProcess>,
}

impl LeaderDetector {
    /// Begins to follow `group`.
    #[must_use]
    pub fn start(runtime: &Runtime, group: Group) -> Self {
        let process = LeaderDetectorProcess {
            group,
            leader: None,
            error: None,
            waiting: Vec::new(),
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Ready with the leader as soon as it differs from `previous`; none when nobody leads.
    ///
    /// # Errors
    /// Through the future: the group is of no more use.
    pub fn detect(
        &self,
        previous: Option<Membership>,
    ) -> Future<Result<Option<Membership>, GroupError>> {
        self.process
            .call_future(move |detector, _| detector.detect(previous.as_ref()))
    }

    /// Ends the detector.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`LeaderDetector`], id `zookeeper-leader-detector(N)`.
pub(crate) struct LeaderDetectorProcess {
    group: Group,
    leader: Option<Membership>,
    error: Option<GroupError>,
    waiting: Vec<Promise<Result<Option<Membership>, GroupError>>>,
}

impl LeaderDetectorProcess {
    fn detect(
        &mut self,
        previous: Option<&Membership>,
    ) -> Future<Result<Option<Membership>, GroupError>> {
        if let Some(error) = &self.error {
            return Future::ready(Err(error.clone()));
        }
        if self.leader.as_ref() != previous {
            return Future::ready(Ok(self.leader.clone()));
        }
        let (promise, future) = Promise::new();
        self.waiting.push(promise);
        future
    }

    fn watch(&mut self, expected: BTreeSet<Membership>, ctx: &mut Context<Self>) {
        let watched = self.group.watch(expected);
        ctx.on_ready(watched, |detector, watched, ctx| match watched {
            Ok(members) => detector.on_members(members, ctx),
            Err(error) => detector.on_failed(&error),
        });
    }

    fn on_members(&mut self, members: BTreeSet<Membership>, ctx: &mut Context<Self>) {
        let leader = members.first().cloned();
        if leader != self.leader {
            self.leader.clone_from(&leader);
            for promise in std::mem::take(&mut self.waiting) {
                promise.set(Ok(leader.clone()));
            }
        }
        self.watch(members, ctx);
    }

    fn on_failed(&mut self, error: &GroupError) {
        self.leader = None;
        self.error = Some(error.clone());
        for promise in std::mem::take(&mut self.waiting) {
            promise.set(Err(error.clone()));
        }
    }
}

impl Process for LeaderDetectorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("zookeeper-leader-detector")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.watch(BTreeSet::new(), ctx);
    }
}
