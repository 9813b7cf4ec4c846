//! Messages to frameworks and agents.

use libprocess::metrics::Counter;
use libprocess::{Context, Time, Upid};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::{internal, v1};
use mesos_proto_codec::WireMessage;

use super::MasterProcess;
use crate::framework_message::{FrameworkMessage, LegacySink};
use crate::http::stream::EventStream;
use crate::state::framework::Connection;

impl LegacySink for Context<MasterProcess> {
    fn send<M: WireMessage>(&self, to: &Upid, message: &M) {
        self.send_protobuf(to, message);
    }
}

/// A moment as messages carry it: whole nanoseconds of a floating-point second.
#[must_use]
pub(crate) fn time_info(time: Time) -> v1::TimeInfo {
    #[expect(clippy::cast_possible_truncation, reason = "as Mesos rounds a moment")]
    let nanoseconds = (time.as_secs_f64() * 1e9) as i64;
    v1::TimeInfo {
        nanoseconds: Some(nanoseconds),
        ..Default::default()
    }
}

impl MasterProcess {
    /// Sends a message to a framework; one that only agents know gets nothing.
    ///
    /// A driver that lost its connection is still sent to, in case it listens.
    pub(super) fn send_to_framework(
        &self,
        framework_id: &FrameworkId,
        message: FrameworkMessage,
        ctx: &Context<Self>,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else {
            return;
        };
        framework.metrics().event(message.kind());
        match framework.connection() {
            Connection::Http(stream) => {
                if stream.send(&message.into_event()).is_err() {
                    tracing::warn!(%framework_id, "event lost: the stream is closed");
                }
            }
            Connection::Driver(pid)
            | Connection::Disconnected {
                last_pid: Some(pid),
            } => {
                message.send_legacy(pid, ctx);
            }
            Connection::Disconnected { last_pid: None } | Connection::Recovered => {
                tracing::debug!(%framework_id, "message for a framework without connection");
            }
        }
    }

    /// Sends a message to every connected framework.
    pub(super) fn broadcast_to_frameworks(&self, message: &FrameworkMessage, ctx: &Context<Self>) {
        for framework_id in self.frameworks.ids() {
            if self
                .frameworks
                .get(&framework_id)
                .is_some_and(|known| known.is_connected())
            {
                self.send_to_framework(&framework_id, message.clone(), ctx);
            }
        }
    }

    /// Counts subscribers that were disconnected because they did not read.
    pub(crate) fn unread_streams(&self) -> Counter {
        self.metrics.counters().event_streams_unread.clone()
    }

    /// Sends an error to a subscriber that is not a framework's connection (yet), and ends it.
    pub(super) fn refuse_stream(stream: &EventStream, text: &str) {
        let event = FrameworkMessage::Error(text.to_owned()).into_event();
        let _ = stream.send(&event);
        stream.close();
    }

    /// Sends an error to a driver that is not a framework's connection (yet).
    pub(super) fn refuse_driver(pid: &Upid, text: &str, ctx: &Context<Self>) {
        FrameworkMessage::Error(text.to_owned()).send_legacy(pid, ctx);
    }

    /// Sends a message to a registered agent.
    pub(super) fn send_to_agent<M: WireMessage>(
        &self,
        agent_id: &AgentId,
        message: &M,
        ctx: &Context<Self>,
    ) {
        if let Some(agent) = self.agents.get(agent_id) {
            ctx.send_protobuf(agent.pid(), message);
        }
    }

    /// Sends a message to every registered agent.
    pub(super) fn broadcast_to_agents<M: WireMessage>(&self, message: &M, ctx: &Context<Self>) {
        for agent in self.agents.iter() {
            ctx.send_protobuf(agent.pid(), message);
        }
    }

    /// Tells an agent to end itself.
    pub(super) fn send_shutdown(pid: &Upid, text: &str, ctx: &Context<Self>) {
        let message = internal::ShutdownMessage {
            message: Some(text.to_owned()),
            ..Default::default()
        };
        ctx.send_protobuf(pid, &message);
    }

    /// Tells every agent what a framework says about itself and where it is.
    pub(super) fn broadcast_framework_update(
        &self,
        framework_id: &FrameworkId,
        ctx: &Context<Self>,
    ) {
        if let Some(message) = self.framework_update(framework_id) {
            self.broadcast_to_agents(&message, ctx);
        }
    }

    /// What agents are told of a framework.
    pub(super) fn framework_update(
        &self,
        framework_id: &FrameworkId,
    ) -> Option<internal::UpdateFrameworkMessage> {
        let framework = self.frameworks.get(framework_id)?;
        Some(internal::UpdateFrameworkMessage {
            framework_id: Some(framework_id.to_proto()),
            pid: Some(
                framework
                    .pid()
                    .cloned()
                    .unwrap_or_else(Upid::empty)
                    .to_string(),
            ),
            framework_info: Some(v1::FrameworkInfo::clone(framework.info()).into()),
            ..Default::default()
        })
    }
}
