//! The actor behind the v1 executor library.
//!
//! # Owns
//! Two connections to the agent: one for the stream of events, one for all other calls.
//!
//! # Invariants
//! - An answer or event of an older connection is ignored: `attempt` names the current one.
//! - Events are delivered only while subscribed, in the order of the stream.
//!
//! # Timers
//! Heartbeat calls every 30 minutes; the recovery timeout; a random pause between two attempts.

use std::time::Duration;

use libprocess::{Context, Process, ProcessId, Timer};
use mesos_api_client::{
    ClientError, ClientResponse, Connections, ContentType, Endpoint, EventReader, StreamError,
    bearer_token, body_text, status_line,
};
use mesos_proto::v1::executor::{Call, Event, call, event};
use mesos_proto::v1::{ExecutorId, FrameworkId};

use super::shutdown::ShutdownProcess;
use super::validation::validate;
use super::{AgentEndpoint, Delivery, ExecutorEnvironment, ForcedEnd};

/// Time between two HEARTBEAT calls.
const HEARTBEAT_INTERVAL: Duration = Duration::from_mins(30);

/// Path of the executor API below the agent's actor.
const EXECUTOR_API: &str = "/api/v1/executor";

pub(crate) struct MesosProcess {
    environment: ExecutorEnvironment,
    content_type: ContentType,
    deliver: Box<dyn FnMut(Delivery) + Send>,
    state: State,
    /// Number of the current connection, or of the last one.
    attempt: u64,
    /// Runs while the agent is away and the executor may outlive it.
    recovery_timer: Option<Timer>,
}

enum State {
    Disconnected,
    Connecting,
    Connected(Connections),
    Subscribing(Connections),
    Subscribed(Connections),
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Connecting => "CONNECTING",
            Self::Connected(_) => "CONNECTED",
            Self::Subscribing(_) => "SUBSCRIBING",
            Self::Subscribed(_) => "SUBSCRIBED",
        }
    }

    fn connections(&self) -> Option<&Connections> {
        match self {
            Self::Disconnected | Self::Connecting => None,
            Self::Connected(connections)
            | Self::Subscribing(connections)
            | Self::Subscribed(connections) => Some(connections),
        }
    }
}

impl Process for MesosProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("executor")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.connect(ctx);
        self.heartbeat(ctx);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.close();
    }
}

