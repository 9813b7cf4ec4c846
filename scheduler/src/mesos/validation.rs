//! Which calls are fit to be sent.
//!
//! Mirrors `scheduler::call::validate` of `src/master/validation.cpp`.

use mesos_proto::v1::scheduler::{Call, call};

/// Why a call is not sent. The texts are those of the master.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCall {
    /// Something that every call, or one of this type, must have is missing.
    #[error("Expecting '{0}' to be present")]
    Missing(&'static str),
    /// The call and its framework have different ids.
    #[error("'framework_id' differs from 'subscribe.framework_info.id'")]
    OtherFramework,
    /// The UUID of an acknowledgement has not 16 bytes.
    #[error("Not a valid UUID")]
    Uuid,
}

/// Checks a call as the master will.
pub(super) fn validate(call: &Call) -> Result<(), InvalidCall> {
    let kind = call.r#type();
    if call.r#type.is_none() {
        return Err(InvalidCall::Missing("type"));
    }
    if kind == call::Type::Subscribe {
        let subscribe = call
            .subscribe
            .as_deref()
            .ok_or(InvalidCall::Missing("subscribe"))?;
        if subscribe.framework_info().id().value() != call.framework_id().value() {
            return Err(InvalidCall::OtherFramework);
        }
        return Ok(());
    }
    if call.framework_id.is_none() {
        return Err(InvalidCall::Missing("framework_id"));
    }
    if let Some(part) = missing_part(call) {
        return Err(InvalidCall::Missing(part));
    }
    let uuid = match kind {
        call::Type::Acknowledge => call.acknowledge().uuid(),
        call::Type::AcknowledgeOperationStatus => call.acknowledge_operation_status().uuid(),
        call::Type::Unknown
        | call::Type::Subscribe
        | call::Type::Teardown
        | call::Type::Accept
        | call::Type::Decline
        | call::Type::AcceptInverseOffers
        | call::Type::DeclineInverseOffers
        | call::Type::Revive
        | call::Type::Kill
        | call::Type::Shutdown
        | call::Type::Reconcile
        | call::Type::ReconcileOperations
        | call::Type::Message
        | call::Type::Request
        | call::Type::Suppress
        | call::Type::UpdateFramework => return Ok(()),
    };
    if uuid.len() == 16 {
        Ok(())
    } else {
        Err(InvalidCall::Uuid)
    }
}

/// The part that the type of the call names, when it is missing.
fn missing_part(call: &Call) -> Option<&'static str> {
    let (name, present) = match call.r#type() {
        call::Type::Accept => ("accept", call.accept.is_some()),
        call::Type::Decline => ("decline", call.decline.is_some()),
        call::Type::AcceptInverseOffers => (
            "accept_inverse_offers",
            call.accept_inverse_offers.is_some(),
        ),
        call::Type::DeclineInverseOffers => (
            "decline_inverse_offers",
            call.decline_inverse_offers.is_some(),
        ),
        call::Type::Kill => ("kill", call.kill.is_some()),
        call::Type::Shutdown => ("shutdown", call.shutdown.is_some()),
        call::Type::Acknowledge => ("acknowledge", call.acknowledge.is_some()),
        call::Type::AcknowledgeOperationStatus => (
            "acknowledge_operation_status",
            call.acknowledge_operation_status.is_some(),
        ),
        call::Type::Reconcile => ("reconcile", call.reconcile.is_some()),
        call::Type::ReconcileOperations => {
            ("reconcile_operations", call.reconcile_operations.is_some())
        }
        call::Type::Message => ("message", call.message.is_some()),
        call::Type::Request => ("request", call.request.is_some()),
        call::Type::UpdateFramework => ("update_framework", call.update_framework.is_some()),
        call::Type::Unknown
        | call::Type::Subscribe
        | call::Type::Teardown
        | call::Type::Revive
        | call::Type::Suppress => return None,
    };
    (!present).then_some(name)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mesos_proto::v1::scheduler::call::{Acknowledge, Subscribe};
    use mesos_proto::v1::{FrameworkId, FrameworkInfo};

    use super::*;

    fn id(value: &str) -> FrameworkId {
        FrameworkId {
            value: Some(value.into()),
            ..Default::default()
        }
    }

    fn of_type(kind: call::Type) -> Call {
        Call {
            r#type: Some(kind.into()),
            framework_id: Some(id("f")),
            ..Default::default()
        }
    }

    #[test]
    fn every_call_but_subscribe_names_its_framework() {
        let call = Call {
            framework_id: None,
            ..of_type(call::Type::Teardown)
        };

        assert_eq!(validate(&call), Err(InvalidCall::Missing("framework_id")));
        assert_eq!(validate(&of_type(call::Type::Teardown)), Ok(()));
    }

    #[test]
    fn subscribe_names_the_same_framework_twice() {
        let framework = FrameworkInfo {
            id: Some(id("other")),
            ..Default::default()
        };
        let subscribe = Subscribe {
            framework_info: Some(framework.into()),
            ..Default::default()
        };

        let call = Call {
            subscribe: Some(subscribe.into()),
            ..of_type(call::Type::Subscribe)
        };

        assert_eq!(validate(&call), Err(InvalidCall::OtherFramework));
    }

    #[test]
    fn part_that_the_type_names_must_be_there() {
        assert_eq!(
            validate(&of_type(call::Type::Kill)),
            Err(InvalidCall::Missing("kill"))
        );
        assert_eq!(
            validate(&Call::default()),
            Err(InvalidCall::Missing("type"))
        );
    }

    /// Mirrors: SchedulerHttpApiTest.MalformedUUID
    #[test]
    fn acknowledgement_has_a_uuid_of_16_bytes() {
        let acknowledge = Acknowledge {
            uuid: Some(Bytes::from_static(b"bad")),
            ..Default::default()
        };
        let call = Call {
            acknowledge: Some(acknowledge.into()),
            ..of_type(call::Type::Acknowledge)
        };

        assert_eq!(validate(&call), Err(InvalidCall::Uuid));
    }
}
