//! An agent that does only what a test says, on the legacy wire.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::legacy_peer::{LegacyPeer, PeerError};

const PING: &str = "mesos.internal.PingSlaveMessage";
const PONG: &str = "mesos.internal.PongSlaveMessage";

/// A registered agent without containers.
#[derive(Debug)]
pub struct FakeAgent {
    /// The id that the master gave.
    pub agent_id: String,
    /// What the master answered to the registration.
    pub registered: Value,
    /// The connection to the master, for anything the methods do not cover.
    pub peer: LegacyPeer,
    master: String,
}

impl FakeAgent {
    /// Registers an agent with 4 cpus and 1024 MB; it answers pings.
    ///
    /// # Errors
    /// [`PeerError`] when the master refuses or is silent.
    pub fn register(master: SocketAddr) -> Result<Self, PeerError> {
        Self::register_with(master, &json!([scalar("cpus", 4.0), scalar("mem", 1024.0)]))
    }

    /// Registers an agent with the given resources; it answers pings.
    ///
    /// # Errors
    /// [`PeerError`] when the master refuses or is silent.
    pub fn register_with(master: SocketAddr, resources: &Value) -> Result<Self, PeerError> {
        let mut peer = LegacyPeer::listen("slave(1)")?;
        peer.answer_at_once(PING, PONG);
        Self::ask(&mut peer, master, resources)?;
        let registered = peer
            .wait_for("mesos.internal.SlaveRegisteredMessage")?
            .json()?;
        let agent_id = text(&registered, "/slave_id/value");
        let master = format!("master@{master}");
        peer.send_json(
            &master,
            "mesos.internal.UpdateSlaveMessage",
            &json!({
                "slave_id": {"value": agent_id},
                "update_oversubscribed_resources": false,
                "operations": {},
                "resource_version_uuid": resource_version(),
                "resource_providers": {},
            }),
        )?;
        Ok(Self {
            agent_id,
            registered,
            peer,
            master,
        })
    }

    /// Asks for a registration as `peer`, and does not wait for an answer.
    ///
    /// # Errors
    /// [`PeerError`] when the master does not take the message.
    pub fn ask(
        peer: &mut LegacyPeer,
        master: SocketAddr,
        resources: &Value,
    ) -> Result<(), PeerError> {
        let master = format!("master@{master}");
        let capabilities: Vec<Value> = [
            "MULTI_ROLE",
            "HIERARCHICAL_ROLE",
            "RESERVATION_REFINEMENT",
            "RESOURCE_PROVIDER",
            "RESIZE_VOLUME",
            "AGENT_OPERATION_FEEDBACK",
            "AGENT_DRAINING",
            "TASK_RESOURCE_LIMITS",
        ]
        .iter()
        .map(|name| json!({"type": name}))
        .collect();
        peer.send_json(
            &master,
            "mesos.internal.RegisterSlaveMessage",
            &json!({
                "slave": {
                    "hostname": "localhost",
                    "port": peer.address.port(),
                    "resources": resources,
                    "checkpoint": true,
                },
                "version": "1.11.0",
                "agent_capabilities": capabilities,
                "resource_version_uuid": resource_version(),
            }),
        )
    }

    /// Leaves pings unanswered from now on.
    pub fn fall_silent(&self) {
        self.peer.stop_answering();
    }

    /// Waits for the next message of that name and decodes it.
    ///
    /// # Errors
    /// [`PeerError`] when it does not come in time.
    pub fn wait_for(&mut self, name: &str) -> Result<Value, PeerError> {
        Ok(self.peer.wait_for(name)?.json()?)
    }

    /// Waits for the next task to run and returns its description.
    ///
    /// # Errors
    /// [`PeerError`] when none comes in time.
    pub fn wait_for_task(&mut self) -> Result<Value, PeerError> {
        self.wait_for("mesos.internal.RunTaskMessage")
    }

    /// Reports the state of a task that came with `run`, and returns the uuid of the update.
    ///
    /// # Errors
    /// [`PeerError`] when the master does not take it.
    pub fn update(&mut self, run: &Value, state: &str) -> Result<String, PeerError> {
        let uuid = STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
        let framework = run.pointer("/framework/id").cloned().unwrap_or_default();
        let agent = json!({"value": self.agent_id});
        let status = json!({
            "task_id": run.pointer("/task/task_id"),
            "state": state,
            "slave_id": agent,
            "source": "SOURCE_EXECUTOR",
            "timestamp": 1.0,
            "uuid": uuid,
        });
        let pid = self.peer.upid();
        self.peer.send_json(
            &self.master,
            "mesos.internal.StatusUpdateMessage",
            &json!({
                "update": {
                    "framework_id": framework,
                    "slave_id": agent,
                    "status": status,
                    "timestamp": 1.0,
                    "uuid": uuid,
                    "latest_state": state,
                },
                "pid": pid,
            }),
        )?;
        Ok(uuid)
    }

    /// Sends any message to the master.
    ///
    /// # Errors
    /// [`PeerError`] when the master does not take it.
    pub fn send(&mut self, name: &str, body: &Value) -> Result<(), PeerError> {
        let master = self.master.clone();
        self.peer.send_json(&master, name, body)
    }
}

/// Describes a scalar resource of the role `*`.
#[must_use]
pub fn scalar(name: &str, value: f64) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": value}, "role": "*"})
}

/// The version of the resources of an agent that never change; it is any.
fn resource_version() -> Value {
    json!({"value": STANDARD.encode(uuid::Uuid::from_u128(1).as_bytes())})
}

fn text(value: &Value, path: &str) -> String {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
