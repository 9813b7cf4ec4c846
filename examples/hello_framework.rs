//! The smallest framework: it runs three tasks, one after the other, and ends.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "shows the events of its idea"
)]

use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::TaskState;
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, launch, resources,
};

const TASKS: u32 = 3;

fn main() -> Result<()> {
    mesos_examples::run(hello)
}

async fn hello(runtime: &Runtime, options: Options) -> Result<()> {
    let hello = FrameworkBuilder::new("hello").build();
    let (framework, mut events) = Framework::subscribe(runtime, options, hello).await?;
    let (mut launched, mut finished) = (0, 0);
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    let task = TaskBuilder::command(format!("hello-{launched}"), "echo hello")
                        .resources(resources::cpus_mem(0.1, 32.0));
                    let is_next = launched == finished;
                    match Room::of(offer).place(task).filter(|_| is_next) {
                        Some(task) => {
                            framework.accept(offer, vec![launch(vec![task])]);
                            launched += 1;
                        }
                        None => framework.decline(offer, Duration::from_secs(1)),
                    }
                }
            }
            FrameworkEvent::Update(status) => {
                let (task, state) = (status.task_id().value(), status.state());
                println!("{task} is {}", state.as_str_name());
                framework.acknowledge(&status).await?;
                if state == TaskState::TaskFinished {
                    finished += 1;
                } else if is_terminal(state) {
                    bail!("{task}: {}", status.message());
                }
                if finished == TASKS {
                    return Ok(framework.teardown().await?);
                }
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}
