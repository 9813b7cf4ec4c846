//! Which live offer stands for which recorded one.
//!
//! The master offers the agents in random order, so the same resources may come as other offers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::replay::ids::Ids;

/// The offers of one framework that are out, recorded and live.
#[derive(Debug, Default)]
pub struct Offers {
    recorded: Vec<Value>,
    live: Vec<Value>,
    pairs: Vec<(String, String)>,
}

/// Returns the id of an offer.
fn id(offer: &Value) -> &str {
    offer
        .pointer("/id/value")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// How alike two offers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Agent,
    Role,
    Resources,
}

fn likeness(recorded: &Value, live: &Value) -> Option<Likeness> {
    if recorded.get("hostname") != live.get("hostname") {
        return None;
    }
    if recorded.get("allocation_info") != live.get("allocation_info") {
        return Some(Likeness::Agent);
    }
    let resources = |offer: &Value| -> BTreeSet<String> {
        let list = offer.get("resources").and_then(Value::as_array);
        list.into_iter().flatten().map(Value::to_string).collect()
    };
    if resources(recorded) == resources(live) {
        Some(Likeness::Resources)
    } else {
        Some(Likeness::Role)
    }
}

impl Offers {
    /// Remembers offers that the recorded master made.
    pub fn recorded_came(&mut self, event: &Value) {
        self.recorded.extend(listed(event));
    }

    /// Remembers offers that the live master made.
    pub fn live_came(&mut self, event: &Value) {
        self.live.extend(listed(event));
    }

    /// Forgets a live offer; the id of the recorded one it stood for.
    pub fn live_gone(&mut self, live: &str) {
        self.live.retain(|offer| id(offer) != live);
    }

    /// Forgets a recorded offer.
    pub fn recorded_gone(&mut self, recorded: &str) {
        self.recorded.retain(|offer| id(offer) != recorded);
    }

    /// Forgets everything, as when the framework is gone.
    pub fn clear(&mut self) {
        self.recorded.clear();
        self.live.clear();
    }

    /// Returns the hosts of the live offers that are out.
    #[must_use]
    pub fn live_hosts(&self) -> BTreeSet<String> {
        let host = |offer: &Value| offer.get("hostname")?.as_str().map(str::to_owned);
        self.live.iter().filter_map(host).collect()
    }

    /// Tells whether each recorded offer that is out has a live one of its agent.
    pub fn is_paired(&mut self) -> bool {
        self.pairs.clear();
        self.pair(Likeness::Resources);
        self.pair(Likeness::Role);
        self.pair(Likeness::Agent);
        self.recorded
            .iter()
            .all(|offer| self.pairs.iter().any(|(recorded, _)| recorded == id(offer)))
    }

    /// Tells whether each offer of a recorded call has a live one of its agent and role.
    pub fn fits(&mut self, named: &[String]) -> bool {
        self.pairs.clear();
        self.pair(Likeness::Resources);
        self.pair(Likeness::Role);
        let is_out = |name: &&String| self.recorded.iter().any(|offer| id(offer) == *name);
        named
            .iter()
            .filter(is_out)
            .all(|name| self.pairs.iter().any(|(recorded, _)| recorded == name))
    }

    /// Takes the live offers that stand for no recorded one.
    pub fn take_surplus(&mut self) -> Vec<String> {
        let _all = self.is_paired();
        let stands = |offer: &Value| self.pairs.iter().any(|(_, live)| live == id(offer));
        let (paired, surplus) = self.live.drain(..).partition(stands);
        self.live = paired;
        let surplus: Vec<Value> = surplus;
        surplus.iter().map(|offer| id(offer).to_owned()).collect()
    }

    /// Takes every live offer that is out.
    pub fn take_live(&mut self) -> Vec<String> {
        self.live
            .drain(..)
            .map(|offer| id(&offer).to_owned())
            .collect()
    }

    /// Pairs what is at least so alike, and teaches `ids` the pairs.
    fn pair(&mut self, least: Likeness) {
        for recorded in &self.recorded {
            if self.pairs.iter().any(|(known, _)| known == id(recorded)) {
                continue;
            }
            let free = self.live.iter().find(|live| {
                likeness(recorded, live).is_some_and(|alike| alike >= least)
                    && !self.pairs.iter().any(|(_, taken)| taken == id(live))
            });
            if let Some(live) = free {
                self.pairs
                    .push((id(recorded).to_owned(), id(live).to_owned()));
            }
        }
    }

    /// Teaches `ids` the live id of every recorded offer that is out.
    pub fn teach(&mut self, ids: &mut Ids) {
        let _all = self.is_paired();
        for (recorded, live) in &self.pairs {
            ids.learn(recorded, live);
        }
    }

    /// Takes the offers that a recorded call names and teaches `ids` their live ids.
    ///
    /// A call that uses up every recorded offer uses up every live one.
    pub fn take(&mut self, named: &[String], ids: &mut Ids) -> Vec<String> {
        let _all = self.is_paired();
        let uses_all = self
            .recorded
            .iter()
            .all(|offer| named.iter().any(|name| name == id(offer)));
        let mut taken: Vec<String> = Vec::new();
        for name in named {
            match self.pairs.iter().find(|(recorded, _)| recorded == name) {
                Some((_, live)) => {
                    ids.learn(name, live);
                    taken.push(live.clone());
                }
                None if !self.recorded.iter().any(|offer| id(offer) == name) => {
                    // Never offered, or not any more: a misuse that the recording shows.
                    taken.push(ids.text(name));
                }
                None => {}
            }
        }
        if uses_all && !self.recorded.is_empty() {
            let rest = self.live.iter().map(|offer| id(offer).to_owned());
            let rest: Vec<String> = rest.filter(|live| !taken.contains(live)).collect();
            taken.extend(rest);
        }
        for name in named {
            self.recorded_gone(name);
        }
        self.live
            .retain(|offer| !taken.iter().any(|live| live == id(offer)));
        taken
    }
}

fn listed(event: &Value) -> Vec<Value> {
    let offers = event.pointer("/offers/offers").and_then(Value::as_array);
    offers.cloned().unwrap_or_default()
}
