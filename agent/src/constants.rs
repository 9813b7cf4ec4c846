//! Figures of the agent that no flag changes.
//!
//! Mirrors `src/slave/constants.hpp`.

use std::time::Duration;

/// How many frameworks that ended are remembered.
pub const MAX_COMPLETED_FRAMEWORKS: usize = 50;

/// How many tasks that ended are remembered for each executor.
pub const MAX_COMPLETED_TASKS_PER_EXECUTOR: usize = 200;

/// The longest time between two attempts to register.
pub const REGISTRATION_BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How long the agent waits for a ping until a master says otherwise: five pings of 15 seconds.
pub const DEFAULT_PING_TIMEOUT: Duration = Duration::from_secs(75);

/// The first wait before a status update is sent again.
pub const STATUS_UPDATE_RETRY_MIN: Duration = Duration::from_secs(10);

/// The longest wait before a status update is sent again.
pub const STATUS_UPDATE_RETRY_MAX: Duration = Duration::from_secs(600);

/// How often an executor that speaks HTTP hears a heartbeat.
pub const EXECUTOR_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// How much an executor may leave unread before its stream is broken off.
pub const MAX_BUFFERED_EVENT_BYTES: usize = 16 << 20;

/// The longest the genuine reaper takes to see that a process ended; part of a promised grace period.
pub const MAX_REAP_INTERVAL: Duration = Duration::from_secs(1);

/// Processors that the agent adds for an executor it makes up.
pub const DEFAULT_EXECUTOR_CPUS: &str = "0.1";

/// Megabytes that the agent adds for an executor it makes up.
pub const DEFAULT_EXECUTOR_MEM_MB: &str = "32";

/// The Mesos version that this agent stands for.
pub const MESOS_VERSION: &str = "1.11.0";
