//! Plays a recording against a live master.

mod offers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::RecordingError;
use super::agents::{Agents, Awake};
use super::events::{Events, kind};
use super::meaning::{body_kind, headers_of_meaning, learn_master, without};
use super::schedulers::{Schedulers, named_offers};
use super::snapshot::{self, Chance};
use super::timeline::{Moment, Step};
use crate::cluster::Cluster;
use crate::eventually::{Stopwatch, pause};
use crate::golden::Golden;
use crate::http_client::{self, Answer, Request};
use crate::record_stream::RecordStream;
use crate::replay::compare;
use crate::replay::ids::Ids;
use crate::replay::wire::Frame;

/// How long the player waits for something that the recording has.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it waits for something better than the best that came.
const DOUBT: Duration = Duration::from_secs(3);

/// What one recording needs.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// Name of the archive.
    pub name: &'static str,
    /// Port of the recorded master.
    pub master: u64,
    /// Ports of the recorded agents.
    pub agents: &'static [u64],
    /// What the recording shows by chance.
    pub chance: Chance,
    /// Flags of the recorded master.
    pub flags: &'static [&'static str],
    /// The longest pause of the recording that is kept: more than one round of offers.
    pub longest_gap: Duration,
    /// Operations that only the recorded master could not perform: they are left out.
    pub left_out: &'static [&'static str],
    /// Tells whether a difference is a known one; nothing better is waited for then.
    pub is_known: fn(&str) -> bool,
}

/// More than one round of offers when there is one in a second, as in the recordings.
pub const A_ROUND_OF_A_SECOND: Duration = Duration::from_millis(1300);

/// More than one round of offers when there are five in a second.
///
/// Where how many rounds there were leaves no trace, a recording is played that much faster.
pub const A_ROUND_OF_200_MS: Duration = Duration::from_millis(300);

/// What a play found.
#[derive(Debug, Default)]
pub struct Report {
    /// How much of each kind was compared.
    pub compared: BTreeMap<String, usize>,
    /// Where the live master did something else.
    pub differences: Vec<String>,
}

impl Report {
    fn add(&mut self, what: &str, differences: impl IntoIterator<Item = String>) {
        *self.compared.entry(what.to_owned()).or_default() += 1;
        self.differences.extend(differences);
    }

    /// Returns the differences that none of `known` explains.
    ///
    /// A known departure is a part of the path and the reason for it.
    #[must_use]
    pub fn unknown(&self, known: &[(&str, &str)]) -> Vec<&String> {
        let is_known = |difference: &str| known.iter().any(|(part, _)| difference.contains(part));
        let all = self.differences.iter();
        all.filter(|difference| !is_known(difference)).collect()
    }

    /// Returns how much of a kind was compared.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.compared.get(what).copied().unwrap_or(0)
    }
}

/// Plays the set against a new master.
///
/// # Errors
/// [`RecordingError`] when the conversation cannot go on.
pub fn play(set: &Set) -> Result<Report, RecordingError> {
    let golden = Golden::open(set.name)?;
    let moments = super::timeline::read(&golden, set.master)?;
    let cluster = Cluster::start_with(set.flags)?;
    let mut ids = Ids::default();
    ids.learn_port(set.master, cluster.master.address.port());
    let agents = Agents::listen(set.agents, &mut ids)?;
    let mut player = Player {
        golden,
        master: cluster.master.address,
        cluster,
        ids,
        agents,
        schedulers: Schedulers::default(),
        watcher: None,
        watched: Vec::new(),
        report: Report::default(),
        set: *set,
    };
    player.watch()?;
    let mut last = moments.first().map_or(0.0, |moment| moment.time);
    let bursts = offers::ends_of_bursts(&moments);
    for (index, moment) in moments.iter().enumerate() {
        player.keep_pace(moment.time - last);
        last = moment.time;
        player.step(moment)?;
        for name in bursts.get(&index).into_iter().flatten() {
            player.settle(&format!("{last:.3} {name} OFFERS"), name)?;
        }
    }
    player.finish();
    Ok(player.report)
}

struct Player {
    golden: Golden,
    cluster: Cluster,
    master: SocketAddr,
    ids: Ids,
    agents: Agents,
    schedulers: Schedulers,
    watcher: Option<Events>,
    watched: Vec<Value>,
    report: Report,
    set: Set,
}

impl Player {
    /// Lets the time of the recording pass, within reason.
    fn keep_pace(&mut self, seconds: f64) {
        let gap = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let watch = Stopwatch::start();
        while watch.elapsed() < gap.min(self.set.longest_gap) {
            self.read();
            pause();
        }
    }

