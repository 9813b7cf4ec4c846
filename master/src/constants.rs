//! Constants of the master that no flag changes.
//!
//! Mirrors `src/master/constants.hpp`.

use std::time::Duration;

use mesos_common::bytes::ByteSize;

/// Interval of heartbeats on scheduler and operator event streams.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);
/// How many removed agents this master remembers, to ignore their messages.
pub const MAX_REMOVED_AGENTS: usize = 100_000;
/// Filter that an operator operation leaves on the offers it rescinds, in seconds.
pub const OPERATOR_RESCIND_REFUSE_SECONDS: f64 = 5.0;
/// How long an orphaned operation waits for its framework after its agent came back.
pub const MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION: Duration = Duration::from_secs(600);
/// Tasks that `/tasks` lists unless told.
pub const TASK_LIMIT: usize = 100;
/// The oldest agent version that may register: `major.minor.patch`.
pub const MINIMUM_AGENT_VERSION: (u64, u64, u64) = (1, 0, 0);
/// Smallest executor CPU share that is not suspicious.
pub const MIN_CPUS: f64 = 0.01;
/// Smallest executor memory that is not suspicious.
pub const MIN_MEM: ByteSize = ByteSize::from_megabytes(32);
/// Bytes that a subscriber may leave unread before it is disconnected.
pub const MAX_BUFFERED_EVENT_BYTES: usize = 64 * 1024 * 1024;
/// Time between two looks at the file of `--whitelist`.
pub const WHITELIST_WATCH_INTERVAL: Duration = Duration::from_secs(5);
/// How many threads of its own a master wants: one for the allocator.
pub const RESERVED_ARBITERS: usize = 1;
/// The version that this master speaks and reports.
pub const MESOS_VERSION: &str = "1.11.0";
