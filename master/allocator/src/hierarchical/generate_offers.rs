//! Decides who is offered what.
//!
//! Mirrors `HierarchicalAllocatorProcess::__generateOffers`.
//!
//! Stage one serves quota guarantees; stage two hands out the rest up to limits, and leaves
//! enough unreserved resources in the cluster for guarantees that are not met yet (headroom).
//!
//! # Invariants
//! - The result depends on the state alone, which holds the random numbers too.
//! - What is offered is counted in the state before the commands are returned.

use std::collections::HashMap;
use std::sync::Arc;

use mesos_common::resource::Resource;
use mesos_common::resources::{Resources, shrink_to_limits, shrink_to_quantities};

use super::agents::{AgentState, Gpus};
use super::explain::{Reason, Witness};
use super::frameworks::{Ability, Framework, FrameworkKey};
use super::roles::{ROOT, RoleKey};
use super::state::State;
use crate::allocator::GpuFiltering;
use crate::amounts::{AgentKey, Amounts, Weighed};
use crate::event::{Command, Offer};
use crate::sorter::{Order, SortContext};

/// Runs over the candidates; explains each decision to the witness.
pub(crate) fn generate_offers(
    state: &mut State,
    candidates: &[AgentKey],
    witness: &mut impl Witness,
) -> Vec<Command> {
    let mut agents: Vec<AgentKey> = candidates
        .iter()
        .copied()
        .filter(|agent| match may_offer(state, *agent) {
            Ok(()) => true,
            Err(reason) => {
                witness.note_agent(*agent, reason);
                false
            }
        })
        .collect();
    let mut run = Run::new(state);
    if run.has_guarantees {
        run.state.rng.shuffle(&mut agents);
        for agent in &agents {
            run.serve_guarantees(*agent, witness);
        }
    }
    run.state.rng.shuffle(&mut agents);
    for agent in &agents {
        run.serve_rest(*agent, witness);
    }
    run.finish()
}

fn may_offer(state: &State, agent: AgentKey) -> Result<(), Reason> {
    let Some(agent) = state.agents.get(agent) else {
        return Err(Reason::AgentUnknown);
    };
    if agent.state == AgentState::Deactivated {
        return Err(Reason::AgentDeactivated);
    }
    match &state.whitelist {
        Some(hosts) if !hosts.contains(agent.info.hostname()) => Err(Reason::NotWhitelisted),
        Some(_) | None => Ok(()),
    }
}

/// One place in the order of service.
#[derive(Clone, Copy)]
struct Turn {
    agent: AgentKey,
    role: RoleKey,
    framework: FrameworkKey,
}

/// The orders that are being read while the sorters change.
struct Orders {
    roles: Order,
    frameworks: Order,
}

/// What is left to be done after a turn.
enum Next {
    Framework,
    Role,
}

struct Run<'a> {
    state: &'a mut State,
    has_guarantees: bool,
    /// What counts against quota, by role, kept up to date within the run.
    consumed: HashMap<RoleKey, Amounts, rustc_hash::FxBuildHasher>,
    required_headroom: Amounts,
    available_headroom: Amounts,
    offered_shared: HashMap<AgentKey, Resources, rustc_hash::FxBuildHasher>,
    offers: HashMap<FrameworkKey, Vec<Offer>, rustc_hash::FxBuildHasher>,
    served: Vec<FrameworkKey>,
    /// Where stage one put an offer, so that stage two adds to it.
    first_stage: HashMap<(FrameworkKey, AgentKey, RoleKey), usize, rustc_hash::FxBuildHasher>,
}

impl<'a> Run<'a> {
    fn new(state: &'a mut State) -> Self {
        let mut run = Self {
            has_guarantees: false,
            consumed: HashMap::default(),
            required_headroom: Amounts::default(),
            available_headroom: Amounts::default(),
            offered_shared: HashMap::default(),
            offers: HashMap::default(),
            served: Vec::new(),
            first_stage: HashMap::default(),
            state,
        };
        run.read_quotas();
        run
    }

