//! A framework over gRPC: one stream of events, and calls beside it.
//!
//! `cargo run -p mesos-examples --bin grpc_framework -- 127.0.0.1:5050`

use anyhow::{Context, Result, bail, ensure};
use libprocess::Runtime;
use libprocess::grpc::client::{CallOptions, Client, Connection};
use libprocess::grpc::{Request, Streaming};
use mesos_common::task_state::is_terminal;
use mesos_proto::v1::scheduler::{Call, Event, Response, call, event};
use mesos_proto::v1::{Filters, FrameworkInfo, Offer, TaskState};
use mesos_scheduler::{Calls, TaskBuilder, launch, resources};

const SUBSCRIBE: &str = "/mesos.v1.grpc.Scheduler/Subscribe";
const SEND: &str = "/mesos.v1.grpc.Scheduler/Send";

/// Ties the calls to the stream: an answer's header, and metadata of every call.
const STREAM_ID: &str = "mesos-stream-id";

fn main() -> Result<()> {
    let usage = "usage: grpc_framework <master>";
    let master = std::env::args().nth(1).context(usage)?;
    let connection = Connection::new(master.parse()?);
    let runtime = Runtime::builder().arbiters(1).start()?;
    let outcome = runtime.block_on(run(Client::new(&runtime), connection));
    runtime.shutdown();
    outcome
}

async fn run(client: Client, connection: Connection) -> Result<()> {
    let (stream_id, mut events) = subscribe(&client, &connection).await?;
    let subscribed = events.message().await?.context("no event")?;
    let calls = Calls::of(subscribed.subscribed().framework_id().clone());
    let scheduler = Scheduler {
        client,
        connection,
        stream_id,
    };
    let mut launched = false;
    while let Some(event) = events.message().await? {
        for offer in &event.offers().offers {
            let answer = if launched {
                calls.decline(vec![offer.id().clone()], Filters::default())
            } else {
                accept(&calls, offer)
            };
            launched = true;
            scheduler.send(answer).await?;
        }
        if event.r#type() == event::Type::Error {
            bail!("{}", event.error().message());
        }
        if event.r#type() == event::Type::Update {
            let status = event.update().status();
            let (task, state) = (status.task_id().value(), status.state());
            println!("{task} is {}", state.as_str_name());
            if let Some(acknowledge) = calls.acknowledge(status) {
                scheduler.send(acknowledge).await?;
            }
            if is_terminal(state) {
                ensure!(state == TaskState::TaskFinished, "{}", status.message());
                return Ok(());
            }
        }
    }
    bail!("the master ended the stream")
}

async fn subscribe(client: &Client, connection: &Connection) -> Result<(String, Streaming<Event>)> {
    let framework = FrameworkInfo {
        user: Some(std::env::var("USER").unwrap_or_else(|_| "root".into())),
        name: Some("grpc".into()),
        ..Default::default()
    };
    let subscribe = call::Subscribe {
        framework_info: Some(framework.into()),
        ..Default::default()
    };
    let call = Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(subscribe.into()),
        ..Default::default()
    };
    let (request, options) = (Request::new(call), CallOptions::default());
    let answer = client.subscribe(connection, SUBSCRIBE, request, options);
    let answer = answer.await.ready().context("no answer")??;
    let stream_id = answer.metadata().get(STREAM_ID).context("no stream id")?;
    Ok((stream_id.to_str()?.to_owned(), answer.into_inner()))
}

fn accept(calls: &Calls, offer: &Offer) -> Call {
    let task = TaskBuilder::command("hello-grpc", "echo hello")
        .resources(resources::cpus_mem(0.1, 32.0))
        .for_offer(offer);
    calls.accept(
        vec![offer.id().clone()],
        vec![launch(vec![task])],
        Filters::default(),
    )
}

struct Scheduler {
    client: Client,
    connection: Connection,
    stream_id: String,
}

impl Scheduler {
    async fn send(&self, call: Call) -> Result<()> {
        let mut request = Request::new(call);
        request
            .metadata_mut()
            .insert(STREAM_ID, self.stream_id.parse()?);
        let (to, options) = (&self.connection, CallOptions::default());
        let answer = self.client.call::<_, Response>(to, SEND, request, options);
        answer.await.ready().context("no answer")??;
        Ok(())
    }
}
