//! Runs one job to its end: a framework with a single idea.

use std::time::Duration;

use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::scheduler::{Event, event};
use mesos_proto::v1::{FrameworkInfo, Offer, TaskState, TaskStatus};
use mesos_scheduler::{Calls, Delivery, Events, Mesos, Options, Subscribe};
use tokio::sync::mpsc;

use super::exit::exit_code;
use super::job::Job;
use super::report::Report;

/// A job with everything that is needed to run it.
#[derive(Debug)]
pub(crate) struct Order {
    /// What is run.
    pub(crate) job: Job,
    /// Who runs it.
    pub(crate) framework: FrameworkInfo,
    /// How to reach the master.
    pub(crate) options: Options,
    /// Time after which running tasks are killed.
    pub(crate) kill_after: Option<Duration>,
}

/// Why a job has no end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JobError {
    /// The master does not want the framework.
    #[error("Received an ERROR event: {0}")]
    Refused(String),
    /// The library ended.
    #[error("the connection to the master was given up")]
    Ended,
}

/// Runs a job and returns the exit status of the first of its tasks that failed, else 0.
///
/// # Errors
/// [`JobError`] when the master refuses the framework.
///
/// # Cancel safety
/// Dropping the future breaks the connection, and with it the framework and its tasks end.
pub(crate) async fn run_job(
    runtime: &Runtime,
    order: Order,
    report: &mut impl Report,
) -> Result<u8, JobError> {
    let framework = Box::new(order.framework.clone());
    let options = Options {
        subscribe: Subscribe::Automatic(framework),
        ..order.options.clone()
    };
    let (mesos, events) = Mesos::events(runtime, options);
    let (kill, kills) = mpsc::unbounded_channel();
    let launched = Launched::No;
    let mut running = Running {
        order,
        mesos,
        runtime,
        kill,
        calls: None,
        launched,
        codes: Vec::new(),
    };
    running.until_the_end(events, kills, report).await
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Launched {
    No,
    Yes,
}

struct Running<'a> {
    order: Order,
    mesos: Mesos,
    runtime: &'a Runtime,
    /// Tasks whose time is up.
    kill: mpsc::UnboundedSender<TaskStatus>,
    calls: Option<Calls>,
    launched: Launched,
    /// Exit codes of the tasks that have ended.
    codes: Vec<u8>,
}

impl Running<'_> {
    async fn until_the_end(
        &mut self,
        mut events: Events,
        mut kills: mpsc::UnboundedReceiver<TaskStatus>,
        report: &mut impl Report,
    ) -> Result<u8, JobError> {
        loop {
            let delivery = tokio::select! {
                delivery = events.next() => delivery.ok_or(JobError::Ended)?,
                Some(status) = kills.recv() => {
                    self.kill(status, report);
                    continue;
                }
            };
            if let Delivery::Event(event) = delivery {
                self.received(&event, report).await?;
            }
            if self.codes.len() == self.order.job.tasks().len() {
                return Ok(self
                    .codes
                    .iter()
                    .copied()
                    .find(|code| *code != 0)
                    .unwrap_or(0));
            }
        }
    }

    fn kill(&self, status: TaskStatus, report: &mut impl Report) {
        let Some(calls) = &self.calls else { return };
        report.killing(&status);
        let task_id = status.task_id().clone();
        self.mesos.send(calls.kill(task_id, status.agent_id, None));
    }

    async fn received(&mut self, event: &Event, report: &mut impl Report) -> Result<(), JobError> {
        match event.r#type() {
            event::Type::Subscribed => {
                let framework_id = event.subscribed().framework_id();
                report.subscribed(framework_id);
                self.calls = Some(Calls::of(framework_id.clone()));
            }
            event::Type::Offers => {
                for offer in &event.offers().offers {
                    self.offered(offer, report);
                }
            }
            event::Type::Update => self.updated(event.update().status(), report).await,
            event::Type::Error => {
                return Err(JobError::Refused(event.error().message().to_owned()));
            }
            event::Type::Heartbeat
            | event::Type::InverseOffers
            | event::Type::Failure
            | event::Type::Rescind
            | event::Type::RescindInverseOffer
            | event::Type::UpdateOperationStatus
            | event::Type::Message => {}
            event::Type::Unknown => tracing::warn!("received an UNKNOWN event and ignored it"),
        }
        Ok(())
    }

    /// Takes the first offer that is enough; every other one goes back, and no more are wanted.
    fn offered(&mut self, offer: &Offer, report: &mut impl Report) {
        let Some(calls) = &self.calls else { return };
        let offer_ids: Vec<_> = offer.id.iter().cloned().collect();
        let operation = match self.launched {
            Launched::Yes => None,
            Launched::No => {
                let role = self.order.framework.role();
                self.order.job.fit(offer, role, calls.framework_id())
            }
        };
        match operation {
            Some(operation) => {
                self.mesos
                    .send(calls.accept(offer_ids, vec![operation], None));
                report.submitted(&self.order.job, offer.agent_id());
                self.launched = Launched::Yes;
            }
            None => {
                self.mesos.send(calls.decline(offer_ids, None));
                if self.launched == Launched::Yes {
                    self.mesos.send(calls.suppress(Vec::new()));
                }
            }
        }
    }

    async fn updated(&mut self, status: &TaskStatus, report: &mut impl Report) {
        report.updated(status);
        let Some(calls) = &self.calls else { return };
        if let Some(acknowledge) = calls.acknowledge(status) {
            // The program may end with this status: the acknowledgement must be out by then.
            let answer = self.mesos.call(acknowledge).await;
            tracing::debug!(?answer, "acknowledged");
        }
        if status.state() == TaskState::TaskRunning
            && let Some(delay) = self.order.kill_after
        {
            let (kill, status) = (self.kill.clone(), status.clone());
            // A job that has ended meanwhile has nothing left to kill.
            self.runtime
                .clock()
                .timer(delay, move || drop(kill.send(status)));
        }
        if is_terminal(status.state()) {
            self.codes.push(exit_code(status));
        }
    }
}
