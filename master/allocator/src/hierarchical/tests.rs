//! A cluster in miniature: the plain state with a clock and a list of timers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resource::{
    Disk, DiskRoot, DiskSource, DiskSourceKind, Persistence, Reservation, ReservationKind, Resource,
};
use mesos_common::resource_quantities::{ResourceLimits, ResourceQuantities};
use mesos_common::resources::{ResourceConversion, Resources};
use mesos_proto::v1;
use mesos_proto::v1::framework_info::capability::Type as Capability;

use super::state::State;
use crate::allocator::AllocatorOptions;
use crate::event::{
    Activity, Command, Event, FrameworkOptions, InverseOffer, NewAgent, Offer, Ownership, Quota,
    Recorded,
};

mod actor;
mod capabilities;
mod fairness;
mod filters;
mod holdings;
mod maintenance;
mod properties;
mod quota;
mod quota_reservations;
mod recovery;
mod scale;

const INTERVAL: Duration = Duration::from_secs(1);

/// Offers as text: who got what, as which role, from which agent.
type Offered = Vec<(String, String, String, Resources)>;

struct Cluster {
    state: State,
    now: Duration,
    timers: Vec<(Duration, Event)>,
    next_tick: Option<Duration>,
    events: Vec<Recorded>,
    offers: Vec<(FrameworkId, Offer)>,
    inverse_offers: Vec<(FrameworkId, InverseOffer)>,
    runs: usize,
}

impl Cluster {
    fn new() -> Self {
        Self::with(AllocatorOptions::default())
    }

    fn with(options: AllocatorOptions) -> Self {
        Self {
            state: State::new(options),
            now: Duration::from_secs(1000),
            timers: Vec::new(),
            next_tick: None,
            events: Vec::new(),
            offers: Vec::new(),
            inverse_offers: Vec::new(),
            runs: 0,
        }
    }

    /// Applies an event, and the run that it asks for.
    fn apply(&mut self, event: Event) {
        self.queue(event);
        self.settle();
    }

    /// Applies an event and leaves the run queued.
    fn queue(&mut self, event: Event) {
        self.events.push(Recorded {
            at: self.now,
            event: event.clone(),
        });
        let commands = self.state.apply(event, self.now);
        for command in commands {
            self.perform(command);
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Offers {
                framework_id,
                offers,
            } => {
                self.offers.extend(
                    offers
                        .into_iter()
                        .map(|offer| (framework_id.clone(), offer)),
                );
            }
            Command::InverseOffers {
                framework_id,
                offers,
            } => {
                self.inverse_offers.extend(
                    offers
                        .into_iter()
                        .map(|offer| (framework_id.clone(), offer)),
                );
            }
            Command::QueueRun => {}
            Command::RunEnded => self.runs += 1,
            Command::ExpireOfferFilter { ticket, after } => {
                self.timers
                    .push((self.now + after, Event::ExpireOfferFilter(ticket)));
            }
            Command::ExpireInverseFilter { ticket, after } => {
                self.timers
                    .push((self.now + after, Event::ExpireInverseFilter(ticket)));
            }
            Command::StartRecoveryTimer { after } => {
                self.timers
                    .push((self.now + after, Event::RecoveryTimedOut));
            }
        }
    }

    fn settle(&mut self) {
        if self.state.is_run_queued() {
            self.queue(Event::Run);
        }
    }

