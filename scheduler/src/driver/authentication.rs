//! Proves to the master who the framework is, before it registers.
//!
//! # Timers
//! A random time within a window that doubles after each failure, until the attempt is given up.

use libprocess::{Context, Future, Outcome, Runtime, Upid};

use mesos_common::cram_md5::{AttemptWindow, authenticate};
use mesos_proto::v1;

use super::process::SchedulerProcess;
use crate::Credential;

/// The framework's side of an authentication, such as CRAM-MD5.
pub trait Authenticatee: Send + 'static {
    /// Presents a credential to the master in the name of the actor `client`. The result says
    /// whether the master has accepted it; a failure means that it may be tried again.
    fn authenticate(
        &mut self,
        runtime: &Runtime,
        master: &Upid,
        client: &Upid,
        credential: &Credential,
    ) -> Future<bool>;
}

/// CRAM-MD5, which every master of Mesos knows: the password itself is never sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CramMd5Authenticatee;

impl Authenticatee for CramMd5Authenticatee {
    fn authenticate(
        &mut self,
        runtime: &Runtime,
        master: &Upid,
        client: &Upid,
        credential: &Credential,
    ) -> Future<bool> {
        let credential = v1::Credential {
            principal: Some(credential.principal.clone()),
            secret: Some(credential.secret.clone()),
            ..Default::default()
        };
        authenticate(runtime, master, client, &credential)
    }
}

impl SchedulerProcess {
    /// Authenticates with the present master, from the beginning.
    pub(super) fn authenticate_first(&mut self, ctx: &mut Context<Self>) {
        let flags = &self.flags;
        let window = AttemptWindow::first(
            flags.authentication_timeout_min,
            flags.authentication_backoff_factor,
            flags.authentication_timeout_max,
        );
        self.authenticate(window, ctx);
    }

    fn authenticate(&mut self, window: AttemptWindow, ctx: &mut Context<Self>) {
        let (Some(master), Some(credential)) = (&self.master, &self.credential) else {
            return;
        };
        self.authentication_attempt += 1;
        let attempt = self.authentication_attempt;
        tracing::info!(%master, "authenticating with master");
        let authenticatee = &mut self.authenticatee;
        let result = authenticatee.authenticate(ctx.runtime(), master, ctx.upid(), credential);
        if let Some(handle) = result.discard_handle() {
            ctx.delay(window.pick(rand::random()), move |_, _| handle.discard());
        }
        ctx.on_any(result, move |process: &mut Self, outcome, ctx| {
            if attempt == process.authentication_attempt {
                process.on_authenticated(window, &outcome, ctx);
            }
        });
    }

    fn on_authenticated(
        &mut self,
        window: AttemptWindow,
        outcome: &Outcome<bool>,
        ctx: &mut Context<Self>,
    ) {
        if !self.is_running() {
            return;
        }
        match outcome {
            Outcome::Ready(true) => {
                tracing::info!("successfully authenticated with the master");
                self.register_first(ctx);
            }
            Outcome::Ready(false) => self.error("Master refused authentication", ctx),
            Outcome::Failed(_) | Outcome::Discarded | Outcome::Abandoned => {
                tracing::info!("failed to authenticate with the master; trying again");
                let limit = self.flags.authentication_timeout_max;
                self.authenticate(window.next(limit), ctx);
            }
        }
    }
}
