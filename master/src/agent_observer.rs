//! Watches the agents by pings.
//!
//! Mirrors `SlaveObserver` of `src/master/master.cpp`, of which C++ has one for each agent.
//! Here one watches them all: fifty thousand actors would cost more than what they watch.
//! An agent answers whoever asked, so whose answer it is, is told by its sender.
//!
//! # Owns
//! Who is watched, and when each is asked next.
//!
//! # Timers
//! A ping to each agent every `--agent_ping_timeout`, answered or not.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use libprocess::{Context, Pid, Process, ProcessId, Time, Upid};
use mesos_common::ids::AgentId;
use mesos_common::wire::AGENT_OBSERVER_ID;
use mesos_proto::internal::{PingAgentMessage as Ping, PongAgentMessage as Pong};

use crate::master::MasterProcess;

/// How agents are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingOptions {
    /// Time between two pings, and until an answer counts as missing.
    pub interval: Duration,
    /// How many answers in a row may be missing.
    pub max_missed: usize,
}

/// Whether the master's link to the agent is up; each ping says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is.
    Up,
    /// It broke.
    Down,
}

/// One agent that is watched.
#[derive(Debug)]
struct Watch {
    pid: Upid,
    link: Link,
    missed: usize,
    answered: bool,
    reported: bool,
    /// Which watch over this agent it is; what is due for an earlier one is due no more.
    number: u64,
}

/// A ping that is to come.
#[derive(Debug)]
struct Due {
    time: Time,
    agent_id: AgentId,
    number: u64,
}

/// The actor `slave-observer(1)`.
#[doc(alias = "SlaveObserver")]
#[derive(Debug)]
pub struct AgentObserverProcess {
    master: Pid<MasterProcess>,
    options: PingOptions,
    watched: HashMap<AgentId, Watch>,
    by_pid: HashMap<Upid, AgentId>,
    /// The interval is the same for all, so who was asked first is first.
    due: VecDeque<Due>,
    watches: u64,
}

impl AgentObserverProcess {
    /// Watches nobody yet, for a master.
    #[must_use]
    pub fn new(master: Pid<MasterProcess>, options: PingOptions) -> Self {
        Self {
            master,
            options,
            watched: HashMap::new(),
            by_pid: HashMap::new(),
            due: VecDeque::new(),
            watches: 0,
        }
    }

    /// Begins to watch the agent that listens there.
    pub fn watch(&mut self, agent_id: AgentId, pid: Upid, ctx: &mut Context<Self>) {
        self.unwatch(&agent_id);
        self.watches += 1;
        self.by_pid.insert(pid.clone(), agent_id.clone());
        let watch = Watch {
            pid,
            link: Link::Up,
            missed: 0,
            answered: true,
            reported: false,
            number: self.watches,
        };
        self.watched.insert(agent_id.clone(), watch);
        let is_first = self.due.is_empty();
        self.ping(agent_id, ctx);
        if is_first {
            self.sleep(ctx);
        }
    }

    /// Watches an agent no longer.
    pub fn unwatch(&mut self, agent_id: &AgentId) {
        if let Some(watch) = self.watched.remove(agent_id) {
            self.forget_pid(&watch.pid, agent_id);
        }
    }

    /// Notes that the link to an agent broke.
    pub fn disconnect(&mut self, agent_id: &AgentId) {
        if let Some(watch) = self.watched.get_mut(agent_id) {
            watch.link = Link::Down;
        }
    }

    /// Notes that the link to an agent is up again, and where it listens now.
    pub fn reconnect(&mut self, agent_id: &AgentId, pid: Upid) {
        let Some(watch) = self.watched.get_mut(agent_id) else {
            return;
        };
        watch.link = Link::Up;
        let old = std::mem::replace(&mut watch.pid, pid.clone());
        self.forget_pid(&old, agent_id);
        self.by_pid.insert(pid, agent_id.clone());
    }

    /// Another agent may have come to this address.
    fn forget_pid(&mut self, pid: &Upid, agent_id: &AgentId) {
        if self.by_pid.get(pid) == Some(agent_id) {
            self.by_pid.remove(pid);
        }
    }

    /// Asks an agent, and again after the interval.
    fn ping(&mut self, agent_id: AgentId, ctx: &Context<Self>) {
        let Some(watch) = self.watched.get_mut(&agent_id) else {
            return;
        };
        let message = Ping {
            connected: Some(watch.link == Link::Up),
            ..Default::default()
        };
        ctx.send_protobuf(&watch.pid, &message);
        watch.answered = false;
        self.due.push_back(Due {
            time: ctx.now() + self.options.interval,
            number: watch.number,
            agent_id,
        });
    }

    /// Wakes up for the next ping.
    fn sleep(&self, ctx: &Context<Self>) {
        if let Some(next) = self.due.front() {
            ctx.delay(next.time - ctx.now(), Self::wake);
        }
    }

    fn wake(&mut self, ctx: &mut Context<Self>) {
        let now = ctx.now();
        while let Some(due) = self.due.pop_front_if(|due| due.time <= now) {
            let watch = self.watched.get(&due.agent_id);
            if watch.is_some_and(|watch| watch.number == due.number) {
                self.count_missed(&due.agent_id);
                self.ping(due.agent_id, ctx);
            }
        }
        self.sleep(ctx);
    }

    fn count_missed(&mut self, agent_id: &AgentId) {
        let Some(watch) = self.watched.get_mut(agent_id) else {
            return;
        };
        if !watch.answered {
            watch.missed += 1;
        }
        // The master may be at something else with the agent and not listen: it is told each time.
        if watch.missed >= self.options.max_missed {
            watch.reported = true;
            let agent_id = agent_id.clone();
            self.master
                .dispatch(move |master, ctx| master.on_pings_unanswered(&agent_id, ctx));
        }
    }

    fn pong(&mut self, from: &Upid) {
        let Some(agent_id) = self.by_pid.get(from) else {
            return;
        };
        let Some(watch) = self.watched.get_mut(agent_id) else {
            return;
        };
        watch.answered = true;
        watch.missed = 0;
        if watch.reported {
            watch.reported = false;
            let agent_id = agent_id.clone();
            self.master
                .dispatch(move |master, _| master.on_pings_answered_again(&agent_id));
        }
    }
}

impl Process for AgentObserverProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated(AGENT_OBSERVER_ID)
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf::<Pong>(|observer, from, _, _| observer.pong(from));
    }
}
