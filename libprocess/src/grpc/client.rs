//! Calls of gRPC services elsewhere.
//!
//! Mirrors `3rdparty/libprocess/include/process/grpc.hpp`.
//!
//! A status that the server gives is a value, not a failure: the future of a call fails only when its [`Client`] has
//! been terminated. Discarding the future cancels the call.

mod channel;
mod target;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tonic::client::Grpc;
use tonic::{Request, Response, Status, Streaming};

use self::channel::{Channel, Connected};
pub use self::target::{ParseTargetError, Target};
use super::codec::MessageCodec;
use crate::context::Context;
use crate::future::Future;
use crate::id::ProcessId;
use crate::pid::Pid;
use crate::process::Process;
use crate::promise::Promise;
use crate::runtime::{Arbiter, Runtime};

/// What a call gives: the server's answer, or the status it gave instead.
pub type Answer<T> = Result<Response<T>, Status>;

/// Whether a call waits for a server that cannot be reached yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitForReady {
    /// It tries again until its time is over.
    Yes,
    /// It ends at once, with `UNAVAILABLE`.
    No,
}

/// How long a call takes at most.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use libprocess::grpc::client::CallOptions;
///
/// assert_eq!(CallOptions::default().timeout, Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallOptions {
    /// What happens while the server cannot be reached.
    pub wait_for_ready: WaitForReady,
    /// After this time of the runtime's clock the call ends with `DEADLINE_EXCEEDED`. Of a stream it bounds the time
    /// until the server takes the call.
    pub timeout: Duration,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self {
            wait_for_ready: WaitForReady::Yes,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A server, and the connection to it that calls share. It connects with the first call and again when it breaks.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Connected>,
}

impl Connection {
    /// Names a server; nothing is connected yet.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            shared: Arc::new(Connected::new(target)),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection")
            .field(self.shared.target())
            .finish()
    }
}

/// Makes calls, and waits for those that are out when it is terminated.
///
/// # Examples
/// A runtime serves health, so it can be asked for its own:
/// ```
/// use libprocess::Runtime;
/// use libprocess::grpc::client::{CallOptions, Client, Connection};
/// use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
///
/// let runtime = Runtime::builder().ip([127, 0, 0, 1].into()).start()?;
/// let client = Client::new(&runtime);
/// let connection = Connection::new(runtime.address().to_string().parse()?);
/// let asked = client.call::<_, HealthCheckResponse>(
///     &connection,
///     "/grpc.health.v1.Health/Check",
///     tonic::Request::new(HealthCheckRequest::default()),
///     CallOptions::default(),
/// );
/// let answer = runtime.block_on(asked).ready().ok_or("no answer")??;
/// assert_eq!(answer.get_ref().status, 1);
/// runtime.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    runtime: Runtime,
    pid: Pid<ClientProcess>,
}

