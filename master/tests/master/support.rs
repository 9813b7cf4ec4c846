//! A master in a runtime with virtual time, and peers that speak the real wire.

use std::time::Duration;

use libprocess::testing::{Held, Pattern};
use libprocess::{Clock, Runtime};
use mesos_common::resources::Resources;
use mesos_detector::StandaloneContender;
use mesos_master::authentication::{READONLY_REALM, READWRITE_REALM};
use mesos_master::flags::Flags;
use mesos_master::start::start_with;
use mesos_master::surroundings::Surroundings;
use mesos_master::{MasterHandle, StartError};
use mesos_proto::internal::{AgentRegisteredMessage, RegisterAgentMessage, RunTaskMessage};
use mesos_proto::v1;
use mesos_proto_codec::WireMessage;
use mesos_state::{InMemoryStorage, State};
use serde_json::Value;

pub(crate) mod api;
mod credentials;
mod driver;
mod http;
mod infos;
pub(crate) mod operations;
pub(crate) mod operator;
mod peers;
mod scheduler;

pub(crate) use credentials::{ALICE, BOB, MALLORY, credentials, ruled, rules};
pub(crate) use driver::Driver;
pub(crate) use http::{Answer, Connection};
pub(crate) use infos::{
    agent_capabilities, agent_info, executor_task, framework, from_json, launch, mine, sharing,
    task, task_with, unaware, uuid_message,
};
pub(crate) use peers::{Agent, Peer, provider};
pub(crate) use scheduler::{Scheduler, refusing};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running master, and those that ran before it with the same registry.
pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) master: MasterHandle,
    registry: InMemoryStorage,
    /// Peers of former masters still live there, and so does the registry.
    former: Vec<Runtime>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.master.shutdown();
        self.runtime.shutdown();
        for runtime in &self.former {
            runtime.shutdown();
        }
    }
}

fn start_runtime(clock: Clock) -> Runtime {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .delegate("master")
        .grpc(mesos_master::grpc::services())
        .realms(READONLY_REALM, READWRITE_REALM)
        .clock(clock)
        .start()
        .expect("a free port")
}

fn start_master(
    runtime: &Runtime,
    registry: &InMemoryStorage,
    change: impl FnOnce(&mut Flags),
) -> Result<MasterHandle, StartError> {
    let mut flags = Flags {
        registry: "in_memory".to_owned(),
        ..Flags::default()
    };
    change(&mut flags);
    let surroundings = Surroundings {
        state: State::new(registry.clone()),
        contender: Box::new(StandaloneContender::default()),
        detector: None,
        broken: None,
    };
    let master = start_with(runtime, flags, surroundings)?;
    runtime.clock().settle();
    Ok(master)
}

