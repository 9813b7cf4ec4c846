//! The flags of `mesos bench`.

use std::time::Duration;

use mesos_common::flags::{Row, logging_rows};
use mesos_common::{flag, flag_struct};

/// First line of `--help`.
pub(super) const HEADING: &str = "Usage: mesos bench [options]\n\n\
     Puts the load of a large cluster on a master and measures how it bears it: simulated agents\n\
     register, simulated frameworks run tasks on them, and the state is read. Agents and\n\
     frameworks speak the legacy wire, so any master can be measured.\n\
     The exit status is 1 when a requirement of --check is not met.";

flag_struct! {
    /// How much load there is.
    pub struct Flags {
        master: Option<String>,
        agents: usize,
        agent_resources: String,
        frameworks: usize,
        tasks: usize,
        task_resources: String,
        task_states: String,
        state_reads: usize,
        failover: bool,
        window: usize,
        ip: String,
        timeout: Duration,
        json: Option<String>,
        check: Option<String>,
    }
    groups: [ROWS, &logging_rows::<Flags>()]
}

const ROWS: &[Row<Flags>] = &[
    flag!(
        Flags.master,
        "Master to measure, `host:port`. Without it one is started from this program, with its\n\
         registry in a replicated log below a temporary folder, and ended with the measurement."
    ),
    flag!(Flags.agents = "1000", "Number of simulated agents."),
    flag!(
        Flags.agent_resources = "cpus:4;mem:4096;disk:8192;ports:[31000-32000]",
        "Resources of each agent."
    ),
    flag!(Flags.frameworks = "1", "Number of simulated frameworks."),
    flag!(
        Flags.tasks = "2000",
        "Number of tasks that all frameworks together run, spread over the agents."
    ),
    flag!(
        Flags.task_resources = "cpus:0.1;mem:32",
        "Resources of each task."
    ),
    flag!(
        Flags.task_states = "TASK_RUNNING,TASK_FINISHED",
        "States that agents report of each task, each after the acknowledgement of the one before.\n\
         The last has to be terminal."
    ),
    flag!(
        Flags.state_reads = "5",
        "How often `/master/state` is read while the cluster is idle, and again while tasks run."
    ),
    flag!(
        Flags.failover = "false",
        "Kill the master at the end, start it again on the same registry, and let all agents\n\
         re-register. Only for a master that was started here."
    ),
    flag!(
        Flags.window = "1000",
        "How many agents register at the same time."
    ),
    flag!(
        Flags.ip = "127.0.0.1",
        "Address on which agents and frameworks listen; the master has to reach it."
    ),
    flag!(Flags.timeout = "10mins", "How long each phase may take."),
    flag!(
        Flags.json,
        "File to write all figures to, as one JSON object; `-` prints it instead of the table."
    ),
    flag!(
        Flags.check,
        "Requirements, parted by commas: the name of a figure, `>=` or `<=`, and a number.\n\
         Example: `registrations_per_second>=15000,state_seconds<=0.2`"
    ),
];
