//! The smallest framework: it runs three tasks, one after the other, and ends.
//!
//! `cargo run -p mesos-examples --bin hello_framework -- 127.0.0.1:5050`

use std::time::Duration;

use anyhow::{Context, Result, bail};
use libprocess::Runtime;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::{FrameworkInfo, Offer, TaskState, TaskStatus};
use mesos_scheduler::{
    Calls, Delivery, Mesos, Options, Subscribe, TaskBuilder, launch, refuse_for, resources,
};

/// How many tasks are run.
const TASKS: u32 = 3;

/// What a task needs.
const CPUS: f64 = 0.1;
const MEM: f64 = 32.0;

fn main() -> Result<()> {
    let master = std::env::args()
        .nth(1)
        .context("usage: hello_framework <master>")?;
    let framework = FrameworkInfo {
        user: Some(std::env::var("USER").unwrap_or_else(|_| "root".to_owned())),
        name: Some("hello".to_owned()),
        ..Default::default()
    };
    let options = Options {
        subscribe: Subscribe::Automatic(Box::new(framework)),
        ..Options::new(master.parse()?)
    };
    let runtime = Runtime::builder().arbiters(1).start()?;
    let outcome = runtime.block_on(run(&runtime, options));
    runtime.shutdown();
    outcome
}

async fn run(runtime: &Runtime, options: Options) -> Result<()> {
    let (mesos, mut events) = Mesos::events(runtime, options);
    let mut hello = None;
    while let Some(delivery) = events.next().await {
        let Delivery::Event(event) = delivery else {
            continue;
        };
        match (event.r#type(), &mut hello) {
            (event::Type::Subscribed, _) => {
                let framework_id = event.subscribed().framework_id().clone();
                println!("subscribed as {}", framework_id.value());
                hello = Some(Hello {
                    calls: Calls::of(framework_id),
                    launched: 0,
                    finished: 0,
                });
            }
            (event::Type::Offers, Some(hello)) => {
                for offer in &event.offers().offers {
                    hello.offered(offer, &mesos);
                }
            }
            (event::Type::Update, Some(hello)) => {
                hello.updated(event.update().status(), &mesos).await?;
                if hello.finished == TASKS {
                    return Ok(());
                }
            }
            (event::Type::Error, _) => bail!("{}", event.error().message()),
            _ => {}
        }
    }
    bail!("the library ended")
}

/// The framework.
struct Hello {
    calls: Calls,
    launched: u32,
    finished: u32,
}

impl Hello {
    /// Launches the next task when the one before has finished and the offer is enough.
    fn offered(&mut self, offer: &Offer, mesos: &Mesos) {
        let offer_id = vec![offer.id().clone()];
        let enough =
            resources::offered(offer, "cpus") >= CPUS && resources::offered(offer, "mem") >= MEM;
        if !enough || self.launched > self.finished {
            mesos.send(
                self.calls
                    .decline(offer_id, refuse_for(Duration::from_secs(1))),
            );
            return;
        }
        let task = TaskBuilder::command(format!("hello-{}", self.launched), "echo hello")
            .resources(resources::cpus_mem(CPUS, MEM))
            .for_offer(offer);
        println!("launching {}", task.task_id().value());
        // The rest of the offer is for the next task: it shall come back at once.
        mesos.send(self.calls.accept(
            offer_id,
            vec![launch(vec![task])],
            refuse_for(Duration::ZERO),
        ));
        self.launched += 1;
    }

    async fn updated(&mut self, status: &TaskStatus, mesos: &Mesos) -> Result<()> {
        println!(
            "{} is {}",
            status.task_id().value(),
            status.state().as_str_name()
        );
        if let Some(acknowledge) = self.calls.acknowledge(status) {
            // The program may end with this status: the acknowledgement must be out by then.
            mesos
                .call(acknowledge)
                .await
                .ready()
                .context("no answer")??;
        }
        match status.state() {
            TaskState::TaskFinished => self.finished += 1,
            TaskState::TaskStaging | TaskState::TaskStarting | TaskState::TaskRunning => {}
            state => bail!("{}: {}", state.as_str_name(), status.message()),
        }
        Ok(())
    }
}
