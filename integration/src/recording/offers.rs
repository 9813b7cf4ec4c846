//! Which live offer stands for which recorded one, and whether they say the same.
//!
//! The master offers the agents in random order, so the same resources may come as other offers.
//! What an agent offers in all is the same in every order.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::replay::compare;
use crate::replay::ids::Ids;

/// The offers of one framework that are out, recorded and live.
#[derive(Debug, Default)]
pub struct Offers {
    recorded: Vec<Value>,
    live: Vec<Value>,
    pairs: Vec<(String, String)>,
    /// The hosts of all offers that ever came, by recorded or live id.
    hosts: BTreeMap<String, String>,
}

/// Returns the id of an offer.
fn id(offer: &Value) -> &str {
    offer
        .pointer("/id/value")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn host(offer: &Value) -> &str {
    let host = offer.get("hostname").and_then(Value::as_str);
    host.unwrap_or_default()
}

/// How alike two offers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    Agent,
    Role,
    Resources,
}

/// How alike all offers that are out are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// Each recorded offer has a live one that says the same, and there are no others.
    Same,
    /// The agents offer the same, in other pieces or to other roles of the framework.
    CutOtherwise,
    /// What differs.
    Different(Vec<String>),
}

fn likeness(recorded: &Value, live: &Value) -> Option<Likeness> {
    if recorded.get("hostname") != live.get("hostname") {
        return None;
    }
    if recorded.get("allocation_info") != live.get("allocation_info") {
        return Some(Likeness::Agent);
    }
    if amounts(&[recorded], Roles::Apart) == amounts(&[live], Roles::Apart) {
        Some(Likeness::Resources)
    } else {
        Some(Likeness::Role)
    }
}

/// Whether it matters to which role of the framework something is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Roles {
    Apart,
    Together,
}

/// How much of what some offers hold, in thousandths; ranges one by one.
fn amounts(offers: &[&Value], roles: Roles) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for resource in offers.iter().flat_map(|offer| resources(offer)) {
        let mut kind = resource.clone();
        let Some(fields) = kind.as_object_mut() else {
            continue;
        };
        let scalar = fields.remove("scalar");
        if roles == Roles::Together {
            fields.remove("allocation_info");
        }
        let thousandths = scalar
            .as_ref()
            .and_then(|scalar| Some((scalar.get("value")?.as_f64()? * 1000.0).round()))
            .and_then(|rounded| format!("{rounded:.0}").parse().ok());
        let sum: &mut i64 = sums.entry(kind.to_string()).or_default();
        match thousandths {
            // A shared volume is one, however often it is offered.
            Some(amount) if fields_share(&kind) => *sum = amount,
            Some(amount) => *sum += amount,
            None => *sum = 1,
        }
    }
    sums
}

/// Leaves out to which framework an offer was made, and in which format.
fn forget_receiver(offer: &mut Value) {
    let Some(fields) = offer.as_object_mut() else {
        return;
    };
    for field in ["framework_id", "allocation_info", "executor_ids"] {
        fields.remove(field);
    }
    let list = fields.get_mut("resources").and_then(Value::as_array_mut);
    for resource in list.into_iter().flatten().filter_map(Value::as_object_mut) {
        resource.remove("allocation_info");
        if resource.get("role").and_then(Value::as_str) == Some("*") {
            resource.remove("role");
        }
    }
}

fn fields_share(resource: &Value) -> bool {
    resource.get("shared").is_some()
}

fn resources(offer: &Value) -> impl Iterator<Item = &Value> {
    let list = offer.get("resources").and_then(Value::as_array);
    list.into_iter().flatten()
}

/// What of an offer is no resource and no id, as far as it is the same for all offers of an agent.
fn of_agent(offer: &Value, roles: Roles) -> Value {
    let mut offer = offer.clone();
    if let Some(fields) = offer.as_object_mut() {
        fields.remove("id");
        fields.remove("resources");
        if roles == Roles::Together {
            fields.remove("allocation_info");
        }
    }
    offer
}

