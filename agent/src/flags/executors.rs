//! Flags on executors.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::{environment_is_text, executor_reregistration_in_range, socket_path_is_short};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.switch_user = "true",
        "Whether tasks run as the user that their framework names.\n\
         If not, they run as the user of the agent."
    ),
    flag!(
        Flags.executor_environment_variables,
        "Environment variables for executors, as a JSON object of strings.\n\
         Example:\n\
         {\"PATH\": \"/bin:/usr/bin\"}"
    )
    .rule(environment_is_text),
    flag!(
        Flags.executor_registration_timeout = "1mins",
        "How long a new executor may take to register."
    ),
    flag!(
        Flags.executor_reregistration_timeout = "2secs",
        "How long an executor may take to come back after the agent restarted.\n\
         At most 15secs."
    )
    .rule(executor_reregistration_in_range),
    flag!(
        Flags.executor_reregistration_retry_interval,
        "Time until a legacy executor is asked again to reconnect.\n\
         Only executors of Mesos before 1.1.2 need it."
    ),
    flag!(
        Flags.executor_shutdown_grace_period = "5secs",
        "How long an executor may take to shut down,\n\
         unless the executor itself says how long."
    ),
    flag!(
        Flags.max_completed_executors_per_framework = "150",
        "How many completed executors of a framework are remembered.\n"
    ),
    flag!(
        Flags.http_command_executor = "false",
        "Whether the command executor speaks the HTTP interface.\n\
         If not, it speaks the legacy protocol."
    ),
    flag!(
        Flags.http_executor_domain_sockets = "false",
        "Whether executors reach the agent through a unix socket."
    ),
    flag!(
        Flags.domain_socket_location,
        "Path of that unix socket, at most 107 characters,\n\
         or `systemd:<name>` for a socket that systemd passes.\n\
         Without it: `<runtime_dir>/agent.sock`."
    )
    .rule(socket_path_is_short),
];
