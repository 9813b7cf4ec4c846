//! What is to be run, and whether an offer is enough for it.

use std::sync::Arc;

use mesos_common::resource::{Reservation, ReservationKind};
use mesos_common::resources::Resources;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{
    ContainerInfo, ExecutorId, ExecutorInfo, FrameworkId, Offer, TaskInfo, executor_info,
};
use mesos_scheduler::{launch, launch_group, resources};

/// The work of one `mesos execute`.
#[derive(Clone, Debug)]
pub(crate) enum Job {
    /// One task, with an executor of its own.
    Task(Box<TaskInfo>),
    /// Tasks that share the default executor.
    Group {
        /// The tasks.
        tasks: Vec<TaskInfo>,
        /// The container of the executor.
        container: Option<Box<ContainerInfo>>,
    },
}

impl Job {
    /// The tasks of the job.
    pub(crate) fn tasks(&self) -> &[TaskInfo] {
        match self {
            Self::Task(task) => std::slice::from_ref(task),
            Self::Group { tasks, .. } => tasks,
        }
    }

    /// The operation that starts the job on this offer; none when the offer is too small.
    ///
    /// Resources that are reserved for `role` are taken first, then unreserved ones.
    pub(crate) fn fit(
        &self,
        offer: &Offer,
        role: &str,
        framework_id: &FrameworkId,
    ) -> Option<Operation> {
        let mut offered = Resources::from_proto(&offer.resources);
        offered.unallocate();
        let mut required = Resources::new();
        for task in self.tasks() {
            required += Resources::from_proto(&task.resources);
        }
        if !offered.to_unreserved().contains(&required) {
            return None;
        }
        let mut placed = Vec::new();
        for task in self.tasks() {
            let found = offered.find(&wanted(task, role))?;
            let mut task = task.clone();
            task.agent_id.clone_from(&offer.agent_id);
            task.resources = found.to_proto();
            // The next task of a group must not be given the same reserved resources.
            offered -= &found;
            placed.push(task);
        }
        match self {
            Self::Task(_) => Some(launch(placed)),
            Self::Group { container, .. } => Some(launch_group(
                default_executor(framework_id, container.clone()),
                placed,
            )),
        }
    }
}

fn wanted(task: &TaskInfo, role: &str) -> Resources {
    let plain = Resources::from_proto(&task.resources);
    if role == "*" {
        return plain;
    }
    plain.push_reservation(&Reservation {
        kind: ReservationKind::Static,
        role: Arc::from(role),
        principal: None,
        labels: None,
    })
}

fn default_executor(
    framework_id: &FrameworkId,
    container: Option<Box<ContainerInfo>>,
) -> ExecutorInfo {
    let executor_id = ExecutorId {
        value: Some("default-executor".to_owned()),
        ..Default::default()
    };
    let [cpus, mem] = resources::cpus_mem(0.1, 32.0);
    ExecutorInfo {
        r#type: Some(executor_info::Type::Default.into()),
        executor_id: Some(executor_id),
        framework_id: Some(framework_id.clone()),
        resources: vec![cpus, mem, resources::scalar("disk", 32.0)],
        container,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::AgentId;
    use mesos_scheduler::TaskBuilder;

    use super::*;

    fn offer(cpus: f64, mem: f64) -> Offer {
        Offer {
            agent_id: Some(AgentId {
                value: Some("S0".into()),
                ..Default::default()
            }),
            resources: resources::cpus_mem(cpus, mem).to_vec(),
            ..Default::default()
        }
    }

    fn task(id: &str) -> TaskInfo {
        TaskBuilder::command(id, "true")
            .resources(resources::cpus_mem(1.0, 64.0))
            .build()
    }

    #[test]
    fn small_offer_is_not_taken() {
        let job = Job::Task(Box::new(task("a")));

        assert!(
            job.fit(&offer(0.5, 64.0), "*", &FrameworkId::default())
                .is_none()
        );
        assert!(
            job.fit(&offer(1.0, 63.0), "*", &FrameworkId::default())
                .is_none()
        );
    }

    #[test]
    fn task_gets_the_agent_of_the_offer() {
        let job = Job::Task(Box::new(task("a")));

        let operation = job
            .fit(&offer(4.0, 64.0), "*", &FrameworkId::default())
            .unwrap();

        let placed = &operation.launch().task_infos[0];
        assert_eq!(placed.agent_id().value(), "S0");
        assert_eq!(placed.resources.len(), 2);
    }

    #[test]
    fn unreserved_resources_serve_a_role_without_reservations() {
        let job = Job::Task(Box::new(task("a")));

        assert!(
            job.fit(&offer(1.0, 64.0), "eng", &FrameworkId::default())
                .is_some()
        );
    }

    #[test]
    fn group_needs_the_sum_of_its_tasks() {
        let job = Job::Group {
            tasks: vec![task("a"), task("b")],
            container: None,
        };

        assert!(
            job.fit(&offer(1.0, 128.0), "*", &FrameworkId::default())
                .is_none()
        );
        let operation = job
            .fit(&offer(2.0, 128.0), "*", &FrameworkId::default())
            .unwrap();
        assert_eq!(operation.launch_group().task_group().tasks.len(), 2);
        let executor = operation.launch_group().executor();
        assert_eq!(executor.r#type(), executor_info::Type::Default);
        assert_eq!(executor.resources.len(), 3);
    }
}
