//! Watches one agent by pings.
//!
//! Mirrors `SlaveObserver` of `src/master/master.cpp`.
//!
//! # Timers
//! A ping every `--agent_ping_timeout`, answered or not.

use std::time::Duration;

use libprocess::{Context, Pid, Process, ProcessId, Upid};
use mesos_common::ids::AgentId;
use mesos_common::wire::AGENT_OBSERVER_ID;
use mesos_proto::internal::{PingAgentMessage as Ping, PongAgentMessage as Pong};

use crate::master::MasterProcess;

/// How an agent is watched.
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

/// The actor `slave-observer(N)`.
#[doc(alias = "SlaveObserver")]
#[derive(Debug)]
pub struct AgentObserverProcess {
    agent_id: AgentId,
    agent: Upid,
    master: Pid<MasterProcess>,
    options: PingOptions,
    link: Link,
    missed: usize,
    answered: bool,
    reported: bool,
}

impl AgentObserverProcess {
    /// Watches the agent at `agent` for a master.
    #[must_use]
    pub fn new(
        agent_id: AgentId,
        agent: Upid,
        master: Pid<MasterProcess>,
        options: PingOptions,
    ) -> Self {
        Self {
            agent_id,
            agent,
            master,
            options,
            link: Link::Up,
            missed: 0,
            answered: true,
            reported: false,
        }
    }

    /// Notes whether the link is up.
    pub fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    /// Notes that the agent listens elsewhere now.
    pub fn set_agent(&mut self, agent: Upid) {
        self.agent = agent;
    }

    fn ping(&mut self, ctx: &mut Context<Self>) {
        let message = Ping {
            connected: Some(self.link == Link::Up),
            ..Default::default()
        };
        ctx.send_protobuf(&self.agent, &message);
        self.answered = false;
        ctx.delay(self.options.interval, |observer, ctx| observer.tick(ctx));
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        if !self.answered {
            self.missed += 1;
        }
        // The master may be at something else with the agent and not listen: it is told each time.
        if self.missed >= self.options.max_missed {
            self.reported = true;
            let agent_id = self.agent_id.clone();
            self.master
                .dispatch(move |master, ctx| master.on_pings_unanswered(&agent_id, ctx));
        }
        self.ping(ctx);
    }

    fn pong(&mut self) {
        self.answered = true;
        self.missed = 0;
        if self.reported {
            self.reported = false;
            let agent_id = self.agent_id.clone();
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
        ctx.install_protobuf::<Pong>(|observer, _, _, _| observer.pong());
        self.ping(ctx);
    }
}
