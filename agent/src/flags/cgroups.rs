//! Flags on cgroups, namespaces, devices and systemd.

use mesos_common::flag;
use mesos_common::flags::Row;
use mesos_common::wire::old_flag;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.cgroups_destroy_timeout = "1mins",
        "How long removing a cgroup may take."
    )
    .not_yet(),
    flag!(
        Flags.cgroups_hierarchy = "/sys/fs/cgroup",
        "Path of the cgroup hierarchies.\n"
    )
    .not_yet(),
    flag!(Flags.cgroups_root = "mesos", "Name of the root cgroup.\n").not_yet(),
    flag!(
        Flags.cgroups_enable_cfs = "false",
        "Whether cpus are a hard limit.\n"
    )
    .not_yet(),
    flag!(
        Flags.cgroups_limit_swap = "false",
        "Whether mem limits memory and swap together.\n"
    )
    .not_yet(),
    flag!(
        Flags.cgroups_cpu_enable_pids_and_tids_count = "false",
        "Whether processes and threads of containers are counted.\n"
    )
    .not_yet(),
    flag!(
        Flags.cgroups_net_cls_primary_handle,
        "Primary handle of the net_cls cgroup, as `0xAAAA`."
    )
    .not_yet(),
    flag!(
        Flags.cgroups_net_cls_secondary_handles,
        "Range of secondary handles, as `0xAAAA,0xBBBB`.\n\
         Goes with `--cgroups_net_cls_primary_handle`."
    )
    .not_yet(),
    flag!(
        Flags.allowed_devices,
        "Devices that containers may use besides the usual ones, as JSON.\n\
         For the isolator `cgroups/devices`.\n\
         Example:\n\
         {\n\
         \x20 \"allowed_devices\": [\n\
         \x20   {\"device\": {\"path\": \"/dev/fuse\"}, \"access\": {\"read\": true}}\n\
         \x20 ]\n\
         }\n"
    )
    .not_yet(),
    flag!(
        Flags.agent_subsystems,
        "Cgroup subsystems to run the agent itself in, parted by commas."
    )
    .alias(old_flag::AGENT_SUBSYSTEMS)
    .not_yet(),
    flag!(
        Flags.nvidia_gpu_devices,
        "Numbers of the Nvidia GPUs to offer, parted by commas."
    )
    .not_yet(),
    flag!(
        Flags.perf_events,
        "Events to sample for each container, parted by commas."
    )
    .not_yet(),
    flag!(
        Flags.perf_interval = "1mins",
        "Time between the starts of two samples."
    )
    .not_yet(),
    flag!(
        Flags.perf_duration = "10secs",
        "Length of a sample. Must be less than `--perf_interval`."
    )
    .not_yet(),
    flag!(
        Flags.revocable_cpu_low_priority = "true",
        "Whether containers with revocable cpus get less of the processors."
    )
    .not_yet(),
    flag!(
        Flags.systemd_enable_support = "true",
        "Whether executors are kept alive by systemd when the agent's unit stops."
    )
    .not_yet(),
    flag!(
        Flags.systemd_runtime_directory = "/run/systemd/system",
        "Directory of systemd's units.\n"
    )
    .not_yet(),
    flag!(
        Flags.effective_capabilities,
        "Linux capabilities that tasks get unless they ask for others, as JSON.\n\
         For the isolator `linux/capabilities`.\n\
         Example:\n\
         {\"capabilities\": [\"NET_RAW\", \"SYS_ADMIN\"]}"
    )
    .alias("allowed_capabilities")
    .not_yet(),
    flag!(
        Flags.bounding_capabilities,
        "Linux capabilities that tasks may have at most, as JSON.\n\
         For the isolator `linux/capabilities`."
    )
    .not_yet(),
    flag!(
        Flags.default_container_shm_size,
        "Size of /dev/shm for containers that have their own and name no size.\n\
         For the isolator `namespaces/ipc`."
    )
    .not_yet(),
    flag!(
        Flags.disallow_sharing_agent_ipc_namespace = "false",
        "Whether containers may not share the agent's IPC namespace.\n\
         For the isolator `namespaces/ipc`.\n"
    )
    .not_yet(),
    flag!(
        Flags.disallow_sharing_agent_pid_namespace = "false",
        "Whether containers may not share the agent's pid namespace.\n\
         For the isolator `namespaces/pid`.\n"
    )
    .not_yet(),
    flag!(
        Flags.xfs_project_range = "[5000-10000]",
        "Project ids to use for disk quotas on XFS."
    )
    .optional_build()
    .not_yet(),
    flag!(
        Flags.xfs_kill_containers = "false",
        "Whether containers that exceed their disk quota are killed.\n\
         For the isolator `disk/xfs`."
    )
    .optional_build()
    .not_yet(),
    flag!(Flags.seccomp_config_dir, "Directory of Seccomp profiles.")
        .optional_build()
        .not_yet(),
    flag!(
        Flags.seccomp_profile_name,
        "Seccomp profile for containers that name none,\n\
         as a path below `--seccomp_config_dir`."
    )
    .optional_build()
    .not_yet(),
];
