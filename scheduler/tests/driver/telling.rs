//! A framework that tells each callback by its name, and what it is about.

use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskStatus};
use mesos_scheduler::driver::{MesosSchedulerDriver, Scheduler};

/// Calls its function for each callback.
pub(crate) struct Telling<F>(pub(crate) F);

impl<F: FnMut(&str, &str) + Send + 'static> Scheduler for Telling<F> {
    fn registered(&mut self, _: &MesosSchedulerDriver, id: &FrameworkId, _: &MasterInfo) {
        (self.0)("registered", id.value());
    }
    fn reregistered(&mut self, _: &MesosSchedulerDriver, master: &MasterInfo) {
        (self.0)("reregistered", master.id());
    }
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {
        (self.0)("disconnected", "");
    }
    fn resource_offers(&mut self, _: &MesosSchedulerDriver, _: &[Offer]) {
        (self.0)("resource_offers", "");
    }
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, id: &OfferId) {
        (self.0)("offer_rescinded", id.value());
    }
    fn status_update(&mut self, _: &MesosSchedulerDriver, status: &TaskStatus) {
        (self.0)("status_update", status.task_id().value());
    }
    fn framework_message(
        &mut self,
        _: &MesosSchedulerDriver,
        _: &ExecutorId,
        _: &AgentId,
        data: &[u8],
    ) {
        (self.0)("framework_message", &String::from_utf8_lossy(data));
    }
    fn agent_lost(&mut self, _: &MesosSchedulerDriver, id: &AgentId) {
        (self.0)("agent_lost", id.value());
    }
    fn executor_lost(&mut self, _: &MesosSchedulerDriver, id: &ExecutorId, _: &AgentId, _: i32) {
        (self.0)("executor_lost", id.value());
    }
    fn error(&mut self, _: &MesosSchedulerDriver, text: &str) {
        (self.0)("error", text);
    }
}
