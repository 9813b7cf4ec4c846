//! The legacy driver with an executor of its own, which is `legacy_executor` beside this program.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::{
    AgentId, ExecutorId, ExecutorInfo, FrameworkId, MasterInfo, Offer, OfferId, TaskState,
    TaskStatus,
};
use mesos_scheduler::driver::{
    Acknowledgements, DriverOptions, Failover, MesosSchedulerDriver, Scheduler, Status,
};
use mesos_scheduler::{
    ExecutorBuilder, FrameworkBuilder, Options, Room, TaskBuilder, refuse_for, resources,
};

const TASKS: u32 = 5;

fn main() -> Result<()> {
    mesos_examples::run(framework)
}

async fn framework(runtime: &Runtime, options: Options) -> Result<()> {
    let program = std::env::current_exe()?.with_file_name("legacy_executor");
    let command = program.to_str().context("a path that is text")?;
    let executor = ExecutorBuilder::command("default", format!("'{command}'")).build();
    let info = FrameworkBuilder::new("legacy").build();
    let options = DriverOptions {
        acknowledgements: Acknowledgements::Explicit,
        ..DriverOptions::new(info, options.master)
    };
    let scheduler = Legacy {
        executor,
        launched: 0,
        finished: 0,
        greeted: 0,
    };
    let driver = MesosSchedulerDriver::new(runtime, options, scheduler);
    driver.start();
    match driver.joined().await {
        Status::Stopped => Ok(()),
        ended @ (Status::NotStarted | Status::Running | Status::Aborted) => bail!("{ended:?}"),
    }
}

struct Legacy {
    executor: ExecutorInfo,
    launched: u32,
    finished: u32,
    greeted: u32,
}

impl Legacy {
    fn stop_when_done(&self, driver: &MesosSchedulerDriver) {
        if self.finished == TASKS && self.greeted == TASKS {
            driver.stop(Failover::No);
        }
    }
}

impl Scheduler for Legacy {
    fn registered(&mut self, _: &MesosSchedulerDriver, id: &FrameworkId, _: &MasterInfo) {
        println!("registered as {}", id.value());
    }

    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}

    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}

    fn resource_offers(&mut self, driver: &MesosSchedulerDriver, offers: &[Offer]) {
        for offer in offers {
            let (mut room, mut tasks) = (Room::of(offer), Vec::new());
            while self.launched < TASKS {
                let task = TaskBuilder::executor(self.launched.to_string(), self.executor.clone())
                    .resources(resources::cpus_mem(0.1, 32.0));
                let Some(task) = room.place(task) else { break };
                tasks.push(task);
                self.launched += 1;
            }
            let rest = refuse_for(Duration::from_secs(1));
            driver.launch_tasks(vec![offer.id().clone()], tasks, rest);
        }
    }

    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}

    fn status_update(&mut self, driver: &MesosSchedulerDriver, status: &TaskStatus) {
        let (id, state) = (status.task_id().value(), status.state());
        println!("task {id} is {}", state.as_str_name());
        driver.acknowledge_status_update(status.clone());
        if state == TaskState::TaskFinished {
            self.finished += 1;
        } else if is_terminal(state) {
            driver.abort();
        }
        self.stop_when_done(driver);
    }

    fn framework_message(
        &mut self,
        driver: &MesosSchedulerDriver,
        _: &ExecutorId,
        _: &AgentId,
        data: &[u8],
    ) {
        println!("the executor says {}", String::from_utf8_lossy(data));
        self.greeted += 1;
        self.stop_when_done(driver);
    }

    fn agent_lost(&mut self, _: &MesosSchedulerDriver, _: &AgentId) {}

    fn executor_lost(&mut self, _: &MesosSchedulerDriver, _: &ExecutorId, _: &AgentId, _: i32) {}

    fn error(&mut self, _: &MesosSchedulerDriver, message: &str) {
        println!("error: {message}");
    }
}
