//! The APIs of the agent over gRPC: by the same handlers as over HTTP.

use libprocess::grpc::{HttpService, Services, Status};
use mesos_common::call_type::call_type;
use mesos_proto::v1::agent::call::Type;
use mesos_proto::v1::executor;

const EXECUTOR: &str = "/api/v1/executor";
const OPERATOR: &str = "/api/v1";

/// The fields that hold the kind of a call.
const EXECUTOR_TYPE: u64 = 3;
const AGENT_TYPE: u64 = 1;

const SUBSCRIBE: i32 = executor::call::Type::Subscribe as i32;

/// The calls whose answer or body is a stream, with the method for each.
const STREAMS: [(Type, &str); 3] = [
    (Type::LaunchNestedContainerSession, "LaunchSession"),
    (Type::AttachContainerOutput, "AttachOutput"),
    (Type::AttachContainerInput, "AttachInput"),
];

/// `mesos.v1.grpc.Executor` and `mesos.v1.grpc.Agent`, for a runtime whose delegate is the agent.
#[must_use]
pub fn services() -> Services {
    let executor = HttpService::new("mesos.v1.grpc.Executor")
        .stream("Subscribe", EXECUTOR, |call| {
            match call_type(call, EXECUTOR_TYPE) {
                Some(kind) if kind != SUBSCRIBE => Err(Status::invalid_argument(
                    "Expecting a call of type SUBSCRIBE",
                )),
                // A call without a kind is for the handler to refuse.
                Some(_) | None => Ok(()),
            }
        })
        .unary("Send", EXECUTOR, |call| {
            if call_type(call, EXECUTOR_TYPE) == Some(SUBSCRIBE) {
                let text = "Calls of type SUBSCRIBE are made with the method Subscribe";
                return Err(Status::invalid_argument(text));
            }
            Ok(())
        });
    let agent = HttpService::new("mesos.v1.grpc.Agent")
        .unary("Invoke", OPERATOR, |call| has_single_answer(kind(call)))
        .record_stream("LaunchSession", OPERATOR, |call| {
            expect(kind(call), Type::LaunchNestedContainerSession)
        })
        .record_stream("AttachOutput", OPERATOR, |call| {
            expect(kind(call), Type::AttachContainerOutput)
        })
        .upload("AttachInput", OPERATOR, |call| {
            expect(kind(call), Type::AttachContainerInput)
        });
    Services::new()
        .descriptors(mesos_proto::DESCRIPTOR_SET)
        .with_http(executor)
        .with_http(agent)
}

fn kind(call: &[u8]) -> Option<Type> {
    Type::try_from(call_type(call, AGENT_TYPE)?).ok()
}

fn has_single_answer(kind: Option<Type>) -> Result<(), Status> {
    let stream = STREAMS.into_iter().find(|(with, _)| kind == Some(*with));
    stream.map_or(Ok(()), |(kind, method)| {
        let text = format!(
            "Calls of type {} are made with the method {method}",
            kind.as_str_name()
        );
        Err(Status::invalid_argument(text))
    })
}

fn expect(kind: Option<Type>, expected: Type) -> Result<(), Status> {
    match kind {
        Some(kind) if kind != expected => {
            let text = format!("Expecting a call of type {}", expected.as_str_name());
            Err(Status::invalid_argument(text))
        }
        Some(_) | None => Ok(()),
    }
}
