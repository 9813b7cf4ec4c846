//! A framework that only cares whether it is registered.

use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskStatus};
use mesos_scheduler::driver::{MesosSchedulerDriver, Scheduler};

/// Calls its function when the master has registered the framework.
pub(crate) struct OnRegistered<F>(pub(crate) F);

impl<F: FnMut() + Send + 'static> Scheduler for OnRegistered<F> {
    fn registered(&mut self, _: &MesosSchedulerDriver, _: &FrameworkId, _: &MasterInfo) {
        (self.0)();
    }
    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}
    fn resource_offers(&mut self, _: &MesosSchedulerDriver, _: &[Offer]) {}
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}
    fn status_update(&mut self, _: &MesosSchedulerDriver, _: &TaskStatus) {}
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
    fn error(&mut self, _: &MesosSchedulerDriver, _: &str) {}
}