    fn read_quotas(&mut self) {
        for role in self.state.roles.top_level() {
            if role.quota.is_default() {
                continue;
            }
            let consumed = role.quota_offered_or_consumed();
            self.required_headroom
                .add(&role.quota.guarantees.minus(&consumed));
            self.has_guarantees |= !role.quota.guarantees.is_empty();
            if let Some(key) = self.state.roles.find(&role.name) {
                self.consumed.insert(key, consumed);
            }
        }
        if self.required_headroom.is_empty() {
            return;
        }
        let root = self.state.roles.role(ROOT);
        let mut headroom = self.state.totals.amounts().clone();
        headroom.subtract(self.state.role_sorter.total_allocation());
        headroom.subtract(&root.reservations.minus(root.offered_reserved.amounts()));
        let mut revocable = Amounts::default();
        for (_, agent) in self.state.agents.iter() {
            for resource in agent.available().iter().filter(|item| item.is_revocable()) {
                if let Some(amount) = resource.scalar() {
                    let index = self.state.names.find(resource.name());
                    revocable.add_at(index.unwrap_or_default(), amount);
                }
            }
        }
        headroom.subtract(&revocable);
        self.available_headroom = headroom;
    }

    fn serve_guarantees(&mut self, agent: AgentKey, witness: &mut impl Witness) {
        let mut roles = self
            .state
            .role_sorter
            .sort(&self.state.totals, &mut self.state.rng);
        while let Some(client) = roles.next(&self.state.role_sorter) {
            let Some(role) = self.state.role_by_client.get(&client).copied() else {
                continue;
            };
            let guarantees = self.state.roles.role(role).quota.guarantees.clone();
            if guarantees.is_empty() {
                continue;
            }
            if self.state.agent(agent).available.is_empty() {
                witness.note_agent(agent, Reason::NothingAvailable);
                return;
            }
            let mut unsatisfied = match self.consumed.get(&role) {
                Some(consumed) => guarantees.minus(consumed),
                None => guarantees,
            };
            let mut orders = Orders {
                roles,
                frameworks: self.frameworks_of(role),
            };
            while !unsatisfied.is_empty() {
                let Some(framework) = self.next_framework(role, &mut orders) else {
                    break;
                };
                let turn = Turn {
                    agent,
                    role,
                    framework,
                };
                let outcome = self.guarantee(turn, &mut unsatisfied, &mut orders);
                if let Next::Role = tell(turn, outcome, witness) {
                    break;
                }
            }
            roles = orders.roles;
        }
    }

    fn serve_rest(&mut self, agent: AgentKey, witness: &mut impl Witness) {
        let mut roles = self
            .state
            .role_sorter
            .sort(&self.state.totals, &mut self.state.rng);
        loop {
            if self.state.agent(agent).available.is_empty() {
                witness.note_agent(agent, Reason::NothingAvailable);
                return;
            }
            let Some(client) = roles.next(&self.state.role_sorter) else {
                return;
            };
            let Some(role) = self.state.role_by_client.get(&client).copied() else {
                continue;
            };
            let mut orders = Orders {
                roles,
                frameworks: self.frameworks_of(role),
            };
            while let Some(framework) = self.next_framework(role, &mut orders) {
                let turn = Turn {
                    agent,
                    role,
                    framework,
                };
                let outcome = self.share(turn, &mut orders);
                if let Next::Role = tell(turn, outcome, witness) {
                    break;
                }
            }
            roles = orders.roles;
        }
    }

    fn frameworks_of(&mut self, role: RoleKey) -> Order {
        let State {
            roles, totals, rng, ..
        } = &mut *self.state;
        match roles.role_mut(role).frameworks.as_mut() {
            Some(frameworks) => frameworks.sorter.sort(totals, rng),
            None => Order::Listed(Vec::new(), 0),
        }
    }

    fn next_framework(&self, role: RoleKey, orders: &mut Orders) -> Option<FrameworkKey> {
        let frameworks = self.state.roles.role(role).frameworks.as_ref()?;
        let client = orders.frameworks.next(&frameworks.sorter)?;
        frameworks.by_client.get(&client).copied()
    }

