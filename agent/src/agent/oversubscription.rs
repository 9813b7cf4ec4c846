//! Tells the master what may be offered a second time.

use libprocess::{Context, Outcome};
use mesos_common::resources::Resources;
use mesos_proto::internal::UpdateAgentMessage;

use super::{AgentProcess, AgentState};

impl AgentProcess {
    /// Asks the estimator, and again after the interval.
    pub(super) fn watch_oversubscribable(&mut self, ctx: &mut Context<Self>) {
        let Some(parts) = &self.parts else { return };
        let estimate = parts.estimator.oversubscribable();
        ctx.on_any(estimate, |agent, estimate, ctx| {
            agent.on_estimate(estimate, ctx);
            let interval = agent.flags.oversubscribed_resources_interval;
            ctx.delay(interval, Self::watch_oversubscribable);
        });
    }

    fn on_estimate(&mut self, estimate: Outcome<Resources>, ctx: &mut Context<Self>) {
        let estimate = match estimate {
            Outcome::Ready(estimate) => estimate,
            Outcome::Failed(error) => {
                return tracing::error!(error, "failed to get oversubscribable resources");
            }
            Outcome::Discarded | Outcome::Abandoned => {
                return tracing::error!("the estimate of oversubscribable resources was dropped");
            }
        };
        if estimate != estimate.revocable() {
            return tracing::error!(%estimate, "ignoring an estimate that is not all revocable");
        }
        // What tasks hold already belongs to what was given away, so it counts on top of the estimate.
        let mut total = self.frameworks.allocated().revocable();
        total.unallocate();
        total += &estimate;
        let changed = self.resources.oversubscribed.as_ref() != Some(&total);
        if let (true, AgentState::Running, Some(master), Some(id)) =
            (changed, self.state, &self.master.pid, &self.id)
        {
            tracing::info!(%total, "forwarding total oversubscribed resources");
            ctx.send_protobuf(
                master,
                &UpdateAgentMessage {
                    agent_id: Some(id.to_proto()),
                    update_oversubscribed_resources: Some(true),
                    oversubscribed_resources: total.to_proto(),
                    ..Default::default()
                },
            );
        }
        self.resources.oversubscribed = Some(total);
    }
}
