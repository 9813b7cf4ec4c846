//! Asks the master's actor something small again and again, and notes how long each answer takes.
//!
//! The question is the reconciliation of a task that nobody has: it goes through the same mailbox as everything else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::{Context, Process, ProcessId, Time, Upid};
use mesos_proto::internal::{FrameworkRegisteredMessage, StatusUpdateMessage};
use mesos_proto::v0::scheduler::Call;
use mesos_proto::v1::scheduler::call::{self, Type, reconcile};
use mesos_proto::v1::{FrameworkId, TaskId};

use super::framework::subscribe;
use super::milestone::Milestone;

/// From an answer to the next question.
const PAUSE: Duration = Duration::from_millis(2);

/// What the answers took since the last look; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Arc<Mutex<Vec<Duration>>>);

impl Latencies {
    /// Takes what was noted.
    pub(super) fn take(&self) -> Vec<Duration> {
        self.0
            .lock()
            .map(|mut kept| std::mem::take(&mut *kept))
            .unwrap_or_default()
    }

    fn note(&self, took: Duration) {
        if let Ok(mut kept) = self.0.lock() {
            kept.push(took);
        }
    }
}

/// A framework that only asks.
#[derive(Debug)]
pub(super) struct Probe {
    master: Upid,
    registered: Milestone,
    latencies: Latencies,
    id: Option<FrameworkId>,
    asked: Time,
}

impl Probe {
    /// A probe that begins when it is registered.
    pub(super) fn new(
        master: Upid,
        registered: Milestone,
        latencies: Latencies,
        now: Time,
    ) -> Self {
        Self {
            master,
            registered,
            latencies,
            id: None,
            asked: now,
        }
    }

    fn registered(
        &mut self,
        _: &Upid,
        message: FrameworkRegisteredMessage,
        ctx: &mut Context<Self>,
    ) {
        self.id = message.framework_id;
        self.registered.pass();
        self.ask(ctx);
    }

    fn ask(&mut self, ctx: &mut Context<Self>) {
        self.asked = ctx.now();
        let task = reconcile::Task {
            task_id: Some(TaskId {
                value: Some("nobody".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let call = Call {
            framework_id: self.id.clone(),
            r#type: Some(Type::Reconcile.into()),
            reconcile: Some(call::Reconcile {
                tasks: vec![task],
                ..Default::default()
            }),
            ..Default::default()
        };
        ctx.send_protobuf(&self.master, &call);
    }

    fn answered(&mut self, _: &Upid, _: StatusUpdateMessage, ctx: &mut Context<Self>) {
        self.latencies.note(ctx.now() - self.asked);
        ctx.delay(PAUSE, Self::ask);
    }
}

impl Process for Probe {
    fn id(&self) -> ProcessId {
        ProcessId::generated("scheduler-bench-probe")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(Self::registered);
        ctx.install_protobuf(Self::answered);
        ctx.link(&self.master);
        let subscribe = subscribe("bench-probe", vec!["*".to_owned()]);
        ctx.send_protobuf(&self.master, &subscribe);
    }
}
