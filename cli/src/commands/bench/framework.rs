//! A framework that launches as much as it was told on whatever it is offered, over the legacy wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::{Context, Process, ProcessId, Time, Upid};
use mesos_common::resources::Resources;
use mesos_proto::internal::{
    FrameworkRegisteredMessage, ResourceOffersMessage, StatusUpdateMessage,
};
use mesos_proto::v0::scheduler::{Call, call as v0_call};
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::{Launch, Type as OperationType};
use mesos_proto::v1::scheduler::call::{self, Type};
use mesos_proto::v1::{
    CommandInfo, Filters, FrameworkId, FrameworkInfo, Offer, Resource, TaskId, TaskInfo,
};

/// What a framework has to do.
#[derive(Debug)]
pub(super) struct Order {
    /// The master's actor.
    pub(super) master: Upid,
    /// How many tasks to run.
    pub(super) tasks: usize,
    /// How many of them on one offer at most.
    pub(super) per_offer: usize,
    /// What each task needs.
    pub(super) resources: Resources,
    /// From ACCEPT to the terminal update of each task.
    pub(super) latencies: Arc<Mutex<Vec<Duration>>>,
    /// The last of the states that agents report.
    pub(super) last_state: i32,
}

/// One framework.
#[derive(Debug)]
pub(super) struct SimulatedFramework {
    number: usize,
    order: Order,
    id: Option<FrameworkId>,
    launched: usize,
    since: HashMap<String, Time>,
}

impl SimulatedFramework {
    /// A framework that is not registered.
    pub(super) fn new(number: usize, order: Order) -> Self {
        Self {
            number,
            order,
            id: None,
            launched: 0,
            since: HashMap::new(),
        }
    }

    fn call(&self, kind: Type) -> Call {
        Call {
            framework_id: self.id.clone(),
            r#type: Some(kind.into()),
            ..Default::default()
        }
    }

    fn send(&self, call: &Call, ctx: &mut Context<Self>) {
        ctx.send_protobuf(&self.order.master, call);
    }

    fn registered(&mut self, _: &Upid, message: FrameworkRegisteredMessage, _: &mut Context<Self>) {
        self.id = message.framework_id;
    }

    fn offered(&mut self, _: &Upid, message: ResourceOffersMessage, ctx: &mut Context<Self>) {
        for offer in message.offers {
            self.use_offer(offer, ctx);
        }
    }

    fn use_offer(&mut self, offer: Offer, ctx: &mut Context<Self>) {
        let tasks = self.tasks_for(&offer);
        let filters = Filters {
            // What is left over is not wanted before the measurement is over.
            refuse_seconds: Some(if tasks.is_empty() { 3600.0 } else { 5.0 }),
            ..Default::default()
        };
        let offer_ids = offer.id.into_iter().collect();
        if tasks.is_empty() {
            let decline = call::Decline {
                offer_ids,
                filters: Some(filters),
                ..Default::default()
            };
            let decline = Call {
                decline: Some(decline),
                ..self.call(Type::Decline)
            };
            return self.send(&decline, ctx);
        }
        let now = ctx.now();
        for task in &tasks {
            self.since.insert(task.task_id().value().to_owned(), now);
        }
        let launch = Launch {
            task_infos: tasks,
            ..Default::default()
        };
        let operation = Operation {
            r#type: Some(OperationType::Launch.into()),
            launch: Some(launch),
            ..Default::default()
        };
        let accept = call::Accept {
            offer_ids,
            operations: vec![operation],
            filters: Some(filters),
            ..Default::default()
        };
        let accept = Call {
            accept: Some(accept.into()),
            ..self.call(Type::Accept)
        };
        self.send(&accept, ctx);
    }

    /// As many tasks as the order wants and the offer can hold.
    fn tasks_for(&mut self, offer: &Offer) -> Vec<TaskInfo> {
        let mut left = Resources::from_proto(&offer.resources);
        left.unallocate();
        let mut tasks = Vec::new();
        let resources: Vec<Resource> = self.order.resources.to_proto();
        while tasks.len() < self.order.per_offer
            && self.launched < self.order.tasks
            && left.contains(&self.order.resources)
        {
            left = &left - &self.order.resources;
            self.launched += 1;
            let name = format!("bench-{}-{}", self.number, self.launched);
            tasks.push(TaskInfo {
                task_id: Some(TaskId {
                    value: Some(name.clone()),
                    ..Default::default()
                }),
                name: Some(name),
                agent_id: offer.agent_id.clone(),
                resources: resources.clone(),
                command: Some(
                    CommandInfo {
                        value: Some("true".to_owned()),
                        ..Default::default()
                    }
                    .into(),
                ),
                ..Default::default()
            });
        }
        tasks
    }

    fn updated(&mut self, _: &Upid, message: StatusUpdateMessage, ctx: &mut Context<Self>) {
        let update = message.update();
        let status = update.status();
        if status.state == Some(self.order.last_state)
            && let Some(since) = self.since.remove(status.task_id().value())
            && let Ok(mut latencies) = self.order.latencies.lock()
        {
            latencies.push(ctx.now() - since);
        }
        if update.uuid().is_empty() {
            return;
        }
        let acknowledge = call::Acknowledge {
            agent_id: update.agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: update.uuid.clone(),
            ..Default::default()
        };
        let acknowledge = Call {
            acknowledge: Some(acknowledge.into()),
            ..self.call(Type::Acknowledge)
        };
        self.send(&acknowledge, ctx);
    }
}

impl Process for SimulatedFramework {
    fn id(&self) -> ProcessId {
        ProcessId::generated("scheduler-bench")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install_protobuf(Self::registered);
        ctx.install_protobuf(Self::offered);
        ctx.install_protobuf(Self::updated);
        ctx.link(&self.order.master);
        let subscribe = subscribe(&format!("bench-{}", self.number), Vec::new());
        self.send(&subscribe, ctx);
    }
}

/// Asks for registration; nothing is offered to suppressed roles.
pub(super) fn subscribe(name: &str, suppressed_roles: Vec<String>) -> Call {
    let info = FrameworkInfo {
        user: Some("root".to_owned()),
        name: Some(name.to_owned()),
        ..Default::default()
    };
    let subscribe = v0_call::Subscribe {
        framework_info: Some(info.into()),
        suppressed_roles,
        ..Default::default()
    };
    Call {
        r#type: Some(Type::Subscribe.into()),
        subscribe: Some(subscribe.into()),
        ..Default::default()
    }
}
