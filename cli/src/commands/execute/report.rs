//! What the user sees of a job.
//!
//! # Wire
//! Scripts read these lines: they are those of Mesos' own program.

use std::io::Write;

use mesos_common::resources::Resources;
use mesos_proto::v1::{AgentId, CheckStatusInfo, FrameworkId, TaskInfo, TaskStatus, check_info};

use super::job::Job;

/// Is told what happens to a job.
pub(crate) trait Report {
    /// The master has accepted the framework.
    fn subscribed(&mut self, framework_id: &FrameworkId);
    /// The job was given to an agent.
    fn submitted(&mut self, job: &Job, agent_id: &AgentId);
    /// A task has a new status.
    fn updated(&mut self, status: &TaskStatus);
    /// A task is about to be killed.
    fn killing(&mut self, status: &TaskStatus);
}

/// Prints each line as it comes.
#[derive(Debug)]
pub(crate) struct Lines<W> {
    out: W,
}

impl<W: Write> Lines<W> {
    pub(crate) fn to(out: W) -> Self {
        Self { out }
    }

    /// A reader that has gone away must not end the job.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }
}

impl<W: Write> Report for Lines<W> {
    fn subscribed(&mut self, framework_id: &FrameworkId) {
        self.line(&format!("Subscribed with ID {}", framework_id.value()));
    }

    fn submitted(&mut self, job: &Job, agent_id: &AgentId) {
        let agent = agent_id.value();
        match job {
            Job::Task(task) => {
                self.line(&format!(
                    "Submitted task '{}' to agent '{agent}'",
                    task.name()
                ));
            }
            Job::Group { tasks, .. } => {
                let ids: Vec<_> = tasks
                    .iter()
                    .map(TaskInfo::task_id)
                    .map(|id| id.value())
                    .collect();
                let ids = ids.join(", ");
                self.line(&format!(
                    "Submitted task group with tasks [ {ids} ] to agent '{agent}'"
                ));
            }
        }
    }

    fn updated(&mut self, status: &TaskStatus) {
        for line in status_lines(status) {
            self.line(&line);
        }
    }

    fn killing(&mut self, status: &TaskStatus) {
        let (task, agent) = (status.task_id().value(), status.agent_id().value());
        self.line(&format!("Asked to kill task '{task}' on agent '{agent}'"));
    }
}

/// A status as lines of text.
pub(crate) fn status_lines(status: &TaskStatus) -> Vec<String> {
    let mut lines = vec![format!(
        "Received status update {} for task '{}'",
        status.state().as_str_name(),
        status.task_id().value()
    )];
    if let Some(message) = &status.message {
        lines.push(format!("  message: '{message}'"));
    }
    if status.source.is_some() {
        lines.push(format!("  source: {}", status.source().as_str_name()));
    }
    if status.reason.is_some() {
        lines.push(format!("  reason: {}", status.reason().as_str_name()));
    }
    if let Some(healthy) = status.healthy {
        lines.push(format!("  healthy?: {}", u8::from(healthy)));
    }
    if let Some(check) = &status.check_status {
        lines.push(format!("  check status: {}", check_text(check)));
    }
    let limited = &status.limitation().resources;
    if !limited.is_empty() {
        lines.push(format!(
            "  resource limit violation: {}",
            Resources::from_proto(limited)
        ));
    }
    lines
}

fn check_text(check: &CheckStatusInfo) -> String {
    match check.r#type() {
        check_info::Type::Command => {
            let code = check.command().exit_code;
            code.map_or_else(
                || "COMMAND".into(),
                |code| format!("COMMAND exit code {code}"),
            )
        }
        check_info::Type::Http => {
            let code = check.http().status_code;
            code.map_or_else(|| "HTTP".into(), |code| format!("HTTP status code {code}"))
        }
        check_info::Type::Tcp => match check.tcp().succeeded {
            Some(true) => "TCP connection success".into(),
            Some(false) => "TCP connection failure".into(),
            None => "TCP".into(),
        },
        check_info::Type::Unknown => "UNKNOWN".into(),
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::task_status::{Reason, Source};
    use mesos_proto::v1::{TaskId, TaskState};

    use super::*;

    #[test]
    fn status_reads_as_scripts_know_it() {
        let status = TaskStatus {
            task_id: Some(TaskId {
                value: Some("t".into()),
                ..Default::default()
            }),
            state: Some(TaskState::TaskFailed.into()),
            message: Some("Command exited with status 3".into()),
            source: Some(Source::SourceExecutor.into()),
            reason: Some(Reason::ReasonExecutorTerminated.into()),
            healthy: Some(false),
            ..Default::default()
        };

        assert_eq!(
            status_lines(&status),
            [
                "Received status update TASK_FAILED for task 't'",
                "  message: 'Command exited with status 3'",
                "  source: SOURCE_EXECUTOR",
                "  reason: REASON_EXECUTOR_TERMINATED",
                "  healthy?: 0",
            ]
        );
    }

    #[test]
    fn submission_of_a_group_names_its_tasks() {
        let task = |id: &str| TaskInfo {
            task_id: Some(TaskId {
                value: Some(id.into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let job = Job::Group {
            tasks: vec![task("a"), task("b")],
            container: None,
        };
        let agent = AgentId {
            value: Some("S0".into()),
            ..Default::default()
        };
        let mut out = Vec::new();

        Lines::to(&mut out).submitted(&job, &agent);

        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "Submitted task group with tasks [ a, b ] to agent 'S0'\n"
        );
    }
}
