//! The APIs over gRPC: the same answers as over HTTP.

use libprocess::grpc::client::{Answer, CallOptions, Client, Connection};
use libprocess::grpc::{Code, Request, Status, Streaming};
use mesos_proto::v1::grpc::Accepted;
use mesos_proto::v1::{agent, executor};

use crate::harness::{Cluster, command_task, executor_call, framework};
use crate::sessions::{Parent, session_call};

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

/// Sends messages, and gives what comes back.
fn upload<A>(
    cluster: &Cluster,
    method: &'static str,
    messages: Vec<agent::Call>,
) -> Answer<Streaming<A>>
where
    A: prost::Message + Default + 'static,
{
    let client = Client::new(&cluster.runtime);
    let target = cluster.runtime.address().to_string().parse();
    let connection = Connection::new(target.expect("a target"));
    let messages = Request::new(futures::stream::iter(messages));
    let answer = client.stream(&connection, method, messages, CallOptions::default());
    cluster.runtime.block_on(answer).ready().expect("an answer")
}

fn input(message: agent::call::AttachContainerInput) -> agent::Call {
    agent::Call {
        attach_container_input: Some(message.into()),
        ..of_kind(agent::call::Type::AttachContainerInput)
    }
}

fn data(text: &'static str) -> agent::Call {
    use agent::process_io::{Data, Type, data};
    let data = Data {
        r#type: Some(data::Type::Stdin.into()),
        data: Some(text.into()),
        ..Default::default()
    };
    let message = agent::ProcessIo {
        r#type: Some(Type::Data.into()),
        data: Some(data),
        ..Default::default()
    };
    input(agent::call::AttachContainerInput {
        r#type: Some(agent::call::attach_container_input::Type::ProcessIo.into()),
        process_io: Some(message.into()),
        ..Default::default()
    })
}

#[test]
fn session_and_its_input_are_streams_of_grpc() {
    let parent = Parent::new();
    let cluster = &parent.cluster;
    let id = parent.child("s");
    let launch = session_call(id.clone(), "cat; echo done", None);
    let output = open::<_, agent::ProcessIo>(cluster, "/mesos.v1.grpc.Agent/LaunchSession", launch);
    let mut output = output.expect("launched").into_inner();

    let names = input(agent::call::AttachContainerInput {
        r#type: Some(agent::call::attach_container_input::Type::ContainerId.into()),
        container_id: Some(id.clone()),
        ..Default::default()
    });
    let accepted = upload::<Accepted>(
        cluster,
        "/mesos.v1.grpc.Agent/AttachInput",
        vec![names, data("hello\n"), data("")],
    );
    let mut text = String::new();
    while let Some(message) = cluster
        .runtime
        .block_on(output.message())
        .expect("no error")
    {
        text.push_str(&String::from_utf8_lossy(message.data().data()));
    }

    assert!(accepted.is_ok());
    assert_eq!(text, "hello\ndone\n");
    assert_eq!(parent.wait(id), Some(0));
}
