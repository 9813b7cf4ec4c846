//! The smallest framework: it runs three tasks, one after the other, and ends.
//!
//! `cargo run -p mesos-examples --bin hello_framework -- 127.0.0.1:5050`

use std::time::Duration;

use anyhow::{Context, Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::scheduler::event;
use mesos_proto::v1::{FrameworkInfo, Offer, TaskState, TaskStatus};
use mesos_scheduler::{
    Calls, Delivery, Mesos, Options, Subscribe, TaskBuilder, launch, refuse_for, resources,
};

const TASKS: u32 = 3;
const CPUS: f64 = 0.1;
const MEM: f64 = 32.0;

fn main() -> Result<()> {
    let usage = "usage: hello_framework <master>";
    let master = std::env::args().nth(1).context(usage)?;
    let framework = FrameworkInfo {
        user: Some(std::env::var("USER").unwrap_or_else(|_| "root".into())),
        name: Some("hello".into()),
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
                let (calls, launched, finished) = (Calls::of(framework_id), 0, 0);
                hello = Some(Hello {
                    calls,
                    launched,
                    finished,
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
        // The rest of the offer is for the next task: it shall come back at once.
        mesos.send(self.calls.accept(
            offer_id,
            vec![launch(vec![task])],
            refuse_for(Duration::ZERO),
        ));
        self.launched += 1;
    }

    async fn updated(&mut self, status: &TaskStatus, mesos: &Mesos) -> Result<()> {
        let state = status.state();
        let task = status.task_id().value();
        println!("{task} is {}", state.as_str_name());
        if let Some(acknowledge) = self.calls.acknowledge(status) {
            // The program may end with this status: the acknowledgement must be out by then.
            let answer = mesos.call(acknowledge).await;
            answer.ready().context("no answer")??;
        }
        if state == TaskState::TaskFinished {
            self.finished += 1;
        } else if is_terminal(state) {
            bail!("{}: {}", state.as_str_name(), status.message());
        }
        Ok(())
    }
}
