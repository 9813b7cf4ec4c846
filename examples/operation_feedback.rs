//! Operations with ids: the master tells what became of each, until that is acknowledged.
//!
//! Resources are reserved, used by a task, and given back.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "shows the events of its idea"
)]

use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::framework_info::capability::Type::ReservationRefinement;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{Offer, OperationState, OperationStatus, Resource, TaskState};
use mesos_scheduler::operations::{reserve, unreserve, with_id};
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, launch, resources,
};

const ROLE: &str = "feedback";

fn main() -> Result<()> {
    mesos_examples::run(feedback)
}

/// What is done with the next offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Reserve,
    Launch,
    Unreserve,
    /// Nothing, until the master has said what became of the last one.
    Wait,
}

async fn feedback(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("operation feedback")
        .role(ROLE)
        .capability(ReservationRefinement)
        .build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    let reserved = resources::reserved(resources::cpus_mem(0.1, 32.0), ROLE, None);
    let mut step = Step::Reserve;
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    match operation(step, offer, &reserved) {
                        Some(operation) => {
                            framework.accept(offer, vec![operation]);
                            step = Step::Wait;
                        }
                        None => framework.decline(offer, Duration::from_secs(1)),
                    }
                }
            }
            FrameworkEvent::OperationUpdate(status) => {
                framework.acknowledge_operation(&status).await?;
                step = after(&status)?;
                let id = status.operation_id().clone();
                if id.value() == "unreserve" {
                    return Ok(framework.teardown().await?);
                }
                framework.revive(Vec::new());
            }
            FrameworkEvent::Update(status) => {
                framework.acknowledge(&status).await?;
                println!("the task is {}", status.state().as_str_name());
                if status.state() == TaskState::TaskFinished {
                    step = Step::Unreserve;
                    framework.revive(Vec::new());
                } else if is_terminal(status.state()) {
                    bail!("{}", status.message());
                }
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}

fn operation(step: Step, offer: &Offer, reserved: &[Resource]) -> Option<Operation> {
    let mut room = Room::of(offer);
    match step {
        Step::Reserve => {
            room.take(&resources::cpus_mem(0.1, 32.0))?;
            Some(with_id(reserve(reserved.to_vec()), "reserve"))
        }
        Step::Launch => {
            let task = TaskBuilder::command("task", "echo hello").resources(reserved.to_vec());
            Some(launch(vec![room.place(task)?]))
        }
        Step::Unreserve => {
            room.take(reserved)?;
            Some(with_id(unreserve(reserved.to_vec()), "unreserve"))
        }
        Step::Wait => None,
    }
}

fn after(status: &OperationStatus) -> Result<Step> {
    let (id, state) = (status.operation_id().value(), status.state());
    println!("{id} is {}", state.as_str_name());
    if state != OperationState::OperationFinished {
        bail!("{id}: {}", status.message());
    }
    Ok(Step::Launch)
}
