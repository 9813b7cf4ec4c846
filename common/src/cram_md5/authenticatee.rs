//! The side that proves who it is.
//!
//! Mirrors `CRAMMD5AuthenticateeProcess`.

use bytes::Bytes;
use libprocess::{Context, Future, Process, ProcessId, Promise, Runtime, Upid};
use mesos_proto::internal::{
    AuthenticateMessage, AuthenticationCompletedMessage, AuthenticationErrorMessage,
    AuthenticationFailedMessage, AuthenticationMechanismsMessage, AuthenticationStartMessage,
    AuthenticationStepMessage,
};
use mesos_proto::v1;

use super::{MECHANISM, challenge::respond};

/// Presents a credential to `master` in the name of the actor `client`.
///
/// Ready with true when the master accepts it and with false when it refuses; failed when it may be
/// tried again.
/// Without a secret there is nothing to present: the answer is false at once.
/// There is no timeout: whoever waits discards the future, which ends the attempt.
pub fn authenticate(
    runtime: &Runtime,
    master: &Upid,
    client: &Upid,
    credential: &v1::Credential,
) -> Future<bool> {
    if credential.secret.is_none() {
        tracing::warn!("authentication failed; secret needed by CRAM-MD5 authenticatee");
        return Future::ready(false);
    }
    let (promise, future) = Promise::new();
    runtime.spawn(CramMd5AuthenticateeProcess {
        master: master.clone(),
        client: client.clone(),
        credential: credential.clone(),
        state: State::Starting,
        promise: Some(promise),
    });
    future
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Stepping,
}

/// The actor of one attempt, id `crammd5-authenticatee(N)`.
#[doc(alias = "CRAMMD5AuthenticateeProcess")]
struct CramMd5AuthenticateeProcess {
    master: Upid,
    client: Upid,
    credential: v1::Credential,
    state: State,
    promise: Option<Promise<bool>>,
}

impl CramMd5AuthenticateeProcess {
    fn on_mechanisms(
        &mut self,
        from: &Upid,
        message: &AuthenticationMechanismsMessage,
        ctx: &mut Context<Self>,
    ) {
        if self.state != State::Starting {
            return self.fail("Unexpected authentication 'mechanisms' received", ctx);
        }
        if !message
            .mechanisms
            .iter()
            .any(|mechanism| mechanism == MECHANISM)
        {
            return self.fail(
                "Failed to start the SASL client: no mechanism available",
                ctx,
            );
        }
        self.state = State::Stepping;
        let start = AuthenticationStartMessage {
            mechanism: Some(MECHANISM.to_owned()),
            data: Some(Bytes::new()),
            ..Default::default()
        };
        ctx.send_protobuf(from, &start);
    }

    fn on_step(
        &mut self,
        from: &Upid,
        message: &AuthenticationStepMessage,
        ctx: &mut Context<Self>,
    ) {
        if self.state != State::Stepping {
            return self.fail("Unexpected authentication 'step' received", ctx);
        }
        let (principal, secret) = (self.credential.principal(), self.credential.secret());
        match respond(principal, secret.as_bytes(), message.data()) {
            Some(response) => {
                let step = AuthenticationStepMessage {
                    data: Some(response.into()),
                    ..Default::default()
                };
                ctx.send_protobuf(from, &step);
            }
            None => self.fail("Failed to perform authentication step", ctx),
        }
    }

    fn on_completed(&mut self, ctx: &mut Context<Self>) {
        if self.state == State::Stepping {
            self.finish(|promise| promise.set(true), ctx);
        } else {
            self.fail("Unexpected authentication 'completed' received", ctx);
        }
    }

    fn fail(&mut self, text: &str, ctx: &mut Context<Self>) {
        self.finish(|promise| promise.fail(text), ctx);
    }

    fn finish(&mut self, settle: impl FnOnce(Promise<bool>), ctx: &mut Context<Self>) {
        if let Some(promise) = self.promise.take() {
            settle(promise);
        }
        ctx.terminate();
    }
}

impl Process for CramMd5AuthenticateeProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("crammd5-authenticatee")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        if let Some(promise) = &self.promise {
            promise.on_discard(move || {
                pid.dispatch(|process, ctx| process.fail("Authentication discarded", ctx));
            });
        }
        ctx.install_protobuf(|process: &mut Self, from, message, ctx| {
            process.on_mechanisms(from, &message, ctx);
        });
        ctx.install_protobuf(|process: &mut Self, from, message, ctx| {
            process.on_step(from, &message, ctx);
        });
        ctx.install_protobuf(
            |process: &mut Self, _, _: AuthenticationCompletedMessage, ctx| {
                process.on_completed(ctx);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, _, _: AuthenticationFailedMessage, ctx| {
                process.finish(|promise| promise.set(false), ctx);
            },
        );
        ctx.install_protobuf(
            |process: &mut Self, _, message: AuthenticationErrorMessage, ctx| {
                process.fail(&format!("Authentication error: {}", message.error()), ctx);
            },
        );
        let message = AuthenticateMessage {
            pid: Some(self.client.to_string()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.master, &message);
    }
}
