//! Which calls are fit to be sent.
//!
//! Mirrors `validateExecutorCall` of `src/common/validation.cpp`.

use mesos_common::check_status::{CheckStatusError, validate_check_status};
use mesos_proto::v1::TaskState;
use mesos_proto::v1::executor::{Call, call};
use mesos_proto::v1::task_status::Source;

/// Why a call is not sent. The texts are those of the agent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Something that every call, or one of this type, must have is missing.
    #[error("Expecting '{0}' to be present")]
    Missing(&'static str),
    /// The UUID of an update has not 16 bytes.
    #[error("Not a valid UUID")]
    Uuid,
    /// The update names another executor than the call.
    #[error("ExecutorID in Call: {call} does not match ExecutorID in TaskStatus: {status}")]
    OtherExecutor {
        /// The executor that sends.
        call: String,
        /// The executor in the update.
        status: String,
    },
    /// The update is not from an executor.
    #[error(
        "Received Call from executor {executor} of framework {framework} with invalid source, expecting 'SOURCE_EXECUTOR'"
    )]
    Source {
        /// The executor.
        executor: String,
        /// Its framework.
        framework: String,
    },
    /// Only the master stages tasks.
    #[error(
        "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
    )]
    Staging {
        /// The executor.
        executor: String,
        /// Its framework.
        framework: String,
    },
    /// The update has a result of a check that is none.
    #[error(transparent)]
    CheckStatus(#[from] CheckStatusError),
}

/// Checks a call as the agent will.
pub(crate) fn validate(call: &Call) -> Result<(), CallError> {
    if call.r#type() == call::Type::Unknown {
        return Err(CallError::Missing("type"));
    }
    if call.executor_id.is_none() {
        return Err(CallError::Missing("executor_id"));
    }
    if call.framework_id.is_none() {
        return Err(CallError::Missing("framework_id"));
    }
    match call.r#type() {
        call::Type::Subscribe if call.subscribe.is_none() => Err(CallError::Missing("subscribe")),
        call::Type::Message if call.message.is_none() => Err(CallError::Missing("message")),
        call::Type::Update => validate_update(call),
        call::Type::Subscribe
        | call::Type::Message
        | call::Type::Heartbeat
        | call::Type::Unknown => Ok(()),
    }
}

fn validate_update(call: &Call) -> Result<(), CallError> {
    let update = call.update.as_ref().ok_or(CallError::Missing("update"))?;
    let status = update.status();
    let (executor, framework) = (call.executor_id().value(), call.framework_id().value());
    if status.uuid.is_none() {
        return Err(CallError::Missing("uuid"));
    }
    if status.uuid().len() != 16 {
        return Err(CallError::Uuid);
    }
    if status.executor_id.is_some() && status.executor_id().value() != executor {
        return Err(CallError::OtherExecutor {
            call: executor.to_owned(),
            status: status.executor_id().value().to_owned(),
        });
    }
    let (executor, framework) = (executor.to_owned(), framework.to_owned());
    if status.source() != Source::SourceExecutor {
        return Err(CallError::Source {
            executor,
            framework,
        });
    }
    if status.state() == TaskState::TaskStaging {
        return Err(CallError::Staging {
            executor,
            framework,
        });
    }
    if let Some(result) = &status.check_status {
        validate_check_status(result)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mesos_proto::v1::executor::call::Update;
    use mesos_proto::v1::{ExecutorId, FrameworkId, TaskStatus};

    use super::*;

    fn update(status: TaskStatus) -> Call {
        Call {
            r#type: Some(call::Type::Update.into()),
            framework_id: Some(FrameworkId {
                value: Some("f".into()),
                ..Default::default()
            }),
            executor_id: Some(ExecutorId {
                value: Some("e".into()),
                ..Default::default()
            }),
            update: Some(Update {
                status: Some(status.into()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn valid_status() -> TaskStatus {
        TaskStatus {
            uuid: Some(Bytes::from_static(&[7; 16])),
            source: Some(Source::SourceExecutor.into()),
            state: Some(TaskState::TaskRunning.into()),
            ..Default::default()
        }
    }

    /// Mirrors: ExecutorHttpApiTest.StatusUpdateCallFailedValidation
    #[test]
    fn update_must_be_a_proper_one_of_this_executor() {
        let other = ExecutorId {
            value: Some("x".into()),
            ..Default::default()
        };

        let refused = [
            TaskStatus {
                uuid: None,
                ..valid_status()
            },
            TaskStatus {
                uuid: Some(Bytes::from_static(b"short")),
                ..valid_status()
            },
            TaskStatus {
                executor_id: Some(other),
                ..valid_status()
            },
            TaskStatus {
                source: Some(Source::SourceMaster.into()),
                ..valid_status()
            },
            TaskStatus {
                state: Some(TaskState::TaskStaging.into()),
                ..valid_status()
            },
        ];

        assert_eq!(validate(&update(valid_status())), Ok(()));
        for status in refused {
            assert!(validate(&update(status.clone())).is_err(), "{status:?}");
        }
    }

    /// Mirrors: ExecutorHttpApiTest.ValidProtobufInvalidCall
    #[test]
    fn call_without_the_part_its_type_names_is_invalid() {
        let call = Call {
            update: None,
            ..update(valid_status())
        };

        assert_eq!(validate(&call), Err(CallError::Missing("update")));
        assert_eq!(validate(&Call::default()), Err(CallError::Missing("type")));
    }
}
