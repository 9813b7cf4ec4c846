//! Leaves an agent before it is maintained: an inverse offer asks for it, with a time.
//!
//! It ends when the agent is gone.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "shows the events of its idea"
)]

use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::TaskStatus;
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, launch, resources,
};

fn main() -> Result<()> {
    mesos_examples::run(leave)
}

async fn leave(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("inverse offers").build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    // The task, once it has a status, and until it has ended.
    let mut task: Option<TaskStatus> = None;
    let mut launched = false;
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    // An agent that will be maintained says so in its offers.
                    let stays = offer.unavailability.is_none() && !launched;
                    let wanted = TaskBuilder::command("tenant", "exec sleep 1000")
                        .resources(resources::cpus_mem(0.1, 32.0));
                    match Room::of(offer).place(wanted).filter(|_| stays) {
                        Some(tenant) => {
                            framework.accept(offer, vec![launch(vec![tenant])]);
                            launched = true;
                        }
                        None => framework.decline(offer, Duration::from_secs(1)),
                    }
                }
            }
            FrameworkEvent::Update(status) => {
                framework.acknowledge(&status).await?;
                println!("the tenant is {}", status.state().as_str_name());
                let goes_on = !is_terminal(status.state());
                task = Some(*status).filter(|_| goes_on);
            }
            FrameworkEvent::InverseOffers(offers) => {
                for offer in &offers {
                    let start = offer.unavailability().start().nanoseconds() / 1_000_000_000;
                    println!("asked to leave {} until {start}", offer.agent_id().value());
                    if let Some(status) = &task {
                        framework.kill(status.task_id().clone(), status.agent_id.clone());
                    }
                    framework.accept_inverse_offer(offer);
                }
            }
            FrameworkEvent::AgentLost(agent_id) => {
                println!("{} is gone", agent_id.value());
                return Ok(framework.teardown().await?);
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}
