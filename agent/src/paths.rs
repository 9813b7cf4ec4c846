//! The directories and files of an agent.
//!
//! Mirrors `src/slave/paths.cpp`.
//! The names are promises: an agent of Mesos 1.11 finds its state in what this one wrote, and the other way round.
//!
//! ```text
//! <work_dir>/
//!   containers/<container id>/                          sandbox of a standalone container
//!   slaves/<agent id>/frameworks/<framework id>/executors/<executor id>/runs/
//!       latest -> <container id>                        symbolic link, absolute
//!       <container id>/                                 sandbox
//!   volumes/roles/<role>/<persistence id>/              persistent volume; '/' in the role becomes ' '
//!   meta/
//!     boot_id
//!     resources/resources.info                          resources, in the old format
//!     resources/resources.target
//!     resources/resources_and_operations.state          resources and operations
//!     resources/resources_and_operations.target
//!     slaves/latest -> <agent id>
//!     slaves/<agent id>/
//!       slave.info  drain.config
//!       operations/<uuid>/operation.updates
//!       frameworks/<framework id>/
//!         framework.info  framework.pid
//!         executors/<executor id>/
//!           executor.info  executor_generated_for_command_task
//!           runs/latest -> <container id>
//!           runs/<container id>/
//!             executor.sentinel  http.marker
//!             pids/forked.pid  pids/libprocess.pid
//!             tasks/<task id>/task.info  tasks/<task id>/task.updates
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_containerizer::ContainerId;
use uuid::Uuid;

const AGENTS: &str = "slaves";
const EXECUTORS: &str = "executors";
const FRAMEWORKS: &str = "frameworks";
const LATEST: &str = "latest";
const OPERATIONS: &str = "operations";
const RUNS: &str = "runs";
const TASKS: &str = "tasks";

/// The directory of one executor of one framework on one agent.
///
/// Made for the sandbox tree or for the `meta` tree, which have the same shape.
#[derive(Debug, Clone, Copy)]
pub struct ExecutorPlace<'a> {
    /// The root: the work directory or its `meta`.
    pub root: &'a Path,
    /// The agent.
    pub agent: &'a AgentId,
    /// The framework.
    pub framework: &'a FrameworkId,
    /// The executor.
    pub executor: &'a ExecutorId,
}

impl ExecutorPlace<'_> {
    /// The executor's directory.
    pub fn dir(&self) -> PathBuf {
        framework_dir(self.root, self.agent, self.framework)
            .join(EXECUTORS)
            .join(self.executor.as_str())
    }

    /// Where the runs of the executor lie.
    pub fn runs_dir(&self) -> PathBuf {
        self.dir().join(RUNS)
    }

    /// The sandbox, or its twin below `meta`.
    pub fn run_dir(&self, container: &ContainerId) -> PathBuf {
        self.runs_dir().join(container.value())
    }

    /// The link to the current run.
    pub fn latest_run(&self) -> PathBuf {
        self.runs_dir().join(LATEST)
    }

    /// The executor's `ExecutorInfo`.
    pub fn info_file(&self) -> PathBuf {
        self.dir().join("executor.info")
    }

    /// `1` when the agent generated the executor for a command task, else `0`.
    pub fn generated_file(&self) -> PathBuf {
        self.dir().join("executor_generated_for_command_task")
    }

    /// Present when a run has ended.
    pub fn sentinel(&self, container: &ContainerId) -> PathBuf {
        self.run_dir(container).join("executor.sentinel")
    }

    /// Present when the executor speaks HTTP.
    pub fn http_marker(&self, container: &ContainerId) -> PathBuf {
        self.run_dir(container).join("http.marker")
    }

    /// The first process of the run, in decimal.
    pub fn forked_pid_file(&self, container: &ContainerId) -> PathBuf {
        self.run_dir(container).join("pids").join("forked.pid")
    }

    /// The libprocess address of an executor that speaks libprocess.
    pub fn libprocess_pid_file(&self, container: &ContainerId) -> PathBuf {
        self.run_dir(container).join("pids").join("libprocess.pid")
    }

    /// Where the tasks of a run lie.
    pub fn tasks_dir(&self, container: &ContainerId) -> PathBuf {
        self.run_dir(container).join(TASKS)
    }

    /// One task's directory.
    pub fn task_dir(&self, container: &ContainerId, task: &TaskId) -> PathBuf {
        self.tasks_dir(container).join(task.as_str())
    }

    /// The task.
    pub fn task_info_file(&self, container: &ContainerId, task: &TaskId) -> PathBuf {
        self.task_dir(container, task).join("task.info")
    }

    /// The task's status updates and their acknowledgements.
    pub fn task_updates_file(&self, container: &ContainerId, task: &TaskId) -> PathBuf {
        self.task_dir(container, task).join("task.updates")
    }
}

