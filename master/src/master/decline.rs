//! Declining offers.
//!
//! Mirrors `Master::decline` of `src/master/master.cpp`.
//! Unlike there, a framework can decline only its own offers.

use libprocess::Context;
use mesos_common::ids::{FrameworkId, OfferId};
use mesos_proto::v1::scheduler::call;

use super::MasterProcess;

impl MasterProcess {
    /// Takes declined offers back; unknown ones are ignored one by one.
    pub(crate) fn decline(
        &mut self,
        framework_id: &FrameworkId,
        call: &call::Decline,
        _ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_decline_offers.increment();
        let mut declined = 0;
        for id in &call.offer_ids {
            let offer_id = OfferId::from(id);
            let ours = self
                .offers
                .get(&offer_id)
                .is_some_and(|offer| &offer.framework_id == framework_id);
            if !ours {
                tracing::warn!(%framework_id, %offer_id, "ignoring the decline of a void offer");
                continue;
            }
            declined += 1;
            let filters = call.filters.as_ref().map(|_| call.filters().clone());
            self.discard(&offer_id, Some(filters.unwrap_or_default()));
        }
        if let Some(framework) = self.frameworks.get(framework_id) {
            framework.metrics().offers_declined(declined);
        }
    }
}
