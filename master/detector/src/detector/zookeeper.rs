//! Who leads, according to ZooKeeper.
//!
//! Mirrors `ZooKeeperMasterDetectorProcess` of `src/master/detector/zookeeper.cpp`.

use libprocess::{Context, Future, Pid, Process, ProcessId, Runtime, Upid};
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json, decode};

use super::{DetectError, Detector};
use crate::{
    contender::zookeeper::LABEL,
    master_info::{master_info_from_pid, same_leader},
    waiting::Waiting,
    zookeeper::{Group, GroupError, GroupOptions, LeaderDetector, Membership},
};

type Answer = Result<Option<v1::MasterInfo>, DetectError>;

/// A detector that follows an election in ZooKeeper; clones share one session.
#[derive(Clone, Debug)]
pub struct ZooKeeperDetector {
    process: Pid<ZooKeeperMasterDetectorProcess>,
}

impl ZooKeeperDetector {
    /// Opens a session of its own and follows the election.
    #[must_use]
    pub fn start(runtime: &Runtime, options: GroupOptions) -> Self {
        Self::in_group(runtime, Group::start(runtime, options))
    }

    /// Follows the election of a group, which ends with the detector.
    #[must_use]
    pub fn in_group(runtime: &Runtime, group: Group) -> Self {
        let detector = LeaderDetector::start(runtime, group.clone());
        let process = ZooKeeperMasterDetectorProcess {
            group,
            detector,
            leader: None,
            failed: None,
            waiting: Waiting::default(),
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Ends the detector and its session.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

impl Detector for ZooKeeperDetector {
    fn detect(&self, previous: Option<v1::MasterInfo>) -> Future<Answer> {
        self.process
            .call_future(move |detector, ctx| detector.detect(previous.as_ref(), ctx))
    }
}

/// Why a leader's node says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NodeError {
    /// The oldest form, a process id, is none.
    #[error("Failed to parse data '{0}' into a process id")]
    Pid(String),
    /// The binary form is damaged.
    #[error("Failed to parse data into MasterInfo")]
    Binary,
    /// The JSON form is damaged or incomplete.
    #[error("Failed to parse JSON into a valid MasterInfo protocol buffer: {0}")]
    Json(String),
    /// Somebody else's node.
    #[error("Failed to parse data of unknown label '{0}'")]
    Label(String),
}

/// Reads the content of a leader's node, in the form that its label announces.
pub(crate) fn leader_of(label: Option<&str>, data: &[u8]) -> Result<v1::MasterInfo, NodeError> {
    match label {
        Some(LABEL) => v1::MasterInfo::read_json(Dialect::V0, data)
            .map_err(|error| NodeError::Json(error.to_string())),
        Some("info") => decode::<v1::MasterInfo>(bytes::Bytes::copy_from_slice(data))
            .map_err(|_malformed| NodeError::Binary),
        Some(other) => Err(NodeError::Label(other.to_owned())),
        None => {
            let text = String::from_utf8_lossy(data).into_owned();
            match text.parse::<Upid>() {
                Ok(pid) if pid.is_complete() => Ok(master_info_from_pid(&pid)),
                Ok(_) | Err(_) => Err(NodeError::Pid(text)),
            }
        }
    }
}

/// The actor behind [`ZooKeeperDetector`], id `zookeeper-master-detector(N)`.
pub(crate) struct ZooKeeperMasterDetectorProcess {
    group: Group,
    detector: LeaderDetector,
    leader: Option<v1::MasterInfo>,
    failed: Option<DetectError>,
    waiting: Waiting<Answer>,
}

impl ZooKeeperMasterDetectorProcess {
    fn detect(&mut self, previous: Option<&v1::MasterInfo>, ctx: &Context<Self>) -> Future<Answer> {
        if let Some(error) = &self.failed {
            return Future::ready(Err(error.clone()));
        }
        if !same_leader(self.leader.as_ref(), previous) {
            return Future::ready(Ok(self.leader.clone()));
        }
        self.waiting.add(ctx, |detector| &mut detector.waiting)
    }

    fn follow(&mut self, previous: Option<Membership>, ctx: &mut Context<Self>) {
        let detected = self.detector.detect(previous);
        ctx.on_ready(detected, |detector, detected, ctx| match detected {
            Ok(Some(member)) => detector.fetch(member, ctx),
            Ok(None) => {
                detector.lead(Ok(None));
                detector.follow(None, ctx);
            }
            Err(error) => detector.fail(&error),
        });
    }

    fn fetch(&mut self, member: Membership, ctx: &mut Context<Self>) {
        let data = self.group.data(member.clone());
        ctx.on_ready(data, move |detector, data, ctx| {
            match data {
                Ok(None) => detector.lead(Ok(None)),
                Ok(Some(data)) => detector.lead(leader_of(member.label(), &data).map(Some)),
                Err(error) => return detector.fail(&error),
            }
            detector.follow(Some(member), ctx);
        });
    }

    /// A node that cannot be read fails who waits now; whoever asks later waits for the next.
    fn lead(&mut self, leader: Result<Option<v1::MasterInfo>, NodeError>) {
        let answer = leader.map_err(|error| DetectError::Service {
            reason: error.to_string(),
        });
        self.leader = answer.clone().ok().flatten();
        if let Some(leader) = &self.leader {
            tracing::info!("A new leading master ({}) is detected", leader.pid());
        }
        self.waiting.answer(&answer);
    }

    fn fail(&mut self, error: &GroupError) {
        let error = DetectError::Service {
            reason: error.to_string(),
        };
        self.leader = None;
        self.failed = Some(error.clone());
        self.waiting.answer(&Err(error));
    }
}

impl Process for ZooKeeperMasterDetectorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("zookeeper-master-detector")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.follow(None, ctx);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.detector.terminate();
        self.group.terminate();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = r#"{"address":{"hostname":"localhost","ip":"127.0.0.1","port":15062},"capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"hostname":"localhost","id":"b2d9a9c4-3a9c-4b32-9f0e-6c7a2f6c8f5e","ip":16777343,"pid":"master@127.0.0.1:15062","port":15062,"version":"1.11.0"}"#;

    #[test]
    fn a_candidate_writes_what_a_detector_reads() {
        let info = leader_of(Some("json.info"), RECORDED.as_bytes()).expect("a leader");

        let written = crate::contender::zookeeper::candidate_data(&info).expect("JSON");

        assert_eq!(String::from_utf8_lossy(&written), RECORDED);
    }

    #[test]
    fn the_oldest_form_is_a_process_id() {
        let info = leader_of(None, b"master@10.0.0.1:5050").expect("a leader");

        assert_eq!((info.pid(), info.port()), ("master@10.0.0.1:5050", 5050));
        assert_eq!(
            leader_of(None, b"nobody"),
            Err(NodeError::Pid("nobody".to_owned()))
        );
    }

    #[test]
    fn a_node_of_an_unknown_label_is_refused_by_name() {
        let error = leader_of(Some("yaml.info"), b"").expect_err("no leader");

        assert_eq!(
            error.to_string(),
            "Failed to parse data of unknown label 'yaml.info'"
        );
    }
}
