//! What the master tells a framework, in both protocols.
//!
//! A driver gets the legacy message, a subscriber on HTTP the event.
//! Mirrors `src/internal/evolve.cpp` and `Framework::send` of `src/master/framework.cpp`.

use bytes::Bytes;
use libprocess::Upid;
use mesos_common::ids::{AgentId, ExecutorId, FrameworkId, OfferId};
use mesos_proto::internal;
use mesos_proto::v1;
use mesos_proto::v1::scheduler::{Event, event};

use crate::constants::HEARTBEAT_INTERVAL;

/// A message to one framework.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameworkMessage {
    /// It is registered.
    Registered {
        /// Its id.
        framework_id: FrameworkId,
        /// Who leads.
        master_info: v1::MasterInfo,
    },
    /// It is registered again.
    Reregistered {
        /// Its id.
        framework_id: FrameworkId,
        /// Who leads.
        master_info: v1::MasterInfo,
    },
    /// Resources for it.
    Offers {
        /// The offers, in the format that it understands.
        offers: Vec<v1::Offer>,
        /// Where each offer's agent listens.
        pids: Vec<String>,
    },
    /// Requests to leave agents.
    InverseOffers {
        /// The requests.
        offers: Vec<v1::InverseOffer>,
        /// Where each agent listens.
        pids: Vec<String>,
    },
    /// An offer is void.
    Rescind(OfferId),
    /// An inverse offer is void.
    RescindInverse(OfferId),
    /// A task's status.
    Update {
        /// The update as agents write it.
        update: Box<internal::StatusUpdate>,
        /// Where to acknowledge; empty when nobody waits for it.
        pid: String,
    },
    /// An operation's status; drivers never get it.
    OperationUpdate(Box<v1::OperationStatus>),
    /// Data from an executor.
    ExecutorMessage {
        /// The executor's agent.
        agent_id: AgentId,
        /// The framework.
        framework_id: FrameworkId,
        /// The executor.
        executor_id: ExecutorId,
        /// The data.
        data: Bytes,
    },
    /// An executor ended.
    ExitedExecutor {
        /// Its agent.
        agent_id: AgentId,
        /// The framework.
        framework_id: FrameworkId,
        /// The executor.
        executor_id: ExecutorId,
        /// Its wait status.
        status: i32,
    },
    /// An agent was removed.
    LostAgent(AgentId),
    /// The framework must give up.
    Error(String),
    /// The master lives; drivers never get it.
    Heartbeat,
}

impl FrameworkMessage {
    /// The kind of event, which per-framework metrics count.
    #[must_use]
    pub fn kind(&self) -> event::Type {
        match self {
            Self::Registered { .. } | Self::Reregistered { .. } => event::Type::Subscribed,
            Self::Offers { .. } => event::Type::Offers,
            Self::InverseOffers { .. } => event::Type::InverseOffers,
            Self::Rescind(_) => event::Type::Rescind,
            Self::RescindInverse(_) => event::Type::RescindInverseOffer,
            Self::Update { .. } => event::Type::Update,
            Self::OperationUpdate(_) => event::Type::UpdateOperationStatus,
            Self::ExecutorMessage { .. } => event::Type::Message,
            Self::ExitedExecutor { .. } | Self::LostAgent(_) => event::Type::Failure,
            Self::Error(_) => event::Type::Error,
            Self::Heartbeat => event::Type::Heartbeat,
        }
    }

    /// The event for a subscriber on HTTP.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one arm a kind, each a few lines")]
    pub fn into_event(self) -> Event {
        let mut event = Event {
            r#type: Some(self.kind().into()),
            ..Default::default()
        };
        match self {
            Self::Registered {
                framework_id,
                master_info,
            }
            | Self::Reregistered {
                framework_id,
                master_info,
            } => {
                event.subscribed = Some(
                    event::Subscribed {
                        framework_id: Some(framework_id.to_proto()),
                        heartbeat_interval_seconds: Some(HEARTBEAT_INTERVAL.as_secs_f64()),
                        master_info: Some(master_info.into()),
                        ..Default::default()
                    }
                    .into(),
                );
            }
            Self::Offers { offers, .. } => {
                event.offers = Some(event::Offers {
                    offers,
                    ..Default::default()
                });
            }
            Self::InverseOffers { offers, .. } => {
                event.inverse_offers = Some(event::InverseOffers {
                    inverse_offers: offers,
                    ..Default::default()
                });
            }
            Self::Rescind(id) => {
                event.rescind = Some(event::Rescind {
                    offer_id: Some(id.to_proto()),
                    ..Default::default()
                });
            }
            Self::RescindInverse(id) => {
                event.rescind_inverse_offer = Some(event::RescindInverseOffer {
                    inverse_offer_id: Some(id.to_proto()),
                    ..Default::default()
                });
            }
            Self::Update { update, .. } => {
                event.update = Some(event::Update {
                    status: Some(evolve(*update).into()),
                    ..Default::default()
                });
            }
            Self::OperationUpdate(status) => {
                event.update_operation_status = Some(event::UpdateOperationStatus {
                    status: Some((*status).into()),
                    ..Default::default()
                });
            }
            Self::ExecutorMessage {
                agent_id,
                executor_id,
                data,
                ..
            } => {
                event.message = Some(
                    event::Message {
                        agent_id: Some(agent_id.to_proto()),
                        executor_id: Some(executor_id.to_proto()),
                        data: Some(data),
                        ..Default::default()
                    }
                    .into(),
                );
            }
            Self::ExitedExecutor {
                agent_id,
                executor_id,
                status,
                ..
            } => {
                event.failure = Some(
                    event::Failure {
                        agent_id: Some(agent_id.to_proto()),
                        executor_id: Some(executor_id.to_proto()),
                        status: Some(status),
                        ..Default::default()
                    }
                    .into(),
                );
            }
            Self::LostAgent(agent_id) => {
                event.failure = Some(
                    event::Failure {
                        agent_id: Some(agent_id.to_proto()),
                        ..Default::default()
                    }
                    .into(),
                );
            }
            Self::Error(message) => {
                event.error = Some(event::Error {
                    message: Some(message),
                    ..Default::default()
                });
            }
            Self::Heartbeat => {}
        }
        event
    }
}

