//! A detector that is told who leads.
//!
//! Mirrors `src/master/detector/standalone.cpp`.

use libprocess::{Context, Future, Pid, Process, ProcessId, Runtime};
use mesos_proto::v1;

use super::{DetectError, Detector};
use crate::{master_info::same_leader, waiting::Waiting};

type Answer = Result<Option<v1::MasterInfo>, DetectError>;

/// The handle of a standalone detector; clones appoint and detect the same leader.
#[derive(Clone)]
pub struct StandaloneDetector {
    process: Pid<StandaloneDetectorProcess>,
}

impl std::fmt::Debug for StandaloneDetector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandaloneDetector").finish_non_exhaustive()
    }
}

impl StandaloneDetector {
    /// Starts the actor with a first leader.
    #[must_use]
    pub fn start(runtime: &Runtime, leader: Option<v1::MasterInfo>) -> Self {
        let process = StandaloneDetectorProcess {
            leader,
            waiting: Waiting::default(),
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Says who leads from now on.
    pub fn appoint(&self, leader: Option<v1::MasterInfo>) {
        self.process
            .dispatch(move |detector, _| detector.appoint(leader));
    }

    /// Ends the actor.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

impl Detector for StandaloneDetector {
    fn detect(&self, previous: Option<v1::MasterInfo>) -> Future<Answer> {
        self.process
            .call_future(move |detector, ctx| detector.detect(previous.as_ref(), ctx))
    }
}

/// The actor behind [`StandaloneDetector`], id `standalone-master-detector(N)`.
pub struct StandaloneDetectorProcess {
    leader: Option<v1::MasterInfo>,
    waiting: Waiting<Answer>,
}

impl std::fmt::Debug for StandaloneDetectorProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StandaloneDetectorProcess")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl Process for StandaloneDetectorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("standalone-master-detector")
    }
}

impl StandaloneDetectorProcess {
    fn appoint(&mut self, leader: Option<v1::MasterInfo>) {
        self.leader = leader;
        self.waiting.answer(&Ok(self.leader.clone()));
    }

    fn detect(&mut self, previous: Option<&v1::MasterInfo>, ctx: &Context<Self>) -> Future<Answer> {
        if !same_leader(self.leader.as_ref(), previous) {
            return Future::ready(Ok(self.leader.clone()));
        }
        self.waiting.add(ctx, |detector| &mut detector.waiting)
    }
}
