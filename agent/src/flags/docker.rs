//! Flags on the Docker containerizer.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(Flags.docker = "docker", "Path of the program `docker`.\n").not_yet(),
    flag!(
        Flags.docker_socket = "/var/run/docker.sock",
        "Socket of the Docker daemon.\n"
    )
    .not_yet(),
    flag!(
        Flags.docker_remove_delay = "6hrs",
        "Time until an ended container is removed.\n"
    )
    .not_yet(),
    flag!(
        Flags.docker_kill_orphans = "true",
        "Whether containers that no agent knows are killed.\n\
         Say no when several agents share a machine.\n"
    )
    .not_yet(),
    flag!(
        Flags.docker_mesos_image,
        "Image that this agent runs in. Executors then run in containers of their own.\n"
    )
    .not_yet(),
    flag!(
        Flags.docker_config,
        "Docker's configuration with the credentials of registries,\n\
         as JSON or as the path of a JSON file.\n\
         Example:\n\
         {\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"xXxXxXxXxXx=\"}}}"
    )
    .not_yet(),
    flag!(
        Flags.docker_stop_timeout = "0ns",
        "How long a container may take to stop. Deprecated: use kill policies."
    )
    .not_yet(),
];
