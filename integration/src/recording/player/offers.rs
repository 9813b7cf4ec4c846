//! Offers: what is out on both sides, what is taken back, and what comes again after a refusal.
//!
//! # Tolerance
//! Which agent a round begins with is drawn, and which role of a framework gets what follows from
//! it: where the recording has several roles, the agents are drawn again until the offers are the
//! recorded ones; when they are not, what each agent offers in all must be the same, and what is
//! taken back must be of the same agents.
//! A round falls between two events or after them: offers are compared when the recorded framework
//! used them or had no more for the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::super::RecordingError;
use super::super::events::kind;
use super::super::offers::Agreement;
use super::super::schedulers::listed;
use super::super::snapshot::Chance;
use super::super::timeline::{Moment, Step};
use super::{PATIENCE, Player};

/// How long it waits for offers that another order of agents may have made others.
const PATIENCE_FOR_OFFERS: Duration = Duration::from_millis(1500);

/// How often the agents are drawn again before an offer that is to be accepted is given up.
const DRAWS: usize = 24;

/// How often they are drawn again for the same offers where the same resources will do.
const DRAWS_FOR_PIECES: usize = 3;

/// How much later than in the recording an offer may come again: one round of the recorded master.
const LATE: Duration = Duration::from_secs(1);

/// How often a refusal is repeated when the offer comes too late.
///
/// A machine that is busy is late now and then, a master that is wrong is late every time.
const REFUSALS: usize = 4;

/// For how many seconds an agent is refused by a call that does not say, or says less than none.
const REFUSED: f64 = 5.0;

/// The framework that the notes on offers are about.
const NOTED: &str = "multi";

/// Lists the moments after which some frameworks get no more offers before anything else happens.
pub(super) fn ends_of_bursts(moments: &[Moment]) -> BTreeMap<usize, BTreeSet<String>> {
    let mut open: BTreeSet<String> = BTreeSet::new();
    let mut last = 0;
    let mut ends = BTreeMap::new();
    for (index, moment) in moments.iter().enumerate() {
        let offered = match &moment.step {
            Step::Scheduler { name, line } => match line.get("event").map(kind) {
                Some("OFFERS") => Some(name),
                Some("HEARTBEAT" | "INVERSE_OFFERS") => continue,
                Some(_) | None => None,
            },
            // What an operator gets depends on what is offered at that moment.
            Step::Operator(_) => None,
            Step::Note(_)
            | Step::Snapshot(_)
            | Step::AgentSends(_)
            | Step::AgentGets(_)
            | Step::Watcher(_) => continue,
        };
        if let Some(name) = offered {
            open.insert(name.clone());
            last = index;
        } else if !open.is_empty() {
            ends.insert(last, std::mem::take(&mut open));
        }
    }
    ends.insert(last, open);
    ends
}

impl Player {
    /// Compares the offers of a framework that are out on both sides.
    pub(super) fn settle(&mut self, place: &str, name: &str) -> Result<(), RecordingError> {
        let is_drawn = self.set.chance == Chance::Offers;
        if is_drawn && self.schedulers.named(name).is_settled {
            // Other draws than those before would be as good, and others again.
            return Ok(());
        }
        let mut draws = 0;
        loop {
            let agreement = self.agree(place, name);
            let may_draw = match agreement {
                Agreement::Same => 0,
                Agreement::CutOtherwise => DRAWS_FOR_PIECES,
                Agreement::Different(_) => DRAWS,
            };
            if is_drawn && draws < may_draw {
                draws += 1;
                self.schedulers.decline_all(self.master, &mut self.ids)?;
                continue;
            }
            let (what, found) = match agreement {
                Agreement::Same => ("offers as recorded", Vec::new()),
                Agreement::CutOtherwise => ("offers cut otherwise", Vec::new()),
                Agreement::Different(found) => ("other offers", found),
            };
            let scheduler = self.schedulers.named(name);
            scheduler.offers.teach(&mut self.ids);
            scheduler.is_settled = true;
            self.report.add(what, found);
            return Ok(());
        }
    }

    /// Has the agents drawn again until the framework has the offers that it is to accept.
    pub(super) fn draw_for(&mut self, name: &str, named: &[String]) -> Result<(), RecordingError> {
        for _ in 0..DRAWS {
            let fits = |player: &mut Self| {
                let offers = &mut player.schedulers.named(name).offers;
                offers.fits(named).then_some(())
            };
            if self.wait(PATIENCE_FOR_OFFERS, fits).is_some() {
                return Ok(());
            }
            self.schedulers.decline_all(self.master, &mut self.ids)?;
        }
        Ok(())
    }

