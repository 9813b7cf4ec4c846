//! The actor behind the v1 scheduler library.
//!
//! # Owns
//! Two connections to the master: one for the stream of events, one for all other calls.
//!
//! # Invariants
//! - An answer or event of an older connection is ignored: `attempt` names the current one.
//! - Events are delivered only while subscribed, in the order of the stream.
//!
//! # Timers
//! A random pause before each attempt to connect but the first; SUBSCRIBE each second when the library sends it;
//! a watch for missing heartbeats.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use libprocess::{Context, Future, Outcome, Process, ProcessId, Promise, Upid};
use mesos_api_client::{
    ClientError, ClientRequest, ClientResponse, Connections, ContentType, Endpoint,
    basic_credentials, body_text, status_line,
};
use mesos_proto::v1::scheduler::{Call, Event, call, event};

use super::validation::{InvalidCall, validate};
use super::{Delivery, Options};
use crate::detection::{Detected, Detection};
use crate::metrics;

mod subscription;

pub use mesos_proto::v1::scheduler::ApiResult;

/// Path of the scheduler API below the master's actor.
const SCHEDULER_API: &str = "/api/v1/scheduler";

/// Header that joins a call to its subscription.
const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The call is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidCall),
    /// SUBSCRIBE has no answer of its own.
    #[error("This method doesn't support SUBSCRIBE calls")]
    Subscribe,
    /// There is no subscription that the call could belong to.
    #[error("Cannot perform calls until subscribed. Current state: {0}")]
    NotSubscribed(&'static str),
    /// The connection broke before the answer came.
    #[error("Connection to master interrupted")]
    Interrupted,
    /// The answer cannot be read.
    #[error("Failed to deserialize the response '{status}' ({body}): {reason}")]
    Response {
        /// The status line.
        status: String,
        /// The body.
        body: String,
        /// What is wrong with it.
        reason: String,
    },
}

pub(crate) struct MesosProcess {
    options: Options,
    deliver: Box<dyn FnMut(Delivery) + Send>,
    detection: Detection,
    state: State,
    /// Whether a connection was ever tried.
    approach: Approach,
    /// Number of the current connection, or of the last one.
    attempt: u64,
    /// Number of the current search for the leading master.
    search: u64,
    /// Redirects followed since the last subscription.
    redirects: u32,
    /// Events since the last look at the heartbeats.
    events_seen: u64,
}

/// Only who comes again has to take turns with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Approach {
    First,
    Again,
}

enum State {
    Disconnected,
    Connecting {
        master: Upid,
    },
    Connected {
        master: Upid,
        connections: Connections,
    },
    Subscribing {
        master: Upid,
        connections: Connections,
    },
    Subscribed {
        master: Upid,
        connections: Connections,
        stream_id: HeaderValue,
    },
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Connecting { .. } => "CONNECTING",
            Self::Connected { .. } => "CONNECTED",
            Self::Subscribing { .. } => "SUBSCRIBING",
            Self::Subscribed { .. } => "SUBSCRIBED",
        }
    }

    fn connections(&self) -> Option<&Connections> {
        match self {
            Self::Disconnected | Self::Connecting { .. } => None,
            Self::Connected { connections, .. }
            | Self::Subscribing { connections, .. }
            | Self::Subscribed { connections, .. } => Some(connections),
        }
    }
}

impl Process for MesosProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("scheduler")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        metrics::install(ctx);
        self.detect(ctx);
    }

    fn finalize(&mut self, ctx: &mut Context<Self>) {
        metrics::remove(ctx);
        self.close();
    }
}

impl MesosProcess {
    pub(super) fn new(options: Options, deliver: Box<dyn FnMut(Delivery) + Send>) -> Self {
        Self {
            detection: Detection::of(&options.master),
            options,
            deliver,
            state: State::Disconnected,
            approach: Approach::First,
            attempt: 0,
            search: 0,
            redirects: 0,
            events_seen: 0,
        }
    }

    /// Asks who leads; comes back whenever that changes.
    fn detect(&mut self, ctx: &mut Context<Self>) {
        self.search += 1;
        let search = self.search;
        let detected = self.detection.next(ctx.runtime());
        ctx.on_any(detected, move |process: &mut Self, outcome, ctx| {
            // A search that was given up comes back late.
            if search == process.search {
                process.on_detected(outcome, ctx);
            }
        });
    }

