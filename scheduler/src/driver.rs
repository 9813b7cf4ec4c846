//! The legacy scheduler driver: callbacks and methods over libprocess messages.
//!
//! Mirrors `src/sched/sched.cpp` and `include/mesos/scheduler.hpp`.
//!
//! Method by method it is the driver that frameworks of the C++, Java and Python libraries know.

mod authentication;
mod calls;
mod events;
mod process;

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libprocess::{Future, Outcome, Pid, Promise, Runtime};
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::scheduler::OfferConstraints;
use mesos_proto::v1::{
    AgentId, ExecutorId, Filters, FrameworkId, FrameworkInfo, MasterInfo, Offer, OfferId, Request,
    TaskId, TaskInfo, TaskStatus,
};

pub use authentication::{Authenticatee, CramMd5Authenticatee};

use crate::flags::DriverFlags;
use crate::{Credential, MasterUrl};
use process::SchedulerProcess;

/// What a driver is doing.
///
/// # Wire
/// The names and numbers are those of the `Status` of `mesos.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// [`MesosSchedulerDriver::start`] was not called.
    NotStarted = 1,
    /// It delivers callbacks and sends calls.
    Running = 2,
    /// It delivers nothing more, but the framework may come back.
    Aborted = 3,
    /// It has ended.
    Stopped = 4,
}

/// Whether the framework ends together with its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failover {
    /// The framework is torn down, with all its tasks.
    No,
    /// Another driver will take the framework over.
    Yes,
}

/// Who acknowledges status updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgements {
    /// The driver, once [`Scheduler::status_update`] has returned.
    Implicit,
    /// The scheduler, by [`MesosSchedulerDriver::acknowledge_status_update`].
    Explicit,
}

/// What a framework does when something happens. Callbacks come one at a time.
///
/// # Panics
/// A callback that panics ends the program: release builds abort.
pub trait Scheduler: Send + 'static {
    /// The master has given the framework its id.
    fn registered(
        &mut self,
        driver: &MesosSchedulerDriver,
        framework_id: &FrameworkId,
        master: &MasterInfo,
    );

    /// The framework is known to a master that was elected after the last one was lost.
    fn reregistered(&mut self, driver: &MesosSchedulerDriver, master: &MasterInfo);

    /// The master is gone; the driver looks for the next one.
    fn disconnected(&mut self, driver: &MesosSchedulerDriver);

    /// Resources that the framework may use now.
    fn resource_offers(&mut self, driver: &MesosSchedulerDriver, offers: &[Offer]);

    /// An offer that must not be used any more.
    fn offer_rescinded(&mut self, driver: &MesosSchedulerDriver, offer_id: &OfferId);

    /// A task has a new status. It has a UUID only when it wants to be acknowledged.
    fn status_update(&mut self, driver: &MesosSchedulerDriver, status: &TaskStatus);

    /// An executor has sent something.
    fn framework_message(
        &mut self,
        driver: &MesosSchedulerDriver,
        executor_id: &ExecutorId,
        agent_id: &AgentId,
        data: &[u8],
    );

    /// An agent is gone, with all its tasks.
    #[doc(alias = "slaveLost")]
    fn agent_lost(&mut self, driver: &MesosSchedulerDriver, agent_id: &AgentId);

    /// An executor has ended with this wait status; updates of its tasks follow.
    fn executor_lost(
        &mut self,
        driver: &MesosSchedulerDriver,
        executor_id: &ExecutorId,
        agent_id: &AgentId,
        status: i32,
    );

    /// The driver has aborted itself because of this.
    fn error(&mut self, driver: &MesosSchedulerDriver, message: &str);
}

/// How a driver finds and speaks to the master.
///
/// # Examples
/// ```
/// use mesos_scheduler::driver::DriverOptions;
/// use mesos_scheduler::{Credential, FrameworkBuilder};
///
/// let framework = FrameworkBuilder::new("web").principal("alice").build();
/// let options = DriverOptions {
///     credential: Some(Credential { principal: "alice".into(), secret: "rabbit".into() }),
///     ..DriverOptions::new(framework, "zk://10.0.0.1:2181/mesos".parse()?)
/// };
/// # Ok::<(), mesos_scheduler::MasterUrlError>(())
/// ```
pub struct DriverOptions {
    /// Who the framework is. One that has an id takes over from the driver before.
    pub framework: FrameworkInfo,
    /// Where the master is.
    pub master: MasterUrl,
    /// Roles for which no offers are wanted.
    pub suppressed_roles: Vec<String>,
    /// Which agents are wanted.
    pub offer_constraints: Option<OfferConstraints>,
    /// Who acknowledges status updates.
    pub acknowledgements: Acknowledgements,
    /// The name and password for masters that ask.
    pub credential: Option<Credential>,
    /// How the credential is presented.
    pub authenticatee: Box<dyn Authenticatee>,
    /// Times and limits; see [`DriverFlags`].
    pub flags: DriverFlags,
}

