//! What the read endpoints of a master said at each stage of the recording, and say of ours.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::within;
use mesos_integration::golden::Golden;
use mesos_integration::http_client::{self, Request};
use mesos_integration::record_stream::RecordStream;
use mesos_integration::recording::events::{Events, kind};
use mesos_integration::recording::snapshot::{self, Chance};
use mesos_integration::replay::master::{NextOffers, Player, Ports};
use mesos_integration::replay::wire::{self, Frame};
use serde_json::{Value, json};

const PORTS: Ports = Ports {
    masters: &[15050],
    agent: 15051,
};

/// The stages, each with the second at which its snapshot was begun.
const STAGES: [(&str, f64); 6] = [
    ("00-empty", 4.19),
    ("01-completed", 14.31),
    ("02-running", 18.61),
    ("03-operations", 21.16),
    ("04-after-failover", 107.0),
    ("05-gone", 111.0),
];

/// When the endpoints were read that no stage repeats.
const SINGLE_READS: f64 = 25.56;

/// When the bad requests of `errors.txt` were sent, which another test compares.
const REFUSALS: std::ops::Range<f64> = 25.78..27.0;

/// When the master was killed and started again.
const FAILOVER: f64 = 33.0;

/// Whether a framework hung up before the master saw its call: no answer follows.
fn is_lost(frame: &Frame, later: &[Frame]) -> bool {
    let answers = |answer: &Frame| answer.to_port == frame.from_port && answer.path().is_empty();
    frame.path() == "/master/api/v1/scheduler" && !later.iter().any(answers)
}

/// A cluster, its recorded clients, and the recording.
struct Scene {
    cluster: Cluster,
    golden: Golden,
    frames: Vec<Frame>,
    player: Player,
    played: f64,
}

impl Scene {
    fn start() -> Self {
        let cluster =
            Cluster::start_with(&["--registry=replicated_log", "--quorum=1"]).expect("as recorded");
        let golden = Golden::open("standalone").expect("as recorded");
        let mut frames = wire::frames(&golden).expect("as recorded");
        frames.retain(|frame| !REFUSALS.contains(&frame.time));
        let never_taken: Vec<usize> = frames
            .iter()
            .enumerate()
            .filter(|(index, frame)| is_lost(frame, frames.get(index + 1..).unwrap_or_default()))
            .map(|(_, frame)| frame.number)
            .collect();
        frames.retain(|frame| !never_taken.contains(&frame.number));
        let live = [(15050, cluster.master.address)].into();
        let player = Player::new(PORTS, NextOffers::Interval, live, &[]).expect("as recorded");
        Self {
            cluster,
            golden,
            frames,
            player,
            played: -1.0,
        }
    }

    /// Plays the recording up to a second.
    fn play_until(&mut self, end: f64) {
        let part: Vec<Frame> = self
            .frames
            .iter()
            .filter(|frame| (self.played..end).contains(&frame.time))
            .cloned()
            .collect();
        self.played = end;
        let played = self.player.play(&part);
        let played = played.map_err(|error| format!("{error}\n{}", self.cluster.logs()));
        played.expect("the recording is played");
    }

    /// What the read endpoints say otherwise, once what was sent has been taken in.
    fn differences(&mut self, stage: &str) -> Vec<String> {
        let mut found = Vec::new();
        let look = || {
            let mut ids = self.player.ids.clone();
            let master = self.cluster.master.address;
            let results = snapshot::compare(&self.golden, stage, master, Chance::Nothing, &mut ids)
                .expect("as recorded");
            assert!(!results.is_empty());
            found = results.into_iter().flat_map(|(_, found)| found).collect();
            found.is_empty().then_some(ids)
        };
        if let Ok(ids) = within(Duration::from_secs(10), "the recorded answers", look) {
            self.player.ids = ids;
        }
        found
    }

    /// The same for what was read only once.
    fn single_differences(&mut self) -> Vec<String> {
        let master = self.cluster.master.address;
        let mut found = Vec::new();
        for (name, request) in single_reads() {
            let recorded = self
                .golden
                .bytes(&format!("http/{name}.json"))
                .expect("as recorded");
            let answer = http_client::send(master, &request).expect("as recorded");
            let ids = &mut self.player.ids;
            let chance = Chance::Nothing;
            found.extend(snapshot::differences(
                name,
                recorded,
                &answer.body,
                chance,
                ids,
            ));
        }
        let get_flags = Request::post_json("/api/v1", &json!({"type": "GET_FLAGS"}));
        for (name, request) in [
            ("master-flags", Request::get("/flags")),
            ("v1-master-GET_FLAGS", get_flags),
        ] {
            let recorded = self.golden.json(&format!("http/{name}.json"));
            let recorded = snapshot::flags(&recorded.expect("as recorded"), &ENVIRONMENT);
            let live = http_client::send(master, &request).expect("as recorded");
            let live = snapshot::flags(&live.json().expect("as recorded"), &ENVIRONMENT);
            assert!(!recorded.is_empty());
            let names: BTreeSet<&String> = recorded.keys().chain(live.keys()).collect();
            let differs = |name: &&&String| recorded.get(**name) != live.get(**name);
            let describe = |flag: &String| {
                let (recorded, live) = (recorded.get(flag), live.get(flag));
                format!("{name}.{flag}: recorded {recorded:?}, got {live:?}")
            };
            found.extend(names.iter().filter(differs).map(|flag| describe(flag)));
        }
        let recorded = self
            .golden
            .text("http/master-help.json")
            .expect("as recorded");
        let by_curl = Request::get("/help").header("User-Agent", "curl/7.88.1");
        let live = http_client::send(master, &by_curl)
            .expect("as recorded")
            .text();
        if live.trim_end() != recorded.trim_end() {
            found.push(format!("master-help: recorded {recorded}, got {live}"));
        }
        found
    }

