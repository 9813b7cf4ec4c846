//! Asks a task in its rhythm, and drops answers that come while the check is paused.
//!
//! Mirrors `src/checks/checker_process.cpp`.
//!
//! # Timers
//! The delay before the first question, the interval after each answer, and the limit of each
//! question, all of them from the check.

use std::fmt;

use libprocess::{Context, Pid, Process, ProcessId, Runtime, Time, Timer};
use tokio::sync::oneshot;

use super::command::{CheckedTask, ask};
use super::probe::{Plan, Probed};

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
        let Prober::Plain(task) = &self.prober;
        let question = ask(self.plan.clone(), task.clone(), cancelled);
        ctx.perform(question, move |checker: &mut Self, result, ctx| {
            checker.on_answer(run, result, ctx);
        });
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
        (self.observer)(result, ctx.now());
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
