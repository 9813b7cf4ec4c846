//! gRPC on the one port, and a client for it.
//!
//! A runtime serves the health and reflection services, the streams of linked runtimes, and the [`Services`] that it
//! was given. A service is either one of tonic's, or an [`HttpService`]: methods that stand for HTTP routes of actors,
//! so that both ways lead to the same handler.
//!
//! [`client`] calls the services of others.

pub mod client;

mod builtin;
mod codec;
mod http_service;
mod records;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use ::http::header::CONTENT_TYPE;
use tokio::sync::OnceCell;
use tonic::body::Body;
use tonic::server::NamedService;

pub use tonic::{Code, Request, Response, Status, Streaming};

use self::builtin::BuiltIn;
pub use self::codec::{BytesCodec, MessageCodec};
pub use self::http_service::{Check, HttpService};
use crate::runtime::Runtime;
use crate::transport::link::{self, Accepted};

type Answer = Pin<Box<dyn Future<Output = ::http::Response<Body>>>>;
type Serve = Arc<dyn Fn(Call) -> Answer + Send + Sync>;

/// The gRPC services of a runtime's port, besides those that every runtime has.
#[derive(Clone, Default)]
pub struct Services {
    served: HashMap<String, Serve>,
    descriptors: Vec<&'static [u8]>,
    builtin: Arc<OnceCell<BuiltIn>>,
}

impl Services {
    /// No service.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service as tonic makes them. Its methods run on the threads that serve connections.
    #[must_use]
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: tower_service::Service<
                ::http::Request<Body>,
                Response = ::http::Response<Body>,
                Error = Infallible,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: 'static,
    {
        let serve = move |call: Call| -> Answer {
            let mut service = service.clone();
            Box::pin(async move {
                let answer = match std::future::poll_fn(|cx| service.poll_ready(cx)).await {
                    Ok(()) => service.call(call.request).await,
                    Err(never) => match never {},
                };
                answer.unwrap_or_else(|never| match never {})
            })
        };
        self.served.insert(S::NAME.to_owned(), Arc::new(serve));
        self
    }

    /// Adds a service whose methods stand for HTTP routes.
    #[must_use]
    pub fn with_http(mut self, service: HttpService) -> Self {
        let name = service.name().to_owned();
        let service = Arc::new(service);
        let serve = move |call: Call| -> Answer { Box::pin(Arc::clone(&service).serve(call)) };
        self.served.insert(name, Arc::new(serve));
        self
    }

    /// Lets the reflection service answer from these descriptors too: a serialized `FileDescriptorSet`.
    #[must_use]
    pub fn descriptors(mut self, set: &'static [u8]) -> Self {
        self.descriptors.push(set);
        self
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.served.keys().map(String::as_str)
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// A call on its way to its service.
pub(crate) struct Call {
    pub(crate) runtime: Runtime,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) request: ::http::Request<Body>,
}

impl Call {
    /// Passes the call to its service.
    pub(crate) async fn answer(self, links: &Accepted) -> ::http::Response<Body> {
        let is_grpc = self
            .request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        if !is_grpc {
            let mut refused = ::http::Response::new(Body::default());
            *refused.status_mut() = ::http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return refused;
        }
        if self.service() == link::SERVICE && self.method() == link::METHOD {
            return link::accept(self, links);
        }
        let runtime = self.runtime.clone();
        let services = &runtime.inner().services;
        if let Some(serve) = services.served.get(self.service()) {
            return serve(self).await;
        }
        let builtin = services
            .builtin
            .get_or_init(|| BuiltIn::new(services))
            .await;
        match builtin.get(self.service()) {
            Some(serve) => serve(self).await,
            None => unknown(self.request.uri().path()),
        }
    }

    /// The service that the path names.
    fn service(&self) -> &str {
        self.path().0
    }

    /// The method that the path names.
    pub(crate) fn method(&self) -> &str {
        self.path().1
    }

    fn path(&self) -> (&str, &str) {
        let path = self.request.uri().path();
        let path = path.strip_prefix('/').unwrap_or(path);
        path.split_once('/').unwrap_or((path, ""))
    }
}

/// Refuses a method that nobody serves.
fn unknown(path: &str) -> ::http::Response<Body> {
    Status::unimplemented(format!("unknown method '{path}'")).into_http()
}
