//! Gauges that are computed when somebody asks.

use libprocess::{Pid, QueuedEvents};
use mesos_common::wire::metric as wire;
use mesos_proto::v1::TaskState;

use super::Metrics;
use crate::master::MasterProcess;

type Gauge = fn(&MasterProcess) -> f64;
type QueueGauge = fn(QueuedEvents) -> usize;

/// The sums that gauges of one resource show.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Amounts {
    pub(crate) total: f64,
    pub(crate) used: f64,
}

impl Amounts {
    fn percent(self) -> f64 {
        if self.total > 0.0 {
            self.used / self.total
        } else {
            0.0
        }
    }
}

const GAUGES: [(&str, Gauge); 16] = [
    ("master/elected", |master| {
        if master.is_elected() { 1.0 } else { 0.0 }
    }),
    (wire::AGENTS_CONNECTED, |master| {
        master.count_agents(|agent| agent.is_connected())
    }),
    (wire::AGENTS_DISCONNECTED, |master| {
        master.count_agents(|agent| !agent.is_connected())
    }),
    (wire::AGENTS_ACTIVE, |master| {
        master.count_agents(|agent| agent.is_active())
    }),
    (wire::AGENTS_INACTIVE, |master| {
        master.count_agents(|agent| !agent.is_active())
    }),
    (wire::AGENTS_UNREACHABLE, |master| {
        master.count_unreachable_agents()
    }),
    ("master/frameworks_connected", |master| {
        master.count_frameworks(|one| one.is_connected())
    }),
    ("master/frameworks_disconnected", |master| {
        master.count_frameworks(|one| !one.is_connected())
    }),
    ("master/frameworks_active", |master| {
        master.count_frameworks(|one| one.is_active())
    }),
    ("master/frameworks_inactive", |master| {
        master.count_frameworks(|one| !one.is_active())
    }),
    ("master/outstanding_offers", |master| master.count_offers()),
    ("master/tasks_staging", |master| {
        master.count_tasks(TaskState::TaskStaging)
    }),
    ("master/tasks_starting", |master| {
        master.count_tasks(TaskState::TaskStarting)
    }),
    ("master/tasks_running", |master| {
        master.count_tasks(TaskState::TaskRunning)
    }),
    ("master/tasks_killing", |master| {
        master.count_tasks(TaskState::TaskKilling)
    }),
    ("master/tasks_unreachable", |master| {
        master.count_unreachable_tasks()
    }),
];

const RESOURCES: [&str; 4] = ["cpus", "gpus", "mem", "disk"];

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

/// Registers every gauge of the master.
pub(crate) fn install_gauges(metrics: &Metrics, master: &Pid<MasterProcess>) {
    let registry = metrics.registry();
    for (key, gauge) in GAUGES {
        let pid = master.clone();
        registry.pull_gauge(key, move || pid.call(move |master, _| gauge(master)));
    }
    let queues: [(&str, QueueGauge); 3] = [
        ("master/event_queue_messages", |queued| queued.messages),
        ("master/event_queue_dispatches", |queued| queued.dispatches),
        ("master/event_queue_http_requests", |queued| {
            queued.http_requests
        }),
    ];
    for (key, count) in queues {
        let pid = master.clone();
        registry.pull_gauge(key, move || {
            pid.call(move |_, ctx| number(count(ctx.queued_events())))
        });
    }
    let pid = master.clone();
    registry.pull_gauge("master/uptime_secs", move || {
        pid.call(|master, ctx| master.uptime(ctx.now()).as_secs_f64())
    });
    for name in RESOURCES {
        for (infix, revocable) in [("", Kind::Regular), ("_revocable", Kind::Revocable)] {
            let key = |suffix: &str| format!("master/{name}{infix}_{suffix}");
            let pid = master.clone();
            registry.pull_gauge(&key("total"), move || {
                pid.call(move |master, _| master.amounts(name, revocable).total)
            });
            let pid = master.clone();
            registry.pull_gauge(&key("used"), move || {
                pid.call(move |master, _| master.amounts(name, revocable).used)
            });
            let pid = master.clone();
            registry.pull_gauge(&key("percent"), move || {
                pid.call(move |master, _| master.amounts(name, revocable).percent())
            });
        }
    }
}

/// Which resources a gauge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those that tasks keep.
    Regular,
    /// Those that may be taken away.
    Revocable,
}
