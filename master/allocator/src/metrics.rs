//! The allocator's metrics.
//!
//! Mirrors `src/master/allocator/mesos/metrics.cpp`.
//!
//! # Wire
//! The keys are promises.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libprocess::http::encode;
use libprocess::metrics::{Counter, PushGauge, Timer, Unit};
use libprocess::{Future, Metrics, Pid};
use mesos_common::ids::FrameworkId;

use crate::allocator::{AllocatorOptions, FrameworkMetrics};
use crate::event::{Event, Quota};
use crate::hierarchical::HierarchicalAllocatorProcess;
use crate::hierarchical::roles::RoleChanges;
use crate::hierarchical::state::State;
use crate::sorter::SorterKind;

/// How many calls wait in the allocator's mailbox.
pub type Dispatches = Arc<AtomicUsize>;

/// Statistics of runs cover this much time.
const WINDOW: Duration = Duration::from_secs(60 * 60);

type Actor = Pid<HierarchicalAllocatorProcess>;

/// Follows the state in the registry of metrics.
#[derive(Debug)]
pub(crate) struct AllocatorMetrics {
    registry: Metrics,
    actor: Actor,
    runs: Counter,
    run: Timer,
    latency: Timer,
    sorter: SorterKind,
    /// The roles of the tree that have gauges.
    roles: BTreeSet<Arc<str>>,
    /// The roles of the sorter that have gauges.
    sorted: BTreeSet<Arc<str>>,
    quotas: BTreeMap<String, Quota>,
    consumed: BTreeMap<Arc<str>, BTreeMap<Arc<str>, PushGauge>>,
    frameworks: BTreeMap<FrameworkId, BTreeMap<Arc<str>, (String, PushGauge)>>,
    completed: VecDeque<FrameworkId>,
    max_completed: usize,
    per_framework: FrameworkMetrics,
}

impl AllocatorMetrics {
    /// Publishes what needs no options.
    pub(crate) fn new(registry: Metrics, actor: &Actor) -> Self {
        let timer = |name| registry.timer_with_window(name, Unit::Milliseconds, WINDOW);
        let metrics = Self {
            runs: registry.counter("allocator/mesos/allocation_runs"),
            run: timer("allocator/mesos/allocation_run"),
            latency: timer("allocator/mesos/allocation_run_latency"),
            actor: actor.clone(),
            sorter: SorterKind::Drf,
            roles: BTreeSet::new(),
            sorted: BTreeSet::new(),
            quotas: BTreeMap::new(),
            consumed: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            completed: VecDeque::new(),
            max_completed: 0,
            per_framework: FrameworkMetrics::Publish,
            registry,
        };
        for resource in ["cpus", "mem", "disk"] {
            let key = |kind: &str| format!("allocator/mesos/resources/{resource}/{kind}");
            metrics.pull(&key("total"), move |state| state.total_of(resource));
            metrics.pull(&key("offered_or_allocated"), move |state| {
                state.held_of(resource)
            });
        }
        metrics
    }

    /// Takes the options into account.
    pub(crate) fn configure(&mut self, options: &AllocatorOptions) {
        self.sorter = options.sorter;
        self.max_completed = options.max_completed_frameworks;
        self.per_framework = options.framework_metrics;
    }

    /// Publishes how many calls wait.
    pub(crate) fn count_dispatches(&self, dispatches: &Dispatches) {
        for key in [
            "allocator/mesos/event_queue_dispatches",
            "allocator/event_queue_dispatches",
        ] {
            let dispatches = Arc::clone(dispatches);
            self.registry.pull_gauge(key, move || {
                Future::ready(count(dispatches.load(Ordering::Relaxed)))
            });
        }
    }

    fn pull(&self, key: &str, read: impl Fn(&State) -> f64 + Clone + Send + Sync + 'static) {
        let actor = self.actor.clone();
        self.registry.pull_gauge(key, move || {
            let read = read.clone();
            actor.call(move |process, _| process.state().map_or(0.0, read))
        });
    }

    pub(crate) fn run_queued(&self) {
        self.latency.start();
    }

    /// A queued run begins, or is skipped because the allocator is paused.
    pub(crate) fn run_dequeued(&self) {
        self.latency.stop();
    }

    pub(crate) fn run_started(&self) {
        self.runs.increment();
        self.run.start();
    }

    pub(crate) fn run_ended(&self) {
        self.run.stop();
    }

    /// Looks at an event for what the state will no longer know afterwards.
    pub(crate) fn before(&mut self, event: &Event, state: &State) {
        if let Event::UpdateQuota { role, quota } = event {
            self.set_quota(role, quota);
        }
        if let Event::Recover { quotas, .. } = event {
            for (role, quota) in quotas {
                self.set_quota(role, quota);
            }
        }
        let Event::RemoveFramework(id) = event else {
            return;
        };
        if !state.knows_framework(id) {
            return;
        }
        self.completed.push_back(id.clone());
        if self.completed.len() > self.max_completed
            && let Some(oldest) = self.completed.pop_front()
        {
            self.forget_framework(&oldest);
        }
    }

    /// Brings the gauges in line with the state after an event.
    pub(crate) fn follow(&mut self, state: &mut State) {
        let changes = state.take_changes();
        self.follow_roles(&changes.roles);
        for role in &changes.roles.consumed {
            self.publish_consumed(role, state);
        }
        if changes.sorted_roles_changed {
            self.follow_sorted(&state.sorted_roles());
        }
        for id in &changes.frameworks {
            self.follow_framework(id, state);
        }
    }

