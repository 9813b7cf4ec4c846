//! What an agent gives to an executor, and an executor that tells what it is told.

use std::collections::BTreeMap;

use libprocess::Runtime;
use mesos_executor::driver::{Executor, MesosExecutorDriver};
use mesos_integration::legacy_peer::LegacyPeer;
use mesos_proto::v1::{AgentInfo, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo};

pub(crate) fn runtime() -> Runtime {
    let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).arbiters(1);
    runtime.start().expect("a runtime")
}

/// The variables that an agent sets.
pub(crate) fn variables(agent: &LegacyPeer) -> BTreeMap<String, String> {
    let variables = [
        ("MESOS_SLAVE_PID", agent.upid()),
        ("MESOS_SLAVE_ID", "S0".to_owned()),
        ("MESOS_FRAMEWORK_ID", "f".to_owned()),
        ("MESOS_EXECUTOR_ID", "e".to_owned()),
        ("MESOS_DIRECTORY", "/tmp".to_owned()),
        ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "5secs".to_owned()),
        // The forced end would be that of the test.
        ("MESOS_LOCAL", "1".to_owned()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// Calls its function for each callback with its name and what it is about.
pub(crate) struct Telling<F>(pub(crate) F);

impl<F: FnMut(&str, &str) + Send + 'static> Executor for Telling<F> {
    fn registered(
        &mut self,
        _: &MesosExecutorDriver,
        executor: &ExecutorInfo,
        _: &FrameworkInfo,
        _: &AgentInfo,
    ) {
        (self.0)("registered", executor.executor_id().value());
    }
    fn reregistered(&mut self, _: &MesosExecutorDriver, agent: &AgentInfo) {
        (self.0)("reregistered", agent.id().value());
    }
    fn launch_task(&mut self, _: &MesosExecutorDriver, task: &TaskInfo) {
        (self.0)("launch_task", task.task_id().value());
    }
    fn kill_task(&mut self, _: &MesosExecutorDriver, id: &TaskId, _: Option<&KillPolicy>) {
        (self.0)("kill_task", id.value());
    }
    fn framework_message(&mut self, _: &MesosExecutorDriver, data: &[u8]) {
        (self.0)("framework_message", &String::from_utf8_lossy(data));
    }
    fn shutdown(&mut self, _: &MesosExecutorDriver) {
        (self.0)("shutdown", "");
    }
}
