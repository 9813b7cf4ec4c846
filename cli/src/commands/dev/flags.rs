//! The flags of `mesos dev`.

use mesos_common::flags::{Row, logging_rows};
use mesos_common::{flag, flag_struct};

/// First line of `--help`.
pub(super) const HEADING: &str = "Usage: mesos dev [options]\n\n\
     Runs a master and its agents in this process until Ctrl-C, or until the command of\n\
     --execute has ended; its exit status is then that of the command.";

flag_struct! {
    /// What the cluster looks like.
    pub struct Flags {
        agents: usize,
        execute: Option<String>,
        ip: String,
        port: u16,
        resources: Option<String>,
        task_resources: String,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.agents = "1", "Number of agents."),
    flag!(
        Flags.execute,
        "Command to run as a task; its states and its output are shown, and then the cluster ends."
    ),
    flag!(
        Flags.ip = "127.0.0.1",
        "Address on which master and agents listen."
    ),
    flag!(
        Flags.port = "5050",
        "Port of the master. The agents listen on the ports that follow, or on any free ones where\n\
         those are taken."
    ),
    flag!(
        Flags.resources,
        "Resources of each agent (cpus:4;mem:4096); without it, all of this machine."
    ),
    flag!(
        Flags.task_resources = "cpus:0.1;mem:32",
        "Resources of the task of `--execute`."
    ),
];
