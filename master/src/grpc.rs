//! The APIs of the master over gRPC: by the same handlers as over HTTP.

use libprocess::grpc::{HttpService, Services, Status};
use mesos_common::call_type::call_type;
use mesos_proto::v1::{master, scheduler};

const SCHEDULER: &str = "/api/v1/scheduler";
const OPERATOR: &str = "/api/v1";

/// The fields that hold the kind of a call.
const SCHEDULER_TYPE: u64 = 2;
const MASTER_TYPE: u64 = 1;

/// `mesos.v1.grpc.Scheduler` and `mesos.v1.grpc.Master`, for a runtime whose delegate is the master.
#[must_use]
pub fn services() -> Services {
    let scheduler = HttpService::new("mesos.v1.grpc.Scheduler")
        .stream("Subscribe", SCHEDULER, |call| {
            subscribes(call_type(call, SCHEDULER_TYPE), SCHEDULER_SUBSCRIBE)
        })
        .unary("Send", SCHEDULER, |call| {
            does_not_subscribe(call_type(call, SCHEDULER_TYPE), SCHEDULER_SUBSCRIBE)
        });
    let master = HttpService::new("mesos.v1.grpc.Master")
        .stream("Subscribe", OPERATOR, |call| {
            subscribes(call_type(call, MASTER_TYPE), MASTER_SUBSCRIBE)
        })
        .unary("Invoke", OPERATOR, |call| {
            does_not_subscribe(call_type(call, MASTER_TYPE), MASTER_SUBSCRIBE)
        });
    Services::new()
        .descriptors(mesos_proto::DESCRIPTOR_SET)
        .with_http(scheduler)
        .with_http(master)
}

const SCHEDULER_SUBSCRIBE: i32 = scheduler::call::Type::Subscribe as i32;
const MASTER_SUBSCRIBE: i32 = master::call::Type::Subscribe as i32;

/// A call without a kind is for the handler to refuse.
fn subscribes(kind: Option<i32>, subscribe: i32) -> Result<(), Status> {
    match kind {
        Some(kind) if kind != subscribe => {
            let text = "Expecting a call of type SUBSCRIBE";
            Err(Status::invalid_argument(text))
        }
        Some(_) | None => Ok(()),
    }
}

fn does_not_subscribe(kind: Option<i32>, subscribe: i32) -> Result<(), Status> {
    if kind == Some(subscribe) {
        let text = "Calls of type SUBSCRIBE are made with the method Subscribe";
        return Err(Status::invalid_argument(text));
    }
    Ok(())
}
