//! Calls of a service by the client: answers, errors, deadlines, discards, the end of client and server.
#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use libprocess::grpc::client::{Answer, CallOptions, Client, Connection, WaitForReady};
use libprocess::grpc::{Code, MessageCodec, Services, Status};
use libprocess::{Clock, Future, Outcome, Runtime, RuntimeBuilder};
use tonic::Request;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tower_service::Service;

const SEND: &str = "/tests.PingPong/Send";
const TIMEOUT: Duration = Duration::from_millis(100);

/// What the server does with a ping: the empty message.
type Serve = dyn Fn() -> BoxFuture<'static, Result<(), Status>> + Send + Sync;

#[derive(Clone)]
struct PingPong(Arc<Serve>);

impl NamedService for PingPong {
    const NAME: &'static str = "tests.PingPong";
}

impl UnaryService<()> for PingPong {
    type Response = ();
    type Future = BoxFuture<'static, Result<tonic::Response<()>, Status>>;

    fn call(&mut self, _ping: Request<()>) -> Self::Future {
        let served = (self.0)();
        Box::pin(async { served.await.map(tonic::Response::new) })
    }
}

impl Service<http::Request<Body>> for PingPong {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn std::future::Future<Output = Result<Self::Response, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(MessageCodec::<(), ()>::default());
            Ok(grpc.unary(service, request).await)
        })
    }
}

fn builder() -> RuntimeBuilder {
    Runtime::builder().ip([127, 0, 0, 1].into()).arbiters(1)
}

fn serve(
    ping: impl Fn() -> BoxFuture<'static, Result<(), Status>> + Send + Sync + 'static,
) -> Runtime {
    builder()
        .grpc(Services::new().with(PingPong(Arc::new(ping))))
        .start()
        .expect("a runtime")
}

/// A server that tells of each ping and holds it until the sender is dropped.
fn holding() -> (Runtime, mpsc::Receiver<()>, tokio::sync::watch::Sender<()>) {
    let (tell, told) = mpsc::channel();
    let (release, released) = tokio::sync::watch::channel(());
    let server = serve(move || {
        // The test may be over.
        let _ = tell.send(());
        let mut released = released.clone();
        Box::pin(async move {
            while released.changed().await.is_ok() {}
            Ok(())
        })
    });
    (server, told, release)
}

struct Stage {
    runtime: Runtime,
    clock: Clock,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let clock = Clock::paused();
        let runtime = builder().clock(clock.clone()).start().expect("a runtime");
        let client = Client::new(&runtime);
        Self {
            runtime,
            clock,
            client,
        }
    }

    fn ping(&self, connection: &Connection) -> Future<Answer<()>> {
        let options = CallOptions {
            timeout: TIMEOUT,
            ..CallOptions::default()
        };
        self.client
            .call(connection, SEND, Request::new(()), options)
    }

    /// Lets the deadlines of all calls pass.
    fn let_time_pass(&self) {
        self.clock.settle();
        self.clock.advance(TIMEOUT);
    }

    fn await_end(self) {
        self.client.terminate();
        self.runtime.block_on(self.client.wait());
        self.runtime.shutdown();
    }

    fn code(&self, answer: Future<Answer<()>>) -> Code {
        match self.runtime.block_on(answer) {
            Outcome::Ready(Ok(_)) => Code::Ok,
            Outcome::Ready(Err(status)) => status.code(),
            other @ (Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned) => {
                panic!("{other:?}")
            }
        }
    }
}

fn connection(server: &Runtime) -> Connection {
    Connection::new(server.address().to_string().parse().expect("a target"))
}

fn unix(path: &Path) -> Connection {
    Connection::new(
        format!("unix://{}", path.display())
            .parse()
            .expect("a target"),
    )
}

fn seen(told: &mpsc::Receiver<()>) {
    told.recv_timeout(Duration::from_secs(60))
        .expect("the server sees a ping");
}

/// Mirrors: GRPCClientTest.Success
#[test]
fn a_call_gets_its_answer() {
    let server = serve(|| Box::pin(async { Ok(()) }));
    let stage = Stage::new();

    let pong = stage.ping(&connection(&server));

    assert_eq!(stage.code(pong), Code::Ok);
    stage.await_end();
    server.shutdown();
}

/// Mirrors: GRPCClientTest.ConcurrentRPCs
#[test]
fn calls_on_one_connection_do_not_wait_for_each_other() {
    let (server, told, release) = holding();
    let stage = Stage::new();
    let connection = connection(&server);

    let pongs = [(); 3].map(|()| stage.ping(&connection));
    for _ in 0..3 {
        seen(&told);
    }
    drop(release);

    for pong in pongs {
        assert_eq!(stage.code(pong), Code::Ok);
    }
    stage.await_end();
    server.shutdown();
}

