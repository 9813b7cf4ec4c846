//! Flags on the Mesos containerizer and the images it runs.

use mesos_common::flag;
use mesos_common::flags::Row;

use super::Flags;
use super::machine::{appc_store_dir, docker_store_dir, launcher};
use super::rules::{dns_is_unambiguous, launcher_is_known};

pub(super) const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.containerizers = "mesos",
        "Containerizers to use, parted by commas: `mesos`, `docker`.\n"
    ),
    flag!(
        Flags.isolation = "posix/cpu,posix/mem",
        "Isolators to use, parted by commas.\n\
         For the Mesos containerizer only."
    ),
    flag!(
        Flags.launcher = compute(launcher),
        "How the Mesos containerizer starts processes: `linux` or `posix`."
    )
    .rule(launcher_is_known),
    flag!(
        Flags.container_logger,
        "What becomes of the output of containers.\n\
         Without it, it goes to the files `stdout` and `stderr` of the sandbox.\n\
         `org_apache_mesos_LogrotateContainerLogger`, with parameters by `--modules`, keeps these files small."
    ),
    flag!(
        Flags.image_providers,
        "Kinds of images that may be used, parted by commas: `APPC`, `DOCKER`."
    )
    .not_yet(),
    flag!(
        Flags.image_provisioner_backend,
        "How root filesystems are made from images:\n\
         `aufs`, `bind`, `copy` or `overlay`."
    )
    .not_yet(),
    flag!(
        Flags.image_gc_config,
        "When images are cleaned up, as JSON or as the path of a JSON file.\n\
         Without it they are cleaned up on demand only.\n\
         Example:\n\
         {\n\
         \x20 \"image_disk_headroom\": 0.1,\n\
         \x20 \"image_disk_watch_interval\": {\"nanoseconds\": 3600000000000},\n\
         \x20 \"excluded_images\": []\n\
         }"
    )
    .not_yet(),
    flag!(
        Flags.appc_simple_discovery_uri_prefix = "http://",
        "What is put before the names of Appc images to fetch them."
    )
    .not_yet(),
    flag!(
        Flags.appc_store_dir = compute(appc_store_dir),
        "Directory of Appc images.\n"
    )
    .not_yet(),
    flag!(
        Flags.docker_registry = "https://registry-1.docker.io",
        "Where the Mesos containerizer gets Docker images: the URL of a registry,\n\
         or a directory of archives made by `docker save`."
    )
    .not_yet(),
    flag!(
        Flags.docker_store_dir = compute(docker_store_dir),
        "Directory of Docker images."
    )
    .not_yet(),
    flag!(
        Flags.docker_volume_checkpoint_dir = "/var/run/mesos/isolators/docker/volume",
        "Directory for notes on the Docker volumes of containers."
    )
    .not_yet(),
    flag!(
        Flags.docker_volume_chown = "false",
        "Whether a Docker volume is given to the user of the container.\n"
    )
    .not_yet(),
    flag!(
        Flags.docker_ignore_runtime = "false",
        "Whether the settings in Docker images (directory, environment, command)\n\
         are ignored.\n"
    )
    .not_yet(),
    flag!(
        Flags.host_path_volume_force_creation,
        "Directories, parted by colons, below which the isolator\n\
         `volume/host_path` may create missing ones."
    )
    .not_yet(),
    flag!(
        Flags.default_container_info,
        "ContainerInfo for executors that have none, as JSON.\n\
         Example:\n\
         {\n\
         \x20 \"type\": \"MESOS\",\n\
         \x20 \"volumes\": [\n\
         \x20   {\"host_path\": \".private/tmp\", \"container_path\": \"/tmp\", \"mode\": \"RW\"}\n\
         \x20 ]\n\
         }"
    ),
    flag!(
        Flags.default_container_dns,
        "Name servers for CNI networks (Mesos containerizer) and for Docker networks, as JSON.\n\
         Example:\n\
         {\n\
         \x20 \"mesos\": [\n\
         \x20   {\"network_mode\": \"CNI\", \"dns\": {\"nameservers\": [\"8.8.8.8\"]}}\n\
         \x20 ]\n\
         }"
    )
    .rule(dns_is_unambiguous)
    .not_yet(),
];
