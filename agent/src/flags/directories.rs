//! Flags on the directories of the agent.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::machine::runtime_dir;
use super::rules::headroom_is_a_share;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.work_dir = required,
        "Directory for sandboxes and for what the agent must find again after a restart.\n\
         Do not choose a directory that is cleaned, such as `/tmp`."
    ),
    flag!(
        Flags.runtime_dir = compute(runtime_dir),
        "Directory for what lives until the next reboot.\n\
         Choose one that is emptied at boot, such as `/var/run/mesos`."
    ),
    flag!(
        Flags.launcher_dir = "/usr/libexec/mesos",
        "Directory of the helper programs: executors, fetcher, containerizer.\n\
         Where one is missing, this program itself does its work."
    ),
    flag!(
        Flags.hadoop_home,
        "Directory of Hadoop, for the fetcher.\n\
         Without it, HADOOP_HOME and PATH are searched."
    ),
    flag!(
        Flags.frameworks_home = "",
        "Directory that is put before relative paths of executors."
    ),
    flag!(
        Flags.sandbox_directory = "/mnt/mesos/sandbox",
        "Path of the sandbox inside a container that has an image.\n"
    ),
    flag!(
        Flags.gc_delay = "1weeks",
        "Longest time that the directories of ended executors are kept.\n\
         They go earlier when the disk fills."
    ),
    flag!(
        Flags.gc_disk_headroom = "0.1",
        "Share of the disk that is to stay free, 0.0 to 1.0.\n\
         Directories are kept for\n\
         `gc_delay * max(0.0, 1.0 - gc_disk_headroom - disk usage)`."
    )
    .rule(headroom_is_a_share),
    flag!(
        Flags.gc_non_executor_container_sandboxes = "false",
        "Whether sandboxes of nested containers are removed as well, `gc_delay` after their last change.\n\
         Without it they stay as long as the sandbox of their executor."
    ),
    flag!(
        Flags.disk_watch_interval = "1mins",
        "Time between two looks at the disk usage."
    ),
    flag!(
        Flags.container_disk_watch_interval = "15secs",
        "Time between two looks at the disk usage of a container.\n\
         For the isolator `disk/du`."
    ),
    flag!(
        Flags.enforce_container_disk_quota = "false",
        "Whether containers that use more disk than they have are killed.\n\
         For the isolator `disk/du`."
    ),
    flag!(
        Flags.volume_gid_range,
        "Group ids to use for volumes that users other than root share,\n\
         such as `[10000-20000]`."
    )
    .not_yet(),
];
