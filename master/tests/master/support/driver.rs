//! A framework on the legacy wire.

use mesos_proto::internal::{
    FrameworkErrorMessage, FrameworkRegisteredMessage, RescindResourceOfferMessage,
    ResourceOffersMessage,
};
use mesos_proto::{v0, v1};

use crate::support::{Peer, Stage};

/// A framework on the legacy wire.
pub(crate) struct Driver {
    pub(crate) peer: Peer,
    pub(crate) id: v1::FrameworkId,
}

impl Driver {
    /// Subscribes and waits for the answer.
    pub(crate) fn subscribe(stage: &Stage, info: v1::FrameworkInfo) -> Self {
        let peer = Peer::start(&stage.runtime, "scheduler");
        stage.send(&peer, &subscription(info));
        let registered: FrameworkRegisteredMessage = peer.expect();
        let id = registered.framework_id().clone();
        Self { peer, id }
    }

    /// Subscribes in vain; returns what the master has against it.
    pub(crate) fn refused(stage: &Stage, info: v1::FrameworkInfo) -> String {
        let peer = Peer::start(&stage.runtime, "scheduler");
        stage.send(&peer, &subscription(info));
        let error: FrameworkErrorMessage = peer.expect();
        error.message().to_owned()
    }

    /// The offers of the next message that has some.
    #[track_caller]
    pub(crate) fn offers(&self) -> Vec<v1::Offer> {
        self.peer.expect::<ResourceOffersMessage>().offers
    }

    /// The offer that is taken back next.
    #[track_caller]
    pub(crate) fn rescinded(&self) -> v1::OfferId {
        let message: RescindResourceOfferMessage = self.peer.expect();
        message.offer_id().clone()
    }
}

fn subscription(info: v1::FrameworkInfo) -> v0::scheduler::Call {
    v0::scheduler::Call {
        framework_id: info.id.clone(),
        r#type: Some(v1::scheduler::call::Type::Subscribe.into()),
        subscribe: Some(
            v0::scheduler::call::Subscribe {
                framework_info: Some(info.into()),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}
