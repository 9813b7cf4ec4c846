//! Quotas and weights of roles.

use std::sync::Arc;

use mesos_common::roles;
use tracing::error;

use super::roles::RoleQuota;
use super::state::State;
use crate::amounts::Limits;
use crate::event::Quota;

impl State {
    /// Sets a role's quota; takes effect at the next run.
    pub(super) fn update_quota(&mut self, role: &str, quota: &Quota) {
        if let Err(error) = roles::validate(role) {
            error!(%error, "ignoring a quota");
            return;
        }
        let quota = RoleQuota {
            guarantees: self.names.amounts(&quota.guarantees),
            limits: Limits::new(&mut self.names, &quota.limits),
        };
        self.roles.update_quota(&role.into(), quota);
    }

    /// Sets weights; takes effect at the next run.
    pub(super) fn update_weights(&mut self, weights: &[(String, f64)]) {
        for (role, weight) in weights {
            if let Err(error) = roles::validate(role) {
                error!(%error, "ignoring a weight");
                continue;
            }
            if !weight.is_finite() || *weight <= 0.0 {
                error!(role, weight, "ignoring a weight that is not positive");
                continue;
            }
            let role: Arc<str> = role.as_str().into();
            self.roles.update_weight(&role, *weight);
            self.role_sorter.update_weight(&role, *weight);
        }
    }

    /// The quota of a role by name; the default when it has none.
    #[must_use]
    pub fn quota(&self, role: &str) -> Quota {
        let Some(key) = self.roles.find(role) else {
            return Quota::default();
        };
        let quota = &self.roles.role(key).quota;
        Quota {
            guarantees: self.names.quantities(&quota.guarantees),
            limits: quota.limits.named(&self.names),
        }
    }
}
