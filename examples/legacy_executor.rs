//! An executor on the legacy driver: each of its tasks is a line of output.

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_executor::driver::{DriverEnvironment, Executor, MesosExecutorDriver, Status};
use mesos_proto::v1::{
    AgentInfo, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo, TaskState, TaskStatus,
};

fn main() -> Result<()> {
    let variables = std::env::vars().collect();
    let environment = DriverEnvironment::from_variables(&variables)?;
    let runtime = Runtime::builder()
        .arbiters(1)
        .environment(&variables)?
        .start()?;
    let driver = MesosExecutorDriver::new(&runtime, environment, Lines);
    let ended = driver.run();
    runtime.shutdown();
    match ended {
        Status::Stopped => Ok(()),
        Status::NotStarted | Status::Running | Status::Aborted => bail!("{ended:?}"),
    }
}

struct Lines;

fn report(driver: &MesosExecutorDriver, task_id: &TaskId, state: TaskState) {
    driver.send_status_update(TaskStatus {
        task_id: Some(task_id.clone()),
        state: Some(state.into()),
        ..Default::default()
    });
}

impl Executor for Lines {
    fn registered(
        &mut self,
        _: &MesosExecutorDriver,
        executor: &ExecutorInfo,
        _: &FrameworkInfo,
        agent: &AgentInfo,
    ) {
        println!(
            "{} runs on {}",
            executor.executor_id().value(),
            agent.hostname()
        );
    }

    fn reregistered(&mut self, _: &MesosExecutorDriver, agent: &AgentInfo) {
        println!("back on {}", agent.hostname());
    }

    fn launch_task(&mut self, driver: &MesosExecutorDriver, task: &TaskInfo) {
        report(driver, task.task_id(), TaskState::TaskRunning);
        println!("this is task {}", task.task_id().value());
        let greeting = format!("hello from task {}", task.task_id().value());
        driver.send_framework_message(greeting.into_bytes());
        report(driver, task.task_id(), TaskState::TaskFinished);
    }

    fn kill_task(&mut self, driver: &MesosExecutorDriver, id: &TaskId, _: Option<&KillPolicy>) {
        report(driver, id, TaskState::TaskKilled);
    }

    fn framework_message(&mut self, _: &MesosExecutorDriver, data: &[u8]) {
        println!("the framework says {}", String::from_utf8_lossy(data));
    }

    fn shutdown(&mut self, driver: &MesosExecutorDriver) {
        driver.stop();
    }
}
