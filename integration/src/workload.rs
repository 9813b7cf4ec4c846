//! An agent and a task that runs on it, which must be known again after every failure.

use serde_json::{Value, json};

use crate::fake_scheduler::{FakeScheduler, SchedulerError, command_task};
use crate::master_group::{GroupError, MasterGroup};

/// Why the work could not be started or found again.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The masters or the agent.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The framework.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// The agent has another id than before.
    #[error("the agent was {before} and is {now}")]
    AnotherAgent {
        /// The id at first.
        before: String,
        /// The id now.
        now: String,
    },
}

/// One agent with one task of a framework that outlives its connections.
#[derive(Debug)]
pub struct Workload {
    /// The id of the agent.
    pub agent_id: String,
    /// The id of the framework.
    pub framework_id: String,
}

impl Workload {
    /// Adds an agent to the group and starts a task there that ends by itself in an hour.
    ///
    /// # Errors
    /// [`WorkloadError`] when it does not run.
    pub fn start(group: &mut MasterGroup) -> Result<Self, WorkloadError> {
        group.add_agent()?;
        let leader = group.address(group.leader()?)?;
        let agent_id = group.registered_agent(leader)?;
        let mut scheduler = FakeScheduler::subscribe_as(leader, &framework(None))?;
        let offer = scheduler.wait_for_offer()?;
        scheduler.launch(&offer, &[command_task("t1", "sleep 3600", &offer)])?;
        scheduler.wait_for_state("t1", "TASK_RUNNING")?;
        Ok(Self {
            agent_id,
            framework_id: scheduler.framework_id,
        })
    }

    /// Waits until the leader knows the agent and says that the task runs.
    ///
    /// # Errors
    /// [`WorkloadError`] when the agent came back as another or the task is not known.
    pub fn is_known_again(&self, group: &MasterGroup) -> Result<(), WorkloadError> {
        let leader = group.address(group.leader()?)?;
        let now = group.registered_agent(leader)?;
        if now != self.agent_id {
            let before = self.agent_id.clone();
            return Err(WorkloadError::AnotherAgent { before, now });
        }
        let info = framework(Some(&self.framework_id));
        let mut scheduler = FakeScheduler::subscribe_as(leader, &info)?;
        scheduler.call("RECONCILE", json!({"reconcile": {"tasks": []}}))?;
        scheduler.wait_for_state("t1", "TASK_RUNNING")?;
        Ok(())
    }
}

/// A framework that waits an hour for its scheduler and sees partitions.
#[must_use]
pub fn framework(id: Option<&str>) -> Value {
    let mut info = json!({
        "user": "root", "name": "test", "roles": ["*"],
        "failover_timeout": 3600.0, "checkpoint": true,
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
    });
    if let (Some(id), Some(info)) = (id, info.as_object_mut()) {
        info.insert("id".to_owned(), json!({"value": id}));
    }
    info
}