impl fmt::Debug for DriverOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverOptions")
            .field("framework", &self.framework.name())
            .field("master", &self.master)
            .finish_non_exhaustive()
    }
}

impl DriverOptions {
    /// A framework that acknowledges implicitly and presents no password.
    #[must_use]
    pub fn new(framework: FrameworkInfo, master: MasterUrl) -> Self {
        Self {
            framework,
            master,
            suppressed_roles: Vec::new(),
            offer_constraints: None,
            acknowledgements: Acknowledgements::Implicit,
            credential: None,
            authenticatee: Box::new(CramMd5Authenticatee),
            flags: DriverFlags::default(),
        }
    }
}

/// The handle by which a framework speaks to the master; clones are the same driver.
///
/// Every method returns the status of the driver and does nothing unless it runs.
#[derive(Clone)]
pub struct MesosSchedulerDriver {
    shared: Arc<Shared>,
}

/// What the handles and the actor know in common.
struct Shared {
    runtime: Runtime,
    status: AtomicStatus,
    stage: Mutex<Stage>,
}

/// How far the driver has come; never locked across a callback.
enum Stage {
    Prepared(Box<(DriverOptions, Box<dyn Scheduler>)>),
    Started {
        pid: Pid<SchedulerProcess>,
        end: Option<Future<()>>,
    },
    Joined,
}

/// A status that callbacks may change while a method reads it.
struct AtomicStatus(AtomicU8);

impl AtomicStatus {
    fn get(&self) -> Status {
        match self.0.load(Ordering::SeqCst) {
            1 => Status::NotStarted,
            2 => Status::Running,
            3 => Status::Aborted,
            _ => Status::Stopped,
        }
    }

    /// Changes the status if it is `from`.
    fn change(&self, from: Status, to: Status) -> bool {
        self.0
            .compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

impl fmt::Debug for MesosSchedulerDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MesosSchedulerDriver")
            .field("status", &self.status())
            .finish()
    }
}

