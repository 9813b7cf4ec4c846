//! The actix-web application behind the port.
//!
//! Every HTTP request passes through it. Services that were added with
//! [`RuntimeBuilder::configure`](crate::RuntimeBuilder::configure) answer their own paths; everything else goes to
//! its default service, which hands the request to an actor and gives the future of the answer back at once: the
//! connection waits for it, and discards it when the client goes away.

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_http::error::PayloadError;
use actix_service::boxed::{RcService, rc_service};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, map_config};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::Stream;

use super::router;
use crate::future::Future;
use crate::http::pipe::{self, Reader};
use crate::http::{Body, Incoming, Request, Response};
use crate::runtime::Runtime;

/// Adds services to an application; called once on every thread that serves connections.
pub(crate) type Configure = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// A request on its way through the application.
struct Handed {
    request: Request,
    body: Payload,
}

/// The body, which goes to whoever answers.
#[derive(Clone)]
struct Payload(Rc<RefCell<Option<Incoming>>>);

/// The answer of an actor, on its way back.
struct Answer(Future<Response>);

/// The application of one thread.
#[derive(Clone)]
pub(crate) struct Application {
    service: RcService<actix_http::Request, ServiceResponse, actix_web::Error>,
}

impl Application {
    /// Builds the application on the calling thread.
    pub(crate) async fn build(runtime: Runtime, configure: Option<Configure>) -> Option<Self> {
        let app = App::new()
            .app_data(web::Data::new(runtime))
            .configure(|services| {
                if let Some(configure) = configure {
                    configure(services);
                }
            })
            .default_service(web::to(to_actor));
        let factory = map_config(app.into_factory(), |()| AppConfig::default());
        match factory.new_service(()).await {
            Ok(service) => Some(Self {
                service: rc_service(service),
            }),
            Err(()) => None,
        }
    }

    /// Passes a request through the application.
    pub(crate) async fn call(&self, request: Request, body: Incoming) -> Future<Response> {
        let payload = Payload(Rc::new(RefCell::new(Some(body))));
        let request = into_actix(request, payload);
        match self.service.call(request).await {
            Ok(response) => {
                let mut response = response.into_parts().1;
                let answer = response.extensions_mut().remove::<Answer>();
                answer.map_or_else(|| from_actix(response).into(), |answer| answer.0)
            }
            Err(error) => from_actix(error.error_response()).into(),
        }
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").finish_non_exhaustive()
    }
}

/// The default service: hands the request to an actor and does not wait.
async fn to_actor(request: HttpRequest, runtime: web::Data<Runtime>) -> HttpResponse {
    let handed = request.extensions_mut().remove::<Handed>();
    let mut response = HttpResponse::Ok().finish();
    if let Some(Handed { request, body }) = handed {
        let body = body
            .0
            .borrow_mut()
            .take()
            .unwrap_or_else(|| Incoming::Whole(Bytes::new()));
        let answer = router::route(&runtime, request, body);
        response.extensions_mut().insert(Answer(answer));
    }
    response
}

fn into_actix(request: Request, payload: Payload) -> actix_http::Request {
    let stream: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(LazyBody {
        payload: payload.clone(),
        reader: None,
    });
    let mut actix = actix_http::Request::with_payload(actix_http::Payload::from(stream));
    let head = actix.head_mut();
    head.peer_addr = request.peer;
    if let Ok(method) = actix_http::Method::from_bytes(request.method.as_str().as_bytes()) {
        head.method = method;
    }
    if let Ok(uri) = request.url().parse() {
        head.uri = uri;
    }
    for (name, value) in &request.headers {
        let name = actix_http::header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = actix_http::header::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            head.headers.append(name, value);
        }
    }
    actix.extensions_mut().insert(Handed {
        request,
        body: payload,
    });
    actix
}

/// Reads the body for an actix-web service, if it is one that answers.
struct LazyBody {
    payload: Payload,
    reader: Option<Reader>,
}

impl Stream for LazyBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let incoming = self.payload.0.borrow_mut().take();
        match incoming {
            Some(Incoming::Whole(bytes)) => return Poll::Ready(Some(Ok(bytes))),
            Some(Incoming::Stream(reader)) => self.reader = Some(reader),
            None => {}
        }
        match self.reader.as_mut() {
            None => Poll::Ready(None),
            Some(reader) => Pin::new(reader)
                .poll_next(cx)
                .map_err(|error| PayloadError::Io(std::io::Error::other(error))),
        }
    }
}

/// Turns the answer of an actix-web service into ours.
fn from_actix(response: HttpResponse<BoxBody>) -> Response {
    let mut ours = Response::new(response.status().as_u16());
    for (name, value) in response.headers() {
        let name = ::http::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = ::http::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            ours.headers.append(name, value);
        }
    }
    let body = response.into_body();
    ours.body = match body.size() {
        BodySize::None | BodySize::Sized(0) => Body::Empty,
        BodySize::Sized(_) | BodySize::Stream => match body.try_into_bytes() {
            Ok(bytes) => Body::Bytes(bytes),
            Err(body) => Body::Stream(pump(body)),
        },
    };
    ours
}

/// How much of a service's stream may wait for a slow client.
const PUMP_LIMIT: usize = 256 * 1024;

fn pump(body: BoxBody) -> Reader {
    let (writer, reader) = pipe::pipe();
    actix_rt::spawn(async move {
        let mut body = body;
        loop {
            writer.below(PUMP_LIMIT).await;
            let next = std::future::poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await;
            match next {
                Some(Ok(chunk)) => {
                    writer.write(chunk);
                    if writer.is_reader_closed() {
                        return;
                    }
                }
                Some(Err(error)) => {
                    writer.fail(error.to_string());
                    return;
                }
                None => {
                    writer.close();
                    return;
                }
            }
        }
    });
    reader
}