    /// Lets time pass; a periodic run is due every interval, before filters that end with it.
    fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        let mut tick = self.next_tick.unwrap_or(self.now + INTERVAL);
        loop {
            let timer = self
                .timers
                .iter()
                .map(|(due, _)| *due)
                .min()
                .unwrap_or(Duration::MAX);
            if tick.min(timer) > end {
                break;
            }
            if tick <= timer {
                self.now = tick;
                self.apply(Event::Tick);
                tick += INTERVAL;
            } else {
                self.now = timer;
                let index = self.timers.iter().position(|(due, _)| *due == timer);
                let (_, event) = self.timers.remove(index.expect("a timer"));
                self.apply(event);
            }
        }
        self.now = end;
        self.next_tick = Some(tick);
    }

    fn tick(&mut self) {
        self.advance(INTERVAL);
    }

    fn add_agent(&mut self, name: &str, resources: &str) {
        self.add_agent_with(name, &parse(resources), &[]);
    }

    fn add_agent_with(&mut self, name: &str, total: &Resources, used: &[(&str, &Resources)]) {
        self.apply(Event::AddAgent(new_agent(name, total, used)));
    }

    fn add(&mut self, name: &str, roles: &[&str]) {
        self.add_framework(name, roles, &[]);
    }

    fn add_framework(&mut self, name: &str, roles: &[&str], capabilities: &[Capability]) {
        self.apply(add_framework(name, roles, capabilities, Activity::Active));
    }

    fn recover(&mut self, framework: &str, agent: &str, resources: &Resources) {
        self.recover_with(framework, agent, resources, None);
    }

    fn decline(&mut self, framework: &str, agent: &str, resources: &Resources, seconds: f64) {
        self.recover_with(framework, agent, resources, Some(seconds));
    }

    fn recover_with(
        &mut self,
        framework: &str,
        agent: &str,
        resources: &Resources,
        seconds: Option<f64>,
    ) {
        self.apply(Event::RecoverResources {
            framework: id(framework),
            agent: agent_id(agent),
            resources: resources.clone(),
            filters: seconds.map(filters_of),
            ownership: Ownership::Offered,
        });
    }

    fn update_allocation(
        &mut self,
        framework: &str,
        agent: &str,
        offered: &Resources,
        conversions: Vec<ResourceConversion>,
    ) {
        self.apply(Event::UpdateAllocation {
            framework: id(framework),
            agent: agent_id(agent),
            offered: offered.clone(),
            conversions,
        });
    }

    fn set_quota(&mut self, role: &str, guarantees: &str, limits: &str) {
        self.apply(Event::UpdateQuota {
            role: role.to_owned(),
            quota: quota(guarantees, limits),
        });
    }

    /// A quota whose limits are its guarantees.
    fn set_both(&mut self, role: &str, amounts: &str) {
        self.set_quota(role, amounts, amounts);
    }

    /// Takes the offers since the last call.
    fn take(&mut self) -> Offered {
        let mut offers: Offered = std::mem::take(&mut self.offers)
            .into_iter()
            .map(|(framework, offer)| {
                let mut resources = offer.resources;
                assert!(
                    resources
                        .iter()
                        .all(|item| item.allocation_role() == Some(&offer.role)),
                    "an offer is allocated to its role"
                );
                resources.unallocate();
                (
                    framework.to_string(),
                    offer.role.to_string(),
                    offer.agent_id.to_string(),
                    resources,
                )
            })
            .collect();
        offers.sort_by(|left, right| {
            (&left.0, &left.1, &left.2).cmp(&(&right.0, &right.1, &right.2))
        });
        offers
    }

    #[track_caller]
    fn assert_offers(&mut self, expected: &[(&str, &str, &str, &str)]) {
        let parsed: Vec<_> = expected
            .iter()
            .map(|(f, r, a, text)| (*f, *r, *a, parse(text)))
            .collect();
        let borrowed: Vec<_> = parsed
            .iter()
            .map(|(f, r, a, resources)| (*f, *r, *a, resources))
            .collect();
        self.assert_offered(&borrowed);
    }

    #[track_caller]
    fn assert_offered(&mut self, expected: &[(&str, &str, &str, &Resources)]) {
        let expected: Offered = expected
            .iter()
            .map(|(framework, role, agent, resources)| {
                (
                    (*framework).to_owned(),
                    (*role).to_owned(),
                    (*agent).to_owned(),
                    (*resources).clone(),
                )
            })
            .collect();
        let actual = self.take();
        assert_eq!(show(&actual), show(&expected));
        assert_eq!(actual, expected);
    }

    #[track_caller]
    fn assert_none(&mut self) {
        self.assert_offered(&[]);
    }
}

fn show(offers: &Offered) -> Vec<String> {
    offers
        .iter()
        .map(|(f, r, a, _)| format!("{f} as {r} on {a}"))
        .collect()
}