    fn on_detected(&mut self, outcome: Outcome<Detected>, ctx: &mut Context<Self>) {
        let master = match outcome {
            Outcome::Ready(Ok(master)) => self.detection.found(master),
            Outcome::Ready(Err(error)) => {
                return self.error(format!("Failed to detect a master: {error}"));
            }
            Outcome::Failed(reason) => {
                return self.error(format!("Failed to detect a master: {reason}"));
            }
            Outcome::Discarded | Outcome::Abandoned => None,
        };
        self.drop_connection();
        match master {
            Some(master) => {
                tracing::info!(%master, "new master detected");
                self.connect_later(master, ctx);
            }
            None => tracing::info!("lost leading master"),
        }
        self.detect(ctx);
    }

    fn connect_later(&mut self, master: Upid, ctx: &mut Context<Self>) {
        self.attempt += 1;
        let attempt = self.attempt;
        let pause = match std::mem::replace(&mut self.approach, Approach::Again) {
            // Schedulers come together only where they lost the same master together.
            Approach::First => Duration::ZERO,
            Approach::Again => self.options.connection_delay_max.mul_f64(rand::random()),
        };
        ctx.delay(pause, move |process: &mut Self, ctx| {
            process.connect(attempt, &master, ctx);
        });
    }

    fn connect(&mut self, attempt: u64, master: &Upid, ctx: &mut Context<Self>) {
        if attempt != self.attempt || !matches!(self.state, State::Disconnected) {
            return;
        }
        self.state = State::Connecting {
            master: master.clone(),
        };
        ctx.perform(
            Connections::open(Endpoint::Tcp(master.address), ctx.runtime().tls().cloned()),
            move |process: &mut Self, opened, ctx| {
                process.on_connected(attempt, opened, ctx);
            },
        );
    }

    fn on_connected(
        &mut self,
        attempt: u64,
        opened: Result<Connections, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if attempt != self.attempt {
            return;
        }
        let State::Connecting { master } = &self.state else {
            return;
        };
        match opened {
            Ok(connections) => {
                tracing::debug!(%master, "connected with the master");
                let watching = connections.clone().interrupted();
                ctx.perform(watching, move |process: &mut Self, which, ctx| {
                    process.disconnected(attempt, &which.to_string(), ctx);
                });
                self.state = State::Connected {
                    master: master.clone(),
                    connections,
                };
                (self.deliver)(Delivery::Connected);
                self.subscribe_automatically(attempt, ctx);
            }
            Err(error) => self.disconnected(attempt, &error.to_string(), ctx),
        }
    }

    /// Looks for the leading master again.
    fn disconnected(&mut self, attempt: u64, failure: &str, ctx: &mut Context<Self>) {
        if attempt != self.attempt || matches!(self.state, State::Disconnected) {
            return;
        }
        tracing::debug!(failure, "disconnected from the master; re-detecting");
        self.redirects = 0;
        self.drop_connection();
        self.detection.restart();
        self.detect(ctx);
    }

    pub(super) fn reconnect(&mut self, ctx: &mut Context<Self>) {
        self.disconnected(self.attempt, "reconnect requested by the scheduler", ctx);
    }

    fn drop_connection(&mut self) {
        let was_connected = self.state.connections().is_some();
        self.close();
        self.attempt += 1;
        if was_connected {
            (self.deliver)(Delivery::Disconnected);
        }
    }

    fn close(&mut self) {
        if let Some(connections) = self.state.connections() {
            connections.close();
        }
        self.state = State::Disconnected;
    }

    pub(super) fn send(&mut self, call: &Call, ctx: &mut Context<Self>) {
        let kind = call.r#type();
        if let Err(error) = validate(call) {
            tracing::warn!(%error, "dropping {} call", kind.as_str_name());
            return;
        }
        let attempt = self.attempt;
        match &self.state {
            State::Connected {
                master,
                connections,
            } if kind == call::Type::Subscribe => {
                let sending = connections.subscribe(self.request(master, None, call));
                self.state = State::Subscribing {
                    master: master.clone(),
                    connections: connections.clone(),
                };
                ctx.perform(sending, move |process: &mut Self, response, ctx| {
                    process.on_subscribe_response(attempt, response, ctx);
                });
            }
            State::Subscribed {
                master,
                connections,
                stream_id,
            } if kind != call::Type::Subscribe => {
                let sending = connections.call(self.request(master, Some(stream_id), call));
                ctx.perform(sending, move |process: &mut Self, response, ctx| {
                    process.on_call_response(attempt, kind, response, ctx);
                });
            }
            State::Disconnected
            | State::Connecting { .. }
            | State::Connected { .. }
            | State::Subscribing { .. }
            | State::Subscribed { .. } => {
                let state = self.state.name();
                tracing::warn!(state, "dropping {} call", kind.as_str_name());
            }
        }
    }