/// Where amounts differ, in units.
fn differing(place: &str, recorded: &[&Value], live: &[&Value], roles: Roles) -> Vec<String> {
    let (recorded, live) = (amounts(recorded, roles), amounts(live, roles));
    let kinds: BTreeSet<&String> = recorded.keys().chain(live.keys()).collect();
    let unlike = kinds.into_iter().filter_map(|kind| {
        let of = |amounts: &BTreeMap<String, i64>| amounts.get(kind).copied().unwrap_or(0);
        let (recorded, live) = (of(&recorded), of(&live));
        let units = |thousandths: i64| format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        (recorded != live).then(|| {
            format!(
                "{place} {kind}: recorded {}, got {}",
                units(recorded),
                units(live)
            )
        })
    });
    unlike.collect()
}

impl Offers {
    /// Remembers offers that the recorded master made.
    pub fn recorded_came(&mut self, event: &Value) {
        self.remember_hosts(event);
        self.recorded.extend(listed(event));
    }

    /// Remembers offers that the live master made.
    pub fn live_came(&mut self, event: &Value) {
        self.remember_hosts(event);
        self.live.extend(listed(event));
    }

    fn remember_hosts(&mut self, event: &Value) {
        for offer in listed(event) {
            let (id, host) = (id(&offer).to_owned(), host(&offer).to_owned());
            self.hosts.insert(id, host);
        }
    }

    /// An event that takes an offer back, with the host of the offer in place of its id.
    #[must_use]
    pub fn with_host(&self, rescind: &Value) -> Value {
        let id = rescind.pointer("/rescind/offer_id/value");
        let host = self
            .hosts
            .get(id.and_then(Value::as_str).unwrap_or_default());
        json!({"type": rescind.get("type"), "offer of": host})
    }

    /// The host of an offer that came once.
    #[must_use]
    pub fn host_of(&self, id: &str) -> String {
        self.hosts.get(id).cloned().unwrap_or_default()
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

    /// Tells whether the agents offer the same to some frameworks together.
    pub fn are_the_same_together<'o>(all: impl Iterator<Item = &'o Self>, ids: &Ids) -> bool {
        let mut together = Self::default();
        for offers in all {
            together.recorded.extend(offers.recorded.iter().cloned());
            together.live.extend(offers.live.iter().cloned());
        }
        for offer in together.recorded.iter_mut().chain(&mut together.live) {
            forget_receiver(offer);
        }
        !matches!(together.agreement("", ids), Agreement::Different(_))
    }

    /// Tells how alike the recorded and the live offers that are out are.
    pub fn agreement(&mut self, place: &str, ids: &Ids) -> Agreement {
        let _all = self.is_paired();
        if self.recorded.len() == self.live.len() && self.each_says_the_same(ids) {
            return Agreement::Same;
        }
        let hosts = self.recorded.iter().chain(&self.live).map(host);
        let hosts: BTreeSet<&str> = hosts.collect();
        let mut found = Vec::new();
        for name in hosts {
            let of_host = |offers: &'_ [Value]| -> Vec<Value> {
                let offers = offers.iter().filter(|offer| host(offer) == name);
                offers.cloned().collect()
            };
            let (recorded, live) = (of_host(&self.recorded), of_host(&self.live));
            let (recorded, live): (Vec<&Value>, Vec<&Value>) =
                (recorded.iter().collect(), live.iter().collect());
            let place = format!("{place} offers of {name}");
            found.extend(differing(&place, &recorded, &live, Roles::Together));
            if let (Some(recorded), Some(live)) = (recorded.first(), live.first()) {
                let (recorded, live) = (
                    of_agent(recorded, Roles::Together),
                    of_agent(live, Roles::Together),
                );
                let unlike = compare::compare(&place, &recorded, &live, &mut ids.clone());
                found.extend(unlike.iter().map(ToString::to_string));
            }
        }
        if found.is_empty() {
            Agreement::CutOtherwise
        } else {
            Agreement::Different(found)
        }
    }

    /// Whether each recorded offer is paired with a live one of the same content.
    fn each_says_the_same(&self, ids: &Ids) -> bool {
        self.recorded.iter().all(|recorded| {
            let pair = self.pairs.iter().find(|(known, _)| known == id(recorded));
            let live = pair.and_then(|(_, live)| self.live.iter().find(|offer| id(offer) == live));
            live.is_some_and(|live| {
                let (one, other) = (
                    of_agent(recorded, Roles::Apart),
                    of_agent(live, Roles::Apart),
                );
                likeness(recorded, live) == Some(Likeness::Resources)
                    && compare::compare("", &one, &other, &mut ids.clone()).is_empty()
            })
        })
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
        self.live
            .iter()
            .map(|offer| host(offer).to_owned())
            .collect()
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
