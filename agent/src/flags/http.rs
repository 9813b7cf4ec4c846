//! Flags on the HTTP interface.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.http_heartbeat_interval = "30secs",
        "Time between two heartbeats on streams of the agent's interface."
    ),
    flag!(
        Flags.firewall_rules,
        "Endpoints that are switched off, as JSON or as the path of a JSON file.\n\
         Example:\n\
         {\"disabled_endpoints\": {\"paths\": [\"/files/browse\", \"/metrics/snapshot\"]}}"
    ),
    flag!(
        Flags.json_aliases,
        "Whether endpoints also answer under their old names, such as `/state.json`.\n\
         Mesos before 1.0 had them, and some tools still use them."
    ),
];