impl Stage {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Flags)) -> Self {
        let runtime = start_runtime(Clock::paused());
        let registry = InMemoryStorage::start(&runtime);
        let master = start_master(&runtime, &registry, change).expect("a master");
        Self {
            runtime,
            master,
            registry,
            former: Vec::new(),
        }
    }

    /// What keeps a master from starting.
    pub(crate) fn refused(change: impl FnOnce(&mut Flags)) -> String {
        let runtime = start_runtime(Clock::paused());
        let registry = InMemoryStorage::start(&runtime);
        let refused = start_master(&runtime, &registry, change);
        runtime.shutdown();
        refused.expect_err("flags that cannot be").to_string()
    }

    /// The master dies; another one, elsewhere, reads its registry. Peers live on.
    pub(crate) fn fail_over(&mut self, change: impl FnOnce(&mut Flags)) {
        self.master.shutdown();
        self.settle();
        let runtime = start_runtime(self.runtime.clock().clone());
        self.master = start_master(&runtime, &self.registry, change).expect("a master");
        self.former
            .push(std::mem::replace(&mut self.runtime, runtime));
        self.settle();
    }

    pub(crate) fn settle(&self) {
        self.runtime.clock().settle();
    }

    /// Lets time pass for all timers that were set by now.
    pub(crate) fn advance(&self, time: Duration) {
        self.settle();
        self.runtime.clock().advance(time);
        self.settle();
    }

    /// Waits for what comes of a connection: no clock counts what is on its way there.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let clock = Clock::real();
        let end = clock.now() + PATIENCE;
        while !is_so() {
            assert!(clock.now() < end, "{what} did not happen");
            self.get("/version");
            self.settle();
        }
    }

    /// Lets so much time pass that an agent which answers no ping is unreachable.
    pub(crate) fn lose_agents(&self) {
        for _ in 0..6 {
            self.advance(Duration::from_secs(15));
        }
    }

    pub(crate) fn send<M: WireMessage>(&self, from: &Peer, message: &M) {
        from.send(self.master.upid(), message);
    }

    pub(crate) fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut connection = Connection::open(&self.runtime);
        connection.request(method, path, headers, body);
        connection.answer()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.http("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// A request by somebody who proves who he is, such as [`ALICE`].
    pub(crate) fn http_as(
        &self,
        who: (&str, &str),
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Answer {
        let headers = [who, ("Content-Type", "application/json")];
        self.http(method, path, &headers, body)
    }

    /// An operator call in JSON.
    pub(crate) fn call(&self, json: &str) -> Answer {
        self.http(
            "POST",
            "/api/v1",
            &[("Content-Type", "application/json")],
            json.as_bytes(),
        )
    }

    pub(crate) fn metric(&self, key: &str) -> f64 {
        self.find_metric(key).expect("the metric")
    }

    pub(crate) fn find_metric(&self, key: &str) -> Option<f64> {
        self.settle();
        let snapshot = self.runtime.metrics().snapshot(None);
        let values = self.runtime.block_on(snapshot).ready().expect("metrics");
        values.get(key).copied()
    }

    #[track_caller]
    pub(crate) fn counts(&self, name: &str, expected: f64) {
        let counted = self.metric(&format!("master/{name}"));
        assert!((counted - expected).abs() < 1e-9, "{name}: {counted}");
    }

    /// What is counted of a framework whose name is `test`.
    #[track_caller]
    pub(crate) fn counts_of(&self, id: &v1::FrameworkId, name: &str, expected: f64) {
        self.counts(&format!("frameworks/test/{}/{name}", id.value()), expected);
    }

    /// Keeps back what is read and written of the registry until it is released.
    pub(crate) fn hold_registry(&self) -> Held {
        let home = self.former.first().unwrap_or(&self.runtime);
        let storage = home.upid("in-memory-storage(1)");
        home.hold(Pattern::dispatch().to(&storage))
    }

    /// Registers an agent with these resources.
    pub(crate) fn agent(&self, resources: &str) -> Agent {
        self.agent_of(agent_info(resources))
    }

    /// Registers an agent on a host of this name.
    pub(crate) fn agent_at(&self, hostname: &str, resources: &str) -> Agent {
        let mut info = agent_info(resources);
        info.hostname = Some(hostname.to_owned());
        self.agent_of(info)
    }

    /// Registers an agent.
    pub(crate) fn agent_of(&self, info: v1::AgentInfo) -> Agent {
        self.agent_that_can(info, agent_capabilities())
    }

    /// Registers an agent with these capabilities.
    pub(crate) fn agent_that_can(
        &self,
        info: v1::AgentInfo,
        capabilities: Vec<v1::agent_info::Capability>,
    ) -> Agent {
        let peer = Peer::start(&self.runtime, "slave");
        let message = RegisterAgentMessage {
            agent: Some(info.clone().into()),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: capabilities,
            resource_version_uuid: Some(uuid_message(1)),
            ..Default::default()
        };
        self.send(&peer, &message);
        let registered: AgentRegisteredMessage = peer.expect();
        let mut info = info;
        info.id = registered.agent_id.clone();
        Agent {
            id: registered.agent_id().value().to_owned(),
            info,
            peer,
        }
    }

    /// Subscribes a framework on HTTP.
    pub(crate) fn subscribe(&self, info: v1::FrameworkInfo) -> Scheduler {
        Scheduler::subscribe(self, info)
    }
}

/// Launches one task on the first offer; returns what the agent was told.
pub(crate) fn run_one(
    scheduler: &mut Scheduler,
    agent: &Agent,
    id: &str,
    resources: &str,
) -> RunTaskMessage {
    let offers = scheduler.offers();
    let offer = offers.first().expect("an offer");
    scheduler.accept(offer, vec![launch(vec![task(id, offer, resources)])]);
    agent.peer.expect()
}

/// The processors and the memory of all these offers.
pub(crate) fn amounts(offers: &[v1::Offer]) -> (f64, f64) {
    let sum = |name: &str| {
        let resources = offers.iter().flat_map(|offer| &offer.resources);
        let named = resources.filter(|resource| resource.name() == name);
        named.map(|resource| resource.scalar().value()).sum()
    };
    (sum("cpus"), sum("mem"))
}

/// Resources of these offers, as if they were nobody's yet.
pub(crate) fn offered(offers: &[v1::Offer]) -> Resources {
    let mut all = Resources::default();
    for offer in offers {
        all += &Resources::from_proto(&offer.resources);
    }
    all.unallocate();
    all
}

/// A part of a document; `null` when it is not there.
pub(crate) fn at(document: &Value, pointer: &str) -> Value {
    document.pointer(pointer).cloned().unwrap_or_default()
}