    /// Takes in what has come.
    fn read(&mut self) {
        self.agents.answer_pings();
        self.schedulers.read();
        if let Some(watcher) = &self.watcher {
            self.watched.extend(watcher.come());
        }
    }

    /// Waits until `probe` answers, at most for `patience`.
    fn wait<T>(
        &mut self,
        patience: Duration,
        mut probe: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let watch = Stopwatch::start();
        loop {
            self.read();
            if let Some(found) = probe(self) {
                return Some(found);
            }
            if watch.elapsed() > patience {
                return None;
            }
            pause();
        }
    }

    fn step(&mut self, moment: &Moment) -> Result<(), RecordingError> {
        let place = format!("{:.3}", moment.time);
        match &moment.step {
            Step::Note(note) => self.note(&place, note),
            Step::Snapshot(folder) => self.snapshot(folder),
            Step::Operator(line) => self.operator(&place, line),
            Step::AgentSends(frame) => self.agents.send(frame, self.master, &mut self.ids),
            Step::AgentGets(frame) => self.agent_gets(&place, frame),
            Step::Scheduler { name, line } => {
                self.scheduler(&format!("{place} {name}"), name, line)
            }
            Step::Watcher(line) => self.watcher_line(&place, line),
        }
    }

    fn note(&mut self, place: &str, note: &str) -> Result<(), RecordingError> {
        let number = note
            .strip_prefix("agent")
            .and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        match number {
            Some(number) if note.ends_with("started") => self.agents.start(number),
            Some(number) if note.contains("exit") => self.agents.end(Some(number)),
            _ => {}
        }
        if note.contains("SIGSTOP") {
            self.agents.set_awake(Awake::No);
        } else if note.contains("SIGCONT") {
            self.agents.set_awake(Awake::Yes);
        } else if note.starts_with("kill -9 agent")
            || note.starts_with("agent killed -9")
            || note.contains("exit status")
        {
            self.agents.end(None);
        } else if note.starts_with("master killed -9") {
            let _status = self.cluster.master.kill()?;
            self.agents.hang_up();
            self.watcher = None;
        } else if note == "master started" && !self.cluster.master.is_running() {
            self.cluster.restart_master()?;
            self.watch()?;
        } else if let Some(hosts) = note.strip_prefix("offered: ") {
            self.offered(place, hosts)?;
        } else if let Some(seconds) = note.strip_prefix("offers again after ") {
            self.offered_again(place, seconds)?;
        }
        Ok(())
    }

    fn snapshot(&mut self, folder: &str) -> Result<(), RecordingError> {
        let names = match self.set.chance {
            Chance::Nothing => self.schedulers.names(),
            // These snapshots leave offers out.
            Chance::Offers => Vec::new(),
        };
        for name in names {
            self.settle(&format!("{folder} {name}"), &name)?;
        }
        self.schedulers.teach_offers(&mut self.ids);
        for (name, found) in snapshot::compare(
            &self.golden,
            folder,
            self.master,
            self.set.chance,
            &mut self.ids,
        )? {
            self.report.add("answer of a read endpoint", found);
            *self.report.compared.entry(name).or_default() += 1;
        }
        Ok(())
    }

    fn operator(&mut self, place: &str, line: &Value) -> Result<(), RecordingError> {
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
        let (method, target) = text("request").split_once(' ').unwrap_or_default();
        let target = self.ids.text(target);
        let mut request = Request::new(method, &target).header("Accept", "application/json");
        if target == "/api/v1" {
            request = request.header("Content-Type", "application/json");
        }
        match line.get("body") {
            None | Some(Value::Null) => {}
            Some(Value::String(form)) => request = request.body(self.ids.text(form)),
            Some(json) => request = request.body(self.ids.value(json).to_string()),
        }
        let answer = http_client::send(self.master, &request)?;
        let place = format!("{place} {method} {target} {}", body_kind(line));
        let recorded = json!({
            "status": line.get("status"),
            "headers": headers_of_meaning(line.get("headers")),
            "body": line.get("response"),
        });
        self.answered("operator call", &place, &recorded, &answer);
        Ok(())
    }

    fn answered(&mut self, what: &str, place: &str, recorded: &Value, answer: &Answer) {
        let headers: Value = answer
            .head
            .headers
            .iter()
            .map(|(name, value)| json!([name, value]))
            .collect();
        let live = json!({
            "status": answer.status(),
            "headers": headers_of_meaning(Some(&headers)),
            "body": answer.json().unwrap_or_else(|_text| Value::from(answer.text())),
        });
        let differences = compare::compare(place, recorded, &live, &mut self.ids);
        let differences = differences.iter().map(ToString::to_string);
        self.report.add(what, differences);
    }

