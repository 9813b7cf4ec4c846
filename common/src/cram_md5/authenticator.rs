//! The side that asks for proof.
//!
//! Mirrors `CRAMMD5AuthenticatorProcess` and `CRAMMD5AuthenticatorSessionProcess`.

use std::sync::Arc;

use bytes::Bytes;
use libprocess::{Context, Future, Process, ProcessId, Promise, Runtime, Upid};
use mesos_proto::internal::{
    AuthenticationCompletedMessage, AuthenticationErrorMessage, AuthenticationFailedMessage,
    AuthenticationMechanismsMessage, AuthenticationStartMessage, AuthenticationStepMessage,
};
use uuid::Uuid;

use super::{MECHANISM, challenge::Challenge};
use crate::credentials::Credentials;

/// How an authentication ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The client is this principal.
    Accepted {
        /// Whose secret it knew.
        principal: String,
    },
    /// The principal or the secret is wrong.
    Refused,
}

/// Authenticates clients against a set of credentials.
#[derive(Clone, Debug)]
pub struct CramMd5Authenticator {
    runtime: Runtime,
    credentials: Arc<Credentials>,
}

impl CramMd5Authenticator {
    /// Accepts whoever knows the secret of a principal.
    #[must_use]
    pub fn new(runtime: &Runtime, credentials: Credentials) -> Self {
        Self {
            runtime: runtime.clone(),
            credentials: Arc::new(credentials),
        }
    }

    /// Authenticates the actor that sent an `AuthenticateMessage`, in a session of its own.
    ///
    /// Failed when the client broke the protocol or went away; whoever waits discards the future
    /// after its own time.
    pub fn authenticate(&self, authenticatee: &Upid) -> Future<Verdict> {
        let (promise, future) = Promise::new();
        self.runtime.spawn(CramMd5AuthenticatorSessionProcess {
            client: authenticatee.clone(),
            credentials: self.credentials.clone(),
            state: State::Starting,
            promise: Some(promise),
        });
        future
    }
}

enum State {
    Starting,
    Stepping { challenge: Challenge },
}

/// The actor of one session, id `crammd5-authenticator-session(N)`.
#[doc(alias = "CRAMMD5AuthenticatorSessionProcess")]
struct CramMd5AuthenticatorSessionProcess {
    client: Upid,
    credentials: Arc<Credentials>,
    state: State,
    promise: Option<Promise<Verdict>>,
}

impl CramMd5AuthenticatorSessionProcess {
    fn on_start(&mut self, message: &AuthenticationStartMessage, ctx: &mut Context<Self>) {
        if !matches!(self.state, State::Starting) {
            return self.error("Unexpected authentication 'start' received", ctx);
        }
        if message.mechanism() != MECHANISM {
            return self.error("no mechanism available", ctx);
        }
        let challenge = Challenge::new(Uuid::new_v4().as_u128(), &ctx.upid().address.to_string());
        let step = AuthenticationStepMessage {
            data: Some(Bytes::copy_from_slice(challenge.as_bytes())),
            ..Default::default()
        };
        self.state = State::Stepping { challenge };
        ctx.send_protobuf(&self.client, &step);
    }

    fn on_step(&mut self, message: &AuthenticationStepMessage, ctx: &mut Context<Self>) {
        let State::Stepping { challenge } = &self.state else {
            return self.error("Unexpected authentication 'step' received", ctx);
        };
        match challenge.verify(message.data(), &self.credentials) {
            Some(principal) => {
                ctx.send_protobuf(&self.client, &AuthenticationCompletedMessage::default());
                self.finish(Verdict::Accepted { principal }, ctx);
            }
            None => {
                ctx.send_protobuf(&self.client, &AuthenticationFailedMessage::default());
                self.finish(Verdict::Refused, ctx);
            }
        }
    }

    fn error(&mut self, text: &str, ctx: &mut Context<Self>) {
        let message = AuthenticationErrorMessage {
            error: Some(text.to_owned()),
            ..Default::default()
        };
        ctx.send_protobuf(&self.client, &message);
        self.fail(text, ctx);
    }

    fn fail(&mut self, text: &str, ctx: &mut Context<Self>) {
        if let Some(promise) = self.promise.take() {
            promise.fail(text);
        }
        ctx.terminate();
    }

    fn finish(&mut self, verdict: Verdict, ctx: &mut Context<Self>) {
        if let Some(promise) = self.promise.take() {
            promise.set(verdict);
        }
        ctx.terminate();
    }
}

impl Process for CramMd5AuthenticatorSessionProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("crammd5-authenticator-session")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        if let Some(promise) = &self.promise {
            promise.on_discard(move || {
                pid.dispatch(|session, ctx| session.fail("Authentication discarded", ctx));
            });
        }
        ctx.link(&self.client);
        ctx.install_protobuf(|session: &mut Self, _, message, ctx| {
            session.on_start(&message, ctx);
        });
        ctx.install_protobuf(|session: &mut Self, _, message, ctx| {
            session.on_step(&message, ctx);
        });
        let mechanisms = AuthenticationMechanismsMessage {
            mechanisms: vec![MECHANISM.to_owned()],
            ..Default::default()
        };
        ctx.send_protobuf(&self.client, &mechanisms);
    }

    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        if *pid == self.client {
            self.fail("Failed to communicate with authenticatee", ctx);
        }
    }
}