    /// What the framework could be offered for the role, before quota.
    fn candidate(&self, turn: Turn) -> Result<Resources, (Reason, Next)> {
        let agent = self.state.agent(turn.agent);
        let framework = self.state.framework(turn.framework);
        let role = &self.state.roles.role(turn.role).name;
        if framework.constraints.excludes(role, &agent.info) {
            return Err((Reason::Constraint, Next::Framework));
        }
        let mut available = agent.available.allocatable_to(role);
        if let Some(offered) = self.offered_shared.get(&turn.agent) {
            available -= offered;
        }
        if available.is_empty() {
            return Err((Reason::ReservedForOthers, Next::Role));
        }
        if !self.is_allocatable(&available, role, framework) {
            return Err((Reason::BelowMinimum, Next::Framework));
        }
        if self.state.options.gpu_filtering == GpuFiltering::On
            && agent.gpus == Gpus::Some
            && !framework.abilities.has(Ability::Gpu)
        {
            return Err((Reason::Gpu, Next::Framework));
        }
        if !framework.abilities.has(Ability::Region) && self.is_remote(turn.agent) {
            return Err((Reason::Region, Next::Framework));
        }
        let stripped = available.filter(|item| is_understood(item, framework));
        if stripped.is_empty() {
            return Err((Reason::NotUnderstood, Next::Framework));
        }
        Ok(stripped)
    }

    /// Stage one: guaranteed resources, and what may come with them.
    fn guarantee(
        &mut self,
        turn: Turn,
        unsatisfied: &mut Amounts,
        orders: &mut Orders,
    ) -> Result<Resources, (Reason, Next)> {
        let available = self.candidate(turn)?;
        let role_name = Arc::clone(&self.state.roles.role(turn.role).name);
        let plain = available.filter(is_plain);
        let wanted = self.state.names.quantities(unsatisfied);
        let guaranteed = self.shrink_to(&plain, &wanted);
        if guaranteed.is_empty() {
            return Err((Reason::GuaranteeMet, Next::Framework));
        }
        let guaranteed_amounts = self.state.names.sum(&guaranteed);
        let extra = self
            .bounded(&plain - &guaranteed, turn.role, &guaranteed_amounts)
            .resources;
        let mut offer = available.filter(|item| {
            !is_plain(item)
                && item
                    .reservation_role()
                    .is_none_or(|reserved| reserved == role_name.as_ref())
        });
        offer += &guaranteed;
        offer += &extra;
        self.final_check(turn, &offer)
            .map_err(|reason| (reason, Next::Framework))?;

        let mut given = guaranteed_amounts.clone();
        given.add(&self.state.names.sum(&extra));
        unsatisfied.subtract(&given);
        self.consume(turn.role, &given);
        self.required_headroom.subtract(&guaranteed_amounts);
        self.available_headroom.subtract(&given);
        Ok(self.give(turn, offer, orders))
    }

    /// Stage two: everything that limits and headroom allow.
    fn share(&mut self, turn: Turn, orders: &mut Orders) -> Result<Resources, (Reason, Next)> {
        let available = self.candidate(turn)?;
        let role = self.state.roles.role(turn.role);
        let unbounded = role.quota.is_default() && self.required_headroom.is_empty();
        if unbounded {
            self.final_check(turn, &available)
                .map_err(|reason| (reason, Next::Framework))?;
            return Ok(self.give(turn, available, orders));
        }
        let has_quota = !role.quota.is_default();
        let bounded = self.bounded(available.filter(is_plain), turn.role, &Amounts::default());
        let mut offer = available.filter(|item| !is_plain(item));
        offer += &bounded.resources;
        if let Err(reason) = self.final_check(turn, &offer) {
            return Err((bounded.cut.unwrap_or(reason), Next::Framework));
        }
        let given = self.state.names.sum(&bounded.resources);
        if has_quota {
            self.consume(turn.role, &given);
        }
        self.available_headroom.subtract(&given);
        Ok(self.give(turn, offer, orders))
    }

