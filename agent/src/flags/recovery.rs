//! Flags on recovery after a restart of the agent.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::{policy_is_known, recover_is_known};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.recover = "reconnect",
        "What to do with executors of the agent before this one:\n\
         `reconnect` keeps them, `cleanup` ends them and then the agent."
    )
    .rule(recover_is_known),
    flag!(
        Flags.recovery_timeout = "15mins",
        "How long executors wait for the agent to come back until they end themselves."
    ),
    flag!(
        Flags.reconfiguration_policy = "equal",
        "Which changes of the agent are accepted when it recovers:\n\
         `equal` none, `additive` more resources, attributes and a domain."
    )
    .rule(policy_is_known),
    flag!(
        Flags.strict = "true",
        "Whether every error in recovery is fatal.\n\
         If not, as much as possible is recovered.\n"
    ),
];
