//! A framework that survives its own death: its id and its tasks are in a file.
//!
//! `failover <master> <file>`: started again with the same file it goes on where it was.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "shows the events of its idea"
)]

use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_examples::StateFile;
use mesos_proto::v1::{AgentId, Offer, TaskId, TaskInfo};
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, ids, launch, resources,
};

const TASKS: usize = 2;

fn main() -> Result<()> {
    mesos_examples::run(failover)
}

async fn failover(runtime: &Runtime, options: Options) -> Result<()> {
    let mut state = StateFile::open(mesos_examples::argument(2)?)?;
    let mut info = FrameworkBuilder::new("failover")
        .failover_timeout(Duration::from_secs(3600))
        .checkpoint();
    if let Some(id) = state.get("id") {
        info = info.id(ids::framework(id));
    }
    let (framework, mut events) = Framework::subscribe(runtime, options, info.build()).await?;
    println!("subscribed as {}", framework.id().value());
    state.set("id", framework.id().value())?;
    // What happened to the tasks meanwhile?
    framework.reconcile(unfinished(&state));
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    let tasks = next_tasks(&mut state, offer)?;
                    framework.accept(offer, vec![launch(tasks)]);
                }
                framework.suppress(Vec::new());
            }
            FrameworkEvent::Update(status) => {
                let (id, task) = (status.task_id().value(), status.state());
                println!("{id} is {}", task.as_str_name());
                if is_terminal(task) {
                    state.set(id, "ended")?;
                }
                // Only now: an update that is not written down comes again.
                framework.acknowledge(&status).await?;
                if next_task(&state).is_none() && unfinished(&state).is_empty() {
                    framework.teardown().await?;
                    return Ok(state.remove()?);
                }
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}

fn next_tasks(state: &mut StateFile, offer: &Offer) -> Result<Vec<TaskInfo>> {
    let (mut room, mut tasks) = (Room::of(offer), Vec::new());
    while let Some(id) = next_task(state) {
        let task = TaskBuilder::command(&id, "exec sleep 2");
        let Some(task) = room.place(task.resources(resources::cpus_mem(0.1, 32.0))) else {
            break;
        };
        // What is launched without being written down would be forgotten.
        state.set(&id, "launched")?;
        tasks.push(task);
    }
    Ok(tasks)
}

fn next_task(state: &StateFile) -> Option<String> {
    let mut all = (0..TASKS).map(|number| format!("task-{number}"));
    all.find(|id| state.get(id).is_none())
}

fn unfinished(state: &StateFile) -> Vec<(TaskId, Option<AgentId>)> {
    let goes_on = state.iter().filter(|(_, value)| *value == "launched");
    goes_on.map(|(id, _)| (ids::task(id), None)).collect()
}