    /// Cuts unreserved scalars to the role's limits and to the surplus headroom.
    fn bounded(&mut self, extra: Resources, role: RoleKey, given: &Amounts) -> Bounded {
        let mut bounded = Bounded {
            resources: extra,
            cut: None,
        };
        let limits = &self.state.roles.role(role).quota.limits;
        if !limits.is_empty() {
            let mut consumed = self.consumed.get(&role).cloned().unwrap_or_default();
            consumed.add(given);
            let left = limits.left_after(&consumed).named(&self.state.names);
            let rng = &mut self.state.rng;
            let cut = shrink_to_limits(&bounded.resources, &left, &mut |items| rng.shuffle(items));
            bounded.replace(cut, Reason::QuotaLimit);
        }
        if !self.required_headroom.is_empty() && !bounded.resources.is_empty() {
            let surplus = self.available_headroom.minus(&self.required_headroom);
            let surplus = self.state.names.quantities(&surplus);
            let cut = self.shrink_to(&bounded.resources, &surplus);
            bounded.replace(cut, Reason::QuotaHeadroom);
        }
        bounded
    }

    fn shrink_to(
        &mut self,
        resources: &Resources,
        target: &mesos_common::resource_quantities::ResourceQuantities,
    ) -> Resources {
        let rng = &mut self.state.rng;
        shrink_to_quantities(resources, target, &mut |items| rng.shuffle(items))
    }

    fn consume(&mut self, role: RoleKey, given: &Amounts) {
        let mut current = role;
        while current != ROOT {
            self.consumed.entry(current).or_default().add(given);
            current = self.state.roles.role(current).parent;
        }
    }

    /// Sets resources aside and writes the offer down.
    fn give(&mut self, turn: Turn, resources: Resources, orders: &mut Orders) -> Resources {
        let Turn {
            agent,
            role,
            framework,
        } = turn;
        let role_name = Arc::clone(&self.state.roles.role(role).name);
        let framework_id = self.state.framework(framework).id.clone();
        if !self.state.agent(agent).shared.is_empty() {
            *self.offered_shared.entry(agent).or_default() += &resources.shared();
        }
        let everything = resources.is_same(&self.state.agent(agent).available);
        let mut offer = resources;
        offer.allocate(&role_name);

        let entry = self.state.agent_mut(agent);
        let agent_id = entry.id.clone();
        if everything {
            entry.take_all(&framework_id, &offer);
        } else {
            entry.take(&framework_id, &offer);
        }
        let is_last = entry.available.is_empty();
        self.state.framework_mut(framework).agents.insert(agent);
        self.track(turn, &offer, (!is_last).then_some(orders));
        self.write_down(
            turn,
            Offer {
                role: role_name,
                agent_id,
                resources: offer.clone(),
            },
        );
        offer
    }

    /// Counts the offer in the roles and the sorters.
    ///
    /// The orders that are still read are read to their ends before the sorters change.
    fn track(&mut self, turn: Turn, offer: &Resources, orders: Option<&mut Orders>) {
        let State {
            names,
            roles,
            role_sorter,
            totals,
            frameworks,
            ..
        } = &mut *self.state;
        let weighed = Weighed::new(names, offer);
        roles.track_offered(names, turn.role, turn.agent, &weighed);
        let Some(entry) = roles.role_mut(turn.role).frameworks.as_mut() else {
            return;
        };
        if let Some(orders) = orders {
            orders.roles.freeze(role_sorter);
            orders.frameworks.freeze(&entry.sorter);
        }
        let mut context = SortContext { names, totals };
        let path = frameworks
            .get(turn.framework)
            .map(|framework| &framework.path);
        if let Some(client) = path.and_then(|path| entry.sorter.client(path)) {
            entry
                .sorter
                .allocated(&mut context, client, turn.agent, &weighed);
        }
        role_sorter.allocated(&mut context, entry.role_client, turn.agent, &weighed);
    }

