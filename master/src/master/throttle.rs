//! The gate that every legacy message passes.
//!
//! Mirrors `Master::consume` of `src/master/master.cpp`.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use libprocess::{Clock, Context, RateLimiter, Upid};
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;
use mesos_proto_codec::{WireMessage, decode};

use super::MasterProcess;

/// A handler of a legacy message.
pub(super) type Handler<M> = fn(&mut MasterProcess, &Upid, M, &mut Context<MasterProcess>);

/// How fast messages are handled, and how many may wait.
struct Lane {
    limiter: RateLimiter,
    capacity: Option<u64>,
    waiting: u64,
}

impl Lane {
    /// A lane for so many messages a second; none when the rate says nothing.
    fn new(per_second: f64, capacity: Option<u64>, clock: &Clock) -> Option<Self> {
        let pace = Duration::try_from_secs_f64(1.0 / per_second).ok()?;
        Some(Self {
            limiter: RateLimiter::new(clock.clone(), 1, pace),
            capacity,
            waiting: 0,
        })
    }
}

/// Limits on the messages of drivers, by principal.
#[derive(Default)]
pub(super) struct Throttle {
    lanes: HashMap<String, Option<Lane>>,
    default: Option<Lane>,
}

/// Which lane a message waits in.
#[derive(Clone, Debug)]
enum LaneKey {
    Principal(String),
    Default,
}

impl Throttle {
    /// The limits of `--rate_limits`.
    pub(super) fn new(limits: Option<&v1::RateLimits>, clock: &Clock) -> Self {
        let Some(limits) = limits else {
            return Self::default();
        };
        let lanes = limits
            .limits
            .iter()
            .map(|limit| {
                let lane = limit
                    .qps
                    .and_then(|qps| Lane::new(qps, limit.capacity, clock));
                (limit.principal().to_owned(), lane)
            })
            .collect();
        let default = limits
            .aggregate_default_qps
            .and_then(|qps| Lane::new(qps, limits.aggregate_default_capacity, clock));
        Self { lanes, default }
    }

    /// The lane of a registered driver; a principal listed without a rate has none.
    fn key_of(&self, principal: Option<&str>) -> Option<LaneKey> {
        match principal.and_then(|principal| self.lanes.get_key_value(principal)) {
            Some((principal, lane)) => lane.as_ref().map(|_| LaneKey::Principal(principal.clone())),
            None => self.default.as_ref().map(|_| LaneKey::Default),
        }
    }

    fn lane(&mut self, key: &LaneKey) -> Option<&mut Lane> {
        match key {
            LaneKey::Principal(principal) => self.lanes.get_mut(principal)?.as_mut(),
            LaneKey::Default => self.default.as_mut(),
        }
    }
}

impl MasterProcess {
    /// Installs a handler behind the gate.
    pub(super) fn install_message<M: WireMessage>(ctx: &mut Context<Self>, handle: Handler<M>) {
        ctx.install(M::FULL_NAME, move |master, from, body, ctx| {
            master.admit_message(from, body, handle, ctx);
        });
    }

    /// Drops a message unless this master serves; else hands it on.
    ///
    /// A message of a registered driver counts for its principal.
    fn admit_message<M: WireMessage>(
        &mut self,
        from: &Upid,
        body: Bytes,
        handle: Handler<M>,
        ctx: &mut Context<Self>,
    ) {
        let owner = self.frameworks.principal(from);
        let is_driver = owner.is_some();
        let principal = owner.flatten().map(str::to_owned);
        if let Some(principal) = &principal {
            let registry = self.metrics.registry();
            registry.counter(&received(principal)).increment();
        }
        if !self.is_serving() {
            self.metrics.counters().dropped_messages.increment();
            return;
        }
        let key = if is_driver {
            self.throttle.key_of(principal.as_deref())
        } else {
            None
        };
        let lane = key.and_then(|key| self.throttle.lane(&key).map(|lane| (key.clone(), lane)));
        let Some((key, lane)) = lane else {
            return self.handle_message(from, body, handle, principal.as_deref(), ctx);
        };
        if let Some(capacity) = lane.capacity.filter(|capacity| lane.waiting >= *capacity) {
            let text = format!(
                "Message {} dropped: capacity({capacity}) exceeded",
                M::FULL_NAME
            );
            return Self::refuse_driver(from, &text, ctx);
        }
        lane.waiting += 1;
        let from = from.clone();
        ctx.on_ready(lane.limiter.acquire(), move |master, (), ctx| {
            if let Some(lane) = master.throttle.lane(&key) {
                lane.waiting -= 1;
            }
            master.handle_message(&from, body, handle, principal.as_deref(), ctx);
        });
    }

    fn handle_message<M: WireMessage>(
        &mut self,
        from: &Upid,
        body: Bytes,
        handle: Handler<M>,
        principal: Option<&str>,
        ctx: &mut Context<Self>,
    ) {
        match decode::<M>(body) {
            Ok(message) => handle(self, from, message, ctx),
            Err(error) => tracing::warn!(%from, %error, "dropping a message"),
        }
        // A message that took the last framework of its principal away took the counter, too.
        if let Some(principal) = principal
            && self.metrics.registry().contains(&processed(principal))
        {
            self.metrics
                .registry()
                .counter(&processed(principal))
                .increment();
        }
    }

    /// Registers the counters of a principal.
    pub(super) fn add_principal_metrics(&self, principal: &str) {
        let registry = self.metrics.registry();
        let _ = registry.counter(&received(principal));
        let _ = registry.counter(&processed(principal));
    }

    /// Removes the counters of a principal that no framework but the leaving one uses.
    pub(super) fn remove_principal_metrics(&self, principal: &str, leaving: &FrameworkId) {
        if !self.frameworks.has_principal(principal, leaving) {
            let registry = self.metrics.registry();
            registry.remove(&received(principal));
            registry.remove(&processed(principal));
        }
    }
}

/// The key that counts what came from the drivers of a principal.
fn received(principal: &str) -> String {
    format!("frameworks/{principal}/messages_received")
}

/// The key that counts what of it was handled.
fn processed(principal: &str) -> String {
    format!("frameworks/{principal}/messages_processed")
}
