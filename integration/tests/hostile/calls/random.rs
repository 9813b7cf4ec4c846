//! Random requests: whatever comes, it is answered and never by 500.

use std::net::SocketAddr;

use mesos_integration::cluster::Cluster;
use mesos_integration::descriptors;
use mesos_integration::http_client::{self, Request};
use serde_json::{Value, json};

use super::{STATE_OF_AGENT, STATE_OF_MASTER, reply, state, templates};

/// Numbers that look random and are the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below another.
    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("a small number");
        usize::try_from(self.next() % limit).expect("a small number")
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        list.get(self.below(list.len()))
            .expect("a list that is not empty")
    }

    /// True once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO"];

const CONTENT_TYPES: [&str; 7] = [
    "application/json",
    "application/x-protobuf",
    "application/x-www-form-urlencoded",
    "application/recordio",
    "application/json; charset=utf-8",
    "text/plain",
    "\u{1f}",
];

const ACCEPTS: [&str; 6] = [
    "application/json",
    "application/x-protobuf",
    "*/*",
    "text/html",
    ";;,q=",
    "application/json;q=0",
];

const PARAMETERS: [&str; 18] = [
    "limit",
    "offset",
    "order",
    "framework_id",
    "slave_id",
    "task_id",
    "jsonp",
    "path",
    "length",
    "level",
    "duration",
    "timeout",
    "container_id",
    "frameworkId",
    "slaveId",
    "resources",
    "volumes",
    "data",
];

const VALUES: [&str; 16] = [
    "",
    "0",
    "-1",
    "1",
    "99999999999999999999",
    "1e999",
    "NaN",
    "asc",
    "x",
    "%00",
    "%ff%fe",
    "%",
    "[]",
    "{}",
    "..%2F..",
    "1secs",
];

// Metrics are left out: more than two answers a second are held back.
const ROUTES_OF_MASTER: [&str; 33] = [
    "/api/v1",
    "/api/v1",
    "/api/v1",
    "/api/v1/scheduler",
    "/api/v1/scheduler",
    "/state",
    "/state-summary",
    "/frameworks",
    "/slaves",
    "/slaves/x",
    "/tasks",
    "/roles",
    "/quota",
    "/quota/eng",
    "/weights",
    "/maintenance/schedule",
    "/maintenance/status",
    "/machine/down",
    "/machine/up",
    "/reserve",
    "/unreserve",
    "/create-volumes",
    "/destroy-volumes",
    "/teardown",
    "/redirect",
    "/flags",
    "/health",
    "/version",
    "/files/browse",
    "/files/read",
    "/files/download",
    "/logging/toggle",
    "/registrar(1)/registry",
];

const ROUTES_OF_AGENT: [&str; 17] = [
    "/slave(1)/api/v1",
    "/slave(1)/api/v1",
    "/slave(1)/api/v1",
    "/slave(1)/api/v1/executor",
    "/state",
    "/flags",
    "/health",
    "/containers",
    "/monitor/statistics",
    "/version",
    "/files/browse",
    "/files/read",
    "/files/download",
    "/files/debug",
    "/logging/toggle",
    "/profiler/start",
    "/help",
];

/// A value for a field, most often a bad one.
fn value(chance: &mut Chance) -> Value {
    let values = [
        json!(null),
        json!(-1),
        json!(0),
        json!(u64::MAX),
        json!(1e308),
        json!(0.0001),
        json!(""),
        json!("*"),
        json!("a/../b"),
        json!("\u{0}\u{fffd}"),
        json!("x".repeat(3000)),
        json!(true),
        json!([]),
        json!({}),
        json!([{}]),
        json!("RESERVE"),
    ];
    chance.one_of(&values).clone()
}