/// The status that a framework sees: the update's own fields win.
fn evolve(update: internal::StatusUpdate) -> v1::TaskStatus {
    let mut status = update.status().clone();
    if update.agent_id.is_some() {
        status.agent_id = Some(update.agent_id().clone());
    }
    if update.executor_id.is_some() {
        status.executor_id = Some(update.executor_id().clone());
    }
    status.timestamp = Some(update.timestamp());
    match update.uuid {
        Some(uuid) if !uuid.is_empty() => status.uuid = Some(uuid),
        Some(_) | None => status.uuid = None,
    }
    status
}

/// How a legacy message leaves the master.
pub trait LegacySink {
    /// Sends a message to a driver.
    fn send<M: mesos_proto_codec::WireMessage>(&self, to: &Upid, message: &M);
}

impl FrameworkMessage {
    /// Sends the legacy message to a driver; nothing for what drivers never get.
    #[expect(clippy::too_many_lines, reason = "one arm a kind, each a few lines")]
    pub fn send_legacy(self, to: &Upid, sink: &impl LegacySink) {
        match self {
            Self::Registered {
                framework_id,
                master_info,
            } => sink.send(
                to,
                &internal::FrameworkRegisteredMessage {
                    framework_id: Some(framework_id.to_proto()),
                    master_info: Some(master_info.into()),
                    ..Default::default()
                },
            ),
            Self::Reregistered {
                framework_id,
                master_info,
            } => sink.send(
                to,
                &internal::FrameworkReregisteredMessage {
                    framework_id: Some(framework_id.to_proto()),
                    master_info: Some(master_info.into()),
                    ..Default::default()
                },
            ),
            Self::Offers { offers, pids } => sink.send(
                to,
                &internal::ResourceOffersMessage {
                    offers,
                    pids,
                    ..Default::default()
                },
            ),
            Self::InverseOffers { offers, pids } => sink.send(
                to,
                &internal::InverseOffersMessage {
                    inverse_offers: offers,
                    pids,
                    ..Default::default()
                },
            ),
            Self::Rescind(id) => sink.send(
                to,
                &internal::RescindResourceOfferMessage {
                    offer_id: Some(id.to_proto()),
                    ..Default::default()
                },
            ),
            Self::RescindInverse(id) => sink.send(
                to,
                &internal::RescindInverseOfferMessage {
                    inverse_offer_id: Some(id.to_proto()),
                    ..Default::default()
                },
            ),
            Self::Update { update, pid } => sink.send(
                to,
                &internal::StatusUpdateMessage {
                    update: Some((*update).into()),
                    pid: Some(pid),
                    ..Default::default()
                },
            ),
            Self::ExecutorMessage {
                agent_id,
                framework_id,
                executor_id,
                data,
            } => sink.send(
                to,
                &internal::ExecutorToFrameworkMessage {
                    agent_id: Some(agent_id.to_proto()),
                    framework_id: Some(framework_id.to_proto()),
                    executor_id: Some(executor_id.to_proto()),
                    data: Some(data),
                    ..Default::default()
                },
            ),
            Self::ExitedExecutor {
                agent_id,
                framework_id,
                executor_id,
                status,
            } => sink.send(
                to,
                &internal::ExitedExecutorMessage {
                    agent_id: Some(agent_id.to_proto()),
                    framework_id: Some(framework_id.to_proto()),
                    executor_id: Some(executor_id.to_proto()),
                    status: Some(status),
                    ..Default::default()
                },
            ),
            Self::LostAgent(agent_id) => sink.send(
                to,
                &internal::LostAgentMessage {
                    agent_id: Some(agent_id.to_proto()),
                    ..Default::default()
                },
            ),
            Self::Error(message) => sink.send(
                to,
                &internal::FrameworkErrorMessage {
                    message: Some(message),
                    ..Default::default()
                },
            ),
            Self::OperationUpdate(_) | Self::Heartbeat => {}
        }
    }
}
