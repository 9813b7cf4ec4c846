//! The side that asks for proof.
//!
//! Mirrors `CRAMMD5AuthenticatorProcess` and `CRAMMD5AuthenticatorSessionProcess`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use libprocess::{Context, Future, Pid, Process, ProcessId, Promise, Runtime, Upid};
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
///
/// When the last clone is dropped, what is still going on fails.
#[derive(Clone, Debug)]
pub struct CramMd5Authenticator {
    runtime: Runtime,
    credentials: Arc<Credentials>,
    sessions: Arc<Sessions>,
}

/// The sessions that have not ended.
#[derive(Debug, Default)]
struct Sessions(Mutex<BTreeMap<Uuid, Pid<CramMd5AuthenticatorSessionProcess>>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Pid<CramMd5AuthenticatorSessionProcess>>> {
        // A holder never panics half-way: each section adds or removes one session.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        for session in self.lock().values() {
            session.terminate();
        }
    }
}

impl CramMd5Authenticator {
    /// Accepts whoever knows the secret of a principal.
    #[must_use]
    pub fn new(runtime: &Runtime, credentials: Credentials) -> Self {
        Self {
            runtime: runtime.clone(),
            credentials: Arc::new(credentials),
            sessions: Arc::default(),
        }
    }

    /// Authenticates the actor that sent an `AuthenticateMessage`, in a session of its own.
    ///
    /// Failed when the client broke the protocol or went away; whoever waits discards the future
    /// after its own time.
    pub fn authenticate(&self, authenticatee: &Upid) -> Future<Verdict> {
        let (promise, future) = Promise::new();
        let key = Uuid::new_v4();
        // Held until the session is in the list: it may end at once.
        let mut sessions = self.sessions.lock();
        let session = self.runtime.spawn(CramMd5AuthenticatorSessionProcess {
            client: authenticatee.clone(),
            credentials: self.credentials.clone(),
            state: State::Starting,
            promise: Some(promise),
            key,
            siblings: Arc::downgrade(&self.sessions),
        });
        sessions.insert(key, session);
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
    key: Uuid,
    siblings: Weak<Sessions>,
}

impl CramMd5AuthenticatorSessionProcess {
    fn on_start(&mut self, message: &AuthenticationStartMessage, ctx: &mut Context<Self>) {
        if !matches!(self.state, State::Starting) {
            return self.error("Unexpected authentication 'start' received", ctx);
        }
        if message.mechanism() != MECHANISM {
            return self.error("no mechanism available", ctx);
        }
        let host = ctx.upid().address.ip.to_string();
        let challenge = Challenge::new(Uuid::new_v4().as_u128(), ctx.now(), &host);
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

    fn finalize(&mut self, _: &mut Context<Self>) {
        if let Some(promise) = self.promise.take() {
            promise.fail("Authentication discarded");
        }
        if let Some(siblings) = self.siblings.upgrade() {
            siblings.lock().remove(&self.key);
        }
    }

    fn exited(&mut self, pid: &Upid, ctx: &mut Context<Self>) {
        if *pid == self.client {
            self.fail("Failed to communicate with authenticatee", ctx);
        }
    }
}
