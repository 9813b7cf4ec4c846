//! What cannot be written down ends the agent: a promise to a peer would be broken.

use libprocess::Context;
use mesos_containerizer::state_file::WriteError;

use super::AgentProcess;

impl AgentProcess {
    /// Ends the agent because its memory on disk cannot be trusted any more.
    pub(super) fn fail_checkpoint(&mut self, error: &WriteError, ctx: &mut Context<Self>) {
        self.fail(explain(error), ctx);
    }
}

/// What could not be written, and why.
pub(super) fn explain(error: &WriteError) -> String {
    let cause = std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default();
    format!("{error}: {cause}")
}
