//! A master in a runtime with virtual time, and peers that speak the real wire.

use std::time::Duration;

use libprocess::{Clock, Runtime};
use mesos_master::flags::Flags;
use mesos_master::{MasterHandle, start};
use mesos_proto::internal::{AgentRegisteredMessage, RegisterAgentMessage, RunTaskMessage};
use mesos_proto::v1;
use mesos_proto_codec::WireMessage;
use serde_json::Value;

mod http;
mod infos;
mod peers;
mod scheduler;

pub(crate) use http::{Answer, Connection};
pub(crate) use infos::{agent_capabilities, agent_info, framework, launch, task, uuid_message};
pub(crate) use peers::{Agent, Peer};
pub(crate) use scheduler::Scheduler;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(8);

/// A running master.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) master: MasterHandle,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.master.shutdown();
        self.runtime.shutdown();
    }
}

impl Stage {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Flags)) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .delegate("master")
            .clock(Clock::paused())
            .start()
            .expect("a free port");
        let mut flags = Flags {
            registry: "in_memory".to_owned(),
            ..Flags::default()
        };
        change(&mut flags);
        let master = start(&runtime, flags).expect("a master");
        runtime.clock().settle();
        Self { runtime, master }
    }

    pub(crate) fn settle(&self) {
        self.runtime.clock().settle();
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.runtime.clock().advance(time);
        self.settle();
    }

    pub(crate) fn send<M: WireMessage>(&self, from: &Peer, message: &M) {
        from.send(self.master.upid(), message);
    }

    pub(crate) fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut connection = Connection::open(&self.runtime);
        connection.request(method, path, headers, body);
        connection.answer()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.http("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// An operator call in JSON.
    pub(crate) fn call(&self, json: &str) -> Answer {
        self.http(
            "POST",
            "/api/v1",
            &[("Content-Type", "application/json")],
            json.as_bytes(),
        )
    }

    pub(crate) fn metric(&self, key: &str) -> f64 {
        let snapshot = self.runtime.metrics().snapshot(None);
        let values = self.runtime.block_on(snapshot).ready().expect("metrics");
        values.get(key).copied().expect("the metric")
    }

    /// Registers an agent with these resources.
    pub(crate) fn agent(&self, resources: &str) -> Agent {
        let peer = Peer::start(&self.runtime, "slave");
        let info = agent_info(resources);
        let message = RegisterAgentMessage {
            agent: Some(info.clone().into()),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: agent_capabilities(),
            resource_version_uuid: Some(uuid_message(1)),
            ..Default::default()
        };
        self.send(&peer, &message);
        let registered: AgentRegisteredMessage = peer.expect();
        let mut info = info;
        info.id = registered.agent_id.clone();
        Agent {
            id: registered.agent_id().value().to_owned(),
            info,
            peer,
        }
    }

    /// Subscribes a framework on HTTP.
    pub(crate) fn subscribe(&self, info: v1::FrameworkInfo) -> Scheduler {
        Scheduler::subscribe(self, info)
    }
}

/// Launches one task on the first offer; returns what the agent was told.
pub(crate) fn run_one(
    scheduler: &mut Scheduler,
    agent: &Agent,
    id: &str,
    resources: &str,
) -> RunTaskMessage {
    let offers = scheduler.offers();
    let offer = offers.first().expect("an offer");
    scheduler.accept(offer, vec![launch(vec![task(id, offer, resources)])]);
    agent.peer.expect()
}
