//! A service whose methods stand for HTTP routes of actors.
//!
//! A call becomes a request to the route, with the message as its body and the metadata as its headers, so that
//! authentication, authorization, the firewall and the handler are the same as for HTTP.
//! The answer becomes the message of the call, its records the messages of a stream, and an error a status with the
//! text that HTTP gives.
//!
//! # Invariants
//! - What a stream sends is taken from the actor only as fast as the client's flow control lets it.
//! - When the client goes away, the actor's stream is closed and a pending answer is discarded at once.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TE};
use ::http::{HeaderMap, HeaderValue, Method};
use bytes::Bytes;
use futures::Stream;
use futures::StreamExt;
use tonic::body::Body as GrpcBody;
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::{Code, Status, Streaming};

use super::codec::BytesCodec;
use super::records::{Records, record};
use super::{Call, unknown};
use crate::future::{Future as Pending, Outcome};
use crate::http::pipe::{self, Reader};
use crate::http::{Body, Incoming, Request, Response};
use crate::transport::router;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const RECORDS: HeaderValue = HeaderValue::from_static("application/recordio");

/// Looks at a call's message before it becomes a request.
pub type Check = fn(&[u8]) -> Result<(), Status>;

/// What a method takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One message each.
    Unary,
    /// One message in, the records of the response out.
    ServerStream(Accept),
    /// Records in, one message out.
    ClientStream,
}

/// How the route is asked for a stream of protobuf records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accept {
    /// By the type of its records.
    Messages,
    /// As records, whose type is named besides.
    Records,
}

#[derive(Clone, Copy)]
struct Route {
    path: &'static str,
    shape: Shape,
    check: Check,
}

/// A gRPC service in front of HTTP routes that speak protobuf.
///
/// Its methods take and give the messages that the routes do.
pub struct HttpService {
    name: &'static str,
    routes: HashMap<&'static str, Route>,
}

impl HttpService {
    /// A service without methods; `name` is its full name.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            routes: HashMap::new(),
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    fn route(
        mut self,
        method: &'static str,
        path: &'static str,
        shape: Shape,
        check: Check,
    ) -> Self {
        self.routes.insert(method, Route { path, shape, check });
        self
    }

    /// A method with one answer. An empty response is an empty message.
    #[must_use]
    pub fn unary(self, method: &'static str, path: &'static str, check: Check) -> Self {
        self.route(method, path, Shape::Unary, check)
    }

    /// A method whose answers are the records of the response, from a route that sends records of what is accepted.
    #[must_use]
    pub fn stream(self, method: &'static str, path: &'static str, check: Check) -> Self {
        self.route(method, path, Shape::ServerStream(Accept::Messages), check)
    }

    /// As [`HttpService::stream`], from a route that wants `application/recordio` accepted.
    #[must_use]
    pub fn record_stream(self, method: &'static str, path: &'static str, check: Check) -> Self {
        self.route(method, path, Shape::ServerStream(Accept::Records), check)
    }

    /// A method that sends messages to a route which reads records. The first message is checked.
    #[must_use]
    pub fn upload(self, method: &'static str, path: &'static str, check: Check) -> Self {
        self.route(method, path, Shape::ClientStream, check)
    }

    pub(super) async fn serve(self: Arc<Self>, call: Call) -> ::http::Response<GrpcBody> {
        let Some(route) = self.routes.get(call.method()).copied() else {
            return unknown(call.request.uri().path());
        };
        let limit = call.runtime.limits().http_body;
        let mut grpc = Grpc::new(BytesCodec).max_decoding_message_size(limit);
        let Call {
            runtime,
            peer,
            request,
        } = call;
        let method = Bridge {
            runtime,
            peer,
            route,
        };
        match route.shape {
            Shape::Unary => grpc.unary(method, request).await,
            Shape::ServerStream(_) => grpc.server_streaming(method, request).await,
            Shape::ClientStream => grpc.client_streaming(method, request).await,
        }
    }
}

impl std::fmt::Debug for HttpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpService")
            .field("name", &self.name)
            .field("methods", &self.routes.keys())
            .finish()
    }
}

