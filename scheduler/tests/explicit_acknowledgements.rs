//! A driver that acknowledges when its framework says so, on a cluster with the command executor.

use libprocess::Runtime;
use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::http_client;
use mesos_proto::v1::{
    AgentId, ExecutorId, FrameworkId, MasterInfo, Offer, OfferId, TaskState, TaskStatus,
};
use mesos_scheduler::driver::{
    Acknowledgements, DriverOptions, Failover, MesosSchedulerDriver, Scheduler, Status,
};
use mesos_scheduler::{FrameworkBuilder, TaskBuilder, refuse_for, resources};
use tokio::sync::mpsc;

/// Launches one task and tells its statuses.
struct One(mpsc::UnboundedSender<TaskStatus>);

impl Scheduler for One {
    fn registered(&mut self, _: &MesosSchedulerDriver, _: &FrameworkId, _: &MasterInfo) {}
    fn reregistered(&mut self, _: &MesosSchedulerDriver, _: &MasterInfo) {}
    fn disconnected(&mut self, _: &MesosSchedulerDriver) {}
    fn resource_offers(&mut self, driver: &MesosSchedulerDriver, offers: &[Offer]) {
        let Some(offer) = offers.first() else { return };
        let task = TaskBuilder::command("t", "sleep 1000")
            .resources(resources::cpus_mem(0.1, 32.0))
            .for_offer(offer);
        let hour = refuse_for(std::time::Duration::from_secs(3600));
        driver.launch_tasks(vec![offer.id().clone()], vec![task], hour);
    }
    fn offer_rescinded(&mut self, _: &MesosSchedulerDriver, _: &OfferId) {}
    fn status_update(&mut self, _: &MesosSchedulerDriver, status: &TaskStatus) {
        // The test has seen enough when it no longer listens.
        let _ = self.0.send(status.clone());
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
    fn error(&mut self, _: &MesosSchedulerDriver, _: &str) {}
}

/// How many acknowledgements the master has got.
fn acknowledged(cluster: &Cluster) -> f64 {
    let snapshot = http_client::get_json(cluster.master.address, "/metrics/snapshot");
    let snapshot = snapshot.expect("the master answers");
    let count = snapshot.get("master/messages_status_update_acknowledgement");
    count.and_then(serde_json::Value::as_f64).expect("a number")
}

/// Mirrors: HTTPCommandExecutorTest.ExplicitAcknowledgements
#[test]
fn update_of_a_command_task_is_acknowledged_when_the_framework_says_so() {
    let mut cluster = Cluster::start().expect("a master starts");
    cluster.add_agent().expect("an agent registers");
    let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).arbiters(1);
    let runtime = runtime.start().expect("a runtime");
    let master = cluster.master.address.to_string();
    let info = FrameworkBuilder::new("explicit").build();
    let options = DriverOptions {
        acknowledgements: Acknowledgements::Explicit,
        ..DriverOptions::new(info, master.parse().expect("an address"))
    };
    let (sender, mut statuses) = mpsc::unbounded_channel();
    let driver = MesosSchedulerDriver::new(&runtime, options, One(sender));
    driver.start();

    let starting = runtime.block_on(statuses.recv()).expect("a status");
    let before = acknowledged(&cluster);
    driver.acknowledge_status_update(starting.clone());

    assert_eq!(starting.state(), TaskState::TaskStarting);
    assert!(starting.agent_id.is_some());
    assert!(before.abs() < f64::EPSILON, "{before}");
    eventually("the acknowledgement", || {
        (acknowledged(&cluster) > 0.5).then_some(())
    })
    .expect("the driver sends it");
    assert_eq!(driver.stop(Failover::No), Status::Stopped);
    driver.join();
    runtime.shutdown();
}
