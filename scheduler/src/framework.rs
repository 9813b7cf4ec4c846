//! A framework in few words: its calls are methods, and its events an enum.
//!
//! It stands on the v1 library ([`Mesos`]), which subscribes, comes back after each change of the
//! master, and stays reachable by [`Framework::library`].

use std::time::Duration;

use bytes::Bytes;
use libprocess::{Outcome, Runtime};
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::scheduler::{Call, Event, Response, event};
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkId, FrameworkInfo, InverseOffer, KillPolicy, MasterInfo,
    Offer, OfferId, OperationStatus, TaskId, TaskStatus,
};

use crate::mesos::{CallError, Delivery, Events, Mesos, Options, Subscribe};
use crate::{Calls, refuse_for};

/// Why a framework could not do what it was told to.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FrameworkError {
    /// The master does not want the framework.
    #[error("the master refused the framework: {0}")]
    Unwanted(String),
    /// The master refused a call.
    #[error("{0}")]
    Refused(String),
    /// A call has no answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The library has ended, and its runtime perhaps with it.
    #[error("the connection to the master was given up")]
    Ended,
}

/// What happened to a framework.
#[derive(Clone, Debug, PartialEq)]
pub enum FrameworkEvent {
    /// The framework is subscribed again, after it was disconnected.
    Resubscribed(Box<MasterInfo>),
    /// The master is gone; the library looks for the next one.
    Disconnected,
    /// Resources that the framework may use now.
    Offers(Vec<Offer>),
    /// An offer that must not be used any more.
    Rescinded(OfferId),
    /// Resources that the framework is asked to leave.
    InverseOffers(Vec<InverseOffer>),
    /// An inverse offer that is void.
    InverseOfferRescinded(OfferId),
    /// A task has a status; it comes again until it is acknowledged.
    Update(Box<TaskStatus>),
    /// An operation has a status; it comes again until it is acknowledged.
    OperationUpdate(Box<OperationStatus>),
    /// An executor has sent something.
    Message {
        /// The agent of the executor.
        agent_id: AgentId,
        /// The executor.
        executor_id: ExecutorId,
        /// What it sent.
        data: Bytes,
    },
    /// An agent is gone.
    AgentLost(AgentId),
    /// An executor has ended with this wait status.
    ExecutorLost {
        /// The agent of the executor.
        agent_id: AgentId,
        /// The executor.
        executor_id: ExecutorId,
        /// As `waitpid` tells it.
        status: i32,
    },
    /// The master, or the library, found a fault with the framework.
    Error(String),
    /// Something that this version does not know, as a newer master may send it.
    Unknown(Box<Event>),
}

/// A subscribed framework. The connection ends when this is dropped; the framework itself goes on
/// until its failover timeout, unless [`Framework::teardown`] was called.
///
/// # Examples
/// ```no_run
/// use libprocess::Runtime;
/// use mesos_scheduler::{
///     Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, launch, resources,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::builder().start()?;
/// let options = Options::new("127.0.0.1:5050".parse()?);
/// runtime.block_on(async {
///     let hello = FrameworkBuilder::new("hello").build();
///     let (framework, mut events) = Framework::subscribe(&runtime, options, hello).await?;
///     while let Some(event) = events.next().await {
///         match event {
///             FrameworkEvent::Offers(offers) => {
///                 for offer in &offers {
///                     let task = TaskBuilder::command("hello", "echo hello")
///                         .resources(resources::cpus_mem(0.1, 32.0));
///                     let tasks = Room::of(offer).place(task).into_iter().collect();
///                     framework.accept(offer, vec![launch(tasks)]);
///                 }
///             }
///             FrameworkEvent::Update(status) => framework.acknowledge(&status).await?,
///             _ => {}
///         }
///     }
///     Ok::<_, mesos_scheduler::FrameworkError>(())
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Framework {
    mesos: Mesos,
    calls: Calls,
}

/// What happens to a framework, in order.
#[derive(Debug)]
pub struct FrameworkEvents(Events);

