//! Puts the load on the master, phase by phase.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use libprocess::http::client::{ClientRequest, request};
use libprocess::{Address, Future, Pid, Runtime, Time, Upid};
use mesos_common::resources::Resources;
use mesos_proto::v1::TaskState;

use super::agent::{Fleet, Queue, SimulatedAgent};
use super::figures::Figures;
use super::flags::Flags;
use super::framework::{Order, SimulatedFramework};
use super::local_master::{LocalMaster, listener_of, usage};
use super::milestone::Milestone;
use super::probe::{Latencies, Probe};

/// How long the probe looks at a master without load.
const IDLE: Duration = Duration::from_secs(2);

/// How often a master that starts is asked whether it is there.
const POLL: Duration = Duration::from_millis(50);

/// One measurement.
pub(super) struct Load<'a> {
    runtime: &'a Runtime,
    flags: &'a Flags,
    plan: Plan,
    master: SocketAddr,
    local: Option<LocalMaster>,
    pid: Option<i32>,
    agents: Vec<Pid<SimulatedAgent>>,
    latencies: Latencies,
    figures: Figures,
}

/// What the flags say, read and checked.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where the master listens, if it is not to be started.
    master: Option<SocketAddr>,
    agent_resources: Resources,
    task_resources: Resources,
    states: Vec<TaskState>,
}

impl Plan {
    /// Reads the flags.
    pub(super) fn of(flags: &Flags) -> Result<Self> {
        let master = flags
            .master
            .as_deref()
            .map(|text| {
                text.parse().with_context(|| {
                    format!("--master: '{text}' is no address of the form IP:PORT")
                })
            })
            .transpose()?;
        if flags.failover && master.is_some() {
            bail!("--failover needs a master that is started here: leave --master out");
        }
        if flags.agents == 0 || flags.window == 0 {
            bail!("--agents and --window must be at least 1");
        }
        if flags.tasks > 0 && flags.frameworks == 0 {
            bail!("--tasks needs at least one of --frameworks");
        }
        Ok(Self {
            master,
            agent_resources: resources("agent_resources", &flags.agent_resources)?,
            task_resources: resources("task_resources", &flags.task_resources)?,
            states: states(&flags.task_states)?,
        })
    }
}

fn resources(flag: &str, text: &str) -> Result<Resources> {
    Resources::parse(text).with_context(|| format!("--{flag}: failed to parse '{text}'"))
}

/// Reads states; all but the last go on, the last is the end.
fn states(text: &str) -> Result<Vec<TaskState>> {
    let mut states = Vec::new();
    for name in text.split(',') {
        let state = TaskState::from_str_name(name.trim())
            .with_context(|| format!("--task_states: '{name}' is no state of a task"))?;
        states.push(state);
    }
    let is_last = |state: &TaskState| {
        matches!(
            state,
            TaskState::TaskFinished | TaskState::TaskFailed | TaskState::TaskKilled
        )
    };
    let ends: Vec<bool> = states.iter().map(is_last).collect();
    match ends.split_last() {
        Some((true, before)) if !before.contains(&true) => Ok(states),
        Some(_) | None => {
            bail!("--task_states: only the last state may be terminal, and has to be")
        }
    }
}

impl<'a> Load<'a> {
    /// Finds or starts the master.
    pub(super) fn on(runtime: &'a Runtime, flags: &'a Flags, plan: Plan) -> Result<Self> {
        let local = match plan.master {
            Some(_) => None,
            None => Some(LocalMaster::start()?),
        };
        let master = plan
            .master
            .or_else(|| local.as_ref().map(LocalMaster::address));
        let master = master.context("there is no master")?;
        let pid = match &local {
            Some(local) => local.pid(),
            None => listener_of(master),
        };
        Ok(Self {
            runtime,
            flags,
            plan,
            master,
            local,
            pid,
            agents: Vec::new(),
            latencies: Latencies::default(),
            figures: Figures::default(),
        })
    }

    /// Goes through all phases.
    pub(super) async fn run(mut self) -> Result<Figures> {
        self.await_master().await?;
        self.register().await?;
        self.watch_idle().await?;
        self.read_state("state").await?;
        if self.flags.tasks > 0 {
            self.run_tasks().await?;
        }
        if self.flags.failover {
            self.fail_over().await?;
        }
        Ok(self.figures)
    }

    fn upid(&self) -> Upid {
        Upid {
            id: "master".into(),
            address: Address {
                ip: self.master.ip(),
                port: self.master.port(),
            },
        }
    }

