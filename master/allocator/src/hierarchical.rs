//! The allocator actor: mailbox, timers and metrics around the plain [`State`].
//!
//! Mirrors `src/master/allocator/mesos/hierarchical.cpp`.
//!
//! # Owns
//! The state, the observer and the metrics.
//!
//! # Timers
//! - A run over all agents every allocation interval, counted from the end of the last one.
//! - The expiry of filters, and of the wait for agents after a take-over.

use std::time::Duration;

use libprocess::{Context, Future, Process, ProcessId};
use mesos_common::ids::AgentId;
use mesos_common::resources::ResourceConversion;

use crate::allocator::{AllocatorObserver, AllocatorOptions, InverseOfferStatuses};
use crate::event::{Command, Event, UpdateAvailableError};
use crate::metrics::{AllocatorMetrics, Dispatches};
use explain::{Explanation, Question};
use state::State;

pub mod agents;
mod arena;
mod candidates;
mod debug;
pub mod explain;
pub mod filters;
pub mod frameworks;
mod generate_offers;
mod inverse_offers;
mod quota;
pub mod readings;
mod recover;
pub mod replay;
pub mod roles;
pub mod state;

/// Decides which framework is offered which resources.
pub struct HierarchicalAllocatorProcess {
    dispatches: Dispatches,
    stage: Stage,
}

enum Stage {
    /// Not spawned yet.
    New,
    /// Waits for its options.
    Spawned(Box<AllocatorMetrics>),
    Running(Box<Running>),
}

struct Running {
    state: State,
    observer: Box<dyn AllocatorObserver>,
    metrics: Box<AllocatorMetrics>,
    interval: Duration,
    periodic: Periodic,
}

/// Where the loop of periodic runs stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Periodic {
    /// The interval is running.
    Sleeping,
    /// A run over all agents is queued; the interval starts anew when it ends.
    AwaitingRun,
}

impl std::fmt::Debug for HierarchicalAllocatorProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HierarchicalAllocatorProcess")
            .finish_non_exhaustive()
    }
}

impl Process for HierarchicalAllocatorProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("allocator")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let metrics = AllocatorMetrics::new(ctx.runtime().metrics().clone(), &ctx.pid());
        metrics.count_dispatches(&self.dispatches);
        self.stage = Stage::Spawned(Box::new(metrics));
    }
}

impl HierarchicalAllocatorProcess {
    /// An allocator that waits for its options; its callers count their calls.
    #[must_use]
    pub fn new(dispatches: Dispatches) -> Self {
        Self {
            dispatches,
            stage: Stage::New,
        }
    }

