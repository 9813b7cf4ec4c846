//! The APIs over gRPC: the same answers as over HTTP.

use libprocess::grpc::client::{Answer, CallOptions, Client, Connection};
use libprocess::grpc::{Code, Request, Status, Streaming};
use mesos_proto::v1::grpc::Accepted;
use mesos_proto::v1::{agent, executor};

use crate::harness::{Cluster, command_task, executor_call, framework};

const SUBSCRIBE: &str = "/mesos.v1.grpc.Executor/Subscribe";
const SEND: &str = "/mesos.v1.grpc.Executor/Send";
const INVOKE: &str = "/mesos.v1.grpc.Agent/Invoke";

fn call<Q, A>(cluster: &Cluster, method: &'static str, message: Q) -> Answer<A>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let client = Client::new(&cluster.runtime);
    let target = cluster.runtime.address().to_string().parse();
    let connection = Connection::new(target.expect("a target"));
    let options = CallOptions::default();
    let answer = client.call(&connection, method, Request::new(message), options);
    cluster.runtime.block_on(answer).ready().expect("an answer")
}

fn open<Q, A>(cluster: &Cluster, method: &'static str, message: Q) -> Answer<Streaming<A>>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let client = Client::new(&cluster.runtime);
    let target = cluster.runtime.address().to_string().parse();
    let connection = Connection::new(target.expect("a target"));
    let options = CallOptions::default();
    let answer = client.subscribe(&connection, method, Request::new(message), options);
    cluster.runtime.block_on(answer).ready().expect("an answer")
}

fn of_kind(kind: agent::call::Type) -> agent::Call {
    agent::Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn refusal<T: std::fmt::Debug>(answer: Answer<T>) -> Status {
    answer.expect_err("refused")
}

#[test]
fn executor_over_grpc_gets_its_task() {
    let cluster = Cluster::registered();
    cluster.run(&framework(), command_task("t", "sleep 1000"));
    cluster.wait_for_executor("t");

    let subscription = executor::Call {
        r#type: Some(executor::call::Type::Subscribe.into()),
        subscribe: Some(executor::call::Subscribe::default()),
        ..executor_call("t")
    };
    let early = call::<_, Accepted>(&cluster, SEND, subscription.clone());
    let events = open::<_, executor::Event>(&cluster, SUBSCRIBE, subscription);
    let mut events = events.expect("subscribed").into_inner();
    let mut next = || {
        let event = cluster.runtime.block_on(events.message());
        event.expect("no error").expect("an event").r#type()
    };

    assert_eq!(
        refusal(early).message(),
        "Calls of type SUBSCRIBE are made with the method Subscribe"
    );
    assert_eq!(next(), executor::event::Type::Subscribed);
    assert_eq!(next(), executor::event::Type::Launch);
    let unset = refusal(call::<_, Accepted>(
        &cluster,
        SEND,
        executor::Call::default(),
    ));
    assert_eq!(unset.code(), Code::InvalidArgument);
}

#[test]
fn operators_call_the_agent_and_streams_have_methods_of_their_own() {
    let cluster = Cluster::registered();

    let health: Answer<agent::Response> =
        call(&cluster, INVOKE, of_kind(agent::call::Type::GetHealth));
    let session = of_kind(agent::call::Type::LaunchNestedContainerSession);
    let invoked = call::<_, agent::Response>(&cluster, INVOKE, session);
    let health_as_output = open::<_, agent::ProcessIo>(
        &cluster,
        "/mesos.v1.grpc.Agent/AttachOutput",
        of_kind(agent::call::Type::GetHealth),
    );

    let health = health.expect("well").into_inner();
    assert!(health.get_health().healthy());
    assert_eq!(
        refusal(invoked).message(),
        "Calls of type LAUNCH_NESTED_CONTAINER_SESSION are made with the method LaunchSession"
    );
    assert_eq!(
        refusal(health_as_output).message(),
        "Expecting a call of type ATTACH_CONTAINER_OUTPUT"
    );
}