    fn now(&self) -> Time {
        self.runtime.clock().now()
    }

    /// Waits until something has happened, as long as a phase may take.
    async fn reach(&self, what: &str, milestone: &Milestone, reached: Future<()>) -> Result<()> {
        let waited = tokio::time::timeout(self.flags.timeout, reached.into_future()).await;
        if waited.is_err() {
            let missing = milestone.missing();
            bail!(
                "{what}: {missing} did not come within {:?}",
                self.flags.timeout
            );
        }
        Ok(())
    }

    /// Waits for a master that leads and has read its registry; before, it drops what agents send.
    async fn await_master(&self) -> Result<()> {
        let begin = self.now();
        while !is_ready(self.master).await {
            if self.now() - begin > self.flags.timeout {
                bail!("no master answers at {}", self.master);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Notes what the master has used since the last note, when it is on this machine.
    fn note_usage(&mut self, phase: &str, before: Option<f64>) {
        let Some(now) = self.pid.and_then(usage) else {
            return;
        };
        if let Some(before) = before {
            self.figures.add(
                format!("{phase}_master_cpu_seconds"),
                now.cpu_seconds - before,
            );
        }
        self.figures
            .add(format!("{phase}_master_memory_mb"), now.memory_mb);
    }

    fn cpu(&self) -> Option<f64> {
        Some(usage(self.pid?)?.cpu_seconds)
    }

    async fn register(&mut self) -> Result<()> {
        let fleet = Arc::new(Fleet {
            master: self.upid(),
            resources: self.plan.agent_resources.to_proto(),
            states: self.plan.states.clone(),
        });
        let port = self.runtime.address().port;
        let spawn = |number| {
            let agent = SimulatedAgent::new(number, port, fleet.clone());
            self.runtime.spawn(agent)
        };
        self.agents = (1..=self.flags.agents).map(spawn).collect();
        self.figures.count("agents", self.flags.agents);
        let before = self.cpu();
        let took = self.let_agents_approach("registration").await?;
        self.figures.add("registration_seconds", took.as_secs_f64());
        self.figures
            .rate("registrations_per_second", self.flags.agents, took);
        self.note_usage("registration", before);
        Ok(())
    }

    /// All agents register, or register again.
    async fn let_agents_approach(&self, what: &str) -> Result<Duration> {
        let (milestone, reached) = Milestone::new(self.agents.len());
        let queue = Queue::new(self.agents.clone(), milestone.clone());
        let queue = self.runtime.spawn(queue);
        let window = self.flags.window;
        let begin = self.now();
        queue.dispatch(move |queue, ctx| queue.go(window, ctx));
        self.reach(what, &milestone, reached).await?;
        queue.terminate();
        Ok(self.now() - begin)
    }

    async fn watch_idle(&mut self) -> Result<()> {
        let (registered, reached) = Milestone::new(1);
        let latencies = self.latencies.clone();
        let probe = Probe::new(self.upid(), registered.clone(), latencies, self.now());
        self.runtime.spawn(probe);
        self.reach("registration of the probe", &registered, reached)
            .await?;
        tokio::time::sleep(IDLE).await;
        self.figures.latencies("idle_answer", self.latencies.take());
        Ok(())
    }

    /// Reads the whole state some times, while the probe goes on.
    async fn read_state(&mut self, phase: &str) -> Result<()> {
        if self.flags.state_reads == 0 {
            return Ok(());
        }
        drop(self.latencies.take());
        let before = self.cpu();
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..self.flags.state_reads {
            let begin = self.now();
            bytes = get(self.master, "/master/state").await?;
            times.push(self.now() - begin);
        }
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        self.figures.count(&format!("{phase}_bytes"), bytes);
        self.figures
            .add(format!("{phase}_seconds"), median.as_secs_f64());
        self.figures
            .latencies(&format!("{phase}_answer"), self.latencies.take());
        self.note_usage(phase, before);
        Ok(())
    }

    async fn run_tasks(&mut self) -> Result<()> {
        let tasks = self.flags.tasks;
        let (finished, reached) = Milestone::new(tasks);
        for agent in &self.agents {
            let finished = finished.clone();
            agent.dispatch(move |agent, _| agent.count_finished_by(finished));
        }
        let latencies = Arc::new(Mutex::new(Vec::new()));
        let before = self.cpu();
        let begin = self.now();
        for number in 1..=self.flags.frameworks {
            let order = self.order(number, &latencies)?;
            self.runtime.spawn(SimulatedFramework::new(number, order));
        }
        self.read_state("busy_state").await?;
        self.reach("tasks", &finished, reached).await?;
        let took = self.now() - begin;
        self.figures.count("tasks", tasks);
        self.figures.add("tasks_seconds", took.as_secs_f64());
        self.figures.rate("tasks_per_second", tasks, took);
        let latencies = latencies.lock().map(|kept| kept.clone());
        self.figures
            .latencies("task", latencies.unwrap_or_default());
        self.note_usage("tasks", before);
        Ok(())
    }

    fn order(&self, number: usize, latencies: &Arc<Mutex<Vec<Duration>>>) -> Result<Order> {
        let Flags {
            tasks,
            frameworks,
            agents,
            ..
        } = *self.flags;
        // The first frameworks take what does not part evenly.
        let extra = usize::from(number <= tasks % frameworks);
        let last = self.plan.states.last().context("no states")?;
        Ok(Order {
            master: self.upid(),
            tasks: tasks / frameworks + extra,
            per_offer: tasks.div_ceil(agents),
            resources: self.plan.task_resources.clone(),
            latencies: latencies.clone(),
            last_state: (*last).into(),
        })
    }

    async fn fail_over(&mut self) -> Result<()> {
        let Some(local) = &mut self.local else {
            return Ok(());
        };
        local.fail_over()?;
        self.pid = local.pid();
        let begin = self.now();
        self.await_master().await?;
        self.figures
            .add("failover_seconds", (self.now() - begin).as_secs_f64());
        let took = self.let_agents_approach("re-registration").await?;
        self.figures
            .add("reregistration_seconds", took.as_secs_f64());
        self.figures
            .rate("reregistrations_per_second", self.agents.len(), took);
        self.note_usage("reregistration", Some(0.0));
        Ok(())
    }
}

/// Says whether a master answers calls; one that does not lead redirects, one that still recovers is unavailable.
async fn is_ready(master: SocketAddr) -> bool {
    let call = r#"{"type":"GET_HEALTH"}"#;
    let call = ClientRequest::post("/api/v1", "application/json", call);
    let answer = request(&format!("http://{master}"), call).await;
    answer.is_ok_and(|answer| !matches!(answer.status, 307 | 404 | 503))
}

/// Reads a path of a master on a connection of its own, and returns the length of the body.
async fn get(master: SocketAddr, path: &str) -> Result<usize> {
    let response = request(&format!("http://{master}"), ClientRequest::get(path)).await?;
    if response.status != 200 {
        bail!("{path} answers {}", response.status);
    }
    Ok(response.bytes().await?.len())
}

#[cfg(test)]
mod tests {
    use mesos_common::flags::FlagSet;

    use super::*;

    fn refused(change: impl Fn(&mut Flags)) -> String {
        let mut flags = Flags::defaults();
        change(&mut flags);
        format!("{:#}", Plan::of(&flags).expect_err("refused"))
    }

    #[test]
    fn defaults_make_a_plan() {
        let plan = Plan::of(&Flags::defaults()).expect("a plan");

        assert_eq!(
            plan.states,
            [TaskState::TaskRunning, TaskState::TaskFinished]
        );
        assert_eq!(plan.master, None);
    }

    #[test]
    fn a_flag_that_is_wrong_is_named() {
        assert!(refused(|flags| flags.master = Some("there".to_owned())).contains("--master"));
        assert!(refused(|flags| flags.agents = 0).contains("--agents"));
        assert!(refused(|flags| flags.frameworks = 0).contains("--frameworks"));
        let resources = refused(|flags| "cpus".clone_into(&mut flags.task_resources));
        assert!(resources.contains("--task_resources"), "{resources}");
    }

    #[test]
    fn the_last_state_and_no_other_is_terminal() {
        let states = |text: &str| refused(|flags| text.clone_into(&mut flags.task_states));

        assert!(states("TASK_RUNNING").contains("has to be"));
        assert!(states("TASK_FAILED,TASK_FINISHED").contains("only the last"));
        assert!(states("TASK_DREAMING").contains("'TASK_DREAMING'"));
    }

    #[test]
    fn failover_is_refused_for_a_master_of_somebody_else() {
        let text = refused(|flags| {
            flags.failover = true;
            flags.master = Some("127.0.0.1:5050".to_owned());
        });

        assert!(text.contains("--failover"), "{text}");
    }
}
