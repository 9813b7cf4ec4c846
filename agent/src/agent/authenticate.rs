//! Proves to the master who the agent is, before it registers.
//!
//! Mirrors `Slave::authenticate` and `_authenticate` of `src/slave/slave.cpp`.
//!
//! # Timers
//! An attempt has a random time within a window that doubles after each failure.

use libprocess::{Context, Outcome};
use mesos_common::cram_md5::{AttemptWindow, authenticate};
use rand::Rng;

use super::AgentProcess;

impl AgentProcess {
    /// Goes to the present master: proves who it is when it has a credential, then registers.
    pub(super) fn approach_master(&mut self, ctx: &mut Context<Self>) {
        if self.credential.is_none() {
            let factor = self.flags.registration_backoff_factor;
            return self.try_to_register(factor * 2, ctx);
        }
        let flags = &self.flags;
        let window = AttemptWindow::first(
            flags.authentication_timeout_min,
            flags.authentication_backoff_factor,
            flags.authentication_timeout_max,
        );
        self.authenticate(window, ctx);
    }

    fn authenticate(&mut self, window: AttemptWindow, ctx: &mut Context<Self>) {
        let (Some(master), Some(credential)) = (&self.master.pid, &self.credential) else {
            return;
        };
        tracing::info!(%master, "authenticating with master");
        ctx.link(master);
        let accepted = authenticate(ctx.runtime(), master, ctx.upid(), credential);
        if let Some(late) = accepted.discard_handle() {
            let patience = window.pick(rand::rng().random::<f64>());
            ctx.delay(patience, move |_, _| late.discard());
        }
        let detection = self.master.detections;
        ctx.on_any(accepted, move |agent, outcome, ctx| {
            // Another master may lead by now; its detection has begun another attempt.
            if agent.master.detections == detection {
                agent.on_authenticated(window, &outcome, ctx);
            }
        });
    }

    fn on_authenticated(
        &mut self,
        window: AttemptWindow,
        outcome: &Outcome<bool>,
        ctx: &mut Context<Self>,
    ) {
        match outcome {
            Outcome::Ready(true) => {
                tracing::info!("successfully authenticated with the master");
                let factor = self.flags.registration_backoff_factor;
                self.try_to_register(factor * 2, ctx);
            }
            Outcome::Ready(false) => {
                self.fail("Master refused authentication".to_owned(), ctx);
            }
            Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                tracing::warn!("failed to authenticate with the master; trying again");
                self.authenticate(window.next(self.flags.authentication_timeout_max), ctx);
            }
        }
    }
}
