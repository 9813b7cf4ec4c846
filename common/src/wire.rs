//! Old words of the wire, of JSON documents and of metric keys.
//!
//! Mesos said "slave" where it says "agent" today; clients still read the old spellings.
//! This is the only Rust file outside the protocol crate and the agent's directory layout that
//! may spell them.

/// Route that lists agents, under the master.
pub const AGENTS_ROUTE: &str = "/slaves";
/// JSON key: list of agents.
pub const AGENTS: &str = "slaves";
/// JSON key and query parameter: an agent's id.
pub const AGENT_ID: &str = "slave_id";
/// JSON key: ids of agents.
pub const AGENT_IDS: &str = "slave_ids";
/// Key of an agent's id in URL-encoded bodies.
pub const AGENT_ID_FORM_KEY: &str = "slaveId";
/// JSON key: agents of the registry that did not come back yet.
pub const RECOVERED_AGENTS: &str = "recovered_slaves";
/// JSON key: number of active agents.
pub const ACTIVATED_AGENTS: &str = "activated_slaves";
/// JSON key: number of inactive agents.
pub const DEACTIVATED_AGENTS: &str = "deactivated_slaves";
/// JSON key: number of unreachable agents.
pub const UNREACHABLE_AGENTS: &str = "unreachable_slaves";
/// Prefix of generated ids of agent observers.
pub const AGENT_OBSERVER_ID: &str = "slave-observer";

/// Keys of the master's metrics.
pub mod metric {
    /// Gauge: agents whose socket is up.
    pub const AGENTS_CONNECTED: &str = "master/slaves_connected";
    /// Gauge: agents whose socket broke.
    pub const AGENTS_DISCONNECTED: &str = "master/slaves_disconnected";
    /// Gauge: agents whose resources are offered.
    pub const AGENTS_ACTIVE: &str = "master/slaves_active";
    /// Gauge: registered agents whose resources are not offered.
    pub const AGENTS_INACTIVE: &str = "master/slaves_inactive";
    /// Gauge: unreachable agents.
    pub const AGENTS_UNREACHABLE: &str = "master/slaves_unreachable";
    /// Counter: registration messages.
    pub const MESSAGES_REGISTER_AGENT: &str = "master/messages_register_slave";
    /// Counter: re-registration messages.
    pub const MESSAGES_REREGISTER_AGENT: &str = "master/messages_reregister_slave";
    /// Counter: unregistration messages.
    pub const MESSAGES_UNREGISTER_AGENT: &str = "master/messages_unregister_slave";
    /// Counter: update messages of agents.
    pub const MESSAGES_UPDATE_AGENT: &str = "master/messages_update_slave";
    /// Counter: agents that did not come back after a failover.
    pub const RECOVERY_AGENT_REMOVALS: &str = "master/recovery_slave_removals";
    /// Counter: registrations.
    pub const AGENT_REGISTRATIONS: &str = "master/slave_registrations";
    /// Counter: re-registrations.
    pub const AGENT_REREGISTRATIONS: &str = "master/slave_reregistrations";
    /// Counter: removals.
    pub const AGENT_REMOVALS: &str = "master/slave_removals";
    /// Counter: removals because pings went unanswered.
    pub const AGENT_REMOVALS_UNHEALTHY: &str = "master/slave_removals/reason_unhealthy";
    /// Counter: removals because the agent said so.
    pub const AGENT_REMOVALS_UNREGISTERED: &str = "master/slave_removals/reason_unregistered";
    /// Counter: removals because another agent took the address.
    pub const AGENT_REMOVALS_REGISTERED: &str = "master/slave_removals/reason_registered";
    /// Counter: old name of the next three.
    pub const AGENT_SHUTDOWNS_SCHEDULED: &str = "master/slave_shutdowns_scheduled";
    /// Counter: never counts any more.
    pub const AGENT_SHUTDOWNS_COMPLETED: &str = "master/slave_shutdowns_completed";
    /// Counter: never counts any more.
    pub const AGENT_SHUTDOWNS_CANCELED: &str = "master/slave_shutdowns_canceled";
    /// Counter: agents about to be marked unreachable.
    pub const AGENT_UNREACHABLE_SCHEDULED: &str = "master/slave_unreachable_scheduled";
    /// Counter: agents marked unreachable.
    pub const AGENT_UNREACHABLE_COMPLETED: &str = "master/slave_unreachable_completed";
    /// Counter: agents that answered in time after all.
    pub const AGENT_UNREACHABLE_CANCELED: &str = "master/slave_unreachable_canceled";
}

/// Environment variables that the agent sets for its executors, and what they hold.
pub mod variable {
    /// Name of the agent's actor with its address.
    pub const AGENT_PID: &str = "MESOS_SLAVE_PID";
    /// Id of the agent.
    pub const AGENT_ID: &str = "MESOS_SLAVE_ID";
    /// Id of the agent's actor, unless `MESOS_SLAVE_PID` names another.
    pub const AGENT_PROCESS_ID: &str = "slave(1)";

    /// Id of one of many agents' actors at one address.
    #[must_use]
    pub fn agent_process_id(number: usize) -> String {
        format!("slave({number})")
    }

    /// Flag of the command executor: the terminal of its task.
    pub const TTY_PATH_FLAG: &str = "tty_slave_path";
}

/// The old spelling of an enum value of `SOURCE_` or `REASON_` kind.
#[must_use]
pub fn legacy_enum_name(name: &str) -> String {
    name.replace("_AGENT", "_SLAVE")
}

/// Old names of flags. They are accepted with a warning.
pub mod old_flag {
    /// Old name of `--authenticate_agents`.
    pub const AUTHENTICATE_AGENTS: &str = "authenticate_slaves";
    /// Old name of `--agent_reregister_timeout`.
    pub const AGENT_REREGISTER_TIMEOUT: &str = "slave_reregister_timeout";
    /// Old name of `--recovery_agent_removal_limit`.
    pub const RECOVERY_AGENT_REMOVAL_LIMIT: &str = "recovery_slave_removal_limit";
    /// Old name of `--agent_removal_rate_limit`.
    pub const AGENT_REMOVAL_RATE_LIMIT: &str = "slave_removal_rate_limit";
    /// Old name of `--agent_ping_timeout`.
    pub const AGENT_PING_TIMEOUT: &str = "slave_ping_timeout";
    /// Old name of `--max_agent_ping_timeouts`.
    pub const MAX_AGENT_PING_TIMEOUTS: &str = "max_slave_ping_timeouts";
    /// Old name of `--max_executors_per_agent`.
    pub const MAX_EXECUTORS_PER_AGENT: &str = "max_executors_per_slave";
    /// Old name of `--agent_subsystems`.
    pub const AGENT_SUBSYSTEMS: &str = "slave_subsystems";
}

/// Old name of the program `mesos-agent`.
pub const AGENT_PROGRAM: &str = "mesos-slave";

/// Virtual path of the agent's log.
pub const AGENT_LOG_PATH: &str = "/slave/log";

/// A key of the agent's metrics.
#[must_use]
pub fn agent_metric(name: &str) -> String {
    format!("slave/{name}")
}
