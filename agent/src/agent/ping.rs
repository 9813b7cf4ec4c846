//! Answers the master's pings and notices when they stay away.

use libprocess::{Context, Upid};
use mesos_proto::internal::{PingAgentMessage, PongAgentMessage};

use super::{AgentProcess, AgentState};

impl AgentProcess {
    /// The master's observer asks for a sign of life.
    pub(super) fn ping(&mut self, from: &Upid, message: PingAgentMessage, ctx: &mut Context<Self>) {
        if !message.connected() && self.state == AgentState::Running {
            tracing::info!(
                "master marked the agent as disconnected but the agent is registered; forcing re-registration"
            );
            self.redetect(ctx);
        }
        self.expect_ping(ctx);
        ctx.send_protobuf(from, &PongAgentMessage::default());
    }

    /// Begins to wait for the next ping.
    pub(super) fn expect_ping(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.master.ping.take() {
            timer.cancel();
        }
        let timeout = self.master.ping_timeout();
        self.master.ping = Some(ctx.delay(timeout, Self::miss_ping));
    }

    fn miss_ping(&mut self, ctx: &mut Context<Self>) {
        tracing::info!("no pings from master received within the timeout");
        self.redetect(ctx);
    }
}
