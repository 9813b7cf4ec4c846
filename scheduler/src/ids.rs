//! Ids out of texts.
//!
//! # Examples
//! ```
//! use mesos_scheduler::ids;
//!
//! assert_eq!(ids::task("web-1").value(), "web-1");
//! ```

use mesos_proto::v1::{AgentId, ExecutorId, FrameworkId, OfferId, OperationId, TaskId};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident -> $id:ident;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(id: impl Into<String>) -> $id {
                $id {
                    value: Some(id.into()),
                    ..Default::default()
                }
            }
        )*
    };
}

ids! {
    /// The id of an agent.
    agent -> AgentId;
    /// The id of an executor.
    executor -> ExecutorId;
    /// The id of a framework.
    framework -> FrameworkId;
    /// The id of an offer.
    offer -> OfferId;
    /// The id of an operation.
    operation -> OperationId;
    /// The id of a task.
    task -> TaskId;
}
