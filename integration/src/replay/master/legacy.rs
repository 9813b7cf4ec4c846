//! The recorded frameworks that speak the legacy messages.
//!
//! What a master sends to them is not in the recording, but follows from it: an offer comes before
//! each call that uses one, updates are those of the agent, and authentication takes the steps that
//! the agent's takes.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::super::wire::Frame;
use super::super::{ReplayError, in_frame};
use super::authentication::{COMPLETED, MECHANISMS, START, STEP};
use super::{Player, UPDATE};
use crate::eventually::Stopwatch;
use crate::legacy_peer::{LegacyPeer, PeerError, Received};

pub(super) const CALL: &str = "mesos.scheduler.Call";
const OFFERS: &str = "mesos.internal.ResourceOffersMessage";
const REGISTERED: &str = "mesos.internal.FrameworkRegisteredMessage";

/// For how many seconds a driver refuses what it does not use, when it does not say.
const REFUSED: f64 = 5.0;

/// A driver on a port of its own.
#[derive(Debug)]
pub(super) struct LegacyFramework {
    peer: LegacyPeer,
    /// The recorded id, once a call named it.
    id: String,
    /// Updates of the agent that the master is to forward.
    expected: VecDeque<Value>,
    /// Whether the master has still to say that it knows the driver.
    is_authenticating: bool,
    /// When it used its last offer.
    used: Stopwatch,
}

impl Player {
    /// Sends what the recorded driver sent, after what it must have got before.
    pub(super) fn legacy_call(&mut self, frame: &Frame) -> Result<(), ReplayError> {
        let Some((to, name)) = frame.legacy() else {
            return Ok(());
        };
        let from = frame.header("Libprocess-From").unwrap_or_default();
        let (id, address) = from.split_once('@').unwrap_or_default();
        let mut framework = match self.frameworks.remove(address) {
            Some(framework) => framework,
            None => self.driver(frame, id, address)?,
        };
        let recorded = frame.legacy_json()?;
        let recorded = match name {
            CALL => {
                self.before_call(frame, &mut framework, &recorded)?;
                recorded
            }
            _ => {
                let to = format!("{to}@127.0.0.1:{}", frame.to_port);
                self.authenticates(frame, &mut framework, &to, recorded)?
            }
        };
        let body = self.encode(frame, name, &recorded)?;
        let (from, to) = (self.ids.text(from), self.receiver(frame));
        let sent = framework.peer.send_as(&from, &to, name, &body);
        sent.map_err(in_frame(frame.number))?;
        self.frameworks.insert(address.to_owned(), framework);
        Ok(())
    }

    fn driver(
        &mut self,
        frame: &Frame,
        id: &str,
        address: &str,
    ) -> Result<LegacyFramework, ReplayError> {
        let peer = LegacyPeer::listen(id).map_err(in_frame::<PeerError>(frame.number))?;
        self.ids.learn(address, &peer.address.to_string());
        Ok(LegacyFramework {
            peer,
            id: String::new(),
            expected: VecDeque::new(),
            is_authenticating: false,
            used: Stopwatch::start(),
        })
    }

    /// Takes the step of the master that made the driver take the next one.
    fn authenticates(
        &mut self,
        frame: &Frame,
        framework: &mut LegacyFramework,
        session: &str,
        recorded: Value,
    ) -> Result<Value, ReplayError> {
        let (_, name) = frame.legacy().unwrap_or_default();
        framework.is_authenticating = true;
        match name {
            START => {
                let (came, live) = awaited(frame, framework, MECHANISMS)?;
                // The session has a name of its own in each run.
                self.ids.learn(session, &came.from);
                let wanted = json!({"mechanisms": ["CRAM-MD5"]});
                self.compare(&place(frame, MECHANISMS), MECHANISMS, &wanted, &live);
                Ok(recorded)
            }
            STEP => {
                let (_, live) = awaited(frame, framework, STEP)?;
                let (wanted, form) = self
                    .authentication
                    .challenged(&json!({"data": AN_EXAMPLE}), &live);
                self.compare(&place(frame, STEP), STEP, &wanted, &form);
                Ok(self.authentication.step(&recorded))
            }
            _ => Ok(recorded),
        }
    }

