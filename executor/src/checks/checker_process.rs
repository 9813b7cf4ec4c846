//! Asks a task in its rhythm, and drops answers that come while the check is paused.
//!
//! Mirrors `src/checks/checker_process.cpp`.
//!
//! # Timers
//! The delay before the first question, the interval after each answer, and the limit of each
//! question, all of them from the check.

use std::fmt;

use libprocess::{Context, Pid, Process, ProcessId, Runtime, Time, Timer};
use mesos_proto::v1::ContainerId;
use tokio::sync::oneshot;

use super::command::{CheckedTask, ask};
use super::nested::NestedTask;
use super::probe::{Plan, Probe, Probed};

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProbeError {
    /// The helper could not be started or watched.
    #[error("{helper} could not be run: {reason}")]
    Helper {
        /// The program.
        helper: String,
        /// The operating system's words.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("{helper} timed out after {limit}")]
    TimedOut {
        /// The program.
        helper: &'static str,
        /// The limit.
        limit: String,
    },
    /// The helper ended without an answer.
    #[error("{helper} {status}: {output}")]
    Ended {
        /// The program.
        helper: &'static str,
        /// How it ended.
        status: String,
        /// What it complained of.
        output: String,
    },
    /// The question says nothing about the task, and does not count.
    #[error("the check was discarded")]
    Discarded,
    /// The helper said something that cannot be read.
    #[error("Unexpected output from curl: {0}")]
    Unexpected(String),
}

/// An answer, or none.
pub(crate) type ProbeResult = Result<Probed, ProbeError>;

/// What is told about each answer.
pub(crate) type Observer = Box<dyn FnMut(ProbeResult, Time) + Send>;

/// Where the task is asked.
#[derive(Clone, Debug)]
pub(crate) enum Prober {
    /// From a process beside the task.
    Plain(CheckedTask),
    /// From a container below the task's, where the check is a command.
    Nested(Box<NestedTask>),
}

/// Ends the checking when it is dropped.
pub(crate) struct CheckerHandle {
    pid: Pid<CheckerProcess>,
}

impl fmt::Debug for CheckerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckerHandle")
            .field(self.pid.upid())
            .finish()
    }
}

impl CheckerHandle {
    pub(crate) fn start(runtime: &Runtime, plan: Plan, prober: Prober, observer: Observer) -> Self {
        let process = CheckerProcess {
            plan,
            prober,
            observer,
            state: State::Waiting(None),
            run: 0,
            previous: None,
        };
        Self {
            pid: runtime.spawn(process),
        }
    }

    pub(crate) fn pause(&self) {
        self.pid.dispatch(|checker, _| checker.pause());
    }

    pub(crate) fn resume(&self) {
        self.pid.dispatch(|checker, ctx| checker.resume(ctx));
    }
}

impl Drop for CheckerHandle {
    fn drop(&mut self) {
        self.pid.terminate();
    }
}

/// The actor behind every check and health check.
pub(crate) struct CheckerProcess {
    plan: Plan,
    prober: Prober,
    observer: Observer,
    state: State,
    /// Number of the current question; an answer to an older one is stale.
    run: u64,
    /// The container of the last nested check, which is removed before the next one.
    previous: Option<ContainerId>,
}

enum State {
    Waiting(Option<Timer>),
    Asking {
        limit: Option<Timer>,
        cancel: Option<oneshot::Sender<()>>,
    },
    Paused,
}

impl Process for CheckerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("checker")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let timer = ctx.delay(self.plan.rhythm.delay, Self::ask);
        self.state = State::Waiting(Some(timer));
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.pause();
    }
}

impl CheckerProcess {
    fn ask(&mut self, ctx: &mut Context<Self>) {
        if !matches!(self.state, State::Waiting(_)) {
            return;
        }
        self.run += 1;
        let run = self.run;
        let (cancel, cancelled) = oneshot::channel();
        let limit =
            self.plan.rhythm.timeout.map(|timeout| {
                ctx.delay(timeout, move |checker: &mut Self, _| checker.time_out(run))
            });
        self.state = State::Asking {
            limit,
            cancel: Some(cancel),
        };
        let then = move |checker: &mut Self, result, ctx: &mut Context<Self>| {
            checker.on_answer(run, result, ctx);
        };
        let plan = self.plan.clone();
        match (&self.prober, &plan.probe) {
            (Prober::Nested(task), Probe::Command(command)) => {
                let check = task.check_id();
                let previous = self.previous.replace(check.clone());
                let late = plan.late("Command");
                let command = (**command).clone();
                let question = task
                    .as_ref()
                    .clone()
                    .ask(command, previous, check, late, cancelled);
                ctx.perform(question, then);
            }
            (Prober::Nested(task), Probe::Http { .. } | Probe::Tcp { .. }) => {
                ctx.perform(ask(plan, task.beside.clone(), cancelled), then);
            }
            (Prober::Plain(task), _) => ctx.perform(ask(plan, task.clone(), cancelled), then),
        }
    }

    /// Cancelling makes the question end with a timeout as its result.
    fn time_out(&mut self, run: u64) {
        if let State::Asking { cancel, .. } = &mut self.state
            && run == self.run
            && let Some(cancel) = cancel.take()
        {
            // The question may have ended in this very moment.
            let _ = cancel.send(());
        }
    }

    fn on_answer(&mut self, run: u64, result: ProbeResult, ctx: &mut Context<Self>) {
        let State::Asking { limit, .. } = &self.state else {
            return;
        };
        if run != self.run {
            return;
        }
        if let Some(limit) = limit {
            limit.cancel();
        }
        if result != Err(ProbeError::Discarded) {
            (self.observer)(result, ctx.now());
        }
        let timer = ctx.delay(self.plan.rhythm.interval, Self::ask);
        self.state = State::Waiting(Some(timer));
    }

    fn pause(&mut self) {
        match std::mem::replace(&mut self.state, State::Paused) {
            State::Waiting(Some(timer))
            | State::Asking {
                limit: Some(timer), ..
            } => {
                timer.cancel();
            }
            State::Waiting(None) | State::Asking { limit: None, .. } | State::Paused => {}
        }
    }

    fn resume(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.state, State::Paused) {
            self.state = State::Waiting(None);
            self.ask(ctx);
        }
    }
}

#[cfg(test)]
mod tests;
