//! The master's metrics.
//!
//! Mirrors `src/master/metrics.cpp`.
//! Every key exists from the start, with its kind; keys of a framework live as long as it does.

mod framework;
mod gauges;

pub use self::framework::FrameworkMetrics;
pub(crate) use self::gauges::{Amounts, Kind, install_gauges};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use libprocess::metrics::{Counter, PushGauge};
use libprocess::{Metrics as Registry, Runtime};
use mesos_common::task_state::uses_resources;
use mesos_common::wire::metric as wire;
use mesos_proto::v1::offer::operation::Type as OperationType;
use mesos_proto::v1::task_status::{Reason, Source};
use mesos_proto::v1::{OperationState, TaskState};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident => $key:expr,)*) => {
        /// The counters with fixed names.
        #[expect(missing_docs, reason = "each field carries the name of its key")]
        #[derive(Debug)]
        pub struct Counters {
            $($(#[$doc])* pub $field: Counter,)*
        }

        impl Counters {
            fn new(registry: &Registry) -> Self {
                Self { $($field: registry.counter($key),)* }
            }
        }
    };
}

counters! {
    tasks_finished => "master/tasks_finished",
    tasks_failed => "master/tasks_failed",
    tasks_killed => "master/tasks_killed",
    tasks_lost => "master/tasks_lost",
    tasks_error => "master/tasks_error",
    tasks_dropped => "master/tasks_dropped",
    tasks_gone => "master/tasks_gone",
    tasks_gone_by_operator => "master/tasks_gone_by_operator",
    dropped_messages => "master/dropped_messages",
    http_cache_hits => "master/http_cache_hits",
    event_streams_unread => "master/event_streams_unread",
    messages_register_framework => "master/messages_register_framework",
    messages_reregister_framework => "master/messages_reregister_framework",
    messages_unregister_framework => "master/messages_unregister_framework",
    messages_deactivate_framework => "master/messages_deactivate_framework",
    messages_kill_task => "master/messages_kill_task",
    messages_status_update_acknowledgement => "master/messages_status_update_acknowledgement",
    messages_resource_request => "master/messages_resource_request",
    messages_launch_tasks => "master/messages_launch_tasks",
    messages_decline_offers => "master/messages_decline_offers",
    messages_revive_offers => "master/messages_revive_offers",
    messages_suppress_offers => "master/messages_suppress_offers",
    messages_reconcile_operations => "master/messages_reconcile_operations",
    messages_reconcile_tasks => "master/messages_reconcile_tasks",
    messages_framework_to_executor => "master/messages_framework_to_executor",
    messages_operation_status_update_acknowledgement =>
        "master/messages_operation_status_update_acknowledgement",
    messages_executor_to_framework => "master/messages_executor_to_framework",
    messages_register_agent => wire::MESSAGES_REGISTER_AGENT,
    messages_reregister_agent => wire::MESSAGES_REREGISTER_AGENT,
    messages_unregister_agent => wire::MESSAGES_UNREGISTER_AGENT,
    messages_status_update => "master/messages_status_update",
    messages_operation_status_update => "master/messages_operation_status_update",
    messages_exited_executor => "master/messages_exited_executor",
    messages_update_agent => wire::MESSAGES_UPDATE_AGENT,
    messages_authenticate => "master/messages_authenticate",
    valid_framework_to_executor_messages => "master/valid_framework_to_executor_messages",
    invalid_framework_to_executor_messages => "master/invalid_framework_to_executor_messages",
    valid_executor_to_framework_messages => "master/valid_executor_to_framework_messages",
    invalid_executor_to_framework_messages => "master/invalid_executor_to_framework_messages",
    valid_status_updates => "master/valid_status_updates",
    invalid_status_updates => "master/invalid_status_updates",
    valid_status_update_acknowledgements => "master/valid_status_update_acknowledgements",
    invalid_status_update_acknowledgements => "master/invalid_status_update_acknowledgements",
    valid_operation_status_updates => "master/valid_operation_status_updates",
    invalid_operation_status_updates => "master/invalid_operation_status_updates",
    valid_operation_status_update_acknowledgements =>
        "master/valid_operation_status_update_acknowledgements",
    invalid_operation_status_update_acknowledgements =>
        "master/invalid_operation_status_update_acknowledgements",
    recovery_agent_removals => wire::RECOVERY_AGENT_REMOVALS,
    agent_registrations => wire::AGENT_REGISTRATIONS,
    agent_reregistrations => wire::AGENT_REREGISTRATIONS,
    agent_removals => wire::AGENT_REMOVALS,
    agent_removals_unhealthy => wire::AGENT_REMOVALS_UNHEALTHY,
    agent_removals_unregistered => wire::AGENT_REMOVALS_UNREGISTERED,
    agent_removals_registered => wire::AGENT_REMOVALS_REGISTERED,
    agent_shutdowns_scheduled => wire::AGENT_SHUTDOWNS_SCHEDULED,
    agent_shutdowns_completed => wire::AGENT_SHUTDOWNS_COMPLETED,
    agent_shutdowns_canceled => wire::AGENT_SHUTDOWNS_CANCELED,
    agent_unreachable_scheduled => wire::AGENT_UNREACHABLE_SCHEDULED,
    agent_unreachable_completed => wire::AGENT_UNREACHABLE_COMPLETED,
    agent_unreachable_canceled => wire::AGENT_UNREACHABLE_CANCELED,
}

/// Counts of one kind of operation.
struct OperationMetrics {
    total: Counter,
    pending: PushGauge,
    recovering: PushGauge,
    unreachable: PushGauge,
    finished: Counter,
    failed: Counter,
    error: Counter,
    dropped: Counter,
    gone_by_operator: Counter,
}

impl OperationMetrics {
    fn new(registry: &Registry, prefix: &str) -> Self {
        let key = |name: &str| format!("{prefix}/{name}");
        Self {
            total: registry.counter(&key("total")),
            pending: registry.push_gauge(&key("pending")),
            recovering: registry.push_gauge(&key("recovering")),
            unreachable: registry.push_gauge(&key("unreachable")),
            finished: registry.counter(&key("finished")),
            failed: registry.counter(&key("failed")),
            error: registry.counter(&key("error")),
            dropped: registry.counter(&key("dropped")),
            gone_by_operator: registry.counter(&key("gone_by_operator")),
        }
    }

    fn enter(&self, state: OperationState) {
        match state {
            OperationState::OperationPending => self.pending.add(1.0),
            OperationState::OperationRecovering => self.recovering.add(1.0),
            OperationState::OperationUnreachable => self.unreachable.add(1.0),
            OperationState::OperationFinished => self.finished.increment(),
            OperationState::OperationFailed => self.failed.increment(),
            OperationState::OperationError => self.error.increment(),
            OperationState::OperationDropped => self.dropped.increment(),
            OperationState::OperationGoneByOperator => self.gone_by_operator.increment(),
            OperationState::OperationUnsupported | OperationState::OperationUnknown => {}
        }
    }

    fn leave(&self, state: OperationState) {
        match state {
            OperationState::OperationPending => self.pending.add(-1.0),
            OperationState::OperationRecovering => self.recovering.add(-1.0),
            OperationState::OperationUnreachable => self.unreachable.add(-1.0),
            OperationState::OperationFinished
            | OperationState::OperationFailed
            | OperationState::OperationError
            | OperationState::OperationDropped
            | OperationState::OperationGoneByOperator
            | OperationState::OperationUnsupported
            | OperationState::OperationUnknown => {}
        }
    }
}

const OPERATION_TYPES: [OperationType; 8] = [
    OperationType::Reserve,
    OperationType::Unreserve,
    OperationType::Create,
    OperationType::Destroy,
    OperationType::GrowVolume,
    OperationType::ShrinkVolume,
    OperationType::CreateDisk,
    OperationType::DestroyDisk,
];

/// The name of an operation's type in metric keys.
#[must_use]
pub fn operation_key(kind: OperationType) -> String {
    kind.as_str_name().to_lowercase()
}

/// All metrics of one master; cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    counters: Counters,
    subscribers: PushGauge,
    operations: OperationMetrics,
    operation_types: HashMap<OperationType, OperationMetrics>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Registers every key with a fixed name.
    #[must_use]
    pub fn new(runtime: &Runtime) -> Self {
        let registry = runtime.metrics().clone();
        let operation_types = OPERATION_TYPES
            .iter()
            .map(|kind| {
                let prefix = format!("master/operations/{}", operation_key(*kind));
                (*kind, OperationMetrics::new(&registry, &prefix))
            })
            .collect();
        Self(Arc::new(Inner {
            counters: Counters::new(&registry),
            subscribers: registry.push_gauge("master/operator_event_stream_subscribers"),
            operations: OperationMetrics::new(&registry, "master/operations"),
            operation_types,
            registry,
        }))
    }

    /// The counters with fixed names.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Where keys are registered.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Notes how many operators follow events.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of connections is small"
    )]
    pub fn set_subscribers(&self, count: usize) {
        self.0.subscribers.set(count as f64);
    }

    /// Counts a task that ended.
    pub fn task_ended(&self, state: TaskState, source: Source, reason: Option<Reason>) {
        let counters = self.counters();
        match state {
            TaskState::TaskFinished => counters.tasks_finished.increment(),
            TaskState::TaskFailed => counters.tasks_failed.increment(),
            TaskState::TaskKilled => counters.tasks_killed.increment(),
            TaskState::TaskLost => counters.tasks_lost.increment(),
            TaskState::TaskError => counters.tasks_error.increment(),
            TaskState::TaskDropped => counters.tasks_dropped.increment(),
            TaskState::TaskGone => counters.tasks_gone.increment(),
            TaskState::TaskGoneByOperator => counters.tasks_gone_by_operator.increment(),
            TaskState::TaskStaging
            | TaskState::TaskStarting
            | TaskState::TaskRunning
            | TaskState::TaskKilling
            | TaskState::TaskUnreachable
            | TaskState::TaskUnknown => {}
        }
        if let Some(reason) = reason {
            self.task_state(state, source, reason);
        }
    }

    /// Counts a state with its source and reason; the key comes to be with its first count.
    pub fn task_state(&self, state: TaskState, source: Source, reason: Reason) {
        // An unreachable task counts too, though it may come back.
        if uses_resources(state) {
            return;
        }
        let key = format!(
            "master/{}/{}/{}",
            state.as_str_name().to_lowercase(),
            legacy_name(source.as_str_name()),
            legacy_name(reason.as_str_name()),
        );
        self.0.registry.counter(&key).increment();
    }

    /// Counts an operation that came to be.
    pub fn operation_added(&self, kind: OperationType, state: OperationState) {
        self.0.operations.total.increment();
        self.0.operations.enter(state);
        if let Some(metrics) = self.0.operation_types.get(&kind) {
            metrics.total.increment();
            metrics.enter(state);
        }
    }

    /// Counts an operation that changed.
    pub fn operation_changed(
        &self,
        kind: OperationType,
        before: OperationState,
        after: OperationState,
    ) {
        if before == after {
            return;
        }
        self.operation_left(kind, before);
        self.operation_entered(kind, after);
    }

    /// Counts an operation in a state that it ends in together with its agent.
    pub fn operation_entered(&self, kind: OperationType, state: OperationState) {
        self.0.operations.enter(state);
        if let Some(metrics) = self.0.operation_types.get(&kind) {
            metrics.enter(state);
        }
    }

    /// Counts an operation that the master forgets in this state.
    pub fn operation_left(&self, kind: OperationType, state: OperationState) {
        self.0.operations.leave(state);
        if let Some(metrics) = self.0.operation_types.get(&kind) {
            metrics.leave(state);
        }
    }

    /// Counts an operation that was refused.
    pub fn operation_refused(&self, kind: OperationType) {
        self.operation_added(kind, OperationState::OperationError);
    }
}

/// The old spelling of an enum's name, in lower case.
fn legacy_name(name: &str) -> String {
    mesos_common::wire::legacy_enum_name(name).to_lowercase()
}
