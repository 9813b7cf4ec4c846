//! Reviving and suppressing offers.
//!
//! Mirrors `Master::revive` and `suppress` of `src/master/master.cpp`.

use std::collections::BTreeSet;

use libprocess::{Context, Upid};
use mesos_common::ids::FrameworkId;
use mesos_proto::internal::{ResourceRequestMessage, ReviveOffersMessage};

use super::MasterProcess;

impl MasterProcess {
    /// Handles `ReviveOffersMessage` of an old driver.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn revive_offers(
        &mut self,
        from: &Upid,
        message: ReviveOffersMessage,
        _ctx: &mut Context<Self>,
    ) {
        let framework_id = FrameworkId::from(message.framework_id());
        if self.is_driver_of(from, &framework_id) {
            self.revive(&framework_id, &message.roles);
        }
    }

    /// Handles `ResourceRequestMessage` of an old driver.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn resource_request(
        &mut self,
        from: &Upid,
        message: ResourceRequestMessage,
        _ctx: &mut Context<Self>,
    ) {
        let framework_id = FrameworkId::from(message.framework_id());
        if self.is_driver_of(from, &framework_id) {
            self.request_resources(&framework_id);
        }
    }

    /// Hands a request for resources on; the allocator ignores it.
    pub(crate) fn request_resources(&mut self, framework_id: &FrameworkId) {
        self.metrics
            .counters()
            .messages_resource_request
            .increment();
        self.allocator.request_resources(framework_id.clone());
    }

    /// Drops the filters of roles and offers for them again; all roles when none is named.
    pub(crate) fn revive(&mut self, framework_id: &FrameworkId, roles: &[String]) {
        self.metrics.counters().messages_revive_offers.increment();
        if let Some(roles) = self.subscribed_roles(framework_id, roles) {
            self.allocator.revive_offers(framework_id.clone(), roles);
        }
    }

    /// Offers nothing more for roles; all roles when none is named.
    pub(crate) fn suppress(&mut self, framework_id: &FrameworkId, roles: &[String]) {
        self.metrics.counters().messages_suppress_offers.increment();
        if let Some(roles) = self.subscribed_roles(framework_id, roles) {
            self.allocator.suppress_offers(framework_id.clone(), roles);
        }
    }

    /// The named roles, when the framework may name them all.
    fn subscribed_roles(
        &self,
        framework_id: &FrameworkId,
        roles: &[String],
    ) -> Option<BTreeSet<String>> {
        let framework = self.frameworks.get(framework_id)?;
        let stray = roles.iter().find(|role| {
            mesos_common::roles::validate(role).is_err() || !framework.roles().contains(*role)
        });
        if let Some(role) = stray {
            tracing::warn!(%framework_id, role, "dropping a call: the role is not subscribed");
            return None;
        }
        Some(roles.iter().cloned().collect())
    }
}
