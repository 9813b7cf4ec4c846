//! Clusters of any size around the plain state, and one around the actor.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use libprocess::Runtime;
use mesos_allocator::{
    Activity, AllocatorHandle, AllocatorObserver, AllocatorOptions, Command, Event,
    FrameworkOptions, InverseOffer, NewAgent, Offer, Ownership, Quota, State,
};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_common::resource_quantities::{ResourceLimits, ResourceQuantities};
use mesos_common::resources::Resources;
use mesos_proto::v1;

/// How large a cluster is.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) agents: usize,
    pub(crate) frameworks: usize,
    pub(crate) roles: usize,
}

pub(crate) struct Cluster {
    state: State,
    shape: Shape,
}

type Offers = Vec<(FrameworkId, Offer)>;

impl Cluster {
    pub(crate) fn new(shape: Shape) -> Self {
        let mut state = State::new(AllocatorOptions::default());
        let now = Duration::ZERO;
        state.apply(Event::Pause, now);
        for number in 0..shape.frameworks {
            state.apply(framework(number, shape.roles), now);
        }
        let total = resources();
        for number in 0..shape.agents {
            state.apply(Event::AddAgent(agent(number, &total)), now);
        }
        state.apply(Event::Resume, now);
        Self { state, shape }
    }

    /// One run over all agents.
    pub(crate) fn run(&mut self) -> Offers {
        self.state.apply(Event::Tick, Duration::ZERO);
        let commands = self.state.apply(Event::Run, Duration::ZERO);
        let mut all = Vec::with_capacity(self.shape.agents);
        for command in commands {
            if let Command::Offers {
                framework_id,
                offers,
            } = command
            {
                all.extend(
                    offers
                        .into_iter()
                        .map(|offer| (framework_id.clone(), offer)),
                );
            }
        }
        all
    }

    /// Gives all offers back without filters.
    pub(crate) fn decline(&mut self, offers: Offers) {
        for (framework, offer) in offers {
            let event = Event::RecoverResources {
                framework,
                agent: offer.agent_id,
                resources: offer.resources,
                filters: Some(v1::Filters {
                    refuse_seconds: Some(0.0),
                    ..Default::default()
                }),
                ownership: Ownership::Offered,
            };
            self.state.apply(event, Duration::ZERO);
        }
    }

    /// Gives every second role a guarantee and a limit.
    pub(crate) fn set_quotas(&mut self) {
        let parse = |text: &str| ResourceQuantities::parse(text).unwrap_or_default();
        let quota = Quota {
            guarantees: parse("cpus:1000;mem:100000"),
            limits: ResourceLimits::parse("cpus:10000;mem:1000000").unwrap_or_default(),
        };
        for number in (0..self.shape.roles).step_by(2) {
            let event = Event::UpdateQuota {
                role: role(number),
                quota: quota.clone(),
            };
            self.state.apply(event, Duration::ZERO);
        }
    }

    /// Changes one agent's resources and runs over it.
    pub(crate) fn grow_agent(&mut self, number: usize) {
        let extra = Resources::parse("cpus:1").unwrap_or_default();
        let event = Event::UpdateAgent {
            id: agent_id(number),
            info: Arc::new(agent_info(number)),
            total: Some(&resources() + &extra),
            capabilities: None,
        };
        self.state.apply(event, Duration::ZERO);
        self.state.apply(Event::Run, Duration::ZERO);
    }
}

fn resources() -> Resources {
    Resources::parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]").unwrap_or_default()
}

fn role(number: usize) -> String {
    format!("role{number}")
}

fn agent_id(number: usize) -> AgentId {
    AgentId::new(format!("9f3f1c2e-5a3b-4c47-9d0e-1f2a3b4c5d6e-S{number}"))
}

fn framework_id(number: usize) -> FrameworkId {
    FrameworkId::new(format!("9f3f1c2e-5a3b-4c47-9d0e-1f2a3b4c5d6e-{number:04}"))
}

fn framework(number: usize, roles: usize) -> Event {
    use v1::framework_info::capability::Type;
    let capability = v1::framework_info::Capability {
        r#type: Some(Type::MultiRole.into()),
        ..Default::default()
    };
    let info = v1::FrameworkInfo {
        name: Some(format!("framework{number}")),
        roles: vec![role(number % roles)],
        capabilities: vec![capability],
        ..Default::default()
    };
    Event::AddFramework {
        id: framework_id(number),
        info: Arc::new(info),
        used: BTreeMap::new(),
        activity: Activity::Active,
        options: FrameworkOptions::default(),
    }
}

fn agent_info(number: usize) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: Some(format!("host{number}")),
        ..Default::default()
    }
}

fn agent(number: usize, total: &Resources) -> NewAgent {
    use v1::agent_info::capability::Type;
    let capabilities = [Type::MultiRole, Type::HierarchicalRole];
    NewAgent {
        id: agent_id(number),
        info: Arc::new(agent_info(number)),
        capabilities: capabilities
            .map(|kind| v1::agent_info::Capability {
                r#type: Some(kind.into()),
                ..Default::default()
            })
            .to_vec(),
        unavailability: None,
        total: total.clone(),
        used: BTreeMap::new(),
    }
}

struct Counter(Sender<usize>);

impl AllocatorObserver for Counter {
    fn offers(&self, _: FrameworkId, offers: Vec<Offer>) {
        let _ = self.0.send(offers.len());
    }

    fn inverse_offers(&self, _: FrameworkId, _: Vec<InverseOffer>) {}
}

/// The time from the first agent's arrival until the last one is offered, through the actor.
pub(crate) fn add_through_actor(shape: Shape) -> Duration {
    let Ok(runtime) = Runtime::builder().ip([127, 0, 0, 1].into()).start() else {
        return Duration::MAX;
    };
    let allocator = AllocatorHandle::start(&runtime);
    let (sender, counts) = channel();
    allocator.initialize(AllocatorOptions::default(), Counter(sender));
    for number in 0..shape.frameworks {
        if let Event::AddFramework {
            id,
            info,
            used,
            activity,
            options,
        } = framework(number, shape.roles)
        {
            allocator.add_framework(id, info, used, activity, options);
        }
    }
    let total = resources();
    let agents: Vec<NewAgent> = (0..shape.agents)
        .map(|number| agent(number, &total))
        .collect();
    let start = super::now();
    for agent in agents {
        allocator.add_agent(agent);
    }
    let mut offered = 0;
    while offered < shape.agents {
        let Ok(count) = counts.recv_timeout(Duration::from_secs(60)) else {
            return Duration::MAX;
        };
        offered += count;
    }
    let took = start.elapsed();
    runtime.shutdown();
    took
}

/// The memory that this program has now.
pub(crate) fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|line| line.split(' ').nth(1)?.parse::<usize>().ok());
    resident.unwrap_or(0) * 4096
}
