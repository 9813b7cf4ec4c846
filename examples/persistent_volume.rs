//! A reservation and a persistent volume: one task writes, a later one reads, then all is undone.
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
use mesos_proto::v1::{Offer, Resource, TaskState, TaskStatus};
use mesos_scheduler::operations::{create, destroy, reserve, unreserve};
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, launch, resources,
};

const ROLE: &str = "journal";

fn main() -> Result<()> {
    mesos_examples::run(journal)
}

async fn journal(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("persistent volume")
        .role(ROLE)
        .capability(ReservationRefinement)
        .checkpoint()
        .build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    let mut journal = Journal::default();
    while let Some(event) = events.next().await {
        match event {
            FrameworkEvent::Offers(offers) => {
                for offer in &offers {
                    match journal.next_operations(offer) {
                        operations if operations.is_empty() => {
                            framework.decline(offer, Duration::from_secs(1));
                        }
                        operations => framework.accept(offer, operations),
                    }
                    if journal.step == Step::Done {
                        return Ok(framework.teardown().await?);
                    }
                }
            }
            FrameworkEvent::Update(status) => {
                framework.acknowledge(&status).await?;
                journal.updated(&status)?;
                framework.revive(Vec::new());
            }
            FrameworkEvent::Error(error) => bail!("{error}"),
            _ => {}
        }
    }
    bail!("the library ended")
}

fn disk() -> Vec<Resource> {
    resources::reserved([resources::scalar("disk", 64.0)], ROLE, None)
}

fn volume() -> Vec<Resource> {
    resources::volume(disk(), "journal", "data")
}

/// What is done next; while a task runs nothing is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Write,
    Read,
    Undo,
    Done,
}

#[derive(Default)]
struct Journal {
    step: Step,
    running: bool,
}

impl Journal {
    fn next_operations(&mut self, offer: &Offer) -> Vec<Operation> {
        let is_there = Room::of(offer).has(&volume());
        if self.running || (self.step != Step::Write && !is_there) {
            return Vec::new();
        }
        let task = |id, command| {
            let all = [volume(), resources::cpus_mem(0.1, 32.0).to_vec()].concat();
            let task = TaskBuilder::command(id, command).resources(all);
            launch(vec![task.for_offer(offer)])
        };
        self.running = matches!(self.step, Step::Write | Step::Read);
        let (next, operations) = match self.step {
            // One ACCEPT does it all, in this order.
            Step::Write => {
                let task = task("writer", "echo hello >> data/journal");
                (Step::Read, vec![reserve(disk()), create(volume()), task])
            }
            Step::Read => (Step::Undo, vec![task("reader", "grep hello data/journal")]),
            Step::Undo => (Step::Done, vec![destroy(volume()), unreserve(disk())]),
            Step::Done => (Step::Done, Vec::new()),
        };
        self.step = next;
        operations
    }

    fn updated(&mut self, status: &TaskStatus) -> Result<()> {
        let (id, state) = (status.task_id().value(), status.state());
        println!("{id} is {}", state.as_str_name());
        if is_terminal(state) && state != TaskState::TaskFinished {
            bail!("{id}: {}", status.message());
        }
        self.running &= !is_terminal(state);
        Ok(())
    }
}
