//! The connection to the collector.

use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use libprocess::http::client::{self, ClientRequest};
use opentelemetry_http::{HttpClient, HttpError};

/// The longest answer that is read.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Sends requests on a thread of its own.
pub(crate) struct Client {
    runtime: Arc<tokio::runtime::Runtime>,
}

impl Client {
    pub(crate) fn new() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Arc::new(runtime),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(send(request)).await??;
        Ok(sent)
    }
}

async fn send(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (parts, body) = request.into_parts();
    let mut ours = ClientRequest::new(parts.method, "");
    ours.headers = parts.headers;
    ours.headers.remove(http::header::CONTENT_LENGTH);
    ours.body = body;
    let response = client::request(&parts.uri.to_string(), ours).await?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = http::StatusCode::from_u16(response.status)?;
    *answer.headers_mut() = response.headers.clone();
    *answer.body_mut() = response.bytes_within(ANSWER_LIMIT).await?;
    Ok(answer)
}
