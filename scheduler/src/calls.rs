//! The calls of a scheduler, ready to be sent.
//!
//! # Examples
//! ```
//! use mesos_proto::v1::FrameworkId;
//! use mesos_scheduler::Calls;
//!
//! let calls = Calls::of(FrameworkId { value: Some("f-0000".into()), ..Default::default() });
//!
//! assert_eq!(calls.teardown().framework_id().value(), "f-0000");
//! ```

use std::time::Duration;

use bytes::Bytes;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::scheduler::{Call, call};
use mesos_proto::v1::{
    AgentId, DurationInfo, ExecutorId, Filters, FrameworkId, FrameworkInfo, KillPolicy, OfferId,
    OperationId, OperationStatus, Request, TaskId, TaskStatus,
};

/// Makes the calls of one framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Calls {
    framework_id: FrameworkId,
}

/// An offer filter: how long the same resources are not offered again.
#[must_use]
pub fn refuse_for(duration: Duration) -> Filters {
    Filters {
        refuse_seconds: Some(duration.as_secs_f64()),
        ..Default::default()
    }
}

/// A kill policy with this time between the request to end and the forced end.
#[must_use]
pub fn kill_within(grace_period: Duration) -> KillPolicy {
    let nanoseconds = i64::try_from(grace_period.as_nanos()).unwrap_or(i64::MAX);
    let period = DurationInfo {
        nanoseconds: Some(nanoseconds),
        ..Default::default()
    };
    KillPolicy {
        grace_period: Some(period),
        ..Default::default()
    }
}

impl Calls {
    /// Calls of this framework.
    #[must_use]
    pub fn of(framework_id: FrameworkId) -> Self {
        Self { framework_id }
    }

    /// The framework.
    #[must_use]
    pub fn framework_id(&self) -> &FrameworkId {
        &self.framework_id
    }

    /// SUBSCRIBE of a framework; one that has an id comes back as itself.
    #[must_use]
    pub fn subscribe(framework: FrameworkInfo) -> Call {
        let framework_id = framework.id.clone();
        let subscribe = call::Subscribe {
            framework_info: Some(framework.into()),
            ..Default::default()
        };
        Call {
            r#type: Some(call::Type::Subscribe.into()),
            framework_id,
            subscribe: Some(subscribe.into()),
            ..Default::default()
        }
    }

    /// ACCEPT of offers of one agent. What the operations do not use comes back after the filter's
    /// time; without a filter after five seconds.
    #[must_use]
    pub fn accept(
        &self,
        offer_ids: Vec<OfferId>,
        operations: Vec<Operation>,
        filters: impl Into<Option<Filters>>,
    ) -> Call {
        let accept = call::Accept {
            offer_ids,
            operations,
            filters: filters.into(),
            ..Default::default()
        };
        Call {
            accept: Some(accept.into()),
            ..self.blank(call::Type::Accept)
        }
    }

    /// DECLINE of offers.
    #[must_use]
    pub fn decline(&self, offer_ids: Vec<OfferId>, filters: impl Into<Option<Filters>>) -> Call {
        let decline = call::Decline {
            offer_ids,
            filters: filters.into(),
            ..Default::default()
        };
        Call {
            decline: Some(decline),
            ..self.blank(call::Type::Decline)
        }
    }

    /// REVIVE: offers come again, whatever was declined. Without roles, for all of them.
    #[must_use]
    pub fn revive(&self, roles: Vec<String>) -> Call {
        let revive = call::Revive {
            roles,
            ..Default::default()
        };
        Call {
            revive: Some(revive),
            ..self.blank(call::Type::Revive)
        }
    }

    /// SUPPRESS: no more offers. Without roles, for none of them.
    #[must_use]
    pub fn suppress(&self, roles: Vec<String>) -> Call {
        let suppress = call::Suppress {
            roles,
            ..Default::default()
        };
        Call {
            suppress: Some(suppress),
            ..self.blank(call::Type::Suppress)
        }
    }

    /// KILL of a task.
    #[must_use]
    pub fn kill(
        &self,
        task_id: TaskId,
        agent_id: Option<AgentId>,
        policy: Option<KillPolicy>,
    ) -> Call {
        let kill = call::Kill {
            task_id: Some(task_id),
            agent_id,
            kill_policy: policy,
            ..Default::default()
        };
        Call {
            kill: Some(kill.into()),
            ..self.blank(call::Type::Kill)
        }
    }

    /// ACKNOWLEDGE of a status; none for one that needs no acknowledgement.
    #[must_use]
    pub fn acknowledge(&self, status: &TaskStatus) -> Option<Call> {
        let acknowledge = call::Acknowledge {
            agent_id: status.agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: Some(status.uuid.clone()?),
            ..Default::default()
        };
        let acknowledge = Some(acknowledge.into());
        Some(Call {
            acknowledge,
            ..self.blank(call::Type::Acknowledge)
        })
    }

