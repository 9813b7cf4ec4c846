//! Empties the agent for maintenance.

use libprocess::{Context, Upid};
use mesos_common::ids::{FrameworkId, TaskId};
use mesos_containerizer::state_file;
use mesos_proto::{internal::DrainAgentMessage, v1};

use super::{AgentProcess, Draining};
use crate::paths;

impl AgentProcess {
    /// The master wants the agent to be empty.
    pub(super) fn drain_message(
        &mut self,
        _from: &Upid,
        message: DrainAgentMessage,
        ctx: &mut Context<Self>,
    ) {
        let config = message.config().clone();
        if self.operations.is_empty() && self.frameworks.is_empty() {
            tracing::info!("received drain message but there are no operations or frameworks");
            return;
        }
        let Some(agent) = self.id.clone() else { return };
        let path = paths::drain_config_file(&self.meta, &agent);
        match state_file::write_message(&path, &config) {
            Ok(()) => {}
            // The master says it again to the next agent.
            Err(error) if error.is_passing() => {
                tracing::error!(%error, "the drain is not written down");
            }
            Err(error) => return self.fail_checkpoint(&error, ctx),
        }
        self.drain(config, ctx);
    }

    /// Ends every task, in no more time than the configuration allows.
    pub(super) fn drain(&mut self, config: v1::DrainConfig, ctx: &mut Context<Self>) {
        tracing::info!("draining the agent");
        let max_grace = config.max_grace_period.clone();
        self.draining = Some(Draining {
            config,
            started: ctx.now(),
        });
        let mut pending: Vec<(FrameworkId, TaskId)> = Vec::new();
        let mut others: Vec<(FrameworkId, TaskId, Option<v1::KillPolicy>)> = Vec::new();
        for framework in self.frameworks.iter() {
            let id = framework.id();
            pending.extend(
                framework
                    .pending()
                    .map(|(_, task)| (id.clone(), TaskId::from(task.task_id()))),
            );
            for executor in framework.executors() {
                let launched = executor
                    .launched()
                    .map(|task| (TaskId::from(task.task_id()), task.kill_policy.clone()));
                let queued = executor
                    .queued()
                    .map(|task| (TaskId::from(task.task_id()), task.kill_policy.clone()));
                for (task, policy) in launched.chain(queued) {
                    let policy = shorter_policy(max_grace.as_ref(), policy.as_ref());
                    others.push((id.clone(), task, policy));
                }
            }
        }
        for (id, task) in pending {
            self.kill_pending(&id, &task, ctx);
        }
        for (id, task, policy) in others {
            self.kill(&id, &task, policy, ctx);
        }
    }

    /// Ends the draining once nothing is left; the master knows by itself.
    pub(super) fn finish_draining_if_idle(&mut self, ctx: &mut Context<Self>) {
        if self.draining.is_none() || !self.frameworks.is_empty() || !self.operations.is_empty() {
            return;
        }
        let Some(agent) = self.id.clone() else { return };
        let path = paths::drain_config_file(&self.meta, &agent);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return self.fail(
                format!("failed to remove '{}': {error}", path.display()),
                ctx,
            );
        }
        tracing::info!("agent finished draining");
        self.draining = None;
    }
}

/// The policy that shortens a task's grace to what a drain allows; none when the task is quick enough.
fn shorter_policy(
    max_grace: Option<&v1::DurationInfo>,
    policy: Option<&v1::KillPolicy>,
) -> Option<v1::KillPolicy> {
    let max_grace = max_grace?;
    let own = policy.and_then(|policy| policy.grace_period.as_ref());
    let longer = own.is_none_or(|own| own.nanoseconds() > max_grace.nanoseconds());
    longer.then(|| v1::KillPolicy {
        grace_period: Some(max_grace.clone()),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> v1::DurationInfo {
        v1::DurationInfo {
            nanoseconds: Some(seconds * 1_000_000_000),
            ..Default::default()
        }
    }

    fn policy(grace: i64) -> v1::KillPolicy {
        v1::KillPolicy {
            grace_period: Some(seconds(grace)),
            ..Default::default()
        }
    }

    #[test]
    fn drain_shortens_only_longer_grace_periods() {
        let max = seconds(10);

        assert_eq!(shorter_policy(None, Some(&policy(60))), None);
        assert_eq!(shorter_policy(Some(&max), Some(&policy(5))), None);
        assert_eq!(
            shorter_policy(Some(&max), Some(&policy(60))),
            Some(policy(10))
        );
        assert_eq!(shorter_policy(Some(&max), None), Some(policy(10)));
    }
}