    fn agent_gets(&mut self, place: &str, frame: &Frame) -> Result<(), RecordingError> {
        let recorded = frame.legacy_json()?;
        let name = frame.legacy().map_or("", |(_, name)| name).to_owned();
        let place = format!("{place} {name} to {}", frame.to_port);
        let candidates = |player: &mut Self| {
            let come = player.agents.come(frame);
            let come = come.into_iter();
            come.filter_map(|(index, message)| Some((index, message.json().ok()?)))
                .collect()
        };
        if let Some(index) = self.best(&name, &place, &recorded, candidates) {
            self.agents.take(frame, index);
        }
        Ok(())
    }

    /// Waits for the live message that is most like the recorded one, and compares the two.
    fn best(
        &mut self,
        what: &str,
        place: &str,
        recorded: &Value,
        mut candidates: impl FnMut(&mut Self) -> Vec<(usize, Value)>,
    ) -> Option<usize> {
        let mut best: Option<(usize, Value)> = None;
        let mut since: Option<Stopwatch> = None;
        let exact = self.wait(PATIENCE, |player| {
            let come = candidates(player);
            let differing = |live: &Value| {
                let mut ids = player.ids.clone();
                learn_master(recorded, live, &mut ids);
                let found = compare::compare(place, recorded, live, &mut ids);
                let found = found.iter().map(ToString::to_string);
                found.filter(|one| !(player.set.is_known)(one)).count()
            };
            let found = come.into_iter().min_by_key(|(_, live)| differing(live))?;
            let is_exact = differing(&found.1) == 0;
            // What comes at once is taken in one by one.
            let doubted = since.get_or_insert_default().elapsed();
            if is_exact || doubted > DOUBT {
                return Some(found);
            }
            best = Some(found);
            None
        });
        let Some((index, live)) = exact.or(best) else {
            self.report.add(what, [format!("{place}: never came")]);
            return None;
        };
        learn_master(recorded, &live, &mut self.ids);
        let differences = compare::compare(place, recorded, &live, &mut self.ids);
        let differences = differences.iter().map(ToString::to_string);
        self.report.add(what, differences);
        Some(index)
    }

    fn scheduler(&mut self, place: &str, name: &str, line: &Value) -> Result<(), RecordingError> {
        if let Some(call) = line.get("call") {
            let place = format!("{place} {}", kind(call));
            return self.scheduler_calls(&place, name, call, line);
        }
        if let Some(event) = line.get("event") {
            self.scheduler_gets(&format!("{place} {}", kind(event)), name, event);
            return Ok(());
        }
        if line.get("closed").is_some() {
            self.schedulers.named(name).close();
            return Ok(());
        }
        if let Some(head) = line.get("headers") {
            let scheduler = self.schedulers.named(name);
            let headers = scheduler.events.as_ref().map(|events| &events.head.headers);
            let live: Value = headers
                .into_iter()
                .flatten()
                .map(|(name, value)| json!([name, value]))
                .collect();
            let differences = compare::compare(
                &format!("{place} headers"),
                &headers_of_meaning(Some(head)),
                &headers_of_meaning(Some(&live)),
                &mut self.ids,
            );
            let differences = differences.iter().map(ToString::to_string);
            self.report.add("stream", differences);
        }
        Ok(())
    }

    fn scheduler_calls(
        &mut self,
        place: &str,
        name: &str,
        call: &Value,
        line: &Value,
    ) -> Result<(), RecordingError> {
        let (master, kind) = (self.master, kind(call));
        if kind == "SUBSCRIBE" {
            let scheduler = self.schedulers.named(name);
            return scheduler.subscribe(master, call, &self.ids);
        }
        match kind {
            "DECLINE" => self.settle(place, name)?,
            "ACCEPT" => {
                self.settle(place, name)?;
                self.draw_for(name, &named_offers(call))?;
            }
            "RECONCILE" => {
                let tasks = call.pointer("/reconcile/tasks").and_then(Value::as_array);
                let is_implicit = tasks.is_none_or(Vec::is_empty);
                self.schedulers.named(name).reconciles_all = is_implicit;
            }
            _ => {}
        }
        let call = &without(call, self.set.left_out);
        let scheduler = self.schedulers.named(name);
        let answer = scheduler.call(master, call, &mut self.ids)?;
        if kind == "SUPPRESS" {
            // No offer comes that would have it decline these.
            scheduler.decline_surplus(master, &mut self.ids)?;
        }
        let recorded = json!({
            "status": line.get("status"),
            "headers": headers_of_meaning(line.get("headers")),
            "body": line.get("body"),
        });
        self.answered("scheduler call", place, &recorded, &answer);
        Ok(())
    }

