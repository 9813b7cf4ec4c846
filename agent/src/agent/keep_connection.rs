//! Writes down by which way an executor can be reached, so that the next agent finds it again.

use std::time::Duration;

use libprocess::Context;
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_containerizer::state_file::{WriteError, write_text};

use super::AgentProcess;
use crate::{
    checkpoint::write,
    paths::ExecutorPlace,
    state::executor::{Connection, Durability},
};

/// How long a disk that took nothing is left alone.
const PAUSE: Duration = Duration::from_secs(10);

impl AgentProcess {
    /// Writes the way to a connected executor down; false when that ended the agent.
    ///
    /// On a disk that takes nothing for now this is tried again: until it succeeds, the next agent could not find the
    /// executor again.
    pub(super) fn keep_connection(
        &mut self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
        ctx: &mut Context<Self>,
    ) -> bool {
        match self.write_connection(id, executor_id) {
            Ok(()) => true,
            Err(error) if error.is_passing() => {
                tracing::error!(executor = %executor_id, framework = %id, %error, "the way to an executor is not written down yet");
                let (id, executor_id) = (id.clone(), executor_id.clone());
                ctx.delay(PAUSE, move |agent, ctx| {
                    agent.keep_connection(&id, &executor_id, ctx);
                });
                true
            }
            Err(error) => {
                self.fail_checkpoint(&error, ctx);
                false
            }
        }
    }

    fn write_connection(
        &self,
        id: &FrameworkId,
        executor_id: &ExecutorId,
    ) -> Result<(), WriteError> {
        let (Some(agent), Some(executor)) = (&self.id, self.frameworks.executor(id, executor_id))
        else {
            return Ok(());
        };
        if executor.durability() == Durability::Volatile || executor.state().is_ending() {
            return Ok(());
        }
        let place = ExecutorPlace {
            root: &self.meta,
            agent,
            framework: id,
            executor: executor_id,
        };
        let container = executor.container();
        match &executor.connection {
            Connection::Http(_) => write::marker(&place.http_marker(container)),
            Connection::Libprocess(pid) => {
                write_text(&place.libprocess_pid_file(container), &pid.to_string())
            }
            Connection::Unknown => Ok(()),
        }
    }
}
