//! A registered agent registers again: what it reports against what the master knows.
//!
//! Mirrors `Master::reconcileKnownSlave` of `src/master/master.cpp`.

use std::collections::BTreeSet;
use std::sync::Arc;

use libprocess::Context;
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, TaskId};
use mesos_common::task_state::is_terminal;
use mesos_proto::internal::{
    KillTaskMessage as KillTask, ReconcileTasksMessage as ReconcileTasks,
    ReregisterAgentMessage as ReregisterAgent,
};
use mesos_proto::v1;

use super::MasterProcess;
use crate::state::agent::Agent;

impl MasterProcess {
    /// Compares what the agent reports with what the master knows of it.
    pub(super) fn reconcile_known_agent(
        &mut self,
        agent_id: &AgentId,
        message: &ReregisterAgent,
        ctx: &mut Context<Self>,
    ) {
        let Some(agent) = self.agents.get(agent_id).map(Arc::clone) else {
            return;
        };
        let reported: BTreeSet<(FrameworkId, TaskId)> = message
            .tasks
            .iter()
            .map(|task| {
                (
                    FrameworkId::from(task.framework_id()),
                    TaskId::from(task.task_id()),
                )
            })
            .collect();
        let reconciliations = self.missing_tasks(&agent, &reported, ctx.now().as_secs_f64());
        self.acknowledge_reregistered(agent_id, reconciliations, ctx);
        let running: BTreeSet<(FrameworkId, ExecutorId)> = message
            .executor_infos
            .iter()
            .map(|executor| {
                (
                    FrameworkId::from(executor.framework_id()),
                    ExecutorId::from(executor.executor_id()),
                )
            })
            .collect();
        for (framework_id, executors) in agent.executors() {
            for executor_id in executors.keys() {
                if !running.contains(&(framework_id.clone(), executor_id.clone())) {
                    self.remove_executor(agent_id, framework_id, executor_id);
                }
            }
        }
        for task in &message.tasks {
            let framework_id = FrameworkId::from(task.framework_id());
            let task_id = TaskId::from(task.task_id());
            if !is_terminal(task.state()) && agent.is_killed(&framework_id, &task_id) {
                let kill = KillTask {
                    framework_id: Some(framework_id.to_proto()),
                    task_id: Some(task_id.to_proto()),
                    ..Default::default()
                };
                self.send_to_agent(agent_id, &kill, ctx);
            }
        }
        let completed: BTreeSet<FrameworkId> = message
            .tasks
            .iter()
            .map(|task| FrameworkId::from(task.framework_id()))
            .filter(|id| self.frameworks.is_completed(id))
            .collect();
        for id in completed {
            self.send_shutdown_framework(agent_id, &id, ctx);
        }
    }

    /// Per framework, the tasks that the master knows and the agent did not report.
    fn missing_tasks(
        &self,
        agent: &Agent,
        reported: &BTreeSet<(FrameworkId, TaskId)>,
        now: f64,
    ) -> Vec<ReconcileTasks> {
        let mut reconciliations = Vec::new();
        for (framework_id, task_ids) in agent.tasks() {
            let Some(framework) = self.frameworks.get(framework_id) else {
                continue;
            };
            let statuses: Vec<v1::TaskStatus> = task_ids
                .iter()
                .filter(|id| !reported.contains(&(framework_id.clone(), (*id).clone())))
                .filter_map(|id| framework.task(id))
                .map(|task| v1::TaskStatus {
                    task_id: Some(task.id().to_proto()),
                    agent_id: Some(agent.id().to_proto()),
                    state: Some(task.forwarded_state().into()),
                    source: Some(v1::task_status::Source::SourceMaster.into()),
                    message: Some("Reconciliation request".to_owned()),
                    timestamp: Some(now),
                    reason: Some(v1::task_status::Reason::ReasonReconciliation.into()),
                    ..Default::default()
                })
                .collect();
            if statuses.is_empty() {
                continue;
            }
            reconciliations.push(ReconcileTasks {
                framework_id: Some(framework_id.to_proto()),
                framework: Some(v1::FrameworkInfo::clone(framework.info()).into()),
                statuses,
                ..Default::default()
            });
        }
        reconciliations
    }
}
