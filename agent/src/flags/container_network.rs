//! Flags on the networks of containers.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.network_cni_plugins_dir,
        "Directories of CNI plugins, parted by colons."
    )
    .not_yet(),
    flag!(
        Flags.network_cni_config_dir,
        "Directory of CNI network configurations."
    )
    .not_yet(),
    flag!(
        Flags.network_cni_root_dir_persist = "false",
        "Whether the notes on CNI networks survive a reboot."
    )
    .not_yet(),
    flag!(
        Flags.network_cni_metrics = "true",
        "Whether CNI networks have metrics."
    )
    .not_yet(),
    flag!(
        Flags.ephemeral_ports_per_container = "1024",
        "Ephemeral ports of a container, a power of 2.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.eth0_name,
        "Name of the public network interface.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.lo_name,
        "Name of the loopback interface.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.egress_rate_limit_per_container,
        "Most bytes a second that a container may send.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.egress_unique_flow_per_container = "false",
        "Whether each container has a flow of its own for what it sends.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.egress_flow_classifier_parent = "root",
        "Where the classifier of these flows is installed."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.network_enable_socket_statistics_summary = "false",
        "Whether a summary of a container's sockets is collected.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.network_enable_socket_statistics_details = "false",
        "Whether details of a container's sockets are collected.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.network_enable_snmp_statistics = "false",
        "Whether SNMP counters of a container are collected.\n\
         For the isolator `network/port_mapping`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.container_ports_watch_interval = "30secs",
        "Time between two looks at the ports that containers listen on.\n\
         For the isolator `network/ports`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.check_agent_port_range_only = "false",
        "Whether ports outside of the agent's resources are free for all.\n\
         For the isolator `network/ports`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.enforce_container_ports = "false",
        "Whether containers that listen on foreign ports are killed.\n\
         For the isolator `network/ports`."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.container_ports_isolated_range,
        "The only ports to look at, such as `[0-35000]`.\n\
         For the isolator `network/ports`.\n"
    )
    .optional_build()
    .not_yet(),
];
