//! From SUBSCRIBE to the end of the stream.

use std::time::Duration;

use http::header::LOCATION;
use libprocess::Context;
use mesos_api_client::{ClientError, ClientResponse, EventReader, StreamError};
use mesos_proto::v1::scheduler::{Event, call, event};

use super::super::redirect::{MAX_REDIRECTS, target};
use super::super::{Delivery, Subscribe};
use super::{MesosProcess, STREAM_ID, State};
use crate::Calls;

/// Time between two SUBSCRIBE calls that the library sends by itself.
const SUBSCRIBE_RETRY: Duration = Duration::from_secs(1);

impl MesosProcess {
    /// Sends SUBSCRIBE when that is the library's task, until the master has answered.
    pub(super) fn subscribe_automatically(&mut self, attempt: u64, ctx: &mut Context<Self>) {
        let Subscribe::Automatic(framework) = &self.options.subscribe else {
            return;
        };
        if attempt != self.attempt
            || !matches!(
                self.state,
                State::Connected { .. } | State::Subscribing { .. }
            )
        {
            return;
        }
        let call = Calls::subscribe((**framework).clone());
        if matches!(self.state, State::Connected { .. }) {
            self.send(&call, ctx);
        }
        ctx.delay(SUBSCRIBE_RETRY, move |process: &mut Self, ctx| {
            process.subscribe_automatically(attempt, ctx);
        });
    }

    pub(super) fn on_subscribe_response(
        &mut self,
        attempt: u64,
        response: Result<ClientResponse, ClientError>,
        ctx: &mut Context<Self>,
    ) {
        if attempt != self.attempt {
            return;
        }
        let State::Subscribing {
            master,
            connections,
        } = &self.state
        else {
            return;
        };
        let (master, connections) = (master.clone(), connections.clone());
        let response = match response {
            Ok(response) => response,
            // The interrupted connection tells by itself.
            Err(error) => return tracing::debug!(%error, "SUBSCRIBE call failed"),
        };
        match response.status {
            200 => {
                let Some(stream_id) = response.headers.get(STREAM_ID).cloned() else {
                    let failure = "the master gave no Mesos-Stream-Id";
                    return self.disconnected(attempt, failure, ctx);
                };
                self.state = State::Subscribed {
                    master,
                    connections,
                    stream_id,
                };
                self.redirects = 0;
                self.read(attempt, response, ctx);
            }
            307 => {
                let location = response.headers.get(LOCATION);
                let location = location
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default();
                let location = location.to_owned();
                self.state = State::Connected {
                    master,
                    connections,
                };
                self.follow(attempt, location, ctx);
            }
            _ => {
                self.state = State::Connected {
                    master,
                    connections,
                };
                self.refused(call::Type::Subscribe, response, ctx);
            }
        }
    }

    /// Goes where a master that does not lead points to. After some redirects in a row the search
    /// starts anew, so that two masters that point to each other do not keep the scheduler busy.
    fn follow(&mut self, attempt: u64, location: String, ctx: &mut Context<Self>) {
        if self.redirects >= MAX_REDIRECTS {
            return self.disconnected(attempt, "too many redirects in a row", ctx);
        }
        let lookup = move || target(&location);
        ctx.perform_blocking(lookup, move |process: &mut Self, target, ctx| {
            if attempt != process.attempt {
                return;
            }
            let Some(master) = target else {
                return process.disconnected(attempt, "redirected to nowhere", ctx);
            };
            let redirects = process.redirects + 1;
            process.drop_connection();
            process.redirects = redirects;
            process.connect_later(master, ctx);
        });
    }

    fn read(&mut self, attempt: u64, response: ClientResponse, ctx: &mut Context<Self>) {
        let mut reader = EventReader::<Event>::new(self.options.content_type, response.body);
        let pid = ctx.pid();
        let reading = async move {
            loop {
                match reader.next().await {
                    Ok(None) => return None,
                    // Such an event is told, and the next one may be readable again.
                    Err(StreamError::Event(error)) => pid.dispatch(move |process: &mut Self, _| {
                        process.on_malformed_event(attempt, &error.to_string());
                    }),
                    Err(error) => return Some(error),
                    Ok(Some(event)) => pid.dispatch(move |process: &mut Self, ctx| {
                        process.on_event(attempt, event, ctx);
                    }),
                }
            }
        };
        ctx.perform(reading, move |process: &mut Self, error, ctx| {
            let failure = error.map_or_else(
                || {
                    "End-Of-File received from master. The master closed the event stream"
                        .to_owned()
                },
                |error| format!("Failed to decode the stream of events: {error}"),
            );
            process.disconnected(attempt, &failure, ctx);
        });
    }

    fn on_malformed_event(&mut self, attempt: u64, error: &str) {
        if attempt == self.attempt {
            self.error(format!("Failed to de-serialize event: {error}"));
        }
    }

    fn on_event(&mut self, attempt: u64, event: Event, ctx: &mut Context<Self>) {
        if attempt != self.attempt || !matches!(self.state, State::Subscribed { .. }) {
            return;
        }
        self.events_seen += 1;
        if event.r#type() == event::Type::Subscribed {
            self.on_subscribed(attempt, &event, ctx);
        }
        (self.deliver)(Delivery::Event(Box::new(event)));
    }

    fn on_subscribed(&mut self, attempt: u64, event: &Event, ctx: &mut Context<Self>) {
        let subscribed = event.subscribed();
        if let Subscribe::Automatic(framework) = &mut self.options.subscribe {
            framework.id.clone_from(&subscribed.framework_id);
        }
        let interval = subscribed.heartbeat_interval_seconds.unwrap_or(0.0);
        if let Ok(interval) = Duration::try_from_secs_f64(interval)
            && !interval.is_zero()
        {
            let window = interval.saturating_mul(self.options.missed_heartbeats_max);
            self.watch_heartbeats(attempt, window, ctx);
        }
    }

    /// A master that has been silent for a whole window is taken for gone, even though its
    /// connection looks sound.
    fn watch_heartbeats(&mut self, attempt: u64, window: Duration, ctx: &mut Context<Self>) {
        let seen = self.events_seen;
        ctx.delay(window, move |process: &mut Self, ctx| {
            if attempt != process.attempt {
                return;
            }
            if process.events_seen == seen {
                process.disconnected(attempt, "no heartbeat from the master", ctx);
            } else {
                process.watch_heartbeats(attempt, window, ctx);
            }
        });
    }
}
