//! The election of masters through ZooKeeper.
//!
//! Mirrors `ZooKeeperMasterContenderProcess` of `src/master/contender/zookeeper.cpp`.
//!
//! # Wire
//! A candidate is a node `json.info_<number>` whose content is the master's `MasterInfo` as compact
//! JSON with sorted keys.

use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime};
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, to_json};

use super::{Candidacy, ContendError, Contender};
use crate::zookeeper::{
    Cancelled, ContenderError, Group, GroupOptions, JoinRequest, LeaderContender,
};

/// What stands before the number of a master's node.
pub(crate) const LABEL: &str = "json.info";

/// A contender that takes part in an election in ZooKeeper.
#[derive(Debug)]
pub struct ZooKeeperContender {
    process: Pid<ZooKeeperMasterContenderProcess>,
}

impl ZooKeeperContender {
    /// Opens a session of its own; nothing is written before [`Contender::contend`].
    #[must_use]
    pub fn start(runtime: &Runtime, options: GroupOptions) -> Self {
        Self::in_group(runtime, Group::start(runtime, options))
    }

    /// Takes part in a group, which ends with the contender.
    #[must_use]
    pub fn in_group(runtime: &Runtime, group: Group) -> Self {
        let process = ZooKeeperMasterContenderProcess {
            group,
            info: None,
            contender: None,
            entering: None,
        };
        Self {
            process: runtime.spawn(process),
        }
    }
}

impl Contender for ZooKeeperContender {
    fn initialize(&mut self, info: &v1::MasterInfo) {
        let info = info.clone();
        self.process
            .dispatch(move |contender, _| contender.info = Some(info));
    }

    fn contend(&mut self) -> Future<Result<Candidacy, ContendError>> {
        self.process
            .call_future(ZooKeeperMasterContenderProcess::contend)
    }
}

impl Drop for ZooKeeperContender {
    fn drop(&mut self) {
        self.process.terminate();
    }
}

/// The actor behind [`ZooKeeperContender`], id `zookeeper-master-contender(N)`.
pub(crate) struct ZooKeeperMasterContenderProcess {
    group: Group,
    info: Option<v1::MasterInfo>,
    contender: Option<LeaderContender>,
    /// Those who asked while the group is being joined: they share the candidacy.
    entering: Option<Vec<Answer>>,
}

type Answer = Promise<Result<Candidacy, ContendError>>;

impl ZooKeeperMasterContenderProcess {
    /// A candidacy that is over, or still wanted, is withdrawn before the next.
    fn contend(&mut self, ctx: &mut Context<Self>) -> Future<Result<Candidacy, ContendError>> {
        let Some(info) = self.info.clone() else {
            return Future::ready(Err(ContendError::NotInitialized));
        };
        let (promise, future) = Promise::new();
        if let Some(waiting) = &mut self.entering {
            waiting.push(promise);
            return future;
        }
        self.entering = Some(vec![promise]);
        match self.contender.take() {
            None => self.enter(&info, ctx),
            Some(previous) => {
                let withdrawn = previous.withdraw();
                ctx.on_any(withdrawn, move |contender, _, ctx| {
                    previous.terminate();
                    contender.enter(&info, ctx);
                });
            }
        }
        future
    }

    fn enter(&mut self, info: &v1::MasterInfo, ctx: &mut Context<Self>) {
        let data = match candidate_data(info) {
            Ok(data) => data,
            Err(error) => {
                let reason = format!("failed to write the master's information: {error}");
                self.refuse(&ContendError::Service { reason });
                return;
            }
        };
        let request = JoinRequest {
            data,
            label: Some(LABEL.to_owned()),
        };
        let contender = LeaderContender::start(ctx.runtime(), self.group.clone(), request);
        let candidacy = contender.contend();
        self.contender = Some(contender);
        ctx.on_ready(candidacy, |contender, entered, _| match entered {
            Ok(cancelled) => contender.share(cancelled),
            Err(error) => contender.refuse(&service_error(&error)),
        });
    }

    fn refuse(&mut self, error: &ContendError) {
        for answer in self.entering.take().unwrap_or_default() {
            answer.set(Err(error.clone()));
        }
    }

    fn share(&mut self, cancelled: Future<Cancelled>) {
        let mut ends = Vec::new();
        for answer in self.entering.take().unwrap_or_default() {
            let (end, candidacy) = Promise::new();
            ends.push(end);
            answer.set(Ok(candidacy));
        }
        cancelled.on_any(move |outcome| {
            if outcome.ready().is_some() {
                for end in ends {
                    end.set(Ok(()));
                }
            }
        });
    }
}

fn service_error(error: &ContenderError) -> ContendError {
    ContendError::Service {
        reason: error.to_string(),
    }
}

/// The content of a candidate's node.
pub(crate) fn candidate_data(info: &v1::MasterInfo) -> Result<Vec<u8>, serde_json::Error> {
    let sorted: serde_json::Value = serde_json::from_str(&to_json(info, Dialect::V0))?;
    serde_json::to_vec(&sorted)
}

impl Process for ZooKeeperMasterContenderProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("zookeeper-master-contender")
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        if let Some(contender) = &self.contender {
            contender.terminate();
        }
        self.group.terminate();
    }
}
