//! Shows the states of the task on standard error and its output where it belongs.

use mesos_proto::v1::{AgentId, FrameworkId, TaskStatus};

use super::sandbox::{Follower, Sandboxes};
use crate::commands::execute::{Job, Report};

/// Prints states, and passes the output of the task on while it runs.
pub(super) struct Stream {
    sandboxes: Sandboxes,
    framework_id: Option<FrameworkId>,
    follower: Option<Follower>,
}

impl Stream {
    pub(super) fn of(sandboxes: Sandboxes) -> Self {
        Self {
            sandboxes,
            framework_id: None,
            follower: None,
        }
    }
}

impl Report for Stream {
    fn subscribed(&mut self, framework_id: &FrameworkId) {
        self.framework_id = Some(framework_id.clone());
    }

    fn submitted(&mut self, _: &Job, _: &AgentId) {}

    fn updated(&mut self, status: &TaskStatus) {
        if self.follower.is_none()
            && let Some(framework_id) = &self.framework_id
        {
            self.follower = self.sandboxes.follow(status, framework_id);
        }
        // What a task has written comes before the news that it has ended.
        if let Some(follower) = &self.follower {
            follower.catch_up();
        }
        let message = status
            .message
            .as_ref()
            .map_or_else(String::new, |text| format!(": {text}"));
        eprintln!("{}{message}", status.state().as_str_name());
    }

    fn killing(&mut self, _: &TaskStatus) {}
}