/// The tree of everything that must survive the agent.
pub fn meta_root(work_dir: &Path) -> PathBuf {
    work_dir.join("meta")
}

/// The boot id of the machine when the agent last recovered.
pub fn boot_id_file(meta: &Path) -> PathBuf {
    meta.join("boot_id")
}

/// Where the agents of this work directory lie.
pub fn agents_dir(root: &Path) -> PathBuf {
    root.join(AGENTS)
}

/// The link to the current agent.
pub fn latest_agent(root: &Path) -> PathBuf {
    agents_dir(root).join(LATEST)
}

/// One agent's directory.
pub fn agent_dir(root: &Path, agent: &AgentId) -> PathBuf {
    agents_dir(root).join(agent.as_str())
}

/// The agent's `AgentInfo`.
pub fn agent_info_file(meta: &Path, agent: &AgentId) -> PathBuf {
    agent_dir(meta, agent).join("slave.info")
}

/// How the agent is being drained.
pub fn drain_config_file(meta: &Path, agent: &AgentId) -> PathBuf {
    agent_dir(meta, agent).join("drain.config")
}

/// Where the status updates of operations lie.
pub fn operations_dir(meta: &Path, agent: &AgentId) -> PathBuf {
    agent_dir(meta, agent).join(OPERATIONS)
}

/// One operation's status updates.
pub fn operation_updates_file(meta: &Path, agent: &AgentId, operation: &Uuid) -> PathBuf {
    operations_dir(meta, agent)
        .join(operation.to_string())
        .join("operation.updates")
}

/// Where an agent's frameworks lie.
pub fn frameworks_dir(root: &Path, agent: &AgentId) -> PathBuf {
    agent_dir(root, agent).join(FRAMEWORKS)
}

/// One framework's directory.
pub fn framework_dir(root: &Path, agent: &AgentId, framework: &FrameworkId) -> PathBuf {
    frameworks_dir(root, agent).join(framework.as_str())
}

/// The framework's `FrameworkInfo`.
pub fn framework_info_file(meta: &Path, agent: &AgentId, framework: &FrameworkId) -> PathBuf {
    framework_dir(meta, agent, framework).join("framework.info")
}

/// The framework's libprocess address.
pub fn framework_pid_file(meta: &Path, agent: &AgentId, framework: &FrameworkId) -> PathBuf {
    framework_dir(meta, agent, framework).join("framework.pid")
}

/// Where a framework's executors lie.
pub fn executors_dir(root: &Path, agent: &AgentId, framework: &FrameworkId) -> PathBuf {
    framework_dir(root, agent, framework).join(EXECUTORS)
}

/// The checkpointed resources in the format of old agents.
pub fn resources_info_file(meta: &Path) -> PathBuf {
    meta.join("resources").join("resources.info")
}

/// Where those resources are heading.
pub fn resources_target_file(meta: &Path) -> PathBuf {
    meta.join("resources").join("resources.target")
}

/// The checkpointed resources and operations.
pub fn resource_state_file(meta: &Path) -> PathBuf {
    meta.join("resources")
        .join("resources_and_operations.state")
}

/// Where those are heading.
pub fn resource_state_target_file(meta: &Path) -> PathBuf {
    meta.join("resources")
        .join("resources_and_operations.target")
}

/// The virtual path under which a sandbox can be browsed by the ids alone.
pub fn virtual_run_path(framework: &FrameworkId, executor: &ExecutorId) -> PathBuf {
    Path::new("/")
        .join(FRAMEWORKS)
        .join(framework.as_str())
        .join(EXECUTORS)
        .join(executor.as_str())
        .join(RUNS)
        .join(LATEST)
}

/// Lists the members of a directory, without the link to the latest; an absent directory has none.
///
/// # Errors
/// When the directory exists and cannot be read.
pub fn members(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && name != LATEST
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// What a sandbox path says about its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorRunPath {
    /// The agent.
    pub agent: AgentId,
    /// The framework.
    pub framework: FrameworkId,
    /// The executor.
    pub executor: ExecutorId,
    /// The run.
    pub container: ContainerId,
}