/// Mirrors: GRPCClientTest.StatusError
#[test]
fn a_status_of_the_server_is_a_value() {
    let server = serve(|| Box::pin(async { Err(Status::cancelled("no")) }));
    let stage = Stage::new();

    let pong = stage.ping(&connection(&server));

    assert_eq!(stage.code(pong), Code::Cancelled);
    stage.await_end();
    server.shutdown();
}

/// Mirrors: GRPCClientTest.DiscardedBeforeServerStarted
#[test]
fn a_call_that_is_discarded_before_the_server_starts_never_reaches_it() {
    let folder = std::env::temp_dir().join(format!("libprocess-grpc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("socket");
    let stage = Stage::new();
    let pong = stage.ping(&unix(&path));

    pong.discard();
    let (server, told, _release) = holding();
    server.listen_unix(&path).expect("a socket");

    assert_eq!(
        stage.runtime.block_on(pong).map(|_answer| ()),
        Outcome::Discarded
    );
    stage.await_end();
    server.shutdown();
    assert!(told.try_recv().is_err());
    std::fs::remove_dir_all(&folder).expect("removed");
}

/// Mirrors: GRPCClientTest.DiscardedWhenServerProcessing
#[test]
fn a_call_can_be_discarded_while_the_server_works_on_it() {
    let (server, told, release) = holding();
    let stage = Stage::new();
    let pong = stage.ping(&connection(&server));
    seen(&told);

    pong.discard();
    drop(release);

    assert_eq!(
        stage.runtime.block_on(pong).map(|_answer| ()),
        Outcome::Discarded
    );
    stage.await_end();
    server.shutdown();
}

/// Mirrors: GRPCClientTest.ClientShutdown
#[test]
fn a_client_that_is_terminated_lets_its_calls_run_into_their_deadline() {
    let (server, told, _release) = holding();
    let stage = Stage::new();
    let connection = connection(&server);
    let pong = stage.ping(&connection);
    seen(&told);

    stage.client.terminate();
    let ended = stage.client.wait();
    let late = stage.ping(&connection);
    stage.let_time_pass();

    assert_eq!(stage.code(pong), Code::DeadlineExceeded);
    assert_eq!(stage.runtime.block_on(ended), Outcome::Ready(()));
    assert_eq!(
        stage.runtime.block_on(late).failure(),
        Some("Runtime has been terminated")
    );
    stage.runtime.shutdown();
    server.shutdown();
}

/// Mirrors: GRPCClientTest.ServerUnreachable
#[test]
fn a_server_that_is_never_reached_is_a_deadline_too() {
    let stage = Stage::new();
    let nowhere = Connection::new("nosuchhost.invalid:1".parse().expect("a target"));
    let pong = stage.ping(&nowhere);

    stage.client.terminate();
    stage.let_time_pass();

    assert_eq!(stage.code(pong), Code::DeadlineExceeded);
    stage.await_end();
}

/// Mirrors: GRPCClientTest.ServerTimeout
#[test]
fn a_server_that_hangs_is_a_deadline() {
    let (server, told, release) = holding();
    let stage = Stage::new();
    let pong = stage.ping(&connection(&server));
    seen(&told);

    stage.let_time_pass();

    assert_eq!(stage.code(pong), Code::DeadlineExceeded);
    drop(release);
    stage.await_end();
    server.shutdown();
}

#[test]
fn a_call_that_does_not_wait_for_a_server_ends_at_once() {
    let stage = Stage::new();
    let options = CallOptions {
        wait_for_ready: WaitForReady::No,
        ..CallOptions::default()
    };
    let nobody = unix(Path::new("/nonexistent/socket"));

    let pong = stage.client.call(&nobody, SEND, Request::new(()), options);

    assert_eq!(stage.code(pong), Code::Unavailable);
    stage.await_end();
}

#[test]
fn a_server_that_comes_back_is_connected_again() {
    let server = serve(|| Box::pin(async { Ok(()) }));
    let port = server.address().port;
    let stage = Stage::new();
    let connection = connection(&server);
    assert_eq!(stage.code(stage.ping(&connection)), Code::Ok);

    server.shutdown();
    let again = Services::new().with(PingPong(Arc::new(|| Box::pin(async { Ok(()) }))));
    let server = builder()
        .grpc(again)
        .port(port)
        .start()
        .expect("the same port");

    // The first call may still meet the end of the connection.
    let codes = [(); 2].map(|()| stage.code(stage.ping(&connection)));
    assert_eq!(codes[1], Code::Ok, "{codes:?}");
    stage.await_end();
    server.shutdown();
}

#[test]
fn a_service_or_method_that_nobody_serves_is_unimplemented() {
    let server = serve(|| Box::pin(async { Ok(()) }));
    let stage = Stage::new();
    let connection = connection(&server);

    let pong = stage.client.call(
        &connection,
        "/tests.Nobody/Send",
        Request::new(()),
        CallOptions::default(),
    );

    assert_eq!(stage.code(pong), Code::Unimplemented);
    stage.await_end();
    server.shutdown();
}
