//! Flags on the allocator and the offers it makes.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::rules::{framework_sorter_is_known, role_sorter_is_known};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.allocator = "hierarchical",
        "The allocator. Only `hierarchical` is built in."
    )
    .not_yet(),
    flag!(
        Flags.allocation_interval = "1secs",
        "Time between two batch allocations."
    ),
    flag!(
        Flags.allocator_agent_recovery_factor = "0.8",
        "Share of the known agents that must be back after a failover\n\
         before the allocator makes offers."
    ),
    flag!(
        Flags.allocator_recovery_timeout = "10mins",
        "Longest time that the allocator waits for agents after a failover."
    ),
    flag!(
        Flags.role_sorter = "drf",
        "How resources are shared among roles: `drf` or `random`."
    )
    .alias("user_sorter")
    .rule(role_sorter_is_known),
    flag!(
        Flags.framework_sorter = "drf",
        "How resources are shared among the frameworks of a role: `drf` or `random`."
    )
    .rule(framework_sorter_is_known),
    flag!(
        Flags.fair_sharing_excluded_resource_names,
        "Names of resources, parted by commas, that do not count in fair sharing,\n\
         such as scarce ones (`gpus`)."
    ),
    flag!(
        Flags.filter_gpu_resources = "true",
        "Whether agents with GPUs are offered only to frameworks with the\n\
         capability GPU_RESOURCES."
    ),
    flag!(
        Flags.min_allocatable_resources = "cpus:0.01|mem:32",
        "The least that is worth an offer: sets of quantities, parted by `|`.\n\
         An offer must reach every quantity of one set; they are parted by `;`.\n\
         The quantity of ranges and sets is the number of their elements.\n\
         Example: `disk:1|cpus:1;mem:32;ports:1`\n"
    ),
    flag!(
        Flags.offer_timeout,
        "How long a framework may hold an offer until it is rescinded.\n\
         Without it offers do not time out."
    ),
    flag!(
        Flags.roles,
        "The roles that frameworks may use, parted by commas. Deprecated.\n\
         Without it any valid role may be used."
    ),
    flag!(
        Flags.weights,
        "Weights of roles as `role=weight,role=weight`. Deprecated:\n\
         set them through the endpoint `/weights`."
    ),
    flag!(
        Flags.offer_constraints_re2_max_mem = "4096B",
        "Most memory that one regular expression of an offer constraint may use."
    ),
    flag!(
        Flags.offer_constraints_re2_max_program_size = "100",
        "Largest program size of one regular expression of an offer constraint."
    ),
];
