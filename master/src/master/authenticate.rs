//! Authentication of drivers and agents on the legacy wire.
//!
//! Mirrors `Master::authenticate` and `_authenticate` of `src/master/master.cpp`.
//!
//! # Timers
//! An attempt has `--authentication_v0_timeout`.

use libprocess::{Context, Outcome, Upid};
use mesos_common::cram_md5::Verdict;
use mesos_proto::internal::{AuthenticateMessage, AuthenticationErrorMessage};
use mesos_proto::v1;

use super::MasterProcess;
use crate::state::authentications::AttemptId;

/// Something that goes on when an attempt has ended.
pub(crate) type Deferred = Box<dyn FnOnce(&mut MasterProcess, &mut Context<MasterProcess>) + Send>;

impl MasterProcess {
    /// Begins a session for a client, or says that there is nobody to authenticate it.
    pub(super) fn authenticate(
        &mut self,
        from: &Upid,
        message: AuthenticateMessage,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_authenticate.increment();
        let pid = message.pid.unwrap_or_default();
        let Ok(client) = pid.parse::<Upid>() else {
            tracing::warn!(pid, "dropping an authentication of nobody");
            return;
        };
        let Some(authenticator) = &self.authenticator else {
            self.authentications.forget(&client);
            tracing::warn!(%client, "refusing authentication: no authenticator is loaded");
            let answer = AuthenticationErrorMessage {
                error: Some("No authenticator loaded".to_owned()),
                ..Default::default()
            };
            ctx.send_protobuf(from, &answer);
            return;
        };
        tracing::info!(%client, "authenticating");
        let verdict = authenticator.authenticate(from);
        let attempt = self
            .authentications
            .begin(&client, verdict.discard_handle());
        if let Some(late) = verdict.discard_handle() {
            ctx.delay(self.flags.authentication_v0_timeout, move |_, _| {
                late.discard();
            });
        }
        ctx.on_any(verdict, move |master, verdict, ctx| {
            master.on_authenticated(&client, attempt, verdict, ctx);
        });
    }

    // Continues `authenticate`: the session came to an end.
    fn on_authenticated(
        &mut self,
        client: &Upid,
        attempt: AttemptId,
        verdict: Outcome<Verdict>,
        ctx: &mut Context<Self>,
    ) {
        let principal = match verdict {
            Outcome::Ready(Verdict::Accepted { principal }) => {
                tracing::info!(%client, principal, "authenticated");
                Some(principal)
            }
            Outcome::Ready(Verdict::Refused) => {
                tracing::info!(%client, "authentication was unsuccessful: invalid credentials");
                None
            }
            Outcome::Failed(error) => {
                tracing::warn!(%client, error, "authentication failed");
                None
            }
            Outcome::Discarded | Outcome::Abandoned => None,
        };
        for deferred in self.authentications.end(client, attempt, principal) {
            deferred(self, ctx);
        }
    }

    /// Lets `then` wait for the attempt of a client; gives it back when there is none.
    pub(super) fn after_authentication(
        &mut self,
        client: &Upid,
        then: Deferred,
    ) -> Option<Deferred> {
        self.authentications.wait(client, then)
    }

    /// Whether an agent may register as far as its identity goes.
    pub(super) fn is_agent_authenticated(&self, pid: &Upid) -> bool {
        !self.flags.authenticate_agents || self.authentications.principal(pid).is_some()
    }

    /// Checks a driver's identity against what its framework says about itself.
    pub(super) fn check_driver_authentication(
        &self,
        pid: &Upid,
        info: &v1::FrameworkInfo,
    ) -> Result<(), String> {
        if self.authentications.is_running(pid) {
            return Err("Re-authentication in progress".to_owned());
        }
        match (self.authentications.principal(pid), &info.principal) {
            (None, _) if self.flags.authenticate_frameworks => {
                Err(format!("Framework at {pid} is not authenticated"))
            }
            (Some(proved), Some(claimed)) if claimed != proved => Err(format!(
                "Framework principal '{claimed}' does not match authenticated principal '{proved}'"
            )),
            (None | Some(_), None | Some(_)) => Ok(()),
        }
    }
}