/// One call's way to its route.
struct Bridge {
    runtime: crate::runtime::Runtime,
    peer: Option<std::net::SocketAddr>,
    route: Route,
}

/// A response that is discarded when nobody waits for it any more.
struct Awaited(Pending<Response>);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.discard();
    }
}

impl Bridge {
    /// Starts the request that the call stands for.
    fn request(&self, metadata: MetadataMap, body: Incoming) -> Result<Awaited, Status> {
        let mut request = Request::new(Method::POST, self.route.path)
            .map_err(|error| Status::internal(error.to_string()))?;
        request.headers = headers(metadata, self.route.shape);
        request.peer = self.peer;
        Ok(Awaited(router::route(&self.runtime, request, body)))
    }

    fn call(&self, request: tonic::Request<Bytes>) -> Result<Awaited, Status> {
        (self.route.check)(request.get_ref())?;
        let (metadata, _, body) = request.into_parts();
        self.request(metadata, Incoming::Whole(body))
    }
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<tonic::Response<T>, Status>>>>;

impl tonic::server::UnaryService<Bytes> for Bridge {
    type Response = Bytes;
    type Future = Answering<Bytes>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let pending = Self::call(self, request);
        let limit = self.runtime.limits().http_body;
        Box::pin(async move { whole(answer(pending?).await?, limit).await })
    }
}

impl tonic::server::ServerStreamingService<Bytes> for Bridge {
    type Response = Bytes;
    type ResponseStream = Messages;
    type Future = Answering<Messages>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let pending = Self::call(self, request);
        Box::pin(async move {
            let response = answer(pending?).await?;
            let metadata = metadata(&response.headers);
            let reader = match response.body {
                Body::Stream(reader) => Some(reader),
                Body::Empty | Body::Bytes(_) | Body::File(_) => None,
            };
            let mut response = tonic::Response::new(Messages {
                reader,
                records: Records::default(),
            });
            *response.metadata_mut() = metadata;
            Ok(response)
        })
    }
}

impl tonic::server::ClientStreamingService<Bytes> for Bridge {
    type Response = Bytes;
    type Future = Answering<Bytes>;

    fn call(&mut self, request: tonic::Request<Streaming<Bytes>>) -> Self::Future {
        let (metadata, _, mut messages) = request.into_parts();
        let (writer, reader) = pipe::pipe();
        let pending = self.request(metadata, Incoming::Stream(reader));
        let (check, limits) = (self.route.check, *self.runtime.limits());
        let feeding = async move {
            let mut first = true;
            while let Some(message) = messages.next().await {
                let message = message?;
                if std::mem::take(&mut first) {
                    check(&message)?;
                }
                writer.below(limits.unread_stream).await;
                writer.write(record(&message));
            }
            writer.close();
            Ok::<(), Status>(())
        };
        Box::pin(async move {
            let answering = answer(pending?);
            tokio::pin!(answering, feeding);
            let response = tokio::select! {
                response = &mut answering => response?,
                fed = &mut feeding => {
                    fed?;
                    answering.await?
                }
            };
            whole(response, limits.http_body).await
        })
    }
}

/// Waits for the response; its errors become statuses.
async fn answer(mut pending: Awaited) -> Result<Response, Status> {
    let response = match (&mut pending.0).await {
        Outcome::Ready(response) => response,
        Outcome::Failed(text) => return Err(Status::internal(text)),
        Outcome::Discarded | Outcome::Abandoned => {
            return Err(Status::internal("500 Internal Server Error."));
        }
    };
    if (200..300).contains(&response.status) {
        return Ok(response);
    }
    Err(status(response).await)
}

/// The status for an HTTP error: its text is the body.
async fn status(response: Response) -> Status {
    let code = code(response.status);
    let metadata = metadata(&response.headers);
    let number = response.status;
    let text = match response.body {
        Body::Bytes(text) => text,
        Body::Stream(mut reader) => reader.read_all(ERROR_TEXT).await.unwrap_or_default(),
        Body::Empty | Body::File(_) => Bytes::new(),
    };
    let text = if text.is_empty() {
        crate::http::status_text(number)
    } else {
        String::from_utf8_lossy(&text).into_owned()
    };
    Status::with_metadata(code, text, metadata)
}

