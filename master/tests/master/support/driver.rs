//! A framework on the legacy wire.

use mesos_proto::internal::{
    FrameworkErrorMessage, FrameworkRegisteredMessage, RescindResourceOfferMessage,
    ResourceOffersMessage, StatusUpdateMessage,
};
use mesos_proto::v1::scheduler::call;
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

    /// Sends a call in its name.
    pub(crate) fn call(&self, stage: &Stage, mut call: v0::scheduler::Call) {
        call.framework_id = Some(self.id.clone());
        stage.send(&self.peer, &call);
    }

    /// Replaces what the master knows of it.
    pub(crate) fn update(&self, stage: &Stage, mut info: v1::FrameworkInfo, suppressed: &[&str]) {
        info.id = Some(self.id.clone());
        let update = call::UpdateFramework {
            framework_info: Some(info.into()),
            suppressed_roles: suppressed.iter().map(|role| (*role).to_owned()).collect(),
            ..Default::default()
        };
        self.call(
            stage,
            v0::scheduler::Call {
                r#type: Some(call::Type::UpdateFramework.into()),
                update_framework: Some(update.into()),
                ..Default::default()
            },
        );
    }

    /// The status of the next update.
    #[track_caller]
    pub(crate) fn status(&self) -> v1::TaskStatus {
        let message: StatusUpdateMessage = self.peer.expect();
        message.update().status().clone()
    }

    /// A `SUBSCRIBE`; one with an id takes over from whoever has it.
    pub(crate) fn subscription(info: v1::FrameworkInfo) -> v0::scheduler::Call {
        subscription(info)
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
    let force = info.id.is_some();
    v0::scheduler::Call {
        framework_id: info.id.clone(),
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(
            v0::scheduler::call::Subscribe {
                framework_info: Some(info.into()),
                force: Some(force),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}
