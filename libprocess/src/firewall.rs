//! Endpoints that the operator has switched off.
//!
//! Mirrors `3rdparty/libprocess/include/process/firewall.hpp`.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::http::Response;

/// The paths that are refused; compared exactly, after the delegate's id was put in front.
#[derive(Default)]
pub(crate) struct Firewall {
    disabled: Mutex<HashSet<String>>,
}

impl Firewall {
    pub(crate) fn set(&self, paths: impl IntoIterator<Item = String>) {
        *self.disabled.lock().unwrap_or_else(PoisonError::into_inner) = paths.into_iter().collect();
    }

    /// The answer to a request for a disabled path.
    pub(crate) fn refuse(&self, path: &str) -> Option<Response> {
        let disabled = self.disabled.lock().unwrap_or_else(PoisonError::into_inner);
        disabled
            .contains(path)
            .then(|| Response::forbidden(format!("Endpoint '{path}' is disabled")))
    }
}

impl fmt::Debug for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Firewall").finish_non_exhaustive()
    }
}