/// How long an error's text is at most.
const ERROR_TEXT: usize = 64 * 1024;

/// What an HTTP status is in gRPC.
const fn code(status: u16) -> Code {
    match status {
        400 | 405 | 406 | 415 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::Aborted,
        412 => Code::FailedPrecondition,
        413 | 429 => Code::ResourceExhausted,
        // Who is asked is not the leading master: the location says who is.
        307 | 502 | 503 => Code::Unavailable,
        501 => Code::Unimplemented,
        504 => Code::DeadlineExceeded,
        _ => Code::Internal,
    }
}

/// Reads a response to its end.
async fn whole(response: Response, limit: usize) -> Result<tonic::Response<Bytes>, Status> {
    let metadata = metadata(&response.headers);
    let bytes = match response.body {
        Body::Empty => Bytes::new(),
        Body::Bytes(bytes) => bytes,
        Body::Stream(mut reader) => reader
            .read_all(limit)
            .await
            .map_err(|error| Status::internal(error.to_string()))?,
        Body::File(_) => return Err(Status::internal("a file is no message")),
    };
    let mut response = tonic::Response::new(bytes);
    *response.metadata_mut() = metadata;
    Ok(response)
}

/// The headers of the request that a call stands for.
fn headers(metadata: MetadataMap, shape: Shape) -> HeaderMap {
    let mut headers = metadata.into_headers();
    let framing = |name: &str| name.starts_with("grpc-") || name.ends_with("-bin");
    let of_grpc: Vec<_> = headers
        .keys()
        .filter(|name| framing(name.as_str()))
        .cloned()
        .collect();
    for name in of_grpc {
        headers.remove(name);
    }
    for name in [TE, CONTENT_LENGTH, ACCEPT_ENCODING] {
        headers.remove(name);
    }
    headers.insert(CONTENT_TYPE, PROTOBUF);
    headers.insert(ACCEPT, PROTOBUF);
    match shape {
        Shape::Unary | Shape::ServerStream(Accept::Messages) => {}
        Shape::ServerStream(Accept::Records) => {
            headers.insert(ACCEPT, RECORDS);
            headers.insert("message-accept", PROTOBUF);
        }
        Shape::ClientStream => {
            headers.insert(CONTENT_TYPE, RECORDS);
            headers.insert("message-content-type", PROTOBUF);
        }
    }
    headers
}

/// The headers of a response that say more than its framing.
fn metadata(headers: &HeaderMap) -> MetadataMap {
    let mut headers = headers.clone();
    for name in [CONTENT_TYPE, CONTENT_LENGTH] {
        headers.remove(name);
    }
    MetadataMap::from_headers(headers)
}

/// The records of a response, as they come.
pub(super) struct Messages {
    reader: Option<Reader>,
    records: Records,
}

impl Stream for Messages {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match self.records.next() {
                Ok(Some(record)) => return Poll::Ready(Some(Ok(record))),
                Ok(None) => {}
                Err(error) => {
                    self.reader = None;
                    return Poll::Ready(Some(Err(Status::internal(error.to_string()))));
                }
            }
            let Some(reader) = &self.reader else {
                return Poll::Ready(None);
            };
            match ready!(reader.poll_read(cx)) {
                Some(Ok(chunk)) => self.records.push(&chunk),
                Some(Err(error)) => {
                    self.reader = None;
                    return Poll::Ready(Some(Err(Status::unavailable(error.to_string()))));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_becomes_headers_without_what_belongs_to_the_wire() {
        let mut metadata = MetadataMap::new();
        for (name, value) in [
            ("authorization", "Basic eDp5"),
            ("mesos-stream-id", "1"),
            ("grpc-timeout", "1S"),
            ("te", "trailers"),
        ] {
            metadata.insert(name, value.parse().expect("a value"));
        }

        let headers = headers(metadata, Shape::ServerStream(Accept::Records));

        let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        let expected = [
            "accept",
            "authorization",
            "content-type",
            "mesos-stream-id",
            "message-accept",
        ];
        assert_eq!(names, expected);
    }
}