    /// Subscribes to the events that the recorded operator saw from the first framework on.
    fn watch(&self) -> Events {
        let request = Request::post_json("/api/v1", &json!({"type": "SUBSCRIBE"}));
        let stream = RecordStream::open(self.cluster.master.address, &request);
        Events::read(stream.expect("a stream")).expect("a stream")
    }

    /// What came otherwise than recorded, or in another order.
    fn event_differences(&mut self, events: &Events) -> Vec<String> {
        let recorded = self.golden.bytes("http/master-SUBSCRIBE.recordio");
        let mut recorded = records(recorded.expect("as recorded"));
        recorded.retain(|event| kind(event) != "HEARTBEAT");
        assert_eq!(recorded.len(), 66);
        let mut came = Vec::new();
        let all = within(Duration::from_secs(10), "the recorded events", || {
            came.extend(events.come());
            (came.len() >= recorded.len()).then_some(())
        });
        let mut found = Vec::from_iter(all.err().map(|error| error.to_string()));
        for (number, (recorded, came)) in recorded.iter().zip(&came).enumerate() {
            let place = format!("event {number} {}", kind(recorded));
            let ids = &mut self.player.ids;
            found.extend(snapshot::value_differences(
                &place,
                recorded,
                came,
                Chance::Nothing,
                ids,
            ));
        }
        found
    }

    fn replace_master(&mut self) {
        let _killed = self.cluster.master.kill().expect("as recorded");
        self.cluster.restart_master().expect("as recorded");
        let live = [(15050, self.cluster.master.address)].into();
        self.player.lose_master(live);
    }
}

/// The records of a stream.
fn records(mut rest: &[u8]) -> Vec<Value> {
    let mut records = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (length, tail) = rest.split_at(end);
        let length = std::str::from_utf8(length)
            .ok()
            .and_then(|it| it.parse().ok());
        let record = length.and_then(|length: usize| tail.get(1..=length));
        let record = record.expect("a whole record");
        records.push(serde_json::from_slice(record).expect("JSON"));
        rest = tail.get(record.len() + 1..).unwrap_or_default();
    }
    records
}

/// What was read only once, with the request of it.
fn single_reads() -> Vec<(&'static str, Request)> {
    let call = |call: Value| Request::post_json("/api/v1", &call);
    vec![
        ("master-metrics-snapshot", Request::get("/metrics/snapshot")),
        ("master-version", Request::get("/version")),
        ("master-files-debug", Request::get("/files/debug")),
        ("master-logging-toggle", Request::get("/logging/toggle")),
        ("v1-master-GET_HEALTH", call(json!({"type": "GET_HEALTH"}))),
        (
            "v1-master-GET_LOGGING_LEVEL",
            call(json!({"type": "GET_LOGGING_LEVEL"})),
        ),
        ("v1-master-GET_MASTER", call(json!({"type": "GET_MASTER"}))),
        (
            "v1-master-GET_VERSION",
            call(json!({"type": "GET_VERSION"})),
        ),
    ]
}

/// Flags that say where and how this master runs; `quorum` was not given to the recorded one.
const ENVIRONMENT: [&str; 5] = ["port", "quorum", "transport", "webui_dir", "work_dir"];

#[test]
fn read_endpoints_say_at_every_stage_what_they_said() {
    let mut scene = Scene::start();
    let mut found = Vec::new();

    let mut events = None;
    for (stage, begin) in STAGES {
        if scene.played < FAILOVER && begin > FAILOVER {
            scene.play_until(SINGLE_READS);
            found.extend(scene.single_differences());
            scene.play_until(FAILOVER);
            scene.replace_master();
        }
        scene.play_until(begin);
        found.extend(scene.differences(stage));
        match stage {
            "00-empty" => events = Some(scene.watch()),
            "02-running" => {
                let events = events.take().expect("a stream");
                found.extend(scene.event_differences(&events));
            }
            _ => {}
        }
    }

    let talk = scene.player.outcome.differences.iter();
    found.extend(talk.map(ToString::to_string));
    assert!(found.is_empty(), "{}", found.join("\n"));
}