    fn scheduler_gets(&mut self, place: &str, name: &str, event: &Value) {
        let kind = kind(event).to_owned();
        let operation = event.pointer("/update_operation_status/status/operation_id/value");
        let operation = operation.and_then(Value::as_str);
        match kind.as_str() {
            _ if operation.is_some_and(|id| self.set.left_out.contains(&id)) => {}
            "HEARTBEAT" => {}
            "OFFERS" => {
                let scheduler = self.schedulers.named(name);
                scheduler.offers.recorded_came(event);
                scheduler.is_settled = false;
            }
            "RESCIND" => self.rescinded(place, name, event),
            "INVERSE_OFFERS" => self.inverse_offers(place, name, event),
            _ => {
                if kind == "SUBSCRIBED" {
                    self.schedulers.named(name).subscribed(event);
                }
                let candidates = |player: &mut Self| {
                    let come = player.schedulers.named(name).come.iter();
                    let come = come.cloned().enumerate();
                    come.filter(|(_, live)| super::events::kind(live) == kind)
                        .collect()
                };
                if let Some(index) = self.best(&kind, place, event, candidates) {
                    self.came_in_order(place, name, index);
                    self.schedulers.named(name).come.remove(index);
                }
            }
        }
    }

    /// Compares the order of events: what a live one has overtaken is a difference.
    ///
    /// A sweep over all tasks of a framework, or over all offers of an agent, has no order in C++,
    /// whose maps have none.
    fn came_in_order(&mut self, place: &str, name: &str, index: usize) {
        let scheduler = self.schedulers.named(name);
        let is_task = |event: &Value| {
            let status = |field: &str| event.pointer(&format!("/update/status/{field}"));
            let is = |field: &str, text: &str| status(field).and_then(Value::as_str) == Some(text);
            is("source", "SOURCE_MASTER")
                && (scheduler.reconciles_all || !is("reason", "REASON_RECONCILIATION"))
        };
        let is_offer = |event: &Value| kind(event).starts_with("RESCIND");
        let is_drawn = self.set.chance == Chance::Offers;
        let came = scheduler.come.get(index).cloned().unwrap_or_default();
        let is_free = |before: &Value| {
            is_task(&came) && is_task(before)
                || is_offer(&came) && is_offer(before)
                || is_drawn && is_offer(before)
        };
        let overtaken = scheduler.come.iter().take(index);
        let unlike: Vec<String> = overtaken
            .filter(|before| !is_free(before))
            .map(|before| format!("{place}: came after {before}"))
            .collect();
        self.report.add("order of events", unlike);
    }

    /// Opens the operator's event stream.
    fn watch(&mut self) -> Result<(), RecordingError> {
        let request = Request::post_json("/api/v1", &json!({"type": "SUBSCRIBE"}));
        let stream = RecordStream::open(self.master, &request)?;
        self.watcher = Some(Events::read(stream)?);
        Ok(())
    }

    fn watcher_line(&mut self, place: &str, line: &Value) -> Result<(), RecordingError> {
        let Some(event) = line.get("event") else {
            return Ok(());
        };
        let wanted = kind(event).to_owned();
        if wanted == "HEARTBEAT" {
            return Ok(());
        }
        let candidates = |player: &mut Self| {
            let come = player.watched.iter().cloned().enumerate();
            come.filter(|(_, live)| kind(live) == wanted).collect()
        };
        let what = format!("operator event {wanted}");
        if let Some(index) = self.best(
            &what,
            &format!("{place} operator {wanted}"),
            event,
            candidates,
        ) {
            self.watched.remove(index);
        }
        Ok(())
    }

    /// Names what the live master said beyond the recording.
    fn finish(&mut self) {
        self.read();
        let mut extra: BTreeMap<String, usize> = BTreeMap::new();
        for name in self.agents.rest() {
            *extra.entry(format!("agents: {name}")).or_default() += 1;
        }
        for offer in self.schedulers.offers_beyond() {
            *extra.entry(format!("offers: {offer}")).or_default() += 1;
        }
        let is_drawn = self.set.chance == Chance::Offers;
        let rest = self.schedulers.rest();
        for event in rest
            .into_iter()
            .filter(|event| !is_drawn || kind(event) != "RESCIND")
        {
            *extra.entry(format!("frameworks: {event}")).or_default() += 1;
        }
        for event in self.watched.drain(..) {
            *extra.entry(format!("operator: {event}")).or_default() += 1;
        }
        let extra = extra.into_iter();
        let extra = extra.map(|(what, count)| format!("beyond the recording, {what} x{count}"));
        self.report.differences.extend(extra);
    }
}
