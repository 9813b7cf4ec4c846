//! Flags on the registry, its log, and the election of the leader.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::{registry_is_known, registry_is_not_strict};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.work_dir,
        "Directory for what the master must not lose, such as the log of the registry.\n\
         Do not choose a directory that is cleaned, such as `/tmp`."
    ),
    flag!(
        Flags.registry = "replicated_log",
        "Where the registry is kept: `replicated_log`, or `in_memory` for tests."
    )
    .rule(registry_is_known),
    flag!(
        Flags.quorum,
        "Number of replicas of the log that make a majority of all masters.\n\
         Needed with `--zk` and the replicated log."
    ),
    flag!(
        Flags.zk,
        "ZooKeeper where masters elect their leader. One of:\n\
         \x20 `zk://host1:port1,host2:port2/path`\n\
         \x20 `zk://user:password@host1:port1/path`\n\
         \x20 `file:///path` of a file that holds one of these\n\
         Without it this master is the only one."
    ),
    flag!(
        Flags.zk_session_timeout = "10secs",
        "Session timeout at ZooKeeper."
    ),
    flag!(
        Flags.registry_strict = "false",
        "Once chose whether the registry decides about agents.\n\
         It always does; `true` is refused."
    )
    .rule(registry_is_not_strict),
    flag!(
        Flags.registry_fetch_timeout = "1mins",
        "How long reading the registry may take at start."
    ),
    flag!(
        Flags.registry_store_timeout = "20secs",
        "How long one write of the registry may take."
    ),
    flag!(
        Flags.registry_gc_interval = "15mins",
        "How often the leader looks for old unreachable and gone agents to forget."
    ),
    flag!(
        Flags.registry_max_agent_age = "2weeks",
        "How long the registry remembers agents that are unreachable or gone."
    ),
    flag!(
        Flags.registry_max_agent_count = "102400",
        "How many unreachable and gone agents the registry remembers."
    ),
    flag!(
        Flags.log_auto_initialize = "true",
        "Whether an empty replicated log is initialized at its first use.\n\
         If not, `mesos-log initialize` has to be run."
    ),
];
