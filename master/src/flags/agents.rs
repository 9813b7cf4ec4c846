//! Flags on agents: health, removal, admission.

use mesos_common::flag;
use mesos_common::flags::Row;
use mesos_common::wire::old_flag;

use super::Flags;
use super::rules::{
    agent_ping_timeout_in_range, agent_reregister_timeout_long_enough, ping_timeouts_at_least_one,
    removal_limit_is_a_percentage, removal_rate_is_a_rate,
};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.agent_reregister_timeout = "10mins",
        "How long an agent may take to come back after its connection broke\n\
         or after a new leader was elected. Then it is marked unreachable.\n\
         At least 10mins."
    )
    .alias(old_flag::AGENT_REREGISTER_TIMEOUT)
    .rule(agent_reregister_timeout_long_enough),
    flag!(
        Flags.recovery_agent_removal_limit = "100%",
        "Largest share of agents that may fail to come back after a failover.\n\
         Beyond it the master gives up rather than mark them all unreachable.\n\
         Values: 0% to 100%"
    )
    .alias(old_flag::RECOVERY_AGENT_REMOVAL_LIMIT)
    .rule(removal_limit_is_a_percentage),
    flag!(
        Flags.agent_removal_rate_limit,
        "Largest rate at which agents are marked unreachable, such as `1/10mins`.\n\
         Without it they are marked as soon as they stop to answer."
    )
    .alias(old_flag::AGENT_REMOVAL_RATE_LIMIT)
    .rule(removal_rate_is_a_rate),
    flag!(
        Flags.agent_ping_timeout = "15secs",
        "How long an agent may take to answer a ping, 1secs to 15mins.\n\
         This times `--max_agent_ping_timeouts` should exceed the session\n\
         timeout at ZooKeeper."
    )
    .alias(old_flag::AGENT_PING_TIMEOUT)
    .rule(agent_ping_timeout_in_range),
    flag!(
        Flags.max_agent_ping_timeouts = "5",
        "How many pings in a row an agent may miss until it is marked unreachable."
    )
    .alias(old_flag::MAX_AGENT_PING_TIMEOUTS)
    .rule(ping_timeouts_at_least_one),
    flag!(
        Flags.max_executors_per_agent,
        "Most executors on one agent, for agents that share ports among executors."
    )
    .alias(old_flag::MAX_EXECUTORS_PER_AGENT)
    .optional_build(),
    flag!(
        Flags.require_agent_domain = "false",
        "Whether agents without a fault domain are refused."
    ),
    flag!(
        Flags.whitelist,
        "File with the host names of agents whose resources may be offered, one a line.\n\
         It is read again when it changes. Without it all agents are used."
    ),
];