    pub(super) fn call(
        &mut self,
        call: &Call,
        ctx: &mut Context<Self>,
    ) -> Future<Result<ApiResult, CallError>> {
        if let Err(error) = validate(call) {
            return Future::ready(Err(error.into()));
        }
        if call.r#type() == call::Type::Subscribe {
            return Future::ready(Err(CallError::Subscribe));
        }
        let State::Subscribed {
            master,
            connections,
            stream_id,
        } = &self.state
        else {
            return Future::ready(Err(CallError::NotSubscribed(self.state.name())));
        };
        let sending = connections.call(self.request(master, Some(stream_id), call));
        let content_type = self.options.content_type;
        let (promise, answer) = Promise::new();
        let work = async move {
            let response = sending.await.map_err(|_broken| CallError::Interrupted)?;
            let status = response.status;
            let body = body_text(response).await;
            api_result(content_type, status, body)
        };
        ctx.perform(work, move |_, result, _| promise.set(result));
        answer
    }

    fn request(
        &self,
        master: &Upid,
        stream_id: Option<&HeaderValue>,
        call: &Call,
    ) -> ClientRequest {
        let path = format!("/{}{SCHEDULER_API}", master.id);
        let mut request = self.options.content_type.request(&path, call);
        if let Some(credential) = &self.options.credential {
            basic_credentials(&mut request, &credential.principal, &credential.secret);
        }
        if let Some(stream_id) = stream_id {
            request.headers.insert(STREAM_ID, stream_id.clone());
        }
        request
    }

    fn on_call_response(
        &mut self,
        attempt: u64,
        kind: call::Type,
        response: Result<ClientResponse, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if attempt != self.attempt {
            return;
        }
        match response {
            // UPDATE_FRAMEWORK is answered with 200, everything else with 202.
            Ok(response) if response.status == 202 || response.status == 200 => {}
            Ok(response) => self.refused(kind, response, ctx),
            // The interrupted connection tells by itself.
            Err(error) => tracing::debug!(%error, "{} call failed", kind.as_str_name()),
        }
    }

    fn refused(&mut self, kind: call::Type, response: ClientResponse, ctx: &mut Context<Self>) {
        let status = response.status;
        let attempt = self.attempt;
        ctx.perform(body_text(response), move |process: &mut Self, body, _| {
            if attempt == process.attempt {
                process.on_refusal(kind, status, &body);
            }
        });
    }

    fn on_refusal(&mut self, kind: call::Type, status: u16, body: &str) {
        let (call, line) = (kind.as_str_name(), status_line(status));
        match status {
            // The master is about to recover, its endpoint may not be there yet, or it has just
            // lost its leadership.
            503 | 404 | 307 => tracing::warn!("received '{line}' ({body}) for {call}"),
            _ => self.error(format!("Received unexpected '{line}' ({body}) for {call}")),
        }
    }

    fn error(&mut self, message: String) {
        let error = event::Error {
            message: Some(message),
            ..Default::default()
        };
        let event = Event {
            r#type: Some(event::Type::Error.into()),
            error: Some(error),
            ..Default::default()
        };
        (self.deliver)(Delivery::Event(Box::new(event)));
    }
}

fn api_result(
    content_type: ContentType,
    status: u16,
    body: String,
) -> Result<ApiResult, CallError> {
    let line = status_line(status);
    let mut result = ApiResult {
        status_code: Some(status.into()),
        ..Default::default()
    };
    match status {
        202 => {}
        200 if body.is_empty() => {}
        200 => match content_type.decode(&Bytes::from(body.clone())) {
            Ok(response) => result.response = Some(response),
            Err(error) => {
                let reason = error.to_string();
                return Err(CallError::Response {
                    status: line,
                    body,
                    reason,
                });
            }
        },
        _ => result.error = Some(format!("Received unexpected '{line}' ({body})")),
    }
    Ok(result)
}

#[cfg(test)]
mod tests;
