//! A real master with a fake agent and a fake scheduler: the stage for tests of the master.

use serde_json::{Value, json};
use thiserror::Error;

use crate::cluster::{Cluster, ClusterError};
use crate::fake_agent::FakeAgent;
use crate::fake_scheduler::{FakeScheduler, SchedulerError, command_task};
use crate::legacy_peer::PeerError;

/// Why a scene could not be played.
#[derive(Debug, Error)]
pub enum StageError {
    /// The master.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The agent.
    #[error(transparent)]
    Agent(#[from] PeerError),
    /// The scheduler.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
}

/// One of each.
#[derive(Debug)]
pub struct Stage {
    /// The framework.
    pub scheduler: FakeScheduler,
    /// The agent, registered.
    pub agent: FakeAgent,
    /// The master.
    pub cluster: Cluster,
}

impl Stage {
    /// Starts a master with default flags, an agent, and a framework that sees partitions.
    ///
    /// # Errors
    /// [`StageError`] when one of them does not come up.
    pub fn start() -> Result<Self, StageError> {
        Self::start_with(&[], &partition_aware())
    }

    /// Starts a master with further flags, an agent, and the framework that `info` describes.
    ///
    /// # Errors
    /// [`StageError`] when one of them does not come up.
    pub fn start_with(flags: &[&str], info: &Value) -> Result<Self, StageError> {
        let cluster = Cluster::start_with(flags)?;
        let agent = FakeAgent::register(cluster.master.address)?;
        let scheduler = FakeScheduler::subscribe_as(cluster.master.address, info)?;
        Ok(Self {
            scheduler,
            agent,
            cluster,
        })
    }

    /// Launches the task `id` on the next offer and returns what the agent was told.
    ///
    /// # Errors
    /// [`StageError`] when no offer comes or the agent hears nothing.
    pub fn launch(&mut self, id: &str) -> Result<Value, StageError> {
        self.launch_with(id, &json!({}))
    }

    /// Launches the task `id` with further fields and returns what the agent was told.
    ///
    /// # Errors
    /// [`StageError`] when no offer comes or the agent hears nothing.
    pub fn launch_with(&mut self, id: &str, fields: &Value) -> Result<Value, StageError> {
        let offer = self.scheduler.wait_for_offer()?;
        let mut task = command_task(id, "true", &offer);
        if let (Some(task), Some(fields)) = (task.as_object_mut(), fields.as_object()) {
            task.extend(fields.clone());
        }
        self.scheduler.launch(&offer, &[task])?;
        Ok(self.agent.wait_for_task()?)
    }

    /// Launches the task `id`, reports it running, and waits until the framework knows.
    ///
    /// # Errors
    /// [`StageError`] when something on the way does not happen.
    pub fn run(&mut self, id: &str) -> Result<Value, StageError> {
        let run = self.launch(id)?;
        self.agent.update(&run, "TASK_RUNNING")?;
        self.scheduler.wait_for_state(id, "TASK_RUNNING")?;
        Ok(run)
    }
}

/// Describes a framework that sees partitions.
#[must_use]
pub fn partition_aware() -> Value {
    json!({
        "user": "root", "name": "test", "roles": ["*"],
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
    })
}

/// Describes a framework of the oldest kind: one role, no capability.
#[must_use]
pub fn plain() -> Value {
    json!({"user": "root", "name": "test", "role": "*"})
}