impl MesosProcess {
    pub(super) fn new(
        environment: ExecutorEnvironment,
        content_type: ContentType,
        deliver: Box<dyn FnMut(Delivery) + Send>,
    ) -> Self {
        Self {
            environment,
            content_type,
            deliver,
            state: State::Disconnected,
            attempt: 0,
            recovery_timer: None,
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        self.attempt += 1;
        self.state = State::Connecting;
        let attempt = self.attempt;
        let endpoint = match &self.environment.endpoint {
            AgentEndpoint::Tcp(agent) => Endpoint::Tcp(agent.address),
            AgentEndpoint::Unix { path, .. } => Endpoint::Unix(path.clone()),
        };
        let opening = Connections::open(endpoint, ctx.runtime().tls().cloned());
        ctx.perform(opening, move |process: &mut Self, opened, ctx| {
            process.on_connected(attempt, opened, ctx);
        });
    }

    fn on_connected(
        &mut self,
        attempt: u64,
        opened: Result<Connections, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if attempt != self.attempt || !matches!(self.state, State::Connecting) {
            return;
        }
        match opened {
            Ok(connections) => {
                tracing::debug!("connected with the agent");
                let watching = connections.clone().interrupted();
                ctx.perform(watching, move |process: &mut Self, which, ctx| {
                    process.disconnected(attempt, &which.to_string(), ctx);
                });
                self.state = State::Connected(connections);
                if let Some(timer) = self.recovery_timer.take() {
                    timer.cancel();
                }
                (self.deliver)(Delivery::Connected);
            }
            Err(error) => self.disconnected(attempt, &error.to_string(), ctx),
        }
    }

    /// Drops the connections and decides whether the executor may wait for another agent.
    fn disconnected(&mut self, attempt: u64, failure: &str, ctx: &mut Context<Self>) {
        if attempt != self.attempt || matches!(self.state, State::Disconnected) {
            return;
        }
        tracing::debug!(failure, "disconnected from the agent");
        let was_connected = self.state.connections().is_some();
        self.close();
        if was_connected {
            (self.deliver)(Delivery::Disconnected);
        }
        if self.recovery_timer.is_some() {
            return;
        }
        match self.environment.recovery {
            Some(recovery) if was_connected => {
                let timer = ctx.delay(recovery.timeout, Self::recovery_timed_out);
                self.recovery_timer = Some(timer);
                self.back_off(recovery.max_backoff, ctx);
            }
            Some(_) | None => {
                tracing::info!(failure, "disconnected from the agent; shutting down");
                self.shut_down(ctx);
            }
        }
    }

    /// Tries to connect now, and again after a random pause while that has not succeeded.
    fn back_off(&mut self, longest: Duration, ctx: &mut Context<Self>) {
        if self.state.connections().is_some() || self.recovery_timer.is_none() {
            return;
        }
        self.connect(ctx);
        let pause = longest.mul_f64(rand::random());
        ctx.delay(pause, move |process: &mut Self, ctx| {
            process.back_off(longest, ctx);
        });
    }

    fn recovery_timed_out(&mut self, ctx: &mut Context<Self>) {
        if self.recovery_timer.take().is_some() {
            tracing::info!("recovery timeout exceeded; shutting down");
            self.close();
            self.shut_down(ctx);
        }
    }

    fn close(&mut self) {
        if let Some(connections) = self.state.connections() {
            connections.close();
        }
        self.state = State::Disconnected;
    }

    pub(super) fn send(&mut self, call: &Call, ctx: &mut Context<Self>) {
        if let Err(error) = validate(call) {
            tracing::warn!(%error, "dropping {} call", call.r#type().as_str_name());
            return;
        }
        let kind = call.r#type();
        let path = self.environment.endpoint.path(EXECUTOR_API);
        let mut request = self.content_type.request(&path, call);
        if let Some(token) = &self.environment.token {
            bearer_token(&mut request, token);
        }
        let attempt = self.attempt;
        match (&self.state, kind) {
            (State::Connected(connections), call::Type::Subscribe) => {
                let connections = connections.clone();
                let sending = connections.subscribe(request);
                self.state = State::Subscribing(connections);
                ctx.perform(sending, move |process: &mut Self, response, ctx| {
                    process.on_response(attempt, kind, response, ctx);
                });
            }
            (
                State::Subscribed(connections),
                call::Type::Update
                | call::Type::Message
                | call::Type::Heartbeat
                | call::Type::Unknown,
            ) => {
                let sending = connections.call(request);
                ctx.perform(sending, move |process: &mut Self, response, ctx| {
                    process.on_response(attempt, kind, response, ctx);
                });
            }
            (state, _) => {
                let state = state.name();
                tracing::warn!(state, "dropping {} call", kind.as_str_name());
            }
        }
    }

    fn on_response(
        &mut self,
        attempt: u64,
        kind: call::Type,
        response: Result<ClientResponse, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if attempt != self.attempt {
            return;
        }
        let response = match response {
            Ok(response) => response,
            // The interrupted connection tells by itself.
            Err(error) => {
                return tracing::debug!(%error, "{} call failed", kind.as_str_name());
            }
        };
        match (response.status, kind) {
            (200, call::Type::Subscribe) => self.subscribed(attempt, response, ctx),
            (202, _) if kind != call::Type::Subscribe => {}
            (status, _) => {
                if let State::Subscribing(connections) = &self.state
                    && kind == call::Type::Subscribe
                {
                    self.state = State::Connected(connections.clone());
                }
                ctx.perform(body_text(response), move |process: &mut Self, body, ctx| {
                    process.on_refusal(kind, status, &body, ctx);
                });
            }
        }
    }

    fn on_refusal(&mut self, kind: call::Type, status: u16, body: &str, ctx: &mut Context<Self>) {
        let status = status_line(status);
        let call = kind.as_str_name();
        if status.starts_with("503") || status.starts_with("404") {
            // The agent is about to recover, and its endpoint may not be there yet.
            tracing::warn!("received '{status}' ({body}) for {call}");
            return;
        }
        self.error(
            format!("Received unexpected '{status}' ({body}) for {call}"),
            ctx,
        );
    }

    fn subscribed(&mut self, attempt: u64, response: ClientResponse, ctx: &mut Context<Self>) {
        let State::Subscribing(connections) = &self.state else {
            return;
        };
        self.state = State::Subscribed(connections.clone());
        let mut reader = EventReader::<Event>::new(self.content_type, response.body);
        let pid = ctx.pid();
        let deliver = move |event| {
            pid.dispatch(move |process: &mut Self, ctx| process.on_event(attempt, event, ctx));
        };
        let reading = async move {
            loop {
                match reader.next().await {
                    Ok(Some(event)) => deliver(event),
                    Ok(None) => return None,
                    Err(error) => return Some(error),
                }
            }
        };
        ctx.perform(reading, move |process: &mut Self, error, ctx| {
            process.on_stream_end(attempt, error, ctx);
        });
    }

    fn on_event(&mut self, attempt: u64, event: Event, ctx: &mut Context<Self>) {
        if attempt == self.attempt && matches!(self.state, State::Subscribed(_)) {
            self.receive(event, ctx);
        }
    }

    fn on_stream_end(&mut self, attempt: u64, error: Option<StreamError>, ctx: &mut Context<Self>) {
        match error {
            None => {
                let failure = "End-Of-File received from agent. The agent closed the event stream";
                self.disconnected(attempt, failure, ctx);
            }
            // The stream itself is sound, so the agent is still there; but nothing more is read.
            Some(StreamError::Event(error)) if attempt == self.attempt => {
                self.error(format!("Failed to de-serialize event: {error}"), ctx);
            }
            Some(error) => self.disconnected(attempt, &error.to_string(), ctx),
        }
    }

    fn error(&mut self, message: String, ctx: &mut Context<Self>) {
        let error = event::Error {
            message: Some(message),
            ..Default::default()
        };
        let event = Event {
            r#type: Some(event::Type::Error.into()),
            error: Some(error),
            ..Default::default()
        };
        self.receive(event, ctx);
    }

    fn shut_down(&mut self, ctx: &mut Context<Self>) {
        let event = Event {
            r#type: Some(event::Type::Shutdown.into()),
            ..Default::default()
        };
        self.receive(event, ctx);
    }

    fn receive(&mut self, event: Event, ctx: &mut Context<Self>) {
        let kind = event.r#type();
        (self.deliver)(Delivery::Event(Box::new(event)));
        if kind == event::Type::Shutdown {
            match self.environment.forced_end {
                ForcedEnd::KillProcessGroup => {
                    let grace_period = self.environment.shutdown_grace_period;
                    // Must outlive this actor, which ends when the executor drops the library.
                    ctx.runtime().spawn(ShutdownProcess::after(grace_period));
                }
                ForcedEnd::Never => {}
            }
        }
    }

    /// Keeps middleboxes from closing the second connection.
    fn heartbeat(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.state, State::Subscribed(_)) {
            let unused = || Some("unused".to_owned());
            let call = Call {
                r#type: Some(call::Type::Heartbeat.into()),
                executor_id: Some(ExecutorId {
                    value: unused(),
                    ..Default::default()
                }),
                framework_id: Some(FrameworkId {
                    value: unused(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            self.send(&call, ctx);
        }
        ctx.delay(HEARTBEAT_INTERVAL, Self::heartbeat);
    }
}

#[cfg(test)]
mod tests;
