//! The metrics of one framework.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use libprocess::Metrics as Registry;
use libprocess::http::encode;
use libprocess::metrics::{Counter, PushGauge};
use mesos_common::ids::FrameworkId;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation::Type as OperationType;
use mesos_proto::v1::scheduler::{call, event};

use super::operation_key;

const CALLS: [call::Type; 17] = [
    call::Type::Subscribe,
    call::Type::Teardown,
    call::Type::Accept,
    call::Type::Decline,
    call::Type::AcceptInverseOffers,
    call::Type::DeclineInverseOffers,
    call::Type::Revive,
    call::Type::Kill,
    call::Type::Shutdown,
    call::Type::Acknowledge,
    call::Type::AcknowledgeOperationStatus,
    call::Type::Reconcile,
    call::Type::ReconcileOperations,
    call::Type::Message,
    call::Type::Request,
    call::Type::Suppress,
    call::Type::UpdateFramework,
];

const EVENTS: [event::Type; 11] = [
    event::Type::Subscribed,
    event::Type::Offers,
    event::Type::InverseOffers,
    event::Type::Rescind,
    event::Type::RescindInverseOffer,
    event::Type::Update,
    event::Type::UpdateOperationStatus,
    event::Type::Message,
    event::Type::Failure,
    event::Type::Error,
    event::Type::Heartbeat,
];

const OPERATIONS: [OperationType; 10] = [
    OperationType::Launch,
    OperationType::LaunchGroup,
    OperationType::Reserve,
    OperationType::Unreserve,
    OperationType::Create,
    OperationType::Destroy,
    OperationType::GrowVolume,
    OperationType::ShrinkVolume,
    OperationType::CreateDisk,
    OperationType::DestroyDisk,
];

const TERMINAL: [TaskState; 8] = [
    TaskState::TaskFinished,
    TaskState::TaskFailed,
    TaskState::TaskKilled,
    TaskState::TaskError,
    TaskState::TaskLost,
    TaskState::TaskDropped,
    TaskState::TaskGone,
    TaskState::TaskGoneByOperator,
];

const ACTIVE: [TaskState; 6] = [
    TaskState::TaskStaging,
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskKilling,
    TaskState::TaskUnreachable,
    TaskState::TaskUnknown,
];

/// The counters and gauges of one framework; empty when they are not published.
#[derive(Clone, Default)]
pub struct FrameworkMetrics(Option<Arc<Inner>>);

struct Inner {
    subscribed: PushGauge,
    calls: Counter,
    call_types: BTreeMap<i32, Counter>,
    events: Counter,
    event_types: BTreeMap<i32, Counter>,
    offers_sent: Counter,
    offers_accepted: Counter,
    offers_declined: Counter,
    offers_rescinded: Counter,
    terminal: BTreeMap<i32, Counter>,
    active: BTreeMap<i32, PushGauge>,
    operations: Counter,
    operation_types: BTreeMap<i32, Counter>,
    _keys: Keys,
}

/// Takes the keys away when the last holder goes.
struct Keys {
    registry: Registry,
    keys: Vec<String>,
}

impl fmt::Debug for FrameworkMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameworkMetrics")
            .field("published", &self.0.is_some())
            .finish()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        for key in &self.keys {
            self.registry.remove(key);
        }
    }
}

