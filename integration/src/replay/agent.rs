//! Plays the recorded master against a live agent.
//!
//! Executors are real: the agent starts them, so only the wire between master and agent is played.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::Value;

use super::ids::Ids;
use super::wire::Frame;
use super::{Outcome, ReplayError, compare, in_frame};
use crate::descriptors;
use crate::legacy_peer::{LegacyPeer, PeerError};

/// Ports of the recording.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The recorded master.
    pub master: u64,
    /// The recorded agent.
    pub agent: u64,
}

/// The recorded master, ready for a live agent that is told to join `address`.
#[derive(Debug)]
pub struct Player {
    ports: Ports,
    peer: LegacyPeer,
    ids: Ids,
    outcome: Outcome,
}

impl Player {
    /// Starts to listen.
    ///
    /// # Errors
    /// [`PeerError`] when no port is free.
    pub fn listen(ports: Ports) -> Result<Self, PeerError> {
        let peer = LegacyPeer::listen("master")?;
        let mut ids = Ids::default();
        ids.learn_port(ports.master, peer.address.port());
        Ok(Self {
            ports,
            peer,
            ids,
            outcome: Outcome::default(),
        })
    }

    /// Returns the address that the agent must be given as its master.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.peer.address
    }

    /// Plays the frames between master and agent that concern no framework, or one of `frameworks`.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play(
        mut self,
        frames: &[Frame],
        agent: SocketAddr,
        frameworks: &BTreeSet<String>,
    ) -> Result<Outcome, ReplayError> {
        self.ids.learn_port(self.ports.agent, agent.port());
        for frame in frames {
            let Some((to, name)) = frame.legacy() else {
                continue;
            };
            let is_ours = self.is_between_master_and_agent(frame)
                && (frame.body.is_empty()
                    || concerns(&frame.legacy_json()?, frameworks).unwrap_or(true));
            if !is_ours {
                continue;
            }
            if frame.to_port == self.ports.agent {
                self.send(frame, to, name, agent)?;
            } else {
                self.expect(frame, name)?;
            }
        }
        Ok(self.outcome)
    }

    fn is_between_master_and_agent(&self, frame: &Frame) -> bool {
        let from = frame.header("Libprocess-From").unwrap_or_default();
        let is_from = |port: u64| from.ends_with(&format!(":{port}"));
        (frame.to_port == self.ports.agent && is_from(self.ports.master))
            || (frame.to_port == self.ports.master && is_from(self.ports.agent))
    }

    fn send(
        &mut self,
        frame: &Frame,
        to: &str,
        name: &str,
        agent: SocketAddr,
    ) -> Result<(), ReplayError> {
        let recorded = if frame.body.is_empty() {
            Value::Null
        } else {
            frame.legacy_json()?
        };
        let body = if recorded.is_null() {
            Vec::new()
        } else {
            descriptors::to_bytes(name, &self.ids.value(&recorded))
                .map_err(in_frame(frame.number))?
        };
        let from = self
            .ids
            .text(frame.header("Libprocess-From").unwrap_or_default());
        self.peer
            .send_as(&from, &format!("{to}@{agent}"), name, &body)
            .map_err(in_frame(frame.number))
    }

    fn expect(&mut self, frame: &Frame, name: &str) -> Result<(), ReplayError> {
        let task = |value: &Value| {
            let status = value.pointer("/update/status")?;
            let task = status.pointer("/task_id/value")?.as_str()?;
            Some((task.to_owned(), status.get("state")?.as_str()?.to_owned()))
        };
        let recorded = if frame.body.is_empty() {
            Value::Null
        } else {
            frame.legacy_json()?
        };
        let wanted = task(&recorded);
        // Updates of several tasks may come in another order than recorded.
        let live = self
            .peer
            .wait_until(&format!("{name} {wanted:?}"), |message| {
                let update = message.json().ok();
                message.name == name && update.as_ref().and_then(task) == wanted
            })
            .map_err(in_frame(frame.number))?;
        let live = if recorded.is_null() {
            Value::Null
        } else {
            live.json().map_err(in_frame(frame.number))?
        };
        let place = format!("frame {} {name}", frame.number);
        let differences = compare::compare(&place, &recorded, &live, &mut self.ids);
        self.outcome.add(name, differences);
        Ok(())
    }
}

/// Tells whether a message concerns one of the frameworks; `None` when it concerns none at all.
fn concerns(message: &Value, frameworks: &BTreeSet<String>) -> Option<bool> {
    let paths = [
        "/framework_id/value",
        "/framework/id/value",
        "/update/framework_id/value",
    ];
    let id = paths
        .iter()
        .find_map(|path| message.pointer(path)?.as_str())?;
    Some(frameworks.contains(id))
}