/// Changes some part of a document.
fn mutate(document: &mut Value, chance: &mut Chance) {
    match document {
        Value::Object(fields) if !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = chance.one_of(&names).clone();
            match chance.below(6) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(name, value(chance))),
                2 => drop(fields.insert("unknown".to_owned(), value(chance))),
                _ => {
                    if let Some(inner) = fields.get_mut(&name) {
                        mutate(inner, chance);
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let index = chance.below(items.len());
            match chance.below(4) {
                0 => drop(items.remove(index)),
                1 => items.extend_from_within(index..=index),
                _ => {
                    if let Some(inner) = items.get_mut(index) {
                        mutate(inner, chance);
                    }
                }
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *document = value(chance),
    }
}

/// Changes some bytes.
fn scramble(bytes: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(3) {
        if bytes.is_empty() {
            return;
        }
        let index = chance.below(bytes.len());
        match chance.below(3) {
            0 => {
                if let Some(byte) = bytes.get_mut(index) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            1 => bytes.truncate(index),
            _ => bytes.insert(index, u8::try_from(chance.below(256)).expect("a byte")),
        }
    }
}

/// A daemon with what may be sent to it.
struct Target {
    address: SocketAddr,
    routes: &'static [&'static str],
    calls: Vec<(Value, &'static str)>,
    state: &'static [&'static str],
}

fn body(target: &Target, chance: &mut Chance) -> (Vec<u8>, &'static str) {
    let (call, name) = chance.one_of(&target.calls).clone();
    let mut broken = call.clone();
    for _ in 0..=chance.below(2) {
        mutate(&mut broken, chance);
    }
    match chance.below(6) {
        4 => {
            let mut record = broken.to_string().into_bytes();
            if chance.once_in(2) {
                scramble(&mut record, chance);
            }
            let mut bytes = format!("{}\n", record.len()).into_bytes();
            bytes.extend(record);
            (bytes, "application/recordio")
        }
        0 => {
            let mut call = call;
            if let Some(drain) = call.get_mut("drain_agent").and_then(Value::as_object_mut) {
                // Reflection writes durations in another way than Mesos.
                drain.remove("max_grace_period");
            }
            let mut bytes = descriptors::to_bytes(name, &call).expect("a template");
            scramble(&mut bytes, chance);
            (bytes, "application/x-protobuf")
        }
        1 => {
            let mut bytes = call.to_string().into_bytes();
            scramble(&mut bytes, chance);
            (bytes, "application/json")
        }
        2 => {
            let field = *chance.one_of(&PARAMETERS);
            let text = format!("slaveId=nobody&{field}={broken}");
            (text.into_bytes(), "application/x-www-form-urlencoded")
        }
        _ => (broken.to_string().into_bytes(), "application/json"),
    }
}

fn request(target: &Target, chance: &mut Chance) -> Request {
    let mut path = (*chance.one_of(target.routes)).to_owned();
    for number in 0..chance.below(3) {
        let (name, value) = (chance.one_of(&PARAMETERS), chance.one_of(&VALUES));
        let sign = if number == 0 { '?' } else { '&' };
        path.push_str(&format!("{sign}{name}={value}"));
    }
    let method = match chance.below(3) {
        0 => chance.one_of(&METHODS),
        _ => "POST",
    };
    let (body, content_type) = body(target, chance);
    let mut request = Request::new(method, &path);
    if !chance.once_in(20) {
        let other = *chance.one_of(&CONTENT_TYPES);
        let chosen = if chance.once_in(8) {
            other
        } else {
            content_type
        };
        request = request.header("Content-Type", chosen);
    }
    if content_type == "application/recordio" || chance.once_in(20) {
        let form = *chance.one_of(&CONTENT_TYPES[..2]);
        request = request.header("Message-Content-Type", form);
    }
    if chance.once_in(2) {
        request = request.header("Accept", chance.one_of::<&str>(&ACCEPTS));
    }
    if chance.once_in(10) {
        request = request.header("Mesos-Stream-Id", chance.one_of::<&str>(&VALUES));
    }
    if chance.once_in(10) {
        request = request.header("Authorization", "Basic %%%");
    }
    if chance.once_in(10) {
        request = request.header("If-None-Match", "\"x\", W/,");
    }
    request.body(body)
}

/// Sends so many requests; refusals must leave everything as it is.
fn storm(target: &Target, seed: u64, requests: usize) {
    let mut chance = Chance(seed);
    let mut before = state(target.address, target.state);
    let mut is_accepted = false;
    for number in 1..=requests {
        let request = request(target, &mut chance);
        if let Some(answer) = reply(target.address, &request) {
            let text = &answer.text;
            assert!(
                answer.status != 500,
                "seed {seed}, request {number}: {text} {request:?}"
            );
            is_accepted |= answer.status < 300;
        }
        if number % 25 == 0 {
            let after = state(target.address, target.state);
            assert!(
                is_accepted || after == before,
                "seed {seed}, request {number}: {before:#?} {after:#?}"
            );
            before = after;
            is_accepted = false;
        }
    }
}

/// How many seeds are tried: one, unless the variable says more for a long run by hand.
fn rounds() -> u64 {
    let wanted = std::env::var("MESOS_FUZZ_ROUNDS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(1)
}

#[test]
fn random_requests_are_answered_and_never_by_500() {
    let mut cluster = Cluster::start().unwrap();
    let agent = cluster.add_agent().unwrap().address;
    let master = cluster.master.address;
    let agents = http_client::get_json(master, "/slaves").unwrap();
    let id = agents["slaves"][0]["id"].as_str().unwrap().to_owned();
    let named = |calls: Vec<Value>, name: &'static str| {
        let calls = calls.into_iter();
        calls.map(move |call| (call, name)).collect::<Vec<_>>()
    };
    let mut to_master = named(templates::to_master(&id), "mesos.v1.master.Call");
    to_master.extend(named(templates::of_schedulers(), "mesos.v1.scheduler.Call"));

    let master = Target {
        address: master,
        routes: &ROUTES_OF_MASTER,
        calls: to_master,
        state: &STATE_OF_MASTER,
    };
    let mut to_agent = named(templates::to_agent(), "mesos.v1.agent.Call");
    to_agent.extend(named(templates::of_input(), "mesos.v1.agent.Call"));
    to_agent.extend(named(templates::of_executors(), "mesos.v1.executor.Call"));
    let agent = Target {
        address: agent,
        routes: &ROUTES_OF_AGENT,
        calls: to_agent,
        state: &STATE_OF_AGENT,
    };

    for round in 0..rounds() {
        storm(&master, 0x5eed + round, 1000);
        storm(&agent, 0xa6e47 + round, 500);
    }

    assert!(cluster.master.is_running());
    assert!(cluster.agents.iter_mut().all(|agent| agent.is_running()));
}
