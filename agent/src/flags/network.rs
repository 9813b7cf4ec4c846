//! Flags on addresses, names and the place of this agent, and on finding the master.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::{has_fault_domain, has_transport, registration_backoff_at_most_one_minute};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(Flags.version = "false", "Print the version and exit."),
    flag!(
        Flags.hostname,
        "Host name to announce to the master.\n\
         Without it the name is looked up for the advertised address."
    ),
    flag!(
        Flags.hostname_lookup = "true",
        "Whether to look the host name up when `--hostname` is not given.\n\
         If not, the address itself serves as name."
    ),
    flag!(
        Flags.ip,
        "Address to listen on.\n\
         Cannot be given together with `--ip_discovery_command`."
    ),
    flag!(
        Flags.ip6,
        "IPv6 address to announce for containers on the host network.\n\
         It is not listened on.\n\
         Cannot be given together with `--ip6_discovery_command`.\n"
    )
    .not_yet(),
    flag!(Flags.port = "5051", "Port to listen on."),
    flag!(
        Flags.advertise_ip,
        "Address under which others reach this agent.\n\
         It is announced, not bound."
    ),
    flag!(
        Flags.advertise_port,
        "Port under which others reach this agent.\n\
         It is announced together with `--advertise_ip`, not bound."
    ),
    flag!(
        Flags.ip_discovery_command,
        "Command whose output is the address to listen on.\n\
         Cannot be given together with `--ip`."
    ),
    flag!(
        Flags.ip6_discovery_command,
        "Command whose output is the IPv6 address to announce.\n\
         Cannot be given together with `--ip6`.\n"
    )
    .not_yet(),
    flag!(
        Flags.transport,
        "How messages leave this agent: `auto`, `legacy` or `grpc`.\n\
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
        Flags.master,
        "The master, one of:\n\
         \x20 `host:port`\n\
         \x20 `zk://host1:port1,host2:port2/path`\n\
         \x20 `zk://user:password@host1:port1/path`\n\
         \x20 `file:///path` of a file that holds one of these"
    ),
    flag!(
        Flags.master_detector,
        "Module that detects the master.\n\
         Cannot be given together with `--master`."
    )
    .not_yet(),
    flag!(
        Flags.zk_session_timeout = "10secs",
        "Session timeout at ZooKeeper."
    ),
    flag!(
        Flags.registration_backoff_factor = "1secs",
        "The first registration waits a random time up to this value.\n\
         Each retry doubles the limit, up to 1mins."
    )
    .rule(registration_backoff_at_most_one_minute),
    flag!(
        Flags.domain,
        "Fault domain of this agent, as JSON or as the path of a JSON file.\n\
         Frameworks without the capability REGION_AWARE get no offers of an agent\n\
         in another region than the master's.\n\
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
