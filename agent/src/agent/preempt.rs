//! Ends what spoils the quality of service, so that the owners of resources get what they were promised.

use libprocess::{Context, Outcome};
use mesos_common::ids::{ExecutorId, FrameworkId};
use mesos_containerizer::{ContainerId, launch_info::ContainerTermination};
use mesos_proto::{
    agent::{QoSCorrection, qo_s_correction},
    v1::{TaskState, task_status::Reason},
};
use thiserror::Error;

use super::AgentProcess;
use crate::state::{
    executor::ExecutorState,
    framework::{FrameworkState, Frameworks},
    task::gate,
};

impl AgentProcess {
    /// Asks the controller; the next question comes no sooner than the shortest interval after the answer.
    pub(super) fn watch_quality_of_service(&mut self, ctx: &mut Context<Self>) {
        let Some(parts) = &self.parts else { return };
        let corrections = parts.qos_controller.corrections();
        ctx.on_any(corrections, |agent, corrections, ctx| {
            let interval = agent.flags.qos_correction_interval_min;
            ctx.delay(interval, Self::watch_quality_of_service);
            agent.on_corrections(corrections);
        });
    }

    fn on_corrections(&mut self, corrections: Outcome<Vec<QoSCorrection>>) {
        if self.state.refuses_work() {
            return tracing::warn!(state = ?self.state, "cannot perform corrections in this state");
        }
        let corrections = match corrections {
            Outcome::Ready(corrections) => corrections,
            Outcome::Failed(error) => {
                return tracing::warn!(error, "failed to get corrections from the controller");
            }
            Outcome::Discarded | Outcome::Abandoned => return,
        };
        for correction in corrections {
            match preempted(&self.frameworks, &correction) {
                Ok(preempted) => self.preempt(&preempted),
                Err(reason) => tracing::warn!(%reason, "ignoring correction"),
            }
        }
    }

    /// Destroys the container of an executor, and remembers why for the last updates of its tasks.
    fn preempt(&mut self, preempted: &Preempted) {
        let Some(framework) = self.frameworks.get_mut(&preempted.framework) else {
            return;
        };
        let state = gate(&framework.info, TaskState::TaskGone);
        let Some(executor) = framework.executor_mut(&preempted.executor) else {
            return;
        };
        tracing::info!(container = %preempted.container, executor = %preempted.executor, "killing container as correction");
        executor.become_state(ExecutorState::Terminating);
        executor.pending_termination = Some(ContainerTermination {
            state: Some(state.into()),
            reason: Some(Reason::ReasonContainerPreempted.into()),
            message: Some("Container preempted by QoS correction".to_owned()),
            ..Default::default()
        });
        self.destroy_container(&preempted.container);
        self.metrics.executors_preempted.increment();
    }
}

/// The executor that a correction ends.
#[derive(Debug, PartialEq)]
struct Preempted {
    framework: FrameworkId,
    executor: ExecutorId,
    container: ContainerId,
}

/// A correction cannot be carried out.
#[derive(Debug, PartialEq, Error)]
enum Ignored {
    #[error("framework id not specified")]
    NoFrameworkId,
    #[error("executor id not specified")]
    NoExecutorId,
    #[error("framework {0} cannot be found")]
    NoFramework(FrameworkId),
    #[error("framework {0} is terminating")]
    FrameworkEnds(FrameworkId),
    #[error("executor '{0}' cannot be found")]
    NoExecutor(ExecutorId),
    #[error("container '{0}' cannot be found")]
    NoContainer(String),
    #[error("executor '{0}' is ending or has ended")]
    ExecutorEnds(ExecutorId),
}

/// Finds out whom a correction means.
fn preempted(frameworks: &Frameworks, correction: &QoSCorrection) -> Result<Preempted, Ignored> {
    let kill = match correction.r#type() {
        qo_s_correction::Type::Kill => correction.kill(),
    };
    if kill.framework_id.is_none() {
        return Err(Ignored::NoFrameworkId);
    }
    if kill.executor_id.is_none() {
        return Err(Ignored::NoExecutorId);
    }
    let framework_id = FrameworkId::from(kill.framework_id());
    let executor_id = ExecutorId::from(kill.executor_id());
    let framework = frameworks
        .get(&framework_id)
        .ok_or_else(|| Ignored::NoFramework(framework_id.clone()))?;
    match framework.state {
        FrameworkState::Running => {}
        FrameworkState::Terminating => return Err(Ignored::FrameworkEnds(framework_id)),
    }
    let executor = framework
        .executor(&executor_id)
        .ok_or_else(|| Ignored::NoExecutor(executor_id.clone()))?;
    if let Some(named) = &kill.container_id
        && *named != executor.container().to_proto()
    {
        return Err(Ignored::NoContainer(named.value().to_owned()));
    }
    if executor.state().is_ending() {
        return Err(Ignored::ExecutorEnds(executor_id));
    }
    Ok(Preempted {
        framework: framework_id,
        executor: executor_id,
        container: executor.container().clone(),
    })
}