    fn write_down(&mut self, turn: Turn, offer: Offer) {
        let key = (turn.framework, turn.agent, turn.role);
        let offers = self.offers.entry(turn.framework).or_insert_with(|| {
            self.served.push(turn.framework);
            Vec::new()
        });
        if self.has_guarantees {
            if let Some(first) = self
                .first_stage
                .get(&key)
                .and_then(|index| offers.get_mut(*index))
            {
                first.resources += &offer.resources;
                return;
            }
            self.first_stage.insert(key, offers.len());
        }
        offers.push(offer);
    }

    fn finish(mut self) -> Vec<Command> {
        let mut commands = Vec::with_capacity(self.served.len());
        for key in &self.served {
            let Some(offers) = self.offers.remove(key) else {
                continue;
            };
            let framework_id = self.state.framework(*key).id.clone();
            commands.push(Command::Offers {
                framework_id,
                offers,
            });
        }
        commands
    }

    fn is_remote(&self, agent: AgentKey) -> bool {
        let agent = self.state.agent(agent);
        let Some(own) = &self.state.options.domain else {
            return false;
        };
        if agent.info.domain.is_none() || agent.info.domain().fault_domain.is_none() {
            return false;
        }
        agent.info.domain().fault_domain().region().name() != own.fault_domain().region().name()
    }

    fn is_allocatable(&self, resources: &Resources, role: &str, framework: &Framework) -> bool {
        if resources.is_empty() {
            return false;
        }
        let own = framework.min_allocatable.get(role);
        let minimum = own.unwrap_or(&self.state.options.min_allocatable_resources);
        minimum.is_empty() || minimum.iter().any(|set| resources.contains_quantities(set))
    }

    /// Whether the offer as it would be made is large enough and was not refused before.
    fn final_check(&self, turn: Turn, offer: &Resources) -> Result<(), Reason> {
        let agent = self.state.agent(turn.agent);
        let framework = self.state.framework(turn.framework);
        let role = &self.state.roles.role(turn.role).name;
        if !self.is_allocatable(offer, role, framework) {
            return Err(Reason::BelowMinimum);
        }
        if framework.abilities.has(Ability::MultiRole) && !agent.abilities.multi_role {
            return Err(Reason::AgentNotMultiRole);
        }
        if !agent.abilities.hierarchical_role && role.contains('/') {
            return Err(Reason::AgentNotHierarchical);
        }
        let filters = framework
            .offer_filters
            .get(role)
            .and_then(|by_agent| by_agent.get(&turn.agent));
        let filters = filters.map_or(&[][..], Vec::as_slice);
        match filters.iter().find(|filter| filter.refused.contains(offer)) {
            Some(filter) => Err(Reason::Filtered {
                left: filter.until.saturating_sub(self.state.now),
            }),
            None => Ok(()),
        }
    }
}

/// Tells the witness how a turn ended, and what comes next.
fn tell(
    turn: Turn,
    outcome: Result<Resources, (Reason, Next)>,
    witness: &mut impl Witness,
) -> Next {
    match outcome {
        Ok(offer) => {
            witness.note(turn.agent, turn.role, turn.framework, || {
                Reason::Offered(offer)
            });
            Next::Framework
        }
        Err((reason, next)) => {
            witness.note(turn.agent, turn.role, turn.framework, || reason);
            next
        }
    }
}

/// Scalars after a cut, and what cut them.
struct Bounded {
    resources: Resources,
    cut: Option<Reason>,
}

impl Bounded {
    fn replace(&mut self, resources: Resources, reason: Reason) {
        if resources != self.resources {
            self.cut = Some(reason);
            self.resources = resources;
        }
    }
}

/// Whether quota applies to it: an unreserved, non-revocable scalar.
fn is_plain(item: &Resource) -> bool {
    item.scalar().is_some() && !item.is_reserved() && !item.is_revocable()
}

fn is_understood(item: &Resource, framework: &Framework) -> bool {
    (!item.is_shared() || framework.abilities.has(Ability::Shared))
        && (!item.is_revocable() || framework.abilities.has(Ability::Revocable))
        && (!item.has_refined_reservations() || framework.abilities.has(Ability::Refinement))
}