    /// RECONCILE of some tasks; without any, of all tasks that the master knows.
    #[must_use]
    pub fn reconcile(&self, tasks: Vec<(TaskId, Option<AgentId>)>) -> Call {
        let tasks = tasks
            .into_iter()
            .map(|(task_id, agent_id)| call::reconcile::Task {
                task_id: Some(task_id),
                agent_id,
                ..Default::default()
            });
        let reconcile = call::Reconcile {
            tasks: tasks.collect(),
            ..Default::default()
        };
        Call {
            reconcile: Some(reconcile),
            ..self.blank(call::Type::Reconcile)
        }
    }

    /// `ACCEPT_INVERSE_OFFERS`: the framework will have left the agents in time.
    #[must_use]
    pub fn accept_inverse_offers(&self, ids: Vec<OfferId>, filters: Filters) -> Call {
        let accept = call::AcceptInverseOffers {
            inverse_offer_ids: ids,
            filters: Some(filters),
            ..Default::default()
        };
        Call {
            accept_inverse_offers: Some(accept),
            ..self.blank(call::Type::AcceptInverseOffers)
        }
    }

    /// `DECLINE_INVERSE_OFFERS`: the framework cannot leave the agents in time.
    #[must_use]
    pub fn decline_inverse_offers(&self, ids: Vec<OfferId>, filters: Filters) -> Call {
        let decline = call::DeclineInverseOffers {
            inverse_offer_ids: ids,
            filters: Some(filters),
            ..Default::default()
        };
        Call {
            decline_inverse_offers: Some(decline),
            ..self.blank(call::Type::DeclineInverseOffers)
        }
    }

    /// `ACKNOWLEDGE_OPERATION_STATUS`; none for a status that needs no acknowledgement.
    #[must_use]
    pub fn acknowledge_operation(&self, status: &OperationStatus) -> Option<Call> {
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: status.agent_id.clone(),
            resource_provider_id: status.resource_provider_id.clone(),
            uuid: Some(status.uuid.as_ref()?.value.clone()?),
            operation_id: status.operation_id.clone(),
            ..Default::default()
        };
        Some(Call {
            acknowledge_operation_status: Some(acknowledge.into()),
            ..self.blank(call::Type::AcknowledgeOperationStatus)
        })
    }

    /// `RECONCILE_OPERATIONS` of some operations; without any, of all that the master knows.
    #[must_use]
    pub fn reconcile_operations(&self, operations: Vec<(OperationId, Option<AgentId>)>) -> Call {
        let operations = operations.into_iter().map(|(operation_id, agent_id)| {
            call::reconcile_operations::Operation {
                operation_id: Some(operation_id),
                agent_id,
                ..Default::default()
            }
        });
        let reconcile = call::ReconcileOperations {
            operations: operations.collect(),
            ..Default::default()
        };
        Call {
            reconcile_operations: Some(reconcile),
            ..self.blank(call::Type::ReconcileOperations)
        }
    }

    /// `UPDATE_FRAMEWORK`: the framework says something else about itself from now on.
    #[must_use]
    pub fn update_framework(&self, framework: FrameworkInfo, suppressed: Vec<String>) -> Call {
        let update = call::UpdateFramework {
            framework_info: Some(framework.into()),
            suppressed_roles: suppressed,
            ..Default::default()
        };
        Call {
            update_framework: Some(update.into()),
            ..self.blank(call::Type::UpdateFramework)
        }
    }

    /// REQUEST of resources; Mesos' own allocator does not look at it.
    #[must_use]
    pub fn request(&self, requests: Vec<Request>) -> Call {
        let request = call::Request {
            requests,
            ..Default::default()
        };
        Call {
            request: Some(request),
            ..self.blank(call::Type::Request)
        }
    }

    /// MESSAGE to an executor; it may get lost.
    #[must_use]
    pub fn message(&self, agent_id: AgentId, executor_id: ExecutorId, data: Bytes) -> Call {
        let message = call::Message {
            agent_id: Some(agent_id),
            executor_id: Some(executor_id),
            data: Some(data),
            ..Default::default()
        };
        Call {
            message: Some(message.into()),
            ..self.blank(call::Type::Message)
        }
    }

    /// SHUTDOWN of an executor.
    #[must_use]
    pub fn shutdown(&self, agent_id: AgentId, executor_id: ExecutorId) -> Call {
        let shutdown = call::Shutdown {
            agent_id: Some(agent_id),
            executor_id: Some(executor_id),
            ..Default::default()
        };
        Call {
            shutdown: Some(shutdown.into()),
            ..self.blank(call::Type::Shutdown)
        }
    }

    /// TEARDOWN: the framework ends with all its tasks.
    #[must_use]
    pub fn teardown(&self) -> Call {
        self.blank(call::Type::Teardown)
    }

    fn blank(&self, kind: call::Type) -> Call {
        Call {
            r#type: Some(kind.into()),
            framework_id: Some(self.framework_id.clone()),
            ..Default::default()
        }
    }
}
