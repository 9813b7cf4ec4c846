//! The authorizer as an actor, for those who wait for answers.

use std::sync::Arc;

use libprocess::http::Principal;
use libprocess::http::authentication::AuthorizationCallback;
use libprocess::{Future, Pid, Process, ProcessId, Runtime};
use mesos_proto::acls::AcLs;
use mesos_proto::authorization::{Action, Request};

use super::local::{AclError, Approvers, LocalAuthorizer};
use super::object::Object;

/// Routes of libprocess itself and of the files that rules on endpoints may close.
const ROUTES: [&str; 3] = ["/logging/toggle", "/metrics/snapshot", "/files/debug"];

/// The only authorizer there is.
const LOCAL: &str = "local";

/// Why nobody can decide who may do what.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuthorizationError {
    /// The rules cannot be followed.
    #[error("Could not create '{LOCAL}' authorizer: {0}")]
    Acls(#[from] AclError),
    /// Only what is built in can be named.
    #[error("Authorizer '{name}' not found. Only '{LOCAL}' is built in (see --{flag} flag)")]
    Unknown {
        /// The name.
        name: String,
        /// The flag that gives it.
        flag: &'static str,
    },
}

/// The rules as an actor.
#[derive(Debug)]
pub struct LocalAuthorizerProcess {
    rules: Arc<LocalAuthorizer>,
}

impl Process for LocalAuthorizerProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("local-authorizer")
    }
}

impl LocalAuthorizerProcess {
    /// Answers a question that came as a message.
    fn authorized(&self, request: &Request) -> bool {
        let subject = request.subject.as_ref().map(|subject| Principal {
            value: subject.value.clone(),
            claims: subject
                .claims()
                .labels
                .iter()
                .map(|label| (label.key().to_owned(), label.value().to_owned()))
                .collect(),
        });
        let object = request.object.as_ref().map(|_| request.object().into());
        self.rules
            .allows(subject.as_ref(), request.action(), object.as_ref())
    }
}

/// The authorizer of a daemon.
#[derive(Clone)]
pub struct Authorizer {
    rules: Arc<LocalAuthorizer>,
    process: Pid<LocalAuthorizerProcess>,
}

impl Authorizer {
    /// Starts an authorizer that follows `acls`, and has it guard the routes that rules may close.
    ///
    /// # Errors
    /// [`AclError`] when rules name objects that cannot be named.
    pub fn start(runtime: &Runtime, acls: &AcLs) -> Result<Self, AclError> {
        let rules = Arc::new(LocalAuthorizer::new(acls)?);
        let process = runtime.spawn(LocalAuthorizerProcess {
            rules: Arc::clone(&rules),
        });
        let authorizer = Self { rules, process };
        for route in ROUTES {
            runtime.set_authorization(route, Some(authorizer.guard(route)));
        }
        Ok(authorizer)
    }

    /// Starts the authorizer that a flag names; without rules there is none.
    ///
    /// # Errors
    /// [`AuthorizationError`] names the flag.
    pub fn from_flag(
        runtime: &Runtime,
        flag: &'static str,
        name: &str,
        acls: Option<&AcLs>,
    ) -> Result<Option<Self>, AuthorizationError> {
        if name != LOCAL {
            return Err(AuthorizationError::Unknown {
                name: name.to_owned(),
                flag,
            });
        }
        Ok(acls.map(|acls| Self::start(runtime, acls)).transpose()?)
    }

    /// What a principal may do.
    #[must_use]
    pub fn approvers(&self, principal: Option<&Principal>) -> Approvers {
        Approvers::new(Some(Arc::clone(&self.rules)), principal.cloned())
    }

    /// Asks the actor.
    pub fn authorized(&self, request: Request) -> Future<bool> {
        self.process
            .call(move |process, _| process.authorized(&request))
    }

    /// Decides who may get a route.
    fn guard(&self, route: &'static str) -> AuthorizationCallback {
        let process = self.process.clone();
        Arc::new(move |_, principal| {
            let principal = principal.cloned();
            process.call(move |process, _| {
                let object = Object::value(route);
                process.rules.allows(
                    principal.as_ref(),
                    Action::GetEndpointWithPath,
                    Some(&object),
                )
            })
        })
    }

    /// Ends the actor.
    pub fn terminate(&self) {
        self.process.terminate();
    }
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Authorizer")
            .field("process", self.process.upid())
            .finish_non_exhaustive()
    }
}
