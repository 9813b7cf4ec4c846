//! A framework, a task that takes all an agent has, and the agent that goes away.

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::{PATIENCE, Stopwatch, eventually};
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::get_json;
use mesos_integration::leftovers::{self, Process};
use serde_json::{Value, json};

/// Executors have more time to come back than they need on any machine.
pub(crate) const PATIENT: &str = "--executor_reregistration_timeout=15secs";

/// A cluster with one agent, and one framework on it.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) scheduler: FakeScheduler,
    /// What the framework was offered at first: all of the agent.
    pub(crate) offer: Value,
}

impl Scene {
    /// Starts a master, an agent, and a framework that survives its agents.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// The same with flags of the master and of the agent.
    pub(crate) fn start_with(master: &[&str], agent: &[&str]) -> Self {
        Self::start_as(master, agent, &framework())
    }

    /// The same for a framework of a certain description.
    pub(crate) fn start_as(master: &[&str], agent: &[&str], info: &Value) -> Self {
        let cluster = Cluster::start_with(master).expect("the master starts");
        Self::start_in(cluster, agent, info)
    }

    /// The same in a cluster that has no agent yet.
    pub(crate) fn start_in(mut cluster: Cluster, agent: &[&str], info: &Value) -> Self {
        let mut flags = vec!["--registration_backoff_factor=100ms"];
        flags.extend(agent);
        if !flags.iter().any(|flag| flag.starts_with("--resources=")) {
            flags.push("--resources=cpus:4;mem:1024;disk:1024;ports:[31000-32000]");
        }
        cluster.add_agent_with(&flags).expect("the agent registers");
        let mut scheduler =
            FakeScheduler::subscribe_as(cluster.master.address, info).expect("it subscribes");
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        Self {
            cluster,
            scheduler,
            offer,
        }
    }

    /// A scene with a task `t` that runs and takes all there is.
    pub(crate) fn running() -> Self {
        let mut scene = Self::start();
        scene.run_on_all();
        scene
    }

    /// Runs the task `t` on everything that was offered.
    pub(crate) fn run_on_all(&mut self) {
        let task = whole_task("t", &self.offer);
        self.scheduler
            .launch(&self.offer, &[task])
            .expect("the launch is accepted");
        self.wait_for("TASK_RUNNING");
    }

    /// Waits until the task `t` has a state; what is repeated on the way is acknowledged.
    pub(crate) fn wait_for(&mut self, state: &str) -> Value {
        let update = self.scheduler.wait_for_state("t", state);
        update.unwrap_or_else(|error| panic!("{state}: {error}\n{}", self.cluster.logs()))
    }

    /// Kills the agent with SIGKILL.
    pub(crate) fn lose_agent(&mut self) {
        self.cluster.agents[0].kill().expect("the agent is killed");
    }

    /// Starts the agent again and waits until the master knows it again.
    pub(crate) fn bring_back(&mut self) {
        self.bring_back_with(&[PATIENT]);
    }

    /// The same with other flags.
    pub(crate) fn bring_back_with(&mut self, flags: &[&str]) {
        self.cluster
            .restart_agent_with(0, flags)
            .expect("the agent starts again");
        self.await_registration(0);
    }

    /// Waits until an agent counts itself as registered.
    pub(crate) fn await_registration(&self, index: usize) {
        let address = self.cluster.agents[index].address;
        self.eventually("registration", || {
            let metrics = get_json(address, "/metrics/snapshot").ok()?;
            (metrics["slave/registered"].as_f64() == Some(1.0)).then_some(())
        });
    }

    /// Waits for what another process does.
    #[track_caller]
    pub(crate) fn eventually<T>(&self, what: &str, probe: impl FnMut() -> Option<T>) -> T {
        eventually(what, probe).unwrap_or_else(|error| panic!("{error}\n{}", self.cluster.logs()))
    }

    /// The master's metrics.
    pub(crate) fn metrics(&self) -> Value {
        get_json(self.cluster.master.address, "/metrics/snapshot").expect("metrics")
    }

    /// The processes of tasks and executors.
    pub(crate) fn workers(&self) -> Vec<Process> {
        let mut found = leftovers::processes(self.cluster.mark(), self.cluster.folder());
        found.retain(|process| {
            !process.command.contains("mesos master") && !process.command.contains("mesos agent")
        });
        found
    }

    /// Waits until no executor and no task is left.
    pub(crate) fn await_no_workers(&self) {
        self.eventually("the end of tasks and executors", || {
            self.workers().is_empty().then_some(())
        });
    }

    /// Declines offers until one has certain resources.
    pub(crate) fn wait_for_offer_of(&mut self, resources: &[String]) -> Value {
        let watch = Stopwatch::start();
        loop {
            let offer = self.scheduler.wait_for_offer().expect("an offer comes");
            if amounts(&offer) == resources {
                return offer;
            }
            assert!(
                watch.elapsed() < PATIENCE,
                "{resources:?} did not come, but {:?}",
                amounts(&offer)
            );
            self.scheduler.decline(&offer, 0.0).expect("it is declined");
        }
    }

    /// Waits until everything that was offered at first is offered again.
    pub(crate) fn wait_for_the_same_offer(&mut self) {
        let wanted = amounts(&self.offer);
        self.wait_for_offer_of(&wanted);
    }

    /// The id of the agent of the first offer.
    pub(crate) fn agent_id(&self) -> String {
        self.offer["agent_id"]["value"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}

/// A framework with checkpoints that waits for its scheduler and sees no partitions.
pub(crate) fn framework() -> Value {
    json!({
        "user": "root", "name": "test", "roles": ["*"],
        "checkpoint": true, "failover_timeout": 3600.0,
        "capabilities": [{"type": "MULTI_ROLE"}],
    })
}

/// The same framework, but with partitions in sight.
pub(crate) fn partition_aware() -> Value {
    let mut info = framework();
    info["capabilities"] = json!([{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]);
    info
}

/// A task that sleeps on everything that is offered.
pub(crate) fn whole_task(id: &str, offer: &Value) -> Value {
    let mut task = command_task(id, "sleep 1000", offer);
    task["resources"] = offer["resources"].clone();
    task
}

/// The resources of an offer as texts in one order.
pub(crate) fn amounts(offer: &Value) -> Vec<String> {
    let list = offer["resources"].as_array().expect("resources");
    let mut texts: Vec<String> = list
        .iter()
        .map(|resource| {
            let value = match resource.get("scalar") {
                Some(scalar) => scalar["value"].as_f64().unwrap_or(-1.0).to_string(),
                None => resource["ranges"].to_string(),
            };
            let reservations = resource.get("reservations").map(Value::to_string);
            format!(
                "{}:{value}{}",
                resource["name"].as_str().unwrap_or_default(),
                reservations.unwrap_or_default()
            )
        })
        .collect();
    texts.sort();
    texts
}