impl FrameworkMetrics {
    /// Registers the keys of a framework.
    #[must_use]
    pub fn new(registry: &Registry, name: &str, id: &FrameworkId) -> Self {
        let prefix = format!("master/frameworks/{}/{id}/", encode(name));
        let keys = std::cell::RefCell::new(Vec::new());
        let counter = |suffix: &str| {
            let key = format!("{prefix}{suffix}");
            keys.borrow_mut().push(key.clone());
            registry.counter(&key)
        };
        let gauge = |suffix: &str| {
            let key = format!("{prefix}{suffix}");
            keys.borrow_mut().push(key.clone());
            registry.push_gauge(&key)
        };
        let lower = |name: &str| name.to_lowercase();
        let inner = Inner {
            subscribed: gauge("subscribed"),
            calls: counter("calls"),
            call_types: CALLS
                .iter()
                .map(|t| {
                    (
                        *t as i32,
                        counter(&format!("calls/{}", lower(t.as_str_name()))),
                    )
                })
                .collect(),
            events: counter("events"),
            event_types: EVENTS
                .iter()
                .map(|t| {
                    (
                        *t as i32,
                        counter(&format!("events/{}", lower(t.as_str_name()))),
                    )
                })
                .collect(),
            offers_sent: counter("offers/sent"),
            offers_accepted: counter("offers/accepted"),
            offers_declined: counter("offers/declined"),
            offers_rescinded: counter("offers/rescinded"),
            terminal: TERMINAL
                .iter()
                .map(|s| {
                    (
                        *s as i32,
                        counter(&format!("tasks/terminal/{}", lower(s.as_str_name()))),
                    )
                })
                .collect(),
            active: ACTIVE
                .iter()
                .map(|s| {
                    (
                        *s as i32,
                        gauge(&format!("tasks/active/{}", lower(s.as_str_name()))),
                    )
                })
                .collect(),
            operations: counter("operations"),
            operation_types: OPERATIONS
                .iter()
                .map(|t| {
                    (
                        *t as i32,
                        counter(&format!("operations/{}", operation_key(*t))),
                    )
                })
                .collect(),
            _keys: Keys {
                registry: registry.clone(),
                keys: keys.take(),
            },
        };
        Self(Some(Arc::new(inner)))
    }

    /// Notes that it is connected.
    pub fn connected(&self) {
        if let Some(inner) = &self.0 {
            inner.subscribed.set(1.0);
        }
    }

    /// Notes that it is not connected.
    pub fn disconnected(&self) {
        if let Some(inner) = &self.0 {
            inner.subscribed.set(0.0);
        }
    }

    /// Counts a call.
    pub fn call(&self, kind: call::Type) {
        if let Some(inner) = &self.0 {
            inner.calls.increment();
            bump(&inner.call_types, kind as i32, 1);
        }
    }

    /// Counts an event, whether or not it could be delivered.
    pub fn event(&self, kind: event::Type) {
        if let Some(inner) = &self.0 {
            inner.events.increment();
            bump(&inner.event_types, kind as i32, 1);
        }
    }

    /// Counts offers that were sent.
    pub fn offers_sent(&self, count: u64) {
        if let Some(inner) = &self.0 {
            inner.offers_sent.add(count);
        }
    }

    /// Counts offers that were accepted.
    pub fn offers_accepted(&self, count: u64) {
        if let Some(inner) = &self.0 {
            inner.offers_accepted.add(count);
        }
    }

    /// Counts offers that were declined.
    pub fn offers_declined(&self, count: u64) {
        if let Some(inner) = &self.0 {
            inner.offers_declined.add(count);
        }
    }

    /// Counts offers that were taken back.
    pub fn offers_rescinded(&self, count: u64) {
        if let Some(inner) = &self.0 {
            inner.offers_rescinded.add(count);
        }
    }

    /// Counts an operation of an accepted offer.
    pub fn operation(&self, kind: OperationType) {
        if let Some(inner) = &self.0 {
            inner.operations.increment();
            bump(&inner.operation_types, kind as i32, 1);
        }
    }

    /// Counts a task that is in a state now.
    pub fn enter_task_state(&self, state: TaskState) {
        let Some(inner) = &self.0 else { return };
        if is_terminal(state) {
            bump(&inner.terminal, state as i32, 1);
        } else if let Some(gauge) = inner.active.get(&(state as i32)) {
            gauge.add(1.0);
        }
    }

    /// Counts a task that left a state, or that is forgotten in it.
    pub fn leave_task_state(&self, state: TaskState) {
        let Some(inner) = &self.0 else { return };
        if let Some(gauge) = inner.active.get(&(state as i32)) {
            gauge.add(-1.0);
        }
    }
}

fn bump(counters: &BTreeMap<i32, Counter>, kind: i32, count: u64) {
    if let Some(counter) = counters.get(&kind) {
        counter.add(count);
    }
}
