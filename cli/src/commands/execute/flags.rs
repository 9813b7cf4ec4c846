//! The flags of `mesos execute`.
//!
//! Mirrors `src/cli/execute.cpp`.
//!
//! # Wire
//! Names, defaults and texts of errors are promises: scripts give the flags.

use std::collections::BTreeSet;
use std::time::Duration;

use mesos_common::flags::{JsonObject, Row, logging_rows};
use mesos_common::{flag, flag_struct};

flag_struct! {
    /// What to run, where, and with what.
    pub struct Flags {
        master: String,
        task: Option<JsonObject>,
        task_group: Option<JsonObject>,
        name: Option<String>,
        shell: bool,
        command: Option<String>,
        env: Option<JsonObject>,
        resources: String,
        hadoop: String,
        hdfs: String,
        package: Option<String>,
        overwrite: bool,
        checkpoint: bool,
        appc_image: Option<String>,
        docker_image: Option<String>,
        framework_capabilities: Option<BTreeSet<String>>,
        containerizer: String,
        effective_capabilities: Option<JsonObject>,
        bounding_capabilities: Option<JsonObject>,
        rlimits: Option<JsonObject>,
        role: String,
        kill_after: Option<Duration>,
        networks: Option<String>,
        principal: Option<String>,
        secret: Option<String>,
        volumes: Option<String>,
        content_type: String,
        tty: bool,
        partition_aware: bool,
    }
    groups: [WHAT, WHERE, CONTAINER, FRAMEWORK, &logging_rows::<Flags>()]
}

const WHAT: &[Row<Flags>] = &[
    flag!(
        Flags.task,
        "The whole task as JSON `TaskInfo`, or the path of a file that holds it.\n\
         The `agent_id` need not be set.\n\
         Example: {\"name\": \"sleep\", \"task_id\": {\"value\": \"sleep-1\"},\n\
         \x20\"agent_id\": {\"value\": \"\"},\n\
         \x20\"resources\": [{\"name\": \"cpus\", \"type\": \"SCALAR\", \"scalar\": {\"value\": 0.1}}],\n\
         \x20\"command\": {\"value\": \"sleep 1000\"}}"
    ),
    flag!(
        Flags.task_group,
        "Tasks that run together as JSON `TaskGroupInfo`, or the path of a file that holds it."
    ),
    flag!(Flags.name, "Name of the task; it is the id, too."),
    flag!(
        Flags.shell = "true",
        "Whether the command is run by a shell. If not, `--command` is ignored, and the image must\n\
         say what to run."
    ),
    flag!(Flags.command, "The command to run."),
    flag!(
        Flags.env,
        "Environment of the command as a JSON object, {\"name\": \"value\"}, or the path of a file\n\
         that holds it."
    ),
    flag!(Flags.resources = "cpus:1;mem:128", "Resources of the task."),
    flag!(
        Flags.kill_after,
        "Time after which the task is killed, counted from when it runs (10secs, 2mins)."
    ),
    flag!(Flags.tty = "false", "Gives the task a terminal."),
];

const WHERE: &[Row<Flags>] = &[
    flag!(
        Flags.master = required,
        "The master: host:port, zk://..., or file:///path to either."
    ),
    flag!(
        Flags.hadoop = "hadoop",
        "The `hadoop` program that copies packages."
    ),
    flag!(
        Flags.hdfs = "localhost:9000",
        "Address of the HDFS name node."
    ),
    flag!(
        Flags.package,
        "Package to copy into HDFS and from there into the sandbox of the task."
    ),
    flag!(
        Flags.overwrite = "false",
        "Replaces the package when HDFS has it already."
    ),
];

