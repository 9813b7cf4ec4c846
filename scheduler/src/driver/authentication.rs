//! Proves to the master who the framework is, before it registers.
//!
//! # Timers
//! A random time within a window that doubles after each failure, until the attempt is given up.

use std::time::Duration;

use libprocess::{Context, Future, Outcome, Runtime, Upid};

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

/// The window in which an attempt is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    min: Duration,
    max: Duration,
}

impl Window {
    fn first(min: Duration, factor: Duration, limit: Duration) -> Self {
        Self {
            min,
            max: (min + factor * 2).min(limit),
        }
    }

    fn next(self, limit: Duration) -> Self {
        let wider = self.min + self.max.saturating_sub(self.min) * 2;
        Self {
            min: self.min,
            max: wider.min(limit),
        }
    }

    fn pick(self, random: f64) -> Duration {
        self.min + self.max.saturating_sub(self.min).mul_f64(random)
    }
}

impl SchedulerProcess {
    /// Authenticates with the present master, from the beginning.
    pub(super) fn authenticate_first(&mut self, ctx: &mut Context<Self>) {
        let flags = &self.flags;
        let window = Window::first(
            flags.authentication_timeout_min,
            flags.authentication_backoff_factor,
            flags.authentication_timeout_max,
        );
        self.authenticate(window, ctx);
    }

    fn authenticate(&mut self, window: Window, ctx: &mut Context<Self>) {
        let (Some(master), Some((credential, authenticatee))) =
            (&self.master, &mut self.authentication)
        else {
            return;
        };
        self.authentication_attempt += 1;
        let attempt = self.authentication_attempt;
        tracing::info!(%master, "authenticating with master");
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
        window: Window,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_doubles_up_to_the_limit() {
        let secs = Duration::from_secs;

        let first = Window::first(secs(5), secs(1), secs(60));
        let second = first.next(secs(60));
        let last = (0..10).fold(second, |window, _| window.next(secs(60)));

        assert_eq!(
            first,
            Window {
                min: secs(5),
                max: secs(7)
            }
        );
        assert_eq!(
            second,
            Window {
                min: secs(5),
                max: secs(9)
            }
        );
        assert_eq!(
            last,
            Window {
                min: secs(5),
                max: secs(60)
            }
        );
        assert_eq!(second.pick(0.5), secs(7));
    }
}
