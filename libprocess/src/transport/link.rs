//! `libprocess.Transport/Link`: messages in both directions on one gRPC stream.
//!
//! # Wire
//! Who connects says in the call's metadata where it is reached (`libprocess-address`), whether for links or only to
//! send (`libprocess-link`), and which life of its it is (`libprocess-incarnation`). A caller without an address only
//! sends. Then both sides send envelopes as they come, and nothing is answered, unless a side has asked to be told what
//! was delivered (`libprocess-acknowledge`).
//!
//! # Invariants
//! Nothing is sent before the other side has taken the call: a peer that does not speak gRPC loses no message.

mod outgoing;
mod receive;

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderMap, HeaderValue, Method, Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::{Code, Status};

use self::outgoing::{Ending, outgoing};
use self::receive::{Acknowledge, ReceiveError, Receiver};
use super::http2::{CONNECTION_WINDOW, FRAME, LocalExecutor, STREAM_WINDOW};
use super::stream::Stream;
use crate::address::Address;
use crate::grpc::Call;
use crate::runtime::{PeerCheck, Runtime, Transport};
use crate::simulation::within;
use crate::socket_manager::{End, Kind, Lasting, Origin, Socket, Wire};

/// The call's path.
const PATH: &str = "/libprocess.Transport/Link";

pub(crate) const SERVICE: &str = "libprocess.Transport";
pub(crate) const METHOD: &str = "Link";

const ADDRESS: &str = "libprocess-address";
const LINK: &str = "libprocess-link";
const INCARNATION: &str = "libprocess-incarnation";
const ACKNOWLEDGE: &str = "libprocess-acknowledge";
const LASTING: &str = "lasting";
const PASSING: &str = "passing";
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// How long a peer may take to take a call. One that speaks another protocol and waits for more would wait for ever.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long we wait for the rest of what the peer sends when we send no more.
const LINGER: Duration = Duration::from_secs(5);

/// The streams that peers have opened on one connection. They end with it.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    sockets: RefCell<Vec<Arc<Socket>>>,
}

impl Accepted {
    /// The connection is gone.
    pub(crate) fn gone(&self, runtime: &Runtime) {
        for socket in self.sockets.take() {
            runtime.inner().sockets.broken(runtime, &socket);
            socket.close();
        }
    }
}

/// Why a connection that was to carry a stream does not.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    /// The peer has not taken the call. Nothing was sent.
    #[error("{0}")]
    Refused(String),
    /// The stream broke.
    #[error("the stream broke")]
    Broken(#[source] io::Error),
}

/// Carries a socket's messages until it ends or breaks.
pub(crate) async fn dial(
    runtime: &Runtime,
    socket: &Arc<Socket>,
    stream: Stream,
) -> Result<(), DialError> {
    let refused = |error: hyper::Error| DialError::Refused(error.to_string());
    let (mut calls, connection) =
        hyper::client::conn::http2::Builder::new(LocalExecutor(runtime.clone()))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(refused)?;
    let (taken, gate) = oneshot::channel();
    let (sent, all_sent) = oneshot::channel();
    let body = outgoing(runtime, socket, Ending::Request { gate, sent });
    let call = calls.send_request(request(runtime, socket, body));
    let conversation = async {
        let response = within(PATIENCE, call)
            .await
            .ok_or_else(|| DialError::Refused("no answer".to_owned()))?
            .map_err(refused)?;
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Err(DialError::Refused(status.message().to_owned()));
        }
        if response.headers().get(CONTENT_TYPE) != Some(&GRPC) {
            return Err(DialError::Refused(format!("status {}", response.status())));
        }
        socket.set_connected();
        runtime.inner().sockets.learn(socket.address(), Wire::Grpc);
        let acknowledge = acknowledge(response.headers());
        // The connection may be gone already: then the receiver sees it.
        let _ = taken.send(());
        let mut receiver = Receiver::new(runtime, Some(socket), None).acknowledging(acknowledge);
        let receiving = receiver.run(Body::new(response.into_body()));
        converse(receiving, all_sent).await
    };
    tokio::select! {
        ended = conversation => ended,
        ended = connection => Err(match (ended, socket.was_connected()) {
            (Ok(()), true) => DialError::Broken(io::ErrorKind::UnexpectedEof.into()),
            (Err(error), true) => DialError::Broken(io::Error::other(error)),
            (Ok(()), false) => DialError::Refused("the connection was closed".to_owned()),
            (Err(error), false) => refused(error),
        }),
    }
}

/// Receives until the peer ends the stream, which it may only after we have.
async fn converse(
    receiving: impl Future<Output = Result<(), ReceiveError>>,
    all_sent: oneshot::Receiver<()>,
) -> Result<(), DialError> {
    tokio::pin!(receiving);
    tokio::select! {
        received = &mut receiving => {
            let error = received.err().map_or_else(
                || io::ErrorKind::UnexpectedEof.into(),
                io::Error::other,
            );
            Err(DialError::Broken(error))
        }
        Ok(()) = all_sent => {
            // Either way the connection is closed then.
            let _ = within(LINGER, receiving).await;
            Ok(())
        }
    }
}