const CONTAINER: &[Row<Flags>] = &[
    flag!(
        Flags.containerizer = "mesos",
        "The containerizer: mesos or docker."
    ),
    flag!(
        Flags.appc_image,
        "Appc image of the task, such as example.com/worker."
    ),
    flag!(
        Flags.docker_image,
        "Docker image of the task, such as busybox:latest."
    ),
    flag!(
        Flags.effective_capabilities,
        "Linux capabilities that the command starts with, as JSON: {\"capabilities\": [\"NET_RAW\"]}"
    ),
    flag!(
        Flags.bounding_capabilities,
        "Linux capabilities that the command can ever have, as JSON: {\"capabilities\": [\"NET_RAW\"]}"
    ),
    flag!(
        Flags.rlimits,
        "Resource limits of the command as JSON, unlimited where no numbers are given:\n\
         {\"rlimits\": [{\"type\": \"RLMT_CPU\", \"soft\": \"1\", \"hard\": \"1\"}, {\"type\": \"RLMT_FSIZE\"}]}"
    ),
    flag!(
        Flags.networks,
        "Names of the networks that the container joins, joined by commas."
    ),
    flag!(
        Flags.volumes,
        "Volumes of the container as a JSON array of `Volume`, or the path of a file that holds it."
    ),
];

const FRAMEWORK: &[Row<Flags>] = &[
    flag!(Flags.role = "*", "Role of the framework."),
    flag!(
        Flags.checkpoint = "false",
        "Whether the task survives a restart of its agent."
    ),
    flag!(
        Flags.framework_capabilities,
        "Further capabilities of the framework, joined by commas; only GPU_RESOURCES is possible.\n\
         RESERVATION_REFINEMENT, TASK_KILLING_STATE and REVOCABLE_RESOURCES are always there."
    ),
    flag!(
        Flags.partition_aware = "true",
        "Whether the framework knows about partitions."
    ),
    flag!(
        Flags.principal,
        "Name of the framework for masters that ask for one."
    ),
    flag!(
        Flags.secret,
        "Password of the framework for masters that ask for one."
    ),
    flag!(
        Flags.content_type = "protobuf",
        "Form of the messages: protobuf or json."
    ),
];

impl Flags {
    /// Checks what the flags may not be together.
    ///
    /// # Errors
    /// The text for the user.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let whole = self.task.is_some() || self.task_group.is_some();
        if self.task.is_some() && self.task_group.is_some() {
            return Err("Either task or task group should be set but not both. \
                        Provide either '--task' OR '--task_group'");
        }
        if !whole {
            if self.name.is_none() {
                return Err("Missing required option --name");
            }
            if self.shell && self.command.is_none() {
                return Err("Missing required option --command");
            }
            return Ok(());
        }
        let pieces = [
            &self.name,
            &self.command,
            &self.appc_image,
            &self.docker_image,
            &self.volumes,
        ];
        if self.env.is_some() || pieces.iter().any(|piece| piece.is_some()) {
            return Err(
                "'--name, --command, --env, --appc_image, --docker_image, --volumes' can \
                        only be set when both '--task' and '--task_group' are not set",
            );
        }
        if self.task.is_some() && self.networks.is_some() {
            return Err("'--networks' can only be set when '--task' is not set");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mesos_common::flags::{Source, load};

    use super::*;

    fn flags(arguments: &[&str]) -> Flags {
        let all = ["--master=127.0.0.1:5050"].iter().chain(arguments);
        load::<Flags>(&Source::arguments(all.copied()))
            .into_result()
            .unwrap()
    }

    #[test]
    fn name_and_command_are_needed_without_a_whole_task() {
        assert_eq!(flags(&[]).check(), Err("Missing required option --name"));
        assert_eq!(
            flags(&["--name=a"]).check(),
            Err("Missing required option --command")
        );
        assert_eq!(flags(&["--name=a", "--command=true"]).check(), Ok(()));
        assert_eq!(flags(&["--name=a", "--no-shell"]).check(), Ok(()));
    }

    #[test]
    fn whole_task_excludes_its_pieces() {
        assert!(flags(&["--task={}", "--task_group={}"]).check().is_err());
        assert!(flags(&["--task={}", "--name=a"]).check().is_err());
        assert!(flags(&["--task={}", "--networks=a"]).check().is_err());
        assert_eq!(flags(&["--task_group={}", "--networks=a"]).check(), Ok(()));
    }

    #[test]
    fn all_flags_of_the_contract_are_there() {
        use mesos_common::flags::FlagSet;

        // 29 of its own, `help`, and six for logging.
        assert_eq!(Flags::rows().len(), 36);
        let flags = flags(&[]);
        assert_eq!(flags.resources, "cpus:1;mem:128");
        assert!(flags.shell && flags.partition_aware && !flags.checkpoint);
    }
}
