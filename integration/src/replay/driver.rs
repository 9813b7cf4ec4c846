//! Plays the recorded master against a live scheduler driver.
//!
//! The recordings hold what the driver said, and what agents told the master of its tasks, but not
//! the messages to the driver itself.
//! They follow from the rest: updates are those of the agent, an offer comes before each call that
//! uses one, and authentication takes the steps that agents took.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::ids::Ids;
use super::wire::Frame;
use super::{FrameError, Outcome, ReplayError, compare, in_frame};
use crate::descriptors;
use crate::legacy_peer::{LegacyPeer, PeerError};

const CALL: &str = "mesos.scheduler.Call";
const UPDATE: &str = "mesos.internal.StatusUpdateMessage";
const START: &str = "mesos.internal.AuthenticationStartMessage";
const STEP: &str = "mesos.internal.AuthenticationStepMessage";
const SESSION: &str = "crammd5-authenticator-session(1)";

/// The recorded master, ready for a driver that is told of `address`.
#[derive(Debug)]
pub struct Player {
    peer: LegacyPeer,
    ids: Ids,
    outcome: Outcome,
    /// The live driver, and its side of authentication.
    driver: String,
    authenticatee: String,
    role: Value,
    agent_resources: Vec<Value>,
    /// Whether something was sent since the last call.
    has_told: bool,
}

impl Player {
    /// Starts to listen.
    ///
    /// # Errors
    /// [`PeerError`] when no port is free.
    pub fn listen() -> Result<Self, PeerError> {
        Ok(Self {
            peer: LegacyPeer::listen("master")?,
            ids: Ids::default(),
            outcome: Outcome::default(),
            driver: String::new(),
            authenticatee: String::new(),
            role: Value::Null,
            agent_resources: Vec::new(),
            has_told: false,
        })
    }

