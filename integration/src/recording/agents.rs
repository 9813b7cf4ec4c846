//! The recorded agents: they say what they said, and answer pings while they are awake.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use super::RecordingError;
use crate::descriptors;
use crate::legacy_peer::{LegacyPeer, PeerError, Received};
use crate::replay::compare;
use crate::replay::ids::Ids;
use crate::replay::wire::Frame;

const PING: &str = "mesos.internal.PingSlaveMessage";
const PONG: &str = "mesos.internal.PongSlaveMessage";

#[derive(Debug)]
struct Agent {
    peer: LegacyPeer,
    is_awake: bool,
}

/// The agents by recorded port.
#[derive(Debug, Default)]
pub struct Agents {
    by_port: BTreeMap<u64, Agent>,
}

impl Agents {
    /// Opens a port for each recorded agent.
    ///
    /// # Errors
    /// [`PeerError::Listen`] when no port is free.
    pub fn listen(ports: &[u64], ids: &mut Ids) -> Result<Self, PeerError> {
        let mut agents = Self::default();
        for port in ports {
            let peer = LegacyPeer::listen("slave(1)")?;
            ids.learn_port(*port, peer.address.port());
            let agent = Agent {
                peer,
                is_awake: true,
            };
            agents.by_port.insert(*port, agent);
        }
        Ok(agents)
    }

    /// Lets every agent answer pings, or none.
    pub fn set_awake(&mut self, is_awake: Awake) {
        for agent in self.by_port.values_mut() {
            agent.is_awake = is_awake == Awake::Yes;
        }
    }

    /// Ends the agent with that number, counted from 1, or all.
    pub fn end(&mut self, number: Option<usize>) {
        for (index, agent) in self.by_port.values_mut().enumerate() {
            if number.is_none_or(|number| number == index + 1) {
                agent.peer.hang_up();
                agent.is_awake = false;
            }
        }
    }

    /// Starts the agent with that number, counted from 1.
    pub fn start(&mut self, number: usize) {
        if let Some(agent) = self.by_port.values_mut().nth(number - 1) {
            let _old = agent.peer.take_all();
            agent.is_awake = true;
        }
    }

    /// Closes every connection, as when the master is gone.
    pub fn hang_up(&mut self) {
        for agent in self.by_port.values_mut() {
            agent.peer.hang_up();
        }
    }

    /// Answers the pings that have come.
    pub fn answer_pings(&mut self) {
        for agent in self.by_port.values_mut() {
            while let Some(index) = agent.peer.come().iter().position(|got| got.name == PING) {
                let ping = agent.peer.take(index);
                if let (Some(ping), true) = (ping, agent.is_awake) {
                    // A master that is gone needs no pong.
                    let _gone = agent.peer.send(&ping.from, PONG, b"");
                }
            }
        }
    }

    /// Sends what a recorded agent sent.
    ///
    /// # Errors
    /// [`RecordingError`] when the master does not take it.
    pub fn send(
        &mut self,
        frame: &Frame,
        master: SocketAddr,
        ids: &mut Ids,
    ) -> Result<(), RecordingError> {
        let (Some((to, name)), Some(agent)) = (frame.legacy(), self.sender(frame)) else {
            return Ok(());
        };
        let recorded = frame.legacy_json()?;
        compare::pin(&recorded, ids);
        let body = descriptors::to_bytes(name, &ids.value(&recorded))?;
        let to = format!("{to}@{master}");
        if agent.peer.send(&to, name, &body).is_err() {
            // The master was restarted: the old connection is gone.
            agent.peer.hang_up();
            agent.peer.send(&to, name, &body)?;
        }
        Ok(())
    }

    fn sender(&mut self, frame: &Frame) -> Option<&mut Agent> {
        let from = frame.header("Libprocess-From")?;
        let port = from.rsplit(':').next()?.parse().ok()?;
        self.by_port.get_mut(&port)
    }

    /// Lists the messages of a name that have come to a recorded agent.
    pub fn come(&mut self, frame: &Frame) -> Vec<(usize, Received)> {
        let (Some((_, name)), Some(agent)) = (frame.legacy(), self.by_port.get_mut(&frame.to_port))
        else {
            return Vec::new();
        };
        let come = agent.peer.come().iter().cloned().enumerate();
        come.filter(|(_, message)| message.name == name).collect()
    }

    /// Takes one of the messages that [`Agents::come`] listed.
    pub fn take(&mut self, frame: &Frame, index: usize) {
        if let Some(agent) = self.by_port.get_mut(&frame.to_port) {
            let _taken = agent.peer.take(index);
        }
    }

    /// Returns the names of the messages that nobody took.
    pub fn rest(&mut self) -> Vec<Value> {
        let agents = self.by_port.values_mut();
        agents
            .flat_map(|agent| agent.peer.take_all())
            .filter(|message| message.name != PING)
            .map(|message| Value::from(message.name))
            .collect()
    }
}

/// Whether the agents answer pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awake {
    /// They do.
    Yes,
    /// They are stopped.
    No,
}