impl Framework {
    /// Looks for the master and subscribes; returns when the master has answered, however long it
    /// takes to find one.
    ///
    /// # Errors
    /// [`FrameworkError::Unwanted`] when the master refuses the framework, and
    /// [`FrameworkError::Ended`] when the runtime ends meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future drops the connection.
    pub async fn subscribe(
        runtime: &Runtime,
        options: Options,
        framework: FrameworkInfo,
    ) -> Result<(Self, FrameworkEvents), FrameworkError> {
        let options = Options {
            subscribe: Subscribe::Automatic(Box::new(framework)),
            ..options
        };
        let (mesos, mut events) = Mesos::events(runtime, options);
        while let Some(delivery) = events.next().await {
            let Delivery::Event(event) = delivery else {
                continue;
            };
            if event.r#type() == event::Type::Subscribed {
                let calls = Calls::of(event.subscribed().framework_id().clone());
                return Ok((Self { mesos, calls }, FrameworkEvents(events)));
            }
            if event.r#type() == event::Type::Error {
                return Err(FrameworkError::Unwanted(event.error().message().to_owned()));
            }
        }
        Err(FrameworkError::Ended)
    }

    /// The id that the master gave.
    #[must_use]
    pub fn id(&self) -> &FrameworkId {
        self.calls.framework_id()
    }

    /// Makes calls of this framework.
    #[must_use]
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The library below.
    #[must_use]
    pub fn library(&self) -> &Mesos {
        &self.mesos
    }

    /// Sends a call and waits for the answer of the master.
    ///
    /// # Errors
    /// [`FrameworkError`] when the master refuses the call or is not there.
    pub async fn perform(&self, call: Call) -> Result<Option<Response>, FrameworkError> {
        match self.mesos.call(call).await {
            Outcome::Ready(Ok(result)) => match result.error {
                Some(error) => Err(FrameworkError::Refused(error)),
                None => Ok(result.response),
            },
            Outcome::Ready(Err(error)) => Err(error.into()),
            Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                Err(FrameworkError::Ended)
            }
        }
    }

    /// Applies operations to an offer; what they do not use is offered again at once.
    pub fn accept(&self, offer: &Offer, operations: Vec<Operation>) {
        self.accept_with(
            vec![offer.id().clone()],
            operations,
            refuse_for(Duration::ZERO),
        );
    }

    /// Applies operations to offers of one agent; the filter is for what they do not use.
    pub fn accept_with(&self, offers: Vec<OfferId>, operations: Vec<Operation>, filters: Filters) {
        self.mesos
            .send(self.calls.accept(offers, operations, filters));
    }

    /// Gives an offer back; the same resources are not offered again for this time.
    pub fn decline(&self, offer: &Offer, time: Duration) {
        let ids = vec![offer.id().clone()];
        self.mesos.send(self.calls.decline(ids, refuse_for(time)));
    }

    /// Tells that the framework will have left the agent in time.
    pub fn accept_inverse_offer(&self, offer: &InverseOffer) {
        let ids = vec![offer.id().clone()];
        let filters = Filters::default();
        self.mesos
            .send(self.calls.accept_inverse_offers(ids, filters));
    }

    /// Tells that the framework cannot leave the agent in time; it is asked again after this time.
    pub fn decline_inverse_offer(&self, offer: &InverseOffer, time: Duration) {
        let ids = vec![offer.id().clone()];
        let filters = refuse_for(time);
        self.mesos
            .send(self.calls.decline_inverse_offers(ids, filters));
    }

    /// Wants offers again, whatever was declined, for these roles or for all.
    pub fn revive(&self, roles: Vec<String>) {
        self.mesos.send(self.calls.revive(roles));
    }

    /// Wants no offers for these roles, or for none.
    pub fn suppress(&self, roles: Vec<String>) {
        self.mesos.send(self.calls.suppress(roles));
    }

    /// Kills a task, within the grace period of its own kill policy.
    pub fn kill(&self, task_id: TaskId, agent_id: Option<AgentId>) {
        self.mesos.send(self.calls.kill(task_id, agent_id, None));
    }

    /// Kills a task within another grace period.
    pub fn kill_with(&self, task_id: TaskId, agent_id: Option<AgentId>, policy: KillPolicy) {
        self.mesos
            .send(self.calls.kill(task_id, agent_id, Some(policy)));
    }

    /// Acknowledges a status, and waits until the master has taken the acknowledgement. One that
    /// wants none is fine.
    ///
    /// # Errors
    /// [`FrameworkError`] as for [`Framework::perform`]; the status then comes again.
    pub async fn acknowledge(&self, status: &TaskStatus) -> Result<(), FrameworkError> {
        if let Some(call) = self.calls.acknowledge(status) {
            self.perform(call).await?;
        }
        Ok(())
    }

    /// As [`Framework::acknowledge`], for the status of an operation.
    ///
    /// # Errors
    /// [`FrameworkError`] as for [`Framework::perform`]; the status then comes again.
    pub async fn acknowledge_operation(
        &self,
        status: &OperationStatus,
    ) -> Result<(), FrameworkError> {
        if let Some(call) = self.calls.acknowledge_operation(status) {
            self.perform(call).await?;
        }
        Ok(())
    }

    /// Asks for the status of tasks, or of all.
    pub fn reconcile(&self, tasks: Vec<(TaskId, Option<AgentId>)>) {
        self.mesos.send(self.calls.reconcile(tasks));
    }

    /// Sends something to an executor; it may get lost.
    pub fn message(&self, agent_id: AgentId, executor_id: ExecutorId, data: impl Into<Bytes>) {
        self.mesos
            .send(self.calls.message(agent_id, executor_id, data.into()));
    }

    /// Shuts an executor down.
    pub fn shutdown_executor(&self, agent_id: AgentId, executor_id: ExecutorId) {
        self.mesos.send(self.calls.shutdown(agent_id, executor_id));
    }

    /// Ends the framework with all its tasks, and waits until the master has heard it.
    ///
    /// # Errors
    /// [`FrameworkError`] as for [`Framework::perform`].
    pub async fn teardown(&self) -> Result<(), FrameworkError> {
        match self.perform(self.calls.teardown()).await {
            // The master ends the stream of events, which may be noticed before its answer.
            Ok(_) | Err(FrameworkError::Call(CallError::Interrupted)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl FrameworkEvents {
    /// The next event; none when the library has ended. Heartbeats are not told.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<FrameworkEvent> {
        loop {
            let delivery = self.0.next().await?;
            if let Some(event) = FrameworkEvent::of(delivery) {
                return Some(event);
            }
        }
    }
}

impl FrameworkEvent {
    /// What a delivery of the library means to the framework, if it means anything.
    #[must_use]
    pub fn of(delivery: Delivery) -> Option<Self> {
        match delivery {
            Delivery::Connected => None,
            Delivery::Disconnected => Some(Self::Disconnected),
            Delivery::Event(event) => Self::of_event(event),
        }
    }

    fn of_event(mut event: Box<Event>) -> Option<Self> {
        Some(match event.r#type() {
            event::Type::Heartbeat => return None,
            event::Type::Subscribed => {
                Self::Resubscribed(event.subscribed().master_info().clone().into())
            }
            event::Type::Offers => Self::Offers(event.offers.take()?.offers),
            event::Type::Rescind => Self::Rescinded(event.rescind.take()?.offer_id?),
            event::Type::InverseOffers => {
                Self::InverseOffers(event.inverse_offers.take()?.inverse_offers)
            }
            event::Type::RescindInverseOffer => {
                Self::InverseOfferRescinded(event.rescind_inverse_offer.take()?.inverse_offer_id?)
            }
            event::Type::Update => Self::Update(event.update.take()?.status?),
            event::Type::UpdateOperationStatus => {
                Self::OperationUpdate(event.update_operation_status.take()?.status?)
            }
            event::Type::Message => {
                let message = event.message();
                Self::Message {
                    agent_id: message.agent_id().clone(),
                    executor_id: message.executor_id().clone(),
                    data: message.data.clone().unwrap_or_default(),
                }
            }
            event::Type::Failure => Self::of_failure(*event.failure.take()?)?,
            event::Type::Error => Self::Error(event.error().message().to_owned()),
            event::Type::Unknown => Self::Unknown(event),
        })
    }

    fn of_failure(failure: event::Failure) -> Option<Self> {
        let agent_id = failure.agent_id?;
        Some(match failure.executor_id {
            None => Self::AgentLost(agent_id),
            Some(executor_id) => Self::ExecutorLost {
                agent_id,
                executor_id,
                status: failure.status.unwrap_or_default(),
            },
        })
    }
}

#[cfg(test)]
mod tests;