fn parse(text: &str) -> Resources {
    Resources::parse(text).expect("resources")
}

fn one(text: &str) -> Resource {
    parse(text).iter().next().expect("a resource").clone()
}

fn allocated(resources: &Resources, role: &str) -> Resources {
    let mut resources = resources.clone();
    resources.allocate(&role.into());
    resources
}

fn id(name: &str) -> FrameworkId {
    FrameworkId::new(name)
}

fn agent_id(name: &str) -> AgentId {
    AgentId::new(name)
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn filters_of(seconds: f64) -> v1::Filters {
    v1::Filters {
        refuse_seconds: Some(seconds),
        ..Default::default()
    }
}

fn quota(guarantees: &str, limits: &str) -> Quota {
    Quota {
        guarantees: ResourceQuantities::parse(guarantees).expect("guarantees"),
        limits: ResourceLimits::parse(limits).expect("limits"),
    }
}

fn framework_info(name: &str, roles: &[&str], capabilities: &[Capability]) -> v1::FrameworkInfo {
    let all = capabilities.iter().chain([&Capability::MultiRole]);
    v1::FrameworkInfo {
        user: Some("user".to_owned()),
        name: Some(name.to_owned()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        capabilities: all
            .map(|kind| v1::framework_info::Capability {
                r#type: Some((*kind).into()),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

fn add_framework(
    name: &str,
    roles: &[&str],
    capabilities: &[Capability],
    activity: Activity,
) -> Event {
    Event::AddFramework {
        id: id(name),
        info: Arc::new(framework_info(name, roles, capabilities)),
        used: BTreeMap::new(),
        activity,
        options: FrameworkOptions::default(),
    }
}

fn agent_capabilities() -> Vec<v1::agent_info::Capability> {
    use v1::agent_info::capability::Type;
    [
        Type::MultiRole,
        Type::HierarchicalRole,
        Type::ReservationRefinement,
    ]
    .into_iter()
    .map(|kind| v1::agent_info::Capability {
        r#type: Some(kind.into()),
        ..Default::default()
    })
    .collect()
}

fn agent_info(name: &str) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: Some(name.to_owned()),
        ..Default::default()
    }
}

fn new_agent(name: &str, total: &Resources, used: &[(&str, &Resources)]) -> NewAgent {
    NewAgent {
        id: agent_id(name),
        info: Arc::new(agent_info(name)),
        capabilities: agent_capabilities(),
        unavailability: None,
        total: total.clone(),
        used: used
            .iter()
            .map(|(name, resources)| (id(name), (*resources).clone()))
            .collect(),
    }
}

fn dynamic(role: &str) -> Reservation {
    Reservation {
        kind: ReservationKind::Dynamic,
        role: role.into(),
        principal: Some("ops".to_owned()),
        labels: None,
    }
}

fn fixed(role: &str) -> Reservation {
    Reservation {
        kind: ReservationKind::Static,
        role: role.into(),
        principal: None,
        labels: None,
    }
}

fn mount_disk(size: &str) -> Resources {
    let source = DiskSource {
        kind: DiskSourceKind::Mount,
        path: None,
        mount: Some(DiskRoot(Some("mnt".to_owned()))),
        vendor: None,
        id: None,
        metadata: None,
        profile: None,
    };
    let disk = Disk {
        source: Some(source),
        persistence: None,
        volume: None,
    };
    one(&format!("disk:{size}")).with_disk(Some(disk)).into()
}

fn persistent(plain: &Resource, id: &str) -> Resource {
    let persistence = Some(Persistence {
        id: id.to_owned(),
        principal: None,
    });
    plain.with_disk(Some(Disk {
        source: None,
        persistence,
        volume: None,
    }))
}

/// The conversion that makes a volume of a part of the disk.
fn creation(volume: &Resource) -> ResourceConversion {
    ResourceConversion::new(volume.without_persistence().into(), volume.clone().into())
}

fn revocable(text: &str) -> Resources {
    parse(text)
        .iter()
        .map(|item| item.clone().into_revocable())
        .collect()
}
