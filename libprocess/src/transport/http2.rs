//! HTTP/2 connections: hyper frames them, every request on them is a gRPC call.
//!
//! # Owns
//! The connection. What a call needs beyond it, such as the streams of linked peers, ends with it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tonic::body::Body;

use super::link::Accepted;
use super::rewind::Rewind;
use super::sniff::Opened;
use crate::abort::AbortOnPanic;
use crate::grpc;
use crate::runtime::Runtime;

/// What a peer may send on one stream, and on all of a connection, before it is read.
pub(crate) const STREAM_WINDOW: u32 = 1024 * 1024;
pub(crate) const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The largest frame.
pub(crate) const FRAME: u32 = 256 * 1024;

/// How many calls one connection may have open.
const STREAMS: u32 = 1024;

/// Runs what hyper starts on the thread of the connection.
#[derive(Clone, Debug)]
pub(crate) struct LocalExecutor(pub(crate) Runtime);

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        actix_rt::spawn(self.0.observed(future));
    }
}

/// Serves a connection until one side is done.
pub(super) async fn serve(runtime: Runtime, opened: Opened, peer: Option<SocketAddr>) {
    let _guard = AbortOnPanic;
    let header = u32::try_from(runtime.limits().header).unwrap_or(u32::MAX);
    let io = TokioIo::new(Rewind::new(opened));
    let accepted = Rc::new(Accepted::default());
    let owner = runtime.clone();
    let links = Rc::clone(&accepted);
    let calls = service_fn(move |request: http::Request<Incoming>| {
        let call = grpc::Call {
            runtime: owner.clone(),
            peer,
            request: request.map(Body::new),
        };
        let links = Rc::clone(&links);
        async move { Ok::<_, Infallible>(call.answer(&links).await) }
    });
    let served = hyper::server::conn::http2::Builder::new(LocalExecutor(runtime.clone()))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(header)
        .serve_connection(io, calls)
        .await;
    if let Err(error) = served {
        tracing::debug!(?peer, %error, "an HTTP/2 connection broke");
    }
    accepted.gone(&runtime);
}