    fn before_call(
        &mut self,
        frame: &Frame,
        framework: &mut LegacyFramework,
        recorded: &Value,
    ) -> Result<(), ReplayError> {
        if framework.is_authenticating {
            let (_, live) = awaited(frame, framework, COMPLETED)?;
            self.compare(&place(frame, COMPLETED), COMPLETED, &json!({}), &live);
            framework.is_authenticating = false;
        }
        let id = recorded.pointer("/framework_id/value");
        if let Some(id) = id.and_then(Value::as_str)
            && framework.id != id
        {
            let (_, live) = awaited(frame, framework, REGISTERED)?;
            let given = live.pointer("/framework_id/value").and_then(Value::as_str);
            self.ids.learn(id, given.unwrap_or_default());
            self.outcome.add(REGISTERED, Vec::new());
            id.clone_into(&mut framework.id);
        }
        match recorded.get("type").and_then(Value::as_str) {
            Some("ACCEPT" | "DECLINE") => self.offered(frame, framework, recorded),
            Some("ACKNOWLEDGE") => {
                let uuid = recorded.pointer("/acknowledge/uuid");
                self.updates(frame, framework, |update| {
                    update.pointer("/update/uuid") == uuid
                })
            }
            Some("TEARDOWN") => {
                self.updates(frame, framework, |_| false)?;
                self.nothing_is_left(frame, framework);
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes the offers that a call uses: as many as it names.
    fn offered(
        &mut self,
        frame: &Frame,
        framework: &mut LegacyFramework,
        recorded: &Value,
    ) -> Result<(), ReplayError> {
        let (_, live) = awaited(frame, framework, OFFERS)?;
        self.learn_offers(recorded, &live);
        let count = |list: Option<&Value>| list.and_then(Value::as_array).map(Vec::len);
        let named = recorded.pointer("/accept/offer_ids");
        let named = count(named.or_else(|| recorded.pointer("/decline/offer_ids")));
        let (recorded, live) = (
            json!({"count": named}),
            json!({"count": count(live.get("offers"))}),
        );
        self.compare(&place(frame, OFFERS), OFFERS, &recorded, &live);
        framework.used = Stopwatch::start();
        Ok(())
    }

    /// Remembers an update that a legacy framework is to get.
    pub(super) fn expect_update(&mut self, recorded: &Value) {
        let id = recorded.pointer("/update/framework_id/value");
        let id = id.and_then(Value::as_str).unwrap_or_default();
        let framework = self.frameworks.values_mut().find(|known| known.id == id);
        if let Some(framework) = framework {
            framework.expected.push_back(recorded.clone());
        }
    }

    /// Compares forwarded updates with those of the agent, up to the one that `last` picks.
    fn updates(
        &mut self,
        frame: &Frame,
        framework: &mut LegacyFramework,
        last: impl Fn(&Value) -> bool,
    ) -> Result<(), ReplayError> {
        while let Some(sent) = framework.expected.pop_front() {
            let (_, live) = awaited(frame, framework, UPDATE)?;
            self.compare(&place(frame, UPDATE), UPDATE, &sent, &live);
            if last(&sent) {
                break;
            }
        }
        Ok(())
    }

    /// A driver that says good-bye has used everything that the master sent.
    ///
    /// An offer is more when it came while the driver refused the agent.
    fn nothing_is_left(&mut self, frame: &Frame, framework: &mut LegacyFramework) {
        let is_slow = framework.used.elapsed().as_secs_f64() >= REFUSED;
        let rest: Value = framework
            .peer
            .take_all()
            .into_iter()
            .map(|message| message.name)
            .filter(|name| name != OFFERS || !is_slow)
            .collect();
        let name = "rest of a legacy framework";
        self.compare(&place(frame, name), name, &json!([]), &rest);
    }
}

/// A challenge of the form that every recorded one has.
const AN_EXAMPLE: &str = "PDI2NzE2NDIxNTguMTY3NjIyNTlAdm0+";

fn place(frame: &Frame, name: &str) -> String {
    format!("frame {} {name}", frame.number)
}

fn awaited(
    frame: &Frame,
    framework: &mut LegacyFramework,
    name: &str,
) -> Result<(Received, Value), ReplayError> {
    let came = framework
        .peer
        .wait_for(name)
        .map_err(in_frame(frame.number))?;
    let live = came.json().map_err(in_frame(frame.number))?;
    Ok((came, live))
}
