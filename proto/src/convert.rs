//! Conversions between the messages that v0 and v1 do not share.
//!
//! Mirrors `src/internal/evolve.cpp` and `src/internal/devolve.cpp`, whose other conversions need
//! no code here because both spellings are one type.

use crate::google::protobuf::Duration;
use crate::v1::DurationInfo;
use crate::{v0, v1};

/// Converts every field of a scheduler call by name, all alike but `subscribe`.
macro_rules! convert_call {
    ($from:ident => $into:ident) => {
        impl From<$from::scheduler::Call> for $into::scheduler::Call {
            fn from(call: $from::scheduler::Call) -> Self {
                Self {
                    framework_id: call.framework_id,
                    r#type: call.r#type,
                    subscribe: call
                        .subscribe
                        .map(|subscribe| Box::new((*subscribe).into())),
                    accept: call.accept,
                    decline: call.decline,
                    accept_inverse_offers: call.accept_inverse_offers,
                    decline_inverse_offers: call.decline_inverse_offers,
                    revive: call.revive,
                    kill: call.kill,
                    shutdown: call.shutdown,
                    acknowledge: call.acknowledge,
                    acknowledge_operation_status: call.acknowledge_operation_status,
                    reconcile: call.reconcile,
                    reconcile_operations: call.reconcile_operations,
                    message: call.message,
                    request: call.request,
                    suppress: call.suppress,
                    update_framework: call.update_framework,
                    unknown: call.unknown,
                }
            }
        }
    };
}

convert_call!(v0 => v1);
convert_call!(v1 => v0);

/// `force` has no place in v1 and is lost: callers that need it read it before.
impl From<v0::scheduler::call::Subscribe> for v1::scheduler::call::Subscribe {
    fn from(subscribe: v0::scheduler::call::Subscribe) -> Self {
        Self {
            framework_info: subscribe.framework_info,
            suppressed_roles: subscribe.suppressed_roles,
            offer_constraints: subscribe.offer_constraints,
            unknown: subscribe.unknown,
        }
    }
}

impl From<v1::scheduler::call::Subscribe> for v0::scheduler::call::Subscribe {
    fn from(subscribe: v1::scheduler::call::Subscribe) -> Self {
        Self {
            framework_info: subscribe.framework_info,
            force: None,
            suppressed_roles: subscribe.suppressed_roles,
            offer_constraints: subscribe.offer_constraints,
            unknown: subscribe.unknown,
        }
    }
}

/// What is beyond 292 years is cut off there.
impl From<&Duration> for DurationInfo {
    fn from(duration: &Duration) -> Self {
        let seconds = duration.seconds().saturating_mul(1_000_000_000);
        let nanoseconds = seconds.saturating_add(i64::from(duration.nanos()));
        Self {
            nanoseconds: Some(nanoseconds),
            ..Self::default()
        }
    }
}

impl From<v1::master::call::DrainAgent> for v0::master::call::DrainAgent {
    fn from(drain: v1::master::call::DrainAgent) -> Self {
        Self {
            agent_id: drain.agent_id,
            max_grace_period: drain
                .max_grace_period
                .map(|period| DurationInfo::from(&period)),
            mark_gone: drain.mark_gone,
            unknown: drain.unknown,
        }
    }
}