    fn follow_roles(&mut self, changes: &RoleChanges) {
        for role in &changes.removed {
            if self.roles.remove(role) {
                self.registry.remove(&filters_key(role));
            }
            self.remove_consumed(role);
        }
        for role in &changes.added {
            if self.roles.insert(Arc::clone(role)) {
                let name = Arc::clone(role);
                self.pull(&filters_key(role), move |state| {
                    count(state.active_filters(&name))
                });
            }
        }
    }

    fn follow_sorted(&mut self, now: &BTreeSet<Arc<str>>) {
        if self.sorter == SorterKind::Random {
            return;
        }
        let key = |role: &str| format!("allocator/mesos/roles/{role}/shares/dominant");
        for gone in self.sorted.difference(now) {
            self.registry.remove(&key(gone));
        }
        for new in now.difference(&self.sorted) {
            let role = Arc::clone(new);
            self.pull(&key(new), move |state| state.dominant_share(&role));
        }
        self.sorted.clone_from(now);
    }

    fn publish_consumed(&mut self, role: &Arc<str>, state: &State) {
        let consumed = state.quota_consumed(role);
        let gauges = self.consumed.entry(Arc::clone(role)).or_default();
        let key = |name: &str| quota_key(role, name, "consumed");
        gauges.retain(|name, _| {
            let kept = !consumed.get(name).is_zero();
            if !kept {
                self.registry.remove(&key(name));
            }
            kept
        });
        for (name, amount) in consumed.iter() {
            let gauge = gauges
                .entry(Arc::clone(name))
                .or_insert_with(|| self.registry.push_gauge(&key(name)));
            gauge.set(amount.to_f64());
        }
        if gauges.is_empty() {
            self.consumed.remove(role);
        }
    }

    fn remove_consumed(&mut self, role: &str) {
        for name in self.consumed.remove(role).unwrap_or_default().into_keys() {
            self.registry.remove(&quota_key(role, &name, "consumed"));
        }
    }

    fn set_quota(&mut self, role: &str, quota: &Quota) {
        if let Some(old) = self.quotas.remove(role) {
            for (name, _) in old.guarantees.iter() {
                self.registry.remove(&quota_key(role, name, "guarantee"));
                self.registry
                    .remove(&quota_key(role, name, "offered_or_allocated"));
            }
            for (name, _) in old.limits.iter() {
                self.registry.remove(&quota_key(role, name, "limit"));
                self.registry
                    .remove(&quota_key(role, name, "offered_or_allocated"));
            }
        }
        if quota.is_default() {
            return;
        }
        let mut names: BTreeSet<&Arc<str>> = BTreeSet::new();
        for (name, amount) in quota.guarantees.iter() {
            self.registry
                .push_gauge(&quota_key(role, name, "guarantee"))
                .set(amount.to_f64());
            names.insert(name);
        }
        for (name, limit) in quota.limits.iter() {
            self.registry
                .push_gauge(&quota_key(role, name, "limit"))
                .set(limit.to_f64());
            names.insert(name);
        }
        for name in names {
            let key = quota_key(role, name, "offered_or_allocated");
            let (role, name) = (role.to_owned(), Arc::clone(name));
            self.pull(&key, move |state| state.role_allocation(&role, &name));
        }
        self.quotas.insert(role.to_owned(), quota.clone());
    }

    /// One gauge per subscribed role tells whether offers are suppressed.
    fn follow_framework(&mut self, id: &FrameworkId, state: &State) {
        if self.per_framework == FrameworkMetrics::Hide {
            return;
        }
        let Some((info, roles)) = state.subscriptions(id) else {
            return;
        };
        self.completed.retain(|completed| completed != id);
        let gauges = self.frameworks.entry(id.clone()).or_default();
        // A framework that was renamed keeps its first name in its keys.
        let present = gauges.values().next();
        let prefix = present.and_then(|(key, _)| Some(key.split_once("/roles/")?.0.to_owned()));
        let prefix =
            prefix.unwrap_or_else(|| format!("master/frameworks/{}/{id}", encode(info.name())));
        gauges.retain(|role, (key, _)| {
            let kept = roles.contains_key(role);
            if !kept {
                self.registry.remove(key);
            }
            kept
        });
        for (role, suppressed) in roles {
            let (_, gauge) = gauges.entry(Arc::clone(&role)).or_insert_with(|| {
                let key = format!("{prefix}/roles/{role}/suppressed");
                let gauge = self.registry.push_gauge(&key);
                (key, gauge)
            });
            gauge.set(count(usize::from(suppressed)));
        }
    }

    fn forget_framework(&mut self, id: &FrameworkId) {
        for (key, _) in self.frameworks.remove(id).unwrap_or_default().into_values() {
            self.registry.remove(&key);
        }
    }
}

fn filters_key(role: &str) -> String {
    format!("allocator/mesos/offer_filters/roles/{role}/active")
}

fn quota_key(role: &str, name: &str, kind: &str) -> String {
    format!("allocator/mesos/quota/roles/{role}/resources/{name}/{kind}")
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn count(number: usize) -> f64 {
    number as f64
}