    /// Sets the options and starts the periodic runs.
    pub(crate) fn initialize_with(
        &mut self,
        options: AllocatorOptions,
        observer: Box<dyn AllocatorObserver>,
        ctx: &mut Context<Self>,
    ) {
        let interval = options.allocation_interval;
        let mut metrics = match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Spawned(metrics) => metrics,
            other @ (Stage::New | Stage::Running(_)) => {
                tracing::error!("ignoring a second initialization");
                self.stage = other;
                return;
            }
        };
        metrics.configure(&options);
        self.stage = Stage::Running(Box::new(Running {
            state: State::new(options),
            observer,
            metrics,
            interval,
            periodic: Periodic::Sleeping,
        }));
        sleep(interval, ctx);
    }

    /// Applies an event and does what it asks for.
    pub(crate) fn apply(&mut self, event: Event, ctx: &mut Context<Self>) {
        let Stage::Running(running) = &mut self.stage else {
            tracing::error!("ignoring an event before the allocator is initialized");
            return;
        };
        running.metrics.before(&event, &running.state);
        let is_dequeued = matches!(event, Event::Run);
        let is_run = is_dequeued && !running.state.is_paused();
        if is_dequeued {
            running.metrics.run_dequeued();
        }
        if is_run {
            running.metrics.run_started();
        }
        let commands = running.state.apply(event, since_epoch(ctx));
        if is_run {
            running.metrics.run_ended();
        }
        running.metrics.follow(&mut running.state);
        running.perform(commands, ctx);
    }

    pub(crate) fn update_available(
        &mut self,
        agent: &AgentId,
        conversions: &[ResourceConversion],
    ) -> Result<(), UpdateAvailableError> {
        let Stage::Running(running) = &mut self.stage else {
            return Err(UpdateAvailableError::UnknownAgent {
                agent: agent.to_string(),
            });
        };
        let outcome = running.state.update_available(agent, conversions);
        running.metrics.follow(&mut running.state);
        outcome
    }

    pub(crate) fn inverse_offer_statuses(&self) -> InverseOfferStatuses {
        match &self.stage {
            Stage::Running(running) => running.state.inverse_offer_statuses(),
            Stage::New | Stage::Spawned(_) => InverseOfferStatuses::new(),
        }
    }

    /// Answers from a snapshot, away from the mailbox.
    pub(crate) fn explain(
        &self,
        question: Question,
        ctx: &mut Context<Self>,
    ) -> Future<Vec<Explanation>> {
        let Stage::Running(running) = &self.stage else {
            return Future::ready(Vec::new());
        };
        let snapshot = running.state.clone();
        let now = since_epoch(ctx);
        let (promise, future) = libprocess::Promise::new();
        ctx.perform_blocking(
            move || snapshot.explain(&question, now),
            move |_, answers, _| {
                promise.set(answers);
            },
        );
        future
    }

    /// What is known, for gauges.
    pub(crate) fn state(&self) -> Option<&State> {
        match &self.stage {
            Stage::Running(running) => Some(&running.state),
            Stage::New | Stage::Spawned(_) => None,
        }
    }
}

impl Running {
    fn perform(&mut self, commands: Vec<Command>, ctx: &mut Context<HierarchicalAllocatorProcess>) {
        for command in commands {
            match command {
                Command::Offers {
                    framework_id,
                    offers,
                } => {
                    self.observer.offers(framework_id, offers);
                }
                Command::InverseOffers {
                    framework_id,
                    offers,
                } => {
                    self.observer.inverse_offers(framework_id, offers);
                }
                Command::QueueRun => {
                    self.metrics.run_queued();
                    dispatch(Event::Run, ctx);
                }
                Command::RunEnded => {
                    if self.periodic == Periodic::AwaitingRun {
                        self.periodic = Periodic::Sleeping;
                        sleep(self.interval, ctx);
                    }
                }
                // Two events, so that a run that is due at the same time still sees the filter.
                Command::ExpireOfferFilter { ticket, after } => {
                    let expire = Event::ExpireOfferFilter(ticket);
                    ctx.delay(after, move |_, ctx| dispatch(expire, ctx));
                }
                Command::ExpireInverseFilter { ticket, after } => {
                    ctx.delay(after, move |process, ctx| {
                        process.apply(Event::ExpireInverseFilter(ticket), ctx);
                    });
                }
                Command::StartRecoveryTimer { after } => {
                    ctx.delay(after, |process, ctx| {
                        process.apply(Event::RecoveryTimedOut, ctx);
                    });
                }
            }
        }
    }
}

/// Applies an event after those that are already waiting.
fn dispatch(event: Event, ctx: &Context<HierarchicalAllocatorProcess>) {
    ctx.dispatch_self(move |process, ctx| process.apply(event, ctx));
}

/// Waits for the interval, then asks for a run over all agents.
fn sleep(interval: Duration, ctx: &Context<HierarchicalAllocatorProcess>) {
    ctx.delay(interval, |process, ctx| {
        process.apply(Event::Tick, ctx);
        let Stage::Running(running) = &mut process.stage else {
            return;
        };
        if running.state.is_run_queued() {
            running.periodic = Periodic::AwaitingRun;
        } else {
            sleep(running.interval, ctx);
        }
    });
}

fn since_epoch(ctx: &Context<HierarchicalAllocatorProcess>) -> Duration {
    Duration::from_nanos(ctx.now().as_nanos())
}

#[cfg(test)]
mod tests;
