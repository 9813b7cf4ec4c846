//! What every executor here says to its agent: it subscribes, and reports until it is acknowledged.
//!
//! # Owns
//! The v1 library and the updates that the agent has not acknowledged.
//!
//! # Invariants
//! - SUBSCRIBE tells every update that is open.
//! - What is reported while the agent has not answered SUBSCRIBE is sent once more when it has: the library can send
//!   nothing else before.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use libprocess::Runtime;
use mesos_api_client::ContentType;
use mesos_proto::v1::executor::{Call, call};
use mesos_proto::v1::{ExecutorId, FrameworkId, TaskInfo, TaskStatus};

use crate::updates::{Acknowledged, Unacknowledged};
use crate::{Delivery, ExecutorEnvironment, Mesos};

/// Time between two SUBSCRIBE calls.
pub(crate) const SUBSCRIBE_RETRY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Disconnected,
    Connected,
    /// The number tells one subscription from the next.
    Subscribed(u64),
}

/// Whether SUBSCRIBE has to be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// The agent has not answered.
    Wanted,
    /// It has, or it is away.
    Settled,
}

/// An executor's side of the conversation.
pub(crate) struct Conversation {
    framework_id: FrameworkId,
    executor_id: ExecutorId,
    library: Option<Mesos>,
    link: Link,
    subscriptions: u64,
    unacknowledged: Unacknowledged,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl Conversation {
    pub(crate) fn new(framework_id: FrameworkId, executor_id: ExecutorId) -> Self {
        Self {
            framework_id,
            executor_id,
            library: None,
            link: Link::Disconnected,
            subscriptions: 0,
            unacknowledged: Unacknowledged::default(),
        }
    }

    /// Connects to the agent; what comes is told to `deliver`.
    pub(crate) fn begin(
        &mut self,
        runtime: &Runtime,
        environment: ExecutorEnvironment,
        deliver: impl FnMut(Delivery) + Send + 'static,
    ) {
        let content_type = ContentType::Protobuf;
        self.library = Some(Mesos::start(runtime, environment, content_type, deliver));
    }

    /// Breaks off.
    pub(crate) fn finish(&mut self) {
        self.library = None;
    }

    /// The agent is there.
    pub(crate) fn connected(&mut self) {
        self.link = Link::Connected;
        self.unacknowledged.connect();
    }

    /// The agent is away.
    pub(crate) fn disconnected(&mut self) {
        self.link = Link::Disconnected;
    }

    /// Sends SUBSCRIBE, if the agent is there and has not answered one.
    pub(crate) fn subscribe(&self, unacknowledged_tasks: Vec<TaskInfo>) -> Subscription {
        if self.link != Link::Connected {
            return Subscription::Settled;
        }
        let subscribe = call::Subscribe {
            unacknowledged_updates: self.unacknowledged.updates().to_vec(),
            unacknowledged_tasks,
            ..Default::default()
        };
        self.send(Call {
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(subscribe),
            ..self.blank_call()
        });
        Subscription::Wanted
    }

    /// The agent has answered SUBSCRIBE.
    pub(crate) fn subscribed(&mut self) {
        self.subscriptions += 1;
        self.link = Link::Subscribed(self.subscriptions);
        for update in self.unacknowledged.untold() {
            self.update(update.clone());
        }
    }

    /// The number of the present subscription; none while there is none.
    pub(crate) fn subscription(&self) -> Option<u64> {
        match self.link {
            Link::Subscribed(number) => Some(number),
            Link::Disconnected | Link::Connected => None,
        }
    }

    /// Sends an update and keeps it until the agent acknowledges it.
    pub(crate) fn report(&mut self, status: TaskStatus) {
        self.unacknowledged.push(status.clone());
        self.update(call::Update {
            status: Some(status.into()),
            ..Default::default()
        });
    }

    /// The agent has an update.
    pub(crate) fn acknowledge(&mut self, uuid: &Bytes) -> Acknowledged {
        let outcome = self.unacknowledged.acknowledge(uuid);
        if outcome == Acknowledged::Unknown {
            tracing::warn!("received acknowledgement for unknown status update");
        }
        outcome
    }

    /// Whether the agent has acknowledged everything.
    pub(crate) fn is_settled(&self) -> bool {
        self.unacknowledged.is_empty()
    }

    fn update(&self, update: call::Update) {
        self.send(Call {
            r#type: Some(call::Type::Update.into()),
            update: Some(update),
            ..self.blank_call()
        });
    }

    fn blank_call(&self) -> Call {
        Call {
            framework_id: Some(self.framework_id.clone()),
            executor_id: Some(self.executor_id.clone()),
            ..Default::default()
        }
    }

    fn send(&self, call: Call) {
        if let Some(library) = &self.library {
            library.send(call);
        }
    }
}
