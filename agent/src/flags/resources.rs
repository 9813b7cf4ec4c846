//! Flags on what the agent offers.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::features_are_complete;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.resources,
        "Resources of this agent, as `name(role):value;name:value`,\n\
         as a JSON array, or as `file:///path` of a JSON file.\n\
         What is not named is detected: cpus, mem, disk and ports."
    ),
    flag!(
        Flags.attributes,
        "Attributes of this agent, such as `rack:2` or `rack:2;zone:a`."
    ),
    flag!(
        Flags.default_role = "*",
        "Role of resources for which `--resources` names none."
    ),
    flag!(
        Flags.resource_provider_config_dir,
        "Directory of the JSON configurations of local resource providers."
    )
    .not_yet(),
    flag!(
        Flags.csi_plugin_config_dir,
        "Directory of the JSON configurations of CSI plugins."
    )
    .not_yet(),
    flag!(
        Flags.disk_profile_adaptor,
        "Module that turns disk profiles into parameters of CSI plugins."
    )
    .not_yet(),
    flag!(
        Flags.resource_estimator,
        "Estimator of the resources that may be given away twice."
    ),
    flag!(
        Flags.qos_controller,
        "Controller that corrects what runs on such resources."
    ),
    flag!(
        Flags.qos_correction_interval_min = "0ns",
        "Shortest time between two corrections."
    ),
    flag!(
        Flags.oversubscribed_resources_interval = "15secs",
        "Time between two reports of oversubscribed resources to the master."
    ),
    flag!(
        Flags.agent_features,
        "Capabilities that the agent announces, as JSON.\n\
         MULTI_ROLE, HIERARCHICAL_ROLE, RESERVATION_REFINEMENT,\n\
         AGENT_OPERATION_FEEDBACK, RESOURCE_PROVIDER, AGENT_DRAINING and\n\
         TASK_RESOURCE_LIMITS must be among them.\n\
         Example:\n\
         {\"capabilities\": [{\"type\": \"MULTI_ROLE\"}, {\"type\": \"HIERARCHICAL_ROLE\"}]}\n"
    )
    .rule(features_are_complete),
];
