//! The gate that every legacy message passes.
//!
//! Mirrors `Master::consume` of `src/master/master.cpp`.

use bytes::Bytes;
use libprocess::{Context, Upid};
use mesos_proto_codec::{WireMessage, decode};

use super::MasterProcess;

/// A handler of a legacy message.
pub(super) type Handler<M> = fn(&mut MasterProcess, &Upid, M, &mut Context<MasterProcess>);

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
        let principal = self.frameworks.principal(from).flatten().map(str::to_owned);
        if let Some(principal) = &principal {
            self.principal_counter(principal, "messages_received");
        }
        if !self.is_serving() {
            self.metrics.counters().dropped_messages.increment();
            return;
        }
        match decode::<M>(body) {
            Ok(message) => handle(self, from, message, ctx),
            Err(error) => tracing::warn!(%from, %error, "dropping a message"),
        }
        if let Some(principal) = &principal {
            self.principal_counter(principal, "messages_processed");
        }
    }

    fn principal_counter(&self, principal: &str, what: &str) {
        self.metrics
            .registry()
            .counter(&format!("frameworks/{principal}/{what}"))
            .increment();
    }

    /// Registers the counters of a principal.
    pub(super) fn add_principal_metrics(&self, principal: &str) {
        let registry = self.metrics.registry();
        let _ = registry.counter(&format!("frameworks/{principal}/messages_received"));
        let _ = registry.counter(&format!("frameworks/{principal}/messages_processed"));
    }

    /// Removes the counters of a principal that no driver uses any more.
    pub(super) fn remove_principal_metrics(&self, principal: &str) {
        if !self.frameworks.has_principal(principal) {
            let registry = self.metrics.registry();
            registry.remove(&format!("frameworks/{principal}/messages_received"));
            registry.remove(&format!("frameworks/{principal}/messages_processed"));
        }
    }
}