    /// Waits until the offers of both sides agree.
    fn agree(&mut self, place: &str, name: &str) -> Agreement {
        let is_drawn = self.set.chance == Chance::Offers;
        let patience = if is_drawn {
            PATIENCE_FOR_OFFERS
        } else {
            PATIENCE
        };
        let mut last = Agreement::Same;
        let found = self.wait(patience, |player| {
            let is_known = player.set.is_known;
            let ids = &player.ids;
            let now = player.schedulers.named(name).offers.agreement(place, ids);
            last = match now {
                Agreement::Different(found) if found.iter().all(|one| is_known(one)) => {
                    Agreement::CutOtherwise
                }
                // Two frameworks of one role get what the order of the agents leaves them.
                Agreement::Different(_) if is_drawn && player.schedulers.share_the_same(ids) => {
                    Agreement::CutOtherwise
                }
                Agreement::Different(found) => Agreement::Different(found),
                Agreement::Same => Agreement::Same,
                Agreement::CutOtherwise => Agreement::CutOtherwise,
            };
            match last {
                Agreement::Same | Agreement::CutOtherwise => Some(last.clone()),
                Agreement::Different(_) => None,
            }
        });
        found.unwrap_or(last)
    }

    /// Compares that an offer of the same agent is taken back.
    ///
    /// Where agents are drawn, an agent's resources may be offered in fewer pieces.
    pub(super) fn rescinded(&mut self, place: &str, name: &str, event: &Value) {
        let gone = event.pointer("/rescind/offer_id/value");
        let gone = gone.and_then(Value::as_str).unwrap_or_default();
        let offers = &mut self.schedulers.named(name).offers;
        offers.recorded_gone(gone);
        let recorded = offers.with_host(event);
        let host = offers.host_of(gone);
        if self.set.chance == Chance::Offers {
            let is_gone = self.wait(PATIENCE, |player| {
                let scheduler = player.schedulers.named(name);
                let is_out = scheduler.offers.live_hosts().contains(&host);
                let is_back = |event: &Value| scheduler.offers.with_host(event) == recorded;
                (scheduler.come.iter().any(is_back) || !is_out).then_some(())
            });
            let difference = is_gone.is_none().then(|| format!("{place}: never came"));
            self.report.add("RESCIND", difference);
            return;
        }
        let candidates = |player: &mut Self| {
            let scheduler = player.schedulers.named(name);
            let come = scheduler.come.iter().enumerate();
            come.filter(|(_, live)| kind(live) == "RESCIND")
                .map(|(index, live)| (index, scheduler.offers.with_host(live)))
                .collect()
        };
        if let Some(index) = self.best("RESCIND", place, &recorded, candidates) {
            self.came_in_order(place, name, index);
            self.schedulers.named(name).come.remove(index);
        }
    }

    /// Compares the hosts whose offers are out.
    pub(super) fn offered(&mut self, place: &str, hosts: &str) -> Result<(), RecordingError> {
        self.schedulers.named(NOTED).is_settled = false;
        self.settle(place, NOTED)?;
        let recorded: BTreeSet<String> = hosts
            .trim_matches(['[', ']'])
            .split(", ")
            .map(|host| host.trim_matches('\'').to_owned())
            .filter(|host| !host.is_empty())
            .collect();
        let live = self.schedulers.named(NOTED).offers.live_hosts();
        let difference =
            (live != recorded).then(|| format!("{place}: offered {recorded:?}, got {live:?}"));
        self.report.add("offered", difference);
        Ok(())
    }

    /// Compares how long after a refusal the same was offered again.
    pub(super) fn offered_again(&mut self, place: &str, note: &str) -> Result<(), RecordingError> {
        let recorded = note.split('s').next().and_then(|text| text.parse().ok());
        let refused = note.rsplit(' ').next().and_then(|text| text.parse().ok());
        let refused: Option<f64> = refused.filter(|seconds| *seconds >= 0.0);
        let filters = refused.map_or(
            Value::Null,
            |seconds| serde_json::json!({"refuse_seconds": seconds}),
        );
        let at_least = Duration::from_secs_f64(refused.unwrap_or(REFUSED));
        let at_most = Duration::from_secs_f64(recorded.unwrap_or_default()) + LATE;
        let mut took = Duration::ZERO;
        for refusal in 0..=REFUSALS {
            let scheduler = self.schedulers.named(NOTED);
            took = scheduler.offered.saturating_sub(scheduler.declined);
            if took <= at_most || refusal == REFUSALS {
                break;
            }
            scheduler.decline_again(&filters, self.master, &self.ids)?;
            self.settle(place, NOTED)?;
        }
        let is_same = took >= at_least && took <= at_most;
        let difference =
            (!is_same).then(|| format!("{place}: offers again after {note}, got {took:?}"));
        self.report.add("offers again", difference);
        Ok(())
    }

    /// Compares inverse offers one by one: how many come together is a matter of moments.
    pub(super) fn inverse_offers(&mut self, place: &str, name: &str, event: &Value) {
        for offer in listed(event) {
            let candidates = |player: &mut Self| {
                let scheduler = player.schedulers.named(name);
                scheduler
                    .inverse_offers
                    .iter()
                    .cloned()
                    .enumerate()
                    .collect()
            };
            if let Some(index) = self.best("inverse offer", place, &offer, candidates) {
                let _live = self.schedulers.named(name).inverse_offers.remove(index);
            }
        }
    }
}
