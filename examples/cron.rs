//! Jobs by the clock, and jobs that start when others have finished.
//!
//! It ends when the last job of the chain has run twice; a real one would go on.

use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::{Offer, TaskInfo, TaskState, TaskStatus};
use mesos_scheduler::{
    Framework, FrameworkBuilder, FrameworkEvent, Options, Room, TaskBuilder, launch, resources,
};

/// Name, number of seconds after which it runs again, jobs that it waits for, and command.
const JOBS: [(&str, Option<usize>, &[&str], &str); 3] = [
    ("extract", Some(1), &[], "echo extracted"),
    ("prices", Some(2), &[], "echo prices"),
    ("report", None, &["extract", "prices"], "echo report"),
];

fn main() -> Result<()> {
    mesos_examples::run(cron)
}

async fn cron(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("cron").build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    let mut plan = Plan::default();
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            _ = seconds.tick() => {
                plan.second += 1;
                framework.revive(Vec::new());
                continue;
            }
        };
        match event {
            Some(FrameworkEvent::Offers(offers)) => {
                for offer in &offers {
                    framework.accept(offer, vec![launch(plan.start(offer))]);
                }
                // No more offers until something is due.
                framework.suppress(Vec::new());
            }
            Some(FrameworkEvent::Update(status)) => {
                framework.acknowledge(&status).await?;
                plan.updated(&status)?;
                framework.revive(Vec::new());
                if times(&plan.finished, "report") == 2 {
                    return Ok(framework.teardown().await?);
                }
            }
            Some(FrameworkEvent::Error(error)) => bail!("{error}"),
            Some(_) => {}
            None => bail!("the library ended"),
        }
    }
}

/// What has run, by name of the job.
#[derive(Default)]
struct Plan {
    second: usize,
    started: Vec<&'static str>,
    finished: Vec<&'static str>,
}

fn times(jobs: &[&str], name: &str) -> usize {
    jobs.iter().filter(|job| **job == name).count()
}

impl Plan {
    /// A job never runs twice at a time.
    fn is_due(&self, name: &str, every: Option<usize>, parents: &[&str]) -> bool {
        let started = times(&self.started, name);
        let is_time = match every {
            Some(seconds) => started <= self.second / seconds,
            None => parents
                .iter()
                .all(|parent| times(&self.finished, parent) > started),
        };
        is_time && started == times(&self.finished, name)
    }

    /// Starts what is due, as long as the offer has room.
    fn start(&mut self, offer: &Offer) -> Vec<TaskInfo> {
        let (mut room, mut tasks) = (Room::of(offer), Vec::new());
        for (name, every, parents, command) in JOBS {
            if self.is_due(name, every, parents) {
                let task = TaskBuilder::command(format!("{name}-{}", self.started.len()), command);
                let task = room.place(task.resources(resources::cpus_mem(0.1, 32.0)));
                self.started.extend(task.iter().map(|_| name));
                tasks.extend(task);
            }
        }
        tasks
    }

    fn updated(&mut self, status: &TaskStatus) -> Result<()> {
        let (id, state) = (status.task_id().value(), status.state());
        if state == TaskState::TaskFinished {
            println!("{id} is {}", state.as_str_name());
            let job = JOBS.iter().find(|(name, ..)| id.starts_with(name));
            self.finished.extend(job.map(|(name, ..)| *name));
        } else if is_terminal(state) {
            bail!("{id}: {}", status.message());
        }
        Ok(())
    }
}
