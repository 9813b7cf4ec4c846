//! Operations on the registry, and which of them a master has acknowledged.
//!
//! An operation sets the weight of a role that no other operation touches.
//! What was acknowledged must be in the registry for ever, whatever fails afterwards.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::eventually::{NeverHappened, eventually};
use crate::http_client::{self, HttpError, Request};
use crate::registry_probe::registry;

/// Sends operations to whoever leads and remembers what was acknowledged.
#[derive(Debug, Default)]
pub struct AcknowledgedWrites {
    sent: u32,
    roles: BTreeSet<String>,
}

impl AcknowledgedWrites {
    /// Offers the next operation to each master once; true when one acknowledges it.
    pub fn try_write(&mut self, masters: &[SocketAddr]) -> bool {
        self.sent += 1;
        let role = format!("role{:05}", self.sent);
        let weight = json!({"role": role, "weight": 2.0});
        let call = json!({
            "type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [weight]},
        });
        let request = Request::post_json("/api/v1", &call);
        let acknowledged = masters.iter().any(|master| {
            http_client::send(*master, &request).is_ok_and(|answer| answer.status() == 200)
        });
        if acknowledged {
            self.roles.insert(role);
        }
        acknowledged
    }

    /// Writes until an operation is acknowledged.
    ///
    /// # Errors
    /// [`NeverHappened`] when none is.
    pub fn write(&mut self, masters: &[SocketAddr]) -> Result<(), NeverHappened> {
        eventually("an acknowledged operation", || {
            self.try_write(masters).then_some(())
        })
    }

    /// Writes one after the other until `stop` is set.
    pub fn write_until(&mut self, masters: &[SocketAddr], stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            self.try_write(masters);
        }
    }

    /// How many operations were acknowledged.
    #[must_use]
    pub fn count(&self) -> usize {
        self.roles.len()
    }

    /// What was acknowledged and is not in the registry of `master`; empty when nothing is lost.
    ///
    /// # Errors
    /// [`HttpError`] when the master does not answer.
    pub fn lost(&self, master: SocketAddr) -> Result<Vec<String>, HttpError> {
        let registry = registry(master)?;
        let weights = registry.get("weights").and_then(Value::as_array);
        let stored: BTreeSet<&str> = weights
            .into_iter()
            .flatten()
            .filter_map(|weight| weight.pointer("/info/role")?.as_str())
            .collect();
        let lost = self.roles.iter().map(String::as_str);
        Ok(lost
            .filter(|role| !stored.contains(role))
            .map(str::to_owned)
            .collect())
    }
}
