//! The connection that calls share.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use super::{Target, WaitForReady};
use crate::runtime::Runtime;
use crate::simulation::within;
use crate::tls::Asks;
use crate::transport::http2::{CONNECTION_WINDOW, FRAME, LocalExecutor, STREAM_WINDOW};
use crate::transport::stream::Stream;

/// The pause before a server is tried again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// A server, with the connection to it if there is one.
pub(super) struct Connected {
    target: Target,
    open: Mutex<Option<SendRequest<Body>>>,
}

impl Connected {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            open: Mutex::default(),
        }
    }

    pub(super) const fn target(&self) -> &Target {
        &self.target
    }

    fn lock(&self) -> MutexGuard<'_, Option<SendRequest<Body>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, made when there is none.
    pub(super) async fn channel(
        &self,
        runtime: &Runtime,
        wait: WaitForReady,
    ) -> Result<Channel, Status> {
        let mut pause = FIRST_PAUSE;
        loop {
            let open = self.lock().clone().filter(|open| !open.is_closed());
            if let Some(calls) = open {
                return Ok(Channel { calls });
            }
            match self.connect(runtime).await {
                Ok(calls) => {
                    *self.lock() = Some(calls.clone());
                    return Ok(Channel { calls });
                }
                Err(error) if wait == WaitForReady::No => {
                    let text = format!("failed to connect to {}: {error}", self.target);
                    return Err(Status::unavailable(text));
                }
                Err(error) => {
                    tracing::debug!(server = %self.target, %error, "failed to connect");
                }
            }
            within(pause, std::future::pending::<()>()).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Connects on the calling thread, which then carries the connection.
    async fn connect(&self, runtime: &Runtime) -> io::Result<SendRequest<Body>> {
        let stream = match &self.target {
            Target::Tcp { host, port } => Stream::connect(host, *port).await?,
            Target::Tls { host, port } => {
                let tls = runtime
                    .tls()
                    .ok_or_else(|| io::Error::other("TLS is off here"))?;
                Stream::connect_secured(host, *port, (tls, Asks::Http2)).await?
            }
            Target::Unix(path) => Stream::connect_unix(path).await?,
        };
        let (calls, connection) = Builder::new(LocalExecutor(runtime.clone()))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let server = self.target.to_string();
        actix_rt::spawn(runtime.observed(async move {
            if let Err(error) = connection.await {
                tracing::debug!(server, %error, "a connection broke");
            }
        }));
        Ok(calls)
    }
}

/// One call's hold on the connection.
pub(super) struct Channel {
    calls: SendRequest<Body>,
}

type Answering = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Status>> + Send>>;

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.calls.poll_ready(cx).map_err(broken)
    }

    fn call(&mut self, request: http::Request<Body>) -> Answering {
        let call = self.calls.send_request(request);
        Box::pin(async move {
            let response = call.await.map_err(broken)?;
            Ok(response.map(|body| Body::new(body.map_err(broken))))
        })
    }
}

/// A connection that breaks is a server that is not there.
#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn broken(error: hyper::Error) -> Status {
    Status::unavailable(error.to_string())
}
