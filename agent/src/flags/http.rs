//! Flags on the HTTP interface.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.http_heartbeat_interval = "30secs",
        "Time between two heartbeats on streams of the agent's interface."
    )
    .not_yet(),
    flag!(
        Flags.firewall_rules,
        "Endpoints that are switched off, as JSON or as the path of a JSON file.\n\
         Example:\n\
         {\"disabled_endpoints\": {\"paths\": [\"/files/browse\", \"/metrics/snapshot\"]}}"
    )
    .not_yet(),
];