    /// Returns the address that the driver must be given as its master.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.peer.address
    }

    /// Plays the life of one framework.
    ///
    /// # Errors
    /// [`ReplayError`] names the frame at which the conversation stopped.
    pub fn play(mut self, frames: &[Frame], framework: &str) -> Result<Outcome, ReplayError> {
        let own = pid_of(frames, framework).unwrap_or_default();
        let host = own.rsplit('@').next().unwrap_or_default();
        for frame in frames {
            let Some((to, name)) = frame.legacy() else {
                continue;
            };
            let from = frame.header("Libprocess-From").unwrap_or_default();
            let is_own = from.rsplit('@').next() == Some(host);
            let is_told = name == UPDATE && to == "master";
            let is_agent = name == "mesos.internal.RegisterSlaveMessage";
            if !is_own && !is_told && !is_agent {
                continue;
            }
            let message = frame.legacy_json()?;
            let failed = in_frame(frame.number);
            if is_agent {
                let resources = message
                    .pointer("/slave/resources")
                    .and_then(Value::as_array);
                self.agent_resources = resources.cloned().unwrap_or_default();
            } else if is_own {
                self.prepare(name, &message, framework).map_err(failed)?;
                self.expect(frame.number, name, &message).map_err(failed)?;
                self.follow_up(name, &message, framework).map_err(failed)?;
            } else if concerns(&message, framework) {
                self.tell(UPDATE, &message).map_err(failed)?;
            }
        }
        Ok(self.outcome)
    }

    /// Sends what makes the driver say what comes next.
    fn prepare(&mut self, name: &str, next: &Value, framework: &str) -> Result<(), FrameError> {
        match name {
            START => {
                let mechanisms = json!({"mechanisms": ["CRAM-MD5"]});
                self.authenticate("AuthenticationMechanismsMessage", &mechanisms)
            }
            STEP => {
                // The challenge is `<1.2@vm>`.
                let challenge = json!({"data": "PDEuMkB2bT4="});
                self.authenticate("AuthenticationStepMessage", &challenge)
            }
            CALL => match kind(next) {
                "ACCEPT" => self.offer(next, framework),
                "TEARDOWN" if !self.has_told => self.offer(next, framework),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Sends what the master answers at once.
    fn follow_up(&mut self, name: &str, said: &Value, framework: &str) -> Result<(), FrameError> {
        match name {
            STEP => self.authenticate("AuthenticationCompletedMessage", &json!({})),
            CALL if kind(said) == "SUBSCRIBE" => {
                let role = said.pointer("/subscribe/framework_info/roles/0");
                self.role = role.cloned().unwrap_or_default();
                let master = json!({
                    "id": "m", "ip": 0x0100_007f, "port": self.peer.address.port(),
                    "pid": self.peer.upid(),
                });
                let registered =
                    json!({"framework_id": {"value": framework}, "master_info": master});
                self.tell("mesos.internal.FrameworkRegisteredMessage", &registered)
            }
            _ => Ok(()),
        }
    }

    fn authenticate(&mut self, name: &str, body: &Value) -> Result<(), FrameError> {
        let name = format!("mesos.internal.{name}");
        let bytes = descriptors::to_bytes(&name, body)?;
        let from = format!("{SESSION}@{}", self.peer.address);
        let to = self.authenticatee.clone();
        Ok(self.peer.send_as(&from, &to, &name, &bytes)?)
    }

    fn tell(&mut self, name: &str, body: &Value) -> Result<(), FrameError> {
        self.has_told = true;
        let body = self.ids.value(body);
        Ok(self.peer.send_json(&self.driver, name, &body)?)
    }

    /// Offers what the agent has, and what the next call uses that is reserved.
    fn offer(&mut self, next: &Value, framework: &str) -> Result<(), FrameError> {
        let id = next.pointer("/accept/offer_ids/0").cloned();
        let prefix = framework.rsplit_once('-').map_or("", |(prefix, _)| prefix);
        let mut resources = self.agent_resources.clone();
        for resource in resources.iter_mut().filter_map(Value::as_object_mut) {
            resource.remove("role");
            resource.insert("allocation_info".to_owned(), json!({"role": self.role}));
        }
        let operations = next.pointer("/accept/operations/0");
        let used = ["/launch/task_infos/0/resources", "/unreserve/resources"];
        for path in used {
            let used = operations.and_then(|operation| operation.pointer(path)?.as_array());
            let is_reserved = |resource: &&Value| resource.get("reservations").is_some();
            resources.extend(used.into_iter().flatten().filter(is_reserved).cloned());
        }
        let offer = json!({
            "id": id.unwrap_or_else(|| json!({"value": "last"})),
            "framework_id": {"value": framework},
            "slave_id": {"value": format!("{prefix}-S0")},
            "hostname": "localhost",
            "resources": resources,
        });
        let offers = json!({"offers": [offer], "pids": ["slave(1)@127.0.0.1:1"]});
        self.tell("mesos.internal.ResourceOffersMessage", &offers)
    }

    fn expect(&mut self, number: usize, name: &str, recorded: &Value) -> Result<(), FrameError> {
        // A registration is repeated until it is answered, so that one more may have come.
        let live = self.peer.wait_until(name, |message| {
            let is_it = || {
                message
                    .json()
                    .is_ok_and(|said| kind(&said) == kind(recorded))
            };
            message.name == name && (name != CALL || is_it())
        })?;
        let mut said = live.json()?;
        let mut recorded = recorded.clone();
        match name {
            "mesos.internal.AuthenticateMessage" => {
                self.authenticatee.clone_from(&live.from);
                self.learn("/pid", &recorded, &said);
            }
            STEP => {
                // The secret half of the answer depends on the challenge.
                keep_principal(&mut recorded);
                keep_principal(&mut said);
            }
            CALL => {
                self.driver.clone_from(&live.from);
                self.learn("/subscribe/framework_info/hostname", &recorded, &said);
                self.learn("/subscribe/framework_info/user", &recorded, &said);
            }
            _ => {}
        }
        let name = if name == CALL { kind(&recorded) } else { name };
        let place = format!("frame {number} {name}");
        let differences = compare::compare(&place, &recorded, &said, &mut self.ids);
        self.outcome.add(name, differences);
        self.has_told = false;
        Ok(())
    }

    /// What one machine calls itself.
    fn learn(&mut self, path: &str, recorded: &Value, live: &Value) {
        let text = |value: &Value| value.pointer(path)?.as_str().map(str::to_owned);
        if let (Some(recorded), Some(live)) = (text(recorded), text(live)) {
            self.ids.learn(&recorded, &live);
        }
    }
}

/// The process of the framework's driver.
fn pid_of(frames: &[Frame], framework: &str) -> Option<String> {
    let calls = frames.iter().filter(|frame| {
        let is_call = frame.legacy().is_some_and(|(_, name)| name == CALL);
        let body = frame.body.windows(framework.len());
        is_call && body.into_iter().any(|part| part == framework.as_bytes())
    });
    let mut pids = calls.filter_map(|frame| frame.header("Libprocess-From"));
    pids.next().map(str::to_owned)
}

fn kind(call: &Value) -> &str {
    call.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn concerns(update: &Value, framework: &str) -> bool {
    let named = update.pointer("/update/framework_id/value");
    named.and_then(Value::as_str) == Some(framework)
}

/// Leaves of a CRAM-MD5 answer whose it is.
fn keep_principal(step: &mut Value) {
    use base64::Engine as _;
    let data = step.get("data").and_then(Value::as_str).unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(data);
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
    let principal = text.split(' ').next().unwrap_or_default();
    *step = json!({ "principal": principal });
}
