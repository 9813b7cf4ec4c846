//! Operations on offers.
//!
//! # Examples
//! ```
//! use mesos_scheduler::{operations, resources};
//!
//! let disk = resources::reserved([resources::scalar("disk", 64.0)], "web", None);
//! let reserve = operations::with_id(operations::reserve(disk), "reserve-1");
//!
//! assert_eq!(reserve.id().value(), "reserve-1");
//! ```

use mesos_proto::v1::offer::{Operation, operation};
use mesos_proto::v1::{ExecutorInfo, OperationId, Resource, TaskGroupInfo, TaskInfo};

/// Starts these tasks.
#[must_use]
pub fn launch(tasks: Vec<TaskInfo>) -> Operation {
    Operation {
        launch: Some(operation::Launch {
            task_infos: tasks,
            ..Default::default()
        }),
        ..blank(operation::Type::Launch)
    }
}

/// Starts these tasks together under one executor.
#[must_use]
pub fn launch_group(executor: ExecutorInfo, tasks: Vec<TaskInfo>) -> Operation {
    let task_group = TaskGroupInfo {
        tasks,
        ..Default::default()
    };
    let launch_group = operation::LaunchGroup {
        executor: Some(executor.into()),
        task_group: Some(task_group),
        ..Default::default()
    };
    Operation {
        launch_group: Some(launch_group),
        ..blank(operation::Type::LaunchGroup)
    }
}

/// Reserves resources; they name the reservation that they shall have.
#[must_use]
pub fn reserve(resources: Vec<Resource>) -> Operation {
    let reserve = operation::Reserve {
        resources,
        ..Default::default()
    };
    Operation {
        reserve: Some(reserve),
        ..blank(operation::Type::Reserve)
    }
}

/// Takes the last reservation of resources away.
#[must_use]
pub fn unreserve(resources: Vec<Resource>) -> Operation {
    let unreserve = operation::Unreserve {
        resources,
        ..Default::default()
    };
    Operation {
        unreserve: Some(unreserve),
        ..blank(operation::Type::Unreserve)
    }
}

/// Makes persistent volumes out of reserved disk.
#[must_use]
pub fn create(volumes: Vec<Resource>) -> Operation {
    let create = operation::Create {
        volumes,
        ..Default::default()
    };
    Operation {
        create: Some(create),
        ..blank(operation::Type::Create)
    }
}

/// Removes persistent volumes with everything in them.
#[must_use]
pub fn destroy(volumes: Vec<Resource>) -> Operation {
    let destroy = operation::Destroy {
        volumes,
        ..Default::default()
    };
    Operation {
        destroy: Some(destroy),
        ..blank(operation::Type::Destroy)
    }
}

/// The same operation with an id: the master tells what becomes of it.
#[must_use]
pub fn with_id(operation: Operation, id: impl Into<String>) -> Operation {
    let id = OperationId {
        value: Some(id.into()),
        ..Default::default()
    };
    Operation {
        id: Some(id),
        ..operation
    }
}

fn blank(kind: operation::Type) -> Operation {
    Operation {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}
