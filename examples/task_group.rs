//! Tasks that start together on one agent, under the default executor, in one network.
//!
//! The application ends by itself; its helper would go on, so the framework ends it.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "shows the events of its idea"
)]

use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_proto::v1::{Offer, TaskState};
use mesos_scheduler::{
    ExecutorBuilder, Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder,
    launch_group, resources,
};

fn main() -> Result<()> {
    mesos_examples::run(group)
}

async fn group(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("task group").build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    let mut launched = false;
    let mut helper = None;
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    if launched || !launch_both(&framework, offer) {
                        framework.decline(offer, Duration::from_secs(5));
                    } else {
                        launched = true;
                    }
                }
            }
            FrameworkEvent::Update(status) => {
                framework.acknowledge(&status).await?;
                let (id, state) = (status.task_id().clone(), status.state());
                println!("{} is {}", id.value(), state.as_str_name());
                match (id.value(), state) {
                    ("helper", TaskState::TaskRunning) => helper = Some(id),
                    ("application", TaskState::TaskFinished) => {
                        if let Some(helper) = helper.take() {
                            framework.kill(helper, status.agent_id);
                        }
                    }
                    ("helper", TaskState::TaskKilled) => return Ok(framework.teardown().await?),
                    (_, TaskState::TaskFailed) => bail!("{}: {}", id.value(), status.message()),
                    _ => {}
                }
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}

/// Launches both tasks, or none when the offer has not enough room for them and their executor.
fn launch_both(framework: &Framework, offer: &Offer) -> bool {
    let mut room = Room::of(offer);
    let executor = room.take(&[
        resources::scalar("cpus", 0.1),
        resources::scalar("mem", 32.0),
        resources::scalar("disk", 32.0),
    ]);
    let small = || resources::cpus_mem(0.1, 32.0);
    // The application ends when the helper is there: the network of the executor is theirs.
    let tasks = [
        TaskBuilder::command("helper", "exec sleep 1000").resources(small()),
        TaskBuilder::command("application", "sleep 0.5; echo done").resources(small()),
    ];
    let tasks: Option<Vec<_>> = tasks.into_iter().map(|task| room.place(task)).collect();
    let (Some(executor), Some(tasks)) = (executor, tasks) else {
        return false;
    };
    let executor = ExecutorBuilder::default_executor("group")
        .framework(framework.id())
        .resources(executor)
        .build();
    framework.accept(offer, vec![launch_group(executor, tasks)]);
    true
}
