//! Flags on addresses, names and the place of this master.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::{has_fault_domain, has_transport};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(Flags.version = "false", "Print the version and exit."),
    flag!(
        Flags.hostname,
        "Host name to announce to agents, frameworks and in ZooKeeper.\n\
         Without it the name is looked up for the advertised address."
    ),
    flag!(
        Flags.hostname_lookup = "true",
        "Whether to look the host name up when `--hostname` is not given.\n\
         If not, the address itself serves as name."
    )
    .not_yet(),
    flag!(
        Flags.ip,
        "Address to listen on.\n\
         Cannot be given together with `--ip_discovery_command`."
    ),
    flag!(Flags.port = "5050", "Port to listen on."),
    flag!(
        Flags.advertise_ip,
        "Address under which others reach this master.\n\
         It is announced, not bound."
    ),
    flag!(
        Flags.advertise_port,
        "Port under which others reach this master.\n\
         It is announced together with `--advertise_ip`, not bound."
    ),
    flag!(
        Flags.ip_discovery_command,
        "Command whose output is the address to listen on.\n\
         Cannot be given together with `--ip`."
    ),
    flag!(
        Flags.transport,
        "How messages leave this master: `auto`, `legacy` or `grpc`.\n\
         `auto` uses gRPC with peers that take it and else the wire of C++ libprocess.\n\
         Without it `LIBPROCESS_TRANSPORT` decides, and without that `auto`."
    )
    .rule(has_transport),
    flag!(
        Flags.memory_profiling = "false",
        "Whether to serve the memory profiler. It needs a build with jemalloc."
    )
    .not_yet(),
    flag!(
        Flags.domain,
        "Fault domain of this master, as JSON or as the path of a JSON file.\n\
         Masters of one cluster must share the region and may differ in the zone.\n\
         Example:\n\
         {\n\
         \x20 \"fault_domain\": {\n\
         \x20   \"region\": {\"name\": \"north\"},\n\
         \x20   \"zone\": {\"name\": \"north-1\"}\n\
         \x20 }\n\
         }"
    )
    .rule(has_fault_domain),
];
