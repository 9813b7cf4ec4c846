//! What cannot be written down ends the agent: a promise to a peer would be broken.

use libprocess::Context;
use mesos_containerizer::state_file::WriteError;

use super::AgentProcess;

impl AgentProcess {
    /// Ends the agent because its memory on disk cannot be trusted any more.
    pub(super) fn fail_checkpoint(&mut self, error: &WriteError, ctx: &mut Context<Self>) {
        let cause = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        self.fail(format!("{error}: {cause}"), ctx);
    }
}
