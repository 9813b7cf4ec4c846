//! The actor behind the legacy driver.
//!
//! # Owns
//! The framework's state at the master, and the addresses of the agents that it was offered.
//!
//! # Invariants
//! - Nothing is delivered once the driver is stopped or aborted.
//! - Only the leading master is listened to.
//!
//! # Timers
//! Registration: a random time that doubles up to a minute, or to a tenth of the failover timeout.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use libprocess::{Context, Outcome, Process, ProcessId, Promise, Timer, Upid};
use mesos_common::ids::{AgentId, OfferId};
use mesos_proto::v0::scheduler::{Call, call};
use mesos_proto::v1::FrameworkInfo;
use mesos_proto::v1::scheduler::OfferConstraints;
use mesos_proto::v1::scheduler::call as v1_call;
use uuid::Uuid;

use super::{
    Acknowledgements, Authenticatee, DriverOptions, Failover, MesosSchedulerDriver, Scheduler,
    Status,
};
use crate::Credential;
use crate::detection::{Detected, Detection};
use crate::flags::DriverFlags;
use crate::metrics;

/// Longest time between two registrations.
const REGISTRATION_RETRY_MAX: Duration = Duration::from_mins(1);

pub(super) struct SchedulerProcess {
    pub(super) driver: MesosSchedulerDriver,
    pub(super) scheduler: Box<dyn Scheduler>,
    pub(super) framework: Box<FrameworkInfo>,
    pub(super) suppressed_roles: BTreeSet<String>,
    pub(super) offer_constraints: Option<OfferConstraints>,
    pub(super) acknowledgements: Acknowledgements,
    pub(super) credential: Option<Credential>,
    pub(super) authenticatee: Box<dyn Authenticatee>,
    pub(super) authentication_attempt: u64,
    pub(super) flags: DriverFlags,
    pub(super) detection: Detection,
    pub(super) master: Option<Upid>,
    pub(super) link: Link,
    /// Whether the next registration takes over from another driver.
    pub(super) failover: Failover,
    /// Whether `UPDATE_FRAMEWORK` follows the next registration.
    pub(super) update_due: UpdateDue,
    registration_timer: Option<Timer>,
    /// Agents by the offers that are out.
    pub(super) offered: HashMap<OfferId, HashMap<AgentId, Upid>>,
    /// Agents on which tasks were launched: messages go to them directly.
    pub(super) agents: HashMap<AgentId, Upid>,
    end: Option<Promise<()>>,
}

/// Whether the master knows the framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Disconnected,
    Connected,
}

/// Whether the master has to hear of changes made while it was away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpdateDue {
    No,
    Yes,
}

impl Process for SchedulerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::fixed(format!("scheduler-{}", Uuid::new_v4()))
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.install_messages(ctx);
        metrics::install(ctx);
        self.detect(ctx);
    }

    fn finalize(&mut self, ctx: &mut Context<Self>) {
        metrics::remove(ctx);
        if let Some(end) = self.end.take() {
            end.set(());
        }
    }

    /// The connection broke; the detector will tell, or the master is still there.
    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        if self.master.as_ref() == Some(pid) && self.is_running() {
            tracing::info!(%pid, "the connection to the master broke; detecting again");
            self.detection.restart();
            self.detect(ctx);
        }
    }
}

impl SchedulerProcess {
    pub(super) fn new(
        driver: MesosSchedulerDriver,
        options: DriverOptions,
        scheduler: Box<dyn Scheduler>,
        end: Promise<()>,
    ) -> Self {
        let has_id = options
            .framework
            .id
            .as_ref()
            .is_some_and(|id| !id.value().is_empty());
        Self {
            driver,
            scheduler,
            framework: Box::new(complete(options.framework)),
            suppressed_roles: options.suppressed_roles.into_iter().collect(),
            offer_constraints: options.offer_constraints,
            acknowledgements: options.acknowledgements,
            credential: options.credential,
            authenticatee: options.authenticatee,
            authentication_attempt: 0,
            flags: options.flags,
            detection: Detection::of(&options.master),
            master: None,
            link: Link::Disconnected,
            failover: if has_id { Failover::Yes } else { Failover::No },
            update_due: UpdateDue::No,
            registration_timer: None,
            offered: HashMap::new(),
            agents: HashMap::new(),
            end: Some(end),
        }
    }

    /// Callbacks and calls happen only while the driver runs.
    pub(super) fn is_running(&self) -> bool {
        self.driver.status() == Status::Running
    }

    fn detect(&mut self, ctx: &mut Context<Self>) {
        let detected = self.detection.next(ctx.runtime());
        ctx.on_any(detected, Self::on_detected);
    }

