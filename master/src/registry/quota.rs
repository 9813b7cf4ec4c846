//! Storing quota configurations.
//!
//! Mirrors `UpdateQuota` of `src/master/quota.cpp`.

use mesos_proto::v1::quota::QuotaConfig;

use super::book::RegistryBook;
use super::operation::{Mutation, OperationError};
use super::{QUOTA_V2, release_capability, require_capability};

/// Replaces the quota of the named roles.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateQuota {
    /// One configuration a role; one without guarantees and limits removes the role's quota.
    pub configs: Vec<QuotaConfig>,
}

impl UpdateQuota {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Result<Mutation, OperationError> {
        let registry = &mut book.rest;
        for config in &self.configs {
            crate::quota::validate_config(config).map_err(|invalid| {
                let reason = invalid.to_string();
                OperationError::InvalidQuota { reason }
            })?;
        }
        for config in &self.configs {
            registry
                .quotas
                .retain(|entry| entry.info().role() != config.role());
            if config.guarantees.is_empty() && config.limits.is_empty() {
                registry
                    .quota_configs
                    .retain(|stored| stored.role() != config.role());
                continue;
            }
            match registry
                .quota_configs
                .iter_mut()
                .find(|stored| stored.role() == config.role())
            {
                Some(stored) => *stored = config.clone(),
                None => registry.quota_configs.push(config.clone()),
            }
        }
        if registry.quota_configs.is_empty() {
            release_capability(registry, QUOTA_V2);
        } else {
            require_capability(registry, QUOTA_V2);
        }
        Ok(Mutation::Changed)
    }
}
