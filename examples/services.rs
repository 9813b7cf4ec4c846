//! Services that live long: each instance is checked, and a dead or sick one is replaced.
//!
//! It ends after some replacements; a real one would go on.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "shows the events of its idea"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::framework_info::capability::Type::TaskKillingState;
use mesos_proto::v1::{Offer, TaskInfo, TaskStatus};
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, HealthCheckBuilder, Options, Room, TaskBuilder,
    launch, resources,
};

/// Name, number of instances, command and health check; the second falls sick after a while.
const SERVICES: [(&str, usize, &str, &str); 2] = [
    ("steady", 2, "exec sleep 1000", "true"),
    (
        "frail",
        1,
        "sleep 0.5; touch sick; exec sleep 1000",
        "! test -e sick",
    ),
];

const REPLACEMENTS: usize = 2;

fn main() -> Result<()> {
    mesos_examples::run(services)
}

async fn services(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("services")
        .capability(TaskKillingState)
        .checkpoint()
        .build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    let mut keeper = Keeper::default();
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    match keeper.launch_missing(offer) {
                        tasks if tasks.is_empty() => {
                            framework.decline(offer, Duration::from_secs(5));
                        }
                        tasks => framework.accept(offer, vec![launch(tasks)]),
                    }
                }
            }
            FrameworkEvent::Update(status) => {
                framework.acknowledge(&status).await?;
                if keeper.updated(&status) {
                    // What was declined while nothing was missing is wanted again.
                    framework.revive(Vec::new());
                }
                if keeper.ended > REPLACEMENTS {
                    return Ok(framework.teardown().await?);
                }
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}

/// Which instances there are.
#[derive(Default)]
struct Keeper {
    instances: BTreeMap<String, &'static str>,
    launched: usize,
    ended: usize,
}

impl Keeper {
    fn launch_missing(&mut self, offer: &Offer) -> Vec<TaskInfo> {
        let (mut room, mut tasks) = (Room::of(offer), Vec::new());
        for (service, instances, command, health) in SERVICES {
            let there = self.instances.values().filter(|name| **name == service);
            for _ in there.count()..instances {
                let id = format!("{service}-{}", self.launched);
                let Some(task) = room.place(instance(&id, command, health)) else {
                    break;
                };
                self.launched += 1;
                self.instances.insert(id, service);
                tasks.push(task);
            }
        }
        tasks
    }

    /// Whether an instance is gone.
    fn updated(&mut self, status: &TaskStatus) -> bool {
        let (id, state) = (status.task_id().value(), status.state().as_str_name());
        println!("{id} is {state}, healthy: {:?}", status.healthy);
        let gone = is_terminal(status.state()) && self.instances.remove(id).is_some();
        self.ended += usize::from(gone);
        gone
    }
}

fn instance(id: &str, command: &str, health: &str) -> TaskBuilder {
    let health = HealthCheckBuilder::command(health)
        .delay(Duration::ZERO)
        .interval(Duration::from_millis(100))
        .grace_period(Duration::ZERO)
        .consecutive_failures(2);
    TaskBuilder::command(id, command)
        .resources(resources::cpus_mem(0.1, 32.0))
        .health_check(health)
}