/// The call that opens the stream.
fn request(runtime: &Runtime, socket: &Socket, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    let uri = ::http::Uri::builder()
        .scheme("http")
        .authority(socket.address().to_string())
        .path_and_query(PATH);
    // An address is always an authority.
    *request.uri_mut() = uri.build().unwrap_or_default();
    let kind = match socket.kind() {
        Kind::Temporary => PASSING,
        Kind::Persistent | Kind::Accepted(_) => LASTING,
    };
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert("te", HeaderValue::from_static("trailers"));
    headers.insert(LINK, HeaderValue::from_static(kind));
    let texts = [
        (ADDRESS, runtime.address().to_string()),
        (INCARNATION, format!("{:016x}", runtime.inner().incarnation)),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    if socket.wants_acknowledgements() {
        headers.insert(ACKNOWLEDGE, HeaderValue::from_static("1"));
    }
    request
}

/// Takes a peer's stream.
pub(crate) fn accept(call: Call, accepted: &Accepted) -> Response<Body> {
    let claim = match claim(&call) {
        Ok(claim) => claim,
        Err(status) => return status.into_http(),
    };
    let Call {
        runtime,
        peer,
        request,
        ..
    } = call;
    let acknowledge = acknowledge(request.headers());
    let socket =
        claim.map(|(address, origin)| runtime.inner().sockets.accept(&runtime, address, origin));
    let mut response = Response::new(Body::default());
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    let status = Arc::new(OnceLock::new());
    let ip = peer.map(|peer| peer.ip().to_canonical());
    match &socket {
        Some(socket) => {
            accepted.sockets.borrow_mut().push(Arc::clone(socket));
            if socket.wants_acknowledgements() {
                let yes = HeaderValue::from_static("1");
                response.headers_mut().insert(ACKNOWLEDGE, yes);
            }
            let ending = Ending::Response(Arc::clone(&status));
            *response.body_mut() = outgoing(&runtime, socket, ending);
            let observer = runtime.clone();
            actix_rt::spawn(observer.observed(take(
                runtime,
                Some(Arc::clone(socket)),
                request,
                (ip, acknowledge),
                status,
            )));
        }
        None => {
            let (done, finished) = oneshot::channel();
            *response.body_mut() = outgoing::only_status(finished);
            let observer = runtime.clone();
            actix_rt::spawn(observer.observed(async move {
                let status = Arc::new(OnceLock::new());
                take(
                    runtime,
                    None,
                    request,
                    (ip, Acknowledge::No),
                    Arc::clone(&status),
                )
                .await;
                // The caller may be gone.
                let _ = done.send(status.get().cloned());
            }));
        }
    }
    response
}

/// Receives what a peer sends on the stream that it has opened.
async fn take(
    runtime: Runtime,
    socket: Option<Arc<Socket>>,
    request: Request<Body>,
    (ip, acknowledge): (Option<IpAddr>, Acknowledge),
    status: Arc<OnceLock<Status>>,
) {
    let _guard = crate::abort::AbortOnPanic;
    let received = Receiver::new(&runtime, socket.as_ref(), ip)
        .acknowledging(acknowledge)
        .run(request.into_body())
        .await;
    if let Err(error) = &received {
        tracing::debug!(peer = ?ip, %error, "a stream of messages ended");
        // It is set once.
        let _ = status.set(error.status());
    }
    if let Some(socket) = socket {
        let end = match received {
            Ok(()) => End::InOrder,
            Err(_) => End::Broken,
        };
        runtime.inner().sockets.retire(&runtime, &socket, end);
    }
}

/// Which runtime a caller says it is; none for a caller that only sends.
fn claim(call: &Call) -> Result<Option<(Address, Origin)>, Status> {
    let runtime = &call.runtime;
    if runtime.inner().transport == Transport::Legacy {
        let text = "this runtime sends messages on the legacy wire only";
        return Err(Status::unimplemented(text));
    }
    let headers = call.request.headers();
    let Some(address) = text(headers, ADDRESS) else {
        return Ok(None);
    };
    let address: Address = address
        .parse()
        .map_err(|_error| Status::invalid_argument(format!("{ADDRESS} is not an address")))?;
    if address == runtime.address() || address.is_none() {
        let text = format!("{ADDRESS} is not the address of another runtime");
        return Err(Status::invalid_argument(text));
    }
    let ip = call.peer.map(|peer| peer.ip().to_canonical());
    if runtime.inner().peer_check == PeerCheck::RequireSameIp && ip != Some(address.ip) {
        return Err(mismatch(&address.to_string(), ip));
    }
    let lasting = match text(headers, LINK) {
        Some(LASTING) => Lasting::Yes,
        Some(_) | None => Lasting::No,
    };
    let incarnation = text(headers, INCARNATION)
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .unwrap_or_default();
    let origin = Origin {
        lasting,
        incarnation,
    };
    Ok(Some((address, origin)))
}

fn acknowledge(headers: &HeaderMap) -> Acknowledge {
    if headers.contains_key(ACKNOWLEDGE) {
        Acknowledge::Wanted
    } else {
        Acknowledge::No
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What the legacy wire says about a sender that is not who it says it is.
fn mismatch(from: &str, ip: Option<IpAddr>) -> Status {
    let ip = ip.map_or_else(String::new, |ip| ip.to_string());
    Status::new(
        Code::PermissionDenied,
        format!("UPID IP address validation failed: Message from {from} was sent from IP {ip}"),
    )
}
