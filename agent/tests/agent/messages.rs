//! Messages that the tests send.

use std::{
    fs,
    path::{Path, PathBuf},
};

use mesos_proto::{
    internal::MasterAgentConnection,
    v1::{self, executor::Call},
};

use crate::harness::Place;

/// The agent's id.
pub(crate) const AGENT_ID: &str = "master-S0";
/// The id of the only framework.
pub(crate) const FRAMEWORK_ID: &str = "master-0000";

pub(crate) fn executor_call(executor: &str) -> Call {
    Call {
        framework_id: Some(framework_id()),
        executor_id: Some(v1::ExecutorId {
            value: Some(executor.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn agent_id() -> v1::AgentId {
    v1::AgentId {
        value: Some(AGENT_ID.to_owned()),
        ..Default::default()
    }
}

pub(crate) fn framework_id() -> v1::FrameworkId {
    v1::FrameworkId {
        value: Some(FRAMEWORK_ID.to_owned()),
        ..Default::default()
    }
}

pub(crate) fn task_id(id: &str) -> v1::TaskId {
    v1::TaskId {
        value: Some(id.to_owned()),
        ..Default::default()
    }
}

pub(crate) fn connection() -> MasterAgentConnection {
    MasterAgentConnection {
        total_ping_timeout_seconds: Some(75.0),
        ..Default::default()
    }
}

/// A framework that is aware of partitions.
pub(crate) fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        user: Some("nobody".to_owned()),
        name: Some("test".to_owned()),
        id: Some(framework_id()),
        capabilities: vec![v1::framework_info::Capability {
            r#type: Some(v1::framework_info::capability::Type::PartitionAware.into()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// The same, with a checkpoint.
pub(crate) fn checkpointing() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        checkpoint: Some(true),
        ..framework()
    }
}

pub(crate) fn resource(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: Some(name.to_owned()),
        r#type: Some(v1::value::Type::Scalar.into()),
        scalar: Some(v1::value::Scalar {
            value: Some(value),
            ..Default::default()
        }),
        allocation_info: Some(v1::resource::AllocationInfo {
            role: Some("*".to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A task that is only a command.
pub(crate) fn command_task(id: &str, command: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: Some(id.to_owned()),
        task_id: Some(task_id(id)),
        agent_id: Some(agent_id()),
        resources: vec![resource("cpus", 1.0), resource("mem", 32.0)],
        command: Some(
            v1::CommandInfo {
                value: Some(command.to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

/// A task for an executor of the framework's own, whose process is a shell command.
pub(crate) fn executor_task(id: &str, executor: &str, command: &str) -> v1::TaskInfo {
    let info = v1::ExecutorInfo {
        executor_id: Some(v1::ExecutorId {
            value: Some(executor.to_owned()),
            ..Default::default()
        }),
        framework_id: Some(framework_id()),
        command: Some(
            v1::CommandInfo {
                value: Some(command.to_owned()),
                ..Default::default()
            }
            .into(),
        ),
        resources: vec![resource("cpus", 0.1)],
        ..Default::default()
    };
    v1::TaskInfo {
        command: None,
        executor: Some(info.into()),
        ..command_task(id, "")
    }
}

/// The members of a group for the executor `e`.
pub(crate) fn group_tasks(ids: &[&str]) -> Vec<v1::TaskInfo> {
    let task = |id: &&str| executor_task(id, "e", "sleep 1000");
    ids.iter().map(task).collect()
}

/// Reads a file of a sandbox.
pub(crate) fn sandbox_file(place: &Place, executor: &str, name: &str) -> String {
    let path = run_dir(&place.work_dir(), executor).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The latest run of an executor, below the work directory or its `meta`.
pub(crate) fn run_dir(root: &Path, executor: &str) -> PathBuf {
    root.join(format!(
        "slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/{executor}/runs/latest"
    ))
}