    fn on_detected(&mut self, outcome: Outcome<Detected>, ctx: &mut Context<Self>) {
        if !self.is_running() {
            return;
        }
        let master = match outcome {
            Outcome::Ready(Ok(master)) => self.detection.found(master),
            Outcome::Ready(Err(error)) => {
                return self.error(&format!("Failed to detect a master: {error}"), ctx);
            }
            Outcome::Failed(reason) => {
                return self.error(&format!("Failed to detect a master: {reason}"), ctx);
            }
            Outcome::Discarded | Outcome::Abandoned => return,
        };
        self.master = master;
        if self.link == Link::Connected {
            self.link = Link::Disconnected;
            self.scheduler.disconnected(&self.driver);
        }
        match self.master.clone() {
            Some(master) => {
                tracing::info!(%master, "new master detected");
                ctx.link(&master);
                self.stop_registering();
                if self.credential.is_some() {
                    self.authenticate_first(ctx);
                } else {
                    tracing::info!("no credentials provided, registering without authentication");
                    self.register_first(ctx);
                }
            }
            None => tracing::info!("no master detected"),
        }
        self.detect(ctx);
    }

    pub(super) fn stop_registering(&mut self) {
        if let Some(timer) = self.registration_timer.take() {
            timer.cancel();
        }
    }

    pub(super) fn register_first(&mut self, ctx: &mut Context<Self>) {
        self.stop_registering();
        self.register_reliably(self.flags.registration_backoff_factor, ctx);
    }

    fn register_reliably(&mut self, longest: Duration, ctx: &mut Context<Self>) {
        if !self.is_running() || self.link == Link::Connected {
            return;
        }
        let Some(master) = self.master.clone() else {
            return;
        };
        let has_id = self
            .framework
            .id
            .as_ref()
            .is_some_and(|id| !id.value().is_empty());
        let subscribe = call::Subscribe {
            framework_info: Some(self.framework.clone()),
            force: has_id.then_some(self.failover == Failover::Yes),
            suppressed_roles: self.suppressed_roles.iter().cloned().collect(),
            offer_constraints: Some(self.offer_constraints.clone().unwrap_or_default()),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(v1_call::Type::Subscribe.into()),
            framework_id: has_id.then(|| self.framework.id().clone()),
            subscribe: Some(subscribe.into()),
            ..Default::default()
        };
        ctx.send_protobuf(&master, &call);
        let longest = registration_limit(longest, self.framework.failover_timeout);
        let pause = longest.mul_f64(rand::random());
        let timer = ctx.delay(pause, move |process: &mut Self, ctx| {
            process.register_reliably(longest * 2, ctx);
        });
        self.registration_timer = Some(timer);
    }

    /// Aborts the driver and tells the scheduler why.
    pub(super) fn error(&mut self, message: &str, _: &mut Context<Self>) {
        if !self.is_running() {
            return;
        }
        tracing::info!(message, "got error");
        self.driver.abort();
        self.scheduler.error(&self.driver, message);
    }

    pub(super) fn stop(&mut self, failover: Failover, ctx: &mut Context<Self>) {
        if self.link == Link::Connected && failover == Failover::No {
            self.send_call(v1_call::Type::Teardown, ctx, |_| {});
        }
        ctx.terminate();
    }

    pub(super) fn abort(&mut self, ctx: &mut Context<Self>) {
        self.stop_registering();
        self.send_deactivation(ctx);
        if let Some(end) = self.end.take() {
            end.set(());
        }
    }
}

/// The longest pause until the next registration: not so long that the master forgets the
/// framework meanwhile.
fn registration_limit(longest: Duration, failover_timeout: Option<f64>) -> Duration {
    let limit = longest.min(REGISTRATION_RETRY_MAX);
    match failover_timeout.map(Duration::try_from_secs_f64) {
        Some(Ok(timeout)) if !timeout.is_zero() => limit.min(timeout / 10),
        Some(Ok(_) | Err(_)) | None => limit,
    }
}

/// Fills in the user and the host where the framework does not say them.
fn complete(mut framework: FrameworkInfo) -> FrameworkInfo {
    if framework.user().is_empty() {
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
        framework.user = user.ok().flatten().map(|user| user.name).or(framework.user);
    }
    if framework.hostname().is_empty()
        && let Ok(name) = nix::unistd::gethostname()
    {
        framework.hostname = Some(name.to_string_lossy().into_owned());
    }
    framework
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registration_is_repeated_often_enough_for_the_failover_timeout() {
        let secs = Duration::from_secs;

        assert_eq!(registration_limit(secs(4), None), secs(4));
        assert_eq!(registration_limit(secs(400), None), secs(60));
        assert_eq!(registration_limit(secs(400), Some(100.0)), secs(10));
        assert_eq!(registration_limit(secs(4), Some(0.0)), secs(4));
        assert_eq!(registration_limit(secs(4), Some(-1.0)), secs(4));
    }
}