/// Reads the ids out of a path at or below a run; none when it is no such path.
pub fn parse_run_path(root: &Path, path: &Path) -> Option<ExecutorRunPath> {
    let below = path.strip_prefix(root).ok()?;
    let tokens: Vec<&str> = below
        .iter()
        .map(|part| part.to_str().unwrap_or_default())
        .collect();
    match tokens.as_slice() {
        [
            AGENTS,
            agent,
            FRAMEWORKS,
            framework,
            EXECUTORS,
            executor,
            RUNS,
            container,
            ..,
        ] => Some(ExecutorRunPath {
            agent: AgentId::from(*agent),
            framework: FrameworkId::from(*framework),
            executor: ExecutorId::from(*executor),
            container: ContainerId::root_from(*container),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (AgentId, FrameworkId, ExecutorId, ContainerId) {
        (
            AgentId::from("a1"),
            FrameworkId::from("f1"),
            ExecutorId::from("e1"),
            ContainerId::root_from("c1"),
        )
    }

    /// Mirrors: PathsTest.Executor
    #[test]
    fn run_lies_below_agent_framework_and_executor() {
        let (agent, framework, executor, container) = ids();
        let place = ExecutorPlace {
            root: Path::new("/w"),
            agent: &agent,
            framework: &framework,
            executor: &executor,
        };

        assert_eq!(
            place.run_dir(&container),
            Path::new("/w/slaves/a1/frameworks/f1/executors/e1/runs/c1")
        );
        assert_eq!(
            place.latest_run(),
            Path::new("/w/slaves/a1/frameworks/f1/executors/e1/runs/latest")
        );
        assert_eq!(
            place.task_updates_file(&container, &TaskId::from("t1")),
            Path::new("/w/slaves/a1/frameworks/f1/executors/e1/runs/c1/tasks/t1/task.updates")
        );
    }

    /// Mirrors: PathsTest.ParseExecutorRunPath
    #[test]
    fn run_path_gives_its_ids_back() {
        let (agent, framework, executor, container) = ids();
        let root = Path::new("/some/root");
        let place = ExecutorPlace {
            root,
            agent: &agent,
            framework: &framework,
            executor: &executor,
        };
        let run = place.run_dir(&container);
        let expected = Some(ExecutorRunPath {
            agent: agent.clone(),
            framework: framework.clone(),
            executor: executor.clone(),
            container,
        });

        assert_eq!(parse_run_path(root, &run), expected);
        assert_eq!(parse_run_path(root, &run.join("stdout")), expected);
        assert_eq!(parse_run_path(root, &place.runs_dir()), None);
        assert_eq!(parse_run_path(Path::new("/other"), &run), None);
    }

    /// Mirrors: PathsTest.Meta
    #[test]
    fn meta_tree_has_its_own_root() {
        assert_eq!(meta_root(Path::new("/w")), Path::new("/w/meta"));
    }

    /// Mirrors: PathsTest.Slave
    #[test]
    fn agent_lies_below_the_old_word() {
        assert_eq!(
            agent_dir(Path::new("/w"), &AgentId::from("a1")),
            Path::new("/w/slaves/a1")
        );
    }

    /// Mirrors: PathsTest.Framework
    #[test]
    fn framework_lies_below_its_agent() {
        let (agent, framework, ..) = ids();

        assert_eq!(
            framework_dir(Path::new("/w"), &agent, &framework),
            Path::new("/w/slaves/a1/frameworks/f1")
        );
    }
    /// Mirrors: PathsTest.BootId
    #[test]
    fn boot_id_lies_in_the_root() {
        assert_eq!(boot_id_file(Path::new("/w")), Path::new("/w/boot_id"));
    }

    /// Mirrors: PathsTest.LibProcessPid
    /// Mirrors: PathsTest.Task
    #[test]
    fn processes_and_tasks_lie_below_their_run() {
        let (agent, framework, executor, container) = ids();
        let place = ExecutorPlace {
            root: Path::new("/w"),
            agent: &agent,
            framework: &framework,
            executor: &executor,
        };
        let run = place.run_dir(&container);

        assert_eq!(
            place.libprocess_pid_file(&container),
            run.join("pids/libprocess.pid")
        );
        assert_eq!(
            place.task_dir(&container, &TaskId::from("t1")),
            run.join("tasks/t1")
        );
    }

    /// Mirrors: PathsTest.CreateExecutorDirectory
    #[test]
    fn directory_of_a_run_is_made_where_it_is_looked_for() {
        let root = tempfile::tempdir().expect("temporary directory");
        let (agent, framework, executor, container) = ids();
        let place = ExecutorPlace {
            root: root.path(),
            agent: &agent,
            framework: &framework,
            executor: &executor,
        };

        mesos_containerizer::mesos::create_sandbox(&place.run_dir(&container), None)
            .expect("created");

        let expected = "slaves/a1/frameworks/f1/executors/e1/runs/c1";
        assert!(root.path().join(expected).is_dir());
    }
}
