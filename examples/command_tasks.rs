//! The legacy driver without an executor: tasks are commands, and Mesos brings what runs them.

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::{
    AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskState, TaskStatus,
};
use mesos_scheduler::driver::{DriverOptions, Failover, MesosSchedulerDriver, Scheduler, Status};
use mesos_scheduler::{FrameworkBuilder, Options, Room, TaskBuilder, refuse_for, resources};

const TASKS: u32 = 5;

fn main() -> Result<()> {
    mesos_examples::run(commands)
}

async fn commands(runtime: &Runtime, options: Options) -> Result<()> {
    let info = FrameworkBuilder::new("command tasks").build();
    let options = DriverOptions::new(info, options.master);
    let driver = MesosSchedulerDriver::new(runtime, options, Commands::default());
    driver.start();
    match driver.joined().await {
        Status::Stopped => Ok(()),
        ended @ (Status::NotStarted | Status::Running | Status::Aborted) => bail!("{ended:?}"),
    }
}

#[derive(Default)]
struct Commands {
    launched: u32,
    finished: u32,
}

impl Scheduler for Commands {
    fn registered(&mut self, _: &MesosSchedulerDriver, id: &FrameworkId, _: &MasterInfo) {
        println!("registered as {}", id.value());
    }

    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}

    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}

    fn resource_offers(&mut self, driver: &MesosSchedulerDriver, offers: &[Offer]) {
        for offer in offers {
            let (mut room, mut tasks) = (Room::of(offer), Vec::new());
            while self.launched < TASKS {
                let task = TaskBuilder::command(self.launched.to_string(), "echo $MESOS_SANDBOX")
                    .resources(resources::cpus_mem(0.1, 32.0));
                let Some(task) = room.place(task) else { break };
                tasks.push(task);
                self.launched += 1;
            }
            let rest = refuse_for(std::time::Duration::from_secs(1));
            driver.launch_tasks(vec![offer.id().clone()], tasks, rest);
        }
    }

    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}

    fn status_update(&mut self, driver: &MesosSchedulerDriver, status: &TaskStatus) {
        let (id, state) = (status.task_id().value(), status.state());
        println!("task {id} is {}", state.as_str_name());
        if state == TaskState::TaskFinished {
            self.finished += 1;
        } else if is_terminal(state) {
            driver.abort();
        }
        if self.finished == TASKS {
            driver.stop(Failover::No);
        }
    }

    fn framework_message(
        &mut self,
        _: &MesosSchedulerDriver,
        _: &ExecutorId,
        _: &AgentId,
        _: &[u8],
    ) {
    }

    fn agent_lost(&mut self, _: &MesosSchedulerDriver, _: &AgentId) {}

    fn executor_lost(&mut self, _: &MesosSchedulerDriver, _: &ExecutorId, _: &AgentId, _: i32) {}

    fn error(&mut self, _: &MesosSchedulerDriver, message: &str) {
        println!("error: {message}");
    }
}
