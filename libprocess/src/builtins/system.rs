//! `/system/stats.json` and the gauges of the machine.
//!
//! Mirrors `3rdparty/libprocess/include/process/system.hpp`.

use crate::context::Context;
use crate::future::Future;
use crate::http::{Help, Needed, Response};
use crate::id::ProcessId;
use crate::process::Process;

/// Tells load and memory of the machine.
pub(super) struct SystemProcess;

impl Process for SystemProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("system")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let metrics = ctx.runtime().metrics();
        for (index, key) in ["system/load_1min", "system/load_5min", "system/load_15min"]
            .into_iter()
            .enumerate()
        {
            metrics.pull_gauge(key, move || gauge(load(index)));
        }
        metrics.pull_gauge("system/cpus_total", || gauge(cpus().map(double)));
        metrics.pull_gauge("system/mem_total_bytes", || {
            gauge(memory("MemTotal:").map(double))
        });
        metrics.pull_gauge("system/mem_free_bytes", || {
            gauge(memory("MemFree:").map(double))
        });
        let help = Help::new(
            "Shows local system metrics.",
            &[
                ">        avg_load_1min       Average system load for the last minute",
                ">        avg_load_5min       Average system load for the last 5 minutes",
                ">        avg_load_15min      Average system load for the last 15 minutes",
                ">        cpus_total          Number of CPUs",
                ">        mem_total_bytes     Memory in bytes",
                ">        mem_free_bytes      Free memory in bytes",
            ],
        )
        .authentication(Needed::No);
        ctx.route("/stats.json", help, |_, request, _| {
            Response::ok_json(stats().to_string(), request.query.get("jsonp")).into()
        });
    }
}

fn stats() -> serde_json::Value {
    let mut object = serde_json::Map::new();
    for (key, index) in [
        ("avg_load_15min", 2),
        ("avg_load_1min", 0),
        ("avg_load_5min", 1),
    ] {
        if let Some(load) = load(index) {
            object.insert(key.to_owned(), load.into());
        }
    }
    let integers = [
        ("cpus_total", cpus()),
        ("mem_free_bytes", memory("MemFree:")),
        ("mem_total_bytes", memory("MemTotal:")),
    ];
    for (key, value) in integers {
        if let Some(value) = value {
            object.insert(key.to_owned(), value.into());
        }
    }
    serde_json::Value::Object(object)
}

fn gauge(value: Option<f64>) -> Future<f64> {
    value.map_or_else(|| Future::failed("not available"), Future::ready)
}

#[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
const fn double(value: u64) -> f64 {
    value as f64
}

fn load(index: usize) -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().nth(index)?.parse().ok()
}

fn cpus() -> Option<u64> {
    std::thread::available_parallelism()
        .ok()
        .and_then(|count| u64::try_from(count.get()).ok())
}

fn memory(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
