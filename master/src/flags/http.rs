//! Flags on the HTTP interface.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.webui_dir = "/usr/share/mesos/webui",
        "Directory of the files of the web interface."
    ),
    flag!(Flags.cluster, "Name of the cluster for people to read."),
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
    flag!(
        Flags.max_operator_event_stream_subscribers = "1000",
        "Most subscribers of the operator event stream. One more closes the oldest."
    ),
];
