//! Changing quota, and taking offers back so that it can be kept.
//!
//! Mirrors `src/master/quota_handler.cpp`.

use libprocess::http::Response;
use libprocess::{Context, Future, Promise};
use mesos_allocator::Quota;
use mesos_common::ids::OfferId;
use mesos_common::resource_quantities::ResourceQuantities;
use mesos_common::resources::Resources;
use mesos_proto::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};

use super::MasterProcess;
use crate::quota::{
    QuotaTree, QuotaTreeError, config_of, config_of_info, info_of, validate_config, validate_info,
};
use crate::registry::quota::UpdateQuota;
use crate::state::roles::is_in_subtree;

/// Whether the checks on consumption and capacity are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Force {
    /// They are.
    Yes,
    /// They are made.
    No,
}

impl MasterProcess {
    /// All quotas, in the old and the new form.
    pub(crate) fn quota_status(&self) -> QuotaStatus {
        let quotas = self.roles.quotas();
        QuotaStatus {
            infos: quotas
                .iter()
                .map(|(role, quota)| info_of(role, quota))
                .collect(),
            configs: quotas
                .iter()
                .map(|(role, quota)| config_of(role, quota))
                .collect(),
            ..Default::default()
        }
    }

    /// Handles `UPDATE_QUOTA`.
    pub(crate) fn update_quota(
        &mut self,
        configs: Vec<QuotaConfig>,
        force: Force,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Err(text) = self.check_quota(&configs, force) {
            return Response::bad_request(text).into();
        }
        let applied = self.registrar.apply(UpdateQuota {
            configs: configs.clone(),
        });
        let (promise, answer) = Promise::new();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "update the quota", ctx);
            let done = stored.map(|_| master.on_quota_stored(&configs, ctx));
            promise.set(done.map_or_else(Response::from, |()| Response::ok()));
        });
        answer
    }

    fn check_quota(&self, configs: &[QuotaConfig], force: Force) -> Result<(), String> {
        for config in configs {
            let role = config.role();
            if !self.roles.is_whitelisted(role) {
                return Err(format!(
                    "Invalid QuotaConfig: '{role}' is not on the roles whitelist"
                ));
            }
            if role.contains('/') {
                return Err(format!(
                    "Updating quota on nested role '{role}' is not supported yet"
                ));
            }
            validate_config(config).map_err(|error| error.to_string())?;
        }
        if force == Force::No {
            self.check_consumption(configs)?;
        }
        let tree = self.quota_tree(configs);
        tree.validate()
            .map_err(|error| format!("Invalid QuotaConfig: {error}"))?;
        if force == Force::Yes {
            return Ok(());
        }
        self.check_capacity(&tree).map_err(|(total, capacity)| {
            format!(
                "Invalid QuotaConfig: total quota guarantees '{total}' exceed cluster capacity \
                 '{capacity}' (use 'force' flag to bypass this check)"
            )
        })
    }

    /// Whether no role uses more than it shall be limited to.
    fn check_consumption(&self, configs: &[QuotaConfig]) -> Result<(), String> {
        let view = self.roles_view();
        for config in configs {
            let quota = crate::quota::quota_of(config);
            let consumed = view.consumed(config.role());
            if !quota.limits.contains_quantities(&consumed) {
                return Err(format!(
                    "Invalid QuotaConfig: Role '{}' is already consuming '{consumed}'; this is \
                     more than the requested limits '{}' (use 'force' flag to bypass this check)",
                    config.role(),
                    quota.limits
                ));
            }
        }
        Ok(())
    }

    /// All quotas once `configs` are in force.
    fn quota_tree(&self, configs: &[QuotaConfig]) -> QuotaTree {
        let quotas = self.roles.quotas().iter();
        let mut tree: QuotaTree = quotas
            .map(|(role, quota)| (role.as_str(), quota.clone()))
            .collect();
        for config in configs {
            tree.set(config.role(), crate::quota::quota_of(config));
        }
        tree
    }

    /// Whether the cluster can hold all guarantees.
    fn check_capacity(
        &self,
        tree: &QuotaTree,
    ) -> Result<(), (ResourceQuantities, ResourceQuantities)> {
        let total = tree.total_guarantees();
        let mut capacity = ResourceQuantities::default();
        for agent in self.agents.iter() {
            let scalars = agent.total().non_revocable().scalars();
            capacity += &ResourceQuantities::from_resources(&scalars);
        }
        if capacity.contains(&total) {
            Ok(())
        } else {
            Err((total, capacity))
        }
    }

    // Continues `update_quota`: the registry has it.
    fn on_quota_stored(&mut self, configs: &[QuotaConfig], ctx: &Context<Self>) {
        for config in configs {
            let quota = crate::quota::quota_of(config);
            self.roles.set_quota(config.role(), quota.clone());
            self.allocator.update_quota(config.role().to_owned(), quota);
        }
        for config in configs {
            self.rescind_for_quota(config, ctx);
        }
    }

    /// Takes offers back: of the role while it has too much, of others until it can get its due.
    fn rescind_for_quota(&mut self, config: &QuotaConfig, ctx: &Context<Self>) {
        let role = config.role();
        let quota = crate::quota::quota_of(config);
        let view = self.roles_view();
        let mut held = view.consumed(role);
        held += &view.offered(role);
        for offer_id in self.offers.ids() {
            if quota.limits.contains_quantities(&held) {
                break;
            }
            let Some(offer) = self.offers.get(&offer_id) else {
                continue;
            };
            if !is_in_subtree(&offer.role, role) {
                continue;
            }
            held -= &ResourceQuantities::from_resources(&offer.resources);
            self.rescind(&offer_id, None, ctx);
        }
        let others: Vec<OfferId> = self
            .offers
            .ids()
            .into_iter()
            .filter(|id| {
                self.offers
                    .get(id)
                    .is_some_and(|offer| !is_in_subtree(&offer.role, role))
            })
            .collect();
        for offer_id in others {
            if held.contains(&quota.guarantees) {
                break;
            }
            if let Some(offer) = self.offers.get(&offer_id) {
                held += &ResourceQuantities::from_resources(&offer.resources);
                self.rescind(&offer_id, None, ctx);
            }
        }
    }

    /// Handles `SET_QUOTA` and `POST /quota`, which are deprecated.
    pub(crate) fn set_quota(
        &mut self,
        info: &QuotaInfo,
        force: Force,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        let config = config_of_info(info);
        let tree = self.quota_tree(std::slice::from_ref(&config));
        if let Err(text) = self.check_set_quota(info, &tree) {
            return Response::bad_request(text).into();
        }
        if force == Force::No
            && let Err((total, capacity)) = self.check_capacity(&tree)
        {
            return Response::conflict(format!(
                "Quota guarantees overcommit the cluster (use 'force' to bypass this check): \
                     Total quota guarantees '{total}' exceed cluster capacity '{capacity}'"
            ))
            .into();
        }
        // At once, so that a second request meanwhile finds that there is one.
        let quota = crate::quota::quota_of(&config);
        self.roles.set_quota(info.role(), quota.clone());
        let applied = self.registrar.apply(UpdateQuota {
            configs: vec![config],
        });
        let (promise, answer) = Promise::new();
        let info = info.clone();
        ctx.on_any(applied, move |master, outcome, ctx| {
            if let Err(broken) = master.durable(outcome, "set a quota", ctx) {
                promise.set(broken.into());
                return;
            }
            master.allocator.update_quota(info.role().to_owned(), quota);
            master.rescind_for_guarantee(&info, ctx);
            promise.set(Response::ok());
        });
        answer
    }

    fn check_set_quota(&self, info: &QuotaInfo, tree: &QuotaTree) -> Result<(), String> {
        const PREFIX: &str = "Failed to validate set quota request: ";
        let role = info.role();
        validate_info(info).map_err(|error| format!("{PREFIX}{error}"))?;
        if !self.roles.is_whitelisted(role) {
            return Err(format!("{PREFIX}Unknown role '{role}'"));
        }
        if self.roles.quota(role).is_some() {
            return Err(format!(
                "{PREFIX}Cannot set quota for role '{role}' which already has quota"
            ));
        }
        tree.validate()
            .map_err(|error| format!("{PREFIX}{error}"))?;
        if role.contains('/') {
            return Err(format!(
                "Setting quota on nested role '{role}' is not supported yet"
            ));
        }
        Ok(())
    }

    /// Empties agents of offers until the guarantee is free and every framework of the role can
    /// get an agent.
    fn rescind_for_guarantee(&mut self, info: &QuotaInfo, ctx: &Context<Self>) {
        let guarantee = Resources::from_proto(&info.guarantee);
        let waiting = self.roles.frameworks(info.role()).map_or(0, |ids| {
            ids.iter()
                .filter_map(|id| self.frameworks.get(id))
                .filter(|framework| framework.is_connected() && framework.is_active())
                .count()
        });
        let agents: Vec<_> = self
            .agents
            .iter()
            .filter(|agent| agent.is_connected() && agent.is_active())
            .map(|agent| agent.offers().clone())
            .filter(|offers| !offers.is_empty())
            .collect();
        let mut rescinded = Resources::default();
        for (visited, offers) in agents.into_iter().enumerate() {
            if visited >= waiting && rescinded.contains(&guarantee) {
                return;
            }
            for offer_id in offers {
                if let Some(offer) = self.offers.get(&offer_id) {
                    let mut resources = offer.resources.clone();
                    resources.unallocate();
                    rescinded += resources;
                }
                self.rescind(&offer_id, None, ctx);
            }
        }
    }

    /// Handles `REMOVE_QUOTA` and `DELETE /quota/<role>`, which are deprecated.
    pub(crate) fn remove_quota(&mut self, role: &str, ctx: &mut Context<Self>) -> Future<Response> {
        if self.roles.quota(role).is_none() {
            let text = format!("Failed to remove quota: Role '{role}' has no quota set");
            return Response::bad_request(text).into();
        }
        // At once, so that a second request meanwhile finds nothing to remove.
        self.roles.remove_quota(role);
        let config = QuotaConfig {
            role: Some(role.to_owned()),
            ..Default::default()
        };
        let applied = self.registrar.apply(UpdateQuota {
            configs: vec![config],
        });
        let (promise, answer) = Promise::new();
        let role = role.to_owned();
        ctx.on_any(applied, move |master, outcome, ctx| {
            if let Err(broken) = master.durable(outcome, "remove a quota", ctx) {
                promise.set(broken.into());
                return;
            }
            master.allocator.update_quota(role, Quota::default());
            promise.set(Response::ok());
        });
        answer
    }

    /// What is wrong with the other quotas once a role has none.
    pub(crate) fn check_removal(&self, role: &str) -> Result<(), QuotaTreeError> {
        let rest: QuotaTree = self
            .roles
            .quotas()
            .iter()
            .filter(|(other, _)| other.as_str() != role)
            .map(|(role, quota)| (role.as_str(), quota.clone()))
            .collect();
        rest.validate()
    }
}