impl MesosSchedulerDriver {
    /// Makes a driver; nothing happens before [`MesosSchedulerDriver::start`].
    pub fn new(runtime: &Runtime, options: DriverOptions, scheduler: impl Scheduler) -> Self {
        let scheduler: Box<dyn Scheduler> = Box::new(scheduler);
        let stage = Stage::Prepared(Box::new((options, scheduler)));
        let shared = Shared {
            runtime: runtime.clone(),
            status: AtomicStatus(AtomicU8::new(Status::NotStarted as u8)),
            stage: Mutex::new(stage),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// What the driver is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status.get()
    }

    /// Starts to look for the master and to register.
    pub fn start(&self) -> Status {
        let mut stage = self.stage();
        if let Stage::Prepared(_) = &*stage
            && let Stage::Prepared(parts) = std::mem::replace(&mut *stage, Stage::Joined)
        {
            let (options, scheduler) = *parts;
            let (promise, end) = Promise::new();
            self.shared
                .status
                .change(Status::NotStarted, Status::Running);
            let process = SchedulerProcess::new(self.clone(), options, scheduler, promise);
            let pid = self.shared.runtime.spawn(process);
            *stage = Stage::Started {
                pid,
                end: Some(end),
            };
            // What it has become meanwhile is told by callbacks.
            return Status::Running;
        }
        self.status()
    }

    /// Ends the driver. Without failover the framework ends, too.
    pub fn stop(&self, failover: Failover) -> Status {
        let status = &self.shared.status;
        let was_aborted = status.change(Status::Aborted, Status::Stopped);
        if !was_aborted && !status.change(Status::Running, Status::Stopped) {
            return self.status();
        }
        self.dispatch(move |process, ctx| process.stop(failover, ctx));
        if was_aborted {
            Status::Aborted
        } else {
            Status::Stopped
        }
    }

    /// Stops callbacks and makes the master deactivate the framework; its tasks go on.
    pub fn abort(&self) -> Status {
        if self.shared.status.change(Status::Running, Status::Aborted) {
            self.dispatch(|process, ctx| process.abort(ctx));
        }
        self.status()
    }

    /// Waits until the driver is stopped or aborted. Must not be called by a callback.
    pub fn join(&self) -> Status {
        let joining = self.joined();
        self.shared.runtime.block_on(joining)
    }

    /// As [`MesosSchedulerDriver::join`], for asynchronous callers.
    ///
    /// # Cancel safety
    /// Only one caller waits; when it is dropped a later one returns at once.
    pub async fn joined(&self) -> Status {
        let end = match &mut *self.stage() {
            Stage::Started { end, .. } => end.take(),
            Stage::Prepared(_) | Stage::Joined => None,
        };
        if let Some(end) = end {
            // However the actor has ended: there is nothing left to wait for.
            let (Outcome::Ready(()) | Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned) =
                end.await;
        }
        self.status()
    }

    /// Starts the driver and waits for its end.
    pub fn run(&self) -> Status {
        match self.start() {
            Status::Running => self.join(),
            other @ (Status::NotStarted | Status::Aborted | Status::Stopped) => other,
        }
    }

    /// Asks the master for resources.
    pub fn request_resources(&self, requests: Vec<Request>) -> Status {
        self.while_running(move |process, ctx| process.request_resources(requests, ctx))
    }

    /// Starts tasks on offers of one agent; what they do not use goes back.
    pub fn launch_tasks(
        &self,
        offer_ids: Vec<OfferId>,
        tasks: Vec<TaskInfo>,
        filters: Filters,
    ) -> Status {
        self.accept_offers(offer_ids, vec![crate::launch(tasks)], filters)
    }

    /// Applies operations to offers of one agent.
    pub fn accept_offers(
        &self,
        offer_ids: Vec<OfferId>,
        operations: Vec<Operation>,
        filters: Filters,
    ) -> Status {
        self.while_running(move |process, ctx| {
            process.accept_offers(offer_ids, operations, filters, ctx);
        })
    }

    /// Gives an offer back.
    pub fn decline_offer(&self, offer_id: OfferId, filters: Filters) -> Status {
        self.while_running(move |process, ctx| process.decline_offer(offer_id, filters, ctx))
    }

    /// Kills a task; an unknown one gets a status update, too.
    pub fn kill_task(&self, task_id: TaskId) -> Status {
        self.while_running(move |process, ctx| process.kill_task(task_id, ctx))
    }

    /// Wants offers again for these roles, or for all of them.
    pub fn revive_offers(&self, roles: Vec<String>) -> Status {
        self.while_running(move |process, ctx| process.revive_offers(roles, ctx))
    }

    /// Wants no offers for these roles, or for none of them.
    pub fn suppress_offers(&self, roles: Vec<String>) -> Status {
        self.while_running(move |process, ctx| process.suppress_offers(roles, ctx))
    }

    /// Acknowledges a status update, with [`Acknowledgements::Explicit`] only.
    pub fn acknowledge_status_update(&self, status: TaskStatus) -> Status {
        self.while_running(move |process, ctx| process.acknowledge_status_update(&status, ctx))
    }

    /// Sends something to an executor; it may get lost.
    pub fn send_framework_message(
        &self,
        executor_id: ExecutorId,
        agent_id: AgentId,
        data: Vec<u8>,
    ) -> Status {
        self.while_running(move |process, ctx| {
            process.send_framework_message(executor_id, agent_id, data, ctx);
        })
    }

    /// Asks for the status of these tasks, or of all.
    pub fn reconcile_tasks(&self, statuses: Vec<TaskStatus>) -> Status {
        self.while_running(move |process, ctx| process.reconcile_tasks(statuses, ctx))
    }

    /// Changes what the framework says about itself.
    pub fn update_framework(
        &self,
        framework: FrameworkInfo,
        suppressed_roles: Vec<String>,
        offer_constraints: Option<OfferConstraints>,
    ) -> Status {
        self.while_running(move |process, ctx| {
            process.update_framework(framework, suppressed_roles, offer_constraints, ctx);
        })
    }

    fn while_running(
        &self,
        f: impl FnOnce(&mut SchedulerProcess, &mut libprocess::Context<SchedulerProcess>)
        + Send
        + 'static,
    ) -> Status {
        let status = self.status();
        if status == Status::Running {
            self.dispatch(f);
        }
        status
    }

    fn dispatch(
        &self,
        f: impl FnOnce(&mut SchedulerProcess, &mut libprocess::Context<SchedulerProcess>)
        + Send
        + 'static,
    ) {
        if let Stage::Started { pid, .. } = &*self.stage() {
            pid.dispatch(f);
        }
    }

    fn stage(&self) -> std::sync::MutexGuard<'_, Stage> {
        // A holder never panics half-way: each section replaces or reads one value.
        self.shared
            .stage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
