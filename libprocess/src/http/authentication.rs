//! Who sent a request: realms, authenticators and authorization by path.
//!
//! Mirrors `3rdparty/libprocess/include/process/authenticator.hpp` and `src/authenticator_manager.cpp`.

pub mod basic;
pub mod combined;
pub mod jwt;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Request, Response};
use crate::future::Future;

/// Who was authenticated: a name, claims, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    /// The name.
    pub value: Option<String>,
    /// What is claimed besides, such as the claims of a token.
    pub claims: BTreeMap<String, String>,
}

impl Principal {
    /// A principal with a name only.
    #[must_use]
    pub fn named(value: impl Into<String>) -> Self {
        Self {
            value: Some(value.into()),
            claims: BTreeMap::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.value.is_none() && self.claims.is_empty()
    }
}

impl fmt::Display for Principal {
    /// The name alone when there are no claims, else JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.claims.is_empty() {
            return f.write_str(self.value.as_deref().unwrap_or_default());
        }
        let mut object = serde_json::Map::new();
        if let Some(value) = &self.value {
            object.insert("value".to_owned(), value.as_str().into());
        }
        object.insert("claims".to_owned(), serde_json::json!(self.claims));
        write!(f, "{}", serde_json::Value::Object(object))
    }
}

/// What an authenticator found.
#[derive(Debug)]
pub enum Authentication {
    /// The request is by this principal.
    Principal(Principal),
    /// The request must prove who sent it: answered as it is.
    Unauthorized(Response),
    /// The sender is known and not wanted: answered as it is.
    Forbidden(Response),
}

/// Tells who sent a request.
pub trait Authenticator: Send + Sync + 'static {
    /// The scheme's name, such as `Basic`.
    fn scheme(&self) -> &str;

    /// Authenticates a request. A failed future is answered with 500 and its text.
    fn authenticate(&self, request: &Request) -> Future<Authentication>;
}

/// Decides whether a principal may use a path.
pub type AuthorizationCallback =
    Arc<dyn Fn(&Request, Option<&Principal>) -> Future<bool> + Send + Sync>;

/// The authenticators of a runtime by realm, and its authorization callbacks by path.
#[derive(Default)]
pub(crate) struct AuthenticationRouter {
    realms: Mutex<HashMap<String, Arc<dyn Authenticator>>>,
    callbacks: Mutex<HashMap<String, AuthorizationCallback>>,
}

impl AuthenticationRouter {
    pub(crate) fn set(&self, realm: &str, authenticator: Arc<dyn Authenticator>) {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        realms.insert(realm.to_owned(), authenticator);
    }

    pub(crate) fn unset(&self, realm: &str) -> bool {
        let mut realms = self.realms.lock().unwrap_or_else(PoisonError::into_inner);
        realms.remove(realm).is_some()
    }

    pub(crate) fn authenticator(&self, realm: &str) -> Option<Arc<dyn Authenticator>> {
        self.realms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(realm)
            .cloned()
    }

    pub(crate) fn authorize(&self, path: &str, callback: Option<AuthorizationCallback>) {
        let mut callbacks = self
            .callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match callback {
            Some(callback) => callbacks.insert(path.to_owned(), callback),
            None => callbacks.remove(path),
        };
    }

    pub(crate) fn callback(&self, path: &str) -> Option<AuthorizationCallback> {
        self.callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }
}

/// Turns a finding into the principal, or into the answer that ends the request.
pub(crate) fn judge(found: Authentication) -> Result<Principal, Box<Response>> {
    match found {
        Authentication::Principal(principal) if principal.is_empty() => {
            Err(Box::new(Response::internal_server_error(
                "In the principal returned by an HTTP authenticator, at least one of 'value' and 'claims' must be set",
            )))
        }
        Authentication::Principal(principal) => Ok(principal),
        Authentication::Unauthorized(response) | Authentication::Forbidden(response) => {
            Err(Box::new(response))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_prints_its_name_or_json_with_claims() {
        let mut principal = Principal::named("bar");
        assert_eq!(principal.to_string(), "bar");

        principal.claims.insert("foo".into(), "1".into());

        assert_eq!(
            principal.to_string(),
            r#"{"claims":{"foo":"1"},"value":"bar"}"#
        );
    }
}