impl Client {
    /// Starts a client.
    #[must_use]
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            runtime: runtime.clone(),
            pid: runtime.spawn_on(Arbiter::Any, ClientProcess::default()),
        }
    }

    /// Sends one message and waits for one; `method` is a path such as `/grpc.health.v1.Health/Check`.
    pub fn call<Q, A>(
        &self,
        connection: &Connection,
        method: &'static str,
        mut request: Request<Q>,
        options: CallOptions,
    ) -> Future<Answer<A>>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        request.set_timeout(options.timeout);
        self.start(connection, options, async move |channel, path_of| {
            let path = path_of(method)?;
            let mut grpc = Grpc::with_origin(channel, origin());
            ready(&mut grpc).await?;
            let codec = MessageCodec::<Q, A>::default();
            grpc.unary(request, path, codec).await
        })
    }

    /// Sends one message and gives the messages that come back.
    pub fn subscribe<Q, A>(
        &self,
        connection: &Connection,
        method: &'static str,
        request: Request<Q>,
        options: CallOptions,
    ) -> Future<Answer<Streaming<A>>>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let request = request.map(|message| futures::stream::once(async { message }));
        self.stream(connection, method, request, options)
    }

    /// Sends messages as they come and gives the messages that come back, for methods that stream either way or both.
    pub fn stream<Q, A>(
        &self,
        connection: &Connection,
        method: &'static str,
        request: Request<impl Stream<Item = Q> + Send + 'static>,
        options: CallOptions,
    ) -> Future<Answer<Streaming<A>>>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        self.start(connection, options, async move |channel, path_of| {
            let path = path_of(method)?;
            let mut grpc = Grpc::with_origin(channel, origin());
            ready(&mut grpc).await?;
            let codec = MessageCodec::<Q, A>::default();
            let request = request.map(|messages| messages.boxed());
            grpc.streaming(request, path, codec).await
        })
    }

    fn start<T, F>(
        &self,
        connection: &Connection,
        options: CallOptions,
        call: impl FnOnce(Channel, PathOf) -> F + Send + 'static,
    ) -> Future<Answer<T>>
    where
        T: Send + 'static,
        F: std::future::Future<Output = Answer<T>> + 'static,
    {
        let (promise, future) = Promise::new();
        let shared = Arc::clone(&connection.shared);
        let runtime = self.runtime.clone();
        self.pid.dispatch(move |client, ctx| {
            if client.terminating {
                promise.fail("Runtime has been terminated");
                return;
            }
            client.outstanding += 1;
            let calling = async move {
                let channel = shared.channel(&runtime, options.wait_for_ready).await?;
                call(channel, path_of).await
            };
            let timer = ctx.runtime().clone();
            ctx.perform(
                bounded(timer, calling, options.timeout, promise),
                |client, (), ctx| {
                    client.outstanding -= 1;
                    client.end_when_done(ctx);
                },
            );
        });
        if !self.runtime.exists(self.pid.upid()) {
            return Future::failed("Runtime has been terminated");
        }
        future
    }

    /// Takes no more calls; those that are out come to their end.
    pub fn terminate(&self) {
        self.pid.dispatch(|client, ctx| {
            client.terminating = true;
            client.end_when_done(ctx);
        });
    }

    /// Ready when the client was terminated and its calls are over.
    pub fn wait(&self) -> Future<()> {
        self.runtime.wait(self.pid.upid())
    }
}

type PathOf = fn(&'static str) -> Result<http::uri::PathAndQuery, Status>;

fn path_of(method: &'static str) -> Result<http::uri::PathAndQuery, Status> {
    method
        .parse()
        .map_err(|_error| Status::internal(format!("'{method}' is not the path of a method")))
}

/// The channel knows where to go; a request needs some origin to be one.
fn origin() -> http::Uri {
    http::Uri::from_static("http://localhost")
}

async fn ready(grpc: &mut Grpc<Channel>) -> Result<(), Status> {
    grpc.ready()
        .await
        .map_err(|error| Status::unavailable(error.to_string()))
}

/// Waits for a call until its time is over or nobody wants it.
async fn bounded<T: Send + 'static>(
    runtime: Runtime,
    calling: impl std::future::Future<Output = Answer<T>>,
    timeout: Duration,
    promise: Promise<Answer<T>>,
) {
    let (late, deadline) = Promise::new();
    let timer = runtime.clock().timer(timeout, move || late.set(()));
    let (unwanted, discarded) = Promise::new();
    promise.on_discard(move || unwanted.set(()));
    tokio::select! {
        biased;
        _ = discarded => promise.discard(),
        answer = calling => promise.set(answer),
        _ = deadline => promise.set(Err(Status::deadline_exceeded("Deadline Exceeded"))),
    }
    timer.cancel();
}

/// The actor behind a client.
#[doc(alias = "RuntimeProcess")]
#[derive(Debug, Default)]
struct ClientProcess {
    outstanding: usize,
    terminating: bool,
}

impl ClientProcess {
    fn end_when_done(&self, ctx: &Context<Self>) {
        if self.terminating && self.outstanding == 0 {
            ctx.pid().terminate();
        }
    }
}

impl Process for ClientProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("__grpc_client__")
    }
}
